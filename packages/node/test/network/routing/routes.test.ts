/** What a route may and may not be, case by case (RT-12, RT-20 to RT-36). */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addChannel,
  amountInto,
  createExperience,
  createGraph,
  createRouter,
  DEFAULT_WEIGHTS,
  edgeName,
  FEES_ONLY,
  findRoute,
  type HintedHop,
  type Route,
  type RouteRequest,
  setPolicy,
} from '../../../src/network/routing/index.ts'
import { NOW_MS, PAYER, type Terms } from './world.ts'

const WEI = 10n ** 18n
const free: Terms = { feeBase: 0n, feePpm: 0, minAmount: 1n, maxAmount: (1n << 128n) - 1n }
const base = (feeBase: bigint): Terms => ({ ...free, feeBase })

interface Link {
  readonly id: string
  readonly nodes: readonly [string, string]
  readonly capacity?: bigint
  /** Of the first node, and of the second. */
  readonly policies?: readonly [Terms, Terms]
}

function network(links: readonly Link[], weights = DEFAULT_WEIGHTS) {
  const graph = createGraph({ chainId: 1n, bank: '0x', token: '0x' })
  for (const { id, nodes, capacity = 100n * WEI, policies = [free, free] } of links) {
    addChannel(graph, { channelId: id, nodes, capacity, addedAtMs: NOW_MS })
    for (const direction of [0, 1] as const)
      setPolicy(graph, id, direction, { disabled: false, ...policies[direction], sequence: 1 })
  }
  return createRouter(graph, createExperience(), weights)
}

function asking(rest: Partial<RouteRequest> = {}): RouteRequest {
  const own = [{ channelId: 'own', peer: 'a', spendable: 100n * WEI }]
  return { payer: PAYER, payee: 'd', amount: 1_000n, maxFee: 1_000n, own, nowMs: NOW_MS, ...rest }
}

function routeOf(router: ReturnType<typeof network>, request: RouteRequest): Route {
  const answer = findRoute(router, request)
  if (!answer.ok) throw new Error(`${answer.fault.code} ${answer.fault.field} ${answer.fault.detail}`)
  return answer.route
}

const ids = ({ hops }: Route) => hops.map(({ channelId }) => channelId)
const amounts = ({ hops }: Route) => hops.map(({ amount }) => amount)

const CHAIN: Link[] = [
  { id: 'ab', nodes: ['a', 'b'] },
  { id: 'bd', nodes: ['b', 'd'] },
]

describe('a route', () => {
  test('to a peer is one hop without a fee', () => {
    const own = [{ channelId: 'own', peer: 'd', spendable: 1_000n }]
    expect(routeOf(network([]), asking({ own, maxFee: 0n }))).toEqual({
      hops: [{ channelId: 'own', from: PAYER, to: 'd', amount: 1_000n, fee: 0n }],
      totalAmount: 1_000n,
      totalFee: 0n,
      probability: 1,
    })
  })

  test('names every hop, its amount and who keeps what', () => {
    const router = network([
      { id: 'ab', nodes: ['a', 'b'], policies: [base(7n), free] },
      { id: 'bd', nodes: ['d', 'b'], policies: [free, { ...free, feeBase: 1n, feePpm: 10_500 }] },
    ])
    expect(routeOf(router, asking())).toMatchObject({
      hops: [
        { channelId: 'own', from: PAYER, to: 'a', amount: 1_019n, fee: 0n },
        { channelId: 'ab', from: 'a', to: 'b', amount: 1_012n, fee: 7n },
        { channelId: 'bd', from: 'b', to: 'd', amount: 1_000n, fee: 12n },
      ],
      totalAmount: 1_019n,
      totalFee: 19n,
    })
  })

  test('may have twenty hops and no more', () => {
    const line = Array.from(
      { length: 20 },
      (_, at): Link => ({ id: `l${at}`, nodes: [`n${at}`, `n${at + 1}`] }),
    )
    const router = network(line)
    const own = [{ channelId: 'own', peer: 'n0', spendable: WEI }]
    expect(ids(routeOf(router, asking({ own, payee: 'n19' })))).toHaveLength(20)
    for (const effort of ['quick', 'thorough'] as const) {
      expect(findRoute(router, asking({ own, payee: 'n20', effort })).ok).toBe(false)
      expect(findRoute(router, asking({ own, payee: 'n3', maxHops: 3, effort })).ok).toBe(false)
      expect(findRoute(router, asking({ own, payee: 'n3', maxHops: 4, effort })).ok).toBe(true)
    }
  })

  test('with few hops is found behind a cheaper one with too many', () => {
    const router = network([
      { id: 'ax', nodes: ['a', 'x'], policies: [base(0n), free] },
      { id: 'xb', nodes: ['x', 'b'] },
      { id: 'ab', nodes: ['a', 'b'], policies: [base(50n), free] },
      { id: 'bd', nodes: ['b', 'd'] },
    ])
    expect(ids(routeOf(router, asking()))).toEqual(['own', 'ax', 'xb', 'bd'])
    expect(ids(routeOf(router, asking({ maxHops: 3 })))).toEqual(['own', 'ab', 'bd'])
  })
})

