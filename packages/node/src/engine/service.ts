/**
 * Everything the API, the CLI and applications can ask of a node. The engine implements it; nobody else is needed.
 *
 * Amounts are `bigint` base units of the channel's token. Times are unix milliseconds (`...AtMs`) unless the name says
 * seconds. Ids, references, addresses and hashes are lower-case `0x` hexadecimal strings. Every refusal is a rejected
 * promise with a `ServiceError` (see errors.ts) and has changed nothing.
 */

import type { FeePolicy } from '@tallystick/protocol'
import type { InvoiceRecord, InvoiceRequest } from './htlc/invoices.ts'
import type { PayInvoiceRequest } from './htlc/pay.ts'
import type { NetworkPayment } from './htlc/payment-record.ts'
import type { NettingRequest, NettingResult, RebalanceRequest, RebalanceResult } from './joint/settle.ts'
import type { GraphView, RouteRequest, RouteView } from './network/network-calls.ts'

export type Hex = `0x${string}`

export type { ErrorCode, ErrorEntry } from './errors.ts'
export { ERRORS, ServiceError } from './errors.ts'

export interface NodeService {
  status(): Promise<NodeStatus>
  /** What is healthy and what needs the operator: one line a finding, worst first. */
  doctor(): Promise<DoctorReport>

  /** Dials (and from then on redials with back-off) a peer given as `nodeId@host:port`; resolves once connected. */
  connectPeer(address: string, options?: WaitOptions): Promise<PeerView>
  listPeers(): Promise<readonly PeerView[]>

  /**
   * Agrees the parameters with a connected (or dialable) peer, and durably intends the funding. Resolves as soon as the
   * peer has agreed and the intent is durable, with status `opening`: `waitForChannel(id, 'open')` waits for final blocks.
   */
  openChannel(request: OpenChannelRequest): Promise<ChannelView>
  /** Adds to this node's deposit. Resolves when the transaction is included; it counts once its block is final. */
  topUp(channelId: Hex, amount: bigint): Promise<ChannelView>
  /**
   * Takes `amount` more out of the open channel, with the peer's signature, without closing it. Resolves when the
   * transaction is included (`withdrawnMine` has grown).
   */
  withdraw(channelId: Hex, amount: bigint, options?: WaitOptions): Promise<ChannelView>
  /**
   * Starts closing and resolves once the decision is durable. `cooperative` asks the peer for `closeTogether` (refused
   * with PEER_OFFLINE or TIMED_OUT when the peer is silent: then close `alone`); `alone` states the newest lines;
   * `blind` is for lost data only. `waitForChannel(id, 'closed')` waits for the end.
   */
  closeChannel(channelId: Hex, mode: CloseMode, options?: WaitOptions): Promise<ChannelView>
  listChannels(): Promise<readonly ChannelView[]>
  getChannel(channelId: Hex): Promise<ChannelView>
  /** Resolves once the channel has reached (or passed) `status`; TIMED_OUT after `timeoutMs`. */
  waitForChannel(channelId: Hex, status: ChannelStatus, options?: WaitOptions): Promise<ChannelView>

  /**
   * Pays once. Idempotent by `reference`: the same reference and amount never pays twice, it reports the one payment; the
   * same reference with another amount or channel is REFERENCE_CONFLICT. Resolves at `until`: `sent` when the payment is
   * durable here and released to the peer, `accepted` (the default) when the peer has acknowledged it durably.
   * On TIMED_OUT, PEER_OFFLINE after queueing or STOPPED the payment may still be made: ask again with the same reference.
   */
  pay(request: PayRequest): Promise<PaymentView>
  /** Many payments over one channel, in order, each as `pay`; all are queued or none. */
  payBatch(request: PayBatchRequest): Promise<PayBatchResult>
  /**
   * The payment with this reference. References of incoming payments are chosen by payers, so anyone may send a unit of
   * anything under a reference that is meant for another: a payee gives `filter` what it asked for.
   */
  getPayment(
    direction: PaymentDirection,
    reference: Hex,
    filter?: PaymentFilter,
  ): Promise<PaymentView | undefined>
  /** Resolves when an incoming payment with this reference that passes `filter` is durable; TIMED_OUT otherwise. */
  waitForPayment(reference: Hex, options?: WaitOptions & PaymentFilter): Promise<PaymentView>
  listPayments(query?: PaymentQuery): Promise<PaymentPage>

