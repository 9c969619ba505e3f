/** The engine's memory: everything the loop owns. Only inputs of the loop change it (group-commit.ts). */

import type {
  BlockRef,
  ChainHealth,
  ChannelRecord as ChainRecord,
  ChannelState,
  Domain,
  Effect,
  FeePolicy,
  Hello,
  Invoice,
  JointOutcome,
  JointState,
  Refusal,
} from '@tallystick/protocol'
import type { Batch } from '../store/port.ts'
import type { NodeId } from '../transport/port.ts'
import type { ChannelRecord } from './channel-record.ts'
import type { EventHub } from './event-hub.ts'
import type { GroupCommit } from './group-commit.ts'
import type { InvoiceBook } from './htlc/invoices.ts'
import type { NetworkPaymentBook } from './htlc/pay.ts'
import type { NetworkPayment } from './htlc/payment-record.ts'
import type { JointPayBook } from './joint/joint-book.ts'
import type { JointBook } from './joint-limits.ts'
import type { Limiter } from './limiter.ts'
import type { IncomingLock, LockBook, LockHandlers, OutgoingLock, Placement } from './locks/lock-book.ts'
import type { NetworkView } from './network/network-view.ts'
import type { PaymentBook, PendingPayment, SentLine } from './payment-book.ts'
import type { PeerLinks } from './peer-links.ts'
import type { EngineConfig, EnginePorts } from './ports.ts'
import type { RegistryBook } from './registry-book.ts'
import type { Hex, PaymentDirection, PaymentState } from './service.ts'
import type { Submissions } from './submissions.ts'
import type { Waits } from './waits.ts'

export type Change = Batch[number]

/** One input of the loop: what happened, as the function that applies it. */
export type Input = (group: Group) => void

/** What one turn of the loop gathered; see group-commit.ts. */
export interface Group {
  readonly changes: Change[]
  /** Channels whose row is written when the group is sealed. */
  readonly dirty: Set<Channel>
  /** Performed in order once the group is durable. */
  readonly effects: (() => void)[]
  /** Channels whose view changed: told to listeners and to those who wait, once a group. */
  readonly touched: Set<Channel>
  readonly totals: Map<string, PaymentTotal>
}

export interface PaymentTotal {
  readonly channel: Channel
  readonly direction: PaymentDirection
  readonly state: PaymentState
  count: number
  amount: bigint
}

export interface Channel {
  readonly id: Hex
  readonly idBytes: Uint8Array
  readonly peer: NodeId
  record: ChannelRecord
  /** Encoding of `record`; undefined after a change. */
  recordBytes: Uint8Array | undefined
  core: ChannelState
  sentCount: number
  receivedCount: number
  /** Payments accepted from callers and not in a line yet, in order. */
  queue: PendingPayment[]
  /** Sum of `queue`. */
  queued: bigint
  /** Locks that wait for a line. */
  placements: Placement[]
  /** Own locks may have to go: looked at when a line can be signed. */
  locksDue: boolean
  /** Pending locks of the peer, by slot. */
  readonly incomingLocks: Map<number, IncomingLock>
  readonly outgoingLocks: Set<OutgoingLock>
  /** Own locks that a signed line takes away, or that came in a line the peer refused. */
  readonly leaving: Set<OutgoingLock>
  /** Own lines whose payments are open, by nonce: live (LN-32), or waived and able to count all the same (outcomes.ts). */
  readonly sent: Map<number, SentLine>
  /** A refused line without operations that is sent again until the peer takes it (clearing.ts). */
  asked: { readonly nonce: number; readonly times: number; readonly nextAtMs: number } | undefined
  /** An accepted line waits for its acknowledgement. */
  flushDue: boolean
  /** No new payments: a common close is being prepared. */
  draining: boolean
  /** The chain is being asked to authorise our part of a joint opening. */
  authorising: boolean
  /** The peer's last no to a withdrawal or a common close that a caller waits for. */
  peerRefusal: Refusal | undefined
  /** What the newest block shows, final or not. Nothing here is durable. */
  readonly now: ChainNow
}