describe('negative fees', () => {
  test('are paid out to the payer, exactly', () => {
    const router = network([
      { id: 'ab', nodes: ['a', 'b'], policies: [{ ...free, feePpm: -2_500 }, free] },
      { id: 'bd', nodes: ['b', 'd'], policies: [base(-1n), free] },
    ])
    const route = routeOf(router, asking({ maxFee: -3n }))
    expect(amounts(route)).toEqual([997n, 999n, 1_000n])
    expect(route.hops.map(({ fee }) => fee)).toEqual([0n, -2n, -1n])
    expect(route.totalFee).toBe(-3n)
    expect(findRoute(router, asking({ maxFee: -4n }))).toMatchObject({
      ok: false,
      fault: { code: 'fee-limit', fee: -3n },
    })
  })

  test.each(['quick', 'thorough'] as const)('earn nothing by a loop (%s)', (effort) => {
    const paid = base(-100n)
    const router = network([
      { id: 'ab', nodes: ['a', 'b'], policies: [paid, paid] },
      { id: 'bc', nodes: ['b', 'c'], policies: [paid, paid] },
      { id: 'ca', nodes: ['c', 'a'], policies: [paid, paid] },
      { id: 'bd', nodes: ['b', 'd'] },
    ])
    const { hops, totalFee } = routeOf(router, asking({ effort }))
    expect(new Set(hops.map(({ from }) => from)).size).toBe(hops.length)
    expect([-100n, -200n]).toContain(totalFee)
  })

  test('make a hop free for the choice at best: greater bait does not draw through more hops', () => {
    const links: Link[] = [
      { id: 'ab', nodes: ['a', 'b'] },
      { id: 'bd', nodes: ['b', 'd'] },
      { id: 'ax', nodes: ['a', 'x'], policies: [base(-400n), free] },
      { id: 'xy', nodes: ['x', 'y'], policies: [base(-400n), free] },
      { id: 'yd', nodes: ['y', 'd'] },
    ]
    expect(ids(routeOf(network(links, FEES_ONLY), asking()))).toEqual(['own', 'ab', 'bd'])
    const earning = routeOf(network(links, FEES_ONLY), asking({ maxFee: -1n }))
    expect(ids(earning)).toEqual(['own', 'ax', 'xy', 'yd'])
    expect(earning.totalFee).toBe(-800n)
  })

  test('make up for what a hop costs otherwise', () => {
    const doubt = { ...DEFAULT_WEIGHTS, hopPpm: 10_000 }
    const both = (fee: bigint): Link[] => [
      { id: 'ab', nodes: ['a', 'b'] },
      { id: 'bd', nodes: ['b', 'd'] },
      { id: 'ax', nodes: ['a', 'x'], policies: [base(fee), free] },
      { id: 'xd', nodes: ['x', 'd'] },
    ]
    expect(ids(routeOf(network(both(1n), doubt), asking()))).toEqual(['own', 'ab', 'bd'])
    expect(ids(routeOf(network(both(-1n), doubt), asking()))).toEqual(['own', 'ax', 'xd'])
  })

  test('never bring an amount below one unit', () => {
    const paying = (feeBase: bigint) =>
      network([
        { id: 'ab', nodes: ['a', 'b'] },
        { id: 'bd', nodes: ['b', 'd'], policies: [base(feeBase), free] },
      ])
    expect(amounts(routeOf(paying(-999n), asking()))).toEqual([1n, 1n, 1_000n])
    expect(findRoute(paying(-1_000n), asking())).toMatchObject({ ok: false, fault: { code: 'no-route' } })
    expect(findRoute(paying(-(1n << 100n)), asking()).ok).toBe(false)
  })
})

