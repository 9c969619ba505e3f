/** A reference is paid once: at the same time, after a restart, over another channel, with another amount. */

import { describe, expect, it } from 'vitest'
import type { PayRequest } from '../../src/engine/service.ts'
import type { Store } from '../../src/store/port.ts'
import { makeWorld, openBetween, pay, reference, settledPair } from './rig.ts'

describe('idempotency by reference', () => {
  it('pays once however often it is asked, also at the same time and after a restart', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    const request = { channelId, amount: 7n, reference: reference('once') }
    const answers = await Promise.all(Array.from({ length: 20 }, () => alice.service.pay(request)))
    for (const answer of answers) expect(answer).toMatchObject({ state: 'accepted', nonce: 1n, index: 0 })
    await alice.service.pay(request)
    await alice.stop()
    const back = await world.node('alice')
    await back.service.pay(request)
    const { payments } = await bob.service.listPayments({ direction: 'incoming' })
    expect(payments).toHaveLength(1)
    expect((await back.service.getChannel(channelId)).outgoing.sent).toBe(7n)
  })

  it('refuses the same reference with another amount or over another channel, and pays nothing', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const first = await openBetween(world, alice, bob, 1_000n)
    const second = await openBetween(world, alice, bob, 1_000n)
    await pay(alice, { channelId: first, amount: 7n, reference: reference('mine') })
    const conflict = { code: 'REFERENCE_CONFLICT', field: 'reference' }
    await expect(
      pay(alice, { channelId: first, amount: 8n, reference: reference('mine') }),
    ).rejects.toMatchObject(conflict)
    await expect(
      pay(alice, { channelId: second, amount: 7n, reference: reference('mine') }),
    ).rejects.toMatchObject(conflict)
    const batch = [
      { amount: 1n, reference: reference('new') },
      { amount: 9n, reference: reference('mine') },
    ]
    await expect(alice.service.payBatch({ channelId: first, payments: batch })).rejects.toMatchObject(
      conflict,
    )
    expect(await alice.service.getPayment('outgoing', reference('new'))).toBeUndefined()
    const [a] = await settledPair(alice, bob, first)
    expect(a.outgoing.sent).toBe(7n)
  })

  it('does not take what another peer got for a payment to this one, and tells the channel that was used', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const [bob, carol] = [await world.node('bob'), await world.node('carol')]
    const first = await openBetween(world, alice, bob, 1_000n)
    await openBetween(world, alice, carol, 1_000n)
    const payments = [{ amount: 5n, reference: reference('whose') }]
    const [atOnce, other] = await Promise.allSettled([
      alice.service.payBatch({ peer: bob.nodeId, payments }),
      alice.service.payBatch({ peer: carol.nodeId, payments }),
    ])
    expect(atOnce).toMatchObject({ status: 'fulfilled', value: { channelId: first } })
    const conflict = { code: 'REFERENCE_CONFLICT', field: 'reference' }
    expect(other).toMatchObject({ status: 'rejected', reason: conflict })
    await expect(alice.service.payBatch({ peer: carol.nodeId, payments })).rejects.toMatchObject(conflict)
    expect((await carol.service.listPayments({ direction: 'incoming' })).payments).toHaveLength(0)
    // A second channel with more room would be chosen now; the payment is in the first one.
    await openBetween(world, alice, bob, 5_000n)
    expect(await alice.service.payBatch({ peer: bob.nodeId, payments })).toMatchObject({ channelId: first })
  })

  it('makes all of a batch or none of it', async () => {
    const world = await makeWorld()
    // Several lines for one batch: the first of them alone would be good.
    const alice = await world.node('alice', { config: { maxOperationsPerLine: 5 } })
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    const batch = Array.from({ length: 11 }, (_, index) => ({
      amount: 10n,
      reference: reference(`${index}`),
    }))
    await expect(alice.service.payBatch({ channelId, payments: batch })).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    })
    expect((await alice.service.getChannel(channelId)).outgoing.sent).toBe(0n)
    expect(await alice.service.payBatch({ channelId, payments: batch.slice(0, 10) })).toMatchObject({
      count: 10,
      amount: 100n,
      state: 'accepted',
    })
    expect(
      (await bob.service.listPayments({ direction: 'incoming' })).payments.map(({ index }) => index),
    ).toEqual([4, 3, 2, 1, 0, 4, 3, 2, 1, 0])
  })

  it('a payment that nobody waits for any more and that was not signed is not made', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    world.network.part(alice.nodeId, bob.nodeId)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).peerConnected).toBe(false)
    await expect(
      alice.service.pay({ channelId, amount: 5n, reference: reference('late'), timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'TIMED_OUT' })
    world.network.join(alice.nodeId, bob.nodeId)
    await pay(alice, { channelId, amount: 1n })
    expect((await alice.service.getChannel(channelId)).outgoing.sent).toBe(1n)
    expect(await alice.service.getPayment('outgoing', reference('late'))).toBeUndefined()
  })

  it('a payment whose deadline passes while the store is asked is not made', async () => {
    const world = await makeWorld()
    let told: Promise<void> | undefined
    const store = (inner: Store): Store =>
      new Proxy(inner, {
        get(target, name: keyof Store) {
          if (name === 'findPayments')
            return async (...query: Parameters<Store['findPayments']>) => {
              await told
              return target.findPayments(...query)
            }
          const member = target[name]
          return typeof member === 'function' ? member.bind(target) : member
        },
      })
    const alice = await world.node('alice', { store })
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    let tell: () => void = () => {}
    told = new Promise((resolve) => {
      tell = resolve
    })
    const late = alice.service.pay({ channelId, amount: 5n, reference: reference('late'), timeoutMs: 10 })
    await expect(late).rejects.toMatchObject({ code: 'TIMED_OUT' })
    // The loop has turned, and the end of the request is dealt with before the store answers.
    await openBetween(world, bob, alice, 5n)
    tell()
    await pay(alice, { channelId, amount: 1n })
    const [a] = await settledPair(alice, bob, channelId)
    expect(a.outgoing.sent).toBe(1n)
    expect(await alice.service.getPayment('outgoing', reference('late'))).toBeUndefined()
    // It is forgotten: asked again, it is made.
    await pay(alice, { channelId, amount: 5n, reference: reference('late') })
    expect((await alice.service.getChannel(channelId)).outgoing.sent).toBe(6n)
  })
})

