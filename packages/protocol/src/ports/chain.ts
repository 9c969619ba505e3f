/**
 * The chain port: what the engine asks of a blockchain, and what the chain tells the engine. Owned by the core; adapters
 * implement it (`@tallystick/evm` on viem) and prove it with one conformance suite.
 *
 * The shapes here mirror `contracts/src/interfaces/Types.sol` field by field. Every integer of a contract is a `bigint`
 * except `uint8`, `uint16` and `uint32`; times on chain are unix seconds; 32-byte words, addresses (20 bytes), signatures
 * (64 bytes, EIP-2098 compact `r ++ vs`) and byte strings are lower-case `0x` hexadecimal.
 *
 * Invariant: money counts only from `final` facts. A `seen` event may be taken back by a `retracted` one.
 * Source: docs/spec/bank.md, docs/spec/registry.md.
 */

type Hex = `0x${string}`
type Party = 0 | 1
/** 0: party 0 pays party 1; 1: the other way (EN-32). */
type Direction = 0 | 1
type Pair<T> = readonly [T, T]

export interface ChainParams {
  readonly owner: Pair<Hex>
  readonly signer: Pair<Hex>
  /** The zero address is the native coin. */
  readonly token: Hex
  /** Seconds. */
  readonly lockPeriod: number
  readonly salt: bigint
}

export interface ChainContent {
  readonly sent: bigint
  readonly locked: bigint
  /** Unix seconds. */
  readonly lockedUntil: bigint
  readonly locksRoot: Hex
  readonly memoRoot: Hex
}

export interface ChainStatement {
  readonly outNonce: bigint
  readonly outAcked: bigint
  readonly outContent: ChainContent
  readonly outAck: Hex
  readonly inNonce: bigint
  readonly inAcked: bigint
  readonly inContent: ChainContent
  readonly inPromise: Hex
}

export interface ChainUpdate {
  readonly line: { readonly nonce: bigint; readonly acked: bigint; readonly contentHash: Hex }
  readonly promise: Hex
  readonly ack: Hex
  /** Opened only in a blind close; left out otherwise. */
  readonly content?: ChainContent
  /** Left out when the receiver's signer acknowledged itself. */
  readonly delegation?: { readonly key: Hex; readonly validUntil: bigint; readonly signature: Hex }
}

export interface ChainEvidence {
  /** The direction of the line that the signature is on. */
  readonly direction: Direction
  readonly nonce: bigint
  readonly acked: bigint
  readonly contentHash: Hex
  readonly signature: Hex
}

export interface ChainLock {
  readonly slot: number
  readonly amount: bigint
  readonly condition: Hex
  /** Unix seconds, good on that second. */
  readonly expiry: bigint
  /** Nine siblings, leaf upwards (EN-43). */
  readonly path: readonly Hex[]
}

/** The bank's record of a closing channel; the bank itself stores only its hash. */
export interface ClosingRecord {
  readonly party: Party
  readonly blind: boolean
  readonly closedAt: bigint
  readonly endsAt: bigint
  readonly statedOut: bigint
  readonly outNonce: bigint
  readonly outHash: Hex
  readonly inNonce: bigint
  readonly inHash: Hex
  readonly base: Pair<bigint>
  readonly held: bigint
  readonly paidToPeer: bigint
}

/** The bank's record of a settled channel that still has locks; the bank itself stores only its hash. */
export interface SettlementRecord {
  readonly owed: Pair<bigint>
  readonly held: bigint
  readonly locked: Pair<bigint>
  readonly locksRoot: Pair<Hex>
  readonly releaseAfter: Pair<bigint>
  /** By direction: 512 bits, one a slot, as two words (slot 0 is the lowest bit of the first). */
  readonly claimed: Pair<Pair<bigint>>
}

export interface BlockRef {
  readonly number: bigint
  readonly hash: Hex
  readonly timestampSeconds: bigint
}

