/** What a line says (LN-2), and its hash (EN-30, EN-31). */

import { toHex, ZERO32 } from '../encoding/bytes.ts'
import { putBytes32, putUint, putUint128, words } from '../encoding/words.ts'
import type { ChainContent } from '../ports/chain.ts'
import type { Crypto } from '../ports/crypto.ts'

export interface Content {
  /** Cumulative, base units; never decreases. */
  readonly sent: bigint
  /** Sum of the pending locks. */
  readonly locked: bigint
  /** Latest expiry of a pending lock, unix seconds; 0 without locks. */
  readonly lockedUntil: number
  /** 32 bytes (EN-40). */
  readonly locksRoot: Uint8Array
  /** 32 bytes (EN-52). */
  readonly memoRoot: Uint8Array
}

/** The content of nonce 0, "no line". */
export const NO_CONTENT: Content = {
  sent: 0n,
  locked: 0n,
  lockedUntil: 0,
  locksRoot: ZERO32,
  memoRoot: ZERO32,
}

const scratch = words(5)

/** 32 bytes (EN-30). Not for nonce 0, whose hash is defined to be zero (EN-31). */
export function contentHash(crypto: Crypto, content: Content): Uint8Array {
  putUint128(scratch, 0, content.sent)
  putUint128(scratch, 1, content.locked)
  putUint(scratch, 2, content.lockedUntil)
  putBytes32(scratch, 3, content.locksRoot)
  putBytes32(scratch, 4, content.memoRoot)
  return crypto.keccak256(scratch.bytes)
}

export function contentToChain(content: Content): ChainContent {
  return {
    sent: content.sent,
    locked: content.locked,
    lockedUntil: BigInt(content.lockedUntil),
    locksRoot: toHex(content.locksRoot),
    memoRoot: toHex(content.memoRoot),
  }
}
