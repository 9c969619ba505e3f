/**
 * The chain port: what the engine asks of a blockchain, and what the chain tells the engine. Owned by the core; adapters
 * implement it (`@tallystick/evm` on viem) and prove it with one conformance suite.
 *
 * Invariant: money counts only from `final` facts. A `seen` event may be taken back by a `retracted` one.
 * Source: docs/spec/bank.md, docs/spec/registry.md.
 */

import type { Hex } from '../encoding/bytes.ts'
import type { ChainCall } from './chain-calls.ts'
import type { ChainError } from './chain-errors.ts'
import type {
  BlockRef,
  ChainContent,
  ChainEvent,
  ChainParams,
  ClosingRecord,
  SettlementRecord,
} from './chain-types.ts'

export * from './chain-calls.ts'
export * from './chain-errors.ts'
export * from './chain-types.ts'

type Pair<T> = readonly [T, T]

/**
 * What `watch` delivers, one at a time, in this order: a block's `seen` events in log order, then its `head`; when a block
 * leaves the chain its `seen` events are `retracted`, newest first, before anything of the new branch; when blocks become
 * final, one `final` with all their events in chain order. Every event reaches a `final` exactly once for each stay on
 * the chain, whether it was `seen` before or not (history is delivered as `final` only).
 */
export type ChainFact =
  | { readonly kind: 'head'; readonly block: BlockRef }
  | { readonly kind: 'seen'; readonly event: ChainEvent }
  | { readonly kind: 'retracted'; readonly event: ChainEvent }
  /**
   * Every event above the previous `final` block, up to and including `block`. Persist the effect of the events and
   * `block` as the new cursor in one transaction: a restart from that cursor misses nothing and repeats nothing.
   */
  | { readonly kind: 'final'; readonly block: BlockRef; readonly events: readonly ChainEvent[] }
  /**
   * A block that was reported final left the chain (finality depth too small, or a development chain was reset). Every
   * fact above `to` never happened: forget it; `final` facts start again above `to`. `to` undefined: forget everything.
   */
  | { readonly kind: 'rewound'; readonly from: BlockRef; readonly to: BlockRef | undefined }
  | { readonly kind: 'health'; readonly health: ChainHealth }

export type ChainHealth =
  | { readonly state: 'connecting' }
  | { readonly state: 'live'; readonly head: BlockRef; readonly final: BlockRef | undefined }
  /** The RPC cannot be used now; the adapter goes on trying and will miss nothing. */
  | {
      readonly state: 'lost'
      readonly error: ChainError
      readonly attempts: number
      readonly retryInMs: number
    }
  /** Another chain or other contracts answer at the configured place: nothing is read or sent until it is put right. */
  | { readonly state: 'wrong'; readonly error: ChainError; readonly retryInMs: number }

export interface ChainWatch {
  /** Stops delivery and resolves once no `deliver` call is running (so `deliver` must not wait for it). Idempotent. */
  stop(): Promise<void>
  /** Resolves after `stop`; rejects with what `deliver` threw, after which nothing more is delivered. */
  readonly done: Promise<void>
}

/** Where to read: the newest block, the newest final block, or one block by reference (its hash must be canonical). */
export type ReadAt = 'head' | 'final' | BlockRef

export type ChainChannelStatus = 'none' | 'open' | 'closing' | 'settled' | 'closed'

/** What the bank stores for a channel, all read at the same block. */
export interface ChannelReading {
  readonly block: BlockRef
  readonly channelId: Hex
  readonly status: ChainChannelStatus
  /** Zero unless open. */
  readonly deposits: Pair<bigint>
  readonly withdrawn: Pair<bigint>
  /** Commitment to the closing or settlement record; the zero word in any other status. */
  readonly commitment: Hex
}

/** The record the bank wants back in the next call, rebuilt from events and checked against the bank's commitment. */
export type ChannelRecord =
  | {
      readonly kind: 'closing'
      readonly block: BlockRef
      readonly params: ChainParams
      readonly closing: ClosingRecord
      /** The contents by direction where they are known on chain (`update` does not open one unless blind). */
      readonly contents: Pair<ChainContent | undefined>
    }
  | {
      readonly kind: 'settled'
      readonly block: BlockRef
      readonly params: ChainParams
      readonly settlement: SettlementRecord
    }

export interface TokenMetadata {
  readonly address: Hex
  readonly name: string
  readonly symbol: string
  readonly decimals: number
}

/** How a submission is getting on. `seen` and `dropped` may alternate while the chain reorganises. */
export type SubmissionProgress =
  | {
      readonly stage: 'sent'
      readonly transactionHash: Hex
      readonly nonce: number
      readonly maxFeePerGas: bigint
      /** 1 for the first transaction, more for each replacement with a higher fee. */
      readonly attempt: number
    }
  | {
      readonly stage: 'seen'
      readonly transactionHash: Hex
      readonly block: BlockRef
      /** It was included and did nothing; `submit` rejects with `reverted` once that is final. */
      readonly reverted: boolean
    }
  /**
   * A reorganisation took the transaction out of the chain, or another transaction of the account took its nonce (the
   * account is used elsewhere); it is sent again.
   */
  | { readonly stage: 'dropped'; readonly transactionHash: Hex }
  /** Something outside keeps it from going on; it is tried again until it goes or the caller aborts. */
  | { readonly stage: 'waiting'; readonly error: ChainError }