/** What an event says, by the contract's own name for it. */
export type ChainEventData =
  | {
      readonly name: 'Funded'
      readonly channelId: Hex
      readonly party: Party
      readonly amount: bigint
      readonly params: ChainParams
    }
  | { readonly name: 'Withdrawn'; readonly channelId: Hex; readonly party: Party; readonly total: bigint }
  | {
      readonly name: 'ClosedTogether'
      readonly channelId: Hex
      readonly paid0: bigint
      readonly paid1: bigint
    }
  | {
      readonly name: 'Closed'
      readonly channelId: Hex
      readonly closing: ClosingRecord
      readonly outContent: ChainContent
      readonly inContent: ChainContent
    }
  | {
      readonly name: 'Updated'
      readonly channelId: Hex
      readonly closing: ClosingRecord
      /** All zero unless the close is blind. */
      readonly content: ChainContent
    }
  | {
      readonly name: 'Challenged'
      readonly channelId: Hex
      readonly party: Party
      readonly forfeited: bigint
    }
  | {
      readonly name: 'Settled'
      readonly channelId: Hex
      readonly paid0: bigint
      readonly paid1: bigint
      readonly settlement: SettlementRecord
    }
  | {
      readonly name: 'LocksClaimed'
      readonly channelId: Hex
      readonly direction: Direction
      readonly amount: bigint
      readonly paid: bigint
      /** The bitmap of this direction after the claim. */
      readonly claimed: Pair<bigint>
    }
  | {
      readonly name: 'LocksReleased'
      readonly channelId: Hex
      readonly direction: Direction
      readonly amount: bigint
      readonly paid: bigint
    }
  | { readonly name: 'PayoutFailed'; readonly owner: Hex; readonly token: Hex; readonly amount: bigint }
  | {
      readonly name: 'ClaimableTaken'
      readonly owner: Hex
      readonly token: Hex
      readonly to: Hex
      readonly amount: bigint
    }
  | { readonly name: 'Resolved'; readonly conditionId: Hex; readonly kind: number; readonly key: Hex }

export type ChainEventName = ChainEventData['name']

/** An event of the bank or the registry in its place on the chain. `(block.hash, logIndex)` identifies it. */
export type ChainEvent = ChainEventData & {
  readonly block: BlockRef
  readonly transactionHash: Hex
  readonly logIndex: number
}

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
  | { readonly state: 'live'; readonly head: BlockRef; readonly final: BlockRef }
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
  /** Stops delivery and resolves once no `deliver` call is running. Idempotent. */
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

export interface ChainApproval {
  readonly signature: Hex
  /** A signature over the condition itself has index 0 and no path; else the leaf's place in a signed batch. */
  readonly index: bigint
  readonly path: readonly Hex[]
}

export type ChainResolution =
  | { readonly kind: 'hash'; readonly preimage: Hex }
  | {
      readonly kind: 'signed'
      /** Strictly ascending. */
      readonly keys: readonly Hex[]
      readonly termsHash: Hex
      readonly approvals: readonly ChainApproval[]
    }
  | { readonly kind: 'contract'; readonly target: Hex; readonly callData: Hex }

