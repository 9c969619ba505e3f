/** Payments in several parts (RT-50 to RT-53). */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  deliveredBy,
  edgeName,
  findParts,
  findRoute,
  type Parts,
  type PartsRequest,
} from '../../../src/network/routing/index.ts'
import { expectRule } from './rule.ts'
import { channelIdOf, requestOf, routerOf, WILD, type World, worlds } from './world.ts'

const free = { feeBase: 0n, feePpm: 0, minAmount: 1n, maxAmount: 1n << 100n }

function expectWhole(world: World, request: PartsRequest, parts: Parts): void {
  const { routes, totalAmount, totalFee } = parts
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n)
  expect(routes.length).toBeGreaterThan(0)
  expect(routes.length).toBeLessThanOrEqual(request.maxParts)
  expect(sum(routes.map(deliveredBy))).toBe(request.amount)
  expect(sum(routes.map((route) => route.totalAmount))).toBe(totalAmount)
  expect(sum(routes.map((route) => route.totalFee))).toBe(totalFee)
  expect(totalFee <= request.maxFee).toBe(true)
  const used = new Map<string, bigint>()
  for (const route of routes) {
    expectRule(world, { ...request, amount: deliveredBy(route), maxFee: 1n << 127n }, route)
    const least = request.minPart ?? 1n
    expect(deliveredBy(route) >= (least < request.amount ? least : request.amount)).toBe(true)
    for (const { channelId, from, amount } of route.hops) {
      const name = edgeName(channelId, from)
      used.set(name, (used.get(name) ?? 0n) + amount)
    }
  }
  for (const [index, { ends, capacity }] of world.channels.entries())
    for (const end of ends)
      expect((used.get(edgeName(channelIdOf(index), `n${end}`)) ?? 0n) <= capacity).toBe(true)
  for (const { channelId, spendable } of request.own)
    expect((used.get(edgeName(channelId, request.payer)) ?? 0n) <= spendable).toBe(true)
}

/** Each peer of the payer has one channel to the payee, node 0. */
function fan(widths: readonly bigint[], amount: bigint): World {
  return {
    channels: widths.map((_, index) => ({
      ends: [index + 1, 0],
      capacity: 1n << 100n,
      policies: [free, free],
    })),
    own: widths.map((spendable, index) => ({ peer: index + 1, spendable })),
    amount,
    maxFee: 0n,
  }
}

describe('parts', () => {
  test('together deliver the amount, and none uses what another locks', () => {
    fc.assert(
      fc.property(
        worlds(WILD),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 200 }),
        (world, maxParts, times, share) => {
          const amount = world.amount * BigInt(times)
          const minPart = (amount * BigInt(share)) / 400n + 1n
          const request = { ...requestOf({ ...world, amount }), maxParts, minPart }
          const router = routerOf(world)
          const answer = findParts(router, request)
          if (answer.ok) expectWhole(world, request, answer.parts)
          const whole = findRoute(router, request)
          expect(!whole.ok || answer.ok).toBe(true)
          if (whole.ok && answer.ok) expect(answer.parts.routes).toEqual([whole.route])
        },
      ),
      { numRuns: 400 },
    )
  })

  test.each([
    ['halves', [50n, 50n], 2, 100n],
    ['a wide and a narrow one', [70n, 40n], 2, 100n],
    ['to the last unit', [70n, 30n], 2, 100n],
    ['wide ones far apart', [900n, 90n, 9n, 1n], 4, 1_000n],
    ['where wei count', [7n * 10n ** 18n + 1n, 5n * 10n ** 18n + 3n], 2, 12n * 10n ** 18n + 4n],
    ['more than one in a channel is not needed', [1_000n], 1, 1_000n],
  ])('%s', (_, widths, maxParts, amount) => {
    const world = fan(widths, amount)
    const request = { ...requestOf(world), maxParts }
    const answer = findParts(routerOf(world), request)
    if (!answer.ok) throw new Error(answer.fault.code)
    expectWhole(world, request, answer.parts)
  })

  test.each([
    ['one part too few', [40n, 40n, 40n], 2, 1n, 100n],
    ['one unit too little', [70n, 29n], 2, 1n, 100n],
    ['parts would be too small', [70n, 40n], 2, 45n, 100n],
  ])('not found: %s', (_, widths, maxParts, minPart, amount) => {
    const world = fan(widths, amount)
    expect(findParts(routerOf(world), { ...requestOf(world), maxParts, minPart }).ok).toBe(false)
  })

  test('share one fee limit', () => {
    const world = fan([50n, 50n], 100n)
    const channels = world.channels.map((channel) => ({
      ...channel,
      policies: [{ ...free, feeBase: 3n }, free] as const,
    }))
    const dear = { ...world, channels, own: world.own.map((own) => ({ ...own, spendable: 53n })) }
    const ask = (maxFee: bigint) =>
      findParts(routerOf(dear), { ...requestOf({ ...dear, maxFee }), maxParts: 2 })
    expect(ask(6n)).toMatchObject({ ok: true, parts: { totalFee: 6n, totalAmount: 106n } })
    expect(ask(5n)).toMatchObject({ ok: false, fault: { code: 'fee-limit' } })
  })

  test.each([
    [{ maxParts: 0 }, 'maxParts'],
    [{ maxParts: 33 }, 'maxParts'],
    [{ maxParts: 1.5 }, 'maxParts'],
    [{ maxParts: 2, minPart: 0n }, 'minPart'],
    [{ maxParts: 2, amount: 0n }, 'amount'],
  ])('a request with %o is refused', (change, field) => {
    const world = fan([50n], 10n)
    expect(
      findParts(routerOf(world), { ...requestOf(world), maxParts: 2, ...(change as Partial<PartsRequest>) }),
    ).toMatchObject({
      ok: false,
      fault: { code: 'request-invalid', field },
    })
  })
})
