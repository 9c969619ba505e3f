/** Pending locks after a start: what the store holds, put together again, and what a crash left undecided. */

import { type Lock, locksOf, toHex } from '@tallystick/protocol'
import { MAX_PAGE_ROWS, type Store } from '../../store/port.ts'
import type { Channel, Group, Runtime } from '../runtime.ts'
import {
  addIncoming,
  addOutgoing,
  type IncomingLock,
  type IncomingUse,
  LOCK_SPACES,
  lockIdOf,
  locksOn,
  type OutgoingUse,
  recordKey,
} from './lock-book.ts'

export interface StoredUses {
  readonly incoming: ReadonlyMap<string, IncomingUse>
  readonly outgoing: ReadonlyMap<string, OutgoingUse>
}

export async function loadUses(store: Store): Promise<StoredUses> {
  return {
    incoming: await loadSpace<IncomingUse>(store, LOCK_SPACES.incoming),
    outgoing: await loadSpace<OutgoingUse>(store, LOCK_SPACES.outgoing),
  }
}

async function loadSpace<Use>(store: Store, space: string): Promise<ReadonlyMap<string, Use>> {
  const uses = new Map<string, Use>()
  let after: Uint8Array | undefined
  for (;;) {
    const page = await store.listRecords({
      space,
      limit: MAX_PAGE_ROWS,
      ...(after === undefined ? {} : { after }),
    })
    for (const { key, bytes } of page)
      uses.set(Buffer.from(key).toString('hex'), JSON.parse(Buffer.from(bytes).toString()) as Use)
    after = page.at(-1)?.key
    if (page.length < MAX_PAGE_ROWS) return uses
  }
}

/** Incoming locks of every channel first, then the outgoing ones that lean on them. */
export function restoreLocks(rt: Runtime, stored: StoredUses): void {
  for (const channel of rt.channels.values()) restoreIncoming(rt, channel, stored)
  for (const channel of rt.channels.values()) restoreOutgoing(rt, channel, stored)
}

function restoreIncoming(rt: Runtime, channel: Channel, stored: StoredUses): void {
  const { accepted, answers } = channel.core.in
  for (const held of locksOf(accepted.locks)) {
    const lock: IncomingLock = {
      ...pending(channel, held),
      use: stored.incoming.get(keyText(channel, held)) ?? { kind: 'none' },
      onward: new Set(),
      awaits: undefined,
    }
    addIncoming(rt.locks, lock)
    for (const { slot, born, answer } of answers)
      if (slot === lock.slot && born === lock.born && answer.type === 'key')
        locksOn(rt.locks, lock.condition).key ??= answer.key
  }
}

function restoreOutgoing(rt: Runtime, channel: Channel, stored: StoredUses): void {
  const { agreed, live, tip, answers } = channel.core.out
  for (const { locks } of [agreed, ...live])
    for (const held of locksOf(locks)) {
      const id = lockIdOf(channel, held.slot, held.born)
      if (rt.locks.outgoing.has(id)) continue
      const use = stored.outgoing.get(keyText(channel, held))
      if (use === undefined) throw new Error(`the purpose of the lock ${id} is not in the store`)
      const from = use.kind === 'forward' ? rt.locks.incoming.get(use.from) : undefined
      const said = answers.find(({ slot, born }) => slot === held.slot && born === held.born)?.answer
      const lock = {
        ...pending(channel, held),
        use,
        from,
        unlocking: false,
        failure: said?.type === 'fail' ? { reason: said.reason, data: said.data } : undefined,
      }
      addOutgoing(rt.locks, lock)
      if (said?.type === 'key') locksOn(rt.locks, lock.condition).key ??= said.key
      const inTip = locksOf(tip.locks).some(({ slot, born }) => slot === held.slot && born === held.born)
      if (inTip) continue
      channel.leaving.add(lock)
      // Only a key or the registry lets a line unlock: with a key known, that is how it left the tip.
      lock.unlocking = locksOn(rt.locks, lock.condition).key !== undefined
    }
  if (channel.outgoingLocks.size === 0) return
  channel.locksDue = true
  rt.due.add(channel)
}

/** In the first group: what a crash left undecided is decided, the same way or against a forward. */
export function resumeLocks(
  rt: Runtime,
  group: Group,
  decide: (group: Group, lock: IncomingLock) => void,
): void {
  for (const lock of rt.locks.incoming.values()) {
    const answered = lock.channel.core.in.answers.some(
      ({ slot, born }) => slot === lock.slot && born === lock.born,
    )
    if (!answered) decide(group, lock)
  }
}

function pending(channel: Channel, { slot, born, amount, condition, expiry }: Lock) {
  const id = lockIdOf(channel, slot, born)
  return { id, channel, slot, born, amount, condition: toHex(condition), expiry }
}

function keyText(channel: Channel, { slot, born }: Lock): string {
  return Buffer.from(recordKey({ channel, slot, born })).toString('hex')
}
