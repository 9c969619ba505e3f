/** Two engines on a real chain and real disks: open, pay, and what is refused. */

import { describe, expect, it } from 'vitest'
import { makeWorld, openBetween, pay, reference, settledPair } from './rig.ts'

describe('a channel between two nodes', () => {
  it('opens when the deposit is final, and pays', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)

    const paid = await pay(alice, { channelId, amount: 30n, reference: reference('first') })
    expect(paid).toMatchObject({ state: 'accepted', amount: 30n, direction: 'outgoing', nonce: 1n, index: 0 })
    const received = await bob.service.waitForPayment(reference('first'))
    expect(received).toMatchObject({
      state: 'accepted',
      amount: 30n,
      direction: 'incoming',
      peer: alice.nodeId,
    })

    const [a, b] = await settledPair(alice, bob, channelId)
    expect(a).toMatchObject({ mine: 970n, theirs: 30n, spendable: 970n, pending: 0n, status: 'open' })
    expect(b).toMatchObject({ mine: 30n, theirs: 970n, receivable: 970n, status: 'open' })
  })
})
