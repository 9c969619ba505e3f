/**
 * Reports of refused connections, at a bounded rate: strangers must not be able to fill a disk with our own log lines.
 * Nothing is lost from the count: each report tells how many before it went unreported.
 */
import type { TransportLimits } from './limits.ts'
import type { CloseReason } from './port.ts'

export interface ConnectionRefusal extends CloseReason {
  readonly remoteAddress: string
  /** Refusals since the last report that were not reported themselves. */
  readonly unreported: number
}

/** A bucket of `refusalReports` that refills within ten seconds. */
const REFILL_MS = 10_000

export function createRefusalReports(
  report: (refusal: ConnectionRefusal) => void,
  { refusalReports }: Pick<TransportLimits, 'refusalReports'>,
  nowMs: () => number,
): (remoteAddress: string, reason: CloseReason) => void {
  let left = refusalReports
  let filledAtMs = nowMs()
  let unreported = 0
  return (remoteAddress, reason) => {
    const atMs = nowMs()
    left = Math.min(refusalReports, left + ((atMs - filledAtMs) / REFILL_MS) * refusalReports)
    filledAtMs = atMs
    if (left < 1) {
      unreported++
      return
    }
    left--
    report({ ...reason, remoteAddress, unreported })
    unreported = 0
  }
}
