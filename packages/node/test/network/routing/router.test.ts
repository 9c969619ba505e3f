/** Path finding against every loop-free path of small networks (RT-20 to RT-36). */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_WEIGHTS, FEES_ONLY, findRoute } from '../../../src/network/routing/index.ts'
import { expectRule } from './rule.ts'
import { costOf, everyPath, FRIENDLY, requestOf, routerOf, WILD, worlds } from './world.ts'

const runs = { numRuns: 400 }
/** So that fees and doubt pull in different directions in networks as small as these. */
const DOUBTFUL = { ...DEFAULT_WEIGHTS, hopPpm: 20_000, doubtPpm: 300_000 }

describe('whatever the network', () => {
  test.each(['quick', 'thorough'] as const)('a %s route keeps every limit, to the unit', (effort) => {
    fc.assert(
      fc.property(worlds(WILD), fc.constantFrom(DEFAULT_WEIGHTS, FEES_ONLY, DOUBTFUL), (world, weights) => {
        const request = requestOf(world, { effort })
        const answer = findRoute(routerOf(world, weights), request)
        if (answer.ok) expectRule(world, request, answer.route)
        const allowed = everyPath(world, weights).filter(({ fee }) => fee <= world.maxFee)
        if (allowed.length === 0) expect(answer.ok).toBe(false)
      }),
      runs,
    )
  })

  test('numbers at the ends of their ranges break nothing', () => {
    const ends = (least: bigint, most: bigint) =>
      fc.oneof(fc.bigInt(least, most), fc.constantFrom(least, most, least + 1n, most - 1n, most / 2n))
    const terms = fc.record({
      feeBase: ends(-(1n << 126n) + 1n, (1n << 126n) - 1n),
      feePpm: fc.constantFrom(-1_000_000, -999_999, -1, 0, 1, 999_999, 1_000_000),
      minAmount: fc.constantFrom(0n, 1n, 1n << 125n),
      maxAmount: fc.constantFrom(1n << 125n, (1n << 128n) - 1n),
    })
    const channel = fc.record({
      ends: fc.constantFrom<[number, number][]>([0, 1], [1, 2], [2, 0], [3, 0], [1, 3], [3, 2]),
      capacity: ends(0n, (1n << 126n) - 1n),
      policies: fc.tuple(terms, terms),
    })
    const extreme = fc.record({
      channels: fc.array(channel, { minLength: 1, maxLength: 12, size: 'max' }),
      own: fc.array(fc.record({ peer: fc.nat(3), spendable: ends(0n, (1n << 128n) - 1n) }), { minLength: 1 }),
      amount: ends(1n, (1n << 128n) - 1n),
      maxFee: ends(-(1n << 128n) + 1n, (1n << 128n) - 1n),
    })
    fc.assert(
      fc.property(extreme, fc.constantFrom('quick', 'thorough'), (world, effort) => {
        const request = requestOf(world, { effort })
        const answer = findRoute(routerOf(world), request)
        if (answer.ok) expectRule(world, request, answer.route)
      }),
      runs,
    )
  })

  test('a fault of the fee limit names a fee that is enough', () => {
    fc.assert(
      fc.property(worlds(WILD), (world) => {
        const router = routerOf(world)
        const request = requestOf({ ...world, maxFee: -1n })
        const answer = findRoute(router, request)
        if (answer.ok || answer.fault.code !== 'fee-limit') return
        const { fee = 0n } = answer.fault
        expect(fee > -1n).toBe(true)
        expect(findRoute(router, { ...request, maxFee: fee }).ok).toBe(true)
      }),
      runs,
    )
  })

  test('RT-33: the same question has the same answer, in whatever order gossip came', () => {
    const flat = worlds({ ...WILD, feePpm: 0, scales: [1n] }).map((world) => ({
      ...world,
      channels: world.channels.map((channel) => ({ ...channel, policies: EQUAL, capacity: 1_000n })),
    }))
    fc.assert(
      fc.property(fc.oneof(flat, worlds(WILD)), fc.array(fc.nat()), (world, order) => {
        const shuffled = [...world.channels.keys()].sort((a, b) => (order[a] ?? a) - (order[b] ?? b))
        for (const effort of ['quick', 'thorough'] as const) {
          const request = requestOf(world, { effort })
          expect(findRoute(routerOf(world, DEFAULT_WEIGHTS, shuffled), request)).toEqual(
            findRoute(routerOf(world), request),
          )
        }
      }),
      runs,
    )
  })
})

