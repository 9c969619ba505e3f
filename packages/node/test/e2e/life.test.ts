/** The whole life of channels between two real node processes: real sockets, real disks, a real chain. */

import { describe, expect, it } from 'vitest'
import { oldClose, remember } from '../engine/liar.ts'
import { FUNDS, makeWorld, openBetween, type RemoteNode, reference, type World } from './rig.ts'

async function pair(world: World) {
  const alice = world.node('alice')
  const bob = world.node('bob')
  await Promise.all([alice.start(), bob.start()])
  return { alice, bob }
}

async function balanceOf(world: World, node: RemoteNode): Promise<bigint> {
  const chain = world.chainOf(9)
  return chain.balance(world.token, node.account, 'head')
}

function pay(node: RemoteNode, channelId: `0x${string}`, amount: bigint, name: string) {
  return node.call('pay', { channelId, amount, reference: reference(name) })
}

describe('two node processes', () => {
  it('open, top up, pay both ways at once, batch, withdraw, and close together', async () => {
    const world = await makeWorld()
    const { alice, bob } = await pair(world)
    const channelId = await openBetween(world, alice, bob, 1_000n)
    await bob.call('topUp', channelId, 500n)
    const known = async () => [
      (await alice.call('getChannel', channelId)).depositTheirs,
      (await bob.call('getChannel', channelId)).depositMine,
    ]
    await expect.poll(known, { timeout: 20_000 }).toEqual([500n, 500n])
    const batch = Array.from({ length: 100 }, (_, index) => ({
      amount: 3n,
      reference: reference(`batch ${index}`),
    }))
    const [, , result] = await Promise.all([
      pay(alice, channelId, 100n, 'one'),
      pay(bob, channelId, 50n, 'two'),
      alice.call('payBatch', { channelId, payments: batch }),
    ])
    expect(result).toMatchObject({ count: 100, amount: 300n, state: 'accepted' })
    await bob.call('withdraw', channelId, 200n)
    await alice.call('closeChannel', channelId, 'cooperative')
    const [a, b] = await Promise.all([
      alice.call('waitForChannel', channelId, 'closed'),
      bob.call('waitForChannel', channelId, 'closed'),
    ])
    // Alice: 1000 - 400 + 50. Bob: 500 + 400 - 50, of which 200 are out already.
    expect(a.close).toMatchObject({ mode: 'together', paidMine: 650n, paidTheirs: 650n })
    expect(b.close).toMatchObject({ paidMine: 650n })
    expect(await balanceOf(world, alice)).toBe(FUNDS - 1_000n + 650n)
    expect(await balanceOf(world, bob)).toBe(FUNDS - 500n + 200n + 650n)
  })

  it('one is killed in the middle of its own close, and finishes it after the restart', async () => {
    const world = await makeWorld()
    const { alice, bob } = await pair(world)
    const channelId = await openBetween(world, alice, bob, 1_000n, 1_000n)
    await pay(alice, channelId, 300n, 'before')
    const closing = alice.call('closeChannel', channelId, 'alone').catch(() => undefined)
    await bob.call('waitForChannel', channelId, 'closing')
    await alice.kill()
    await closing
    await alice.start()
    await expect(pay(alice, channelId, 1n, 'after')).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })
    await world.anvil.increaseTime(700)
    const closed = await alice.call('waitForChannel', channelId, 'closed', { timeoutMs: 60_000 })
    expect(closed.close).toMatchObject({ by: 'us', paidMine: 700n, paidTheirs: 1_300n, forfeited: undefined })
    expect(await balanceOf(world, alice)).toBe(FUNDS - 300n)
    expect(await balanceOf(world, bob)).toBe(FUNDS + 300n)
  })

  it('a liar loses everything to a node that was killed and started again', async () => {
    const world = await makeWorld()
    const { alice, bob: mallory } = await pair(world)
    const channelId = await openBetween(world, alice, mallory, 1_000n, 1_000n)
    await pay(alice, channelId, 100n, 'known to the copy')
    await mallory.stop()
    const copy = remember(mallory.directory)
    await mallory.start()
    await pay(alice, channelId, 500n, 'denied')
    await alice.kill()
    await mallory.stop()
    await world.chainOf(2).submit(await oldClose(copy, channelId), { key: 'lie' })
    await alice.start()
    const closed = await alice.call('waitForChannel', channelId, 'closed', { timeoutMs: 60_000 })
    expect(closed.close).toMatchObject({
      by: 'peer',
      forfeited: { by: 'peer' },
      paidMine: 2_000n,
      paidTheirs: 0n,
    })
    expect(await balanceOf(world, alice)).toBe(FUNDS + 1_000n)
    expect(await balanceOf(world, mallory)).toBe(FUNDS - 1_000n)
  })
})
