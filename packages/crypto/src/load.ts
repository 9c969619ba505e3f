/**
 * Chooses the implementations and hands them out as one value. Nothing is chosen, loaded or remembered at import: two
 * loads with different preferences live side by side (the tests compare them).
 */
import type { GossipCrypto, OnionCrypto } from '@tallystick/protocol'
import { rememberAddresses } from './addresses.ts'
import { loadKeccak256, loadSha256 } from './hashes.ts'
import { createInvoiceSigner, type KeyInvoiceSigner } from './invoice-signer.ts'
import { createOnionKey, type KeyOnion, onionCrypto } from './onion.ts'
import { recoverPublicKey } from './recover.ts'
import { javascriptSecp256k1 } from './secp256k1-javascript.ts'
import { loadNative } from './secp256k1-native.ts'
import { holdKey } from './secrets.ts'
import {
  addressOf,
  createIdentity,
  createSigner,
  type IdentityStatement,
  type KeyIdentity,
  type KeySigner,
  verifyIdentity,
} from './signer.ts'

export interface LoadCryptoOptions {
  /** `native` (the default) takes the fastest that loads; `javascript` takes no native code and no WebAssembly. */
  readonly prefer?: 'native' | 'javascript'
}

/** Which implementations were taken. */
export interface CryptoBackend {
  readonly secp256k1: 'native' | 'javascript'
  readonly keccak256: 'wasm' | 'javascript'
  readonly sha256: 'node' | 'javascript'
}

export interface LoadedCrypto {
  /** The core's port, and that of gossip and invoices. */
  readonly crypto: GossipCrypto
  /** The core's port for onions. */
  readonly onion: OnionCrypto
  readonly backend: CryptoBackend
  /** Copies the key; throws `CryptoError` `invalid-private-key`. */
  createSigner(privateKey: Uint8Array): KeySigner
  /** Copies the key; throws `CryptoError` `invalid-private-key`. */
  createIdentity(privateKey: Uint8Array): KeyIdentity
  verifyIdentity(statement: IdentityStatement, proof: Uint8Array): boolean
  /** Opens onions with the identity key. Copies the key; throws `CryptoError` `invalid-private-key`. */
  createOnionKey(privateKey: Uint8Array): KeyOnion
  /** Signs invoices with the identity key. Copies the key; throws `CryptoError` `invalid-private-key`. */
  createInvoiceSigner(privateKey: Uint8Array): KeyInvoiceSigner
  /** The 20-byte address of a private key; throws `CryptoError` `invalid-private-key`. */
  addressOf(privateKey: Uint8Array): Uint8Array
}

export async function loadCrypto(options: LoadCryptoOptions = {}): Promise<LoadedCrypto> {
  const prefer = options.prefer === 'javascript' ? 'javascript' : 'fastest'
  const secp256k1 = (prefer === 'fastest' ? loadNative() : undefined) ?? javascriptSecp256k1()
  const keccak256 = await loadKeccak256(prefer)
  const sha256 = loadSha256(prefer)
  const addressOfKey = rememberAddresses({ keccak256: keccak256.hash })

  const crypto: GossipCrypto = {
    keccak256: keccak256.hash,
    sha256: sha256.hash,
    recoverAddress(digest, signature) {
      const publicKey = recoverPublicKey(secp256k1, digest, signature, 'uncompressed')
      return publicKey && addressOfKey(publicKey)
    },
    recoverNodeId: (digest, signature) => recoverPublicKey(secp256k1, digest, signature, 'compressed'),
  }
  return {
    crypto,
    onion: onionCrypto(secp256k1, sha256.hash),
    backend: { secp256k1: secp256k1.name, keccak256: keccak256.name, sha256: sha256.name },
    createSigner: (privateKey) => createSigner(secp256k1, crypto, privateKey),
    createIdentity: (privateKey) => createIdentity(secp256k1, crypto, privateKey),
    verifyIdentity: (statement, proof) => verifyIdentity(secp256k1, crypto, statement, proof),
    createInvoiceSigner: (privateKey) => createInvoiceSigner(secp256k1, crypto, privateKey),
    createOnionKey: (privateKey) => createOnionKey(secp256k1, privateKey),
    addressOf(privateKey) {
      const key = holdKey(privateKey)
      try {
        return key.use((bytes) => addressOf(secp256k1, crypto, bytes))
      } finally {
        key.destroy()
      }
    },
  }
}
