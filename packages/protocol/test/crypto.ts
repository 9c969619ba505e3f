/** Real crypto for these tests: the sibling package, on the native library where it loads. */

import { loadCrypto } from '@tallystick/crypto'
import type { Signable, Signer } from '../src/index.ts'

const loaded = await loadCrypto()
export const crypto = loaded.crypto

export interface TestSigner extends Signer {
  readonly privateKey: Uint8Array
  /** Every message that it signed, in order. */
  readonly signed: Signable[]
}

/** The signer with the private key keccak256(utf8(name)). */
export function signerOf(name: string): TestSigner {
  const privateKey = crypto.keccak256(new TextEncoder().encode(name))
  const signer = loaded.createSigner(privateKey.slice())
  const signed: Signable[] = []
  return {
    privateKey,
    address: signer.address,
    signed,
    sign(message) {
      signed.push(message)
      return signer.sign(message)
    },
  }
}
