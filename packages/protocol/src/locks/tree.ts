/**
 * The tree of pending locks: fixed depth 9 over 512 slots (EN-40 to EN-43). It is immutable: a change copies nine nodes
 * and shares the rest, so that every live line keeps its own locks cheaply. Each node also carries the count, the sum and
 * the latest expiry below it, so `locked` and `lockedUntil` are never recomputed from all locks. Hashes are computed when
 * a root or a path is asked for, once for each node: a batch of many lock operations hashes each touched node once.
 */

import { LOCK_DEPTH, LOCK_SLOTS } from '../constants.ts'
import { fromHex, isZero, ZERO32 } from '../encoding/bytes.ts'
import { putBytes32, putUint, putUint128, words } from '../encoding/words.ts'
import type { Crypto } from '../ports/crypto.ts'

export interface Lock {
  /** 0 to 511. */
  readonly slot: number
  readonly amount: bigint
  /** 32 bytes. */
  readonly condition: Uint8Array
  /** Unix seconds, good on that second. */
  readonly expiry: number
  /** The nonce that placed it: the lock's life. Not part of the leaf. */
  readonly born: number
}

/** A tree, and each of its subtrees. Made by `setLock` and `removeLock` from `NO_LOCKS`. */
export interface LockTree {
  readonly count: number
  /** Sum of the amounts. */
  readonly amount: bigint
  /** Latest expiry; 0 without locks. */
  readonly lockedUntil: number
}

interface Node extends LockTree {
  readonly left: Node | undefined
  readonly right: Node | undefined
  readonly lock: Lock | undefined
  /** A cache: the same for ever once computed. */
  hash: Uint8Array | undefined
}

/** keccak256("Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)") */
export const LOCK_TYPE_STRING = 'Lock(uint16 slot,uint128 amount,bytes32 condition,uint64 expiry)'
export const LOCK_TYPE_HASH =
  fromHex('0x4668c3e65da58f2cd8982355cc0f51f0309b1309aae245fa6e76230163044833', 32) ?? ZERO32

const EMPTY: Node = {
  count: 0,
  amount: 0n,
  lockedUntil: 0,
  left: undefined,
  right: undefined,
  lock: undefined,
  hash: ZERO32,
}

export const NO_LOCKS: LockTree = EMPTY

/** The lock in this slot. */
export function lockAt(tree: LockTree, slot: number): Lock | undefined {
  let node: Node | undefined = tree as Node
  for (let height = LOCK_DEPTH - 1; height >= 0 && node !== undefined; height -= 1)
    node = ((slot >> height) & 1) === 0 ? node.left : node.right
  return node?.lock
}

/** Puts the lock in its slot, replacing what was there. @throws RangeError for a slot outside 0..511. */
export function setLock(tree: LockTree, lock: Lock): LockTree {
  if (!Number.isInteger(lock.slot) || lock.slot < 0 || lock.slot >= LOCK_SLOTS)
    throw new RangeError(`slot ${lock.slot} is outside 0..511`)
  const leaf: Node = {
    ...EMPTY,
    count: 1,
    amount: lock.amount,
    lockedUntil: lock.expiry,
    lock,
    hash: undefined,
  }
  return replace(tree as Node, lock.slot, LOCK_DEPTH - 1, leaf)
}

/** Empties the slot. */
export function removeLock(tree: LockTree, slot: number): LockTree {
  if (lockAt(tree, slot) === undefined) return tree
  return replace(tree as Node, slot, LOCK_DEPTH - 1, EMPTY)
}

/** Locks in the order of their slots. */
export function locksOf(tree: LockTree): readonly Lock[] {
  const found: Lock[] = []
  collect(tree as Node, found)
  return found
}

/** The lowest free slot; undefined when all 512 are taken. */
export function freeSlot(tree: LockTree): number | undefined {
  if (tree.count >= LOCK_SLOTS) return undefined
  let slot = 0
  let node = tree as Node
  for (let height = LOCK_DEPTH - 1; height >= 0; height -= 1) {
    const left = node.left ?? EMPTY
    if (left.count < 2 ** height) {
      node = left
    } else {
      slot += 2 ** height
      node = node.right ?? EMPTY
    }
  }
  return slot
}

/**
 * What differs between two trees, by slot: `lock` is what `after` holds, undefined where the slot became empty. Shared
 * subtrees are skipped.
 */
