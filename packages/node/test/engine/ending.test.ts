/** LN-33: what becomes of payments whose channel ends before the peer acknowledged them. */

import { cpSync, rmSync } from 'node:fs'
import {
  type ChainCall,
  type ChannelState,
  closeCall,
  paramsToChain,
  toHex,
  type Update,
  updateFor,
} from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import type { Hex, PaymentState } from '../../src/engine/service.ts'
import type { Store } from '../../src/store/port.ts'
import { makeWorld, openBetween, pay, reference, settledPair, type TestNode, type World } from './rig.ts'
import { DEPOSIT, line, messagesOf, type Scene, type ScriptedPeer, scene, take } from './scripted-peer.ts'

const PEERS_ACCOUNT = 3
const PERIOD_SECONDS = 700
const LONG = { timeout: 60_000 }

/** The peer closes alone with what this state of it holds. */
async function peerCloses(world: World, peer: ScriptedPeer, state: ChannelState): Promise<void> {
  const call = closeCall(take(state, { type: 'freeze', blind: false }, peer.signer).state)
  if (call === undefined) throw new Error('nothing to state')
  await submit(world, call)
}

async function submit(world: World, call: ChainCall): Promise<void> {
  await world.chainOf(PEERS_ACCOUNT).submit(call, { key: `test/${call.kind}` })
}

async function passPeriod(world: World, node: TestNode, channelId: Hex): Promise<void> {
  await node.service.waitForChannel(channelId, 'closing', { timeoutMs: 60_000 })
  await expect
    .poll(async () => (await node.service.getChannel(channelId)).close?.endsAtSeconds, LONG)
    .toBeDefined()
  await world.anvil.increaseTime(PERIOD_SECONDS)
}

async function closed(node: TestNode, channelId: Hex) {
  return node.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 })
}

/** The peer takes the line without an acknowledgement. */
function taken(peer: ScriptedPeer, state: ChannelState, update: Update): ChannelState {
  return take(state, { type: 'message', message: update }, peer.signer).state
}

/** The acknowledgement that the peer would send now. */
function acknowledging(peer: ScriptedPeer, state: ChannelState) {
  const flushed = take(state, { type: 'flush' }, peer.signer)
  return { state: flushed.state, messages: messagesOf(flushed.effects) }
}

function refuse(peer: ScriptedPeer, update: Update, lastAccepted = 0): void {
  const { channelId, nonce } = update
  const why = { code: 'policy', field: 'operations' } as const
  peer.send({ type: 'refusal', channelId, about: 'update', nonce, lastAccepted, ...why })
}

async function stateOf(node: TestNode, name: string): Promise<PaymentState | undefined> {
  const listed = (await node.service.listPayments({ direction: 'outgoing' })).payments
  const one = await node.service.getPayment('outgoing', reference(name))
  // However it is asked for, the answer is the same.
  expect(listed.find((payment) => payment.reference === reference(name))?.state).toBe(one?.state)
  return one?.state
}

/** A payment that is released and that nobody acknowledged. */
async function sent({ alice, channelId, peer }: Scene, name: string, amount = 5n): Promise<Update> {
  await alice.service.pay({ channelId, amount, reference: reference(name), until: 'sent' })
  return peer.next('update')
}

