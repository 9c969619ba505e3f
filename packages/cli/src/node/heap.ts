/**
 * A node runs for months beside other programs. Left alone, V8 lets the heap of a process with little live data grow to
 * several times that before it collects (measured: 436 MB resident for 60 MB live), and the young generation stays as
 * large as starting made it (measured: 67 MB, of which a calm node fills 3).
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Both halves of the young generation. What a busy node has in flight must die in it: with half of this, batches of payments
 * cost a fifth more time; with twice, next to nothing is gained. It is passed by one doubling when two collections fall
 * into one turn of the event loop.
 */
const largestYoungBytes = 16 * 2 ** 20

/**
 * Call once, when everything is loaded and started: what only the start needed is given back (a tenth of a second), and the
 * heap stays near its live data from then on. The flags hold for worker threads too.
 */
export function keepHeapSmall(): void {
  // The old generation is collected when it has grown by a fifth, not by a multiple.
  setFlagsFromString('--heap-growing-percent=20')
  collector()?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  // V8 shrinks the young generation in calm times and doubles it under load; it asks for the factor each time.
  boundYoung()
  new PerformanceObserver(boundYoung).observe({ entryTypes: ['gc'] })
}

function boundYoung(): void {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')
  const mayDouble = young === undefined || young.space_size * 2 <= largestYoungBytes
  setFlagsFromString(`--semi-space-growth-factor=${mayDouble ? 2 : 1}`)
}

type Collect = (options: {
  readonly type: 'major'
  readonly execution: 'sync'
  readonly flavor: 'last-resort'
}) => void

/** V8's own; undefined where it has none any more: then nothing is given back, and nothing fails. */
function collector(): Collect | undefined {
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('globalThis.gc')
  setFlagsFromString('--no-expose-gc')
  return typeof found === 'function' ? (found as Collect) : undefined
}