export function lockChanges(
  before: LockTree,
  after: LockTree,
): readonly { readonly slot: number; readonly lock: Lock | undefined }[] {
  const changes: { slot: number; lock: Lock | undefined }[] = []
  compare(before as Node, after as Node, LOCK_DEPTH, 0, changes)
  return changes
}

/** 32 bytes; zero without locks. */
export function locksRoot(crypto: Crypto, tree: LockTree): Uint8Array {
  return hashOf(crypto, tree as Node)
}

/** Nine siblings, leaf upwards (EN-43). */
export function lockPath(crypto: Crypto, tree: LockTree, slot: number): readonly Uint8Array[] {
  const siblings: Uint8Array[] = []
  let node = tree as Node
  for (let height = LOCK_DEPTH - 1; height >= 0; height -= 1) {
    const left = node.left ?? EMPTY
    const right = node.right ?? EMPTY
    const goLeft = ((slot >> height) & 1) === 0
    siblings.unshift(hashOf(crypto, goLeft ? right : left))
    node = goLeft ? left : right
  }
  return siblings
}

/** The root that a lock and its path lead to. */
export function rootOfPath(crypto: Crypto, lock: Lock, path: readonly Uint8Array[]): Uint8Array {
  let node = lockLeaf(crypto, lock)
  for (const [height, sibling] of path.entries())
    node = ((lock.slot >> height) & 1) === 0 ? pair(crypto, node, sibling) : pair(crypto, sibling, node)
  return node
}

/** EN-41. */
export function lockLeaf(crypto: Crypto, lock: Lock): Uint8Array {
  putBytes32(leafScratch, 0, LOCK_TYPE_HASH)
  putUint(leafScratch, 1, lock.slot)
  putUint128(leafScratch, 2, lock.amount)
  putBytes32(leafScratch, 3, lock.condition)
  putUint(leafScratch, 4, lock.expiry)
  return crypto.keccak256(leafScratch.bytes)
}

const leafScratch = words(5)
const pairScratch = new Uint8Array(64)

function pair(crypto: Crypto, left: Uint8Array, right: Uint8Array): Uint8Array {
  if (isZero(left) && isZero(right)) return ZERO32
  pairScratch.set(left, 0)
  pairScratch.set(right, 32)
  return crypto.keccak256(pairScratch)
}

function hashOf(crypto: Crypto, node: Node): Uint8Array {
  if (node.hash !== undefined) return node.hash
  if (node.lock !== undefined) {
    node.hash = lockLeaf(crypto, node.lock)
  } else {
    const left = hashOf(crypto, node.left ?? EMPTY)
    const right = hashOf(crypto, node.right ?? EMPTY)
    node.hash = pair(crypto, left, right)
  }
  return node.hash
}

function replace(node: Node, slot: number, height: number, leaf: Node): Node {
  if (height < 0) return leaf
  const goLeft = ((slot >> height) & 1) === 0
  const child = (goLeft ? node.left : node.right) ?? EMPTY
  const changed = replace(child, slot, height - 1, leaf)
  const left = goLeft ? changed : (node.left ?? EMPTY)
  const right = goLeft ? (node.right ?? EMPTY) : changed
  if (left.count + right.count === 0) return EMPTY
  return {
    count: left.count + right.count,
    amount: left.amount + right.amount,
    lockedUntil: Math.max(left.lockedUntil, right.lockedUntil),
    left,
    right,
    lock: undefined,
    hash: undefined,
  }
}

function collect(node: Node, found: Lock[]): void {
  if (node.count === 0) return
  if (node.lock !== undefined) {
    found.push(node.lock)
    return
  }
  collect(node.left ?? EMPTY, found)
  collect(node.right ?? EMPTY, found)
}

function compare(
  before: Node,
  after: Node,
  height: number,
  slot: number,
  changes: { slot: number; lock: Lock | undefined }[],
): void {
  if (before === after) return
  if (height === 0) {
    changes.push({ slot, lock: after.lock })
    return
  }
  const half = 2 ** (height - 1)
  compare(before.left ?? EMPTY, after.left ?? EMPTY, height - 1, slot, changes)
  compare(before.right ?? EMPTY, after.right ?? EMPTY, height - 1, slot + half, changes)
}