describe('the peer closes alone', () => {
  it('without the line: it is void, its caller is told, and its reference pays over another channel', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    await sent(here, 'lost')
    const waiting = alice.service
      .pay({ channelId, amount: 5n, reference: reference('lost'), timeoutMs: 120_000 })
      .catch((error: unknown) => error)
    await peerCloses(world, peer, state)
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.transactions.length, LONG)
      .toBe(1)
    // The end is not decided: the peer might still have shown it.
    expect(await stateOf(alice, 'lost')).toBe('sent')
    await passPeriod(world, alice, channelId)
    const { close, pending } = await closed(alice, channelId)
    expect({ paidMine: close?.paidMine, pending }).toEqual({ paidMine: DEPOSIT, pending: 0n })
    expect(await waiting).toMatchObject({ code: 'PAYMENT_VOID', field: 'reference' })
    expect(await stateOf(alice, 'lost')).toBe('refused')

    const bob = await world.node('bob')
    const other = await openBetween(world, alice, bob, 100n)
    await alice.stop()
    const back = await world.node('alice')
    expect(await stateOf(back, 'lost')).toBe('refused')
    const again = await back.service.pay({ channelId: other, amount: 5n, reference: reference('lost') })
    expect(again).toMatchObject({ state: 'accepted', channelId: other })
    expect((await back.service.listPayments({ direction: 'outgoing' })).payments).toHaveLength(1)
  })

  it('on the line, which it never acknowledged: it is accepted, and never paid again', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    const first = await sent(here, 'first')
    const second = await sent(here, 'second', 7n)
    const third = await sent(here, 'third', 9n)
    expect(third.base).toBe(2)
    const waiting = alice.service.pay({
      channelId,
      amount: 7n,
      reference: reference('second'),
      timeoutMs: 120_000,
    })
    await peerCloses(world, peer, taken(peer, taken(peer, state, first), second))
    await passPeriod(world, alice, channelId)
    expect((await closed(alice, channelId)).close).toMatchObject({
      paidMine: DEPOSIT - 12n,
      paidTheirs: DEPOSIT + 12n,
    })
    expect(await waiting).toMatchObject({ state: 'accepted' })
    const states = async (node: TestNode) =>
      Promise.all(['first', 'second', 'third'].map((name) => stateOf(node, name)))
    expect(await states(alice)).toEqual(['accepted', 'accepted', 'refused'])
    expect((await alice.service.status()).payments.sent).toBe(2n)
    await alice.stop()
    const back = await world.node('alice')
    expect(await states(back)).toEqual(['accepted', 'accepted', 'refused'])
    expect((await back.service.status()).payments.sent).toBe(2n)
    expect(await back.service.pay({ channelId, amount: 7n, reference: reference('second') })).toMatchObject({
      state: 'accepted',
      nonce: 2n,
    })
  })

  it('on a line that it had refused: what that line continues counts, and not what came after the refusal', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    const first = await sent(here, 'refused')
    const built = await sent(here, 'built on it')
    expect(built.base).toBe(1)
    refuse(peer, first)
    const clearing = await peer.next('update')
    expect(clearing).toMatchObject({ base: 0, operationCount: 0 })
    const later = await sent(here, 'later')
    expect(later.base).toBe(clearing.nonce)
    await peerCloses(world, peer, taken(peer, taken(peer, state, first), built))
    await passPeriod(world, alice, channelId)
    await closed(alice, channelId)
    expect(await stateOf(alice, 'refused')).toBe('accepted')
    expect(await stateOf(alice, 'built on it')).toBe('accepted')
    expect(await stateOf(alice, 'later')).toBe('refused')
  })

  it('with a lie: everything is ours, so the open payments were not made', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    const first = await sent(here, 'known')
    const acked = acknowledging(peer, taken(peer, state, first))
    for (const message of acked.messages) peer.send(message)
    await expect.poll(() => stateOf(alice, 'known')).toBe('accepted')
    await sent(here, 'open')
    await peerCloses(world, peer, state)
    const { close } = await closed(alice, channelId)
    expect(close).toMatchObject({ forfeited: { by: 'peer' }, paidMine: 2n * DEPOSIT })
    expect(await stateOf(alice, 'open')).toBe('refused')
    // The peer acknowledged it: it stays what it was.
    expect(await stateOf(alice, 'known')).toBe('accepted')
  })
})

