/** What must be true of every route, checked without the router's own arithmetic. */

import { expect } from 'vitest'
import type { Route, RouteRequest } from '../../../src/network/routing/index.ts'
import { channelIdOf, type World } from './world.ts'

export function expectRule(world: World, request: RouteRequest, route: Route): void {
  const { hops, totalAmount, totalFee, probability } = route
  expect(hops.length).toBeGreaterThan(0)
  expect(hops.length).toBeLessThanOrEqual(request.maxHops ?? 20)
  expect(hops.at(0)?.from).toBe(request.payer)
  expect(hops.at(-1)?.to).toBe(request.payee)
  expect(hops.at(-1)?.amount).toBe(request.amount)
  expect(hops.at(0)?.amount).toBe(totalAmount)
  expect(totalAmount - request.amount).toBe(totalFee)
  expect(totalFee <= request.maxFee).toBe(true)
  expect(probability > 0 && probability <= 1).toBe(true)
  const stops = hops.map(({ from }) => from)
  expect(new Set(stops).size).toBe(stops.length)
  const [first, ...others] = hops
  const own = request.own.find(({ channelId }) => channelId === first?.channelId)
  expect(own?.peer).toBe(first?.to)
  expect(own !== undefined && totalAmount <= own.spendable).toBe(true)
  expect(first?.fee).toBe(0n)
  let before = first
  for (const hop of others) {
    expect(hop.from).toBe(before?.to)
    expect((before?.amount ?? 0n) - hop.amount).toBe(hop.fee)
    const index = world.channels.findIndex((_, at) => channelIdOf(at) === hop.channelId)
    const channel = world.channels[index]
    if (channel === undefined) throw new Error(`no channel ${hop.channelId}`)
    const side = `n${channel.ends[0]}` === hop.from ? 0 : 1
    expect(`n${channel.ends[side]}`).toBe(hop.from)
    expect(`n${channel.ends[side === 0 ? 1 : 0]}`).toBe(hop.to)
    const policy = channel.policies[side]
    expect(policy.disabled === true).toBe(false)
    expect(hop.amount >= 1n && hop.amount >= policy.minAmount && hop.amount <= policy.maxAmount).toBe(true)
    expect(hop.amount <= channel.capacity).toBe(true)
    const millionths = (hop.fee - policy.feeBase) * 1_000_000n - hop.amount * BigInt(policy.feePpm)
    expect(millionths >= 0n && millionths < 1_000_000n).toBe(true)
    before = hop
  }
}
