/** The tree of pending locks (docs/spec/encoding.md, EN-40 to EN-43), written apart from the product's own. */

import { concat, encodeAbiParameters, type Hex, keccak256, toHex } from 'viem'
import type { Lock } from './channel.ts'

export const LOCK_TREE_DEPTH = 9
const EMPTY = `0x${'00'.repeat(32)}` as Hex
const LOCK_TYPEHASH = keccak256(toHex('Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)'))

export function lockLeaf({ slot, amount, condition, expiry }: Lock): Hex {
  return keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'uint16' }, { type: 'uint128' }, { type: 'bytes32' }, { type: 'uint64' }],
      [LOCK_TYPEHASH, slot, amount, condition, expiry],
    ),
  )
}

export function lockRoot(locks: readonly Lock[]): Hex {
  return nodeAt(new Map(locks.map((lock) => [lock.slot, lockLeaf(lock)])), LOCK_TREE_DEPTH, 0)
}

/** Nine siblings, leaf upwards. */
export function lockPath(leaves: ReadonlyMap<number, Hex>, slot: number): Hex[] {
  return Array.from({ length: LOCK_TREE_DEPTH }, (_, height) => nodeAt(leaves, height, (slot >> height) ^ 1))
}

function nodeAt(leaves: ReadonlyMap<number, Hex>, height: number, position: number): Hex {
  if (height === 0) return leaves.get(position) ?? EMPTY
  const populated = [...leaves.keys()].some((slot) => slot >> height === position)
  if (!populated) return EMPTY
  return keccak256(
    concat([nodeAt(leaves, height - 1, position * 2), nodeAt(leaves, height - 1, position * 2 + 1)]),
  )
}
