/** LN-16: money in lines that the peer will not take comes free again without a further payment. */

import { expect, it } from 'vitest'
import { reference } from './rig.ts'
import { messagesOf, scene, take } from './scripted-peer.ts'

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
  const accepted = take(state, { type: 'message', message: first }, peer.signer)
  for (const message of messagesOf(take(accepted.state, { type: 'flush' }, peer.signer).effects))
    peer.send(message)
  expect(await peer.next('update')).toMatchObject({ nonce: 3, base: 1, operationCount: 0 })
  expect(await alice.service.getPayment('outgoing', reference('doubt'))).toMatchObject({ state: 'accepted' })
})
