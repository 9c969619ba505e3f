/**
 * The one binary form of an item: kind, fields in order, big-endian, signatures last (GO-12 to GO-15). Strict, so that the
 * bytes of an item are the item: what decodes is encoded to the same bytes. Decoding never throws.
 */

import { equalBytes } from '../encoding/bytes.ts'
import {
  fail,
  type Reader,
  readBytes,
  readEnd,
  reader,
  readFlag,
  readU8,
  readU16,
  readU32,
  readU64,
  readU128,
  type Writer,
  writeBytes,
  writer,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
  writeU128,
  written,
} from '../encoding/reader.ts'
import type { Direction } from '../encoding/signable.ts'
import {
  type ChannelAnnouncement,
  FEE_BASE_LIMIT,
  type FeePolicy,
  type GossipItem,
  MAX_ALIAS,
  MAX_FEE_PPM,
  MAX_GOSSIP_ITEM_BYTES,
  MAX_HOST,
  MAX_NODE_ADDRESSES,
  NODE_ID_LENGTH,
  type NodeAddress,
  type NodeAnnouncement,
  type PolicyUpdate,
} from './item.ts'
import { type GossipRefusal, gossipRefusal } from './refusal.ts'

export type DecodedItem =
  | { readonly ok: true; readonly item: GossipItem }
  | { readonly ok: false; readonly refusal: GossipRefusal }

const CHANNEL = 1
const POLICY = 2
const NODE = 3
const PRINTABLE = /^[\x20-\x7e]*$/
const HOST = /^[0-9A-Za-z.:_-]+$/

/** @throws RangeError when a field of our own item is out of range: a bug, found before anything is sent. */
export function encodeItem(item: GossipItem): Uint8Array {
  const to = writer(MAX_GOSSIP_ITEM_BYTES)
  if (item.kind === 'channel') writeChannel(to, item)
  else if (item.kind === 'policy') writePolicy(to, item)
  else writeNode(to, item)
  const bytes = written(to).slice()
  const decoded = decodeItem(bytes)
  if (!decoded.ok) throw new RangeError(`${decoded.refusal.field}: ${decoded.refusal.detail ?? ''}`)
  return bytes
}

/** The item's byte fields are windows on `bytes`. Checks form and ranges, not signatures (verify.ts). */
export function decodeItem(bytes: Uint8Array): DecodedItem {
  if (bytes.length > MAX_GOSSIP_ITEM_BYTES)
    return { ok: false, refusal: gossipRefusal('item-too-long', 'item', `${bytes.length} bytes`) }
  const from = reader(bytes)
  const kind = readU8(from, 'item/kind')
  let item: GossipItem
  if (kind === CHANNEL) item = readChannel(from)
  else if (kind === POLICY) item = readPolicy(from)
  else if (kind === NODE) item = readNode(from)
  else return malformed('item/kind', from.fault?.detail ?? `unknown kind ${kind}`)
  readEnd(from, item.kind)
  if (from.fault !== undefined) return malformed(from.fault.field, from.fault.detail)
  const refusal = item.kind === 'policy' ? policyFault(item) : undefined
  return refusal === undefined ? { ok: true, item } : { ok: false, refusal }
}

/** Undefined when these terms can be announced. */
export function policyFault(policy: FeePolicy): GossipRefusal | undefined {
  const { feeBase, feePpm, minAmount, maxAmount } = policy
  if (feeBase <= -FEE_BASE_LIMIT || feeBase >= FEE_BASE_LIMIT)
    return gossipRefusal('fee-range', 'policy/feeBase', String(feeBase))
  if (!Number.isInteger(feePpm) || Math.abs(feePpm) > MAX_FEE_PPM)
    return gossipRefusal('fee-range', 'policy/feePpm', String(feePpm))
  if (minAmount < 0n || minAmount > maxAmount)
    return gossipRefusal('amount-range', 'policy/minAmount', String(minAmount))
  if (maxAmount >= 1n << 128n) return gossipRefusal('amount-range', 'policy/maxAmount', String(maxAmount))
  return undefined
}

function malformed(field: string, detail: string): DecodedItem {
  return { ok: false, refusal: gossipRefusal('item-malformed', field, detail) }
}

function writeChannel(to: Writer, item: ChannelAnnouncement): void {
  const { owner, signer, token, lockPeriod, salt } = item.params
  writeU8(to, CHANNEL)
  writeU128(to, item.chainId >> 128n)
  writeU128(to, BigInt.asUintN(128, item.chainId))
  for (const address of [item.bank, ...owner, ...signer, token]) writeExactly(to, address, 20)
  writeU32(to, lockPeriod)
  writeU32(to, Number(salt >> 32n))
  writeU32(to, Number(salt & 0xffffffffn))
  for (const nodeId of item.nodeIds) writeExactly(to, nodeId, NODE_ID_LENGTH)
  for (const signature of [...item.signerSignatures, ...item.nodeSignatures]) writeExactly(to, signature, 64)
}

