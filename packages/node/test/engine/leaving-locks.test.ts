/** CL-2, LK-30: a lock that an acknowledgement waives after our mark may still be shown to the bank, and pay. */

import { expect, it } from 'vitest'
import { reference } from './rig.ts'
import { bytes, messagesOf, scene, take } from './scripted-peer.ts'

it('is not given up before its expiry, so that nobody pays for it a second time', async () => {
  const { world, alice, peer, channelId, state } = await scene()
  const bob = await world.node('bob')
  const hint = {
    channelId: bytes(reference('a channel from the peer to bob')),
    from: bytes(`0x${peer.nodeId}`),
    feeBase: 0n,
    feePpm: 0,
    minAmount: 0n,
    maxAmount: undefined,
  }
  const { text, hash } = await bob.service.createInvoice({
    token: world.token,
    amount: 100n,
    routes: [[hint]],
  })
  const paying = alice.service.payInvoice({ invoice: text, timeoutMs: 120_000 })
  const locked = await peer.next('update')
  expect(locked.operationCount).toBe(1)
  const { channelId: id, nonce } = locked
  const why = { code: 'policy', field: 'operations' } as const
  peer.send({ type: 'refusal', channelId: id, about: 'update', nonce, lastAccepted: 0, ...why })
  const clearing = await peer.next('update')
  expect(clearing).toMatchObject({ base: 0, operationCount: 0 })
  await alice.service.closeChannel(channelId, 'alone')
  const cleared = take(state, { type: 'message', message: clearing }, peer.signer).state
  for (const message of messagesOf(take(cleared, { type: 'flush' }, peer.signer).effects)) peer.send(message)
  await expect
    .poll(async () => (await alice.service.getChannel(channelId)).outgoing.ackedNonce)
    .toBe(BigInt(clearing.nonce))
  expect(await alice.service.getNetworkPayment(hash)).toMatchObject({ state: 'pending' })
  // Nobody met the condition in time: now it cannot pay any more.
  await world.anvil.increaseTime(100_000)
  expect(await paying).toMatchObject({ state: 'failed' })
})
