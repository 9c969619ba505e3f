/**
 * Keys and failures, from one channel to the others. One key settles every lock on its condition; a failure goes back only
 * once the outgoing lock can pay nobody any more (LK-30).
 */

import { checkKey, encodeKey, fromHex, type Key, lockMayStillPay } from '@tallystick/protocol'
import { chainNowSeconds } from '../context.ts'
import { run } from '../machine.ts'
import { resolutionOf } from '../registry-book.ts'
import type { Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import {
  forgetIncoming,
  forgetOutgoing,
  type IncomingLock,
  type LockFailure,
  type OutgoingLock,
} from './lock-book.ts'

/**
 * A key that the registry would accept for this condition. `shownOn` is the own lock whose receiver showed it; undefined
 * when every lock on the condition is due (the registry has it, or it is this node's own). A lock that was carried onward
 * is paid for by its own onward lock and by no other on the same hash (LK-51): until then its key is only kept.
 */
export function learnKey(
  rt: Runtime,
  group: Group,
  condition: Hex,
  key: Key,
  shownOn: OutgoingLock | undefined,
): void {
  const locks = rt.locks.conditions.get(condition)
  if (locks === undefined) return
  const first = locks.key === undefined
  const encoded = locks.key ?? encodeKey(key)
  locks.key = encoded
  for (const lock of locks.incoming) {
    const own = shownOn === undefined || lock.use.kind !== 'forward' || lock.onward.has(shownOn)
    if (first || own) useKey(rt, group, lock, key, own)
  }
  for (const { channel } of locks.outgoing) wantLines(rt, channel)
  if (first) rt.handlers.keyKnown(rt, group, condition, key, encoded)
}

/**
 * Shows the key to the payer of this lock, or only keeps it where that is too late or the channel is closing: then the
 * registry is told by `expiry - T` (LK-13). A lock that was asked to fail keeps its key to itself (LK-32).
 */
function useKey(rt: Runtime, group: Group, lock: IncomingLock, key: Key, due: boolean): void {
  const { channel, slot, born, expiry } = lock
  const inTime = chainNowSeconds(rt) <= expiry - rt.config.policy.safetyMarginSeconds
  const release = due && inTime && channel.core.closing === undefined
  const refused = run(rt, group, channel, { type: 'know-key', slot, born, key, release })
  // A lock that is gone needs no key.
  if (refused !== undefined && refused.refusal.code !== 'lock-unknown')
    rt.ports.log.info({ lock: lock.id, code: refused.refusal.code }, 'a key is not used')
}

/** True when the registry would accept exactly this key (LK-11). */
export function keyFits(rt: Runtime, condition: Hex, key: Key): boolean {
  const id = fromHex(condition, 32)
  return id !== undefined && checkKey(rt.ports.crypto, rt.registryDomain, id, key) === undefined
}

/** Incoming locks on a condition. */
export function locksHeld(rt: Runtime, condition: Hex): ReadonlySet<IncomingLock> {
  return rt.locks.conditions.get(condition)?.incoming ?? NONE
}

const NONE: ReadonlySet<IncomingLock> = new Set()

/**
 * Asks the payer of an incoming lock to drop it. The caller knows that no onward lock can pay (LK-30). What the registry has
 * met is never given back: the lock is due, whoever forgot the key.
 */
export function failIncoming(rt: Runtime, group: Group, lock: IncomingLock, why: LockFailure): void {
  if (lock.onward.size > 0 || lock.awaits !== undefined)
    throw new Error(`${lock.id}: an onward lock may still pay: it must not be failed`)
  if (resolutionOf(rt.registry, lock.condition).latest > 0) return
  const { channel, slot, born } = lock
  if (channel.core.closing !== undefined) return
  const refused = run(rt, group, channel, { type: 'ask-fail', slot, born, ...why })
  if (refused !== undefined)
    rt.ports.log.info({ lock: lock.id, code: refused.refusal.code }, 'a lock is not failed')
}

/**
 * After an acknowledgement: outgoing locks that no line of the channel can pay any more. After our mark the peer may show a
 * line that it waived since (CL-2): then only a lock that is paid has ended, the others do when their expiry is past.
 */
export function settleLeaving(rt: Runtime, group: Group, leaving: Iterable<OutgoingLock>): void {
  for (const lock of [...leaving]) {
    const { core } = lock.channel
    if (lockMayStillPay(core, lock.slot, lock.born)) continue
    if (lock.unlocking || core.closing === undefined) endOutgoing(rt, group, lock, lock.unlocking)
  }
}

export function endOutgoing(rt: Runtime, group: Group, lock: OutgoingLock, paid: boolean): void {
  if (!rt.locks.outgoing.has(lock.id)) return
  forgetOutgoing(rt.locks, group, lock)
  rt.handlers.outgoingGone(rt, group, lock, paid)
}

export function endIncoming(rt: Runtime, group: Group, lock: IncomingLock, paid: boolean): void {
  if (!rt.locks.incoming.has(lock.id)) return
  forgetIncoming(rt.locks, group, lock)
  rt.handlers.incomingGone(rt, group, lock, paid)
}

/** Locks of this channel may want a line: they are looked at when the group is sealed. */
export function wantLines(rt: Runtime, channel: OutgoingLock['channel']): void {
  channel.locksDue = true
  rt.due.add(channel)
}
