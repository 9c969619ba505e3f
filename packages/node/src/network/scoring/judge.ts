/** Whether a peer may have one more lock pending (RT-60, RT-61, RT-65; LK-2, LK-5): decided before it is accepted. */

import { greater } from '../routing/amount.ts'
import type { ScoringPolicy } from './policy.ts'
import { type PeerScore, type PendingLoad, standing } from './score.ts'

/** What to tell who was refused. */
export const THROTTLE_REASONS = {
  'lock-too-small': 'lock at least the amount named: less is dust here',
  'lock-expiry-far': 'give an expiry at most as far away as named',
  'locks-too-many':
    'wait until pending locks are resolved; locks that pay soon and pay fees raise this limit',
  'locks-too-much': 'lock less, or wait; locks that pay soon and pay fees raise this limit',
  'outgoing-crowded': 'try another way or later: what is left here is kept for peers of good standing',
} as const

export type ThrottleReason = keyof typeof THROTTLE_REASONS

export type Verdict =
  | { readonly allow: true }
  | {
      readonly allow: false
      readonly reason: ThrottleReason
      /** Of the lock. */
      readonly field: 'amount' | 'expirySeconds' | 'slot'
      readonly detail: string
      readonly remedy: string
    }

export interface AskedLock {
  readonly amount: bigint
  /** Unix seconds. */
  readonly expirySeconds: number
}

/** What a peer may have pending now. */
export interface Limits {
  readonly locks: number
  readonly value: bigint
}

/**
 * The full limits times `newcomerShare` times the score, never more than the full ones. Never less than one lock of
 * `leastValue`: whoever waits until its last lock is resolved may place another (RT-64).
 */
export function limitsOf(policy: ScoringPolicy, score: PeerScore, load: PendingLoad, nowMs: number): Limits {
  const share = Math.min(1, policy.newcomerShare * standing(policy, score, load, nowMs))
  const locks = Math.max(1, Math.floor(policy.maxPendingLocks * share))
  return { locks, value: greater(scaled(policy.maxPendingValue, share), leastValue(policy)) }
}

/** One slot's part of the value limit, or the least amount where that is more. */
export function leastValue({ maxPendingLocks, maxPendingValue, minAmount }: ScoringPolicy): bigint {
  return greater(maxPendingValue / BigInt(maxPendingLocks), minAmount)
}

/** @param load of the peer's locks towards us that are pending already */
export function judgeLock(
  policy: ScoringPolicy,
  score: PeerScore,
  load: PendingLoad,
  lock: AskedLock,
  nowMs: number,
): Verdict {
  const { amount, expirySeconds } = lock
  if (amount < policy.minAmount) return refuse('lock-too-small', 'amount', `at least ${policy.minAmount}`)
  const latestSeconds = Math.floor(nowMs / 1_000) + policy.maxExpirySeconds
  if (!(expirySeconds <= latestSeconds))
    return refuse('lock-expiry-far', 'expirySeconds', `at most ${latestSeconds}`)
  const limits = limitsOf(policy, score, load, nowMs)
  if (load.locks + 1 > limits.locks)
    return refuse('locks-too-many', 'slot', `${load.locks} pending, at most ${limits.locks} now`)
  if (load.value + amount > limits.value)
    return refuse('locks-too-much', 'amount', `${load.value} pending, at most ${limits.value} now`)
  return { allow: true }
}

/** One direction in which we pay, whoever the locks in it are carried for. */
export interface OutgoingLoad {
  readonly locks: number
  readonly value: bigint
  /** What the direction can hold. */
  readonly maxLocks: number
  readonly maxValue: bigint
}

/**
 * Whether a lock of this peer may be carried on (RT-65): many newcomers together fill only a part of a direction, so that
 * those who earned it still get through.
 */
export function judgeOnward(
  policy: ScoringPolicy,
  score: PeerScore,
  load: PendingLoad,
  outgoing: OutgoingLoad,
  amount: bigint,
  nowMs: number,
): Verdict {
  const trusted = standing(policy, score, load, nowMs) >= policy.trustedScore
  const share = trusted ? 1 : policy.generalShare
  const locks = Math.floor(outgoing.maxLocks * share)
  if (outgoing.locks + 1 > locks)
    return refuse('outgoing-crowded', 'slot', `${outgoing.locks} pending, at most ${locks} for this peer`)
  const value = scaled(outgoing.maxValue, share)
  if (outgoing.value + amount > value)
    return refuse('outgoing-crowded', 'amount', `${outgoing.value} pending, at most ${value} for this peer`)
  return { allow: true }
}

/** `share` of an amount, 0 to 1, to a millionth. */
function scaled(amount: bigint, share: number): bigint {
  return (amount * BigInt(Math.floor(share * 1e6))) / 1_000_000n
}

function refuse(reason: ThrottleReason, field: 'amount' | 'expirySeconds' | 'slot', detail: string): Verdict {
  return { allow: false, reason, field, detail, remedy: THROTTLE_REASONS[reason] }
}