  createInvoice(request: InvoiceRequest): Promise<InvoiceRecord>
  /** By payment hash. */
  getInvoice(hash: Hex): Promise<InvoiceRecord>
  /** Newest first. */
  listInvoices(): Promise<readonly InvoiceRecord[]>
  /** Resolves when an invoice of this node is settled. @throws ServiceError UNKNOWN_PAYMENT, TIMED_OUT */
  waitForInvoice(hash: Hex, options?: WaitOptions): Promise<InvoiceRecord>
  /** Pays over the network; the same invoice is one payment, however often it is asked (see htlc/pay.ts). */
  payInvoice(request: PayInvoiceRequest): Promise<NetworkPayment>
  getNetworkPayment(hash: Hex): Promise<NetworkPayment>
  /** Newest first. */
  listNetworkPayments(): Promise<readonly NetworkPayment[]>
  getPolicy(channelId: Hex): Promise<FeePolicy>
  /** What this node asks for forwarding over its side of the channel; durable. */
  setPolicy(channelId: Hex, policy: FeePolicy): Promise<FeePolicy>

  /** Makes the channel public as soon as the peer wants it too; never private again. */
  announceChannel(channelId: Hex): Promise<void>
  /** What this node knows of the network. */
  networkGraph(): Promise<GraphView>
  /** A way that a payment could take now; nothing is locked. @throws ServiceError NO_ROUTE */
  findRoute(request: RouteRequest): Promise<RouteView>

  /** Moves own money from one channel to another over a cycle, all hops or none. @throws ServiceError NO_ROUTE, JOINT_FAILED */
  rebalance(request: RebalanceRequest): Promise<RebalanceResult>
  /** Agrees to this node's net position in obligations, so that another party may settle them. Durable. */
  agreeToNetting(request: NettingRequest): Promise<NettingResult>
  /** Settles obligations that all parties agreed to, in one joint payment. @throws ServiceError NO_ROUTE, JOINT_FAILED */
  settleNetting(request: NettingRequest): Promise<NettingResult>

  /**
   * Calls `listener` for every event after this call, in order, after the state it speaks of is durable. A listener must
   * not throw and must be quick. Returns the function that ends the subscription.
   */
  subscribe(listener: (event: NodeEvent) => void): () => void

  /** Stops taking commands, ends what is in flight, closes connections and the store. Idempotent. */
  stop(): Promise<void>
}

export interface WaitOptions {
  /** Give up after this many milliseconds (default: 30,000). */
  readonly timeoutMs?: number
}

export interface PaymentFilter {
  /** Only a payment in this token. */
  readonly token?: Hex
  /** Only a payment of at least this amount. */
  readonly atLeast?: bigint
}

export interface NodeStatus {
  readonly nodeId: string
  /** `nodeId@host:port` for others to dial; absent when the node does not listen. */
  readonly address: string | undefined
  readonly signer: Hex
  /** The account that owns deposits and pays gas. */
  readonly account: Hex
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
  readonly chain: ChainStatus
  readonly peers: { readonly known: number; readonly connected: number }
  readonly channels: { readonly open: number; readonly total: number }
  /** Payments made and received, durable, since the database was created. */
  readonly payments: { readonly sent: bigint; readonly received: bigint }
  readonly limits: NodeLimits
  readonly startedAtMs: number
  readonly running: boolean
}

export interface ChainStatus {
  readonly reachable: boolean
  readonly headBlock: bigint | undefined
  readonly finalBlock: bigint | undefined
  /** Time of the head block, unix seconds. */
  readonly headTimeSeconds: bigint | undefined
}

export interface NodeLimits {
  readonly minLockPeriodSeconds: number
  readonly maxLockPeriodSeconds: number
  readonly defaultLockPeriodSeconds: number
  readonly maxBatch: number
  /** The largest deposit of its own this node puts in when a peer proposes a joint opening, by token address. */
  readonly maxJointDeposit: Readonly<Record<Hex, bigint>>
}

