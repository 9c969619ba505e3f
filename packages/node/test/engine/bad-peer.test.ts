/** What a peer may not do: each is refused by name, nothing is lost, the node goes on and so do the other channels. */

import { randomBytes } from 'node:crypto'
import { type Crypto, step } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import { makeWorld, openBetween, pay, reference } from './rig.ts'
import {
  bytes,
  contextWith,
  crypto,
  DEPOSIT,
  line,
  type ScriptedPeer,
  scene,
  scriptedPeer,
  signerOf,
  take,
} from './scripted-peer.ts'

function payment(name: string, amount: bigint) {
  return { amount, reference: reference(name) }
}

async function expectRefusal(peer: ScriptedPeer, code: string, about = 'update') {
  expect(await peer.next('refusal')).toMatchObject({ about, code })
}

async function expectHungUp(peer: ScriptedPeer, code: string) {
  expect(await peer.next('error')).toMatchObject({ code })
  await peer.closed()
}

describe('lines of a peer', () => {
  it('a good one is accepted and acknowledged; the same bytes again change nothing', async () => {
    const { alice, peer, channelId, state } = await scene()
    const { update } = line(state, peer.signer, payment('good', 5n))
    peer.send(update)
    const ack = await peer.next('ack')
    expect(ack.nonce).toBe(1)
    peer.send(update)
    peer.send({ type: 'ping', id: 1 })
    await peer.next('pong')
    expect(await alice.service.getChannel(channelId)).toMatchObject({ incoming: { sent: 5n, nonce: 1n } })
    expect((await alice.service.listPayments({ direction: 'incoming' })).payments).toHaveLength(1)
    expect((await alice.service.status()).payments.received).toBe(1n)
  })

  it('other bytes at an accepted nonce are refused and never acknowledged', async () => {
    const { alice, peer, channelId, state } = await scene()
    peer.send(line(state, peer.signer, payment('one', 5n)).update)
    await peer.next('ack')
    peer.send(line(state, peer.signer, payment('other', 4n)).update)
    await expectRefusal(peer, 'nonce-reused')
    expect(await alice.service.getChannel(channelId)).toMatchObject({ incoming: { sent: 5n } })
    expect(peer.received.filter(({ type }) => type === 'ack')).toHaveLength(1)
  })

  it('a nonce that skips a few is good, one beyond the window is refused', async () => {
    const { peer, state } = await scene()
    const skipped = { ...state, out: { ...state.out, lastNonce: 40 } }
    peer.send(line(skipped, peer.signer, payment('skip', 1n)).update)
    expect((await peer.next('ack')).nonce).toBe(41)
    const far = {
      ...state,
      out: {
        ...state.out,
        lastNonce: 41 + 1024,
        knownAccepted: 41 + 1000,
        agreed: { ...state.out.agreed, nonce: 41 + 1000 },
      },
    }
    const { update } = line(far, peer.signer, payment('far', 1n))
    peer.send({ ...update, base: 41 })
    await expectRefusal(peer, 'nonce-window')
  })

  it('a line signed with another key is refused, and the connection ends', async () => {
    const { alice, peer, channelId, state } = await scene()
    peer.send(line(state, signerOf('somebody else'), payment('forged', 5n)).update)
    await expectHungUp(peer, 'signature-wrong')
    expect(await alice.service.getChannel(channelId)).toMatchObject({ incoming: { nonce: 0n, sent: 0n } })
  })

  it('a promise of more than it has is refused', async () => {
    const { alice, peer, channelId, state } = await scene()
    const rich = { ...state, chain: { ...state.chain, deposits: [DEPOSIT, 10n ** 12n] as const } }
    peer.send(line(rich, peer.signer, payment('too much', DEPOSIT + 1n)).update)
    await expectRefusal(peer, 'insufficient')
    peer.send(line(state, peer.signer, payment('all of it', DEPOSIT)).update)
    await peer.next('ack')
    expect((await alice.service.getChannel(channelId)).incoming.sent).toBe(DEPOSIT)
  })

  it('a line before the deposit is final is refused', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const peer = await scriptedPeer(world)
    await alice.service.openChannel({ peer: peer.address, token: world.token, deposit: 0n })
    const proposal = await peer.next('channel-proposal')
    const state = take(peer.channel(proposal, [0n, 10n ** 9n]), { type: 'connected' }, peer.signer).state
    peer.send(line(state, peer.signer, payment('unfunded', 1n)).update)
    await expectRefusal(peer, 'not-open')
  })

  it('an acknowledgement of what was never signed ends the connection', async () => {
    const { peer, channelId } = await scene()
    peer.send({
      type: 'ack',
      channelId: bytes(channelId),
      direction: 0,
      nonce: 9,
      signature: new Uint8Array(64).fill(1),
    })
    await expectHungUp(peer, 'ack-unknown')
  })

  it('locks are refused where the configuration takes none', async () => {
    const { peer, state } = await scene({
      config: { policy: { ...DEFAULT_CONFIG.policy, maxPendingLocks: 0 } },
    })
    const condition = new Uint8Array(32).fill(7)
    const expiry = Math.floor(Date.now() / 1000) + 3_600
    const made = step(
      state,
      {
        type: 'send',
        operations: [{ type: 'lock', slot: 0, amount: 10n, condition, expiry, payload: new Uint8Array(0) }],
      },
      { ...contextWith(peer.signer), registry: { resolution: () => ({ final: 0, latest: 0 }) } },
    )
    if (!made.ok) throw new Error(made.refusal.code)
    for (const effect of made.effects) if (effect.type === 'send') peer.send(effect.message)
    await expectRefusal(peer, 'locks-too-many')
  })
})

