/** Condition ids (EN-21), and the tree by which one signature covers many conditions (RG-20). */

import { MAX_KEYS } from '../constants.ts'
import { compareBytes, isZero, ZERO32 } from '../encoding/bytes.ts'
import type { Domain } from '../encoding/domain.ts'
import { putAddress, putBig, putBytes32, putUint, words } from '../encoding/words.ts'
import type { Crypto } from '../ports/crypto.ts'

/** What a condition asks for. */
export type Condition =
  | { readonly kind: 'hash'; readonly sha256: Uint8Array }
  | { readonly kind: 'signed'; readonly keys: readonly Uint8Array[]; readonly termsHash: Uint8Array }
  | { readonly kind: 'contract'; readonly target: Uint8Array; readonly callData: Uint8Array }

const KIND_NUMBER = { hash: 1, signed: 2, contract: 3 } as const

/** Deepest batch path that the registry takes. */
export const MAX_BATCH_DEPTH = 32

/**
 * 32 bytes (EN-21). `registry` is the registry's domain: the id binds chain and contract.
 * @throws RangeError when the registry would refuse the keys: none, over MAX_KEYS, not strictly ascending, zero.
 */
export function conditionIdOf(crypto: Crypto, registry: Domain, condition: Condition): Uint8Array {
  const preimage = words(4)
  putUint(preimage, 0, KIND_NUMBER[condition.kind])
  putBig(preimage, 1, registry.chainId)
  putAddress(preimage, 2, registry.verifyingContract)
  putBytes32(preimage, 3, crypto.keccak256(conditionData(condition)))
  return crypto.keccak256(preimage.bytes)
}

/** True for 1 to MAX_KEYS non-zero addresses, strictly ascending. */
export function keysInOrder(keys: readonly Uint8Array[]): boolean {
  if (keys.length === 0 || keys.length > MAX_KEYS) return false
  let last: Uint8Array = new Uint8Array(20)
  for (const key of keys) {
    if (key.length !== 20 || isZero(key) || compareBytes(last, key) >= 0) return false
    last = key
  }
  return true
}

function conditionData(condition: Condition): Uint8Array {
  switch (condition.kind) {
    case 'hash': {
      const data = words(1)
      putBytes32(data, 0, condition.sha256)
      return data.bytes
    }
    case 'signed': {
      if (!keysInOrder(condition.keys))
        throw new RangeError('keys: 1 to 32 non-zero addresses, strictly ascending')
      const data = words(3 + condition.keys.length)
      putUint(data, 0, 64)
      putBytes32(data, 1, condition.termsHash)
      putUint(data, 2, condition.keys.length)
      for (const [index, key] of condition.keys.entries()) putAddress(data, 3 + index, key)
      return data.bytes
    }
    case 'contract': {
      const data = words(3 + Math.ceil(condition.callData.length / 32))
      putAddress(data, 0, condition.target)
      putUint(data, 1, 64)
      putUint(data, 2, condition.callData.length)
      data.bytes.set(condition.callData, 96)
      return data.bytes
    }
  }
}

/** A batch of condition ids under one root, padded with zero words to a power of two and to at least two leaves. */
export function batchRoot(crypto: Crypto, conditionIds: readonly Uint8Array[]): Uint8Array {
  let level = batchLeaves(crypto, conditionIds)
  while (level.length > 1) level = batchLevel(crypto, level)
  return level[0] ?? ZERO32
}

/** Siblings, leaf upwards. @throws RangeError when there is no leaf number `index`. */
export function batchPath(
  crypto: Crypto,
  conditionIds: readonly Uint8Array[],
  index: number,
): readonly Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= conditionIds.length)
    throw new RangeError(`no condition number ${index}`)
  const path: Uint8Array[] = []
  let place = index
  let level = batchLeaves(crypto, conditionIds)
  while (level.length > 1) {
    path.push(level[place ^ 1] ?? ZERO32)
    level = batchLevel(crypto, level)
    place >>= 1
  }
  return path
}

/** The root that the registry computes from an approval's index and path. */
export function batchRootOf(
  crypto: Crypto,
  conditionId: Uint8Array,
  index: number,
  path: readonly Uint8Array[],
): Uint8Array {
  let node = batchLeaf(crypto, conditionId)
  let place = index
  for (const sibling of path) {
    node = place % 2 === 0 ? batchNode(crypto, node, sibling) : batchNode(crypto, sibling, node)
    place = Math.floor(place / 2)
  }
  return node
}

function batchLeaves(crypto: Crypto, conditionIds: readonly Uint8Array[]): Uint8Array[] {
  let width = 2
  while (width < conditionIds.length) width *= 2
  const leaves = conditionIds.map((id) => batchLeaf(crypto, id))
  while (leaves.length < width) leaves.push(ZERO32)
  return leaves
}

function batchLevel(crypto: Crypto, level: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = []
  for (let i = 0; i < level.length; i += 2)
    next.push(batchNode(crypto, level[i] ?? ZERO32, level[i + 1] ?? ZERO32))
  return next
}

function batchLeaf(crypto: Crypto, conditionId: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(33)
  preimage.set(conditionId, 1)
  return crypto.keccak256(preimage)
}

function batchNode(crypto: Crypto, left: Uint8Array, right: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(65)
  preimage[0] = 1
  preimage.set(left, 1)
  preimage.set(right, 33)
  return crypto.keccak256(preimage)
}
