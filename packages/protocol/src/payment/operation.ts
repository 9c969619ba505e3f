/**
 * Operations of a line: what one update does, in order (LN-3), and their canonical binary encoding (EN-80), which is at
 * once the leaf of the memo tree, the form on the wire and the form in the store.
 */

export interface Pay {
  readonly type: 'pay'
  /** Base units, 1 to 2^128 - 1. */
  readonly amount: bigint
  /** 32 bytes, chosen by the payer or given by the payee. */
  readonly reference: Uint8Array
}

export interface LockOperation {
  readonly type: 'lock'
  /** 0 to 511. */
  readonly slot: number
  readonly amount: bigint
  /** 32 bytes: the condition id (EN-21). */
  readonly condition: Uint8Array
  /** Unix seconds, good on that second. */
  readonly expiry: number
  /** At most 1024 bytes for the receiver (an invoice, an onion); the core does not look inside. */
  readonly payload: Uint8Array
}

export interface Unlock {
  readonly type: 'unlock'
  readonly slot: number
  /** The encoded key that met the condition (locks/key.ts), so that the receiver can use it onward; may be empty. */
  readonly key: Uint8Array
}

export interface Drop {
  readonly type: 'drop'
  readonly slot: number
  /** 0 to 65535; 0: expired. The core gives no meaning to others. */
  readonly reason: number
}

export type Operation = Pay | LockOperation | Unlock | Drop
