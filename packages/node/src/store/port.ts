/**
 * The store port: the node's durable memory. The engine owns it, adapters implement it (`sqlite/`), and every adapter
 * passes the one conformance suite in `test/store/conformance.ts`.
 *
 * Invariants every adapter keeps:
 * - *Whole or not at all.* All changes of a batch become visible and durable together. No reader, and no restart after
 *   a kill at any instruction, ever sees a part of a batch.
 * - *Durable before told.* `commit` resolves only after the batch survives a kill of the process and a loss of power.
 *   Whatever a batch allows to leave the node (a signature, a message, an answer) leaves after that, never before.
 * - *In order.* Batches take effect in the order of the `commit` calls, and their promises resolve in that order.
 *   Several commits may be outstanding; the adapter may make them durable with one flush.
 * - *Fail-stop.* After one failed commit every later commit is refused: the engine's memory is then ahead of the disk,
 *   and only a restart from the store is safe.
 * - *One writer.* A second process (or a second open in the same one) on the same data is refused while the first
 *   lives. A writer that was killed leaves nothing that blocks the next one.
 *
 * Bytes are opaque to the store: what is stored is versioned by whoever writes it, and is not the type of the state
 * machine. Only the fields named in the rows below are indexed. Rows are copied before `commit` returns to the caller,
 * so buffers may be reused. Numbers that are not amounts are whole, 0 to 2^53 - 1; names (keys, node ids, intent ids)
 * are 1 to 200 printable ASCII characters without spaces. An empty batch is a barrier: it resolves after all before it.
 *
 * Source: docs/spec/channel.md DU-1 to DU-6 (persist before release, one writer), CL-30 (lost data).
 */

export interface Store {
  /**
   * True when data was lost before this open and the operator chose to go on: the node must not sign a line or an ack
   * in any channel that was already in the store (see `OpenStoreOptions.acceptLostData`). Never becomes false again.
   */
  readonly lostData: boolean

  /**
   * Makes the changes durable, all together, in the order given (a later change of the same key wins).
   * Rejects with `StoreError`: `invalid-row` (nothing was written, the store goes on), otherwise the store has failed
   * and the engine must stop without releasing anything this batch or a later one allows.
   */
  commit(batch: Batch): Promise<void>

  /* Reads see every batch whose commit has resolved. Pages are ordered as said and hold at most `limit` rows. */

  getMeta(key: string): Promise<Uint8Array | undefined>

  getChannel(channelId: Uint8Array): Promise<ChannelRow | undefined>
  /** By channel id, ascending, above `after`. */
  listChannels(page: { readonly after?: Uint8Array; readonly limit: number }): Promise<readonly ChannelRow[]>

  getUpdate(key: UpdateKey): Promise<UpdateRow | undefined>
  /** Nonces from `fromNonce` to `toNonce`, both inclusive, ascending. */
  listUpdates(range: UpdateRange): Promise<readonly UpdateRow[]>
  getAck(key: UpdateKey): Promise<AckRow | undefined>

  /** The payment with this reference: the oldest one, where a peer paid one reference several times. */
  findPayment(direction: PaymentRow['direction'], reference: Uint8Array): Promise<PaymentRow | undefined>
  /**
   * `findPayment` for many references in one read, answers in the order of the references: the engine asks this before
   * it pays (idempotency by reference), up to `MAX_PAGE_ROWS` at once and tens of thousands a second.
   */
  findPayments(
    direction: PaymentRow['direction'],
    references: readonly Uint8Array[],
  ): Promise<readonly (PaymentRow | undefined)[]>
  /** Newest first (by sequence, descending). */
  listPayments(query: PaymentRowQuery): Promise<readonly PaymentRow[]>
  /** The highest payment sequence ever stored; 0 when there is none. */
  lastPaymentSequence(): Promise<number>

  /** Messages not known to have arrived, for one peer, by sequence, ascending, above `after`. */
  listOutbox(page: {
    readonly peer: string
    readonly after?: number
    readonly limit: number
  }): Promise<readonly OutboxRow[]>
  /** Every peer that has messages waiting, with its highest sequence. */
  listOutboxPeers(): Promise<readonly { readonly peer: string; readonly lastSequence: number }[]>

