/** Netting: obligations among n parties become the hops of one joint payment (JP-50 to JP-54). */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  checkTerms,
  equalBytes,
  MAX_JOINT_HOPS,
  makeTerms,
  type NettingChannel,
  type NettingPlan,
  type NettingRefusal,
  netOf,
  netPositions,
  type Obligation,
  planNetting,
  toHex,
} from '../../src/index.ts'
import { EXPIRY, word } from './world.ts'

const address = (name: string) => word(name).slice(0, 20)
const owes = (from: string, to: string, amount: bigint): Obligation => {
  return { from: address(from), to: address(to), amount }
}
const channel = (a: string, b: string, ab: bigint, ba: bigint, name = `${a}-${b}`): NettingChannel => {
  return { channelId: word(name), signer: [address(a), address(b)], spendable: [ab, ba] }
}

function planned(plan: NettingPlan | NettingRefusal): NettingPlan {
  if ('code' in plan) throw new Error(`${plan.code} ${plan.field} ${plan.detail}`)
  return plan
}

function refused(plan: NettingPlan | NettingRefusal): NettingRefusal {
  if (!('code' in plan)) throw new Error('not refused')
  return plan
}

/** What every plan must be, whatever it was made of. */
function checkPlan(
  plan: NettingPlan,
  obligations: readonly Obligation[],
  channels: readonly NettingChannel[],
  leastLock: bigint,
): void {
  const { hops, customer, payees } = plan
  const terms = makeTerms({ hops, customer, payees, reference: word('r'), expiry: EXPIRY, salt: word('s') })
  expect(checkTerms(terms)).toBeUndefined()
  for (const { party, net } of netPositions(obligations)) {
    expect(netOf(terms, party)).toBe(net)
    expect(hops.some(({ payer, payee }) => equalBytes(payer, party) || equalBytes(payee, party))).toBe(true)
  }
  const all = channels.flatMap(({ signer }) => signer)
  const owing = netPositions(obligations).map(({ party }) => toHex(party))
  for (const party of all) if (!owing.includes(toHex(party))) expect(netOf(terms, party)).toBe(0n)
  for (const hop of hops) {
    const own = channels.find(({ channelId }) => equalBytes(channelId, hop.channelId))
    expect(hop.amount).toBeLessThanOrEqual(own?.spendable[hop.direction] ?? 0n)
    expect(hop.amount).toBeGreaterThanOrEqual(leastLock)
    expect(hop.payer).toEqual(own?.signer[hop.direction])
    expect(hop.payee).toEqual(own?.signer[hop.direction === 0 ? 1 : 0])
  }
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
const name = fc.constantFrom(...NAMES)
const two = fc.tuple(name, name).filter(([a, b]) => a !== b)
const obligation = fc.tuple(two, fc.bigInt(1n, 100n)).map(([[a, b], amount]) => owes(a, b, amount))
const link = fc.record({ ends: two, ab: fc.bigInt(0n, 300n), ba: fc.bigInt(0n, 300n) })
const world = fc.record({
  obligations: fc.array(obligation, { minLength: 1, maxLength: 12 }),
  links: fc.array(link, { maxLength: 16 }),
  leastLock: fc.bigInt(1n, 8n),
})

test('a plan changes each party by exactly its net position, within what each direction can spend', () => {
  let plans = 0
  fc.assert(
    fc.property(world, ({ obligations, links, leastLock }) => {
      const channels = links.map(({ ends: [a, b], ab, ba }, i) => channel(a, b, ab, ba, `channel ${i}`))
      const plan = planNetting(obligations, channels, { customer: undefined, leastLock })
      if ('code' in plan) {
        expect(['no-capacity', 'no-link']).toContain(plan.code)
        expect(plan.party).toBeDefined()
        expect(plan.missing).toBeGreaterThan(0n)
        return
      }
      plans += 1
      checkPlan(plan, obligations, channels, leastLock)
    }),
    { numRuns: 400 },
  )
  expect(plans).toBeGreaterThan(20)
})

test('where every party has a rich channel to a hub, everything nets', () => {
  fc.assert(
    fc.property(
      fc.array(obligation, { minLength: 1, maxLength: 20 }),
      fc.bigInt(1n, 50n),
      (obligations, leastLock) => {
        const channels = NAMES.map((party) => channel('hub', party, 100_000n, 100_000n))
        const plan = planned(planNetting(obligations, channels, { customer: undefined, leastLock }))
        checkPlan(plan, obligations, channels, leastLock)
      },
    ),
    { numRuns: 200 },
  )
})

test('obligations in a circle cancel, and everybody still takes part and signs', () => {
  const obligations = [owes('a', 'b', 10n), owes('b', 'c', 10n), owes('c', 'a', 10n)]
  const channels = [channel('a', 'b', 50n, 50n), channel('b', 'c', 50n, 50n)]
  const plan = planned(planNetting(obligations, channels, { customer: undefined, leastLock: 2n }))
  checkPlan(plan, obligations, channels, 2n)
  expect(plan.payees).toEqual([])
  expect(plan.hops.map(({ amount }) => amount)).toEqual([2n, 2n, 2n, 2n])
})

test('two debtors: the second one is linked to the customer', () => {
  const obligations = [owes('a', 'c', 30n), owes('b', 'c', 20n)]
  const channels = [channel('a', 'c', 30n, 0n), channel('b', 'c', 25n, 5n)]
  const plan = planned(planNetting(obligations, channels, { customer: undefined, leastLock: 5n }))
  checkPlan(plan, obligations, channels, 5n)
  expect(plan.customer).toEqual(address('a'))
  expect(plan.payees).toEqual([address('c')])
  expect(plan.hops.map(({ amount }) => amount).sort((x, y) => Number(x - y))).toEqual([5n, 25n, 30n])
})

test('a link that crosses one channel on both ways counts it twice', () => {
  const obligations = [owes('x', 'p', 5n), owes('p', 'x', 5n)]
  const around = (narrow: bigint) => [
    channel('x', 'u', 9n, 0n),
    channel('u', 'v', narrow, 0n),
    channel('v', 'p', 9n, 0n),
    channel('p', 'u', 9n, 0n),
    channel('v', 'x', 9n, 0n),
  ]
  const options = { customer: address('x'), leastLock: 2n }
  expect(refused(planNetting(obligations, around(3n), options))).toMatchObject({
    code: 'no-link',
    party: address('p'),
  })
  const plan = planned(planNetting(obligations, around(4n), options))
  checkPlan(plan, obligations, around(4n), 2n)
  expect(plan.hops.map(({ amount }) => amount).sort()).toEqual([2n, 2n, 2n, 2n, 4n])
})

test('the customer may be chosen', () => {
  const obligations = [owes('a', 'b', 30n)]
  const channels = [channel('a', 'b', 40n, 10n)]
  const plan = planned(planNetting(obligations, channels, { customer: address('b'), leastLock: 5n }))
  checkPlan(plan, obligations, channels, 5n)
  expect(plan.payees).toEqual([])
})

test('a refusal names who lacks money or a path, and how much', () => {
  const options = { customer: undefined, leastLock: 1n }
  const poor = refused(planNetting([owes('a', 'b', 30n)], [channel('a', 'b', 12n, 0n)], options))
  expect(poor).toMatchObject({ code: 'no-capacity', party: address('a'), missing: 18n })
  const shut = [channel('a', 'c', 100n, 100n), channel('c', 'b', 10n, 100n)]
  expect(refused(planNetting([owes('a', 'b', 30n)], shut, options))).toMatchObject({
    code: 'no-capacity',
    party: address('b'),
    missing: 20n,
  })
  const narrow = [channel('a', 'c', 100n, 0n), channel('c', 'd', 7n, 0n), channel('d', 'b', 100n, 0n)]
  expect(refused(planNetting([owes('a', 'b', 30n)], narrow, options))).toMatchObject({
    code: 'no-capacity',
    party: address('a'),
    missing: 23n,
  })
  const island = [channel('a', 'b', 100n, 0n), channel('c', 'd', 100n, 100n)]
  const apart = refused(planNetting([owes('a', 'b', 9n), owes('c', 'd', 5n)], island, options))
  expect(apart).toMatchObject({ code: 'no-link', missing: 1n })
  expect(toHex(apart.party ?? word(''))).toMatch(new RegExp(`${toHex(address('c'))}|${toHex(address('d'))}`))
})

test('bad input is refused by field', () => {
  const options = { customer: undefined, leastLock: 1n }
  const ok = [owes('a', 'b', 1n)]
  const channels = [channel('a', 'b', 9n, 9n)]
  const field = (plan: NettingPlan | NettingRefusal) => refused(plan).field
  expect(field(planNetting([], channels, options))).toBe('obligations')
  expect(field(planNetting([owes('a', 'a', 1n)], channels, options))).toBe('obligations[0].to')
  expect(field(planNetting([owes('a', 'b', 0n)], channels, options))).toBe('obligations[0].amount')
  expect(field(planNetting(ok, [...channels, ...channels], options))).toBe('channels[1].channelId')
  expect(field(planNetting(ok, [channel('a', 'a', 1n, 1n)], options))).toBe('channels[0].signer')
  expect(field(planNetting(ok, [channel('a', 'b', -1n, 1n)], options))).toBe('channels[0].spendable')
  expect(field(planNetting(ok, channels, { ...options, leastLock: 0n }))).toBe('leastLock')
  expect(field(planNetting(ok, channels, { ...options, customer: address('z') }))).toBe('customer')
})

test('more parties than a condition has keys are refused', () => {
  const names = Array.from({ length: 40 }, (_, i) => `party ${i}`)
  const obligations = names.slice(1).map((one) => owes('party 0', one, 5n))
  const channels = names.slice(1).map((one) => channel('party 0', one, 100n, 100n))
  const plan = refused(planNetting(obligations, channels, { customer: undefined, leastLock: 1n }))
  expect(plan).toMatchObject({ code: 'too-large', field: 'obligations' })
  expect(plan.detail).toContain('40 parties')
  expect(MAX_JOINT_HOPS).toBe(64)
})