function readChannel(from: Reader): ChannelAnnouncement {
  const high = readU128(from, 'channel/chainId')
  const chainId = (high << 128n) | readU128(from, 'channel/chainId')
  const bank = readBytes(from, 20, 'channel/bank')
  const addresses = (field: string) =>
    [readBytes(from, 20, `${field}[0]`), readBytes(from, 20, `${field}[1]`)] as const
  const owner = addresses('channel/owner')
  const signer = addresses('channel/signer')
  const token = readBytes(from, 20, 'channel/token')
  const lockPeriod = readU32(from, 'channel/lockPeriod')
  const salt = (BigInt(readU32(from, 'channel/salt')) << 32n) | BigInt(readU32(from, 'channel/salt'))
  const nodeIds = [readNodeId(from, 'channel/nodeIds[0]'), readNodeId(from, 'channel/nodeIds[1]')] as const
  const signatures = (field: string) =>
    [readBytes(from, 64, `${field}[0]`), readBytes(from, 64, `${field}[1]`)] as const
  return {
    kind: 'channel',
    chainId,
    bank,
    params: { owner, signer, token, lockPeriod, salt },
    nodeIds,
    signerSignatures: signatures('channel/signerSignatures'),
    nodeSignatures: signatures('channel/nodeSignatures'),
  }
}

function writePolicy(to: Writer, item: PolicyUpdate): void {
  writeU8(to, POLICY)
  writeExactly(to, item.channelId, 32)
  writeU8(to, item.direction)
  writeSequence(to, item.sequence)
  writeU128(to, BigInt.asUintN(128, item.feeBase))
  writeU32(to, item.feePpm >>> 0)
  writeU128(to, item.minAmount)
  writeU128(to, item.maxAmount)
  writeU8(to, item.disabled ? 1 : 0)
  writeExactly(to, item.signature, 64)
  const fault = policyFault(item)
  if (fault !== undefined) throw new RangeError(`${fault.field}: ${fault.detail ?? ''}`)
}

function readPolicy(from: Reader): PolicyUpdate {
  return {
    kind: 'policy',
    channelId: readBytes(from, 32, 'policy/channelId'),
    direction: (readFlag(from, 'policy/direction') ? 1 : 0) as Direction,
    sequence: readU64(from, 'policy/sequence'),
    feeBase: BigInt.asIntN(128, readU128(from, 'policy/feeBase')),
    feePpm: readU32(from, 'policy/feePpm') | 0,
    minAmount: readU128(from, 'policy/minAmount'),
    maxAmount: readU128(from, 'policy/maxAmount'),
    disabled: readFlag(from, 'policy/disabled'),
    signature: readBytes(from, 64, 'policy/signature'),
  }
}

function writeNode(to: Writer, item: NodeAnnouncement): void {
  writeU8(to, NODE)
  writeExactly(to, item.nodeId, NODE_ID_LENGTH)
  writeSequence(to, item.sequence)
  writeText(to, item.alias)
  writeU8(to, item.addresses.length)
  for (const { host, port } of item.addresses) {
    writeText(to, host)
    writeU16(to, port)
  }
  writeExactly(to, item.signature, 64)
}

function readNode(from: Reader): NodeAnnouncement {
  const nodeId = readNodeId(from, 'node/nodeId')
  const sequence = readU64(from, 'node/sequence')
  const alias = readText(from, MAX_ALIAS, 'node/alias')
  if (!PRINTABLE.test(alias)) fail(from, 'node/alias', 'not printable ASCII')
  const count = readU8(from, 'node/addresses')
  if (count > MAX_NODE_ADDRESSES) fail(from, 'node/addresses', `over ${MAX_NODE_ADDRESSES}`)
  const addresses: NodeAddress[] = []
  for (let index = 0; index < count && from.fault === undefined; index += 1) {
    const field = `node/addresses[${index}]`
    const host = readText(from, MAX_HOST, `${field}/host`)
    if (!HOST.test(host)) fail(from, `${field}/host`, 'neither a name nor an IP literal')
    const port = readU16(from, `${field}/port`)
    if (port === 0) fail(from, `${field}/port`, 'zero')
    addresses.push({ host, port })
  }
  return {
    kind: 'node',
    nodeId,
    sequence,
    alias,
    addresses,
    signature: readBytes(from, 64, 'node/signature'),
  }
}

/** That it is a point of the curve shows when its signature recovers to it. */
function readNodeId(from: Reader, field: string): Uint8Array {
  const nodeId = readBytes(from, NODE_ID_LENGTH, field)
  if (from.fault === undefined && nodeId[0] !== 2 && nodeId[0] !== 3)
    fail(from, field, 'not a compressed public key')
  return nodeId
}

function writeExactly(to: Writer, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${bytes.length} bytes where ${length} belong`)
  writeBytes(to, bytes)
}

function writeSequence(to: Writer, sequence: number): void {
  if (!Number.isSafeInteger(sequence) || sequence < 0) throw new RangeError(`sequence ${sequence}`)
  writeU64(to, sequence)
}

function writeText(to: Writer, text: string): void {
  if (text.length > 255) throw new RangeError(`text of ${text.length} characters`)
  writeU8(to, text.length)
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code > 0x7e) throw new RangeError('text: printable ASCII only')
    writeU8(to, code)
  }
}

function readText(from: Reader, limit: number, field: string): string {
  const length = readU8(from, field)
  if (length > limit) fail(from, field, `over ${limit} characters`)
  let text = ''
  for (const byte of readBytes(from, length, field)) text += String.fromCharCode(byte)
  return text
}

/** Different ends; used where bytes come from outside and from our own announcing alike. */
export function sameNode(item: Pick<ChannelAnnouncement, 'nodeIds'>): boolean {
  return equalBytes(item.nodeIds[0], item.nodeIds[1])
}
