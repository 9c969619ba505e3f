/** The EIP-712 domain (EN-62). */

import type { Crypto } from '../ports/crypto.ts'
import { ascii, fromHex } from './bytes.ts'
import { putAddress, putBig, putBytes32, words } from './words.ts'

/** Made by `domainOf` alone: the separator is computed once, and every digest of a line uses it. */
export interface Domain {
  readonly chainId: bigint
  /** 20 bytes: the bank, or the registry for conditions. */
  readonly verifyingContract: Uint8Array
  /** 32 bytes: `hashStruct(EIP712Domain)`. */
  readonly separator: Uint8Array
}

/** keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)") */
const DOMAIN_TYPE_HASH = '0x8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f'

/** Source: EIP-712; name "Tallystick", version "1". */
export function domainOf(crypto: Crypto, chainId: bigint, verifyingContract: Uint8Array): Domain {
  if (verifyingContract.length !== 20) throw new RangeError('verifyingContract: an address of 20 bytes')
  const preimage = words(5)
  putBytes32(preimage, 0, fromHex(DOMAIN_TYPE_HASH, 32) ?? new Uint8Array(32))
  putBytes32(preimage, 1, crypto.keccak256(ascii('Tallystick')))
  putBytes32(preimage, 2, crypto.keccak256(ascii('1')))
  putBig(preimage, 3, chainId)
  putAddress(preimage, 4, verifyingContract)
  return {
    chainId,
    verifyingContract: verifyingContract.slice(),
    separator: crypto.keccak256(preimage.bytes),
  }
}
