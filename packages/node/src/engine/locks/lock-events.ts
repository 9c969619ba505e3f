/**
 * What the machines of single channels say about locks, gathered while they run and told afterwards: a user of locks may
 * then run any channel, the same one included.
 */

import { decodeKey, type Operation, toHex } from '@tallystick/protocol'
import type { Channel, Group, LockNote, Runtime } from '../runtime.ts'
import { addIncoming, type IncomingLock, LOCK_SPACES, lockIdOf, storeUse } from './lock-book.ts'
import { endIncoming, keyFits, learnKey, settleLeaving, wantLines } from './lock-keys.ts'
import { refusePlacements } from './lock-lines.ts'

/** Called when the group is sealed, before lines are signed. */
export function drainLockNotes(rt: Runtime, group: Group): void {
  while (rt.lockNotes.length > 0 || rt.jointNotes.length > 0) {
    const note = rt.lockNotes.shift()
    if (note === undefined) rt.jointNotes.shift()?.(group)
    else take(rt, group, note)
  }
}

function take(rt: Runtime, group: Group, { channel, effect }: LockNote): void {
  switch (effect.type) {
    case 'accepted':
      for (const operation of effect.operations)
        if (operation.type === 'lock') takeLock(rt, group, channel, effect.nonce, operation)
        else if (operation.type !== 'pay') takeEnd(rt, group, channel, operation)
      return
    case 'key-shown': {
      const lock = rt.locks.outgoing.get(lockIdOf(channel, effect.slot, effect.born))
      const key = decodeKey(effect.key)
      if (lock !== undefined && !('code' in key)) learnKey(rt, group, lock.condition, key, lock)
      wantLines(rt, channel)
      return
    }
    case 'fail-asked': {
      const lock = rt.locks.outgoing.get(lockIdOf(channel, effect.slot, effect.born))
      if (lock !== undefined) {
        lock.failure = { reason: effect.reason, data: effect.data }
        rt.handlers.outgoingRefused(rt, group, lock)
      }
      wantLines(rt, channel)
      return
    }
    case 'burnt':
      for (const lock of channel.outgoingLocks)
        if (effect.nonces.includes(lock.born)) {
          channel.leaving.add(lock)
          rt.handlers.outgoingRefused(rt, group, lock)
        }
      // What those lines unlocked or dropped is due again.
      wantLines(rt, channel)
      return
    case 'agreed':
      settleLeaving(rt, group, channel.leaving)
      return
    case 'frozen':
      refusePlacements(rt, group, channel, 'closing')
  }
}

function takeLock(
  rt: Runtime,
  group: Group,
  channel: Channel,
  born: number,
  operation: Extract<Operation, { type: 'lock' }>,
): void {
  const { slot, amount, condition, expiry } = operation
  const lock: IncomingLock = {
    id: lockIdOf(channel, slot, born),
    channel,
    slot,
    born,
    amount,
    condition: toHex(condition),
    expiry,
    use: { kind: 'none' },
    onward: new Set(),
    awaits: undefined,
  }
  addIncoming(rt.locks, lock)
  rt.handlers.accepted(rt, group, lock, operation.payload)
  storeUse(group, LOCK_SPACES.incoming, lock)
}

function takeEnd(
  rt: Runtime,
  group: Group,
  channel: Channel,
  operation: Extract<Operation, { type: 'unlock' | 'drop' }>,
): void {
  const lock = channel.incomingLocks.get(operation.slot)
  if (lock === undefined) return
  const paid = operation.type === 'unlock'
  if (operation.type === 'unlock' && operation.key.length > 0) {
    const key = decodeKey(operation.key)
    if (!('code' in key) && keyFits(rt, lock.condition, key))
      learnKey(rt, group, lock.condition, key, undefined)
  }
  endIncoming(rt, group, lock, paid)
}
