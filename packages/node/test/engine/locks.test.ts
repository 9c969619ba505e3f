/** LK-60: a lock that was met in time is claimed after the settlement, by the node itself, from the state it carries. */

import { createHash } from 'node:crypto'
import { conditionIdOf, step, toHex } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import { contextWith, crypto, DEPOSIT, messagesOf, scene } from './scripted-peer.ts'

const policy = { ...DEFAULT_CONFIG.policy, maxPendingLocks: 10, maxPendingLockAmount: 10n ** 12n }

/** A channel in which the peer has locked 70 for Alice on a hash, with an hour to show the preimage. */
async function withLock() {
  const { world, alice, peer, channelId, state } = await scene({ config: { policy } })
  const preimage = createHash('sha256').update('preimage').digest()
  const hash = createHash('sha256').update(preimage).digest()
  const condition = conditionIdOf(crypto, state.setup.registry, { kind: 'hash', sha256: hash })
  const expiry = Math.floor(Date.now() / 1000) + 3_600
  const operation = {
    type: 'lock',
    slot: 3,
    amount: 70n,
    condition,
    expiry,
    payload: new Uint8Array(0),
  } as const
  const made = step(
    state,
    { type: 'send', operations: [operation] },
    { ...contextWith(peer.signer), registry: { resolution: () => ({ final: 0, latest: 0 }) } },
  )
  if (!made.ok) throw new Error(made.refusal.code)
  for (const message of messagesOf(made.effects)) peer.send(message)
  await peer.next('ack')
  return { world, alice, peer, channelId, preimage, condition }
}

describe('a lock at the close', () => {
  it('is claimed when the registry has its key', async () => {
    const { world, alice, channelId, preimage, condition } = await withLock()
    expect(await alice.service.getChannel(channelId)).toMatchObject({ lockedTheirs: 70n })
    const stranger = world.chainOf(9)
    await stranger.submit(
      { kind: 'resolve', resolutions: [{ kind: 'hash', preimage: toHex(preimage) }] },
      { key: 'reveal' },
    )
    expect(await stranger.resolvedAt(toHex(condition), 'final')).toBeGreaterThan(0n)
    await alice.service.closeChannel(channelId, 'alone')
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.endsAtSeconds, { timeout: 20_000 })
      .toBeDefined()
    await world.anvil.increaseTime(601)
    const closed = await alice.service.waitForChannel(channelId, 'closed')
    expect(closed.close).toMatchObject({ paidMine: DEPOSIT + 70n, paidTheirs: DEPOSIT - 70n })
  })

  it('is not claimed when nobody showed the key, and a common close is refused while it is pending', async () => {
    const { world, alice, channelId } = await withLock()
    await expect(alice.service.closeChannel(channelId, 'cooperative')).rejects.toMatchObject({
      code: 'LOCKS_PENDING',
    })
    await alice.service.closeChannel(channelId, 'alone')
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).close?.endsAtSeconds, { timeout: 20_000 })
      .toBeDefined()
    await world.anvil.increaseTime(601)
    const settled = await alice.service.waitForChannel(channelId, 'settled')
    expect(settled.status).toBe('settled')
    expect(settled.close).toMatchObject({ paidMine: DEPOSIT, paidTheirs: DEPOSIT - 70n })
    await expect
      .poll(async () => (await alice.service.getChannel(channelId)).waitingFor.map(({ what }) => what))
      .toContain('lock-claims')
  })
})
