/** How a figure is taken: several runs of fixed length, all reported, the median counted. */

export type Figure = {
  readonly name: string
  readonly unit: string
  /** Of `runs`. */
  readonly median: number
  readonly runs: readonly number[]
  /** What the figure is compared with, measured in the same run of the benchmark. */
  readonly ratios?: Readonly<Record<string, number>>
  readonly note?: string
}

export const runsPerFigure = 5
const warmUpMs = 300
const runMs = 1_000

export function median(runs: readonly number[]): number {
  const sorted = runs.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (upper + lower) / 2
}

export function figure(
  name: string,
  unit: string,
  runs: readonly number[],
  rest: Partial<Figure> = {},
): Figure {
  return { name, unit, median: rounded(median(runs)), runs: runs.map(rounded), ...rest }
}

/** Calls a second of `work`, which is given a counter that never repeats. */
export async function perSecond(work: (count: number) => unknown): Promise<number[]> {
  let count = 1
  const run = async (lengthMs: number): Promise<number> => {
    const startedMs = performance.now()
    const first = count
    let elapsedMs = 0
    while (elapsedMs < lengthMs) {
      const done = work(count++)
      if (done instanceof Promise) await done
      elapsedMs = performance.now() - startedMs
    }
    return ((count - first) * 1000) / elapsedMs
  }
  await run(warmUpMs)
  const runs: number[] = []
  for (let i = 0; i < runsPerFigure; i++) runs.push(await run(runMs))
  return runs
}

export function rounded(value: number): number {
  return Number(value.toPrecision(6))
}
