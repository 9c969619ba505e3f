/** Learning from attempts: RT-40 to RT-44. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createExperience,
  createRouter,
  DEFAULT_WEIGHTS,
  decodeExperience,
  type Experience,
  edgeName,
  encodeExperience,
  findRoute,
  forget,
  type Hop,
  learn,
  MAX_EXPERIENCES,
  type Outcome,
  type Route,
} from '../../../src/network/routing/index.ts'
import { informedChance, priorChance } from '../../../src/network/routing/odds.ts'
import { chanceOf, channelIdOf, graphOf, NOW_MS, requestOf, type World } from './world.ts'

const HOUR_MS = 3_600_000
const open = { feePpm: 0, minAmount: 0n, maxAmount: 1_000_000n }
const cheap = { ...open, feeBase: 1n }
const dear = { ...open, feeBase: 50n }

/** payer -> n1 -> n0 over channel 0 (cheap), or payer -> n2 -> n0 over channel 1 (dear). */
const TWO_WAYS: World = {
  channels: [
    { ends: [1, 0], capacity: 100_000n, policies: [cheap, cheap] },
    { ends: [2, 0], capacity: 100_000n, policies: [dear, dear] },
  ],
  own: [
    { peer: 1, spendable: 100_000n },
    { peer: 2, spendable: 100_000n },
  ],
  amount: 1_000n,
  maxFee: 1_000n,
}

function lesson() {
  const experience = createExperience()
  const graph = graphOf(TWO_WAYS)
  const router = createRouter(graph, experience)
  const ask = (change: Partial<World> = {}, nowMs = NOW_MS) => {
    const answer = findRoute(router, requestOf({ ...TWO_WAYS, ...change }, { nowMs }))
    if (!answer.ok) throw new Error(answer.fault.code)
    return answer.route
  }
  const via = (route: Route) => route.hops.at(-1)?.channelId
  return { experience, router, ask, via }
}

describe('the next attempt', () => {
  test.each(['liquidity', 'channel', 'node'] as const)('goes another way after a failure of %s', (reason) => {
    const { experience, ask, via } = lesson()
    const route = ask()
    expect(via(route)).toBe(channelIdOf(0))
    learn(experience, route, { kind: 'failure', hop: 1, reason }, NOW_MS)
    expect(via(ask())).toBe(channelIdOf(1))
    expect(via(ask({}, NOW_MS + 30 * 24 * HOUR_MS))).toBe(channelIdOf(0))
  })

  test('still sends a smaller amount where a greater one failed', () => {
    const { experience, ask, via } = lesson()
    learn(experience, ask({ amount: 50_000n }), { kind: 'failure', hop: 1, reason: 'liquidity' }, NOW_MS)
    expect(via(ask({ amount: 50_000n }))).toBe(channelIdOf(1))
    expect(via(ask({ amount: 60_000n }))).toBe(channelIdOf(1))
    expect(via(ask({ amount: 10n }))).toBe(channelIdOf(0))
  })

  test('finds nothing when every way has just failed, and something again later', () => {
    const { experience, router, ask } = lesson()
    for (const _ of [0, 1]) learn(experience, ask(), { kind: 'failure', hop: 1, reason: 'liquidity' }, NOW_MS)
    const at = (nowMs: number) => findRoute(router, requestOf(TWO_WAYS, { nowMs }))
    expect(at(NOW_MS)).toMatchObject({ ok: false, fault: { code: 'no-route' } })
    expect(at(NOW_MS + HOUR_MS).ok).toBe(true)
  })

  test('suspects every hop but the own one after an unknown failure, each a part', () => {
    const experience = createExperience()
    const route = routeOver(['own', 'a', 'b'], [5n, 5n, 5n])
    learn(experience, route, { kind: 'failure', reason: 'unknown' }, NOW_MS)
    expect(experience.edges.get(edgeName('a', 'n1'))?.fault).toBe(0.5)
    expect(experience.edges.get(edgeName('b', 'n2'))?.fault).toBe(0.5)
    expect(experience.edges.has(edgeName('own', 'n0'))).toBe(false)
    learn(experience, route, { kind: 'failure', reason: 'unknown' }, NOW_MS)
    learn(experience, route, { kind: 'failure', reason: 'unknown' }, NOW_MS)
    expect(experience.edges.get(edgeName('a', 'n1'))?.fault).toBe(1)
    learn(experience, route, { kind: 'success' }, NOW_MS)
    expect(experience.edges.get(edgeName('a', 'n1'))?.fault).toBe(0)
  })

  test('trusts a hinted hop less when it failed', () => {
    const { experience, router } = lesson()
    const hint = { channelId: 'hint', from: 'n1', to: 'x', policy: { ...cheap, disabled: false } }
    const request = { ...requestOf(TWO_WAYS), payee: 'x', hints: [hint] }
    const first = findRoute(router, request)
    if (!first.ok) throw new Error(first.fault.code)
    learn(experience, first.route, { kind: 'failure', hop: 1, reason: 'liquidity' }, NOW_MS)
    expect(findRoute(router, request)).toMatchObject({ ok: false, fault: { code: 'no-route' } })
    expect(findRoute(router, { ...request, amount: 1n }).ok).toBe(true)
  })
})

