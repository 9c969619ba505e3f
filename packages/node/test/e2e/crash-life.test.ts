/**
 * INV-2, INV-3: nodes are killed while they open, top up, withdraw and close. What was decided is finished after the
 * restart, nothing is deposited or withdrawn twice, and in the end both have exactly what their lines say.
 */

import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ChannelView, Hex, Waiting } from '../../src/engine/service.ts'
import { pause, randomOf } from './random.ts'
import { FUNDS, makeWorld, type RemoteNode, reference, type World } from './rig.ts'

const SEEDS =
  process.env.TALLY_CRASH_SEED === undefined
    ? [randomInt(2 ** 31), 3]
    : [Number(process.env.TALLY_CRASH_SEED)]

interface Scene {
  readonly world: World
  readonly alice: RemoteNode
  readonly bob: RemoteNode
  readonly random: () => number
}

describe('killed while money moves on chain', () => {
  it.each(SEEDS)('everybody ends with exactly what the lines say (seed %i)', async (seed) => {
    const world = await makeWorld()
    const scene = { world, alice: world.node('alice'), bob: world.node('bob'), random: randomOf(seed) }
    const { alice, bob, random } = scene
    await Promise.all([alice.start(), bob.start()])

    const channelId = await opened(scene)
    await interrupted(scene, 300, () => bob.call('topUp', channelId, 300n))
    await quiet(scene, channelId, 'deposit-transaction', 'deposit-final')
    expect([500n, 800n]).toContain((await bob.call('getChannel', channelId)).depositMine)

    await paid(alice, channelId, 400n, `${seed} a`)
    await paid(bob, channelId, 150n, `${seed} b`)
    await interrupted(scene, 300, () => bob.call('withdraw', channelId, 200n, { timeoutMs: 5_000 }))
    await quiet(scene, channelId, 'withdraw-signature', 'withdraw-transaction', 'withdraw-final')
    expect([0n, 200n]).toContain((await alice.call('getChannel', channelId)).withdrawnTheirs)

    await paid(alice, channelId, 50n, `${seed} c`)
    const mode = random() < 0.5 ? 'cooperative' : 'alone'
    await interrupted(scene, 200, () => alice.call('closeChannel', channelId, mode, { timeoutMs: 5_000 }))
    await closed(scene, channelId)
    expect(await balanceOf(world, alice)).toBe(FUNDS - 450n + 150n)
    expect(await balanceOf(world, bob)).toBe(FUNDS + 450n - 150n)
  })
})

/** Starts something, kills one or both at a random moment, and starts them again; the something may have failed. */
async function interrupted(
  { alice, bob, random }: Scene,
  withinMs: number,
  act: () => Promise<unknown>,
): Promise<void> {
  const acting = act().catch(() => undefined)
  await pause(random() * withinMs)
  const choice = random()
  const victims = choice < 0.4 ? [alice] : choice < 0.8 ? [bob] : [alice, bob]
  await Promise.all(victims.map((victim) => victim.kill()))
  await Promise.all(victims.map((victim) => victim.start()))
  await acting
}

/** Opens jointly through a kill; asks again only if nothing of the first attempt was kept. */
async function opened(scene: Scene): Promise<Hex> {
  const { alice, bob, world } = scene
  const request = { peer: bob.address(), token: world.token, deposit: 1_000n, peerDeposit: 500n }
  await interrupted(scene, 500, () => alice.call('openChannel', request))
  const kept = await alice.call('listChannels')
  expect(kept.length).toBeLessThanOrEqual(1)
  const channelId = kept[0]?.channelId ?? (await alice.call('openChannel', request)).channelId
  for (const node of [alice, bob]) {
    const view = await node.call('waitForChannel', channelId, 'open', { timeoutMs: 60_000 })
    expect([view.depositMine, view.depositTheirs].sort()).toEqual([1_000n, 500n])
  }
  return channelId
}

async function quiet(
  { alice, bob }: Scene,
  channelId: Hex,
  ...what: readonly Waiting['what'][]
): Promise<void> {
  const busy = ({ waitingFor }: ChannelView) => waitingFor.some((waiting) => what.includes(waiting.what))
  const look = async () =>
    busy(await alice.call('getChannel', channelId)) || busy(await bob.call('getChannel', channelId))
  await expect.poll(look, { timeout: 60_000 }).toBe(false)
}

async function paid(node: RemoteNode, channelId: Hex, amount: bigint, name: string): Promise<void> {
  const done = await node.call('pay', { channelId, amount, reference: reference(name), timeoutMs: 60_000 })
  expect(done.state).toBe('accepted')
}

/** What was not decided before the kill is decided now. */
async function closed({ alice, bob, world }: Scene, channelId: Hex): Promise<void> {
  await quiet({ alice, bob } as Scene, channelId, 'close-signature', 'close-transaction')
  if ((await alice.call('getChannel', channelId)).status === 'open')
    await alice.call('closeChannel', channelId, 'alone')
  await quiet({ alice, bob } as Scene, channelId, 'close-signature', 'close-transaction')
  await world.anvil.increaseTime(700)
  for (const node of [alice, bob])
    await node.call('waitForChannel', channelId, 'closed', { timeoutMs: 60_000 })
}

async function balanceOf(world: World, node: RemoteNode): Promise<bigint> {
  return world.chainOf(9).balance(world.token, node.account, 'head')
}
