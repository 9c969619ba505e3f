/** Payments over three hops in four node processes: how many a second, and how long one takes. */
import { median, runsPerFigure } from './measure.ts'
import { startNodeLine } from './node-line.ts'

export const inFlight = [1, 64, 1_024] as const
export type Via = 'htlc' | 'joint'

const warmUpMs = 3_000
const runMs = 4_000

export interface Forwarding {
  /** Payments a second, for each run. */
  readonly runs: readonly number[]
  /** Milliseconds, over all runs. */
  readonly p50: number
  readonly p99: number
}

/** One measurement for each number in flight, over the same line of nodes. */
export async function* forwarding(
  via: Via,
  wanted: readonly (typeof inFlight)[number][],
): AsyncGenerator<readonly [number, Forwarding]> {
  const line = await startNodeLine(4)
  try {
    for (const atOnce of wanted) {
      await line.pay({ via, atOnce, milliseconds: warmUpMs })
      const runs: number[] = []
      const latencies: number[] = []
      for (let run = 0; run < runsPerFigure; run += 1) {
        const paid = await line.pay({ via, atOnce, milliseconds: runMs })
        runs.push(paid.perSecond)
        latencies.push(...paid.latenciesMs)
      }
      latencies.sort((a, b) => a - b)
      const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN
      yield [atOnce, { runs, p50: median(latencies), p99 }]
    }
  } finally {
    await line.end()
  }
}
