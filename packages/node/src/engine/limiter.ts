/** Runs at most so many tasks at once, in the order in which they came. */

export type Limiter = <T>(task: () => Promise<T>) => Promise<T>

export function createLimiter(most: number): Limiter {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      // The place is handed on, so that nobody who comes now overtakes.
      if (next === undefined) running -= 1
      else next()
    }
  }
}