describe('what success and failure say of the money', () => {
  test('the hops before the failed one held their locks', () => {
    const experience = createExperience()
    const outcome: Outcome = { kind: 'failure', hop: 2, reason: 'liquidity' }
    learn(experience, routeOver(['a', 'b', 'c'], [12n, 11n, 10n]), outcome, NOW_MS)
    expect(experience.edges.get(edgeName('a', 'n0'))).toMatchObject({ low: 12, lowAtMs: NOW_MS, highAtMs: 0 })
    expect(experience.edges.get(edgeName('b', 'n1'))).toMatchObject({ low: 11, lowAtMs: NOW_MS, highAtMs: 0 })
    expect(experience.edges.get(edgeName('c', 'n2'))).toMatchObject({
      high: 10,
      lowAtMs: 0,
      highAtMs: NOW_MS,
    })
  })

  test('RT-42: a success takes the money to the other side', () => {
    const experience = createExperience()
    const forth = routeOver(['a'], [30n])
    learn(experience, routeOver(['a'], [100n]), { kind: 'failure', hop: 0, reason: 'liquidity' }, NOW_MS)
    learn(experience, forth, { kind: 'success' }, NOW_MS)
    expect(experience.edges.get(edgeName('a', 'n0'))).toMatchObject({
      high: 70,
      highAtMs: NOW_MS,
      lowAtMs: 0,
    })
    expect(experience.edges.get(edgeName('a', 'n1'))).toMatchObject({ low: 30, lowAtMs: NOW_MS })
  })

  test('a newer bound overrules an older one that it contradicts', () => {
    const experience = createExperience()
    const at = (amount: bigint) => routeOver(['a', 'b'], [amount, amount])
    const edge = () => experience.edges.get(edgeName('a', 'n0'))
    learn(experience, at(50n), { kind: 'failure', hop: 0, reason: 'liquidity' }, NOW_MS)
    learn(experience, at(60n), { kind: 'failure', hop: 1, reason: 'liquidity' }, NOW_MS + 1)
    expect(edge()).toMatchObject({ low: 60, highAtMs: 0 })
    learn(experience, at(40n), { kind: 'failure', hop: 0, reason: 'liquidity' }, NOW_MS + 2)
    expect(edge()).toMatchObject({ high: 40, lowAtMs: 0 })
  })

  test('a hop that the route does not have is a bug of the caller', () => {
    const route = routeOver(['a'], [1n])
    for (const hop of [-1, 2, 0.5])
      expect(() =>
        learn(createExperience(), route, { kind: 'failure', hop, reason: 'node' }, NOW_MS),
      ).toThrow(RangeError)
    expect(() =>
      learn(createExperience(), route, { kind: 'failure', hop: 1, reason: 'channel' }, NOW_MS),
    ).toThrow(RangeError)
  })
})

describe('RT-40: estimates', () => {
  const bounds = fc.record({
    low: fc.nat(500),
    lowAgoMs: fc.option(fc.nat(20 * HOUR_MS)),
    gap: fc.integer({ min: 1, max: 600 }),
    highAgoMs: fc.option(fc.nat(20 * HOUR_MS)),
    fault: fc.constantFrom(0, 0.25, 1),
  })
  const edgeFrom = ({ low, lowAgoMs, gap, highAgoMs, fault }: ReturnType<typeof sample>) => ({
    channelId: 'c',
    from: 'n',
    low,
    lowAtMs: lowAgoMs === null ? 0 : NOW_MS - lowAgoMs,
    high: low + gap,
    highAtMs: highAgoMs === null ? 0 : NOW_MS - highAgoMs,
    fault,
    faultAtMs: NOW_MS - HOUR_MS,
  })
  const sample = () =>
    fc.sample(bounds, 1)[0] ?? { low: 0, lowAgoMs: null, gap: 1, highAgoMs: null, fault: 0 }

  test('before anything is known follow the bimodal curve', () => {
    fc.assert(
      fc.property(fc.nat(1_200), fc.integer({ min: 1, max: 1_000 }), (amount, capacity) => {
        expect(priorChance(amount, capacity)).toBeCloseTo(chanceOf(BigInt(amount), BigInt(capacity)), 9)
      }),
    )
    expect(priorChance(500, 1_000)).toBeCloseTo(0.5, 9)
    expect(priorChance(100, 1_000)).toBeGreaterThan(0.75)
  })

  test('are chances, and never rise with the amount', () => {
    fc.assert(
      fc.property(bounds, fc.nat(1_100), fc.nat(300), (known, amount, more) => {
        const edge = edgeFrom(known)
        const chance = informedChance(amount, 1_000, edge, DEFAULT_WEIGHTS, NOW_MS)
        expect(chance >= 0 && chance <= 1).toBe(true)
        expect(informedChance(amount + more, 1_000, edge, DEFAULT_WEIGHTS, NOW_MS)).toBeLessThanOrEqual(
          chance + 1e-12,
        )
      }),
      { numRuns: 1_000 },
    )
  })

  test('just after the event are certain, and come back to the prior', () => {
    const edge = edgeFrom({ low: 300, lowAgoMs: 0, gap: 200, highAgoMs: 0, fault: 0 })
    const at = (amount: number, nowMs: number) => informedChance(amount, 1_000, edge, DEFAULT_WEIGHTS, nowMs)
    expect(at(300, NOW_MS)).toBe(1)
    expect(at(500, NOW_MS)).toBe(0)
    expect(at(400, NOW_MS)).toBeGreaterThan(0)
    const half = NOW_MS + DEFAULT_WEIGHTS.liquidityHalfLifeMs
    expect(at(500, half)).toBeCloseTo(
      0.5 * (0.5 + 0.5 / priorChance(300, 1_000)) * priorChance(500, 1_000),
      9,
    )
    expect(at(500, NOW_MS + 1_000 * HOUR_MS)).toBeCloseTo(priorChance(500, 1_000), 9)
    expect(at(300, NOW_MS + 1_000 * HOUR_MS)).toBeCloseTo(priorChance(300, 1_000), 9)
  })
})

