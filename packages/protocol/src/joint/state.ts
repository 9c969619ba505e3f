/**
 * The state of one joint payment as one party sees it, and its full record: terms, every signature, receipts, abort, what
 * became of its own locks. Every value is immutable. Stored by `encodeJoint` (stored.ts). What is to be done is derived
 * from it (dues.ts), never stored.
 */

import type { Domain } from '../encoding/domain.ts'
import type { SignedApproval } from '../locks/key.ts'
import type { JointGraph } from './graph.ts'
import type { JointRefusalCode } from './refusal.ts'
import type { JointIds, JointTerms } from './terms.ts'

export interface JointState {
  readonly setup: JointSetup
  readonly startedAtMs: number
  /** When something last went forward: a lock, a signature. */
  readonly progressAtMs: number
  /** Own hops in the order of the terms. */
  readonly outgoing: readonly OutgoingHop[]
  readonly incoming: readonly IncomingHop[]
  /** One for each key of the condition, as far as known. Own ones are made once and durable before they are shown. */
  readonly approvals: readonly (SignedApproval | undefined)[]
  /** Encoded (EN-85), once every approval is known. */
  readonly key: KnownKey | undefined
  /** This party has not signed and never will (LK-31): never undone. */
  readonly givenUp: boolean
  /** Why: of this node, or as told by another party. Set once. */
  readonly complaint: Complaint | undefined
  /** The customer's signature over JointAbort. */
  readonly abort: Uint8Array | undefined
  /** One for each payee of the terms: its signature over JointReceipt. */
  readonly receipts: readonly (Uint8Array | undefined)[]
  /** The key went, or is going, to the registry. */
  readonly posted: boolean
  /** What final blocks say: when the condition was met, or that it never was. */
  readonly final: JointFinality | undefined
  /** Told to the local caller. Set once. */
  readonly outcome: JointOutcome | undefined
}

/** What never changes. Made by `startJoint`. */
export interface JointSetup extends JointIds {
  readonly terms: JointTerms
  /** The terms' bytes, as they are signed and sent. */
  readonly encoded: Uint8Array
  /** Of the condition registry. */
  readonly registry: Domain
  readonly graph: JointGraph
  /** Number of this node's signer in `keys`. */
  readonly self: number
}

/** Slot and life of a lock in its channel and direction. */
export interface LockPlace {
  readonly slot: number
  readonly born: number
}

export interface OutgoingHop {
  /** Number of the hop in the terms. */
  readonly hop: number
  /**
   * none: nothing asked for. asked: `place-lock` is out, a line with it may exist. placed: a line with it is signed. void: no
   * line that the payee may use holds it, and none will. folded: unlocked, in an acknowledged line.
   */
  readonly status: 'none' | 'asked' | 'placed' | 'void' | 'folded'
  readonly at: LockPlace | undefined
}

export interface IncomingHop {
  readonly hop: number
  /** held: in an accepted line, with the amount and expiry of the terms unless `failing`. */
  readonly status: 'none' | 'held' | 'dropped' | 'folded'
  readonly at: LockPlace | undefined
  /** This node asked to fail it: irrevocable (LK-32). */
  readonly failing: boolean
}

export interface KnownKey {
  readonly bytes: Uint8Array
  /** Known by `expiry - T`: it may be shown and used by message; else only the registry counts (LK-12). */
  readonly inTime: boolean
}

export interface Complaint {
  readonly code: JointRefusalCode
  /** Number of the party it is told of: not proved when that is another. */
  readonly party: number
}

export type JointFinality =
  /** Unix seconds, at or before the expiry. */
  { readonly type: 'met'; readonly atSeconds: number } | { readonly type: 'expired' }

export type JointOutcome =
  /** By receipts of all payees, by the unlocked own locks, or by a final resolution in time. */
  | { readonly type: 'paid'; readonly proof: 'receipts' | 'folded' | 'registry' }
  /** This party neither pays nor is paid by this id any more; the customer may pay again with a new salt at once. */
  | { readonly type: 'failed'; readonly complaint: Complaint }
