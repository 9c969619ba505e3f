/** Scores of all peers, and their stored form: versioned JSON in UTF-8, read strictly (RT-66). */

import type { ScoringPolicy } from './policy.ts'
import { faded, type PeerScore } from './score.ts'

const VERSION = 1
const MAX_SCORES = 100_000

/** By node id. */
export type Scores = ReadonlyMap<string, PeerScore>

export interface ScoresFault {
  readonly fault: string
  readonly remedy: 'start with no scores: every peer is a newcomer again'
}

/** Leaves out those that have faded to what a newcomer has, but for a thousandth. */
export function encodeScores(policy: ScoringPolicy, scores: Scores, nowMs: number): Uint8Array {
  const rows: unknown[] = []
  for (const [nodeId, score] of scores) {
    const { earned, free, occupied, asOfMs } = faded(policy, score, nowMs)
    if (earned + free + occupied > policy.startSeconds / 1_000)
      rows.push([nodeId, earned, free, occupied, asOfMs])
  }
  return new TextEncoder().encode(JSON.stringify({ version: VERSION, scores: rows }))
}

/** Never throws. */
export function decodeScores(bytes: Uint8Array): Map<string, PeerScore> | ScoresFault {
  let stored: unknown
  try {
    stored = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return faulty('not JSON in UTF-8')
  }
  if (typeof stored !== 'object' || stored === null) return faulty('not an object')
  const { version, scores } = stored as Record<string, unknown>
  if (version !== VERSION) return faulty(`version ${String(version)} is unknown`)
  if (!Array.isArray(scores) || scores.length > MAX_SCORES) return faulty('scores')
  const read = new Map<string, PeerScore>()
  for (const [index, row] of scores.entries()) {
    if (!Array.isArray(row) || row.length !== 5) return faulty(`scores[${index}]`)
    const [nodeId, ...numbers] = row as unknown[]
    if (typeof nodeId !== 'string' || nodeId.length > 200 || !numbers.every(isQuantity))
      return faulty(`scores[${index}]`)
    const [earned = 0, free = 0, occupied = 0, asOfMs = 0] = numbers
    read.set(nodeId, { earned, free, occupied, asOfMs })
  }
  return read
}

function isQuantity(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function faulty(fault: string): ScoresFault {
  return { fault, remedy: 'start with no scores: every peer is a newcomer again' }
}
