/**
 * The cryptography of onions. Owned by the core; `@tallystick/crypto` implements it. Synchronous, pure and deterministic,
 * like ports/crypto.ts; no function throws on bad bytes of the stated type.
 * Source: BOLT 4 (key generation, shared secret), RFC 2104 (HMAC), RFC 8439 (ChaCha20), SEC 2 (secp256k1).
 */

export interface OnionCrypto {
  /** SHA-256 of `data`: 32 bytes. */
  sha256(data: Uint8Array): Uint8Array
  /** HMAC with SHA-256: 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array
  /** `data` XOR the ChaCha20 stream of `key` (32 bytes), nonce zero, block counter from zero. `data` is left alone. */
  chacha20(key: Uint8Array, data: Uint8Array): Uint8Array
  /** The 33-byte public key of a private key; undefined unless that is 32 bytes, 1 to the group order - 1. */
  publicKey(privateKey: Uint8Array): Uint8Array | undefined
  /**
   * SHA-256 of the compressed product of a 33-byte public key and a private key: 32 bytes. Undefined when the public key
   * is no point of the curve in compressed form, or the private key is out of range.
   */
  ecdh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined
  /** A 33-byte public key times a scalar of 32 bytes, compressed; undefined where `ecdh` is. */
  multiplyPublicKey(publicKey: Uint8Array, scalar: Uint8Array): Uint8Array | undefined
  /** A private key times a scalar modulo the group order, in new memory; undefined when either is out of range. */
  multiplyPrivateKey(privateKey: Uint8Array, scalar: Uint8Array): Uint8Array | undefined
}

/** A node's own key, able to open onions and to do nothing else. */
export interface OnionKey {
  /** 33 bytes, compressed: the node id (ON-2). */
  readonly publicKey: Uint8Array
  /** As `OnionCrypto.ecdh`, with this key; undefined when `publicKey` is no point of the curve in compressed form. */
  ecdh(publicKey: Uint8Array): Uint8Array | undefined
}
