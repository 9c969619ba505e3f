/**
 * What the engine does after a step, in this order, once the new state is durable. Sending before that is the one
 * unforgivable mistake: persist first (INV-3).
 */

import type { Operation } from '../payment/operation.ts'
import type { Refusal } from '../refusal.ts'
import type { Acknowledgement, ChannelMessage, Update } from '../wire/message.ts'

export type Effect =
  /**
   * Store an `update`'s bytes by nonce with the state (for resends), commit, then send. With `transmit` false there is no
   * synced connection: nothing is sent now, and what is still needed after the next sync comes again by itself.
   */
  | { readonly type: 'send'; readonly message: ChannelMessage; readonly transmit: boolean }
  /** Send the stored bytes of these own lines again, in this order. Nothing is signed anew (LN-10). */
  | { readonly type: 'resend'; readonly nonces: readonly number[] }
  /** The peer's line is accepted; payments count once this is durable. An acknowledgement is due at the next flush. */
  | {
      readonly type: 'accepted'
      readonly nonce: number
      readonly operations: readonly Operation[]
      readonly message: Update
    }
  /**
   * The peer acknowledged. Own lines `included` are paid for good; own lines `voided` never will be (they are not part of
   * the acknowledged line, and it waives them), so their payments may be made again. Stored lines up to
   * `message.nonce` are not needed for resends any more.
   */
  | {
      readonly type: 'agreed'
      readonly included: readonly number[]
      readonly voided: readonly number[]
      readonly message: Acknowledgement
    }
  /** The peer refused: these lines are burnt but live. Send a later line (with or without operations) to clear them. */
  | { readonly type: 'burnt'; readonly nonces: readonly number[]; readonly refusal: Refusal }
  /** The peer showed the key of an own lock, and it is right: unlock it, and use it for the incoming lock. */
  | { readonly type: 'key-shown'; readonly slot: number; readonly born: number; readonly key: Uint8Array }
  /** The peer asked to fail an own lock: drop it. */
  | {
      readonly type: 'fail-asked'
      readonly slot: number
      readonly born: number
      readonly reason: number
      readonly data: Uint8Array
    }
  /** Both signatures are there: submit. `signatures` by party. */
  | {
      readonly type: 'withdrawal-ready'
      readonly party: 0 | 1
      readonly total: bigint
      readonly validUntil: number
      readonly signatures: readonly [Uint8Array, Uint8Array]
    }
  | {
      readonly type: 'close-together-ready'
      /** Ours was the offer: we submit. Otherwise the peer does; submit when it does not. */
      readonly offeredByUs: boolean
      readonly delta: bigint
      readonly validUntil: number
      readonly signatures: readonly [Uint8Array, Uint8Array]
    }
  /** A pending withdrawal or common close is over: executed, or past its validUntil, in a final block. */
  | {
      readonly type: 'released'
      readonly what: 'withdrawal' | 'close-together'
      readonly party: 0 | 1 | undefined
      readonly executed: boolean
    }
  /** The peer refused a withdrawal or a common close. Reservations stay until `validUntil`: our signature is out. */
  | {
      readonly type: 'peer-refused'
      readonly what: 'withdrawal' | 'close-together'
      readonly refusal: Refusal
    }
  /** The channel is now frozen; the statement is `statementOf(state)`. */
  | { readonly type: 'frozen'; readonly by: 'us' | 'peer' }
  /** The statement signed for a relayer: 64 bytes over CloseStatement. */
  | { readonly type: 'statement-signed'; readonly validUntil: number; readonly signature: Uint8Array }
  /** The peer is below an acknowledgement that it gave: it lost data, and the channel should be closed. */
  | { readonly type: 'peer-lost-data' }
  /** The peer proved with our own signature that it holds what we do not: we lost data; nothing is signed here again. */
  | { readonly type: 'data-loss-proved' }
  /** After lost data the peer offers a common close: the operator judges it (`consent-while-lost`). */
  | {
      readonly type: 'offer-to-judge'
      readonly delta: bigint
      readonly validUntil: number
      readonly signature: Uint8Array
    }
