/**
 * What the engine does after a step, in this order, once the new state is durable. Every effect is safe to perform again:
 * the engine looks first whether the channel already holds what it asks for.
 */

import type { JointPayMessage } from '../wire/message.ts'
import type { JointOutcome, LockPlace } from './state.ts'
import type { JointHop } from './terms.ts'

export type JointEffect =
  /** To the neighbour with this signer, when connected; otherwise nothing: `connected` makes it again. */
  | { readonly type: 'send'; readonly to: Uint8Array; readonly message: JointPayMessage }
  /**
   * Lock `terms.amount` on the condition until the terms' expiry in the hop's channel, unless a live line holds it already.
   * Answer with `lock-placed`, or with `lock-void` when it cannot be made.
   */
  | { readonly type: 'place-lock'; readonly hop: number; readonly terms: JointHop }
  /** Do not place it any more. Answer with `lock-void` when no line with it was persisted, else with `lock-placed`. */
  | { readonly type: 'cancel-lock'; readonly hop: number }
  /**
   * Unlock the own lock at the next update. `key` is empty when only the registry's final resolution allows it (LK-12).
   * Answer with `lock-folded` once acknowledged.
   */
  | { readonly type: 'unlock'; readonly hop: number; readonly at: LockPlace; readonly key: Uint8Array }
  /** Drop the own lock: final blocks show that it expired. Answer with `lock-void` once acknowledged. */
  | { readonly type: 'drop-lock'; readonly hop: number; readonly at: LockPlace }
  /** `know-key` of the incoming lock's channel: to claim with it, and with `release` to show it to the payer. */
  | {
      readonly type: 'show-key'
      readonly hop: number
      readonly at: LockPlace
      readonly key: Uint8Array
      readonly release: boolean
    }
  /** `ask-fail` of the incoming lock's channel: irrevocable (LK-32). */
  | { readonly type: 'ask-fail'; readonly hop: number; readonly at: LockPlace; readonly reason: number }
  /** Send the key to the registry now, and see it included before the expiry (LK-13). `keyToChain(decodeKey(key))`. */
  | { readonly type: 'post-key'; readonly key: Uint8Array }
  /** The final answer for the local caller. */
  | { readonly type: 'finished'; readonly outcome: JointOutcome }