/** Every transaction a node can make. The sender is always the port's `account`. */
export type ChainCall =
  | {
      readonly kind: 'fund'
      readonly params: ChainParams
      readonly party: Party
      readonly amount: bigint
    }
  | {
      readonly kind: 'fundJointly'
      readonly params: ChainParams
      readonly party: Party
      readonly amounts: Pair<bigint>
      readonly validUntil: bigint
      readonly authorisation: Hex
    }
  | {
      readonly kind: 'withdraw'
      readonly params: ChainParams
      readonly party: Party
      readonly total: bigint
      readonly validUntil: bigint
      readonly signatures: Pair<Hex>
    }
  | {
      readonly kind: 'closeTogether'
      readonly params: ChainParams
      readonly delta: bigint
      readonly validUntil: bigint
      readonly signatures: Pair<Hex>
    }
  | {
      readonly kind: 'close'
      readonly params: ChainParams
      readonly party: Party
      readonly statement: ChainStatement
    }
  | {
      readonly kind: 'closeFor'
      readonly params: ChainParams
      readonly party: Party
      readonly statement: ChainStatement
      readonly validUntil: bigint
      readonly signature: Hex
    }
  | { readonly kind: 'closeBlind'; readonly params: ChainParams; readonly party: Party }
  | {
      readonly kind: 'closeBlindFor'
      readonly params: ChainParams
      readonly party: Party
      readonly validUntil: bigint
      readonly signature: Hex
    }
  | {
      readonly kind: 'update'
      readonly params: ChainParams
      readonly closing: ClosingRecord
      readonly update: ChainUpdate
    }
  | {
      readonly kind: 'challenge'
      readonly params: ChainParams
      readonly closing: ClosingRecord
      readonly evidence: ChainEvidence
    }
  | {
      readonly kind: 'settle'
      readonly params: ChainParams
      readonly closing: ClosingRecord
      /** By direction. */
      readonly contents: Pair<ChainContent>
    }
  | {
      readonly kind: 'claimLocks'
      readonly params: ChainParams
      readonly settlement: SettlementRecord
      readonly direction: Direction
      readonly locks: readonly ChainLock[]
    }
  | {
      readonly kind: 'releaseLocks'
      readonly params: ChainParams
      readonly settlement: SettlementRecord
      readonly direction: Direction
    }
  | { readonly kind: 'takeClaimable'; readonly token: Hex; readonly to: Hex }
  | { readonly kind: 'resolve'; readonly resolutions: readonly ChainResolution[] }
  /** ERC-20 allowance of the bank, exactly this amount; `fund` and `fundJointly` set what the sender itself needs. */
  | { readonly kind: 'approve'; readonly token: Hex; readonly amount: bigint }
  /** From the account to any address; the zero token is the native coin. */
  | { readonly kind: 'transfer'; readonly token: Hex; readonly to: Hex; readonly amount: bigint }

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
  | { readonly stage: 'seen'; readonly transactionHash: Hex; readonly block: BlockRef }
  /** A reorganisation took the transaction out of the chain, or the node forgot it; it is sent again. */
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
   * Names this intention, for ever: a second `submit` with the same key (also after a restart) joins the first and never
   * makes a second transaction, whatever the call. Use a key that is stored before the call.
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

  /** Locally computed (EN-20), without a request. */
  channelIdOf(params: ChainParams): Hex
  /** Simulates the call at the head and changes nothing. @throws ChainError `refused_by_contract` and others. */
  simulate(call: ChainCall): Promise<void>
  /**
   * Simulates, signs, journals and sends the call; replaces it with a higher fee while it is not included; sends it again
   * when a reorganisation drops it; resolves when its block is final. RPC loss only delays it.
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

/** What the caller does next: `retry` the same later, `fix` what `field` names, or accept that it is `final`. */
export type ChainErrorConsequence = 'retry' | 'fix' | 'final'

export type ChainErrorCode =
  /** The endpoint does not answer, times out or refuses. */
  | 'rpc_unavailable'
  /** The endpoint answers, but not what Ethereum JSON-RPC says. */
  | 'rpc_garbage'
  /** The endpoint does not know a block or state it should (lagging or pruned). */
  | 'state_unavailable'
  | 'wrong_chain'
  | 'wrong_contract'
  | 'invalid_argument'
  /** The contract refuses the call in simulation; `contractError` names its error. */
  | 'refused_by_contract'
  /** It was included and reverted: the chain changed between simulation and inclusion. */
  | 'reverted'
  | 'insufficient_gas_funds'
  | 'insufficient_token_funds'
  /** Another transaction of the same account took the nonce: the account is used elsewhere. */
  | 'replaced'
  | 'not_a_token'
  | 'aborted'
  | 'stopped'

export interface ChainErrorDetails {
  /** What to look at: a configuration key, a call's field, or an account. */
  readonly field: string
  /** One sentence: what to do. */
  readonly remedy: string
  readonly consequence: ChainErrorConsequence
  /** The contract's custom error, decoded. */
  readonly contractError?: { readonly name: string; readonly args: readonly unknown[] }
  readonly cause?: unknown
}

/** Every failure of the chain port: which field is wrong, and what to do. */
export class ChainError extends Error {
  override readonly name = 'ChainError'
  readonly code: ChainErrorCode
  readonly field: string
  readonly remedy: string
  readonly consequence: ChainErrorConsequence
  readonly contractError: { readonly name: string; readonly args: readonly unknown[] } | undefined

  constructor(code: ChainErrorCode, message: string, details: ChainErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.field = details.field
    this.remedy = details.remedy
    this.consequence = details.consequence
    this.contractError = details.contractError
  }
}
