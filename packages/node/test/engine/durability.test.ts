/** DU, INV-3, INV-6: persist before release, fail-stop, lost connections, restarts, lost data. */

import { cpSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import { type Store, StoreError } from '../../src/store/port.ts'
import { makeWorld, NATIVE, openBetween, pay, reference, settledPair } from './rig.ts'

/** A store whose commits can be held back or made to fail. */
function gate() {
  let held: Promise<void> | undefined
  let open: () => void = () => {}
  let failing = false
  return {
    hold() {
      held = new Promise((resolve) => {
        open = resolve
      })
    },
    release() {
      held = undefined
      open()
    },
    fail() {
      failing = true
    },
    wrap: (store: Store): Store => ({
      ...store,
      async commit(batch) {
        await held
        if (failing) throw new StoreError('disk-full', 'the disk is full')
        return store.commit(batch)
      },
    }),
  }
}

describe('persist before release', () => {
  it('a payment does not leave before it is durable here', async () => {
    const world = await makeWorld()
    const disk = gate()
    const alice = await world.node('alice', { store: disk.wrap })
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    disk.hold()
    const paying = alice.service.pay({ channelId, amount: 5n, reference: reference('held'), until: 'sent' })
    // The other way still goes: Alice receives, and must not acknowledge what is not durable either.
    expect(await alice.service.getPayment('outgoing', reference('held'))).toMatchObject({ state: 'queued' })
    await expect(bob.service.waitForPayment(reference('held'), { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
    })
    disk.release()
    expect(await paying).toMatchObject({ reference: reference('held') })
    await bob.service.waitForPayment(reference('held'))
  })

  it('a payment is not acknowledged before it is durable there', async () => {
    const world = await makeWorld()
    const disk = gate()
    const alice = await world.node('alice')
    const bob = await world.node('bob', { store: disk.wrap })
    const channelId = await openBetween(world, alice, bob, 100n)
    disk.hold()
    const request = { channelId, amount: 5n, reference: reference('held') }
    await expect(alice.service.pay({ ...request, timeoutMs: 300 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
    })
    expect(await alice.service.getPayment('outgoing', reference('held'))).toMatchObject({ state: 'sent' })
    expect(await bob.service.getPayment('incoming', reference('held'))).toBeUndefined()
    disk.release()
    expect(await alice.service.pay(request)).toMatchObject({ state: 'accepted', nonce: 1n })
  })

  it('a full disk stops the engine: nothing is released, and nothing is lost at the next start', async () => {
    const world = await makeWorld()
    const disk = gate()
    const alice = await world.node('alice', { store: disk.wrap })
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    await pay(alice, { channelId, amount: 5n })
    disk.fail()
    const lost = alice.service.pay({ channelId, amount: 7n, reference: reference('lost') })
    await expect(lost).rejects.toMatchObject({ code: 'STORE_FAILED', status: 507 })
    expect((await alice.failed).message).toContain('full')
    await expect(pay(alice, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'STOPPED' })
    expect((await alice.service.status()).running).toBe(false)
    expect(await bob.service.getPayment('incoming', reference('lost'))).toBeUndefined()
    await alice.stop()
    const back = await world.node('alice')
    await pay(back, { channelId, amount: 7n, reference: reference('lost') })
    const [a] = await settledPair(back, bob, channelId)
    expect(a.outgoing.sent).toBe(12n)
  })
})

describe('lost connections', () => {
  it('cut at any frame while both pay: nothing is lost and nothing repeated', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n, 1_000n)
    const lane = async (node: typeof alice, name: string) => {
      for (let i = 0; i < 120; i += 1)
        await pay(node, { channelId, amount: 1n, reference: reference(`${name} ${i}`) })
    }
    let paying = true
    const done = Promise.all([lane(alice, 'a'), lane(alice, 'b'), lane(bob, 'c'), lane(bob, 'd')]).finally(
      () => {
        paying = false
      },
    )
    for (let round = 0; paying; round += 1) {
      const [from, to] = round % 2 === 0 ? [alice, bob] : [bob, alice]
      world.network.cutAfter(from.nodeId, to.nodeId, 1 + ((round * 7) % 11))
      await new Promise((resolve) => setTimeout(resolve, 5 + ((round * 13) % 40)))
    }
    await done
    const [a, b] = await settledPair(alice, bob, channelId)
    expect(a.outgoing.sent).toBe(240n)
    expect(b.outgoing.sent).toBe(240n)
    expect((await alice.service.status()).payments).toEqual({ sent: 240n, received: 240n })
    expect((await bob.service.status()).payments).toEqual({ sent: 240n, received: 240n })
  })

  it('a line that was never acknowledged is sent again, the same bytes, also after a restart', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    world.network.hold(alice.nodeId, bob.nodeId)
    await alice.service.pay({ channelId, amount: 5n, reference: reference('unseen'), until: 'sent' })
    await alice.stop()
    world.network.release(alice.nodeId, bob.nodeId)
    const back = await world.node('alice')
    expect(await back.service.pay({ channelId, amount: 5n, reference: reference('unseen') })).toMatchObject({
      nonce: 1n,
      state: 'accepted',
    })
    const [a, b] = await settledPair(back, bob, channelId)
    expect(a.outgoing).toMatchObject({ nonce: 1n, sent: 5n })
    expect(b.incoming).toMatchObject({ nonce: 1n, sent: 5n })
  })
})

