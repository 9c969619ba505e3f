/**
 * Which operations on locks a channel's next line carries. What must go is derived from the core's state, from known keys
 * and from final blocks, so a restart, a refusal or a lost connection forgets none of it; what is to come is taken
 * from the placements that wait.
 */

import {
  equalBytes,
  freeSlot,
  type Lock,
  type LockAnswer,
  type LockTree,
  lockAt,
  locksOf,
  type Operation,
  setLock,
  spendable,
  toHex,
} from '@tallystick/protocol'
import { chainNowSeconds, contextOf } from '../context.ts'
import { run } from '../machine.ts'
import { resolutionOf } from '../registry-book.ts'
import type { Channel, Group, Runtime } from '../runtime.ts'
import {
  addOutgoing,
  LOCK_SPACES,
  lockIdOf,
  type OutgoingLock,
  type Placement,
  storeUse,
} from './lock-book.ts'

/** Bytes of operations in one line: below what a line may hold (EN-12), with room for the last one. */
const MAX_LINE_BYTES = 480_000
const LOCK_BYTES = 64

export function hasLockWork(channel: Channel): boolean {
  return channel.locksDue || channel.placements.length > 0
}

/** Wants a lock in the channel's next line; `placed` or `notPlaced` follows. */
export function place(rt: Runtime, placement: Placement): void {
  const { channel, from } = placement
  if (from !== undefined) from.awaits = placement
  channel.placements.push(placement)
  rt.due.add(channel)
}

/** Signs a line with what is due; called when the group is sealed and the channel can sign. */
export function signLocks(rt: Runtime, group: Group, channel: Channel): void {
  const leaving = channel.locksDue ? dueOperations(rt, channel) : []
  const { operations, taken, rest, refused } = withPlacements(rt, channel, leaving)
  channel.placements = rest
  for (const { placement, why } of refused) refusePlacement(rt, group, placement, why)
  if (operations.length === 0) {
    channel.locksDue = false
    return
  }
  const failed = signOne(rt, group, channel, operations, taken)
  if (failed === 'window-full') {
    channel.placements = [...taken, ...channel.placements]
    return
  }
  channel.locksDue = false
  if (failed === undefined) return
  rt.ports.log.warn({ channel: channel.id, code: failed }, 'operations on locks are not due any more')
  // One that cannot be made must not take the others with it.
  for (const placement of taken) {
    const alone = withPlacements(rt, { ...channel, placements: [placement] }, [])
    const why = alone.taken.length === 0 ? failed : signOne(rt, group, channel, alone.operations, alone.taken)
    if (why !== undefined) refusePlacement(rt, group, placement, why)
  }
}

/** Answers the code of the refusal. */
function signOne(
  rt: Runtime,
  group: Group,
  channel: Channel,
  operations: readonly Operation[],
  taken: readonly Placement[],
): string | undefined {
  const before = channel.core.out.tip.locks
  const refused = run(rt, group, channel, { type: 'send', operations })
  if (refused === undefined) remember(rt, group, channel, before, operations, taken)
  return refused?.refusal.code
}

/** Takes back a placement that no line carries; false when there is none. */
export function cancelPlacement(channel: Channel, condition: Uint8Array): boolean {
  const kept = channel.placements.filter((placement) => !equalBytes(placement.condition, condition))
  const found = kept.length < channel.placements.length
  channel.placements = kept
  return found
}

/** Nothing more is placed in this channel: it is closing, lost, or its peer is away. */
export function refusePlacements(rt: Runtime, group: Group, channel: Channel, why: string): void {
  const { placements } = channel
  channel.placements = []
  for (const placement of placements) refusePlacement(rt, group, placement, why)
}

function refusePlacement(rt: Runtime, group: Group, placement: Placement, why: string): void {
  const { from } = placement
  if (from?.awaits === placement) from.awaits = undefined
  rt.handlers.notPlaced(rt, group, placement, why)
}

/** LK-10, LK-12, LK-20: what may go now. */
function dueOperations(rt: Runtime, channel: Channel): readonly Operation[] {
  const { out } = channel.core
  if (out.tip.locks.count === 0) return []
  const answers = new Map<string, LockAnswer['answer']>()
  for (const { slot, born, answer } of out.answers) answers.set(`${slot}/${born}`, answer)
  const due: Operation[] = []
  for (const lock of locksOf(out.tip.locks)) {
    const operation = dueOperation(rt, lock, answers.get(`${lock.slot}/${lock.born}`))
    if (operation !== undefined) due.push(operation)
  }
  return due
}