export interface DoctorReport {
  readonly ok: boolean
  readonly findings: readonly DoctorFinding[]
}

export interface DoctorFinding {
  readonly check: 'chain' | 'clock' | 'disk' | 'peers' | 'channels' | 'gas' | 'engine'
  readonly level: 'ok' | 'warning' | 'error'
  /** One plain sentence. */
  readonly message: string
  /** What to do; absent when there is nothing to do. */
  readonly remedy?: string
}

export interface PeerView {
  readonly nodeId: string
  /** Last known `host:port`; absent for a peer that only ever dialled us. */
  readonly address: string | undefined
  readonly connected: boolean
  readonly channels: number
  /** Milliseconds until the next dial; absent when connected or when there is no address. */
  readonly nextDialInMs: number | undefined
}

export interface OpenChannelRequest {
  /** `nodeId@host:port`, or the node id of a known peer. */
  readonly peer: string
  /** The zero address is the native coin. */
  readonly token: Hex
  /** What this node deposits. Zero is allowed when the peer funds. */
  readonly deposit: bigint
  /** What the peer is asked to deposit in the same transaction (`fundJointly`, ERC-20 only). */
  readonly peerDeposit?: bigint
  /** Default: the node's `defaultLockPeriodSeconds`. */
  readonly lockPeriodSeconds?: number
  readonly timeoutMs?: number
}

/**
 * `opening`: agreed with the peer, deposits not final yet. `open`: pays. `closing`: frozen (our mark is durable, or the
 * peer's close was seen). `settled`: paid out, locks may still be claimed or released. `closed`: nothing is left in it.
 */
export type ChannelStatus = 'opening' | 'open' | 'closing' | 'settled' | 'closed'

export type CloseMode = 'cooperative' | 'alone' | 'blind'

export interface ChannelView {
  readonly channelId: Hex
  readonly peer: string
  readonly peerConnected: boolean
  readonly party: 0 | 1
  readonly token: Hex
  readonly lockPeriodSeconds: number
  readonly status: ChannelStatus
  /** What the channel waits for now, derived, in the order it will happen; empty when it is idle. */
  readonly waitingFor: readonly Waiting[]
  /** Deposits that count (final blocks). */
  readonly depositMine: bigint
  readonly depositTheirs: bigint
  readonly withdrawnMine: bigint
  readonly withdrawnTheirs: bigint
  /**
   * What would be ours if the channel settled now on everything sent and received; zero once it has: `close` tells what
   * was paid out.
   */
  readonly mine: bigint
  readonly theirs: bigint
  /** What `pay` can send at this moment. */
  readonly spendable: bigint
  /** What the peer can send us at this moment, as far as we know. */
  readonly receivable: bigint
  /** Signed and not acknowledged yet, plus queued: amount on its way to the peer. */
  readonly pending: bigint
  /** Locked in both directions. */
  readonly lockedMine: bigint
  readonly lockedTheirs: bigint
  readonly outgoing: LineView
  readonly incoming: LineView
  /** Set when the channel ends or ended. */
  readonly close: CloseView | undefined
}

export interface LineView {
  /** Last nonce signed (outgoing) or accepted (incoming). */
  readonly nonce: bigint
  /** Last nonce with both signatures. */
  readonly ackedNonce: bigint
  /** Cumulative amount paid by that line. */
  readonly sent: bigint
  /** Cumulative amount of the agreed line. */
  readonly ackedSent: bigint
}

export interface Waiting {
  readonly what:
    | 'peer-agreement'
    | 'deposit-transaction'
    | 'deposit-final'
    | 'acknowledgement'
    | 'peer-connection'
    | 'withdraw-signature'
    | 'withdraw-transaction'
    | 'withdraw-final'
    | 'close-signature'
    | 'close-transaction'
    | 'challenge-transaction'
    | 'update-transaction'
    | 'settle-time'
    | 'settle-transaction'
    | 'lock-claims'
    | 'lock-release'
    | 'claimable'
    | 'finality'
  readonly message: string
  /** When it is due at the latest, where that is known. */
  readonly dueAtMs: number | undefined
}

