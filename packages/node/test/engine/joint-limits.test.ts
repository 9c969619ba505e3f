/** Joint openings cost the proposer nothing: what a node puts into them, and how often it is asked, is bounded. */

import type { ChainCall, ChainPort } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { makeWorld, openBetween, type TestNode, type World } from './rig.ts'

/** A proposer that gets the authorisation and never uses it. */
const keepsUnused = (chain: ChainPort): ChainPort => ({
  ...chain,
  submit: (call, options) =>
    call.kind === 'fundJointly' ? new Promise(() => {}) : chain.submit(call, options),
})

/** Counts the calls of a kind that a node submits. */
function counted(kind: ChainCall['kind']) {
  const count = { calls: 0 }
  const wrap = (chain: ChainPort): ChainPort => ({
    ...chain,
    submit(call, options) {
      if (call.kind === kind) count.calls += 1
      return chain.submit(call, options)
    },
  })
  return { count, wrap }
}

const propose = (world: World, from: TestNode, to: TestNode, peerDeposit: bigint) =>
  from.service.openChannel({ peer: to.address, token: world.token, deposit: 1n, peerDeposit })

const refused = { code: 'PEER_REFUSED', detail: expect.stringContaining('policy') }

describe('the sum of joint openings', () => {
  it('with one peer is bounded, and what is closed is free again', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob', {
      config: {
        maxJointDeposit: { [world.token]: 100n },
        maxJointDepositOfPeer: { [world.token]: 150n },
      },
    })
    const first = await openBetween(world, alice, bob, 1n, 100n)
    await expect(propose(world, alice, bob, 100n)).rejects.toMatchObject(refused)
    await openBetween(world, alice, bob, 1n, 50n)
    await expect(propose(world, alice, bob, 1n)).rejects.toMatchObject(refused)
    await alice.service.closeChannel(first, 'cooperative')
    await bob.service.waitForChannel(first, 'closed')
    await openBetween(world, alice, bob, 1n, 100n)
  })

  it('with all peers together is bounded', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const carol = await world.node('carol')
    const bob = await world.node('bob', {
      config: {
        maxJointDeposit: { [world.token]: 100n },
        maxJointDepositTotal: { [world.token]: 150n },
      },
    })
    await openBetween(world, alice, bob, 1n, 100n)
    await expect(propose(world, carol, bob, 51n)).rejects.toMatchObject(refused)
    await openBetween(world, carol, bob, 1n, 50n)
  })

  it('is bounded without a setting too: four openings of one peer', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob', { config: { maxJointDeposit: { [world.token]: 100n } } })
    for (let n = 0; n < 4; n += 1) await openBetween(world, alice, bob, 1n, 100n)
    await expect(propose(world, alice, bob, 1n)).rejects.toMatchObject(refused)
  })

  it('counts what is authorised and not used, until that is past', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice', { chain: keepsUnused })
    const bob = await world.node('bob', {
      config: {
        maxJointDeposit: { [world.token]: 100n },
        maxJointDepositOfPeer: { [world.token]: 150n },
      },
    })
    await propose(world, alice, bob, 100n)
    await expect(propose(world, alice, bob, 100n)).rejects.toMatchObject(refused)
    await world.anvil.increaseTime(2_000)
    const { number } = await world.chainOf(0).block('head')
    const final = async () => (await bob.service.status()).chain.finalBlock ?? 0n
    await expect.poll(final, { timeout: 60_000 }).toBeGreaterThanOrEqual(number)
    await propose(world, alice, bob, 100n)
  })
})

describe('requests for an authorisation', () => {
  it('are counted: the ninth of a peer in an hour is refused, and costs no approval', async () => {
    const world = await makeWorld()
    const { count, wrap } = counted('approve')
    const alice = await world.node('alice', { chain: keepsUnused })
    const bob = await world.node('bob', { chain: wrap })
    for (let n = 1; n <= 8; n += 1) await propose(world, alice, bob, 1n)
    expect(count.calls).toBe(8)
    await expect(propose(world, alice, bob, 1n)).rejects.toMatchObject(refused)
    expect(count.calls).toBe(8)
    const carol = await world.node('carol')
    await openBetween(world, carol, bob, 1n, 1n)
  })

  it('of two peers at once: the allowance covers both', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const carol = await world.node('carol')
    const bob = await world.node('bob')
    const channels = await Promise.all([
      openBetween(world, alice, bob, 1n, 600n),
      openBetween(world, carol, bob, 1n, 400n),
    ])
    for (const channelId of channels)
      expect((await bob.service.getChannel(channelId)).depositMine).toBeGreaterThan(0n)
  })

  it('take turns: a slow one does not replace the allowance of the one that came after it', async () => {
    const world = await makeWorld()
    const slowRead = Promise.withResolvers<void>()
    const reading = Promise.withResolvers<void>()
    const unused = Promise.withResolvers<void>()
    let reads = 0
    const alice = await world.node('alice')
    const carol = await world.node('carol', {
      chain: (chain) => ({
        ...chain,
        async submit(call, options) {
          if (call.kind === 'fundJointly') await unused.promise
          return chain.submit(call, options)
        },
      }),
    })
    const bob = await world.node('bob', {
      chain: (chain) => ({
        ...chain,
        async allowance(...args) {
          const found = await chain.allowance(...args)
          reads += 1
          if (reads > 1) return found
          reading.resolve()
          await slowRead.promise
          return found
        },
      }),
    })
    const first = openBetween(world, alice, bob, 1n, 600n)
    await reading.promise
    const second = openBetween(world, carol, bob, 1n, 400n)
    // Long enough for the second to be authorised, if nothing made it wait for the first.
    for (let n = 0; n < 300; n += 1) await world.chainOf(0).block('head')
    slowRead.resolve()
    await first
    unused.resolve()
    await second
  })

  it('that cannot be paid for refuse that opening, and hold up no other', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    let isBroken = true
    const bob = await world.node('bob', {
      chain: (chain) => ({
        ...chain,
        submit: (call, options) =>
          isBroken && call.kind === 'approve'
            ? chain.submit({ ...call, token: alice.address as never }, options)
            : chain.submit(call, options),
      }),
    })
    await expect(propose(world, alice, bob, 100n)).rejects.toMatchObject({ code: 'PEER_REFUSED' })
    isBroken = false
    await openBetween(world, alice, bob, 1n, 100n)
  })
})
