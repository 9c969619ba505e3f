/**
 * The gossip book: what this node believes of the network, and what it tells others of it. A pure state machine: no I/O, no
 * clock, no randomness; the same inputs give the same outputs. It changes itself in place because a graph is large.
 *
 * Invariants:
 * - Nothing reaches the graph, the store or another peer that is not signed by everyone it speaks for and, of a channel,
 *   shown open by the chain (GO-30).
 * - Memory and look-ups are bounded whatever peers send (GO-50 to GO-55): what is kept of a stranger's word before the
 *   chain has confirmed it is bounded by the credit of the one who told it, and of all strangers together.
 * - Bad input changes nothing but the credit of who sent it, and never throws.
 * - Whatever is lost is found by a later comparison: books that are connected and asked at the same chain converge.
 *
 * Source: docs/spec/gossip.md.
 */

import {
  type ChannelAnnouncer,
  type Domain,
  decodeItem,
  type GossipCrypto,
  type GossipMessage,
  type Hex,
  type NodeAnnouncer,
  unpackKeys,
} from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import { openAccount } from './account.ts'
import { dropStale, dropStaleNode, setNode, setPolicy, tellAdded, tellPolicy } from './believed.ts'
import { restoreChannel, takeChainChange } from './channels.ts'
import { isMuted, reputationOf } from './credit.ts'
import { sendNews } from './flood.ts'
import { createInventory } from './inventory.ts'
import { askChain, takeAnswer } from './lookups.ts'
import {
  driveOwn,
  forgetOwnChannel,
  greetOwn,
  isFriend,
  setOwnChannel,
  setProfile,
  takeConsent,
} from './own.ts'
import { sequenceRefusal } from './policies.ts'
import { type Book, type GossipPeer, nodeText, stemOf, stemOfId } from './state.ts'
import type { GossipRow } from './store.ts'
import {
  advancePull,
  answer,
  countUnasked,
  startPulls,
  takeDigest,
  takeList,
  takeQuestion,
  takeTold,
  tellDigest,
} from './sync.ts'
import type { GossipConfig, GossipInput, GossipOutput, GraphEvent } from './types.ts'

export interface GossipBookOptions {
  readonly config: GossipConfig
  readonly crypto: GossipCrypto
  /** The bank's (`domainOf(crypto, chainId, bank)`). */
  readonly domain: Domain
  readonly identity: NodeAnnouncer
  readonly signer: ChannelAnnouncer
}

export interface GossipStats {
  readonly channels: number
  readonly policies: number
  readonly nodes: number
  readonly pending: number
  readonly lookupsInFlight: number
  readonly mutedPeers: number
  /** Peers whose credit and channels whose absence are remembered. */
  readonly rememberedPeers: number
  readonly rememberedChannels: number
}

export interface GossipBook {
  /** Perform the outputs in order. @throws RangeError for an own policy or profile that cannot be announced. */
  take(input: GossipInput, nowMs: number): readonly GossipOutput[]
  /** What was stored before, in the order of `GossipStore.load`; before any `take`. Rows of no use here come out deleted. */
  restore(rows: Iterable<GossipRow>, nowMs: number): readonly GossipOutput[]
  /** True while nothing that this peer sends is looked at. */
  muted(peer: NodeId, nowMs: number): boolean
  /** The announcement of a believed channel, as it is told. */
  announcement(channelId: Hex): Uint8Array | undefined
  /** The whole graph as events, for who begins to listen. */
  graph(): readonly GraphEvent[]
  stats(nowMs: number): GossipStats
}

/** Channels looked at for staleness in one tick. */
const SWEEP = 200

export function createGossipBook(options: GossipBookOptions): GossipBook {
  const book = emptyBook(options)
  return {
    take(input, nowMs) {
      begin(book, nowMs)
      apply(book, input)
      driveOwn(book)
      askChain(book)
      return end(book)
    },
    restore(rows, nowMs) {
      begin(book, nowMs)
      for (const row of rows) if (!restoreRow(book, row)) drop(book, row)
      return end(book).filter((output) => output.type !== 'store' || output.change.type === 'delete')
    },
    muted(peer, nowMs) {
      book.nowMs = nowMs
      return isMuted(book, peer)
    },
    announcement: (channelId) => book.channels.get(stemOfId(channelId))?.bytes,
    graph: () => graphOf(book),
    stats(nowMs) {
      book.nowMs = nowMs
      return statsOf(book)
    },
  }
}

function apply(book: Book, input: GossipInput): void {
  switch (input.type) {
    case 'connected':
      connect(book, input.peer)
      return
    case 'disconnected':
      book.peers.delete(input.peer)
      return
    case 'message': {
      const peer = book.peers.get(input.peer)
      if (peer !== undefined && !isMuted(book, peer.id)) takeMessage(book, peer, input.message)
      return
    }
    case 'looked-up':
      takeAnswer(book, input.channelId, input.answer)
      for (const peer of book.peers.values()) advancePull(book, peer)
      return
    case 'chain-changed':
      takeChainChange(book, input.channelId, input.ended)
      return
    case 'own-channel':
      setOwnChannel(book, input.channel)
      return
    case 'own-channel-gone':
      forgetOwnChannel(book, input.channelId)
      return
    case 'own-node':
      setProfile(book, input.profile)
      return
    case 'tick':
      tick(book)
      return
  }
}

