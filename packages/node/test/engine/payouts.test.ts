/** BK-91: a payout that its owner could not take waits in the bank, and the owner's node fetches it by itself. */

import type { ChainPort } from '@tallystick/protocol'
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
  // Not before it is final, also after a start: a reorganisation could still pay it out.
  await alice.stop()
  let looks = 0
  const back = await world.node('alice', { chain: (chain) => counted(chain, () => (looks += 1)) })
  await expect.poll(() => looks, LONG).toBe(1)
  expect(back.log.some(({ message }) => message === 'a payout waits in the bank')).toBe(false)
  await mineUntil(world, async () => (await claimable(world, owner)) === 0n)
  const gained = (await world.chainOf(9).balance(NATIVE, owner, 'head')) - before
  expect(gained).toBeGreaterThan(DEPOSIT / 2n)
  expect(gained).toBeLessThanOrEqual(DEPOSIT)
  expect((await back.service.getChannel(channelId)).close).toMatchObject({ paidMine: DEPOSIT })
})

/** Tells of each look at a claimable balance once what follows from it has happened: nothing, or a transaction. */
function counted(chain: ChainPort, looked: () => void): ChainPort {
  return new Proxy(chain, {
    get(target, name: keyof ChainPort) {
      if (name === 'claimable')
        return async (...query: Parameters<ChainPort['claimable']>) => {
          const found = await target.claimable(...query)
          if (found === 0n) looked()
          return found
        }
      if (name === 'submit')
        return (...call: Parameters<ChainPort['submit']>) => {
          if (call[0].kind === 'takeClaimable') looked()
          return target.submit(...call)
        }
      const member = target[name]
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

it('at the next start, when it could not be taken before', async () => {
  const { world, alice, bob, channelId, owner } = await scene()
  await closeUnpayable(world, bob, channelId, owner)
  await untilRefused(world, alice, owner)
  await alice.stop()
  await world.anvil.request('anvil_setCode', [owner, '0x'])
  expect(await claimable(world, owner)).toBe(DEPOSIT)
  await world.node('alice')
  await mineUntil(world, async () => (await claimable(world, owner)) === 0n)
})

/** The node learns of the balance, and cannot take it. */
async function untilRefused(world: World, node: TestNode, owner: Hex): Promise<void> {
  await world.anvil.request('anvil_setCode', [owner, REFUSING_CODE])
  await mineUntil(world, async () => node.log.some(({ message }) => message === 'a payout waits in the bank'))
  await expect
    .poll(() => node.log.some(({ fields }) => fields.call === 'takeClaimable' && 'error' in fields), LONG)
    .toBe(true)
}

it('again later, when it could not be taken at once', async () => {
  const { world, alice, bob, channelId, owner } = await scene()
  await closeUnpayable(world, bob, channelId, owner)
  await untilRefused(world, alice, owner)
  await world.anvil.request('anvil_setCode', [owner, '0x'])
  await mineUntil(world, async () => (await claimable(world, owner)) === 0n)
})
