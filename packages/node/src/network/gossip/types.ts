/**
 * What the gossip book takes, gives and may be configured with. The book is pure: what peers say, what the chain answers
 * and what time it is come in; messages, look-ups, graph events and changes of the store go out.
 */

import type {
  ChainChannelStatus,
  ChannelParams,
  Direction,
  FeePolicy,
  GossipMessage,
  GossipRefusal,
  Hex,
  NodeAddress,
  Party,
} from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import type { Rate } from './account.ts'
import type { GossipChange } from './store.ts'

/** What the chain shows of a channel in final blocks; `failed`: it could not be asked. */
export type ChainAnswer =
  | {
      readonly status: ChainChannelStatus
      /** Both deposits less both withdrawals, base units. */
      readonly held: bigint
    }
  | 'failed'

/** A channel of this node. Durable intentions (announce it? at what price?) are the caller's: tell them at each start. */
export interface OwnChannel {
  readonly channelId: Uint8Array
  readonly params: ChannelParams
  /** Which party this node is. */
  readonly party: Party
  readonly peer: NodeId
  /** True once the operator wants it public. It becomes public when the peer wants it too, and never private again. */
  readonly announce: boolean
  /** What this node asks for forwarding through it. */
  readonly policy: FeePolicy
}

export interface NodeProfile {
  readonly alias: string
  readonly addresses: readonly NodeAddress[]
}

export type GossipInput =
  /** The session is up and both said `hello`. */
  | { readonly type: 'connected'; readonly peer: NodeId }
  | { readonly type: 'disconnected'; readonly peer: NodeId }
  | { readonly type: 'message'; readonly peer: NodeId; readonly message: GossipMessage }
  /** Exactly one for each `look-up`. */
  | { readonly type: 'looked-up'; readonly channelId: Hex; readonly answer: ChainAnswer }
  /** The chain said something of this channel, final or not; of any channel of the bank. `ended`: it is being closed. */
  | { readonly type: 'chain-changed'; readonly channelId: Hex; readonly ended: boolean }
  | { readonly type: 'own-channel'; readonly channel: OwnChannel }
  | { readonly type: 'own-channel-gone'; readonly channelId: Hex }
  /** How this node presents itself; undefined: not at all. */
  | { readonly type: 'own-node'; readonly profile: NodeProfile | undefined }
  /** Several times a second: everything that waits for time happens here. */
  | { readonly type: 'tick' }

/** What the graph learns (RT-2). `token` on every event about a channel: graphs are of one token. */
export type GraphEvent =
  /** Also when the capacity of a known channel changed. */
  | {
      readonly type: 'channel-added'
      readonly channelId: Hex
      readonly token: Hex
      /** By party. */
      readonly nodes: readonly [NodeId, NodeId]
      readonly capacity: bigint
      readonly addedAtMs: number
    }
  | ({
      readonly type: 'policy'
      readonly channelId: Hex
      readonly token: Hex
      readonly direction: Direction
      readonly sequence: number
    } & FeePolicy)
  | {
      readonly type: 'channel-removed'
      readonly channelId: Hex
      readonly token: Hex
      readonly reason: 'closed' | 'stale'
    }
  | {
      readonly type: 'node'
      readonly nodeId: NodeId
      readonly sequence: number
      readonly alias: string
      readonly addresses: readonly NodeAddress[]
    }
  | { readonly type: 'node-removed'; readonly nodeId: NodeId }
  /** The peer's policy in a channel of ours that is not announced: for route hints, and for nobody else. */
  | ({
      readonly type: 'private-policy'
      readonly channelId: Hex
      readonly token: Hex
      readonly direction: Direction
      readonly sequence: number
    } & FeePolicy)

export type GossipOutput =
  | { readonly type: 'send'; readonly peer: NodeId; readonly message: GossipMessage }
  /** Read this channel from final blocks and come back with `looked-up`, always. */
  | { readonly type: 'look-up'; readonly channelId: Hex }
  | { readonly type: 'graph'; readonly event: GraphEvent }
  | { readonly type: 'store'; readonly change: GossipChange }
  /** For the log. `muted`: by this the peer lost its last credit. */
  | {
      readonly type: 'refused'
      readonly peer: NodeId
      readonly refusal: GossipRefusal
      readonly muted: boolean
    }
  /** The peer wants our channel with it public; it becomes so with an `own-channel` that says `announce`. */
  | { readonly type: 'announce-asked'; readonly peer: NodeId; readonly channelId: Hex }

export interface GossipConfig {
  readonly maxChannels: number
  /** A policy that is not refreshed for so long is dropped, and with its last policy the channel. */
  readonly staleAfterMs: number
  /** How far a sequence may be ahead of our clock. */
  readonly futureMs: number
  /** How often own policies and the own node are announced again. */
  readonly refreshMs: number
  /** A believed channel without any policy goes after this time. */
  readonly unpricedMs: number
  /** How often the chain is asked again about a believed channel. */
  readonly recheckMs: number
  /** How long a channel that the chain did not show is not asked about again. */
  readonly unprovenMs: number
  /** Credit of one peer; what costs it is in credit.ts. */
  readonly credit: Rate
  /** Credit that all strangers share, besides each one's own: identities cost nothing. */
  readonly strangers: Rate
  readonly muteMs: number
  /** Look-ups of all kinds, and those under way at once. */
  readonly lookups: Rate
  readonly maxLookupsInFlight: number
  /** Unasked items from one peer. */
  readonly newsIn: Rate
  /** Unasked messages from one peer. */
  readonly messagesIn: Rate
  /** Unasked items to one peer, below `newsIn`. */
  readonly newsOut: Rate
  /** Bytes answered to one peer. */
  readonly serving: Rate
  /** Updates of one direction of one channel, or of one node. */
  readonly updates: Rate
  readonly maxPulls: number
  /** A question that is not answered by then is given up. */
  readonly answerMs: number
  /** How often each peer is told our digest, and least time between two that are taken from it. */
  readonly digestEveryMs: number
  readonly digestLeastMs: number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const DEFAULT_GOSSIP: GossipConfig = {
  maxChannels: 200_000,
  staleAfterMs: 14 * DAY,
  futureMs: 10 * MINUTE,
  refreshMs: DAY,
  unpricedMs: 10 * MINUTE,
  recheckMs: DAY,
  unprovenMs: 2 * MINUTE,
  credit: { most: 100, perSecond: 0.1 },
  strangers: { most: 400, perSecond: 2 },
  muteMs: HOUR,
  lookups: { most: 100, perSecond: 50 },
  maxLookupsInFlight: 8,
  newsIn: { most: 1_000, perSecond: 100 },
  messagesIn: { most: 100, perSecond: 20 },
  newsOut: { most: 256, perSecond: 50 },
  serving: { most: 1_048_576, perSecond: 524_288 },
  updates: { most: 12, perSecond: 1 / 600 },
  maxPulls: 3,
  answerMs: 30_000,
  digestEveryMs: 5 * MINUTE,
  digestLeastMs: 20_000,
}
