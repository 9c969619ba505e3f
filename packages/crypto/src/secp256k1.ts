/**
 * What a secp256k1 backend must do, and the numbers of the group. Internal: nothing outside this package can sign a
 * bare digest (EN-66).
 *
 * Backends give the same bytes for the same input: nonces are those of RFC 6979, `s` is low. Checks of foreign
 * signatures are made before a backend sees them (recover.ts), so that no two backends can disagree on them.
 * Source: SEC 2 (the curve), RFC 6979 (nonces).
 */

export interface Secp256k1 {
  readonly name: 'native' | 'javascript'
  /** `privateKey` and `digest` are 32 bytes; the key is in range. */
  sign(digest: Uint8Array, privateKey: Uint8Array): RecoverableSignature
  /**
   * The public key (65 bytes uncompressed, 33 compressed) that signed; undefined when there is none.
   * `rs` is 64 bytes, both halves in range.
   */
  recover(digest: Uint8Array, rs: Uint8Array, recovery: 0 | 1, form: PublicKeyForm): Uint8Array | undefined
  publicKey(privateKey: Uint8Array, form: PublicKeyForm): Uint8Array
  /**
   * SHA-256 of the compressed product, 32 bytes; undefined when `publicKey` (33 bytes) is no compressed point. The key is in
   * range.
   */
  ecdh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined
  /** The compressed product, as `ecdh` but not hashed; `scalar` is in range. */
  multiplyPublicKey(publicKey: Uint8Array, scalar: Uint8Array): Uint8Array | undefined
  /** The product modulo the order, in new memory; both are in range. */
  multiplyPrivateKey(privateKey: Uint8Array, scalar: Uint8Array): Uint8Array
}

export type PublicKeyForm = 'compressed' | 'uncompressed'

interface RecoverableSignature {
  /** 64 bytes, `r ++ s`, low `s`. */
  readonly rs: Uint8Array
  /** 2 and 3 (`r` overflowed the group order) happen with probability 2^-127. */
  readonly recovery: number
}

/** Order of the group, big-endian. */
export const ORDER = bytes('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
/** The highest private key, and the highest `r`: order - 1. */
export const HIGHEST_SCALAR = bytes('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140')
/** The highest low `s`: (order - 1) / 2. */
export const HALF_ORDER = bytes('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0')

/** True when the 32 bytes at `offset` are a number from 1 to `limit`. */
export function isFromOneTo(limit: Uint8Array, source: Uint8Array, offset = 0): boolean {
  let zero = true
  for (let i = 0; i < 32; i++) {
    if (source[offset + i] !== 0) {
      zero = false
      break
    }
  }
  if (zero) return false
  for (let i = 0; i < 32; i++) {
    const difference = (source[offset + i] ?? 0) - (limit[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return true
}

/** True for a usable private key: 32 bytes, 1 to order - 1. */
export function isPrivateKey(key: Uint8Array): boolean {
  return key.length === 32 && isFromOneTo(HIGHEST_SCALAR, key)
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  )
}