export interface LockNote {
  readonly channel: Channel
  readonly effect: Extract<
    Effect,
    { type: 'accepted' | 'key-shown' | 'fail-asked' | 'burnt' | 'agreed' | 'frozen' }
  >
}

export interface ChainNow {
  status: ChannelState['chain']['status'] | undefined
  record: ChainRecord | undefined
  /** A lookup of `record` is under way, or must be made again because something happened meanwhile. */
  lookup: 'none' | 'running' | 'again'
}

export interface Peer {
  readonly nodeId: NodeId
  /** The session that the loop is on, 0 for none; frames made for another are neither sent nor taken. */
  session: number
  hello: Hello | undefined
  readonly channels: Set<Channel>
  /** We told it why and are ending the session: nothing more is taken from it. */
  hungUp: boolean
}

export interface Runtime {
  readonly ports: EnginePorts
  readonly config: EngineConfig
  readonly loop: GroupCommit<Input, Group>
  readonly links: PeerLinks
  readonly channels: Map<Hex, Channel>
  readonly peers: Map<NodeId, Peer>
  /** Why we ended the last session with a peer, for callers that wait for it; the newest 1,000. */
  readonly peerFaults: Map<NodeId, string>
  /** Channels that want something when the group is sealed. */
  readonly due: Set<Channel>
  readonly book: PaymentBook
  readonly events: EventHub
  readonly waits: Waits
  readonly submissions: Submissions
  readonly joint: JointBook
  /** Readings of single channels from the chain: a thousand channels are not asked about at once. */
  readonly reads: Limiter
  readonly bankDomain: Domain
  readonly registryDomain: Domain
  /** Random, of this process's life; told in `hello`. */
  readonly session: Uint8Array
  readonly startedAtMs: number
  chainHealth: ChainHealth
  head: BlockRef | undefined
  final: BlockRef | undefined
  readonly registry: RegistryBook
  readonly locks: LockBook
  /** Effects of the core on locks that their users have not been told. */
  readonly lockNotes: LockNote[]
  readonly handlers: LockHandlers
  /** Of own channels, where the operator set one. */
  readonly policies: Map<Hex, FeePolicy>
  readonly invoices: InvoiceBook
  readonly netPayments: NetworkPaymentBook
  /** Onions that were opened, with the expiry of their locks. */
  readonly seenOnions: Map<Hex, number>
  readonly jointPays: JointPayBook
  /** Own payments by the condition id of the joint attempt under way. */
  readonly jointPayments: Map<Hex, NetworkPayment>
  /** References that the operator agreed to settle jointly, with the least that this node is to gain. */
  readonly wantedJoints: Map<Hex, bigint>
  /** What a step of a joint payment leaves for after it. */
  readonly jointNotes: ((group: Group) => void)[]
  readonly network: NetworkView
  /** Own channels that the operator wants public. */
  readonly announced: Set<Hex>
  readonly sendJoint: (group: Group, payment: NetworkPayment, invoice: Invoice) => void
  readonly jointEnded: (group: Group, state: JointState, outcome: JointOutcome) => void
  /** Ends what waits inside a port for the loop, when the loop stops. */
  readonly onStop: Set<() => void>
  running: boolean
  failure: unknown
}

export function openGroup(): Group {
  return { changes: [], dirty: new Set(), effects: [], touched: new Set(), totals: new Map() }
}

/** Replaces the engine's own part of a channel. */
export function amend(group: Group, channel: Channel, change: Partial<ChannelRecord>): void {
  channel.record = { ...channel.record, ...change }
  channel.recordBytes = undefined
  group.dirty.add(channel)
  group.touched.add(channel)
}

/** Posts an input of this node itself (a command, a chain fact, a timer). */
export function post(rt: Runtime, input: Input): void {
  rt.loop.post('local', input, 64)
}

export function peerOf(rt: Runtime, nodeId: NodeId): Peer {
  let peer = rt.peers.get(nodeId)
  if (peer === undefined) {
    peer = {
      nodeId,
      session: 0,
      hello: undefined,
      channels: new Set(),
      hungUp: false,
    }
    rt.peers.set(nodeId, peer)
  }
  return peer
}
