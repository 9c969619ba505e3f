/** Who is told what about a lock: from what it is for to its user. */

import { failWith } from './htlc/failing.ts'
import { forwardGone, forwardNotPlaced, ONION_PAYLOAD, resumeForward, takeOnion } from './htlc/forward.ts'
import { resumePart } from './htlc/invoices.ts'
import { partGone, partNotPlaced, partPlaced, paymentKnown } from './htlc/pay.ts'
import type { IncomingLock, LockHandlers } from './locks/lock-book.ts'
import type { Group, Runtime } from './runtime.ts'

export const LOCK_USERS: LockHandlers = {
  accepted(rt, group, lock, payload) {
    if (payload[0] === ONION_PAYLOAD) takeOnion(rt, group, lock, payload.subarray(1))
    else failWith(rt, group, lock, undefined, { code: 'payload-refused' })
  },
  placed(rt, group, lock) {
    if (lock.use.kind === 'part') partPlaced(rt, group, lock)
  },
  notPlaced(rt, group, placement, why) {
    switch (placement.use.kind) {
      case 'forward':
        forwardNotPlaced(rt, group, placement)
        return
      case 'part':
        partNotPlaced(rt, group, placement, why)
        return
      case 'joint':
    }
  },
  keyKnown(rt, group, condition, key) {
    paymentKnown(rt, group, condition, key)
  },
  outgoingGone(rt, group, lock, paid) {
    switch (lock.use.kind) {
      case 'forward':
        forwardGone(rt, group, lock, paid)
        return
      case 'part':
        partGone(rt, group, lock, paid)
        return
      case 'joint':
    }
  },
  incomingGone() {},
}

/** An accepted lock that a crash left without an answer. */
export function resumeLock(rt: Runtime, group: Group, lock: IncomingLock): void {
  switch (lock.use.kind) {
    case 'forward':
      resumeForward(rt, group, lock, lock.use.secret)
      return
    case 'invoice':
      resumePart(rt, group, lock)
      return
    case 'none':
      failWith(rt, group, lock, undefined, { code: 'payload-refused' })
      return
    case 'joint':
  }
}
