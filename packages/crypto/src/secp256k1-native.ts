/**
 * libsecp256k1 through the prebuilt N-API add-on of the npm package `secp256k1`. Its `bindings` entry is loaded, never
 * its main entry, which would silently take a slow implementation of its own where the add-on is missing.
 */
import { ORDER, type Secp256k1 } from './secp256k1.ts'

/** The part of `secp256k1/bindings` that is used; it throws on failure. */
interface Bindings {
  contextRandomize(seed: Uint8Array): void
  /** The signature is `output`. */
  ecdsaSign(
    digest: Uint8Array,
    privateKey: Uint8Array,
    options: undefined,
    output: Uint8Array,
  ): { signature: Uint8Array; recid: number }
  /** Returns `output`. */
  ecdsaRecover(
    rs: Uint8Array,
    recovery: number,
    digest: Uint8Array,
    compressed: boolean,
    output: Uint8Array,
  ): Uint8Array
  publicKeyCreate(privateKey: Uint8Array, compressed: boolean): Uint8Array
  /** Hashes the compressed product with SHA-256. */
  ecdh(publicKey: Uint8Array, privateKey: Uint8Array): Uint8Array
  publicKeyTweakMul(publicKey: Uint8Array, scalar: Uint8Array, compressed: boolean): Uint8Array
  /** Multiplies in place. */
  privateKeyTweakMul(privateKey: Uint8Array, scalar: Uint8Array): Uint8Array
}

/** Undefined where there is no Node.js or no add-on for this platform. */
export function loadNative(): Secp256k1 | undefined {
  let bindings: Bindings
  try {
    const { createRequire } = process.getBuiltinModule('node:module')
    const require = createRequire(import.meta.url)
    bindings = require('secp256k1/bindings')
    bindings.contextRandomize(globalThis.crypto.getRandomValues(new Uint8Array(32)))
  } catch {
    return undefined
  }
  const at = nativeArguments()
  return {
    name: 'native',
    sign(digest, privateKey) {
      at.digest.set(reduced(digest))
      const { signature, recid } = bindings.ecdsaSign(at.digest, privateKey, undefined, at.rs)
      return { rs: signature.slice(), recovery: recid }
    },
    recover(digest, rs, recovery, form) {
      at.digest.set(digest)
      at.rs.set(rs)
      try {
        return bindings.ecdsaRecover(at.rs, recovery, at.digest, form === 'compressed', at[form]).slice()
      } catch {
        return undefined
      }
    },
    publicKey: (privateKey, form) => bindings.publicKeyCreate(privateKey, form === 'compressed'),
    ecdh(privateKey, publicKey) {
      try {
        return bindings.ecdh(publicKey, privateKey)
      } catch {
        return undefined
      }
    },
    multiplyPublicKey(publicKey, scalar) {
      try {
        return bindings.publicKeyTweakMul(publicKey, scalar, true)
      } catch {
        return undefined
      }
    },
    multiplyPrivateKey: (privateKey, scalar) =>
      bindings.privateKeyTweakMul(new Uint8Array(privateKey), scalar),
  }
}

/**
 * Arguments of the two calls that every line makes, used and left within one call. V8 keeps small arrays inside its heap;
 * when native code asks where one is, it moves out into memory from malloc, which costs more than a copy. These are outside.
 */
function nativeArguments() {
  const outside = (length: number) => new Uint8Array(new ArrayBuffer(length))
  return { digest: outside(32), rs: outside(64), compressed: outside(33), uncompressed: outside(65) }
}

/**
 * RFC 6979 feeds the digest modulo the order into the nonce (`bits2octets`); libsecp256k1 feeds it as it is. They
 * differ for the 2^-128 of digests that are not below the order: reduce, so that every backend signs the same.
 */
function reduced(digest: Uint8Array): Uint8Array {
  for (let i = 0; i < 32; i++) {
    const difference = (digest[i] ?? 0) - (ORDER[i] ?? 0)
    if (difference < 0) return digest
    if (difference > 0) break
  }
  const result = new Uint8Array(32)
  let borrow = 0
  for (let i = 31; i >= 0; i--) {
    const difference = (digest[i] ?? 0) - (ORDER[i] ?? 0) - borrow
    borrow = difference < 0 ? 1 : 0
    result[i] = difference & 0xff
  }
  return result
}
