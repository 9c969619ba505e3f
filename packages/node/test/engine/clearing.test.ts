/** LN-16: money in lines that the peer will not take comes free again without a further payment. */

import type { ChannelState, Update } from '@tallystick/protocol'
import { expect, it } from 'vitest'
import { reference } from './rig.ts'
import { messagesOf, type ScriptedPeer, scene, take } from './scripted-peer.ts'

it('a line that an acknowledgement makes useless is cleared by a line without operations', async () => {
  const { alice, peer, channelId, state } = await scene()
  await alice.service.pay({ channelId, amount: 5n, reference: reference('doubt'), until: 'sent' })
  const first = await peer.next('update')
  peer.send({
    type: 'refusal',
    channelId: first.channelId,
    about: 'update',
    nonce: first.nonce,
    lastAccepted: 0,
    code: 'policy',
    field: 'operations',
  })
  expect(await peer.next('update')).toMatchObject({ nonce: 2, base: 0, operationCount: 0 })
  // The peer thinks better of it: the second line, which does not continue the first, is of no use any more.
  acknowledged(peer, state, first)
  expect(await peer.next('update')).toMatchObject({ nonce: 3, base: 1, operationCount: 0 })
  expect(await alice.service.getPayment('outgoing', reference('doubt'))).toMatchObject({ state: 'accepted' })
})

it('payments of a line that was behind are signed again, once, and before later ones', async () => {
  const { alice, peer, channelId, state } = await scene()
  const paid = alice.service.pay({ channelId, amount: 5n, reference: reference('again') })
  const first = await peer.next('update')
  peer.send({
    type: 'refusal',
    channelId: first.channelId,
    about: 'update',
    nonce: first.nonce,
    lastAccepted: 0,
    code: 'wrong-base',
    field: 'base',
  })
  const clearing = await peer.next('update')
  expect(clearing).toMatchObject({ nonce: 2, base: 0, operationCount: 0 })
  const cleared = acknowledged(peer, state, clearing)
  const second = await peer.next('update')
  expect(second).toMatchObject({ nonce: 3, base: 2, operationCount: 1 })
  expect(Buffer.compare(second.operations, first.operations)).toBe(0)
  acknowledged(peer, cleared, second)
  expect(await paid).toMatchObject({ state: 'accepted', nonce: 3n })
  expect(await alice.service.getChannel(channelId)).toMatchObject({ outgoing: { sent: 5n, ackedSent: 5n } })
  expect((await alice.service.listPayments({ direction: 'outgoing' })).payments).toHaveLength(1)
})

/** The peer takes the line and acknowledges it. */
function acknowledged(peer: ScriptedPeer, state: ChannelState, update: Update): ChannelState {
  const accepted = take(state, { type: 'message', message: update }, peer.signer)
  const flushed = take(accepted.state, { type: 'flush' }, peer.signer)
  for (const message of messagesOf(flushed.effects)) peer.send(message)
  return flushed.state
}
