/**
 * What the contracts store, say and take, mirrored field by field from `contracts/src/interfaces/Types.sol`.
 *
 * Every integer of a contract is a `bigint` except `uint8`, `uint16` and `uint32`; times on chain are unix seconds; 32-byte
 * words, addresses (20 bytes), signatures (64 bytes, EIP-2098 compact `r ++ vs`) and byte strings are lower-case `0x`
 * hexadecimal. Source: docs/spec/encoding.md.
 */

import type { Hex } from '../encoding/bytes.ts'
import type { Direction, Party } from '../encoding/signable.ts'

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
