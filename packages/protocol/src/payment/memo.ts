/**
 * The memo tree (EN-50 to EN-52): binds every operation of a line, in order, into its content, so that any payment of a
 * batch can be shown later as a receipt. The shape is that of RFC 6962: an odd last node goes up unchanged.
 */

import { equalBytes, ZERO32 } from '../encoding/bytes.ts'
import type { Crypto } from '../ports/crypto.ts'
import type { EncodedOperations } from './operation.ts'

/** Shows that `operation` is number `index` of the `count` operations under a memo root. */
export interface MemoReceipt {
  /** The operation's canonical encoding. */
  readonly operation: Uint8Array
  readonly index: number
  readonly count: number
  /** Siblings, leaf upwards, each 32 bytes; levels at which the node went up alone have none. */
  readonly path: readonly Uint8Array[]
}

/** 32 bytes; zero for no operations. */
export function memoRoot(crypto: Crypto, operations: EncodedOperations): Uint8Array {
  const count = operations.ends.length
  if (count === 0) return ZERO32
  let level = leaves(crypto, operations)
  while (level.length > 1) level = nextLevel(crypto, level)
  return bindCount(crypto, count, level[0] ?? ZERO32)
}

/** @throws RangeError when there is no operation number `index`. */
export function memoReceipt(crypto: Crypto, operations: EncodedOperations, index: number): MemoReceipt {
  const end = operations.ends[index]
  if (end === undefined) throw new RangeError(`no operation number ${index}`)
  const path: Uint8Array[] = []
  let place = index
  let level = leaves(crypto, operations)
  while (level.length > 1) {
    const sibling = level[place ^ 1]
    if (sibling !== undefined) path.push(sibling)
    level = nextLevel(crypto, level)
    place >>= 1
  }
  const operation = operations.bytes.slice(operations.ends[index - 1] ?? 0, end)
  return { operation, index, count: operations.ends.length, path }
}

/** True when the receipt proves its operation under `root`. Never throws on bad receipts. */
export function checkReceipt(crypto: Crypto, root: Uint8Array, receipt: MemoReceipt): boolean {
  const { index, count, path } = receipt
  if (!Number.isInteger(count) || count < 1 || count > 0xffff_ffff) return false
  if (!Number.isInteger(index) || index < 0 || index >= count) return false
  let node = leafOf(crypto, receipt.operation)
  let place = index
  let width = count
  let used = 0
  while (width > 1) {
    // The last node of an odd level has no sibling.
    if ((place ^ 1) < width) {
      const sibling = path[used]
      if (sibling === undefined || sibling.length !== 32) return false
      used += 1
      node = (place & 1) === 0 ? nodeOf(crypto, node, sibling) : nodeOf(crypto, sibling, node)
    }
    place >>>= 1
    width = Math.ceil(width / 2)
  }
  return used === path.length && equalBytes(bindCount(crypto, count, node), root)
}

/** Scratch memory: used and left within one call. Grows to the longest operation seen, at most that of a line. */
let leafScratch = new Uint8Array(64)
const nodeScratch = new Uint8Array(65)
nodeScratch[0] = 0x01
const countScratch = new Uint8Array(37)
countScratch[0] = 0x02
const countView = new DataView(countScratch.buffer)

function leaves(crypto: Crypto, operations: EncodedOperations): Uint8Array[] {
  const hashes: Uint8Array[] = new Array(operations.ends.length)
  let start = 0
  for (const [index, end] of operations.ends.entries()) {
    hashes[index] = leafOf(crypto, operations.bytes.subarray(start, end))
    start = end
  }
  return hashes
}

function leafOf(crypto: Crypto, operation: Uint8Array): Uint8Array {
  const length = operation.length + 1
  if (leafScratch.length < length) leafScratch = new Uint8Array(length * 2)
  leafScratch[0] = 0
  leafScratch.set(operation, 1)
  return crypto.keccak256(leafScratch.subarray(0, length))
}

function nodeOf(crypto: Crypto, left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeScratch.set(left, 1)
  nodeScratch.set(right, 33)
  return crypto.keccak256(nodeScratch)
}

function nextLevel(crypto: Crypto, level: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = []
  for (let i = 0; i < level.length; i += 2) {
    const left = level[i] ?? ZERO32
    const right = level[i + 1]
    next.push(right === undefined ? left : nodeOf(crypto, left, right))
  }
  return next
}

function bindCount(crypto: Crypto, count: number, top: Uint8Array): Uint8Array {
  countView.setUint32(1, count)
  countScratch.set(top, 5)
  return crypto.keccak256(countScratch)
}
