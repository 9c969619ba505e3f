/** Money in and out: joint opening, top up, withdrawal in place, closing together, closing alone. All on a real chain. */

import { describe, expect, it } from 'vitest'
import { FUNDS, makeWorld, NATIVE, openBetween, pay, settledPair } from './rig.ts'

describe('money in', () => {
  it('opens jointly in one transaction', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 600n, 400n)
    expect(await alice.service.getChannel(channelId)).toMatchObject({
      depositMine: 600n,
      depositTheirs: 400n,
    })
    expect(await bob.service.getChannel(channelId)).toMatchObject({ depositMine: 400n, depositTheirs: 600n })
    await Promise.all([pay(alice, { channelId, amount: 500n }), pay(bob, { channelId, amount: 300n })])
    const [a] = await settledPair(alice, bob, channelId)
    expect(a).toMatchObject({ mine: 400n, theirs: 600n })
  })

  it('refuses a joint opening above the limit of the other side, and opens nothing', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob', { config: { maxJointDeposit: {} } })
    await expect(
      alice.service.openChannel({ peer: bob.address, token: world.token, deposit: 1n, peerDeposit: 1n }),
    ).rejects.toMatchObject({ code: 'PEER_REFUSED' })
    expect(await alice.service.listChannels()).toEqual([])
    expect(await bob.service.listChannels()).toEqual([])
  })

  it('tops up without interruption, from both sides, and spends it', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    await expect(pay(alice, { channelId, amount: 101n })).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    })
    await Promise.all([alice.service.topUp(channelId, 50n), bob.service.topUp(channelId, 7n)])
    const both = async () => {
      const a = await alice.service.getChannel(channelId)
      const b = await bob.service.getChannel(channelId)
      return (
        a.depositMine === 150n && a.depositTheirs === 7n && b.depositMine === 7n && b.depositTheirs === 150n
      )
    }
    await expect.poll(both, { timeout: 10_000 }).toBe(true)
    await pay(alice, { channelId, amount: 150n })
    await pay(bob, { channelId, amount: 157n })
  })

  it('takes the native coin', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const { channelId } = await alice.service.openChannel({
      peer: bob.address,
      token: NATIVE,
      deposit: 10n ** 15n,
    })
    await bob.service.waitForChannel(channelId, 'open')
    await alice.service.waitForChannel(channelId, 'open')
    await pay(alice, { channelId, amount: 10n ** 14n })
  })
})

describe('money out', () => {
  it('withdraws in place, cumulatively, and goes on paying', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    await pay(alice, { channelId, amount: 300n })
    const taken = await bob.service.withdraw(channelId, 120n)
    expect(taken.withdrawnMine).toBe(120n)
    await bob.service.withdraw(channelId, 80n)
    await alice.service.withdraw(channelId, 200n)
    const chain = world.chainOf(9)
    const status = await bob.service.status()
    expect(await chain.balance(world.token, status.account, 'head')).toBe(FUNDS + 200n)
    await expect(bob.service.withdraw(channelId, 101n)).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    })
    await expect(pay(alice, { channelId, amount: 501n })).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    })
    await pay(alice, { channelId, amount: 500n })
    await pay(bob, { channelId, amount: 600n })
    const [a, b] = await settledPair(alice, bob, channelId)
    expect(a.mine + b.mine).toBe(600n)
    expect(a.mine).toBe(600n)
  })

  it('withdraws again while the peer has not seen the last withdrawal final', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n, 500n)
    world.chainDown(true, 'alice')
    await bob.service.withdraw(channelId, 100n)
    const second = bob.service.withdraw(channelId, 50n)
    await expect
      .poll(() => alice.log.some(({ fields }) => fields.code === 'withdrawal-pending'), { timeout: 10_000 })
      .toBe(true)
    world.chainDown(false, 'alice')
    expect((await second).withdrawnMine).toBe(150n)
  })

  it('closes together at once: both are paid what they agreed', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n, 500n)
    await Promise.all([pay(alice, { channelId, amount: 300n }), pay(bob, { channelId, amount: 100n })])
    await alice.service.closeChannel(channelId, 'cooperative')
    const [a, b] = await Promise.all([
      alice.service.waitForChannel(channelId, 'closed'),
      bob.service.waitForChannel(channelId, 'closed'),
    ])
    expect(a.close).toMatchObject({ mode: 'together', paidMine: 800n, paidTheirs: 700n })
    expect(b.close).toMatchObject({ mode: 'together', paidMine: 700n, paidTheirs: 800n })
    expect(a.waitingFor).toEqual([])
    await expect(pay(alice, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })
  })

  it('tells the user to close alone when the peer is silent', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    await bob.stop()
    await expect.poll(async () => (await alice.service.getChannel(channelId)).peerConnected).toBe(false)
    await expect(alice.service.closeChannel(channelId, 'cooperative')).rejects.toMatchObject({
      code: 'PEER_OFFLINE',
      remedy: expect.stringContaining('close the channel alone'),
    })
  })

  it('closes alone with the peer offline, settles after the period, and pays both', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n, 500n)
    await pay(alice, { channelId, amount: 300n })
    await pay(bob, { channelId, amount: 100n })
    await settledPair(alice, bob, channelId)
    await bob.stop()
    await alice.service.closeChannel(channelId, 'alone')
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).waitingFor.map(({ what }) => what), {
        timeout: 10_000,
      })
      .toContain('settle-time')
    await world.anvil.increaseTime(601)
    const a = await alice.service.waitForChannel(channelId, 'closed')
    expect(a.close).toMatchObject({
      mode: 'alone',
      by: 'us',
      paidMine: 800n,
      paidTheirs: 700n,
      forfeited: undefined,
    })
    const chain = world.chainOf(9)
    const { account } = await alice.service.status()
    expect(await chain.balance(world.token, account, 'head')).toBe(FUNDS - 1_000n + 800n)
  })
})
