/** What a peer's line may cost us: the registry is asked a bounded number of times, and what waits for it is bounded too. */

import { type ChainPort, encodeOperations, type Update } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import { makeWorld } from './rig.ts'
import { bytes, scene, scriptedPeer } from './scripted-peer.ts'

const policy = { ...DEFAULT_CONFIG.policy, maxPendingLocks: 10, maxPendingLockAmount: 10n ** 12n }

/** Counts the questions to the registry; while `held` none of them is answered. */
function watchedChain() {
  const watched = { asked: 0, answered: 0, held: undefined as Promise<void> | undefined }
  const chain = (inner: ChainPort): ChainPort => ({
    ...inner,
    async resolvedAt(id, at) {
      watched.asked += 1
      await watched.held
      const answer = await inner.resolvedAt(id, at)
      watched.answered += 1
      return answer
    },
  })
  return { watched, chain }
}

function hold(watched: { held: Promise<void> | undefined }): () => void {
  let release: () => void = () => {}
  watched.held = new Promise((resolve) => {
    release = resolve
  })
  return release
}

/** A line of locks with `distinct` conditions; its signature is nobody's. */
function lockLine(channelId: Uint8Array, direction: 0 | 1, count: number, distinct = count): Update {
  const expiry = Math.floor(Date.now() / 1000) + 10_000
  const encoded = encodeOperations(
    Array.from({ length: count }, (_, index) => {
      const condition = Buffer.alloc(32, 1)
      condition.writeUInt32BE(index % distinct)
      return {
        type: 'lock',
        slot: index % 512,
        amount: 1n,
        condition,
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

  it('asks once about a condition, and not at all when it has more than may be pending', async () => {
    const { peer, watched, locks } = await funded()
    peer.send(locks(512))
    await peer.next('refusal')
    expect(watched.asked).toBe(0)
    peer.send(locks(8, 2))
    // The signature is nobody's: that shows that the core judged the locks with the answers.
    expect(await peer.next('error')).toMatchObject({ code: 'signature-wrong' })
    expect(watched.asked).toBe(4)
  })

  it('is not asked about any further once its peer is gone', async () => {
    const { peer, watched, locks } = await funded()
    const release = hold(watched)
    peer.send(locks(9))
    await expect.poll(() => watched.asked).toBe(2)
    peer.hangUp()
    // Alice dials again: the old session is over for her.
    await expect.poll(() => peer.received.filter(({ type }) => type === 'hello').length).toBe(2)
    release()
    await expect.poll(() => watched.answered).toBe(2)
    peer.send({ type: 'ping', id: 7 })
    await peer.next('pong')
    expect(watched.asked).toBe(2)
  })

  it('keeps a bounded number of bytes waiting behind it', async () => {
    const { peer, watched, locks } = await funded()
    hold(watched)
    peer.send(locks(1))
    const big = { ...locks(1), operationCount: 1, operations: new Uint8Array(500_000) }
    for (let sent = 0; sent < 24; sent += 1) peer.send(big)
    expect(await peer.next('error')).toMatchObject({ code: 'policy' })
    await peer.closed()
  })
})
