/** The gossip vectors, and real announcements for the tests: two nodes with keys of their own, one channel. */

import { loadCrypto } from '@tallystick/crypto'
import {
  bucketHash,
  bucketOf,
  type ChannelAnnouncement,
  type ChannelParams,
  channelIdOf,
  channelKey,
  type Domain,
  domainOf,
  encodeGossip,
  encodeItem,
  type FeePolicy,
  GOSSIP_TYPE_HASHES,
  GOSSIP_TYPE_STRINGS,
  type GossipClaim,
  type GossipItem,
  type GossipMessage,
  gossipDigest,
  type NodeAddress,
  type NodeAnnouncement,
  nodeKey,
  type PolicyUpdate,
  packEntries,
  packItems,
  packKeys,
  policyKey,
  toHex,
} from '../../src/index.ts'

const loaded = await loadCrypto()
const { crypto } = loaded
const utf8 = (text: string) => new TextEncoder().encode(text)
const word = (name: string) => crypto.keccak256(utf8(name))
const addressNamed = (name: string) => word(name).slice(0, 20)

export const CHAIN_ID = 31337n
export const BANK = addressNamed('bank')
export const domain = domainOf(crypto, CHAIN_ID, BANK)

/** Identity and channel signer with the private keys keccak256(utf8(`${name} identity`)) and the same with `signer`. */
export function nodeNamed(name: string) {
  const identity = loaded.createIdentity(word(`${name} identity`).slice())
  const signer = loaded.createSigner(word(`${name} signer`).slice())
  return { identity, signer, nodeId: Uint8Array.from(Buffer.from(identity.nodeId, 'hex')) }
}

export type TestNode = ReturnType<typeof nodeNamed>
type Pair<T> = readonly [T, T]

export function paramsOf(nodes: Pair<TestNode>, salt: bigint): ChannelParams {
  return {
    owner: [addressNamed('owner 0'), addressNamed('owner 1')],
    signer: [nodes[0].signer.address, nodes[1].signer.address],
    token: addressNamed('token'),
    lockPeriod: 3600,
    salt,
  }
}

/** Signed by both ends for `under` (this chain and bank unless said otherwise). */
export function announcementOf(
  nodes: Pair<TestNode>,
  salt: bigint,
  under: Domain = domain,
): ChannelAnnouncement {
  const params = paramsOf(nodes, salt)
  const channelId = channelIdOf(crypto, under.chainId, under.verifyingContract, params)
  const nodeIds = [nodes[0].nodeId, nodes[1].nodeId] as const
  const claim = { type: 'ChannelAnnouncement', domain: under, channelId, nodeIds } as const
  return {
    kind: 'channel',
    chainId: under.chainId,
    bank: under.verifyingContract,
    params,
    nodeIds,
    signerSignatures: [nodes[0].signer.announce(claim), nodes[1].signer.announce(claim)],
    nodeSignatures: [nodes[0].identity.announce(claim), nodes[1].identity.announce(claim)],
  }
}

export const FREE: FeePolicy = {
  feeBase: 0n,
  feePpm: 0,
  minAmount: 1n,
  maxAmount: (1n << 128n) - 1n,
  disabled: false,
}

export function policyOf(
  node: TestNode,
  channelId: Uint8Array,
  direction: 0 | 1,
  sequence: number,
  policy: Partial<FeePolicy> = {},
  under: Domain = domain,
): PolicyUpdate {
  const fields = { channelId, direction, sequence, ...FREE, ...policy }
  const signature = node.identity.announce({ type: 'PolicyUpdate', domain: under, ...fields })
  return { kind: 'policy', ...fields, signature }
}

export function nodeItemOf(
  node: TestNode,
  sequence: number,
  alias: string,
  addresses: readonly NodeAddress[],
  under: Domain = domain,
): NodeAnnouncement {
  const fields = { nodeId: node.nodeId, sequence, alias, addresses }
  const signature = node.identity.announce({ type: 'NodeAnnouncement', domain: under, ...fields })
  return { kind: 'node', ...fields, signature }
}