describe('we close alone', () => {
  it('a line that the peer waived after our mark stays open, since the peer may show it, and counts when it does', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    const first = await sent(here, 'first')
    refuse(peer, first)
    const clearing = await peer.next('update')
    const second = await sent(here, 'second', 3n)
    await alice.service.closeChannel(channelId, 'alone')
    // The second branch is acknowledged, which would waive the first for good, were it not for the mark.
    const branch = taken(peer, taken(peer, state, clearing), second)
    for (const message of acknowledging(peer, branch).messages) peer.send(message)
    await expect.poll(() => stateOf(alice, 'second'), LONG).toBe('accepted')
    expect(await stateOf(alice, 'first')).toBe('sent')
    await alice.stop()
    const back = await world.node('alice')
    expect(await stateOf(back, 'first')).toBe('sent')
    expect(await stateOf(back, 'second')).toBe('accepted')
    await expect
      .poll(async () => (await back.service.getChannel(channelId)).close?.endsAtSeconds, LONG)
      .toBeDefined()

    const shown = acknowledging(peer, taken(peer, state, first)).state
    const record = await world.chainOf(PEERS_ACCOUNT).record(channelId, 'head')
    if (record?.kind !== 'closing') throw new Error('not closing')
    const update = updateFor(shown, record.closing)
    if (update === undefined) throw new Error('nothing to show')
    const params = paramsToChain(shown.setup.params)
    await submit(world, { kind: 'update', params, closing: record.closing, update })
    await world.anvil.increaseTime(PERIOD_SECONDS)
    const { close } = await closed(back, channelId)
    expect(close).toMatchObject({ by: 'us', paidMine: DEPOSIT - 5n, paidTheirs: DEPOSIT + 5n })
    expect(await stateOf(back, 'first')).toBe('accepted')
    // Its own acknowledgement is the peer's receipt, though it chose not to show that line.
    expect(await stateOf(back, 'second')).toBe('accepted')
  })

  it('a line that the peer waived after our mark is void when the peer does not show it, also after a restart', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    refuse(peer, await sent(here, 'first'))
    const clearing = await peer.next('update')
    await alice.service.closeChannel(channelId, 'alone')
    for (const message of acknowledging(peer, taken(peer, state, clearing)).messages) peer.send(message)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).outgoing.ackedNonce).toBe(2n)
    expect(await stateOf(alice, 'first')).toBe('sent')
    await alice.stop()
    const back = await world.node('alice')
    expect(await stateOf(back, 'first')).toBe('sent')
    await passPeriod(world, back, channelId)
    expect((await closed(back, channelId)).close).toMatchObject({ by: 'us', paidMine: DEPOSIT })
    expect(await stateOf(back, 'first')).toBe('refused')
  })

  it('and the peer is silent: what it never acknowledged is void', async () => {
    const here = await scene()
    const { world, alice, channelId } = here
    await sent(here, 'silence')
    await alice.service.closeChannel(channelId, 'alone')
    await passPeriod(world, alice, channelId)
    expect((await closed(alice, channelId)).close).toMatchObject({ by: 'us', paidMine: DEPOSIT })
    expect(await stateOf(alice, 'silence')).toBe('refused')
  })
})

it('a common close decides too: it was signed on agreed lines alone (CL-20)', async () => {
  const here = await scene()
  const { world, alice, peer, channelId, state } = here
  await sent(here, 'too late')
  const validUntil = Math.floor(Date.now() / 1000) + 1_800
  const offer = take(state, { type: 'close-together', validUntil }, peer.signer)
  for (const message of messagesOf(offer.effects)) peer.send(message)
  const consent = await peer.next('together-consent')
  const both = take(offer.state, { type: 'message', message: consent }, peer.signer).state
  expect(await stateOf(alice, 'too late')).toBe('sent')
  const [first, second] = both.together?.signatures ?? []
  if (first === undefined || second === undefined) throw new Error('not signed')
  await submit(world, {
    kind: 'closeTogether',
    params: paramsToChain(both.setup.params),
    delta: 0n,
    validUntil: BigInt(validUntil),
    signatures: [toHex(first), toHex(second)],
  })
  const { close } = await closed(alice, channelId)
  expect(close).toMatchObject({ mode: 'together', by: undefined, paidMine: DEPOSIT })
  expect(await stateOf(alice, 'too late')).toBe('refused')
})