/** The part of the platform's `AbortSignal` that the port uses; the core is compiled without platform types. */
export interface AbortSignalLike {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export interface SubmitOptions {
  /**
   * Names this intention, for ever: a second `submit` of the same call with the same key (also after a restart) joins the
   * first and never makes a second effective transaction; another call under a used key is refused with
   * `invalid_argument`. A call that was refused before it was signed, whose transaction reverted in a final block, or whose
   * nonce went to another transaction for ever and that was not sent again, did nothing: its key can be used again. Store
   * the key before the call.
   */
  readonly key: string
  /** In order; must not throw. */
  readonly onProgress?: (progress: SubmissionProgress) => void
  /** Stops waiting (rejects with `aborted`); a transaction that was already signed may still be included. */
  readonly signal?: AbortSignalLike
}

/** A transaction in a final block. */
export interface SubmissionResult {
  readonly key: string
  readonly transactionHash: Hex
  readonly block: BlockRef
  /** What the bank and the registry said in it. */
  readonly events: readonly ChainEvent[]
  readonly gasUsed: bigint
  /** Wei. */
  readonly feePaid: bigint
}

/**
 * Where submissions survive a restart: the signed transaction is written here before it is released. Without it a crash
 * between sending and remembering could pay twice. `record` is opaque text of the adapter; writes are durable on return.
 */
export interface SubmissionJournal {
  load(): Promise<readonly { readonly key: string; readonly record: string }[]>
  save(key: string, record: string): Promise<void>
}

export interface ChainPort {
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
  /** The one account that signs transactions, pays gas and owns this node's deposits. */
  readonly account: Hex

  /** As the running watch last saw it; `connecting` before the first. */
  health(): ChainHealth
  /**
   * Delivers facts from just above `cursor` (the `block` of the last `final` fact that was persisted), or from the bank's
   * first block when undefined. `deliver` is awaited: one fact at a time. Works through RPC loss for ever.
   */
  watch(cursor: BlockRef | undefined, deliver: (fact: ChainFact) => void | Promise<void>): ChainWatch

  /** Checks chain id, and that the code at the bank and the registry is ours. @throws ChainError `wrong_chain`, `wrong_contract`. */
  verify(): Promise<void>
  block(at: 'head' | 'final'): Promise<BlockRef>
  channel(channelId: Hex, at: ReadAt): Promise<ChannelReading>
  /** Undefined when the channel is not closing or settled with locks at that block. */
  record(channelId: Hex, at: ReadAt): Promise<ChannelRecord | undefined>
  /** Unix seconds at which the condition was first met; 0n when it was not. */
  resolvedAt(conditionId: Hex, at: ReadAt): Promise<bigint>
  claimable(owner: Hex, token: Hex, at: ReadAt): Promise<bigint>
  token(address: Hex): Promise<TokenMetadata>
  /** The zero token is the native coin (wei). */
  balance(token: Hex, owner: Hex, at: ReadAt): Promise<bigint>
  /** What the bank may pull from `owner`. */
  allowance(token: Hex, owner: Hex, at: ReadAt): Promise<bigint>

  /** Locally computed (EN-20), without a request. @throws ChainError `invalid_argument` */
  channelIdOf(params: ChainParams): Hex
  /** Simulates the call at the head and changes nothing. @throws ChainError `refused_by_contract` and others. */
  simulate(call: ChainCall): Promise<void>
  /**
   * Simulates, signs, journals and sends the call; replaces it with a higher fee while it is not included; sends it again
   * when a reorganisation drops it; resolves when its block is final. RPC loss only delays it. One that the account can no
   * longer pay for gives way to later ones: once that is final, it ends with `insufficient_gas_funds`.
   * @throws ChainError when the call is refused, reverted, unaffordable, or aborted.
   */
  submit(call: ChainCall, options: SubmitOptions): Promise<SubmissionResult>
  /**
   * The other owner's part of `fundJointly`: signs EIP-712 `JointFunding`, built here from these fields. The account must
   * be the owner that does not send. Its allowance for its own amount must be set first (`approve`).
   */
  authoriseJointFunding(request: JointFundingRequest): Promise<Hex>

  /** Ends watches and pending submissions (their promises reject with `stopped`). Idempotent. */
  stop(): Promise<void>
}

export interface JointFundingRequest {
  readonly params: ChainParams
  readonly amounts: Pair<bigint>
  /** The other owner, who sends the transaction. */
  readonly sender: Hex
  readonly validUntil: bigint
}
