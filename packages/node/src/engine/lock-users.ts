/** Who is told what about a lock: from what it is for to its user. */

import { failWith } from './htlc/failing.ts'
import { forwardGone, forwardNotPlaced, ONION_PAYLOAD, resumeForward, takeOnion } from './htlc/forward.ts'
import { resumePart } from './htlc/invoices.ts'
import { partGone, partNotPlaced, partPlaced, paymentKnown } from './htlc/pay.ts'
import { finalForJoints, JOINT_PAYLOAD } from './joint/joint-book.ts'
import {
  jointIncomingGone,
  jointKeyKnown,
  jointLockAccepted,
  jointLockPlaced,
  jointNotPlaced,
  jointOutgoingGone,
  jointOutgoingRefused,
} from './joint/joint-locks.ts'
import type { IncomingLock, LockHandlers } from './locks/lock-book.ts'
import type { Group, Runtime } from './runtime.ts'

export const LOCK_USERS: LockHandlers = {
  accepted(rt, group, lock, payload) {
    if (payload[0] === ONION_PAYLOAD) takeOnion(rt, group, lock, payload.subarray(1))
    else if (payload[0] === JOINT_PAYLOAD && payload.length === 1) jointLockAccepted(rt, group, lock)
    else failWith(rt, group, lock, undefined, { code: 'payload-refused' })
  },
  placed(rt, group, lock) {
    if (lock.use.kind === 'part') partPlaced(rt, group, lock)
    if (lock.use.kind === 'joint') jointLockPlaced(rt, group, lock)
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
        jointNotPlaced(rt, group, placement)
    }
  },
  keyKnown(rt, group, condition, key, encoded) {
    paymentKnown(rt, group, condition, key)
    jointKeyKnown(rt, group, condition, key, encoded)
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
        jointOutgoingGone(rt, group, lock, paid)
    }
  },
  finalTime: finalForJoints,
  outgoingRefused(rt, group, lock) {
    if (lock.use.kind === 'joint') jointOutgoingRefused(rt, group, lock)
  },
  incomingGone(rt, group, lock, paid) {
    if (lock.use.kind === 'joint') jointIncomingGone(rt, group, lock, paid)
  },
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
      jointLockAccepted(rt, group, lock)
  }
}
