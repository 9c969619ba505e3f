/**
 * The state of one channel as one party sees it: two independent directions, what final blocks say, and the durable marks.
 * Every value is immutable; `step` (step.ts) makes the next state and shares what did not change.
 *
 * Stored by `encodeState` (stored.ts), which is versioned and leaves out `link`. What the channel waits for is derived
 * (waiting.ts), never stored.
 */

import type { Domain } from '../encoding/domain.ts'
import type { Party } from '../encoding/signable.ts'
import type { LockTree } from '../locks/tree.ts'
import type { Content } from './content.ts'
import type { ChannelParams } from './params.ts'

export interface ChannelState {
  readonly setup: ChannelSetup
  /** The direction in which we pay. */
  readonly out: SenderState
  /** The direction in which the peer pays us. */
  readonly in: ReceiverState
  readonly chain: ChainView
  /** By party: a withdrawal that is signed by us or asked of us and consented to, and may still be executed (WD-2). */
  readonly withdrawals: readonly [PendingWithdrawal | undefined, PendingWithdrawal | undefined]
  /** Set once we signed a CloseTogether that may still be executed (CL-22). */
  readonly together: PendingTogether | undefined
  /** The freeze (CL-1): never undone. */
  readonly closing: ClosingMark | undefined
  /** This side lost data (CL-30): never undone. */
  readonly lost: boolean
  /** About the present connection only; empty after a restart. */
  readonly link: Link
}

/** What never changes in the life of a channel. Made by `channelSetup`. */
export interface ChannelSetup {
  readonly params: ChannelParams
  /** 32 bytes. */
  readonly channelId: Uint8Array
  /** Which party we are; we pay in direction `party`. */
  readonly party: Party
  /** Of the bank. */
  readonly domain: Domain
  /** Of the condition registry. */
  readonly registry: Domain
}

/** A line that we signed. */
export interface OutLine {
  readonly nonce: number
  /** Nonce of the line whose content this one continues. */
  readonly base: number
  readonly acked: number
  readonly content: Content
  readonly contentHash: Uint8Array
  readonly locks: LockTree
  /** Refused, or built on a refused line: the peer will not accept it, and may still use it (LN-32). */
  readonly burnt: boolean
}

export interface SenderState {
  /** The newest line with the peer's acknowledgement; nonce 0 when there is none. */
  readonly agreed: OutLine
  /** The peer's signature on `agreed`: 64 bytes; undefined at nonce 0. */
  readonly ack: Uint8Array | undefined
  /** Every line signed above `agreed`, ascending (LN-32). */
  readonly live: readonly OutLine[]
  /** The line that the next one continues: the newest that is not burnt, or the last known accepted. */
  readonly tip: OutLine
  /** Highest nonce ever signed; the next line is above it. */
  readonly lastNonce: number
  /** Highest nonce known accepted: by an ack, a refusal or a sync. */
  readonly knownAccepted: number
  /** Least `sent` over `agreed` and `live`: R of LN-24, what surely counts as paid to the peer. */
  readonly leastSent: bigint
  /** Greatest `sent + locked` over `agreed` and `live`: money that is not free (LN-32). */
  readonly mostCommitted: bigint
  /** What the peer said of our pending locks: its key, or its wish to fail them. */
  readonly answers: readonly LockAnswer[]
}

/** A line that we accepted. */
export interface InLine {
  readonly nonce: number
  readonly acked: number
  readonly content: Content
  readonly contentHash: Uint8Array
  readonly locks: LockTree
  /** The peer's signature: 64 bytes; empty at nonce 0. */
  readonly promise: Uint8Array
}

/** Enough of an accepted line to tell a redelivery from other bytes (LN-12). */
export interface SeenLine {
  readonly nonce: number
  readonly base: number
  readonly acked: number
  readonly memoRoot: Uint8Array
  readonly promise: Uint8Array
}

export interface ReceiverState {
  readonly accepted: InLine
  /** The newest line that we acknowledged; nonce 0 when there is none. */
  readonly acked: InLine
  /** Our signature on `acked`; undefined at nonce 0. Resent as it is, never signed again. */
  readonly ack: Uint8Array | undefined
  /** Accepted lines that the payer may still redeliver, ascending, `accepted` last. */
  readonly seen: readonly SeenLine[]
  /** What we said of pending incoming locks. */
  readonly answers: readonly LockAnswer[]
}

/** A receiver's word on a lock, named by slot and life (the nonce that placed it), never by hash and amount. */
export interface LockAnswer {
  readonly slot: number
  readonly born: number
  readonly answer: /** `released`: the key left this process (or is about to), so the lock may not be failed any more. */
    | { readonly type: 'key'; readonly key: Uint8Array; readonly released: boolean }
    /** Irrevocable (LK-32). */
    | { readonly type: 'fail'; readonly reason: number; readonly data: Uint8Array }
}

/** What final blocks say of this channel; everything read at one block. */
export interface ChainView {
  readonly status: 'none' | 'open' | 'closing' | 'settled' | 'closed'
  /** Timestamp of that block. */
  readonly timeSeconds: number
  /** By party; meaningful while open. */
  readonly deposits: readonly [bigint, bigint]
  readonly withdrawn: readonly [bigint, bigint]
}

export interface PendingWithdrawal {
  /** Cumulative. */
  readonly total: bigint
  /** Unix seconds. */
  readonly validUntil: number
  /** Signatures by party; ours is there from the start. */
  readonly signatures: readonly [Uint8Array | undefined, Uint8Array | undefined]
}

export interface PendingTogether {
  readonly delta: bigint
  readonly validUntil: number
  /** Latest `validUntil` of any CloseTogether that we signed: frozen until a final block is past it. */
  readonly holdUntil: number
  readonly offeredByUs: boolean
  readonly signatures: readonly [Uint8Array | undefined, Uint8Array | undefined]
}

export interface ClosingMark {
  readonly by: 'us' | 'peer'
  /** A blind close: no line is stated, and nothing is acknowledged after the mark. */
  readonly blind: boolean
  /** The lines stated (CL-3), fixed with the mark. In a blind close both are "no line". */
  readonly out: OutLine
  readonly outAck: Uint8Array | undefined
  /**
   * Own lines that were live at the mark: the peer may show any of them in `update`, by hash, whatever it acknowledged
   * since, and without their contents the channel could not be settled.
   */
  readonly live: readonly OutLine[]
  readonly in: InLine
}

export interface Link {
  readonly connected: boolean
  /** The peer's sync has arrived on this connection: lines may flow. */
  readonly synced: boolean
  /** Acks handed to this connection above the peer's `acked`, ascending in nonce and time (LN-14). */
  readonly delivered: readonly { readonly nonce: number; readonly atMs: number }[]
}
