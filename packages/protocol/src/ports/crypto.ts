/**
 * The signing and hashing seam. Owned by the core; `@tallystick/crypto` implements it. Everything here is synchronous,
 * pure and deterministic: the same input gives the same output, and nothing that is remembered shows.
 *
 * Invariants:
 * - A `Signer` signs structured messages only. There is no call that signs a digest given from outside (EN-66).
 * - A verifier recovers the address and compares it; it never merely verifies, because the chain cannot (EN-61).
 * - One signature form everywhere: 64 bytes `r ++ vs` (EIP-2098), low `s` (EN-60).
 */

import type { Signable } from '../encoding/signable.ts'

export interface Crypto {
  /** Keccak-256 of `data`: 32 bytes that nobody writes to afterwards. `data` may be reused by the caller on return. */
  keccak256(data: Uint8Array): Uint8Array
  /** SHA-256 of `data`: 32 bytes. */
  sha256(data: Uint8Array): Uint8Array
  /**
   * The 20-byte address that signed `digest` (32 bytes), or undefined: `signature` is not 64 bytes, `r` or `s` is zero or
   * not below the group order, `s` is high, or no point has that `r`. Never throws on bad bytes.
   */
  recoverAddress(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined
}

export interface Signer {
  /** 20 bytes. */
  readonly address: Uint8Array
  /**
   * Signs `digestOf(crypto, message)` with RFC 6979: 64 bytes, EIP-2098, low `s`. The implementation computes the digest
   * itself from the message.
   */
  sign(message: Signable): Uint8Array
}
