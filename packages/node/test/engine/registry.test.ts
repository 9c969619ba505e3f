/** What the node knows of the registry, and that a peer's line with locks costs no question to the chain. */

import { createHash } from 'node:crypto'
import { type ChainPort, conditionIdOf, encodeOperations, toHex, type Update } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import { eventually, makeWorld } from './rig.ts'
import { bytes, crypto, scene, scriptedPeer } from './scripted-peer.ts'

const policy = { ...DEFAULT_CONFIG.policy, maxPendingLocks: 10, maxPendingLockAmount: 10n ** 12n }

/** Counts the questions to the registry. */
function watchedChain() {
  const watched = { asked: 0 }
  const chain = (inner: ChainPort): ChainPort => ({
    ...inner,
    async resolvedAt(id, at) {
      watched.asked += 1
      return inner.resolvedAt(id, at)
    },
  })
  return { watched, chain }
}

/** A line of locks with `distinct` conditions; its signature is nobody's. */
function lockLine(
  channelId: Uint8Array,
  direction: 0 | 1,
  count: number,
  distinct = count,
  named?: Uint8Array,
): Update {
  const expiry = Math.floor(Date.now() / 1000) + 10_000
  const encoded = encodeOperations(
    Array.from({ length: count }, (_, index) => {
      const condition = Buffer.alloc(32, 1)
      condition.writeUInt32BE(index % distinct)
      return {
        type: 'lock',
        slot: index % 512,
        amount: 1n,
        condition: named ?? condition,
        expiry,
        payload: new Uint8Array(0),
      } as const
    }),
  )
  if ('code' in encoded) throw new Error(encoded.code)
  return {
    type: 'update',
    channelId,
    direction,
    nonce: 1,
    base: 0,
    acked: 0,
    operationCount: count,
    operations: encoded.bytes,
    signature: new Uint8Array(64),
  }
}

async function funded() {
  const { watched, chain } = watchedChain()
  const made = await scene({ config: { policy }, chain })
  const direction = made.state.setup.party
  const id = bytes(made.channelId)
  return { ...made, watched, locks: (...counts: [number, number?]) => lockLine(id, direction, ...counts) }
}

describe('a line with locks', () => {
  it('of a channel without money is refused without asking the registry', async () => {
    const { watched, chain } = watchedChain()
    const world = await makeWorld()
    const alice = await world.node('alice', { config: { policy }, chain })
    const peer = await scriptedPeer(world)
    await peer.dial(alice)
    const hello = await peer.next('hello')
    const owner = bytes(world.anvil.accounts[3]?.address ?? '')
    peer.send({
      type: 'channel-proposal',
      params: {
        owner: [owner, hello.owner],
        signer: [peer.signer.address, hello.signer],
        token: bytes(world.token),
        lockPeriod: 3_600,
        salt: 1n,
      },
      party: 0,
      joint: undefined,
      deposit: 1n,
    })
    const { channelId } = await peer.next('channel-accept')
    peer.send(lockLine(channelId, 0, 8_192))
    expect(await peer.next('refusal')).toMatchObject({ code: 'not-open' })
    peer.send(lockLine(channelId, 0, 1))
    expect(await peer.next('refusal')).toMatchObject({ code: 'not-open' })
    expect(watched.asked).toBe(0)
  })

  it('is judged by what the events of the registry said: no question is asked', async () => {
    const { peer, watched, locks } = await funded()
    peer.send(locks(512))
    expect(await peer.next('refusal')).toMatchObject({ code: 'locks-too-many' })
    peer.send(locks(8, 2))
    expect(await peer.next('error')).toMatchObject({ code: 'signature-wrong' })
    expect(watched.asked).toBe(0)
  })

  it('on a condition that was met is refused, also after a restart', async () => {
    const { world, alice, peer, state } = await scene({ config: { policy } })
    const preimage = createHash('sha256').update('met').digest()
    const sha256 = createHash('sha256').update(preimage).digest()
    const condition = conditionIdOf(crypto, state.setup.registry, { kind: 'hash', sha256 })
    const stranger = world.chainOf(9)
    const resolutions = [{ kind: 'hash', preimage: toHex(preimage) }] as const
    await stranger.submit({ kind: 'resolve', resolutions }, { key: 'reveal' })
    const head = await stranger.block('head')
    const met = lockLine(bytes(toHex(state.setup.channelId)), state.setup.party, 1, 1, condition)
    await eventually(async () => {
      const { finalBlock } = (await alice.service.status()).chain
      return finalBlock !== undefined && finalBlock >= head.number ? true : undefined
    }, 'alice sees it')
    peer.send(met)
    expect(await peer.next('refusal')).toMatchObject({ code: 'condition-resolved' })
    await alice.stop()
    const again = await world.node('alice', { config: { policy } })
    await eventually(async () => (await again.service.listPeers())[0]?.connected || undefined, 'connected')
    await eventually(async () => (await again.service.status()).chain.reachable || undefined, 'the chain')
    peer.send(met)
    expect(await peer.next('refusal')).toMatchObject({ code: 'condition-resolved' })
  })
})
