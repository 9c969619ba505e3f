/** Any order of deposits, answers, money that goes and comes, blocks, reorganisations and restarts: each outcome is true. */

import { type ChainCall, ChainError } from '@tallystick/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryJournal } from '../src/index.ts'
import { depositOf, fundCall } from './support/deposits.ts'
import { mineUntil } from './support/mining.ts'
import { COIN } from './support/stuck.ts'
import { makeWorld } from './support/world.ts'

type Step =
  | { readonly do: 'deposit' | 'answer' | 'drain' | 'refill' | 'forget' | 'kill' | 'look' }
  | { readonly do: 'mine' | 'reorg'; readonly blocks: number }

const FINAL_BLOCKS = 4

const simple = (...kinds: ('deposit' | 'answer' | 'drain' | 'refill' | 'forget' | 'kill' | 'look')[]) =>
  fc.constantFrom(...kinds.map((kind): Step => ({ do: kind })))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: simple('deposit', 'answer') },
  { weight: 4, arbitrary: simple('drain', 'drain', 'refill') },
  { weight: 3, arbitrary: simple('look', 'kill', 'forget') },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('mine' as const), blocks: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reorg' as const),
      blocks: fc.integer({ min: 1, max: FINAL_BLOCKS - 1 }),
    }),
  },
)

type Outcome = 'done' | ChainError

async function play(steps: readonly Step[]): Promise<void> {
  const world = await makeWorld({ noMining: true })
  const journal = createMemoryJournal()
  const finality = { kind: 'depth', blocks: FINAL_BLOCKS } as const
  const start = () => world.port({ journal, finality, resubmitAfterBlocks: 1n })
  let port = start()
  const { account } = port
  const calls = new Map<string, ChainCall>()
  const outcomes = new Map<string, Outcome>()
  let waiting: Promise<void>[] = []

  const submit = (key: string, call: ChainCall) => {
    const ended = (outcome: Outcome) => void outcomes.set(key, outcome)
    const own = port
    waiting.push(
      own.submit(call, { key }).then(
        () => ended('done'),
        (error: unknown) => {
          if (!(error instanceof ChainError)) throw error
          if (error.code !== 'stopped') ended(error)
        },
      ),
    )
  }
  const begin = (key: string, call: ChainCall) => {
    calls.set(key, call)
    submit(key, call)
  }
  const restart = async () => {
    await port.stop()
    await Promise.all(waiting)
    waiting = []
    port = start()
    for (const [key, call] of calls) if (!outcomes.has(key)) submit(key, call)
  }
  const pass = async () => {
    for (let n = 0; n < 40; n += 1) await world.anvil.request('eth_blockNumber')
  }

  await world.anvil.mine(FINAL_BLOCKS)
  await world.anvil.setBalance(account, 5n * COIN)
  for (const [n, now] of steps.entries()) {
    if (now.do === 'deposit') begin(`deposit ${n}`, fundCall(world, BigInt(n), COIN))
    const preimage = `0x${n.toString(16).padStart(64, '0')}` as const
    if (now.do === 'answer')
      begin(`answer ${n}`, { kind: 'resolve', resolutions: [{ kind: 'hash', preimage }] })
    if (now.do === 'drain') await world.anvil.setBalance(account, COIN / 2n)
    if (now.do === 'refill') await world.anvil.setBalance(account, 5n * COIN)
    if (now.do === 'mine') await world.anvil.mine(now.blocks)
    if (now.do === 'reorg') await world.anvil.reorg(now.blocks)
    // As endpoints do with what cannot be paid for.
    if (now.do === 'forget') await world.anvil.request('anvil_dropAllTransactions')
    if (now.do === 'kill') await restart()
    await pass()
  }
  await world.anvil.setBalance(account, 1_000n * COIN)
  await mineUntil(world, Promise.all(waiting))
  await Promise.all(waiting)

  expect([...outcomes.keys()].toSorted()).toEqual([...calls.keys()].toSorted())
  for (const [n, now] of steps.entries()) {
    const outcome = outcomes.get(`${now.do} ${n}`)
    if (now.do === 'answer') expect(outcome).toBe('done')
    if (now.do !== 'deposit') continue
    if (outcome !== 'done') expect(outcome).toMatchObject({ code: 'insufficient_gas_funds' })
    expect(await depositOf(world, BigInt(n))).toBe(outcome === 'done' ? COIN : 0n)
  }
}

test('whatever happens in between, what is told is what the chain says', async () => {
  const runs = Number(process.env.TALLYSTICK_RUNS ?? 5)
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), play), { numRuns: runs })
})
