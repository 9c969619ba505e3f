/** What happens to a channel: commands of this node, facts of the chain, messages of the peer. */

import type { Key } from '../locks/key.ts'
import type { Operation } from '../payment/operation.ts'
import type { ChannelMessage } from '../wire/message.ts'
import type { ChainView } from './state.ts'

export type ChannelInput =
  /** Sign one line with these operations in this order; none: a line that clears burnt ones (LN-16). */
  | { readonly type: 'send'; readonly operations: readonly Operation[] }
  /** Once a group commit: acknowledge the newest accepted line (LN-41). Give it before `send` of the same group. */
  | { readonly type: 'flush' }
  | { readonly type: 'message'; readonly message: ChannelMessage }
  /** A connection to the peer is up: answers with our sync. */
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  /** What a newer final block says. */
  | { readonly type: 'chain'; readonly view: ChainView }
  /** Anything in the chain's newest blocks shows that someone closed, final or not: freeze at once (CL-1). */
  | { readonly type: 'close-seen' }
  /** Take `total - withdrawn` more out in place (WD-1). `total` is cumulative, `validUntil` unix seconds. */
  | { readonly type: 'withdraw'; readonly total: bigint; readonly validUntil: number }
  /** Offer to close together on the last agreed lines (CL-20). */
  | { readonly type: 'close-together'; readonly validUntil: number }
  /** Mark the channel closing and fix the statement (CL-1); `blind` only after lost data. Idempotent. */
  | { readonly type: 'freeze'; readonly blind: boolean }
  /** Sign the fixed statement for a relayer; needs the freeze. */
  | { readonly type: 'sign-statement'; readonly validUntil: number }
  /** This node's data is a restored backup (CL-30). */
  | { readonly type: 'data-lost' }
  /** After lost data: sign this CloseTogether offer of the peer, which the operator judged. */
  | {
      readonly type: 'consent-while-lost'
      readonly delta: bigint
      readonly validUntil: number
      readonly signature: Uint8Array
    }
  /** Keep the key of an incoming lock (to claim with it); `release`: also show it to the payer, so that it unlocks. */
  | {
      readonly type: 'know-key'
      readonly slot: number
      readonly born: number
      readonly key: Key
      readonly release: boolean
    }
  /** Ask the payer to drop an incoming lock (LK-30): irrevocable. The engine has checked the other channels. */
  | {
      readonly type: 'ask-fail'
      readonly slot: number
      readonly born: number
      readonly reason: number
      /** At most MAX_FAIL_DATA bytes, for the payer of the whole payment; may be empty. */
      readonly data: Uint8Array
    }
