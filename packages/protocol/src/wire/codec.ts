/**
 * The binary form of messages: one type byte, then the fields of its schema, big-endian, nothing more. Framing (a length
 * before each message) is the transport's. Strict: an unknown type, a field out of range, a list or text above its
 * limit, and trailing bytes are refused by name; decoding never throws.
 *
 * The operations of an update are opaque here: their encoding is canonical for the memo tree (payment/operation.ts).
 */

import * as P from 'micro-packed'
import type { ChannelParams } from '../channel/params.ts'
import { MAX_FAIL_DATA, MAX_KEYS, MAX_OPERATION_BYTES, MAX_OPERATIONS } from '../constants.ts'
import { JOINT_REFUSALS, jointRefusalOfWire } from '../joint/refusal.ts'
import { MAX_JOINT_TERMS_BYTES } from '../joint/terms.ts'
import { MAX_BATCH_DEPTH } from '../locks/condition.ts'
import { REFUSALS, refusalCodeOfWire } from '../refusal.ts'
import { MAX_MESSAGE_BYTES, MAX_TEXT } from './limits.ts'
import type { JointPayApproval, Message, MessageType, ProvenLine, RefusedMessage } from './message.ts'

/** What is wrong with bytes that are not a message. Such a peer is hung up on. */
export interface MalformedMessage {
  readonly ok: false
  /** `frame`: the whole; else the message type and field, such as `update/nonce`. */
  readonly field: string
  readonly detail: string
}

export type DecodedMessage = { readonly ok: true; readonly message: Message } | MalformedMessage

const safe = (value: number) => Number.isSafeInteger(value) && value >= 0
const u64: P.CoderType<number> = P.validate(
  P.apply(P.U64BE, { encode: (value: bigint) => Number(value), decode: (value: number) => BigInt(value) }),
  (value) => {
    if (!safe(value)) throw new Error('above 2^53 - 1')
    return value
  },
)
const big = (size: number, signed = false) => P.bigint(size, false, signed, true)
const bytes32 = P.bytes(32)
const address = P.bytes(20)
const signature = P.bytes(64)
const limitedBytes = (size: P.CoderType<number>, limit: number) =>
  P.validate(P.bytes(size), (value) => {
    if (value.length > limit) throw new Error(`over ${limit} bytes`)
    return value
  })
const text = (limit: number) =>
  P.validate(P.string(P.U16BE), (value) => {
    if (value.length > limit) throw new Error(`over ${limit} characters`)
    if (!/^[\x20-\x7e]*$/.test(value)) throw new Error('not printable ASCII')
    return value
  })
const bit = P.validate(P.U8, (value) => {
  if (value > 1) throw new Error('neither 0 nor 1')
  return value
}) as P.CoderType<0 | 1>
const flag = P.bool
const pair = <T>(item: P.CoderType<T>) => P.tuple([item, item]) as unknown as P.CoderType<readonly [T, T]>

const refusalCode = P.apply(P.U16BE, {
  encode: (wire: number) => {
    const code = refusalCodeOfWire(wire)
    if (code === undefined) throw new Error(`unknown refusal ${wire}`)
    return code
  },
  decode: (code: keyof typeof REFUSALS) => REFUSALS[code].wire,
})
const refusedMessage = P.map(P.U8, {
  update: 1,
  withdrawal: 2,
  'close-together': 3,
  channel: 4,
  joint: 5,
  lock: 6,
}) as unknown as P.CoderType<RefusedMessage>

const jointRefusalCode = P.apply(P.U16BE, {
  encode: (wire: number) => {
    const code = jointRefusalOfWire(wire)
    if (code === undefined) throw new Error(`unknown refusal ${wire}`)
    return code
  },
  decode: (code: keyof typeof JOINT_REFUSALS) => JOINT_REFUSALS[code].wire,
})
const limitedList = <T>(item: P.CoderType<T>, least: number, most: number) =>
  P.validate(P.array(P.U8, item), (list) => {
    if (list.length < least || list.length > most) throw new Error(`not ${least} to ${most}`)
    return list
  }) as unknown as P.CoderType<readonly T[]>

/** A struct of exactly the fields of `T`. */
function struct<T>(fields: { readonly [K in keyof T]-?: P.CoderType<T[K]> }): P.CoderType<T> {
  return P.struct(fields as Record<string, P.CoderType<unknown>>) as unknown as P.CoderType<T>
}

type Body<T extends MessageType> = Omit<Extract<Message, { readonly type: T }>, 'type'>

interface Schema<T extends MessageType> {
  readonly wire: number
  readonly body: P.CoderType<Body<T>>
}

function schema<T extends MessageType>(
  wire: number,
  fields: { readonly [K in keyof Body<T>]-?: P.CoderType<Body<T>[K]> },
): Schema<T> {
  return { wire, body: struct<Body<T>>(fields) }
}

const params = struct<ChannelParams>({
  owner: pair(address),
  signer: pair(address),
  token: address,
  lockPeriod: P.U32BE,
  salt: P.U64BE,
})
const provenLine = struct<ProvenLine>({ nonce: u64, acked: u64, contentHash: bytes32, signature })
const channelId = bytes32

const jointPayApproval = struct<JointPayApproval>({
  signer: P.U8,
  signature,
  index: P.U32BE,
  path: limitedList(bytes32, 0, MAX_BATCH_DEPTH),
})

