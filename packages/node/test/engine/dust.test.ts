/** LN-27: payments that cost more than they are worth. */

import { expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import { makeWorld, openBetween, pay, reference, settledPair } from './rig.ts'

it('a payment below what the receiver takes is refused by name, and costs nothing', async () => {
  const world = await makeWorld()
  const alice = await world.node('alice')
  const bob = await world.node('bob', {
    config: { policy: { ...DEFAULT_CONFIG.policy, minPaymentAmount: 10n } },
  })
  const channelId = await openBetween(world, alice, bob, 100n)
  const payments = [
    { amount: 50n, reference: reference('enough') },
    { amount: 9n, reference: reference('dust') },
  ]
  await expect(alice.service.payBatch({ channelId, payments })).rejects.toMatchObject({
    code: 'PAYMENT_REFUSED',
    detail: expect.stringContaining('payment-too-small (operations[1].amount)'),
  })
  expect(await bob.service.getPayment('incoming', reference('enough'))).toBeUndefined()
  expect(await pay(alice, { channelId, amount: 10n })).toMatchObject({ state: 'accepted' })
  expect(await pay(alice, { channelId, amount: 50n, reference: reference('enough') })).toMatchObject({
    state: 'accepted',
  })
  const [a] = await settledPair(alice, bob, channelId)
  expect(a).toMatchObject({ spendable: 40n, pending: 0n, outgoing: { sent: 60n } })
})