describe('RT-44: keeping it', () => {
  test('stored and read again it is the same', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(3), fc.integer({ min: 1, max: 9_999 }))), (events) => {
        const experience = taught(events)
        expect(decodeExperience(encodeExperience(experience))).toEqual({ ...experience, revision: 0 })
      }),
    )
  })

  test('other bytes are refused and never thrown at the caller', () => {
    const bytes = encodeExperience(
      taught([
        [1, 0, 5],
        [2, 1, 6],
        [3, 2, 7],
        [4, 3, 8],
      ]),
    )
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = bytes.slice()
        changed[at] = value
        const decoded = decodeExperience(changed)
        if ('fault' in decoded) expect(decoded.remedy).toContain('no experience')
        else for (const { low } of decoded.edges.values()) expect(Number.isFinite(low)).toBe(true)
      }),
    )
    const text = (value: string) => decodeExperience(new TextEncoder().encode(value))
    for (const value of [
      '',
      'null',
      '[]',
      '{"version":2,"edges":[],"nodes":[]}',
      '{"version":1,"edges":{},"nodes":[]}',
      '{"version":1,"edges":[["a","b",1,1,1,1,2,1]],"nodes":[]}',
      '{"version":1,"edges":[["a/c","b",1,1,1,1,1,1]],"nodes":[]}',
      '{"version":1,"edges":[["a","b",-1,1,1,1,1,1]],"nodes":[]}',
      '{"version":1,"edges":[],"nodes":[["a",1]]}',
    ])
      expect(text(value)).toHaveProperty('fault')
  })

  test('it stays bounded, and what was heard of longest ago goes first', () => {
    const experience = createExperience()
    for (let count = 0; count <= MAX_EXPERIENCES; count += 1) {
      const outcome: Outcome = { kind: 'failure', hop: 0, reason: 'liquidity' }
      learn(experience, routeOver([`c${count}`], [1n]), outcome, NOW_MS + count)
      if (count === 10) learn(experience, routeOver(['c0'], [1n]), outcome, NOW_MS + count)
    }
    expect(experience.edges.size).toBe(MAX_EXPERIENCES)
    expect(experience.edges.has(edgeName('c0', 'n0'))).toBe(true)
    expect(experience.edges.has(edgeName('c1', 'n0'))).toBe(false)
  })

  test('what weighs less than a thousandth can be forgotten', () => {
    const experience = taught([
      [1, 1, 5],
      [2, 2, 5],
    ])
    const before = experience.edges.size + experience.nodes.size
    expect(forget(experience, HOUR_MS, NOW_MS + 9 * HOUR_MS)).toBe(0)
    expect(forget(experience, HOUR_MS, NOW_MS + 11 * HOUR_MS)).toBe(before)
    expect(experience.edges.size + experience.nodes.size).toBe(0)
  })
})

/** `n0` pays `n1` pays `n2` ... over these channels. */
function routeOver(channels: readonly string[], amounts: readonly bigint[]): Route {
  const hops: Hop[] = channels.map((channelId, index) => ({
    channelId,
    from: `n${index}`,
    to: `n${index + 1}`,
    amount: amounts[index] ?? 1n,
    fee: 0n,
  }))
  return { hops, totalAmount: amounts[0] ?? 1n, totalFee: 0n, probability: 1 }
}

function taught(events: readonly (readonly [number, number, number])[]): Experience {
  const experience = createExperience()
  const outcomes: Outcome[] = [
    { kind: 'success' },
    { kind: 'failure', hop: 1, reason: 'liquidity' },
    { kind: 'failure', hop: 1, reason: 'node' },
    { kind: 'failure', reason: 'unknown' },
  ]
  for (const [channel, kind, amount] of events)
    learn(
      experience,
      routeOver([`a${channel}`, `b${channel}`], [BigInt(amount), BigInt(amount)]),
      outcomes[kind] ?? { kind: 'success' },
      NOW_MS,
    )
  return experience
}