  getIntent(intentId: string): Promise<IntentRow | undefined>
  /** By intent id, ascending, above `after`; with `open`, only those with that value. */
  listIntents(page: {
    readonly open?: boolean
    readonly after?: string
    readonly limit: number
  }): Promise<readonly IntentRow[]>

  getRecord(space: string, key: Uint8Array): Promise<RecordRow | undefined>
  /** Of one space, by key, ascending (byte order), above `after`. */
  listRecords(page: {
    readonly space: string
    readonly after?: Uint8Array
    readonly limit: number
  }): Promise<readonly RecordRow[]>

  getPeer(nodeId: string): Promise<PeerRow | undefined>
  /** By node id, ascending, above `after`. */
  listPeers(page: { readonly after?: string; readonly limit: number }): Promise<readonly PeerRow[]>

  /**
   * Waits for the commits under way, then lets go of files and lease. Idempotent. Commits and reads after it are
   * refused with `closed`. Rejects when the last flush fails (a full disk); files and lease are let go of all the same,
   * and nothing that was told durable is lost.
   */
  close(): Promise<void>
}

/** What one commit makes durable. */
export type Batch = readonly Change[]

export type Change =
  | { readonly type: 'meta.put'; readonly row: MetaRow }
  | { readonly type: 'meta.delete'; readonly key: string }
  | { readonly type: 'channel.put'; readonly row: ChannelRow }
  | { readonly type: 'update.put'; readonly row: UpdateRow }
  /** Forgets the updates of one direction with a nonce below `belowNonce`, and their acks. */
  | {
      readonly type: 'update.prune'
      readonly channelId: Uint8Array
      readonly direction: 0 | 1
      readonly belowNonce: number
    }
  | { readonly type: 'ack.put'; readonly row: AckRow }
  | { readonly type: 'payment.put'; readonly row: PaymentRow }
  | { readonly type: 'outbox.put'; readonly row: OutboxRow }
  | { readonly type: 'outbox.delete'; readonly peer: string; readonly sequence: number }
  /** Forgets the peer's messages up to and including `throughSequence`. */
  | { readonly type: 'outbox.prune'; readonly peer: string; readonly throughSequence: number }
  | { readonly type: 'intent.put'; readonly row: IntentRow }
  | { readonly type: 'intent.delete'; readonly intentId: string }
  | { readonly type: 'record.put'; readonly row: RecordRow }
  | { readonly type: 'record.delete'; readonly space: string; readonly key: Uint8Array }
  | { readonly type: 'peer.put'; readonly row: PeerRow }
  | { readonly type: 'peer.delete'; readonly nodeId: string }

/** Small values under a name: the chain cursor, counters, the format version of the engine. */
export interface MetaRow {
  readonly key: string
  readonly bytes: Uint8Array
}

/** The state of one channel. Rows stay for ever: a closed id never opens again. */
export interface ChannelRow {
  /** 32 bytes. */
  readonly channelId: Uint8Array
  /** The peer's node id. */
  readonly peer: string
  readonly bytes: Uint8Array
}

export interface UpdateKey {
  /** 32 bytes. */
  readonly channelId: Uint8Array
  readonly direction: 0 | 1
  /** 1 to 2^53 - 1 (EN-10). */
  readonly nonce: number
}

/**
 * One line of one direction, signed (own direction) or accepted (the peer's). `bytes` is best the wire message itself:
 * then a resend is this row, identical bytes, and the outbox need not hold the message a second time.
 */
export interface UpdateRow extends UpdateKey {
  readonly bytes: Uint8Array
}

/** The receiver's ack on a line, apart from the line so that an ack does not rewrite a batch of operations. */
export interface AckRow extends UpdateKey {
  readonly bytes: Uint8Array
}

export interface UpdateRange {
  readonly channelId: Uint8Array
  readonly direction: 0 | 1
  readonly fromNonce: number
  readonly toNonce: number
  readonly limit: number
}

