/** Every transaction a node can make, as data. Source: docs/spec/bank.md, docs/spec/registry.md. */

import type { Hex } from '../encoding/bytes.ts'
import type { Direction, Party } from '../encoding/signable.ts'
import type {
  ChainContent,
  ChainEvidence,
  ChainLock,
  ChainParams,
  ChainStatement,
  ChainUpdate,
  ClosingRecord,
  SettlementRecord,
} from './chain-types.ts'

type Pair<T> = readonly [T, T]

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