function takeMessage(book: Book, peer: GossipPeer, message: GossipMessage): void {
  switch (message.type) {
    case 'gossip-digest':
      takeDigest(book, peer, message.hashes)
      return
    case 'gossip-ask':
      takeQuestion(book, peer, { buckets: message.buckets })
      return
    case 'gossip-list':
      takeList(book, peer, message.bucket, message.entries)
      return
    case 'gossip-want':
      takeQuestion(book, peer, { keys: unpackKeys(message.keys).map((key) => key.slice()) })
      return
    case 'gossip-items':
      takeTold(book, peer, message)
      return
    case 'announce-offer':
    case 'announce-consent':
      countUnasked(book, peer)
      takeConsent(book, peer, message)
  }
}

function connect(book: Book, id: NodeId): void {
  const { config, nowMs } = book
  const peer: GossipPeer = {
    id,
    friend: isFriend(book, id),
    reputation: reputationOf(book, id),
    newsIn: openAccount(config.newsIn, nowMs),
    messagesIn: openAccount(config.messagesIn, nowMs),
    newsOut: openAccount(config.newsOut, nowMs),
    serving: openAccount(config.serving, nowMs),
    question: undefined,
    news: new Map(),
    pull: undefined,
    waiting: undefined,
    pulledMs: Number.NEGATIVE_INFINITY,
    digestTakenMs: Number.NEGATIVE_INFINITY,
    digestToldMs: nowMs,
  }
  book.peers.set(id, peer)
  tellDigest(book, peer)
  greetOwn(book, peer)
}

function tick(book: Book): void {
  const { config, nowMs } = book
  for (const peer of book.peers.values()) {
    answer(book, peer)
    advancePull(book, peer)
    if (nowMs - peer.digestToldMs >= config.digestEveryMs) tellDigest(book, peer)
  }
  startPulls(book)
  sendNews(book)
  sweep(book)
}

/** Looks at some of the channels, in turns: stale policies go, and the chain is asked again after a while. */
function sweep(book: Book): void {
  for (let count = 0; count < SWEEP; count += 1) {
    book.sweep ??= book.channels.values()
    const { value: known, done } = book.sweep.next()
    if (done === true) {
      book.sweep = undefined
      return
    }
    dropStale(book, known)
    for (const node of known.nodes) dropStaleNode(book, node)
    if (known.checkedAtMs < book.nowMs - book.config.recheckMs) book.recheck.add(known.stem)
  }
}

function restoreRow(book: Book, row: GossipRow): boolean {
  if (row.key[15] === 0) return restoreChannel(book, row)
  const decoded = decodeItem(row.bytes)
  if (!decoded.ok || decoded.item.kind === 'channel') return false
  const { item } = decoded
  if (sequenceRefusal(book, item.sequence, item.kind) !== undefined) return false
  if (item.kind === 'node') {
    const node = book.nodes.get(nodeText(item.nodeId))
    if (node === undefined) return false
    setNode(book, node, item, row.bytes, undefined)
    return true
  }
  const known = book.channels.get(stemOf(item.channelId))
  if (known === undefined) return false
  setPolicy(book, known, item, row.bytes, undefined)
  return true
}

function drop(book: Book, { key }: GossipRow): void {
  book.out.push({ type: 'store', change: { type: 'delete', key } })
}

function graphOf(book: Book): readonly GraphEvent[] {
  book.out = []
  for (const known of book.channels.values()) {
    tellAdded(book, known)
    for (const policy of known.policies) {
      const decoded = policy === undefined ? undefined : decodeItem(policy.bytes)
      if (decoded?.ok && decoded.item.kind === 'policy') tellPolicy(book, known, decoded.item)
    }
  }
  const events = end(book).flatMap((output) => (output.type === 'graph' ? [output.event] : []))
  for (const [nodeId, { announced }] of book.nodes) {
    const decoded = announced === undefined ? undefined : decodeItem(announced.bytes)
    if (!decoded?.ok || decoded.item.kind !== 'node') continue
    const { sequence, alias, addresses } = decoded.item
    events.push({ type: 'node', nodeId, sequence, alias, addresses })
  }
  return events
}

function statsOf(book: Book): GossipStats {
  let policies = 0
  for (const known of book.channels.values())
    for (const policy of known.policies) if (policy !== undefined) policies += 1
  let nodes = 0
  for (const { announced } of book.nodes.values()) if (announced !== undefined) nodes += 1
  let mutedPeers = 0
  for (const { mutedUntilMs } of book.reputations.values()) if (mutedUntilMs > book.nowMs) mutedPeers += 1
  return {
    channels: book.channels.size,
    policies,
    nodes,
    pending: book.pending.size,
    lookupsInFlight: book.inFlight.size,
    mutedPeers,
    rememberedPeers: book.reputations.size,
    rememberedChannels: book.unproven.size,
  }
}

function begin(book: Book, nowMs: number): void {
  book.nowMs = nowMs
  book.out = []
}

function end(book: Book): readonly GossipOutput[] {
  const { out } = book
  book.out = []
  return out
}

function emptyBook({ config, crypto, domain, identity, signer }: GossipBookOptions): Book {
  return {
    config,
    crypto,
    domain,
    identity,
    nodeId: Uint8Array.from(Buffer.from(identity.nodeId, 'hex')),
    signer,
    inventory: createInventory(crypto),
    channels: new Map(),
    nodes: new Map(),
    nodeKeys: new Map(),
    pending: new Map(),
    queues: new Map(),
    retries: new Map(),
    inFlight: new Set(),
    parkedNodes: new Map(),
    unproven: new Map(),
    recheck: new Set(),
    lookups: openAccount(config.lookups, 0),
    strangers: openAccount(config.strangers, 0),
    peers: new Map(),
    reputations: new Map(),
    own: new Map(),
    ownDue: new Set(),
    profile: undefined,
    sweep: undefined,
    nextOwnMs: 0,
    nowMs: 0,
    out: [],
  }
}