const operationCount = P.validate(P.U16BE, (count) => {
  if (count > MAX_OPERATIONS) throw new Error(`over ${MAX_OPERATIONS}`)
  return count
})

/** Wire number and fields of every message. Numbers are never given to another message. */
const SCHEMAS: { readonly [T in MessageType]: Schema<T> } = {
  hello: schema(1, {
    version: P.U16BE,
    chainId: big(32),
    bank: address,
    registry: address,
    signer: address,
    owner: address,
    agent: text(MAX_TEXT),
    session: P.bytes(16),
  }),
  ping: schema(2, { id: u64 }),
  pong: schema(3, { id: u64 }),
  error: schema(4, { code: text(64), field: text(64), text: text(256) }),
  'channel-proposal': schema(10, {
    params,
    party: bit,
    joint: P.optional(flag, pair(big(16))),
    deposit: big(16),
  }),
  'channel-accept': schema(11, { channelId }),
  'joint-request': schema(12, { channelId, amounts: pair(big(16)), sender: address, validUntil: u64 }),
  'joint-consent': schema(13, {
    channelId,
    amounts: pair(big(16)),
    sender: address,
    validUntil: u64,
    authorisation: limitedBytes(P.U16BE, 1024),
  }),
  sync: schema(20, { channelId, accepted: provenLine, ackedNonce: u64, agreed: provenLine, lost: flag }),
  update: schema(21, {
    channelId,
    direction: bit,
    nonce: u64,
    base: u64,
    acked: u64,
    operationCount,
    operations: limitedBytes(P.U32BE, MAX_OPERATION_BYTES),
    signature,
  }),
  ack: schema(22, { channelId, direction: bit, nonce: u64, signature }),
  refusal: schema(23, {
    channelId,
    about: refusedMessage,
    nonce: u64,
    lastAccepted: u64,
    code: refusalCode,
    field: text(64),
  }),
  'withdrawal-request': schema(24, { channelId, party: bit, total: big(16), validUntil: u64, signature }),
  'withdrawal-consent': schema(25, { channelId, party: bit, total: big(16), validUntil: u64, signature }),
  'together-offer': schema(26, { channelId, delta: big(32, true), validUntil: u64, signature }),
  'together-consent': schema(27, { channelId, delta: big(32, true), validUntil: u64, signature }),
  'lock-key': schema(28, { channelId, slot: P.U16BE, born: u64, key: limitedBytes(P.U16BE, 65_535) }),
  'lock-fail': schema(29, {
    channelId,
    slot: P.U16BE,
    born: u64,
    reason: P.U16BE,
    data: limitedBytes(P.U16BE, MAX_FAIL_DATA),
  }),
  'jointpay-terms': schema(40, { terms: limitedBytes(P.U16BE, MAX_JOINT_TERMS_BYTES) }),
  'jointpay-signatures': schema(41, {
    conditionId: bytes32,
    approvals: limitedList(jointPayApproval, 1, MAX_KEYS),
  }),
  'jointpay-abort': schema(42, { conditionId: bytes32, signature }),
  'jointpay-receipt': schema(43, { conditionId: bytes32, payee: P.U8, signature }),
  'jointpay-refusal': schema(44, { conditionId: bytes32, party: address, code: jointRefusalCode }),
}

const BY_WIRE: ReadonlyMap<number, MessageType> = new Map(
  Object.entries(SCHEMAS).map(([type, { wire }]) => [wire, type as MessageType]),
)

/** @throws Error when a field of our own message is out of range: a bug, found before anything is sent. */
export function encodeMessage(message: Message): Uint8Array {
  const { wire, body } = SCHEMAS[message.type]
  const encoded = (body as unknown as P.CoderType<Message>).encode(message)
  const frame = new Uint8Array(encoded.length + 1)
  frame[0] = wire
  frame.set(encoded, 1)
  return frame
}

/** The message's byte fields may be windows on `frame`: do not write to it afterwards. */
export function decodeMessage(frame: Uint8Array): DecodedMessage {
  if (frame.length === 0) return malformed('frame', 'empty')
  if (frame.length > MAX_MESSAGE_BYTES) return malformed('frame', `over ${MAX_MESSAGE_BYTES} bytes`)
  const type = BY_WIRE.get(frame[0] ?? 0)
  if (type === undefined) return malformed('type', `unknown message type ${frame[0]}`)
  try {
    const body = SCHEMAS[type].body.decode(frame.subarray(1))
    return { ok: true, message: { type, ...body } as unknown as Message }
  } catch (error) {
    return malformedBy(type, error)
  }
}

/** What micro-packed threw while it decoded the body of a message. */
export function malformedBy(type: string, error: unknown): MalformedMessage {
  return malformed(`${type}/${fieldOf(error)}`, detailOf(error))
}

function malformed(field: string, detail: string): MalformedMessage {
  return { ok: false, field, detail }
}

/** micro-packed reports `Reader(path/to/field): what`. */
const FAULT = /^(?:Reader|Writer)\(([^)]*)\): (.*)$/s

function fieldOf(error: unknown): string {
  const path = FAULT.exec(messageOf(error))?.[1] ?? ''
  return path === '' ? 'frame' : path
}

function detailOf(error: unknown): string {
  return (FAULT.exec(messageOf(error))?.[2] ?? messageOf(error)).slice(0, 120)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
