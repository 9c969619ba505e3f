/** The state of a gossip book: one value that the functions of this folder change, and the outputs of the step under way. */

import {
  type AnnouncementConsent,
  type ChannelAnnouncement,
  type ChannelAnnouncer,
  type Domain,
  type FeePolicy,
  type GossipCrypto,
  type GossipRefusal,
  type Hex,
  type NodeAnnouncer,
  type PolicyUpdate,
  toHex,
} from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import type { Account } from './account.ts'
import type { Inventory, KeyText } from './inventory.ts'
import type { GossipConfig, GossipOutput, NodeProfile, OwnChannel } from './types.ts'

/** 30 hex digits: what the keys of a channel and its policies share. Names a channel within the book. */
export type Stem = string

export interface KnownPolicy {
  readonly sequence: number
  readonly bytes: Uint8Array
}

/** A channel that is believed. */
export interface KnownChannel {
  readonly stem: Stem
  readonly id: Hex
  readonly channelId: Uint8Array
  readonly nodeIds: readonly [Uint8Array, Uint8Array]
  readonly nodes: readonly [NodeId, NodeId]
  readonly token: Hex
  /** The announcement. */
  readonly bytes: Uint8Array
  capacity: bigint
  readonly addedAtMs: number
  checkedAtMs: number
  readonly policies: [KnownPolicy | undefined, KnownPolicy | undefined]
  readonly updates: readonly [Account, Account]
}

/** An authentic announcement that waits for the chain's word. */
export interface Pending {
  readonly stem: Stem
  readonly id: Hex
  readonly channelId: Uint8Array
  readonly item: ChannelAnnouncement
  readonly bytes: Uint8Array
  /** Who told it, and whose credit is held for it; undefined: this node itself. */
  readonly from: NodeId | undefined
  /** It holds credit of all strangers too. */
  readonly shared: boolean
  readonly policies: [ParkedPolicy | undefined, ParkedPolicy | undefined]
  tries: number
}

export interface ParkedPolicy {
  readonly item: PolicyUpdate
  readonly bytes: Uint8Array
}

export interface KnownNode {
  readonly key: Uint8Array
  /** Believed channels that it is an end of; it is forgotten with the last. */
  channels: number
  announced: KnownPolicy | undefined
  readonly updates: Account
}

/** What a peer has left to lose; outlives its session, so that a new session is not a new credit. */
export interface Reputation {
  readonly credit: Account
  /** Credit held for look-ups that are not answered yet. */
  held: number
  mutedUntilMs: number
}

/** What is being asked of one peer. */
export interface Pull {
  readonly startedMs: number
  /** When it last moved on, and when it last brought something: one that does not is given up. */
  movedMs: number
  gainedMs: number
  /** A question is out. */
  out: boolean
  /** Buckets to ask about. */
  readonly todo: number[]
  /** Buckets asked and not listed yet. */
  readonly asked: Set<number>
  /** Keys to ask for, by their text. */
  readonly wants: Map<KeyText, Uint8Array>
  /** Keys of the request that is out. */
  wanted: ReadonlySet<KeyText> | undefined
  /** Buckets that held what could not be taken at once: looked at once more at the end. */
  readonly again: Set<number>
  secondPass: boolean
}

/** A question of a peer's that waits until `serving` has enough. */
export type Question =
  | { readonly buckets: readonly number[]; readonly keys?: never }
  | { readonly keys: readonly Uint8Array[]; readonly buckets?: never }

export interface GossipPeer {
  readonly id: NodeId
  /** Has an open channel with us: its identity is not free. */
  friend: boolean
  readonly reputation: Reputation
  readonly newsIn: Account
  readonly messagesIn: Account
  readonly newsOut: Account
  readonly serving: Account
  question: Question | undefined
  /** Keys of news to tell. */
  readonly news: Map<KeyText, Uint8Array>
  pull: Pull | undefined
  /** Buckets that differed when its digest came, while others are being pulled from. */
  waiting: number[] | undefined
  /** When it was last pulled from: who waits longest is next. */
  pulledMs: number
  digestTakenMs: number
  digestToldMs: number
}

export interface Own {
  readonly stem: Stem
  readonly id: Hex
  channel: OwnChannel
  theirs: AnnouncementConsent | undefined
  /** When our half of the announcement and our private price were last told. */
  toldMs: number
  /** The policies while the channel is private: ours, and how new theirs is. */
  privatePolicy: KnownPolicy | undefined
  theirSequence: number
}

export interface Book {
  readonly config: GossipConfig
  readonly crypto: GossipCrypto
  /** The bank's. */
  readonly domain: Domain
  readonly identity: NodeAnnouncer
  readonly nodeId: Uint8Array
  readonly signer: ChannelAnnouncer
  readonly inventory: Inventory
  readonly channels: Map<Stem, KnownChannel>
  readonly nodes: Map<NodeId, KnownNode>
  /** Node keys of all ends of believed channels. */
  readonly nodeKeys: Map<KeyText, NodeId>
  readonly pending: Map<Stem, Pending>
  /** By who told them, first come first served; the next peer's turn is the first entry. */
  readonly queues: Map<NodeId | undefined, Stem[]>
  /** Look-ups that failed, and when they are tried again. */
  readonly retries: Map<Stem, number>
  readonly inFlight: Set<Stem>
  /** Announcements of nodes whose channel waits for the chain's word. Bounded. */
  readonly parkedNodes: Map<NodeId, { readonly from: NodeId; readonly bytes: Uint8Array }>
  /** Channels that the chain did not show, and until when that is taken for true. Bounded. */
  readonly unproven: Map<Stem, number>
  /** Believed channels that the chain should be asked about again. */
  readonly recheck: Set<Stem>
  readonly lookups: Account
  readonly strangers: Account
  readonly peers: Map<NodeId, GossipPeer>
  readonly reputations: Map<NodeId, Reputation>
  readonly own: Map<Stem, Own>
  /** Own channels that something happened to. */
  readonly ownDue: Set<Stem>
  profile: NodeProfile | undefined
  sweep: Iterator<KnownChannel> | undefined
  nextOwnMs: number
  nowMs: number
  out: GossipOutput[]
}

export function stemOf(channelId: Uint8Array): Stem {
  return toHex(channelId.subarray(0, 15)).slice(2)
}

export function stemOfId(channelId: Hex): Stem {
  return channelId.slice(2, 32)
}

/** `undefined`: all well, or nothing new. */
export type Verdict = GossipRefusal | undefined

export function termsOf({ feeBase, feePpm, minAmount, maxAmount, disabled }: FeePolicy): FeePolicy {
  return { feeBase, feePpm, minAmount, maxAmount, disabled }
}

export function nodeText(nodeId: Uint8Array): NodeId {
  return toHex(nodeId).slice(2)
}

/** Keeps at most `most` entries of a map, the newest. */
export function bound<K, V>(map: Map<K, V>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return
    map.delete(key)
  }
}