describe('bad requests', () => {
  it.each([
    ['a negative amount', { amount: -1n }, 'INVALID_AMOUNT', 'amount'],
    ['a zero amount', { amount: 0n }, 'INVALID_AMOUNT', 'amount'],
    ['a huge amount', { amount: 2n ** 200n }, 'INVALID_AMOUNT', 'amount'],
    ['an amount that is no bigint', { amount: 5 as unknown as bigint }, 'INVALID_AMOUNT', 'amount'],
    ['a short reference', { reference: '0x12' as const }, 'INVALID_REFERENCE', 'reference'],
    ['a malformed channel id', { channelId: '0xzz' as const }, 'INVALID_CHANNEL_ID', 'channelId'],
    ['an unknown channel', { channelId: reference('nothing') }, 'UNKNOWN_CHANNEL', 'channelId'],
  ] satisfies [string, Partial<PayRequest>, string, string][])(
    '%s is refused by name',
    async (_what, change, code, field) => {
      const world = await makeWorld()
      const alice = await world.node('alice')
      const bob = await world.node('bob')
      const channelId = await openBetween(world, alice, bob, 100n)
      const good = { channelId, amount: 1n, reference: reference('x') }
      await expect(alice.service.pay({ ...good, ...change })).rejects.toMatchObject({ code, field })
      expect((await alice.service.getChannel(channelId)).outgoing.nonce).toBe(0n)
    },
  )
})