/** Everything costs the same: only ties. */
const EQUAL = [
  { feeBase: 1n, feePpm: 0, minAmount: 1n, maxAmount: 1_000n },
  { feeBase: 1n, feePpm: 0, minAmount: 1n, maxAmount: 1_000n },
] as const

describe('where no fee is negative and no least amount counts', () => {
  test('RT-31: with fees only, the quick search finds the least fee', () => {
    fc.assert(
      fc.property(worlds(FRIENDLY), (world) => {
        const fees = everyPath(world, FEES_ONLY).map(({ fee }) => fee)
        const least = fees.reduce<bigint | undefined>(
          (before, fee) => (before === undefined || fee < before ? fee : before),
          undefined,
        )
        const answer = findRoute(routerOf(world, FEES_ONLY), requestOf(world))
        if (least === undefined || least > world.maxFee) expect(answer.ok).toBe(false)
        else expect(answer.ok && answer.route.totalFee).toBe(least)
        if (!answer.ok && least !== undefined) expect(answer.fault.fee).toBe(least)
      }),
      runs,
    )
  })

  test.each([DEFAULT_WEIGHTS, DOUBTFUL])(
    'RT-32: the thorough search finds the least cost (%o)',
    (weights) => {
      fc.assert(
        fc.property(worlds(FRIENDLY), (world) => {
          const costs = everyPath(world, weights).flatMap(({ fee, cost }) =>
            fee <= world.maxFee ? [cost] : [],
          )
          const answer = findRoute(routerOf(world, weights), requestOf(world, { effort: 'thorough' }))
          expect(answer.ok).toBe(costs.length > 0)
          if (!answer.ok) return
          const best = Math.min(...costs)
          expect(costOf(world, weights, answer.route)).toBeLessThanOrEqual(best * (1 + 1e-9))
        }),
        runs,
      )
    },
  )

  test('the quick search finds a way wherever there is one', () => {
    fc.assert(
      fc.property(worlds(FRIENDLY), (world) => {
        const paths = everyPath(world, DOUBTFUL).filter(({ fee }) => fee <= world.maxFee)
        expect(findRoute(routerOf(world, DOUBTFUL), requestOf(world)).ok).toBe(paths.length > 0)
      }),
      runs,
    )
  })
})

describe('how far from the optimum', () => {
  test('over two thousand fixed networks', () => {
    const measure = (kind: typeof WILD, effort: 'quick' | 'thorough') => {
      let [possible, found, best, excess] = [0, 0, 0, 0]
      for (const world of fc.sample(worlds(kind), { numRuns: 1_000, seed: 7 })) {
        const costs = everyPath(world, DOUBTFUL).flatMap(({ fee, cost }) =>
          fee <= world.maxFee ? [cost] : [],
        )
        if (costs.length === 0) continue
        possible += 1
        const answer = findRoute(routerOf(world, DOUBTFUL), requestOf(world, { effort }))
        if (!answer.ok) continue
        found += 1
        const over = costOf(world, DOUBTFUL, answer.route) / Math.min(...costs) - 1
        if (over < 1e-9) best += 1
        excess = Math.max(excess, over)
      }
      return { possible, found, best, excess }
    }
    const friendly = measure(FRIENDLY, 'quick')
    expect(friendly.found).toBe(friendly.possible)
    expect(friendly.best / friendly.possible).toBeGreaterThan(0.99)
    expect(friendly.excess).toBeLessThan(0.03)
    const wild = measure(WILD, 'quick')
    expect(wild.found / wild.possible).toBeGreaterThan(0.99)
    expect(wild.best / wild.possible).toBeGreaterThan(0.97)
    const thorough = measure(WILD, 'thorough')
    expect(thorough.found / thorough.possible).toBeGreaterThan(0.99)
    expect(thorough.best / thorough.possible).toBeGreaterThan(0.99)
  })
})
