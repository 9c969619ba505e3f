/** How much of its channels a node lets others use (RT-60, RT-61). Of one peer, in the direction in which it pays us. */

import { LOCK_SLOTS, MAX_AMOUNT, MAX_LOCK } from '@tallystick/protocol'

export interface ScoringPolicy {
  /** Pending locks of a peer of the best standing; at most LOCK_SLOTS. */
  readonly maxPendingLocks: number
  /** Their amounts together, base units. */
  readonly maxPendingValue: bigint
  /** A lock below this is dust: at least what resolving and claiming it costs (LK-2). */
  readonly minAmount: bigint
  /** A lock's expiry is at most this far away. */
  readonly maxExpirySeconds: number
  /** Share of the limits that a peer begins with, above 0 and at most 1. */
  readonly newcomerShare: number
  /** Use that everybody has to their credit, in seconds of the full limits (RT-62). */
  readonly startSeconds: number
  /** What moving `maxPendingValue` once is worth, in seconds of the full limits. */
  readonly movedSeconds: number
  /** Credit for amounts that paid too small a fee, at most, in seconds of the full limits. */
  readonly freeSeconds: number
  /** The fee at which the whole amount moved counts, parts per million of it; 0: fees do not matter. */
  readonly creditFeePpm: number
  /** A lock that pays within this time has not been in anybody's way. */
  readonly graceSeconds: number
  /** A lock that fails counts at least this long. */
  readonly leastFailureSeconds: number
  /** In this time all that was counted loses half its weight. */
  readonly halfLifeMs: number
  /** Peers whose score is lower do not use more than `generalShare` of a direction they pay onward in. */
  readonly trustedScore: number
  readonly generalShare: number
}

/** Limits of amounts depend on the token: they are the operator's. */
export const DEFAULT_SCORING: Omit<ScoringPolicy, 'maxPendingValue' | 'minAmount'> = {
  maxPendingLocks: 256,
  maxExpirySeconds: 6 * 3_600,
  newcomerShare: 1 / 8,
  startSeconds: 10,
  movedSeconds: 60,
  freeSeconds: 10,
  creditFeePpm: 1_000,
  graceSeconds: 5,
  leastFailureSeconds: 1,
  halfLifeMs: 24 * 3_600_000,
  trustedScore: 3,
  generalShare: 1 / 2,
}

/** The first field out of range, or undefined. */
export function scoringFault(policy: ScoringPolicy): keyof ScoringPolicy | undefined {
  const { maxPendingLocks, maxPendingValue, minAmount } = policy
  if (!Number.isInteger(maxPendingLocks) || maxPendingLocks < 1 || maxPendingLocks > LOCK_SLOTS)
    return 'maxPendingLocks'
  if (minAmount < 1n || minAmount > MAX_AMOUNT) return 'minAmount'
  if (maxPendingValue < minAmount || maxPendingValue > MAX_AMOUNT) return 'maxPendingValue'
  for (const [field, least, most] of RANGES)
    if (!(policy[field] >= least && policy[field] <= most)) return field
  return undefined
}

const ENDLESS = Number.MAX_SAFE_INTEGER
const LEAST = Number.MIN_VALUE
const RANGES: readonly (readonly [NumberField, least: number, most: number])[] = [
  ['maxExpirySeconds', 1, MAX_LOCK],
  ['newcomerShare', LEAST, 1],
  ['startSeconds', LEAST, ENDLESS],
  ['movedSeconds', 0, ENDLESS],
  ['freeSeconds', 0, ENDLESS],
  ['creditFeePpm', 0, 1_000_000],
  ['graceSeconds', 0, ENDLESS],
  ['leastFailureSeconds', 0, ENDLESS],
  ['halfLifeMs', 1, ENDLESS],
  ['trustedScore', 0, ENDLESS],
  ['generalShare', 0, 1],
]

type NumberField = Exclude<keyof ScoringPolicy, 'maxPendingLocks' | 'maxPendingValue' | 'minAmount'>