describe('a waived line below one that may still count', () => {
  /** A peer that refuses and then claims to have accepted makes us go on from the refused branch; then it takes the other. */
  async function twoBranches() {
    const here = await scene()
    const { alice, peer, channelId, state } = here
    const first = await sent(here, 'first')
    const built = await sent(here, 'second')
    refuse(peer, first)
    const clearing = await peer.next('update')
    expect(clearing).toMatchObject({ nonce: 3, base: 0 })
    const branch = taken(peer, taken(peer, state, first), built)
    peer.hangUp()
    await peer.dial(alice)
    await peer.next('hello')
    const again = take(branch, { type: 'connected' }, peer.signer)
    for (const message of messagesOf(again.effects)) peer.send(message)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).peerConnected).toBe(true)
    const onTop = await sent(here, 'third')
    expect(onTop).toMatchObject({ nonce: 4, base: 2 })
    const cleared = acknowledging(peer, taken(peer, state, clearing))
    for (const message of cleared.messages) peer.send(message)
    await expect.poll(async () => (await alice.service.getChannel(channelId)).outgoing.ackedNonce).toBe(3n)
    expect(await stateOf(alice, 'first')).toBe('sent')
    return { ...here, kept: taken(peer, branch, onTop), cleared: cleared.state }
  }

  async function states(node: TestNode) {
    return Promise.all(['first', 'second', 'third'].map((name) => stateOf(node, name)))
  }

  it('is not void, so that nobody pays it a second time', async () => {
    const { world, alice, peer, channelId, kept } = await twoBranches()
    await alice.stop()
    const back = await world.node('alice')
    expect(await stateOf(back, 'first')).toBe('sent')
    await peerCloses(world, peer, kept)
    await passPeriod(world, back, channelId)
    expect((await closed(back, channelId)).close).toMatchObject({ paidMine: DEPOSIT - 15n })
    expect(await states(back)).toEqual(['accepted', 'accepted', 'accepted'])
  })

  it('is paid when that line is acknowledged', async () => {
    const { alice, peer, kept } = await twoBranches()
    for (const message of acknowledging(peer, kept).messages) peer.send(message)
    await expect.poll(() => states(alice), LONG).toEqual(['accepted', 'accepted', 'accepted'])
    expect((await alice.service.status()).payments.sent).toBe(3n)
  })

  it('is void when that line is waived too', async () => {
    const here = await twoBranches()
    const { alice, peer, cleared } = here
    const last = await peer.next('update')
    expect(last).toMatchObject({ nonce: 5, base: 3, operationCount: 0 })
    for (const message of acknowledging(peer, taken(peer, cleared, last)).messages) peer.send(message)
    await expect.poll(() => states(alice), LONG).toEqual(['refused', 'refused', 'refused'])
  })
})

it('nothing is decided by blocks that are not final', async () => {
  const here = await scene({}, { finalityBlocks: 4 })
  const { world, alice, peer, channelId, state } = here
  await sent(here, 'early')
  const call = closeCall(take(state, { type: 'freeze', blind: false }, peer.signer).state)
  if (call === undefined) throw new Error('nothing to state')
  const chain = world.chainOf(PEERS_ACCOUNT)
  const snapshot = await world.anvil.snapshot()
  const submitting = chain.submit(call, { key: 'close' }).catch(() => undefined)
  await alice.service.waitForChannel(channelId, 'closing', { timeoutMs: 60_000 })
  // The period ends and the channel is settled, all in blocks that leave the chain again.
  await expect
    .poll(async () => (await alice.service.getChannel(channelId)).close?.endsAtSeconds, LONG)
    .toBeDefined()
  await world.anvil.setNextBlockTimestamp(Math.floor(Date.now() / 1000) + PERIOD_SECONDS)
  await world.anvil.mine()
  await expect.poll(async () => (await chain.channel(channelId, 'head')).status, LONG).toBe('closed')
  expect(await stateOf(alice, 'early')).toBe('sent')
  await chain.stop()
  await submitting
  await world.anvil.revert(snapshot)
  await world.anvil.mine(1)
  await expect.poll(async () => (await alice.service.getChannel(channelId)).close?.transactions).toEqual([])
  expect(await stateOf(alice, 'early')).toBe('sent')
  expect((await alice.service.getChannel(channelId)).close?.paidMine).toBeUndefined()
})

it('a kill after or before any commit of the end leads to the same answers', async () => {
  for (const durable of [true, false]) {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    const first = await sent(here, 'counts')
    await sent(here, 'does not')
    await alice.stop()
    world.network.part(alice.nodeId, peer.nodeId)
    await peerCloses(world, peer, taken(peer, state, first))
    await world.anvil.increaseTime(PERIOD_SECONDS)
    let lives = 0
    for (let end: unknown; end === undefined; lives += 1) {
      if (lives > 60) throw new Error('the channel never ended')
      // The marks of the start and one commit more: each commit is the last of some life.
      const life = await world.node('alice', { store: dyingAfter(durable ? 2 : 3, durable) })
      end = await Promise.race([
        life.failed.then(() => undefined),
        life.service.waitForChannel(channelId, 'closed', { timeoutMs: 60_000 }).catch(() => undefined),
      ])
      await life.stop()
    }
    expect(lives).toBeGreaterThan(2)
    const last = await world.node('alice')
    await closed(last, channelId)
    expect(await stateOf(last, 'counts')).toBe('accepted')
    expect(await stateOf(last, 'does not')).toBe('refused')
    expect((await last.service.getChannel(channelId)).close).toMatchObject({ paidMine: DEPOSIT - 5n })
    expect((await last.service.status()).payments.sent).toBe(1n)
    await last.stop()
  }
})

