/**
 * How a figure is taken: several runs of fixed length, all reported, the median counted; what is compared is measured side by
 * side, and the ratio is the median of the ratios of the runs.
 */

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
/** A run is a second of each work; a turn is a few calls of the slowest. */
const turnsPerRun = 50
const turnMs = 20

export function median(runs: readonly number[]): number {
  const sorted = runs.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (upper + lower) / 2
}

/** How many times `other` each run of `runs` is, both taken side by side. */
export function ratio(runs: readonly number[], other: readonly number[]): number {
  return median(runs.map((run, index) => run / (other[index] ?? Number.NaN)))
}

export function figure(
  name: string,
  unit: string,
  runs: readonly number[],
  rest: Partial<Figure> = {},
): Figure {
  return { name, unit, median: rounded(median(runs)), runs: runs.map(rounded), ...rest }
}

/** Something to be called again and again; it is given a counter that never repeats. */
export type Work = (count: number) => unknown

/** Calls a second of `work`. */
export async function perSecond(work: Work): Promise<number[]> {
  const { only } = await sideBySide({ only: work })
  return only
}

/**
 * Calls a second of works that are compared with each other. They take turns within each run, so that whatever else the
 * machine does, it does to all of them: run `i` of one stands beside run `i` of the others.
 */
export async function sideBySide<Name extends string>(
  works: Readonly<Record<Name, Work>>,
): Promise<Record<Name, number[]>> {
  const lanes = Object.entries<Work>(works).map(([name, work]) => ({
    name,
    work,
    count: 1,
    runs: [] as number[],
  }))
  for (const lane of lanes) await turn(lane, warmUpMs)
  for (let run = 0; run < runsPerFigure; run++) {
    const taken = lanes.map((lane) => ({ lane, first: lane.count, spentMs: 0 }))
    for (let i = 0; i < turnsPerRun; i++) for (const one of taken) one.spentMs += await turn(one.lane, turnMs)
    for (const { lane, first, spentMs } of taken) lane.runs.push(((lane.count - first) * 1000) / spentMs)
  }
  return Object.fromEntries(lanes.map(({ name, runs }) => [name, runs])) as Record<Name, number[]>
}

/** Works for `lengthMs` and returns how long it really took. */
async function turn(lane: { readonly work: Work; count: number }, lengthMs: number): Promise<number> {
  const startedMs = performance.now()
  let elapsedMs = 0
  while (elapsedMs < lengthMs) {
    const done = lane.work(lane.count++)
    if (done instanceof Promise) await done
    elapsedMs = performance.now() - startedMs
  }
  return elapsedMs
}

export function rounded(value: number): number {
  return Number(value.toPrecision(6))
}
