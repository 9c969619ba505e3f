/** What happens to a joint payment: facts of this node's channels and of the chain, messages of neighbours, the clock. */

import type { JointPayMessage } from '../wire/message.ts'
import type { JointRefusalCode } from './refusal.ts'
import type { LockPlace } from './state.ts'

/**
 * `hop` is the number of an own hop in the terms (`hopOf`). Every fact may be told again: it changes nothing then. Facts
 * about locks are told once they are durable, in the same transaction as the line that made them or later.
 */
export type JointInput =
  /** From the neighbour with this signer (20 bytes), over the connection of a channel with it. */
  | { readonly type: 'message'; readonly from: Uint8Array; readonly message: JointPayMessage }
  /** A connection to the neighbour is up and synced: it gets again what it may have missed. */
  | { readonly type: 'connected'; readonly peer: Uint8Array }
  /** A line with this incoming lock is accepted. Never told of a lock that was asked to fail outside this machine. */
  | {
      readonly type: 'lock-accepted'
      readonly hop: number
      readonly at: LockPlace
      readonly amount: bigint
      readonly expiry: number
    }
  /** The accepted line unlocks it: this party is paid. Tell `key-seen` first when the unlock carried the key. */
  | { readonly type: 'lock-paid'; readonly hop: number; readonly at: LockPlace }
  /** The accepted line drops it, after `ask-fail` or the expiry. */
  | { readonly type: 'lock-dropped'; readonly hop: number; readonly at: LockPlace }
  /** A line with this own lock is signed and durable. */
  | { readonly type: 'lock-placed'; readonly hop: number; readonly at: LockPlace }
  /**
   * The own lock can never pay: dropped in an acknowledged line, absent from a later acknowledged line, or never made
   * (`cancel-lock` before any line with it was persisted, or the payer's machine refused to make it) (LK-30).
   */
  | { readonly type: 'lock-void'; readonly hop: number }
  /**
   * The neighbour refused the line with the own lock, and it will not be sent again; or it asked to fail the lock. It may
   * still be live (LN-32): `lock-void` follows.
   */
  | { readonly type: 'lock-refused'; readonly hop: number }
  /** The own lock is unlocked in an acknowledged line. */
  | { readonly type: 'lock-folded'; readonly hop: number }
  /** Bytes of a key (EN-85) that a neighbour showed for a lock of this id, or that the registry's event carried. */
  | { readonly type: 'key-seen'; readonly key: Uint8Array }
  /**
   * What final blocks say of the condition: when it was met (unix seconds, 0: not), read at or after the block of
   * `timeSeconds`.
   */
  | { readonly type: 'final'; readonly timeSeconds: number; readonly resolvedAt: number }
  /** Time went on (`jointWakeAtMs` says when this matters). */
  | { readonly type: 'tick' }
  /** The operator, or the node's policy, gives it up. Refused once this party has signed. */
  | { readonly type: 'give-up'; readonly code: JointRefusalCode }
  /** After a restart: everything that is to be done comes again, but messages, which wait for `connected`. */
  | { readonly type: 'resume' }