/** A store whose commit number `commits` is the last thing the process does: durable or not, it is not told. */
function dyingAfter(commits: number, durable: boolean) {
  let made = 0
  return (inner: Store): Store =>
    new Proxy(inner, {
      get(target, name: keyof Store) {
        if (name === 'commit')
          return async (...batch: Parameters<Store['commit']>) => {
            made += 1
            if (made < commits) return target.commit(...batch)
            if (made === commits && durable) await target.commit(...batch)
            throw new Error('killed')
          }
        const member = target[name]
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
}

it('after lost data the line that counted may not be known: then nothing is decided, and nothing paid again', async () => {
  const world = await makeWorld()
  const alice = await world.node('alice')
  const bob = await world.node('bob')
  const channelId = await openBetween(world, alice, bob, DEPOSIT)
  world.network.hold(alice.nodeId, bob.nodeId)
  const open = { channelId, amount: 5n, reference: reference('open') }
  await alice.service.pay({ ...open, until: 'sent' })
  await alice.stop()
  const backup = `${alice.directory}-backup`
  cpSync(alice.directory, backup, { recursive: true })
  world.network.release(alice.nodeId, bob.nodeId)
  const later = await world.node('alice')
  await later.service.pay(open)
  await pay(later, { channelId, amount: 7n })
  await settledPair(later, bob, channelId)
  await later.stop()
  rmSync(alice.directory, { recursive: true })
  cpSync(backup, alice.directory, { recursive: true })

  world.network.part(alice.nodeId, bob.nodeId)
  const restored = await world.node('alice')
  await bob.service.closeChannel(channelId, 'alone')
  await passPeriod(world, restored, channelId)
  expect((await closed(restored, channelId)).close).toMatchObject({ paidMine: DEPOSIT - 12n })
  expect(await stateOf(restored, 'open')).toBe('sent')
  const refused = { code: 'SALVAGE_ONLY', field: 'reference' }
  await expect(restored.service.pay(open)).rejects.toMatchObject(refused)
})

describe('what was received', () => {
  it('is shown to the bank when the peer closes without it, and stays accepted', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    const paid = line(state, peer.signer, { amount: 40n, reference: reference('for us') })
    peer.send(paid.update)
    await alice.service.waitForPayment(reference('for us'))
    await peerCloses(world, peer, state)
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.transactions.length, LONG)
      .toBe(2)
    await passPeriod(world, alice, channelId)
    expect((await closed(alice, channelId)).close).toMatchObject({ paidMine: DEPOSIT + 40n })
    expect(await alice.service.getPayment('incoming', reference('for us'))).toMatchObject({
      state: 'accepted',
    })
  })

  it('is told as not paid when the node did not look at the chain for the whole period', async () => {
    const here = await scene()
    const { world, alice, peer, channelId, state } = here
    const paid = line(state, peer.signer, { amount: 40n, reference: reference('for us') })
    peer.send(paid.update)
    await alice.service.waitForPayment(reference('for us'))
    await alice.stop()
    await peerCloses(world, peer, state)
    await world.anvil.increaseTime(PERIOD_SECONDS)
    const warnings: string[] = []
    const back = await world.node('alice')
    back.service.subscribe((event) => event.type === 'warning' && warnings.push(event.code))
    expect((await closed(back, channelId)).close).toMatchObject({ paidMine: DEPOSIT })
    expect(await back.service.getPayment('incoming', reference('for us'))).toMatchObject({ state: 'refused' })
    expect(warnings).toContain('payments-not-counted')
    await expect(back.service.waitForPayment(reference('for us'), { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
    })
  })
})
