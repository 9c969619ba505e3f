/** What the operator is shown is true at every stage of a channel. */

import type { ChainPort } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { eventually, makeWorld, openBetween, pay, settledPair, type TestNode } from './rig.ts'

async function waitingOf(node: TestNode, channelId: `0x${string}`): Promise<readonly string[]> {
  return (await node.service.getChannel(channelId)).waitingFor.map(({ what }) => what)
}

describe('what a channel waits for', () => {
  it('is not a deposit that counts already, though its transaction is not told final yet', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice', { chain: withoutEnds })
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    expect(await alice.service.getChannel(channelId)).toMatchObject({ status: 'open', waitingFor: [] })
  })

  it('is a deposit on top that does not count yet', async () => {
    const world = await makeWorld({ finalityBlocks: 3 })
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const opening = openBetween(world, alice, bob, 1_000n)
    const { channelId } = await eventually(async () => (await alice.service.listChannels())[0], 'opening')
    await expect.poll(() => waitingOf(alice, channelId), { timeout: 60_000 }).toContain('deposit-final')
    await world.anvil.mine(3)
    await opening
    expect(await waitingOf(alice, channelId)).toEqual([])
    await alice.service.topUp(channelId, 5n)
    expect(await waitingOf(alice, channelId)).toContain('deposit-final')
    await world.anvil.mine(3)
    await expect.poll(() => waitingOf(alice, channelId), { timeout: 60_000 }).toEqual([])
  })
})

/** Submits, and never tells how it ended. */
function withoutEnds(chain: ChainPort): ChainPort {
  return new Proxy(chain, {
    get(target, name: keyof ChainPort) {
      if (name === 'submit')
        return async (...call: Parameters<ChainPort['submit']>) => {
          await target.submit(...call)
          return new Promise(() => {})
        }
      const member = target[name]
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

describe('balances', () => {
  it('are never negative: while a close is disputed what each gets, afterwards nothing is left', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, bob, channelId)
    await alice.service.closeChannel(channelId, 'alone')
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.paidTheirs, { timeout: 60_000 })
      .toBe(300n)
    await bob.service.waitForChannel(channelId, 'closing')
    expect(await alice.service.getChannel(channelId)).toMatchObject({ mine: 700n, theirs: 300n })
    await expect
      .poll(async () => (await bob.service.getChannel(channelId)).close?.paidMine, { timeout: 60_000 })
      .toBe(300n)
    expect(await bob.service.getChannel(channelId)).toMatchObject({ mine: 300n, theirs: 700n })
    await world.anvil.increaseTime(700)
    for (const node of [alice, bob]) {
      const closed = await node.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })
      expect(closed).toMatchObject({ mine: 0n, theirs: 0n, spendable: 0n, receivable: 0n })
    }
  })

  it('of a common close name nobody as the closer, on neither side', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, bob, channelId)
    await alice.service.closeChannel(channelId, 'cooperative')
    for (const node of [alice, bob]) {
      const { close, mine } = await node.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })
      expect({ mode: close?.mode, by: close?.by, mine }).toEqual({
        mode: 'together',
        by: undefined,
        mine: 0n,
      })
    }
  })
})

it('doctor tells the newest block, not the one of the last change of health', async () => {
  const world = await makeWorld()
  const alice = await world.node('alice')
  await expect
    .poll(async () => (await alice.service.status()).chain.reachable, { timeout: 60_000 })
    .toBe(true)
  await world.anvil.mine(7)
  const newest = BigInt(String(await world.anvil.request('eth_blockNumber')))
  await expect
    .poll(async () => (await alice.service.status()).chain.headBlock, { timeout: 60_000 })
    .toBe(newest)
  const { findings } = await alice.service.doctor()
  expect(findings.find(({ check }) => check === 'chain')?.message).toContain(`at block ${newest},`)
})
