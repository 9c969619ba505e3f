/** BK-91: a payout that its owner could not take waits in the bank, and the owner's node fetches it by itself. */

import { expect, it } from 'vitest'
import type { Hex } from '../../src/engine/service.ts'
import { eventually, makeWorld, NATIVE, type TestNode, type World } from './rig.ts'

const DEPOSIT = 10n ** 15n
const FINALITY_BLOCKS = 3
const LONG = { timeout: 60_000 }
/** Reverts whatever it is sent. */
const REFUSING_CODE = '0x60006000fd'

async function scene(): Promise<{
  world: World
  alice: TestNode
  bob: TestNode
  channelId: Hex
  owner: Hex
}> {
  const world = await makeWorld({ finalityBlocks: FINALITY_BLOCKS })
  const alice = await world.node('alice')
  const bob = await world.node('bob')
  const { channelId } = await alice.service.openChannel({
    peer: bob.address,
    token: NATIVE,
    deposit: DEPOSIT,
  })
  await mineUntil(world, async () => (await alice.service.getChannel(channelId)).status === 'open')
  await Promise.all([alice, bob].map((node) => node.service.waitForChannel(channelId, 'open')))
  const { account } = await alice.service.status()
  return { world, alice, bob, channelId, owner: account }
}

async function mineUntil(world: World, done: () => Promise<boolean>): Promise<void> {
  await eventually(async () => {
    await world.anvil.mine()
    return (await done()) || undefined
  }, 'blocks brought it about')
}

const claimable = (world: World, owner: Hex) => world.chainOf(9).claimable(owner, NATIVE, 'head')

/** Bob submits the common close, and the payout to Alice fails. */
async function closeUnpayable(world: World, bob: TestNode, channelId: Hex, owner: Hex): Promise<void> {
  await world.anvil.request('anvil_setCode', [owner, REFUSING_CODE])
  await bob.service.closeChannel(channelId, 'cooperative')
  await expect.poll(() => claimable(world, owner), LONG).toBe(DEPOSIT)
  await world.anvil.request('anvil_setCode', [owner, '0x'])
}

it('when a final block shows that the payout failed', async () => {
  const { world, alice, bob, channelId, owner } = await scene()
  await closeUnpayable(world, bob, channelId, owner)
  const before = await world.chainOf(9).balance(NATIVE, owner, 'head')
  // Not before it is final: a reorganisation could still pay it out.
  expect(alice.log.some(({ message }) => message === 'a payout waits in the bank')).toBe(false)
  await mineUntil(world, async () => (await claimable(world, owner)) === 0n)
  const gained = (await world.chainOf(9).balance(NATIVE, owner, 'head')) - before
  expect(gained).toBeGreaterThan(DEPOSIT / 2n)
  expect(gained).toBeLessThanOrEqual(DEPOSIT)
  expect((await alice.service.getChannel(channelId)).close).toMatchObject({ paidMine: DEPOSIT })
})

it('at the next start, when it was not running then', async () => {
  const { world, alice, bob, channelId, owner } = await scene()
  await closeUnpayable(world, bob, channelId, owner)
  await alice.stop()
  await world.anvil.mine(FINALITY_BLOCKS + 1)
  expect(await claimable(world, owner)).toBe(DEPOSIT)
  await world.node('alice')
  await mineUntil(world, async () => (await claimable(world, owner)) === 0n)
})

it('again later, when it could not be taken at once', async () => {
  const { world, alice, bob, channelId, owner } = await scene()
  await closeUnpayable(world, bob, channelId, owner)
  await world.anvil.request('anvil_setCode', [owner, REFUSING_CODE])
  await mineUntil(world, async () =>
    alice.log.some(({ message }) => message === 'a payout waits in the bank'),
  )
  await expect
    .poll(() => alice.log.some(({ fields }) => fields.call === 'takeClaimable' && 'error' in fields), LONG)
    .toBe(true)
  await world.anvil.request('anvil_setCode', [owner, '0x'])
  await mineUntil(world, async () => (await claimable(world, owner)) === 0n)
})
