/**
 * The core's port for onions: the group on the chosen backend; ChaCha20 and HMAC by the noble libraries on all of them,
 * because setting up a cipher or an HMAC of Node.js takes longer than all of this for some hundred bytes. Every range and length is checked here, before a backend sees it, so
 * that no two backends can disagree. Source: packages/protocol/src/ports/onion-crypto.ts, BOLT 4.
 */
import { chacha20 } from '@noble/ciphers/chacha.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as sha256InJavaScript } from '@noble/hashes/sha2.js'
import type { OnionCrypto, OnionKey } from '@tallystick/protocol'
import { isPrivateKey, type Secp256k1 } from './secp256k1.ts'
import { holdKey } from './secrets.ts'

/** A key that opens onions, held in memory until it is destroyed. */
export interface KeyOnion extends OnionKey {
  /** Overwrites the key; every later `ecdh` throws `key-destroyed`. Idempotent. */
  destroy(): void
}

export function onionCrypto(backend: Secp256k1, sha256: OnionCrypto['sha256']): OnionCrypto {
  return {
    sha256,
    hmacSha256: (key, data) => hmac(sha256InJavaScript, key, data),
    chacha20: (key, data) => chacha20(key, NONCE, data),
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

const NONCE = new Uint8Array(12)