describe('RT-34: limits hold to the unit where float64 sees no difference', () => {
  const amount = 12n * WEI + 1n
  const fee = 3n * 10n ** 15n + 1n
  const chain = (change: { ab?: bigint; bd?: bigint; least?: bigint } = {}): Link[] => [
    { id: 'ab', nodes: ['a', 'b'], capacity: change.ab ?? amount + fee, policies: [base(1n), free] },
    {
      id: 'bd',
      nodes: ['b', 'd'],
      capacity: change.bd ?? amount,
      policies: [{ ...base(fee), minAmount: change.least ?? amount }, free],
    },
  ]
  const request = (spendable = amount + fee + 1n) =>
    asking({ amount, maxFee: fee + 1n, own: [{ channelId: 'own', peer: 'a', spendable }] })

  test('all of it fits', () => {
    expect(amounts(routeOf(network(chain()), request()))).toEqual([amount + fee + 1n, amount + fee, amount])
  })

  test.each([
    ['capacity of the last channel', chain({ bd: amount - 1n }), request()],
    ['capacity of the channel before', chain({ ab: amount + fee - 1n }), request()],
    ['spendable money', chain(), request(amount + fee)],
    ['fee limit', chain(), { ...request(), maxFee: fee }],
    ['the least amount below what is delivered', chain({ least: amount + 1n }), request()],
  ])('one unit less of %s, and there is no route', (_, links, asked) => {
    for (const effort of ['quick', 'thorough'] as const)
      expect(findRoute(network(links), { ...asked, effort }).ok).toBe(false)
  })

  test('channels that hold exactly what is needed carry it, whatever the numbers', () => {
    const hop = fc.record({
      feeBase: fc.bigInt(-(10n ** 17n), 10n ** 17n),
      feePpm: fc.integer({ min: -20_000, max: 20_000 }),
    })
    const amounts = fc.bigInt(10n ** 18n, 10n ** 30n)
    fc.assert(
      fc.property(amounts, fc.array(hop, { minLength: 1, maxLength: 8, size: 'max' }), (delivered, hops) => {
        let need = delivered
        const links = hops.map((terms, at): Link => {
          const link = {
            id: `l${at}`,
            nodes: [`n${at + 1}`, `n${at}`] as const,
            capacity: need,
            policies: [{ ...free, ...terms, minAmount: need, maxAmount: need }, free] as const,
          }
          need = amountInto(terms, need) ?? 0n
          return link
        })
        const own = [{ channelId: 'own', peer: `n${hops.length}`, spendable: need }]
        const request = asking({ payee: 'n0', amount: delivered, own, maxFee: need - delivered })
        expect(routeOf(network(links), request).totalAmount).toBe(need)
        expect(findRoute(network(links), { ...request, maxFee: need - delivered - 1n }).ok).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('and the way around is found', () => {
    const around: Link[] = [
      ...chain({ bd: amount - 1n }),
      { id: 'ax', nodes: ['a', 'x'] },
      { id: 'xd', nodes: ['x', 'd'], policies: [base(fee), free] },
    ]
    expect(ids(routeOf(network(around), request()))).toEqual(['own', 'ax', 'xd'])
  })
})

describe('what is not used', () => {
  const two: Link[] = [
    ...CHAIN,
    { id: 'ax', nodes: ['a', 'x'], policies: [base(5n), free] },
    { id: 'xd', nodes: ['x', 'd'] },
  ]
  const set = <T>(...values: T[]) => new Set(values)

  test.each([
    ['a channel', { channels: set('bd') }],
    ['a direction', { edges: set(edgeName('bd', 'b')) }],
    ['a node', { nodes: set('b') }],
  ])('%s that is to be avoided', (_, avoid) => {
    expect(ids(routeOf(network(two), asking()))).toEqual(['own', 'ab', 'bd'])
    for (const effort of ['quick', 'thorough'] as const)
      expect(ids(routeOf(network(two), asking({ avoid, effort })))).toEqual(['own', 'ax', 'xd'])
  })

  test('the other direction stays open, and so does the rest when an own channel is avoided', () => {
    expect(ids(routeOf(network(two), asking({ avoid: { edges: set(edgeName('bd', 'd')) } })))).toContain('bd')
    const own = [
      { channelId: 'own', peer: 'a', spendable: WEI },
      { channelId: 'other', peer: 'x', spendable: WEI },
    ]
    expect(ids(routeOf(network(two), asking({ own, avoid: { channels: set('own') } })))).toEqual([
      'other',
      'xd',
    ])
    expect(findRoute(network(two), asking({ avoid: { channels: set('own') } }))).toMatchObject({
      ok: false,
      fault: { code: 'own-balance', field: 'own' },
    })
  })

  test('a disabled direction, one without a policy, and amounts outside its limits', () => {
    for (const change of [{ disabled: true }, { maxAmount: 999n }, { minAmount: 1_001n }]) {
      const links = two.map(
        (link): Link => (link.id === 'bd' ? { ...link, policies: [{ ...free, ...change }, free] } : link),
      )
      expect(ids(routeOf(network(links), asking()))).toEqual(['own', 'ax', 'xd'])
    }
    const router = network(two)
    addChannel(router.graph, { channelId: 'ad', nodes: ['a', 'd'], capacity: WEI, addedAtMs: NOW_MS })
    expect(ids(routeOf(router, asking()))).toEqual(['own', 'ab', 'bd'])
  })

  test('the payer itself, on the way, and channels of its own that it did not name', () => {
    const links: Link[] = [
      { id: 'own', nodes: [PAYER, 'a'] },
      { id: 'direct', nodes: [PAYER, 'd'] },
      ...two.map((link): Link => ({ ...link, policies: [base(100n), base(100n)] })),
    ]
    for (const effort of ['quick', 'thorough'] as const) {
      expect(ids(routeOf(network(links), asking({ effort })))).toEqual(['own', 'ab', 'bd'])
      expect(findRoute(network(links.slice(0, 2)), asking({ effort })).ok).toBe(false)
    }
  })

  test('more than an own channel can send', () => {
    const own = [
      { channelId: 'small', peer: 'b', spendable: 999n },
      { channelId: 'large', peer: 'a', spendable: 1_000n },
    ]
    expect(ids(routeOf(network(two), asking({ own })))).toEqual(['large', 'ab', 'bd'])
    expect(findRoute(network(two), asking({ own, amount: 1_001n }))).toMatchObject({
      ok: false,
      fault: { code: 'own-balance', field: 'amount' },
    })
  })

  test('channels of the payee other than those it wants to be paid by', () => {
    expect(ids(routeOf(network(two), asking({ into: set('xd') })))).toEqual(['own', 'ax', 'xd'])
    expect(findRoute(network(two), asking({ into: set('ab') })).ok).toBe(false)
  })
})

describe('hints', () => {
  const hint = (channelId: string, from: string, to: string, terms: Partial<Terms> = {}): HintedHop => ({
    channelId,
    from,
    to,
    policy: { ...free, disabled: false, ...terms },
  })

  test('lead over channels and nodes that no gossip told of', () => {
    const hints = [hint('h1', 'b', 'secret', { feeBase: 3n }), hint('h2', 'secret', 'payee', { feeBase: 4n })]
    const route = routeOf(network(CHAIN), asking({ payee: 'payee', hints }))
    expect(ids(route)).toEqual(['own', 'ab', 'h1', 'h2'])
    expect(amounts(route)).toEqual([1_007n, 1_007n, 1_004n, 1_000n])
  })

  test('keep their limits, and are avoided like any other edge', () => {
    const ask = (terms: Partial<Terms>, rest: Partial<RouteRequest> = {}) =>
      findRoute(network(CHAIN), asking({ payee: 'p', hints: [hint('h', 'b', 'p', terms)], ...rest }))
    expect(ask({}).ok).toBe(true)
    expect(ask({ maxAmount: 999n }).ok).toBe(false)
    expect(ask({ minAmount: 1_001n }).ok).toBe(false)
    expect(ask({ disabled: true }).ok).toBe(false)
    expect(ask({}, { into: new Set(['other']) }).ok).toBe(false)
    expect(ask({}, { into: new Set(['h']) }).ok).toBe(true)
    expect(ask({}, { avoid: { channels: new Set(['h']) } }).ok).toBe(false)
    expect(ask({}, { avoid: { edges: new Set([edgeName('h', 'b')]) } }).ok).toBe(false)
  })

  test('RT-24: say nothing against a signed policy', () => {
    const signed = CHAIN.map((link): Link => ({ ...link, policies: [base(9n), free] }))
    const route = routeOf(network(signed), asking({ hints: [hint('bd', 'b', 'd')] }))
    expect(route.totalFee).toBe(18n)
  })
})

describe('a cycle', () => {
  const ring: Link[] = [
    { id: 'out', nodes: [PAYER, 'a'] },
    { id: 'ab', nodes: ['a', 'b'], policies: [base(2n), free] },
    { id: 'back', nodes: ['b', PAYER], policies: [base(3n), free] },
  ]
  const own = [{ channelId: 'out', peer: 'a', spendable: WEI }]
  const round: Partial<RouteRequest> = { payee: PAYER, own, into: new Set(['back']) }

  test('leaves by one channel and comes back by another', () => {
    const route = routeOf(network(ring), asking(round))
    expect(ids(route)).toEqual(['out', 'ab', 'back'])
    expect(route.totalFee).toBe(5n)
    expect(route.hops.at(-1)?.to).toBe(PAYER)
    expect(ids(routeOf(network(ring), asking({ ...round, effort: 'thorough' })))).toEqual(ids(route))
  })

  test('does not turn back, and names the channels by which it comes back', () => {
    for (const into of [undefined, new Set(['out'])])
      expect(
        findRoute(network(ring), {
          ...asking({ payee: PAYER, own }),
          ...(into === undefined ? {} : { into }),
        }),
      ).toMatchObject({ ok: false, fault: { code: 'request-invalid', field: 'into' } })
  })
})

describe('a failure says which field and what to do', () => {
  test.each([
    [{ amount: 0n }, 'request-invalid', 'amount'],
    [{ amount: 1n << 128n }, 'request-invalid', 'amount'],
    [{ maxFee: 1n << 128n }, 'request-invalid', 'maxFee'],
    [{ maxHops: 0 }, 'request-invalid', 'maxHops'],
    [{ maxHops: 21 }, 'request-invalid', 'maxHops'],
    [{ nowMs: Number.NaN }, 'request-invalid', 'nowMs'],
    [{ avoid: { nodes: new Set(['d']) } }, 'request-invalid', 'avoid.nodes'],
    [{ own: [{ channelId: 'o', peer: 'a', spendable: -1n }] }, 'request-invalid', 'own[0].spendable'],
    [{ own: [] }, 'own-balance', 'own'],
    [{ own: [{ channelId: 'o', peer: 'a', spendable: 9n }] }, 'own-balance', 'amount'],
    [{ payee: 'nobody' }, 'payee-unknown', 'payee'],
    [{ payee: 'z' }, 'no-route', 'amount'],
    [{ amount: 50n * WEI }, 'no-route', 'amount'],
    [{ maxFee: 6n }, 'fee-limit', 'maxFee'],
  ])('%o: %s', (change, code, field) => {
    const router = network(
      [
        ...CHAIN.map((link): Link => ({ ...link, capacity: 40n * WEI, policies: [base(7n), free] })),
        { id: 'yz', nodes: ['y', 'z'] },
      ],
      FEES_ONLY,
    )
    const answer = findRoute(router, asking(change))
    expect(answer).toMatchObject({ ok: false, fault: { code, field } })
    if (!answer.ok) expect(answer.fault.remedy.length).toBeGreaterThan(20)
  })

  test.each([
    [{ feePpm: 1_000_001 }, 'hints[0].feePpm'],
    [{ maxAmount: -1n }, 'hints[0].maxAmount'],
  ])('a hint out of range: %o', (terms, field) => {
    const hints = [{ channelId: 'h', from: 'b', to: 'd', policy: { ...free, disabled: false, ...terms } }]
    expect(findRoute(network(CHAIN), asking({ hints }))).toMatchObject({
      ok: false,
      fault: { code: 'request-invalid', field },
    })
  })
})
