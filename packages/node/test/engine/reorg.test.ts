/** Blocks that leave the chain take back what they told, also when they counted as final. */

import { closeCall } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { makeWorld, openBetween, pay, reference, settledPair, type TestNode } from './rig.ts'
import { line, scene, take } from './scripted-peer.ts'

const LONG = { timeout: 60_000 }
const MALLORYS_ACCOUNT = 4
const PEERS_ACCOUNT = 3

function warningsOf(node: TestNode): string[] {
  const found: string[] = []
  node.service.subscribe((event) => event.type === 'warning' && found.push(event.code))
  return found
}

describe('blocks that counted as final', () => {
  it('take back a deposit: it is not spendable any more, and counts again when it is back', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    const warnings = warningsOf(alice)
    const snapshot = await world.anvil.snapshot()
    await alice.service.topUp(channelId, 500n)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).spendable, LONG).toBe(1_500n)
    await world.anvil.revert(snapshot)
    await world.anvil.mine(2)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).spendable, LONG).toBe(1_000n)
    expect(warnings).toContain('final-block-reverted')
    await expect(pay(alice, { channelId, amount: 1_200n })).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    })
    await alice.service.topUp(channelId, 500n)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).spendable, LONG).toBe(1_500n)
  })

  it('take back the end of a channel; the end that comes instead is told once, also after a restart', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    await pay(alice, { channelId, amount: 300n })
    await settledPair(alice, bob, channelId)
    const snapshot = await world.anvil.snapshot()
    await alice.service.closeChannel(channelId, 'cooperative')
    const first = await alice.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })
    expect(first.close).toMatchObject({ mode: 'together', paidMine: 700n })
    await bob.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })

    await world.anvil.revert(snapshot)
    await world.anvil.mine(3)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).status, LONG).toBe('closing')
    expect((await alice.service.getChannel(channelId)).close).toMatchObject({
      paidMine: undefined,
      transactions: [],
    })
    await alice.stop()
    const back = await world.node('alice')
    expect(await back.service.getChannel(channelId)).toMatchObject({ status: 'closing', mine: 700n })

    await back.service.closeChannel(channelId, 'alone')
    await expect
      .poll(async () => (await back.service.getChannel(channelId)).close?.endsAtSeconds, LONG)
      .toBeDefined()
    await world.anvil.increaseTime(700)
    const last = await back.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })
    expect(last.close).toMatchObject({ mode: 'alone', by: 'us', paidMine: 700n, paidTheirs: 300n })
    expect(last.close?.transactions).toHaveLength(2)
    const theirs = await bob.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })
    expect(theirs.close).toMatchObject({ mode: 'alone', by: 'peer', paidMine: 300n })
  })
})

it('answers a close that comes back in the same second with other balances', async () => {
  const { world, alice, peer, channelId, state } = await scene({}, { finalityBlocks: 4 })
  const paid = line(state, peer.signer, { amount: 40n, reference: reference('for us') })
  peer.send(paid.update)
  await alice.service.waitForPayment(reference('for us'))
  const call = closeCall(take(state, { type: 'freeze', blind: false }, peer.signer).state)
  if (call?.kind !== 'close') throw new Error('nothing to state')
  const chain = world.chainOf(9)
  const { timestampSeconds } = await chain.block('head')
  const closedAt = timestampSeconds + 100n
  const snapshot = await world.anvil.snapshot()
  const closeOnce = async () => {
    await world.anvil.setNextBlockTimestamp(closedAt)
    const port = world.chainOf(PEERS_ACCOUNT)
    const submitting = port.submit(call, { key: 'close' }).catch(() => undefined)
    await expect.poll(async () => (await chain.channel(channelId, 'head')).status, LONG).toBe('closing')
    await port.stop()
    await submitting
  }
  const shown = async () => {
    const record = await chain.record(channelId, 'head')
    return record?.kind === 'closing' ? record.closing : undefined
  }
  await closeOnce()
  await expect.poll(async () => (await shown())?.outNonce, LONG).toBe(1n)
  const before = await shown()

  await world.anvil.revert(snapshot)
  const topping = world.chainOf(MALLORYS_ACCOUNT)
  await new Promise<void>((resolve) => {
    const onProgress = ({ stage }: { stage: string }) => void (stage === 'seen' && resolve())
    const more = { kind: 'fund', params: call.params, party: 1, amount: 7n } as const
    topping.submit(more, { key: 'more', onProgress }).catch(() => undefined)
  })
  await closeOnce()
  await expect.poll(async () => (await shown())?.outNonce, LONG).toBe(1n)
  const after = await shown()
  expect(after?.closedAt).toBe(before?.closedAt)
  expect(after?.held).toBe((before?.held ?? 0n) + 7n)
})
