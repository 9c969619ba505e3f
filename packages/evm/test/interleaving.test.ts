/** Any order of deposits, blocks, reorganisations, losses and restarts: what is final is what the chain says, once. */

import type { BlockRef, ChainEvent, ChainWatch } from '@tallystick/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mineUntil } from './support/mining.ts'
import { isFinalOf, record } from './support/recorder.ts'
import { makeWorld, NATIVE, type World } from './support/world.ts'

type Step =
  | { readonly do: 'deposit' }
  | { readonly do: 'mine'; readonly blocks: number }
  | { readonly do: 'reorg'; readonly depth: number }
  | { readonly do: 'break' | 'mend' | 'kill' | 'look' }

const FINAL_BLOCKS = 4

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'deposit' }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('mine' as const), blocks: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('reorg' as const),
      depth: fc.integer({ min: 1, max: FINAL_BLOCKS - 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Step>({ do: 'break' }, { do: 'mend' }, { do: 'kill' }, { do: 'look' }),
  },
)

/** A node's memory of the chain: the cursor and the events are kept together, and nothing else survives a kill. */
function keeper(world: World) {
  const port = world.port({ finality: { kind: 'depth', blocks: FINAL_BLOCKS } })
  let cursor: BlockRef | undefined
  let events: ChainEvent[] = []
  let watch: ChainWatch | undefined
  const seen = new Map<string, ChainEvent>()
  const nameOf = ({ block, logIndex }: ChainEvent) => `${block.hash} ${logIndex}`
  const start = () => {
    seen.clear()
    watch = port.watch(cursor, (fact) => {
      if (fact.kind === 'final') {
        cursor = fact.block
        events = [...events, ...fact.events]
        // Whatever was seen and not retracted before it is final must be among the final ones.
        for (const event of fact.events) seen.delete(nameOf(event))
        for (const event of seen.values()) expect(event.block.number).toBeGreaterThan(fact.block.number)
      }
      if (fact.kind === 'seen') seen.set(nameOf(fact.event), fact.event)
      if (fact.kind === 'retracted') expect(seen.delete(nameOf(fact.event))).toBe(true)
      expect(fact.kind).not.toBe('rewound')
    })
  }
  return {
    port,
    start,
    kill: async () => {
      await watch?.stop()
      start()
    },
    events: () => events,
    cursor: () => cursor,
    done: () => watch?.done ?? Promise.resolve(),
  }
}

async function play(steps: readonly Step[]): Promise<void> {
  const world = await makeWorld()
  const funder = world.port({ rpcUrl: world.anvil.rpcUrl, finality: { kind: 'depth', blocks: FINAL_BLOCKS } })
  const node = keeper(world)
  await world.anvil.mine(FINAL_BLOCKS)
  node.start()
  let salt = 0n
  const deposits: Promise<unknown>[] = []
  for (const now of steps) {
    if (now.do === 'deposit') {
      salt += 1n
      const { promise, resolve } = Promise.withResolvers<void>()
      const call = { kind: 'fund', params: world.params(salt, NATIVE), party: 0, amount: salt } as const
      deposits.push(
        funder.submit(call, { key: `${salt}`, onProgress: ({ stage }) => stage === 'seen' && resolve() }),
      )
      await promise
    }
    if (now.do === 'mine') await world.anvil.mine(now.blocks)
    if (now.do === 'reorg') await world.anvil.reorg(now.depth)
    if (now.do === 'break') world.proxy.onCall(() => 'drop')
    if (now.do === 'mend') world.proxy.onCall(() => 'pass')
    if (now.do === 'kill') await node.kill()
    if (now.do === 'look') await new Promise((resolve) => setImmediate(resolve))
  }
  world.proxy.onCall(() => 'pass')
  // Dropped deposits are sent again and make blocks of their own.
  await mineUntil(world, Promise.all(deposits))
  await Promise.all(deposits)
  await world.anvil.mine(FINAL_BLOCKS)
  const { number } = await funder.block('final')
  const truth = record(funder)
  await truth.until('the truth', isFinalOf(number))
  await expect
    .poll(() => (node.cursor()?.number ?? -1n) >= number, { timeout: 30_000, message: 'the node catches up' })
    .toBe(true)
  await node.port.stop()
  await node.done()
  expect(node.events()).toEqual(truth.finalEvents())
  const salts = node.events().map((event) => (event.name === 'Funded' ? event.params.salt : undefined))
  expect(salts.toSorted()).toEqual(Array.from({ length: Number(salt) }, (_, i) => BigInt(i + 1)))
}

test('whatever happens in between', async () => {
  const runs = Number(process.env.TALLYSTICK_RUNS ?? 6)
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), play), { numRuns: runs })
})
