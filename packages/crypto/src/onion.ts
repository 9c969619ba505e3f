/**
 * The core's port for onions on the chosen backends. Every range and length is checked here, before a backend sees it, so
 * that no two backends can disagree. Source: packages/protocol/src/ports/onion-crypto.ts, BOLT 4.
 */
import type { OnionCrypto, OnionKey } from '@tallystick/protocol'
import type { Hash, KeyedHash } from './hashes.ts'
import { isPrivateKey, type Secp256k1 } from './secp256k1.ts'
import { holdKey } from './secrets.ts'
import type { StreamCipher } from './stream.ts'

/** A key that opens onions, held in memory until it is destroyed. */
export interface KeyOnion extends OnionKey {
  /** Overwrites the key; every later `ecdh` throws `key-destroyed`. Idempotent. */
  destroy(): void
}

export function onionCrypto(
  backend: Secp256k1,
  sha256: Hash<string>,
  hmacSha256: KeyedHash,
  chacha20: StreamCipher,
): OnionCrypto {
  return {
    sha256: sha256.hash,
    hmacSha256: hmacSha256.hash,
    chacha20: chacha20.apply,
    publicKey: (privateKey) =>
      isPrivateKey(privateKey) ? backend.publicKey(privateKey, 'compressed') : undefined,
    ecdh: (privateKey, publicKey) =>
      isPrivateKey(privateKey) && isCompressed(publicKey) ? backend.ecdh(privateKey, publicKey) : undefined,
    multiplyPublicKey: (publicKey, scalar) =>
      isPrivateKey(scalar) && isCompressed(publicKey)
        ? backend.multiplyPublicKey(publicKey, scalar)
        : undefined,
    multiplyPrivateKey: (privateKey, scalar) =>
      isPrivateKey(privateKey) && isPrivateKey(scalar)
        ? backend.multiplyPrivateKey(privateKey, scalar)
        : undefined,
  }
}

export function createOnionKey(backend: Secp256k1, privateKey: Uint8Array): KeyOnion {
  const key = holdKey(privateKey)
  return {
    publicKey: key.use((bytes) => backend.publicKey(bytes, 'compressed')),
    ecdh: (publicKey) =>
      isCompressed(publicKey) ? key.use((bytes) => backend.ecdh(bytes, publicKey)) : undefined,
    destroy: () => key.destroy(),
  }
}

/** Of the right form; whether it is on the curve is the backend's to say. */
function isCompressed(publicKey: Uint8Array): boolean {
  return publicKey.length === 33 && (publicKey[0] === 2 || publicKey[0] === 3)
}
