import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../failure.ts'

const pollMs = 100

/** Resolves once `condition` holds. @throws {Failure} that says what did not happen in time. */
export async function until(
  what: string,
  timeoutMs: number,
  condition: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadlineMs)
      throw new Failure('checkFailed', {
        code: 'demo-waits',
        message: `the demo waited ${timeoutMs / 1000} s in vain until ${what}`,
        remedy: 'Run the demo again with --keep and read the logs.',
      })
    await delay(pollMs)
  }
}
