/** The fixed-depth tree of pending locks (EN-40 to EN-43). */

export interface Lock {
  /** 0 to 511. */
  readonly slot: number
  readonly amount: bigint
  /** 32 bytes. */
  readonly condition: Uint8Array
  /** Unix seconds, good on that second. */
  readonly expiry: number
  /** The nonce that placed it: the lock's life. Not part of the leaf. */
  readonly born: number
}

/** Immutable; made by `setLock` and `removeLock` from `NO_LOCKS`. */
export interface LockTree {
  readonly count: number
  /** Sum of the amounts. */
  readonly amount: bigint
  /** Latest expiry; 0 without locks. */
  readonly lockedUntil: number
}
