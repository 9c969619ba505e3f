/** CL-1 to CL-8: the peer closes alone, truthfully or not; the node answers by itself, also after a restart. */

import { describe, expect, it } from 'vitest'
import { oldClose, remember } from './liar.ts'
import {
  eventually,
  FUNDS,
  makeWorld,
  openBetween,
  pay,
  settledPair,
  type TestNode,
  type World,
} from './rig.ts'

const MALLORYS_ACCOUNT = 4

async function liarsWorld() {
  const world = await makeWorld()
  const alice = await world.node('alice')
  const mallory = await world.node('mallory')
  const channelId = await openBetween(world, alice, mallory, 1_000n, 1_000n)
  return { world, alice, mallory, channelId }
}

async function balanceOf(world: World, node: TestNode): Promise<bigint> {
  const { account } = await node.service.status()
  return world.chainOf(9).balance(world.token, account, 'head')
}

describe('the peer closes with an old line', () => {
  it('that hides what it received from us and acknowledged: everything is forfeited', async () => {
    const { world, alice, mallory, channelId } = await liarsWorld()
    await pay(mallory, { channelId, amount: 10n })
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, mallory, channelId)
    await mallory.stop()
    const copy = remember(mallory.directory)
    const again = await world.node('mallory')
    await pay(alice, { channelId, amount: 200n })
    await settledPair(alice, again, channelId)
    await again.stop()

    const call = await oldClose(copy, channelId)
    await world.chainOf(MALLORYS_ACCOUNT).submit(call, { key: 'lie' })
    const closed = await alice.service.waitForChannel(channelId, 'closed')
    // The lie states that Alice has paid less: she is paid at once by it, and then takes the rest.
    expect(closed.close).toMatchObject({
      mode: 'alone',
      by: 'peer',
      forfeited: { by: 'peer' },
      paidMine: 2_000n,
      paidTheirs: 0n,
    })
    expect(await balanceOf(world, alice)).toBe(FUNDS + 1_000n)
  })

  it('that hides what it paid us and saw acknowledged: everything is forfeited', async () => {
    const { world, alice, mallory, channelId } = await liarsWorld()
    await pay(mallory, { channelId, amount: 10n })
    await settledPair(alice, mallory, channelId)
    await mallory.stop()
    const copy = remember(mallory.directory)
    const again = await world.node('mallory')
    // The second line carries `acked` of the first: proof that she knew it.
    await pay(again, { channelId, amount: 400n })
    await pay(again, { channelId, amount: 1n })
    await settledPair(alice, again, channelId)
    await again.stop()

    await world.chainOf(MALLORYS_ACCOUNT).submit(await oldClose(copy, channelId), { key: 'lie' })
    const closed = await alice.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({
      by: 'peer',
      forfeited: { by: 'peer' },
      paidMine: 2_000n,
      paidTheirs: 0n,
    })
  })

  it('that hides only its very last payment: the line is added, without penalty', async () => {
    const { world, alice, mallory, channelId } = await liarsWorld()
    await pay(mallory, { channelId, amount: 10n })
    await settledPair(alice, mallory, channelId)
    await mallory.stop()
    const copy = remember(mallory.directory)
    const again = await world.node('mallory')
    await pay(again, { channelId, amount: 400n })
    await settledPair(alice, again, channelId)
    await again.stop()

    await world.chainOf(MALLORYS_ACCOUNT).submit(await oldClose(copy, channelId), { key: 'omission' })
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.transactions.length, {
        timeout: 20_000,
      })
      .toBe(2)
    await world.anvil.increaseTime(700)
    const closed = await alice.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({ forfeited: undefined, paidMine: 1_410n, paidTheirs: 590n })
  })

  it('while we are down: it is answered at the next start', async () => {
    const { world, alice, mallory, channelId } = await liarsWorld()
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, mallory, channelId)
    await mallory.stop()
    const copy = remember(mallory.directory)
    const again = await world.node('mallory')
    await pay(alice, { channelId, amount: 200n })
    await settledPair(alice, again, channelId)
    await again.stop()
    await alice.stop()

    await world.chainOf(MALLORYS_ACCOUNT).submit(await oldClose(copy, channelId), { key: 'lie' })
    await world.anvil.mine(3)
    const back = await world.node('alice')
    const closed = await back.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({ forfeited: { by: 'peer' }, paidMine: 2_000n })
  })
})

