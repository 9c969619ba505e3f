/** Promises that wait for the engine's state: checked after every durable group, ended by a deadline. */

import { ServiceError } from './errors.ts'

export interface Waits {
  /**
   * Resolves with what `check` returns once it is not undefined, trying at once and after each `poke` of `topic`.
   * @throws ServiceError TIMED_OUT, or what `check` throws.
   */
  until<T>(topic: string, timeoutMs: number, check: () => T | undefined): Promise<T>
  /** Something about `topic` changed and is durable. */
  poke(topic: string): void
  /** True if anything waits for a topic of this family (what comes before the first `/`). */
  any(family: string): boolean
  /** Rejects everything that waits. */
  end(error: Error): void
}

interface Waiter {
  attempt(): boolean
  fail(error: Error): void
}

export function createWaits(): Waits {
  const topics = new Map<string, Set<Waiter>>()
  const families = new Map<string, number>()
  let ended: Error | undefined

  function add(topic: string, waiter: Waiter): void {
    const waiters = topics.get(topic)
    if (waiters !== undefined) {
      waiters.add(waiter)
      return
    }
    topics.set(topic, new Set([waiter]))
    families.set(familyOf(topic), (families.get(familyOf(topic)) ?? 0) + 1)
  }

  function remove(topic: string, waiter: Waiter): void {
    const waiters = topics.get(topic)
    waiters?.delete(waiter)
    if (waiters?.size !== 0) return
    topics.delete(topic)
    families.set(familyOf(topic), (families.get(familyOf(topic)) ?? 1) - 1)
  }

  return {
    until<T>(topic: string, timeoutMs: number, check: () => T | undefined): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended)
          return
        }
        const waiter: Waiter = {
          attempt() {
            try {
              const found = check()
              if (found === undefined) return false
              resolve(found)
            } catch (error) {
              reject(error)
            }
            clearTimeout(timer)
            return true
          },
          fail(error) {
            clearTimeout(timer)
            reject(error)
          },
        }
        const timer = setTimeout(() => {
          remove(topic, waiter)
          reject(new ServiceError('TIMED_OUT'))
        }, timeoutMs)
        if (waiter.attempt()) return
        add(topic, waiter)
      })
    },
    poke(topic) {
      const waiters = topics.get(topic)
      if (waiters === undefined) return
      for (const waiter of waiters) if (waiter.attempt()) remove(topic, waiter)
    },
    any: (family) => (families.get(family) ?? 0) > 0,
    end(error) {
      ended = error
      for (const waiters of topics.values()) for (const waiter of waiters) waiter.fail(error)
      topics.clear()
    },
  }
}

function familyOf(topic: string): string {
  const end = topic.indexOf('/')
  return end < 0 ? topic : topic.slice(0, end)
}