/**
 * One payment, stored once, in the commit that makes its line durable. Whether a live outgoing payment is acknowledged
 * is derived (its nonce against the highest acknowledged nonce of the direction), so an ack of a thousand payments
 * rewrites none of them. References that share a prefix (session, then a counter) keep the index compact and make
 * commits about four times cheaper than random ones.
 */
export interface PaymentRow {
  /** Key, with the direction: given by the engine, ascending over both directions, never reused. */
  readonly sequence: number
  readonly direction: 'outgoing' | 'incoming'
  /** 32 bytes. Not unique in the store: outgoing uniqueness (idempotency) is the engine's rule. */
  readonly reference: Uint8Array
  /** 32 bytes. */
  readonly channelId: Uint8Array
  /** Base units, 0 to 2^128 - 1. */
  readonly amount: bigint
  /** `void`: no line that counts contains it, and none ever will (a later line without it was acknowledged). */
  readonly state: 'live' | 'void'
  /** The line that carries it, and its place among that line's operations. */
  readonly nonce: number
  readonly index: number
  readonly atMs: number
}

export interface PaymentRowQuery {
  readonly direction?: PaymentRow['direction']
  readonly channelId?: Uint8Array
  readonly reference?: Uint8Array
  /** Only sequences below this one: the last of the previous page. */
  readonly before?: number
  readonly limit: number
}

/** A message to a peer that must arrive: sent again, identical bytes, until it is known to have arrived. */
export interface OutboxRow {
  /** Node id of the receiver. */
  readonly peer: string
  /** Given by the engine, ascending for each peer. */
  readonly sequence: number
  readonly bytes: Uint8Array
}

/** A transaction the node has decided to see through, kept until its effect is final. */
export interface IntentRow {
  /** Chosen by the engine so that deciding twice is the same intent. */
  readonly intentId: string
  /** False once there is nothing left to do. */
  readonly open: boolean
  readonly bytes: Uint8Array
}

/** One thing of a kind that the store does not look into: a lock's purpose, an invoice, a resolved condition. */
export interface RecordRow {
  /** The kind: a name. */
  readonly space: string
  /** 1 to 64 bytes. */
  readonly key: Uint8Array
  readonly bytes: Uint8Array
}

/** What is remembered of a peer: where it listens, when it was last seen. */
export interface PeerRow {
  readonly nodeId: string
  readonly bytes: Uint8Array
}

/** Largest number of rows any page may ask for. */
export const MAX_PAGE_ROWS = 10_000

export type StoreErrorCode =
  /** Another process (or another open in this one) holds the data directory. */
  | 'locked'
  /** The data directory cannot be created, read or written by this user. */
  | 'unreachable'
  /** The file is not a store of this product. */
  | 'not-a-store'
  /** The store was written by a newer version. */
  | 'schema-newer'
  /** The integrity check failed. */
  | 'corrupt'
  /** The write-ahead log of a store that was not closed is gone: acknowledged commits are lost. */
  | 'log-missing'
  /** The disk (or the quota) is full. */
  | 'disk-full'
  /** The disk refused a read or a write. */
  | 'io'
  /** A row of the batch, or an argument of a read, is outside its range; nothing was written. */
  | 'invalid-row'
  /** An earlier commit failed; the cause is that failure. */
  | 'failed'
  | 'closed'

/** Every failure of a store. The message says what is wrong and what to do. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  /** The field, file or directory at fault, where one can be named. */
  readonly field: string | undefined

  constructor(code: StoreErrorCode, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StoreError'
    this.code = code
    this.field = options.field
  }
}

/** What every adapter takes at open. */
export interface OpenStoreOptions {
  /** Created with mode 0700 when absent. */
  readonly directory: string
  /**
   * Opens a store whose log is missing (`log-missing`) instead of refusing it; from then on `lostData` is true, for
   * ever. A restored backup is lost data: lines and acks signed after the backup would be signed again with other
   * content, and that forfeits the channel.
   */
  readonly acceptLostData?: boolean
  /** Refuse to grow beyond this many bytes, as if the disk were full (default: no limit). */
  readonly maxBytes?: number
}
