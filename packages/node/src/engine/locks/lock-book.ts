/**
 * Pending locks of every channel, and what each is for. The core knows each channel by itself; this is where an outgoing
 * lock is tied to the incoming one that pays for it. A lock's purpose is durable in the commit that makes the lock
 * durable, and is forgotten in the commit that shows the lock gone. Locks are named by channel, slot and life, never by
 * hash and amount (docs/spec/locks.md).
 */

import type { Key } from '@tallystick/protocol'
import type { Change, Channel, Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'

/** `channelId/slot/born`: one lock's life in one direction. */
export type LockId = string

interface PendingLock {
  readonly id: LockId
  readonly channel: Channel
  readonly slot: number
  /** The nonce that placed it. */
  readonly born: number
  readonly amount: bigint
  /** The condition id. */
  readonly condition: Hex
  /** Unix seconds. */
  readonly expiry: number
}

export interface IncomingLock extends PendingLock {
  use: IncomingUse
  /** Locks that were made because of this one. None but these is ever paid for with it. */
  readonly onward: Set<OutgoingLock>
  /** An onward lock is wanted and not signed yet. */
  awaits: Placement | undefined
}

export interface OutgoingLock extends PendingLock {
  readonly use: OutgoingUse
  /** The lock that pays for this one, for use `forward`. */
  readonly from: IncomingLock | undefined
  /** A line that unlocks it is signed: it is paid, or will be. */
  unlocking: boolean
  /** What the peer said when it asked to fail it. */
  failure: LockFailure | undefined
}

export interface LockFailure {
  readonly reason: number
  readonly data: Uint8Array
}

/** What an incoming lock is for. Stored. */
export type IncomingUse =
  /** Not decided yet, or refused: nothing is made onward, now or later. */
  | { readonly kind: 'none' }
  /** To be carried onward; `secret` is the onion's, to seal a failure with. */
  | { readonly kind: 'forward'; readonly secret: Hex }
  /** A part of an invoice's payment. */
  | { readonly kind: 'invoice'; readonly hash: Hex; readonly secret: Hex; readonly total: string }
  /** A hop of a joint payment, named by its condition. */
  | { readonly kind: 'joint' }

/** What an outgoing lock is for. Stored. */
export type OutgoingUse =
  | { readonly kind: 'forward'; readonly from: LockId }
  /** Part number `part` of a payment of this node. */
  | { readonly kind: 'part'; readonly payment: Hex; readonly part: number }
  | { readonly kind: 'joint' }

/** A lock that is wanted in a channel's next line. */
export interface Placement {
  readonly channel: Channel
  readonly amount: bigint
  /** 32 bytes. */
  readonly condition: Uint8Array
  readonly expiry: number
  readonly payload: Uint8Array
  readonly use: OutgoingUse
  readonly from: IncomingLock | undefined
}

export interface LocksOfCondition {
  readonly incoming: Set<IncomingLock>
  readonly outgoing: Set<OutgoingLock>
  /** Encoded; once known, for as long as a lock on the condition is pending. */
  key: Uint8Array | undefined
}

export interface LockBook {
  readonly incoming: Map<LockId, IncomingLock>
  readonly outgoing: Map<LockId, OutgoingLock>
  readonly conditions: Map<Hex, LocksOfCondition>
}

/** What the users of locks are told, always inside the loop and inside the group that makes it durable. */
export interface LockHandlers {
  /** The peer's line with this lock is accepted. `payload` is given once and not kept. */
  accepted(rt: Runtime, group: Group, lock: IncomingLock, payload: Uint8Array): void
  placed(rt: Runtime, group: Group, lock: OutgoingLock): void
  /** No line with it was signed, and none will be. */
  notPlaced(rt: Runtime, group: Group, placement: Placement, why: string): void
  /** First sight of the key: `key` is right, and was shown in time or met on chain. */
  keyKnown(rt: Runtime, group: Group, condition: Hex, key: Key, encoded: Uint8Array): void
  /** It left every line that counts. Paid: unlocked, or met in time in final blocks. */
  outgoingGone(rt: Runtime, group: Group, lock: OutgoingLock, paid: boolean): void
  /** A newer final block. */
  finalTime(rt: Runtime, group: Group): void
  /** The peer refused the line that placed it, or asked to fail it; it may still pay until it is gone. */
  outgoingRefused(rt: Runtime, group: Group, lock: OutgoingLock): void
  incomingGone(rt: Runtime, group: Group, lock: IncomingLock, paid: boolean): void
}

const IN = 'lock.in'
const OUT = 'lock.out'
export const LOCK_SPACES = { incoming: IN, outgoing: OUT } as const

export function createLockBook(): LockBook {
  return { incoming: new Map(), outgoing: new Map(), conditions: new Map() }
}

export function lockIdOf(channel: Channel, slot: number, born: number): LockId {
  return `${channel.id}/${slot}/${born}`
}

export function addIncoming(book: LockBook, lock: IncomingLock): void {
  book.incoming.set(lock.id, lock)
  lock.channel.incomingLocks.set(lock.slot, lock)
  locksOn(book, lock.condition).incoming.add(lock)
}

export function addOutgoing(book: LockBook, lock: OutgoingLock): void {
  book.outgoing.set(lock.id, lock)
  lock.channel.outgoingLocks.add(lock)
  locksOn(book, lock.condition).outgoing.add(lock)
  lock.from?.onward.add(lock)
}

export function forgetIncoming(book: LockBook, group: Group, lock: IncomingLock): void {
  book.incoming.delete(lock.id)
  if (lock.channel.incomingLocks.get(lock.slot) === lock) lock.channel.incomingLocks.delete(lock.slot)
  dropFrom(book, lock.condition, (locks) => locks.incoming.delete(lock))
  group.changes.push(deletion(IN, lock))
}

export function forgetOutgoing(book: LockBook, group: Group, lock: OutgoingLock): void {
  book.outgoing.delete(lock.id)
  lock.channel.outgoingLocks.delete(lock)
  lock.channel.leaving.delete(lock)
  lock.from?.onward.delete(lock)
  dropFrom(book, lock.condition, (locks) => locks.outgoing.delete(lock))
  group.changes.push(deletion(OUT, lock))
}

export function storeUse(
  group: Group,
  space: typeof IN | typeof OUT,
  lock: IncomingLock | OutgoingLock,
): void {
  const bytes = Buffer.from(JSON.stringify(lock.use))
  group.changes.push({ type: 'record.put', row: { space, key: recordKey(lock), bytes } })
}

export function locksOn(book: LockBook, condition: Hex): LocksOfCondition {
  let locks = book.conditions.get(condition)
  if (locks === undefined) {
    locks = { incoming: new Set(), outgoing: new Set(), key: undefined }
    book.conditions.set(condition, locks)
  }
  return locks
}

/** channel id, slot, born: fixed length. */
export function recordKey(lock: { channel: Channel; slot: number; born: number }): Uint8Array {
  const key = Buffer.allocUnsafe(42)
  key.set(lock.channel.idBytes)
  key.writeUInt16BE(lock.slot, 32)
  key.writeBigUInt64BE(BigInt(lock.born), 34)
  return key
}

function deletion(space: string, lock: PendingLock): Change {
  return { type: 'record.delete', space, key: recordKey(lock) }
}

function dropFrom(book: LockBook, condition: Hex, remove: (locks: LocksOfCondition) => void): void {
  const locks = book.conditions.get(condition)
  if (locks === undefined) return
  remove(locks)
  if (locks.incoming.size === 0 && locks.outgoing.size === 0) book.conditions.delete(condition)
}