describe('the peer closes truthfully', () => {
  it('nothing more is paid or accepted, and both get what is theirs', async () => {
    const { world, alice, mallory, channelId } = await liarsWorld()
    await pay(alice, { channelId, amount: 300n })
    await pay(mallory, { channelId, amount: 50n })
    await settledPair(alice, mallory, channelId)
    await mallory.service.closeChannel(channelId, 'alone')
    await alice.service.waitForChannel(channelId, 'closing')
    await expect(pay(alice, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })
    await expect(alice.service.topUp(channelId, 1n)).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })
    await expect(alice.service.withdraw(channelId, 1n)).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })
    await world.anvil.increaseTime(700)
    const closed = await alice.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({
      by: 'peer',
      forfeited: undefined,
      paidMine: 750n,
      paidTheirs: 1_250n,
    })
  })

  it('and disappears: we settle for both', async () => {
    const { world, alice, mallory, channelId } = await liarsWorld()
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, mallory, channelId)
    await mallory.service.closeChannel(channelId, 'alone')
    await alice.service.waitForChannel(channelId, 'closing')
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.endsAtSeconds, { timeout: 10_000 })
      .toBeDefined()
    await mallory.stop()
    await world.anvil.increaseTime(700)
    const closed = await alice.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({ paidMine: 700n, paidTheirs: 1_300n })
  })
})

describe('before anything is final', () => {
  it('freezes as soon as the newest block shows the close of the peer (CL-1)', async () => {
    const world = await makeWorld({ finalityBlocks: 5 })
    const alice = await world.node('alice')
    const mallory = await world.node('mallory')
    const opened = await alice.service.openChannel({
      peer: mallory.address,
      token: world.token,
      deposit: 1_000n,
    })
    const { channelId } = opened
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).waitingFor[0]?.what, { timeout: 10_000 })
      .toBe('deposit-final')
    await world.anvil.mine(5)
    await alice.service.waitForChannel(channelId, 'open')
    await mallory.service.waitForChannel(channelId, 'open')
    await mallory.service.closeChannel(channelId, 'alone')
    const view = await alice.service.waitForChannel(channelId, 'closing')
    expect(view.close).toMatchObject({ mode: 'alone', by: 'peer', paidMine: undefined })
    await expect(pay(alice, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })
  })
})

describe('a close that leaves the chain again', () => {
  it('leaves us frozen, and free to close alone on what we held (CL-9)', async () => {
    const world = await makeWorld({ finalityBlocks: 4 })
    const alice = await world.node('alice')
    const mallory = await world.node('mallory')
    const opening = openBetween(world, alice, mallory, 1_000n)
    const { channelId } = await eventually(async () => (await alice.service.listChannels())[0], 'opening')
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).waitingFor[0]?.what, { timeout: 20_000 })
      .toBe('deposit-final')
    await world.anvil.mine(5)
    await opening
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, mallory, channelId)
    await mallory.stop()
    const call = await oldClose(mallory.directory, channelId)
    const snapshot = await world.anvil.snapshot()
    const port = world.chainOf(MALLORYS_ACCOUNT)
    const submitting = port.submit(call, { key: 'close' }).catch(() => undefined)
    await alice.service.waitForChannel(channelId, 'closing')
    await port.stop()
    await submitting
    await world.anvil.revert(snapshot)
    await world.anvil.mine(3)
    await expect(pay(alice, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })

    await alice.service.closeChannel(channelId, 'alone')
    await eventually(async () => {
      const { close, waitingFor } = await alice.service.getChannel(channelId)
      // Not Mallory's close, which the node may still see for a moment.
      return close?.by === 'us' && waitingFor.some(({ what }) => what === 'settle-time') ? true : undefined
    }, 'our close is included')
    await world.anvil.increaseTime(700)
    await eventually(async () => {
      await world.anvil.mine()
      return (await alice.service.getChannel(channelId)).status === 'closed' ? true : undefined
    }, 'closed')
    const closed = await alice.service.getChannel(channelId)
    expect(closed.close).toMatchObject({ mode: 'alone', by: 'us', paidMine: 700n, paidTheirs: 300n })
  })
})

describe('our own close', () => {
  it('goes on after a restart in the middle', async () => {
    const { world, alice, mallory, channelId } = await liarsWorld()
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, mallory, channelId)
    await alice.service.closeChannel(channelId, 'alone')
    await alice.stop()
    const back = await world.node('alice')
    await expect
      .poll(async () => (await back.service.getChannel(channelId)).close?.endsAtSeconds, { timeout: 10_000 })
      .toBeDefined()
    await world.anvil.increaseTime(700)
    const closed = await back.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({ by: 'us', paidMine: 700n, paidTheirs: 1_300n, forfeited: undefined })
  })
})
