/**
 * Refusing to be used, pure (docs/spec/routing.md RT-60 to RT-66): what each peer has earned and occupied, and whether it
 * may have one more lock pending.
 */

export { type AskedLock, judgeLock, judgeOnward, leastValue, limitsOf } from './judge.ts'
export { DEFAULT_SCORING, type ScoringPolicy, scoringFault } from './policy.ts'
export {
  lifted,
  NO_LOAD,
  newScore,
  type PeerScore,
  type PendingLoad,
  placed,
  resolved,
  standing,
} from './score.ts'
export { decodeScores, encodeScores } from './stored.ts'
