/** What happens to locks on the condition of a joint payment, told to its machine. */

import type { Key } from '@tallystick/protocol'
import type { IncomingLock, OutgoingLock, Placement } from '../locks/lock-book.ts'
import type { Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import { giveBack, jointHop, jointInput } from './joint-book.ts'

/** The terms may come after the lock: it waits for them a while. */
export function jointLockAccepted(rt: Runtime, group: Group, lock: IncomingLock): void {
  if (rt.jointPays.refused.has(lock.condition)) {
    giveBack(rt, group, lock)
    return
  }
  lock.use = { kind: 'joint' }
  if (rt.jointPays.open.has(lock.condition)) tellAccepted(rt, group, lock)
  else rt.jointPays.early.set(lock, rt.ports.nowMs())
}

export function tellAccepted(rt: Runtime, group: Group, lock: IncomingLock): void {
  rt.jointPays.early.delete(lock)
  const state = rt.jointPays.open.get(lock.condition)
  const hop = state && jointHop(state, lock, 'in')
  if (hop === undefined) return
  const { slot, born, amount, expiry } = lock
  const at = { slot, born }
  jointInput(rt, group, lock.condition, { type: 'lock-accepted', hop, at, amount, expiry })
}

export function jointLockPlaced(rt: Runtime, group: Group, lock: OutgoingLock): void {
  const hop = hopOut(rt, lock)
  const at = { slot: lock.slot, born: lock.born }
  if (hop !== undefined) jointInput(rt, group, lock.condition, { type: 'lock-placed', hop, at })
}

export function jointNotPlaced(rt: Runtime, group: Group, placement: Placement): void {
  const condition: Hex = `0x${Buffer.from(placement.condition).toString('hex')}`
  const state = rt.jointPays.open.get(condition)
  const hop = state && jointHop(state, placement, 'out')
  if (hop !== undefined) jointInput(rt, group, condition, { type: 'lock-void', hop })
}

export function jointOutgoingGone(rt: Runtime, group: Group, lock: OutgoingLock, paid: boolean): void {
  const hop = hopOut(rt, lock)
  if (hop !== undefined)
    jointInput(rt, group, lock.condition, { type: paid ? 'lock-folded' : 'lock-void', hop })
}

export function jointOutgoingRefused(rt: Runtime, group: Group, lock: OutgoingLock): void {
  const hop = hopOut(rt, lock)
  if (hop !== undefined) jointInput(rt, group, lock.condition, { type: 'lock-refused', hop })
}

export function jointIncomingGone(rt: Runtime, group: Group, lock: IncomingLock, paid: boolean): void {
  rt.jointPays.early.delete(lock)
  const state = rt.jointPays.open.get(lock.condition)
  const hop = state && jointHop(state, lock, 'in')
  const at = { slot: lock.slot, born: lock.born }
  if (hop !== undefined)
    jointInput(rt, group, lock.condition, { type: paid ? 'lock-paid' : 'lock-dropped', hop, at })
}

export function jointKeyKnown(
  rt: Runtime,
  group: Group,
  condition: Hex,
  key: Key,
  encoded: Uint8Array,
): void {
  if (key.kind === 'signed') jointInput(rt, group, condition, { type: 'key-seen', key: encoded })
}

function hopOut(rt: Runtime, lock: OutgoingLock): number | undefined {
  const state = rt.jointPays.open.get(lock.condition)
  return state && jointHop(state, lock, 'out')
}
