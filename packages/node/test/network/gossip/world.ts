/**
 * A network of gossip books in memory: real keys and signatures, a chain that is a table, and messages that a test may
 * lose, repeat and reorder. Nothing depends on time but the clock that the test turns.
 */

import { loadCrypto } from '@tallystick/crypto'
import {
  type ChannelAnnouncement,
  type ChannelParams,
  channelIdOf,
  decodeGossip,
  domainOf,
  encodeGossip,
  encodeItem,
  type FeePolicy,
  type GossipMessage,
  type Hex,
  type NodeAnnouncement,
  type PolicyUpdate,
  packItems,
  toHex,
} from '@tallystick/protocol'
import {
  type ChainAnswer,
  createGossipBook,
  DEFAULT_GOSSIP,
  type GossipBook,
  type GossipConfig,
  type GossipInput,
  type GossipOutput,
  type GossipRow,
  type GraphEvent,
} from '../../../src/network/gossip/index.ts'

const loaded = await loadCrypto()
export const { crypto } = loaded
const word = (name: string) => crypto.keccak256(new TextEncoder().encode(name)).slice()

export const CHAIN_ID = 31337n
export const BANK = word('bank').slice(0, 20)
export const domain = domainOf(crypto, CHAIN_ID, BANK)
export const START_MS = 1_795_000_000_000

export const FREE: FeePolicy = {
  feeBase: 0n,
  feePpm: 0,
  minAmount: 1n,
  maxAmount: 10n ** 18n,
  disabled: false,
}

export interface Keys {
  readonly nodeId: string
  readonly nodeIdBytes: Uint8Array
  readonly identity: ReturnType<typeof loaded.createIdentity>
  readonly signer: ReturnType<typeof loaded.createSigner>
}

export function keysOf(name: string): Keys {
  const identity = loaded.createIdentity(word(`${name} identity`))
  const signer = loaded.createSigner(word(`${name} signer`))
  const nodeIdBytes = Uint8Array.from(Buffer.from(identity.nodeId, 'hex'))
  return { nodeId: identity.nodeId, nodeIdBytes, identity, signer }
}

export interface TestChannel {
  readonly id: Hex
  readonly channelId: Uint8Array
  readonly params: ChannelParams
  readonly ends: readonly [Keys, Keys]
}

export function channelOf(ends: readonly [Keys, Keys], salt: number, under = domain): TestChannel {
  const params: ChannelParams = {
    owner: [word('owner 0').slice(0, 20), word('owner 1').slice(0, 20)],
    signer: [ends[0].signer.address, ends[1].signer.address],
    token: word('token').slice(0, 20),
    lockPeriod: 3600,
    salt: BigInt(salt),
  }
  const channelId = channelIdOf(crypto, under.chainId, under.verifyingContract, params).slice()
  return { id: toHex(channelId), channelId, params, ends }
}

export function announcementOf(
  { channelId, params, ends }: TestChannel,
  under = domain,
): ChannelAnnouncement {
  const nodeIds = [ends[0].nodeIdBytes, ends[1].nodeIdBytes] as const
  const claim = { type: 'ChannelAnnouncement', domain: under, channelId, nodeIds } as const
  return {
    kind: 'channel',
    chainId: under.chainId,
    bank: under.verifyingContract,
    params,
    nodeIds,
    signerSignatures: [ends[0].signer.announce(claim), ends[1].signer.announce(claim)],
    nodeSignatures: [ends[0].identity.announce(claim), ends[1].identity.announce(claim)],
  }
}

/** Signed by `by`, which is the end that pays in this direction unless a liar says otherwise. */
export function policyOf(
  channel: TestChannel,
  direction: 0 | 1,
  sequence: number,
  policy: Partial<FeePolicy> = {},
  by: Keys = channel.ends[direction],
  under = domain,
): PolicyUpdate {
  const fields = { channelId: channel.channelId, direction, sequence, ...FREE, ...policy }
  const signature = by.identity.announce({ type: 'PolicyUpdate', domain: under, ...fields })
  return { kind: 'policy', ...fields, signature }
}

export function nodeItemOf(keys: Keys, sequence: number, alias: string): NodeAnnouncement {
  const fields = { nodeId: keys.nodeIdBytes, sequence, alias, addresses: [{ host: 'a.example', port: 7 }] }
  const signature = keys.identity.announce({ type: 'NodeAnnouncement', domain, ...fields })
  return { kind: 'node', ...fields, signature }
}

export type AnyItem = ChannelAnnouncement | PolicyUpdate | NodeAnnouncement

export function news(...items: readonly (AnyItem | Uint8Array)[]): GossipMessage {
  const bytes = items.map((item) => (item instanceof Uint8Array ? item : encodeItem(item)))
  return { type: 'gossip-items', answer: false, items: packItems(bytes) }
}

/** What somebody who hears the events has put together. */
export interface HeardGraph {
  readonly channels: Map<
    string,
    { nodes: readonly string[]; capacity: bigint; policies: Record<number, unknown> }
  >
  readonly nodes: Map<string, string>
  readonly privatePolicies: Map<string, FeePolicy>
}

