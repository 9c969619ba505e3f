import { expect, it } from 'vitest'
import { eventually, makeWorld, NATIVE } from './rig.ts'

it('a top-up that leaves nothing for gas is refused by name at once, and never made later', async () => {
  const world = await makeWorld()
  const alice = await world.node('alice')
  const bob = await world.node('bob')
  const { account } = await alice.service.status()
  const { channelId } = await alice.service.openChannel({ peer: bob.address, token: NATIVE, deposit: 1_000n })
  await alice.service.waitForChannel(channelId, 'open')
  const all = 10n ** 15n
  await world.anvil.setBalance(account, all)
  await expect(alice.service.topUp(channelId, all)).rejects.toMatchObject({
    code: 'INSUFFICIENT_FUNDS',
    detail: expect.stringContaining('Send at least'),
  })
  await alice.stop()
  await world.anvil.setBalance(account, 10n ** 18n)
  // At its start a node submits what is wanted.
  const again = await world.node('alice')
  await again.service.topUp(channelId, 5n)
  const counted = async () => {
    const { depositMine } = await again.service.getChannel(channelId)
    return depositMine > 1_000n ? depositMine : undefined
  }
  expect(await eventually(counted, 'the second top-up counts')).toBe(1_005n)
})

it('an opening deposit that cannot be paid for says so, and is made when the money comes', async () => {
  const world = await makeWorld()
  const alice = await world.node('alice')
  const bob = await world.node('bob')
  const { account } = await alice.service.status()
  const all = 10n ** 15n
  await world.anvil.setBalance(account, all)
  const { channelId } = await alice.service.openChannel({ peer: bob.address, token: NATIVE, deposit: all })
  await eventually(async () => {
    const { waitingFor } = await alice.service.getChannel(channelId)
    return waitingFor.find(({ message }) => message.includes('cannot be made now')) && true
  }, 'the channel says what it waits for')
  await world.anvil.setBalance(account, 10n ** 18n)
  await alice.service.waitForChannel(channelId, 'open', { timeoutMs: 90_000 })
  expect((await alice.service.getChannel(channelId)).depositMine).toBe(all)
})
