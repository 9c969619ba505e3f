/** LN-18, LN-34: a peer that sees deposits later than we do is paid when it does, once, and without using up nonces. */

import { expect, it } from 'vitest'
import type { Hex } from '../../src/engine/service.ts'
import { eventually, makeWorld, pay, reference, settledPair, type TestNode, type World } from './rig.ts'
import { messagesOf, scene, take } from './scripted-peer.ts'

const LONG = { timeout: 60_000 }

/** A channel that is open for Alice, and not yet for Bob, who does not see the chain. */
async function lagging(): Promise<{ world: World; alice: TestNode; bob: TestNode; channelId: Hex }> {
  const world = await makeWorld()
  const alice = await world.node('alice')
  const bob = await world.node('bob')
  await alice.service.connectPeer(bob.address)
  world.chainDown(true, 'bob')
  const { channelId } = await alice.service.openChannel({
    peer: bob.address,
    token: world.token,
    deposit: 1_000n,
  })
  await alice.service.waitForChannel(channelId, 'open')
  return { world, alice, bob, channelId }
}

async function refusedTimes(bob: TestNode, code: string, times: number): Promise<void> {
  await expect
    .poll(() => bob.log.filter(({ fields }) => fields.code === code).length, LONG)
    .toBeGreaterThanOrEqual(times)
}

it('pays right after open: the payment waits until the peer sees the deposit, and is made once', async () => {
  const { world, alice, bob, channelId } = await lagging()
  const paid = pay(alice, { channelId, amount: 5n, reference: reference('early'), timeoutMs: 120_000 })
  await refusedTimes(bob, 'not-open', 4)
  const second = pay(alice, { channelId, amount: 6n, timeoutMs: 120_000 })
  await refusedTimes(bob, 'not-open', 6)
  world.chainDown(false, 'bob')
  expect(await paid).toMatchObject({ state: 'accepted' })
  expect(await second).toMatchObject({ state: 'accepted' })
  const [a] = await settledPair(alice, bob, channelId)
  // The refused line, the one that asks (sent again, never signed again), and what pays.
  expect(a.outgoing).toMatchObject({ sent: 11n, ackedSent: 11n, nonce: 3n })
  expect((await bob.service.listPayments({ direction: 'incoming' })).payments).toHaveLength(2)
  expect((await alice.service.listPayments({ direction: 'outgoing' })).payments).toHaveLength(2)
})

it('is not paid after its caller was told that time is up', async () => {
  const { world, alice, bob, channelId } = await lagging()
  const asked = { channelId, amount: 5n, reference: reference('late') }
  await expect(pay(alice, { ...asked, timeoutMs: 500 })).rejects.toMatchObject({
    code: 'TIMED_OUT',
    detail: expect.stringContaining('not-open'),
  })
  world.chainDown(false, 'bob')
  await expect
    .poll(async () => (await alice.service.getPayment('outgoing', asked.reference))?.state, LONG)
    .toBe('refused')
  await pay(alice, { channelId, amount: 1n })
  const [a] = await settledPair(alice, bob, channelId)
  expect(a.outgoing.sent).toBe(1n)
  expect(await pay(alice, asked)).toMatchObject({ state: 'accepted' })
  expect((await bob.service.listPayments({ direction: 'incoming' })).payments).toHaveLength(2)
})

it('spends a deposit on top that the peer counts later; smaller payments do not wait for it', async () => {
  const world = await makeWorld()
  const alice = await world.node('alice')
  const bob = await world.node('bob')
  const { channelId } = await alice.service.openChannel({
    peer: bob.address,
    token: world.token,
    deposit: 100n,
  })
  await Promise.all([alice, bob].map((node) => node.service.waitForChannel(channelId, 'open')))
  world.chainDown(true, 'bob')
  await alice.service.topUp(channelId, 900n)
  await expect.poll(async () => (await alice.service.getChannel(channelId)).depositMine, LONG).toBe(1_000n)
  const big = pay(alice, { channelId, amount: 500n, reference: reference('big'), timeoutMs: 120_000 })
  await refusedTimes(bob, 'insufficient', 2)
  await eventually(
    () =>
      pay(alice, { channelId, amount: 1n, timeoutMs: 5_000 }).then(
        () => true,
        () => undefined,
      ),
    'a small payment in between',
  )
  expect((await bob.service.getChannel(channelId)).incoming.sent).toBeLessThan(500n)
  world.chainDown(false, 'bob')
  expect(await big).toMatchObject({ state: 'accepted' })
  const [a, b] = await settledPair(alice, bob, channelId)
  const incoming = (await bob.service.listPayments({ direction: 'incoming' })).payments
  expect(incoming.filter(({ amount }) => amount === 500n)).toHaveLength(1)
  expect(b.incoming.sent).toBe(a.outgoing.sent)
})

it('a peer that takes no line at all, for however long, does not use up the nonces of the channel', async () => {
  const { alice, peer, channelId, state } = await scene()
  const paid = alice.service.pay({
    channelId,
    amount: 5n,
    reference: reference('stubborn'),
    timeoutMs: 120_000,
  })
  const first = await peer.next('update')
  const refuse = (nonce: number) =>
    peer.send({
      type: 'refusal',
      channelId: first.channelId,
      about: 'update',
      nonce,
      lastAccepted: 0,
      code: 'policy',
      field: 'operations',
    })
  refuse(1)
  const clearing = await peer.next('update')
  for (let times = 0; times < 4; times += 1) {
    refuse(clearing.nonce)
    const again = await peer.next('update')
    expect(again).toEqual(clearing)
  }
  const taken = take(state, { type: 'message', message: clearing }, peer.signer).state
  for (const message of messagesOf(take(taken, { type: 'flush' }, peer.signer).effects)) peer.send(message)
  await expect(paid).rejects.toMatchObject({ code: 'PAYMENT_REFUSED' })
  expect((await alice.service.getChannel(channelId)).outgoing).toMatchObject({ nonce: 2n, ackedNonce: 2n })
})