describe('refused payments', () => {
  it('are told refused, cleared, and may be paid again under the same reference', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    await bob.stop()
    const strict = await world.node('bob', {
      config: { policy: { ...DEFAULT_CONFIG.policy, refuseOperations: true } },
    })
    await expect(pay(alice, { channelId, amount: 60n, reference: reference('no') })).rejects.toMatchObject({
      code: 'PAYMENT_REFUSED',
      detail: expect.stringContaining('policy'),
    })
    expect(await alice.service.getPayment('outgoing', reference('no'))).toMatchObject({ state: 'refused' })
    expect(await alice.service.getChannel(channelId)).toMatchObject({ spendable: 100n, pending: 0n })
    await strict.stop()
    const mild = await world.node('bob')
    expect(await pay(alice, { channelId, amount: 60n, reference: reference('no') })).toMatchObject({
      state: 'accepted',
    })
    expect((await mild.service.listPayments({ direction: 'incoming' })).payments).toHaveLength(1)
    expect((await alice.service.listPayments({ direction: 'outgoing' })).payments).toHaveLength(1)
  })
})

describe('lost data', () => {
  it('a restored backup never signs again: the peer proves it, and a blind close gets the money back', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    await pay(alice, { channelId, amount: 10n })
    await settledPair(alice, bob, channelId)
    await alice.stop()
    cpSync(alice.directory, `${alice.directory}-backup`, { recursive: true })
    const later = await world.node('alice')
    await pay(later, { channelId, amount: 90n })
    await settledPair(later, bob, channelId)
    await later.stop()
    rmSync(alice.directory, { recursive: true })
    cpSync(`${alice.directory}-backup`, alice.directory, { recursive: true })

    const restored = await world.node('alice')
    await expect
      .poll(async () => (await restored.service.doctor()).findings.map(({ message }) => message).join(), {
        timeout: 10_000,
      })
      .toContain('lost data')
    await expect(pay(restored, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'SALVAGE_ONLY' })
    await expect(restored.service.closeChannel(channelId, 'alone')).rejects.toMatchObject({
      code: 'SALVAGE_ONLY',
    })
    await restored.service.closeChannel(channelId, 'blind')
    await expect
      .poll(async () => (await bob.service.getChannel(channelId)).close?.transactions.length, {
        timeout: 20_000,
      })
      .toBe(2)
    await world.anvil.increaseTime(4 * 600 + 10)
    const closed = await bob.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({
      mode: 'blind',
      by: 'peer',
      paidMine: 100n,
      paidTheirs: 900n,
      forfeited: undefined,
    })
  })
})

describe('without a chain', () => {
  it('payments go on, commands that need it say so, and what was decided is done when it is back', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 1_000n)
    world.chainDown(true)
    await pay(alice, { channelId, amount: 300n })
    await expect
      .poll(async () => (await alice.service.doctor()).findings[0], { timeout: 20_000 })
      .toMatchObject({ check: 'chain', level: 'error' })
    await expect(alice.service.topUp(channelId, 5n)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    await settledPair(alice, bob, channelId)
    await alice.service.closeChannel(channelId, 'alone')
    await expect(pay(alice, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'CHANNEL_CLOSING' })
    world.chainDown(false)
    await bob.service.waitForChannel(channelId, 'closing')
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.endsAtSeconds, { timeout: 30_000 })
      .toBeDefined()
    await world.anvil.increaseTime(700)
    const closed = await alice.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({ by: 'us', paidMine: 700n, paidTheirs: 300n })
  })
})

describe('deposits', () => {
  it('are made once, though the node stops and starts before they are in a block', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const { account } = await alice.service.status()
    const pendingNonce = () => world.anvil.request('eth_getTransactionCount', [account, 'pending'])
    const before = await pendingNonce()
    await world.anvil.setAutomine(false)
    const opened = await alice.service.openChannel({ peer: bob.address, token: NATIVE, deposit: 100n })
    await expect.poll(pendingNonce, { timeout: 10_000 }).not.toBe(before)
    await alice.stop()
    const second = await world.node('alice')
    await expect
      .poll(() => second.log.some(({ fields }) => fields.call === 'fund'), { timeout: 10_000 })
      .toBe(true)
    await second.stop()
    const third = await world.node('alice')
    await world.anvil.setAutomine(true)
    await world.anvil.mine()
    await third.service.waitForChannel(opened.channelId, 'open')
    await world.anvil.mine(3)
    const chain = world.chainOf(9)
    expect((await chain.channel(opened.channelId, 'head')).deposits).toEqual([100n, 0n])
    expect(await third.service.getChannel(opened.channelId)).toMatchObject({ depositMine: 100n })
  })
})

describe('finality', () => {
  it('counts a deposit only when its block is final', async () => {
    const world = await makeWorld({ finalityBlocks: 3 })
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const { channelId } = await alice.service.openChannel({
      peer: bob.address,
      token: world.token,
      deposit: 100n,
    })
    const waits = async () => (await alice.service.getChannel(channelId)).waitingFor.map(({ what }) => what)
    await expect.poll(waits, { timeout: 10_000 }).toContain('deposit-final')
    await expect(pay(alice, { channelId, amount: 1n })).rejects.toMatchObject({ code: 'CHANNEL_NOT_OPEN' })
    await world.anvil.mine(3)
    await alice.service.waitForChannel(channelId, 'open')
    await bob.service.waitForChannel(channelId, 'open')
    await pay(alice, { channelId, amount: 1n })
  })
})
