/** A process that ends between any two steps of giving a deposit up: the next life finishes it, and nothing is made twice. */

import type { SubmissionJournal } from '@tallystick/protocol'
import { expect, test } from 'vitest'
import { createMemoryJournal } from '../src/index.ts'
import { depositOf, fundCall, nonceOf } from './support/deposits.ts'
import { mineUntil } from './support/mining.ts'
import { ANSWER, COIN, stuckDeposit } from './support/stuck.ts'
import { submit } from './support/submission.ts'

/** Ends everything at the step of that number: before or after each write to the journal and each transaction sent. */
function fuse(steps: number) {
  let left = Number.POSITIVE_INFINITY
  const { promise: burnt, resolve } = Promise.withResolvers<void>()
  let isBurnt = false
  return {
    burnt,
    isBurnt: () => isBurnt,
    light: () => {
      left = steps
    },
    step: () => {
      if (!isBurnt && left === 0) {
        isBurnt = true
        resolve()
      }
      left -= 1
      return isBurnt
    },
  }
}

function guarded(journal: SubmissionJournal, { step }: ReturnType<typeof fuse>): SubmissionJournal {
  const end = () => {
    if (step()) throw new Error('the process has ended')
  }
  return {
    load: journal.load,
    save: async (key, record) => {
      end()
      await journal.save(key, record)
      end()
    },
  }
}

/** False when the first life did not come to this step any more. */
async function crashAt(steps: number, isMoneyBack: boolean): Promise<boolean> {
  const ending = fuse(steps)
  const kept = createMemoryJournal()
  const { world, port, stuck, nonce } = await stuckDeposit({ journal: guarded(kept, ending) })
  world.proxy.onCall(async ({ method, params }) => {
    if (ending.isBurnt()) return 'drop'
    if (method !== 'eth_sendRawTransaction') return 'pass'
    if (ending.step()) return 'drop'
    const result = await world.anvil.request(method, params).catch(() => undefined)
    if (ending.step()) return 'drop'
    return result === undefined ? 'pass' : { result }
  })
  ending.light()
  await mineUntil(world, Promise.race([ending.burnt, stuck.result]))
  await port.stop()
  world.proxy.onCall(() => 'pass')
  if (isMoneyBack) await world.anvil.setBalance(port.account, 2n * COIN)

  const next = world.port({ journal: kept, resubmitAfterBlocks: 1n })
  const [deposit, answer] = [submit(next, fundCall(world, 1n, COIN), 'stuck'), submit(next, ANSWER, 'behind')]
  await mineUntil(world, Promise.allSettled([deposit.result, answer.result]))
  await answer.result
  const isDone = await deposit.result.then(
    () => true,
    (error: unknown) => {
      expect(error).toMatchObject({ code: 'insufficient_gas_funds' })
      return false
    },
  )
  expect(await depositOf(world, 1n)).toBe(isDone ? COIN : 0n)
  if (!isMoneyBack) {
    expect(isDone).toBe(false)
    expect(await nonceOf(world, next.account)).toBe(nonce + 2)
  }
  return ending.isBurnt()
}

test.for([false, true])('at any step; the money is back in the next life: %s', async (isMoneyBack) => {
  let steps = 0
  while (await crashAt(steps, isMoneyBack)) steps += 1
  // The cancellation and the outcome in the journal, the empty transaction sent: each has a before and an after.
  expect(steps).toBeGreaterThanOrEqual(6)
})