export interface CloseView {
  readonly mode: 'together' | 'alone' | 'blind'
  /** Who closed; undefined for `together` and before the chain shows it. */
  readonly by: 'us' | 'peer' | undefined
  /** End of the challenge period, unix seconds. */
  readonly endsAtSeconds: bigint | undefined
  /** Set when the closer was shown to have lied: who lost, and how much went to the other side. */
  readonly forfeited: { readonly by: 'us' | 'peer'; readonly amount: bigint } | undefined
  /** Paid to our owner by the bank at or after the close; claimable balances included. */
  readonly paidMine: bigint | undefined
  readonly paidTheirs: bigint | undefined
  readonly transactions: readonly Hex[]
}

export type PaymentDirection = 'outgoing' | 'incoming'

/**
 * Outgoing: `queued` (not durable yet), `sent` (durable here, released), `accepted` (the peer acknowledged a line that
 * contains it, or the channel ended on one), `refused` (void for ever: the peer acknowledged a later line without it, or the
 * channel ended without it; the reference may be paid again).
 * Incoming: `accepted`; `refused` when the channel ended, in final blocks, on an earlier line of the peer: what was accepted
 * was not shown to the bank in time and never paid out. What was refused when it came never existed.
 */
export type PaymentState = 'queued' | 'sent' | 'accepted' | 'refused'

export interface PayRequest {
  /** Pay over this channel; or give `peer` to let the node choose one with that peer. */
  readonly channelId?: Hex
  readonly peer?: string
  readonly amount: bigint
  /** 32 bytes, chosen by the payer or given by the payee. */
  readonly reference: Hex
  readonly until?: 'sent' | 'accepted'
  readonly timeoutMs?: number
}

export interface PayBatchRequest {
  readonly channelId?: Hex
  readonly peer?: string
  readonly payments: readonly { readonly amount: bigint; readonly reference: Hex }[]
  readonly until?: 'sent' | 'accepted'
  readonly timeoutMs?: number
}

export interface PayBatchResult {
  readonly channelId: Hex
  readonly count: number
  readonly amount: bigint
  readonly state: PaymentState
}

export interface PaymentView {
  readonly direction: PaymentDirection
  readonly reference: Hex
  readonly channelId: Hex
  readonly peer: string
  readonly token: Hex
  readonly amount: bigint
  readonly state: PaymentState
  /** The line that carries it, and its place in it; undefined while queued. */
  readonly nonce: bigint | undefined
  readonly index: number | undefined
  readonly atMs: number
}

export interface PaymentQuery {
  readonly direction?: PaymentDirection
  readonly channelId?: Hex
  /** Opaque; from the previous page's `next`. */
  readonly cursor?: string
  /** At most 1,000; default 100. */
  readonly limit?: number
}

export interface PaymentPage {
  /** Newest first. */
  readonly payments: readonly PaymentView[]
  readonly next: string | undefined
}

export type NodeEvent =
  | { readonly type: 'peer'; readonly atMs: number; readonly nodeId: string; readonly connected: boolean }
  | { readonly type: 'channel'; readonly atMs: number; readonly channel: ChannelView }
  /** One a group commit and channel, not one a payment: totals of what became durable. */
  | {
      readonly type: 'payments'
      readonly atMs: number
      readonly channelId: Hex
      readonly direction: PaymentDirection
      readonly state: PaymentState
      readonly count: number
      readonly amount: bigint
    }
  | { readonly type: 'chain'; readonly atMs: number; readonly chain: ChainStatus }
  | { readonly type: 'invoice'; readonly atMs: number; readonly hash: Hex; readonly received: bigint }
  | {
      readonly type: 'network-payment'
      readonly atMs: number
      readonly hash: Hex
      readonly state: NetworkPayment['state']
      readonly parts: number
      readonly pending: number
    }
  | { readonly type: 'warning'; readonly atMs: number; readonly code: string; readonly message: string }
