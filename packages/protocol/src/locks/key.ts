/** Keys of conditions: what is shown to unlock, and what the registry would be given (EN-21, RG-10, RG-20). */

export interface HashKey {
  readonly kind: 'hash'
  /** 32 bytes whose SHA-256 the condition names. */
  readonly preimage: Uint8Array
}

/** One key holder's signature: over the condition id itself (`path` empty, `index` 0), or over a batch root. */
export interface SignedApproval {
  readonly signature: Uint8Array
  readonly index: number
  /** Siblings, leaf upwards, each 32 bytes. */
  readonly path: readonly Uint8Array[]
}

export interface SignedKey {
  readonly kind: 'signed'
  /** Addresses (20 bytes), strictly ascending, 1 to MAX_KEYS. */
  readonly keys: readonly Uint8Array[]
  readonly termsHash: Uint8Array
  /** One for each key, in the order of `keys`. */
  readonly approvals: readonly SignedApproval[]
}

/** A contract condition has no key: only a final registry resolution counts (LK-12). */
export type Key = HashKey | SignedKey