const anna = nodeNamed('anna')
const bruno = nodeNamed('bruno')
const AT = 1_795_000_000_000
const announcement = announcementOf([anna, bruno], 7n)
const channelId = channelIdOf(crypto, CHAIN_ID, BANK, announcement.params)
const EXTREME: FeePolicy = {
  feeBase: -(1n << 126n) + 1n,
  feePpm: -1_000_000,
  minAmount: 0n,
  maxAmount: (1n << 128n) - 1n,
  disabled: true,
}

/** One of each kind, and the edges of each. */
export const ITEMS: readonly GossipItem[] = [
  announcement,
  announcementOf([bruno, anna], (1n << 64n) - 1n),
  policyOf(anna, channelId, 0, AT),
  policyOf(bruno, channelId, 1, AT + 1, { feeBase: 1_000n, feePpm: 250 }),
  policyOf(anna, channelId, 0, Number.MAX_SAFE_INTEGER, EXTREME),
  policyOf(bruno, channelId, 1, 0, { feeBase: (1n << 126n) - 1n, feePpm: 1_000_000, maxAmount: 1n }),
  nodeItemOf(anna, AT, '', []),
  nodeItemOf(bruno, AT, 'bruno @ the corner of 5th street', [
    { host: 'bruno.example', port: 9735 },
    { host: '2001:db8::1', port: 65_535 },
  ]),
  nodeItemOf(
    anna,
    AT + 5,
    'a',
    Array.from({ length: 8 }, () => ({ host: 'x'.repeat(253), port: 1 })),
  ),
]

const ENTRIES = [
  { key: channelKey(channelId), sequence: 0 },
  { key: policyKey(channelId, 0), sequence: AT },
  { key: policyKey(channelId, 1), sequence: AT + 1 },
]
const consent = {
  channelId,
  signerSignature: announcement.signerSignatures[0],
  nodeSignature: announcement.nodeSignatures[0],
}
const HASHES = new Uint8Array(8192)
HASHES.set(bucketHash(crypto, ENTRIES), bucketOf(ENTRIES[0]?.key ?? new Uint8Array(16)) * 8)

/** One of each message. */
export const GOSSIP_MESSAGES: readonly GossipMessage[] = [
  { type: 'gossip-digest', hashes: HASHES },
  { type: 'gossip-ask', buckets: [0, 1023] },
  { type: 'gossip-list', bucket: bucketOf(channelKey(channelId)), entries: packEntries(ENTRIES) },
  { type: 'gossip-want', keys: packKeys(ENTRIES.map(({ key }) => key)) },
  { type: 'gossip-items', answer: true, items: packItems(ITEMS.map(encodeItem)) },
  { type: 'announce-offer', ...consent },
  { type: 'announce-consent', ...consent },
]

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

/** The claim behind an item's signatures. */
export function claimOf(item: GossipItem): GossipClaim {
  if (item.kind === 'channel') {
    const id = channelIdOf(crypto, item.chainId, item.bank, item.params)
    return { type: 'ChannelAnnouncement', domain, channelId: id, nodeIds: item.nodeIds }
  }
  const { kind: _, signature: __, ...fields } = item
  if ('channelId' in fields) return { type: 'PolicyUpdate', domain, ...fields }
  return { type: 'NodeAnnouncement', domain, ...fields }
}

export function gossipVectors() {
  return {
    chainId: String(CHAIN_ID),
    bank: toHex(BANK),
    bankSeparator: toHex(domain.separator),
    types: Object.entries(GOSSIP_TYPE_STRINGS).map(([name, text]) => ({
      name,
      text,
      hash: toHex(GOSSIP_TYPE_HASHES[name as keyof typeof GOSSIP_TYPE_HASHES]),
    })),
    items: ITEMS.map((item) => ({
      fields: plain(item),
      bytes: toHex(encodeItem(item)),
      digest: toHex(gossipDigest(crypto, claimOf(item))),
    })),
    keys: {
      channelId: toHex(channelId),
      channel: toHex(channelKey(channelId)),
      policies: [toHex(policyKey(channelId, 0)), toHex(policyKey(channelId, 1))],
      nodeId: toHex(anna.nodeId),
      node: toHex(nodeKey(crypto, anna.nodeId)),
      bucket: bucketOf(channelKey(channelId)),
      bucketHash: toHex(bucketHash(crypto, ENTRIES)),
    },
    messages: GOSSIP_MESSAGES.map((message) => ({ type: message.type, frame: toHex(encodeGossip(message)) })),
  }
}
