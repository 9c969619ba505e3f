/** What blocks say about pending locks: a condition met, an expiry passed, the end of a lock whose channel is closing. */

import { type ChainEvent, fromHex, type Key } from '@tallystick/protocol'
import { resolutionOf } from '../registry-book.ts'
import type { Group, Runtime } from '../runtime.ts'
import { endIncoming, endOutgoing, keyFits, learnKey, wantLines } from './lock-keys.ts'

const HASH_KIND = 1

/** Seen in the newest blocks: a preimage that went to the registry is a key like any other (LK-10 guards its use). */
export function takeResolved(
  rt: Runtime,
  group: Group,
  event: Extract<ChainEvent, { name: 'Resolved' }>,
): void {
  if (!rt.locks.conditions.has(event.conditionId)) return
  const preimage = event.kind === HASH_KIND ? fromHex(event.key, 32) : undefined
  const key: Key | undefined = preimage === undefined ? undefined : { kind: 'hash', preimage }
  if (key !== undefined && keyFits(rt, event.conditionId, key))
    learnKey(rt, group, event.conditionId, key, undefined)
}

/** A newer final block: LK-12 and LK-20 may have become true for locks that nobody answered. */
export function takeFinalTime(rt: Runtime, group: Group): void {
  const seconds = Number(rt.final?.timestampSeconds ?? 0n)
  rt.handlers.finalTime(rt, group)
  for (const lock of rt.locks.outgoing.values()) {
    const { final } = resolutionOf(rt.registry, lock.condition)
    if (final === 0 && lock.expiry >= seconds) continue
    if (lock.channel.core.closing === undefined) wantLines(rt, lock.channel)
    else if (lock.expiry < seconds) endOutgoing(rt, group, lock, paidOnChain(final, lock.expiry))
  }
  for (const lock of rt.locks.incoming.values()) {
    if (lock.channel.core.closing === undefined || lock.expiry >= seconds) continue
    endIncoming(rt, group, lock, paidOnChain(resolutionOf(rt.registry, lock.condition).final, lock.expiry))
  }
}

/** In a channel that is closing the bank pays a lock exactly when this holds (LK-60). */
function paidOnChain(final: number, expiry: number): boolean {
  return final > 0 && final <= expiry
}