describe('strangers', () => {
  it.each([
    ['chainId', { chainId: 5n }],
    ['bank', { bank: new Uint8Array(20).fill(9) }],
    ['registry', { registry: new Uint8Array(20).fill(9) }],
    ['version', { version: 99 }],
  ])('of another %s are told so and hung up on', async (field, hello) => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const peer = await scriptedPeer(world)
    peer.hello = hello
    await expect(
      alice.service.openChannel({ peer: peer.address, token: world.token, deposit: 1n }),
    ).rejects.toMatchObject({ code: 'PEER_REFUSED', detail: expect.stringContaining(field) })
    expect(await peer.next('error')).toMatchObject({ code: 'chain-differs', field })
  })

  it('random and truncated bytes end their session, and disturb nobody', async () => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const bob = await world.node('bob')
    const channelId = await openBetween(world, alice, bob, 100n)
    for (let round = 0; round < 20; round += 1) {
      const peer = await scriptedPeer(world, `noise ${round}`)
      await peer.dial(alice)
      await peer.next('hello')
      peer.sendBytes(randomBytes(1 + ((round * 37) % 300)))
      await peer.closed()
    }
    await pay(alice, { channelId, amount: 1n })
    expect((await alice.service.status()).running).toBe(true)
  })

  it('that find a fault in the core are hung up on; the node and its other channels go on', async () => {
    let faulty = false
    const recoverAddress: Crypto['recoverAddress'] = (digest, signature) => {
      if (faulty) throw new Error('a fault of our own')
      return crypto.recoverAddress(digest, signature)
    }
    const { world, alice, peer, channelId, state } = await scene({ crypto: { recoverAddress } })
    const bob = await world.node('bob')
    const other = await openBetween(world, alice, bob, 100n)
    faulty = true
    peer.send(line(state, peer.signer, payment('poison', 5n)).update)
    await expectHungUp(peer, 'operations-malformed')
    faulty = false
    await pay(alice, { channelId: other, amount: 1n })
    expect(await alice.service.getChannel(channelId)).toMatchObject({ incoming: { nonce: 0n } })
  })

  it('cannot touch the channel of another', async () => {
    const { world, alice, channelId, peer, state } = await scene()
    const eve = await scriptedPeer(world, 'eve')
    await eve.dial(alice)
    await eve.next('hello')
    eve.send(line(state, peer.signer, payment('stolen line', 5n)).update)
    await expectRefusal(eve, 'wrong-channel', 'channel')
    expect(await alice.service.getChannel(channelId)).toMatchObject({ incoming: { nonce: 0n } })
  })

  it.each([
    ['signer', { signer: [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)] as const }],
    ['lockPeriod', { lockPeriod: 60 }],
  ])('that propose a channel with a wrong %s are refused by its name', async (field, change) => {
    const world = await makeWorld()
    const alice = await world.node('alice')
    const eve = await scriptedPeer(world, 'eve')
    await eve.dial(alice)
    const hello = await eve.next('hello')
    const params = {
      owner: [eve.signer.address, hello.owner] as const,
      signer: [eve.signer.address, hello.signer] as const,
      token: bytes(world.token),
      lockPeriod: 600,
      salt: 1n,
      ...change,
    }
    eve.send({ type: 'channel-proposal', params, party: 0, joint: undefined, deposit: 1n })
    const refused = await eve.next('refusal')
    expect(refused).toMatchObject({ about: 'channel' })
    expect(refused.field).toContain(field)
    expect(await alice.service.listChannels()).toEqual([])
  })
})