const NO_KEY = new Uint8Array(0)

function dueOperation(
  rt: Runtime,
  lock: Lock,
  answer: LockAnswer['answer'] | undefined,
): Operation | undefined {
  const { slot, expiry } = lock
  const condition = toHex(lock.condition)
  const { final } = resolutionOf(rt.registry, condition)
  const known = rt.locks.conditions.get(condition)?.key
  const shown = answer?.type === 'key'
  // The receiver that showed the key needs no copy of it.
  const key = shown ? NO_KEY : (known ?? NO_KEY)
  if (final > 0 && final <= expiry) return { type: 'unlock', slot, key }
  if (shown || known !== undefined) {
    const inTime = chainNowSeconds(rt) <= expiry - rt.config.policy.safetyMarginSeconds
    return inTime ? { type: 'unlock', slot, key } : undefined
  }
  if (answer?.type === 'fail') return { type: 'drop', slot, reason: answer.reason }
  const { finalTimeSeconds } = contextOf(rt)
  return finalTimeSeconds > expiry ? { type: 'drop', slot, reason: 0 } : undefined
}

interface NextLine {
  readonly operations: readonly Operation[]
  readonly taken: Placement[]
  /** Wait for a slot or for the next line. */
  readonly rest: Placement[]
  readonly refused: { readonly placement: Placement; readonly why: string }[]
}

function withPlacements(
  rt: Runtime,
  channel: Pick<Channel, 'core' | 'placements' | 'queued'>,
  leaving: readonly Operation[],
): NextLine {
  const operations = [...leaving]
  const next: NextLine = { operations, taken: [], rest: [], refused: [] }
  const { safetyMarginSeconds, maxPendingLocks } = rt.config.policy
  let { locks } = channel.core.out.tip
  let room = spendable(channel.core) - channel.queued
  let bytes = operations.reduce((sum, operation) => sum + sizeOf(operation), 0)
  for (const placement of channel.placements) {
    const { amount, condition, expiry, payload } = placement
    if (expiry - chainNowSeconds(rt) < safetyMarginSeconds) {
      next.refused.push({ placement, why: 'lock-expiry-near' })
      continue
    }
    if (amount > room) {
      next.refused.push({ placement, why: 'insufficient' })
      continue
    }
    // What a node takes it may also expect to place: peers that take less refuse, and the payment fails there.
    const slot = locks.count < maxPendingLocks ? freeSlot(locks) : undefined
    if (slot === undefined || bytes + LOCK_BYTES + payload.length > MAX_LINE_BYTES) {
      next.rest.push(placement)
      continue
    }
    room -= amount
    bytes += LOCK_BYTES + payload.length
    operations.push({ type: 'lock', slot, amount, condition, expiry, payload })
    next.taken.push(placement)
    locks = setLock(locks, { slot, amount, condition, expiry, born: 0 })
  }
  return next
}

function sizeOf(operation: Operation): number {
  return operation.type === 'unlock' ? 5 + operation.key.length : LOCK_BYTES
}

/** In the group that signed the line: new locks with their purpose, and which are on their way out. */
function remember(
  rt: Runtime,
  group: Group,
  channel: Channel,
  before: LockTree,
  operations: readonly Operation[],
  taken: readonly Placement[],
): void {
  const { nonce: born } = channel.core.out.tip
  let placed = 0
  for (const operation of operations) {
    if (operation.type === 'pay') continue
    if (operation.type === 'lock') {
      const placement = taken[placed]
      placed += 1
      if (placement !== undefined) adopt(rt, group, placement, operation.slot, born)
      continue
    }
    const ended = lockAt(before, operation.slot)
    const lock = ended && rt.locks.outgoing.get(lockIdOf(channel, ended.slot, ended.born))
    if (lock === undefined) continue
    lock.unlocking ||= operation.type === 'unlock'
    channel.leaving.add(lock)
  }
}

function adopt(rt: Runtime, group: Group, placement: Placement, slot: number, born: number): void {
  const { channel, from, use, amount, expiry } = placement
  const lock: OutgoingLock = {
    id: lockIdOf(channel, slot, born),
    channel,
    slot,
    born,
    amount,
    condition: toHex(placement.condition),
    expiry,
    use,
    from,
    unlocking: false,
    failure: undefined,
  }
  if (from?.awaits === placement) from.awaits = undefined
  addOutgoing(rt.locks, lock)
  storeUse(group, LOCK_SPACES.outgoing, lock)
  rt.handlers.placed(rt, group, lock)
}
