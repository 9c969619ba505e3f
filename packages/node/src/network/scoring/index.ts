/**
 * Refusing to be used, pure (docs/spec/routing.md RT-60 to RT-66): what each peer has earned and occupied, and whether it
 * may have one more lock pending.
 */

export {
  type AskedLock,
  judgeLock,
  judgeOnward,
  type Limits,
  leastValue,
  limitsOf,
  type OutgoingLoad,
  THROTTLE_REASONS,
  type ThrottleReason,
  type Verdict,
} from './judge.ts'
export { DEFAULT_SCORING, type ScoringPolicy, scoringFault } from './policy.ts'
export {
  lifted,
  NO_LOAD,
  newScore,
  type PeerScore,
  type PendingLoad,
  placed,
  type ResolvedLock,
  resolved,
  standing,
} from './score.ts'
export { decodeScores, encodeScores, type Scores, type ScoresFault } from './stored.ts'