export function hear({ channels, nodes, privatePolicies }: HeardGraph, event: GraphEvent): void {
  switch (event.type) {
    case 'channel-added': {
      const { nodes: ends, capacity } = event
      const policies = channels.get(event.channelId)?.policies ?? {}
      channels.set(event.channelId, { nodes: ends, capacity, policies })
      return
    }
    case 'channel-removed':
      channels.delete(event.channelId)
      return
    case 'policy': {
      const { type: _, channelId, direction, token: __, ...terms } = event
      const channel = channels.get(channelId)
      if (channel === undefined) throw new Error('a policy of a channel that the graph does not have')
      channel.policies[direction] = terms
      return
    }
    case 'node':
      nodes.set(event.nodeId, event.alias)
      return
    case 'node-removed':
      nodes.delete(event.nodeId)
      return
    case 'private-policy':
      privatePolicies.set(`${event.channelId}/${event.direction}`, event)
  }
}

export function emptyGraph(): HeardGraph {
  return { channels: new Map(), nodes: new Map(), privatePolicies: new Map() }
}

/** One text for equal graphs, whatever the order in which they grew. */
export function graphText({ channels, nodes }: HeardGraph): string {
  const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
  return JSON.stringify([[...channels].sort(byKey), [...nodes].sort(byKey)], plain, 1)
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1
}

/** One book with its surroundings: what it says is collected, what it asks the chain is answered at once or held. */
export interface Party {
  readonly keys: Keys
  readonly book: GossipBook
  readonly graph: HeardGraph
  readonly rows: Map<string, GossipRow>
  readonly sent: { readonly to: string; readonly message: GossipMessage }[]
  readonly outputs: GossipOutput[]
  /** Look-ups not answered yet. */
  readonly asked: Hex[]
  lookups: number
  give(input: GossipInput): void
  /** Takes what it sent to this peer since the last time. */
  mail(to: string): readonly GossipMessage[]
  restarted(config?: Partial<GossipConfig>): Party
}

export interface Clock {
  nowMs: number
}

export interface Chain {
  readonly channels: Map<Hex, ChainAnswer>
}

const NOTHING: ChainAnswer = { status: 'none', held: 0n }

export function createParty(
  keys: Keys,
  clock: Clock,
  chain: Chain | undefined,
  config: Partial<GossipConfig> = {},
  rows = new Map<string, GossipRow>(),
): Party {
  const options = { config: { ...DEFAULT_GOSSIP, ...config }, crypto, domain, ...keys }
  const book = createGossipBook(options)
  const graph = emptyGraph()
  const party: Party = {
    keys,
    book,
    graph,
    rows,
    sent: [],
    outputs: [],
    asked: [],
    lookups: 0,
    give(input) {
      perform(book.take(input, clock.nowMs))
    },
    mail(to) {
      const mine = party.sent.filter((one) => one.to === to)
      for (const one of mine) party.sent.splice(party.sent.indexOf(one), 1)
      return mine.map(({ message }) => message)
    },
    restarted: (changes = config) => createParty(keys, clock, chain, changes, rows),
  }
  perform(
    book.restore(
      [...rows.values()].sort((a, b) => (a.key[15] ?? 0) - (b.key[15] ?? 0)),
      clock.nowMs,
    ),
  )
  return party

  function perform(outputs: readonly GossipOutput[]): void {
    for (const output of outputs) {
      if (output.type === 'send') {
        // Through the wire, as between processes.
        const decoded = decodeGossip(encodeGossip(output.message))
        if (!decoded.ok) throw new Error(`${decoded.field}: ${decoded.detail}`)
        party.sent.push({ to: output.peer, message: decoded.message })
      } else if (output.type === 'look-up') {
        party.lookups += 1
        party.asked.push(output.channelId)
      } else if (output.type === 'graph') hear(graph, output.event)
      else if (output.type === 'store') keepRow(output.change)
      else party.outputs.push(output)
    }
    if (chain !== undefined) answerChain(party, chain)
  }

  function keepRow(change: Extract<GossipOutput, { type: 'store' }>['change']): void {
    if (change.type === 'put') rows.set(toHex(change.row.key), change.row)
    else rows.delete(toHex(change.key))
  }
}

/** Answers every look-up that waits. */
export function answerChain(party: Party, chain: Chain): void {
  for (let id = party.asked.shift(); id !== undefined; id = party.asked.shift())
    party.give({ type: 'looked-up', channelId: id, answer: chain.channels.get(id) ?? NOTHING })
}

/** Both intend to have the channel, and to announce it or not. */
export function ownChannel(
  channel: TestChannel,
  party: 0 | 1,
  announce: boolean,
  policy: Partial<FeePolicy> = {},
): Extract<GossipInput, { type: 'own-channel' }> {
  const { channelId, params, ends } = channel
  const peer = ends[party === 0 ? 1 : 0].nodeId
  return {
    type: 'own-channel',
    channel: { channelId, params, party, peer, announce, policy: { ...FREE, ...policy } },
  }
}

/** A pseudo-random sequence from a seed (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
