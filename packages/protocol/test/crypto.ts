/**
 * The crypto ports for these tests, on the libraries directly, so that the core is tested without its sibling package.
 * Real signatures: nothing here is a stand-in for what is checked.
 */

import { createKeccak, createSHA256 } from 'hash-wasm'
import secp256k1 from 'secp256k1'
import { type Crypto, digestOf, type Signable, type Signer } from '../src/index.ts'

const keccak = await createKeccak(256)
const sha = await createSHA256()
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

function toBig(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

export const crypto: Crypto = {
  keccak256: (data) => keccak.init().update(data).digest('binary'),
  sha256: (data) => sha.init().update(data).digest('binary'),
  recoverAddress(digest, signature) {
    if (signature.length !== 64) return undefined
    const plain = signature.slice()
    const odd = ((plain[32] ?? 0) & 0x80) !== 0
    plain[32] = (plain[32] ?? 0) & 0x7f
    if (toBig(plain.subarray(32)) > HALF_ORDER) return undefined
    try {
      return addressOf(secp256k1.ecdsaRecover(plain, odd ? 1 : 0, digest, false))
    } catch {
      return undefined
    }
  },
}

function addressOf(publicKey: Uint8Array): Uint8Array {
  return crypto.keccak256(publicKey.subarray(1)).subarray(12)
}

export interface TestSigner extends Signer {
  readonly privateKey: Uint8Array
  /** How many signatures it has made. */
  readonly signed: Signable[]
}

/** The signer with the private key keccak256(utf8(name)). */
export function signerOf(name: string): TestSigner {
  const privateKey = crypto.keccak256(new TextEncoder().encode(name))
  const address = addressOf(secp256k1.publicKeyCreate(privateKey, false))
  const signed: Signable[] = []
  return {
    privateKey,
    address,
    signed,
    sign(message) {
      signed.push(message)
      const { signature, recid } = secp256k1.ecdsaSign(digestOf(crypto, message), privateKey)
      if (recid === 1) signature[32] = (signature[32] ?? 0) | 0x80
      return signature
    },
  }
}
