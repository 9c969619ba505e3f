/**
 * The score of a peer: what it moved through this node, by the time it kept our locks occupied (RT-62 to RT-64; the
 * answer of the Hacash paper, 3.6, to delayed signing; compare "reputation" of the Lightning jamming proposals, Shikhelman
 * and Tikhomirov 2022).
 *
 * Both are measured in seconds of the peer's full limits: a lock of a tenth of the value held for a minute is six. So a
 * score of 1 is nobody special, more has earned, less has been in the way. Amounts and times go in, nothing is remembered
 * of single locks, and everything fades: nobody is shut out for ever, and nobody lives on old merit.
 */

import type { ScoringPolicy } from './policy.ts'

/** Seconds of the full limits, as of `asOfMs`. */
export interface PeerScore {
  /** By amounts moved for a fee. */
  readonly earned: number
  /** By amounts moved for too small a fee; at most `freeSeconds`. */
  readonly free: number
  /** By locks that failed, or paid late. */
  readonly occupied: number
  readonly asOfMs: number
}

/** A peer of which nothing is known. */
export function newScore(nowMs: number): PeerScore {
  return { earned: 0, free: 0, occupied: 0, asOfMs: nowMs }
}

/** Locks of a peer that are pending. Changed by {@link placed} and {@link lifted}, and exact when empty. */
export interface PendingLoad {
  readonly locks: number
  readonly value: bigint
  /** Sum of the locks' shares of the limits, and of share times when placed: their use so far follows from both. */
  readonly share: number
  readonly shareTimesPlacedMs: number
}

export const NO_LOAD: PendingLoad = { locks: 0, value: 0n, share: 0, shareTimesPlacedMs: 0 }

export function placed(
  policy: ScoringPolicy,
  load: PendingLoad,
  amount: bigint,
  placedAtMs: number,
): PendingLoad {
  const share = shareOf(policy, amount)
  return {
    locks: load.locks + 1,
    value: load.value + amount,
    share: load.share + share,
    shareTimesPlacedMs: load.shareTimesPlacedMs + share * placedAtMs,
  }
}

/** Takes out what {@link placed} put in with the same amount and time. */
export function lifted(
  policy: ScoringPolicy,
  load: PendingLoad,
  amount: bigint,
  placedAtMs: number,
): PendingLoad {
  if (load.locks <= 1) return NO_LOAD
  const share = shareOf(policy, amount)
  return {
    locks: load.locks - 1,
    value: load.value - amount,
    share: load.share - share,
    shareTimesPlacedMs: load.shareTimesPlacedMs - share * placedAtMs,
  }
}

/** What a lock takes of the limits: of the slots or of the value, whichever is more. */
export function shareOf({ maxPendingLocks, maxPendingValue }: ScoringPolicy, amount: bigint): number {
  return Math.max(1 / maxPendingLocks, Number(amount) / Number(maxPendingValue))
}

/** A lock of the peer that is no longer pending. */
export interface ResolvedLock {
  readonly amount: bigint
  /** What we kept of it: `amount` in minus `amount` out; the whole amount where we were the payee. May be negative. */
  readonly fee: bigint
  readonly heldMs: number
  /** True: it paid. False: it was dropped, whoever is to blame: a peer answers for what it sends through us (RT-63). */
  readonly paid: boolean
}

export function resolved(
  policy: ScoringPolicy,
  score: PeerScore,
  lock: ResolvedLock,
  nowMs: number,
): PeerScore {
  const { earned, free, occupied, asOfMs } = faded(policy, score, nowMs)
  const heldSeconds = Math.max(0, lock.heldMs) / 1_000
  const share = shareOf(policy, lock.amount)
  if (!lock.paid)
    return {
      earned,
      free,
      occupied: occupied + share * Math.max(policy.leastFailureSeconds, heldSeconds),
      asOfMs,
    }
  const worth = (Number(lock.amount) / Number(policy.maxPendingValue)) * policy.movedSeconds
  const bought = worth * boughtShare(policy, lock)
  return {
    earned: earned + bought,
    free: Math.max(free, Math.min(policy.freeSeconds, free + worth - bought)),
    occupied: occupied + share * Math.max(0, heldSeconds - policy.graceSeconds),
    asOfMs,
  }
}

/** How much of the amount counts as paid for: all of it from `creditFeePpm` on, in proportion below. */
function boughtShare({ creditFeePpm }: ScoringPolicy, { amount, fee }: ResolvedLock): number {
  if (creditFeePpm === 0) return 1
  if (fee <= 0n) return 0
  return Math.min(1, (Number(fee) * 1e6) / (Number(amount) * creditFeePpm))
}

/** The same score as of now. A clock that went back changes nothing. */
export function faded(policy: ScoringPolicy, score: PeerScore, nowMs: number): PeerScore {
  if (nowMs <= score.asOfMs) return score
  const left = 2 ** ((score.asOfMs - nowMs) / policy.halfLifeMs)
  return {
    earned: score.earned * left,
    free: score.free * left,
    occupied: score.occupied * left,
    asOfMs: nowMs,
  }
}

/** `(start + earned + free) / (start + occupied)`, pending locks counted as occupied since they were placed. */
export function standing(policy: ScoringPolicy, score: PeerScore, load: PendingLoad, nowMs: number): number {
  const { earned, free, occupied } = faded(policy, score, nowMs)
  const pending = Math.max(0, load.share * nowMs - load.shareTimesPlacedMs) / 1_000
  return (policy.startSeconds + earned + free) / (policy.startSeconds + occupied + pending)
}
