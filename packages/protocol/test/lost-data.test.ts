/** Reconnecting, false claims, and lost data (CL-30, CL-31, LN-50 to LN-52). */

import { expect, test } from 'vitest'
import { balanceProof } from '../src/channel/line.ts'
import { closeCall, statementOf } from '../src/index.ts'
import { signedLine } from './liar.ts'
import {
  act,
  apply,
  commit,
  connectedWorld,
  crash,
  deliver,
  OPEN_POLICY,
  pay,
  reconnect,
  START,
  settle,
  T,
  updateIn,
  verdict,
  type World,
  word,
} from './world.ts'

/** Two settled payments each way, of 10 and 20 by alice, of 1 and 2 by bob. */
function busyWorld(): World {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  for (const amount of [1n, 2n]) {
    act(world, alice, { type: 'send', operations: [pay(amount * 10n)] })
    settle(world)
    act(world, bob, { type: 'send', operations: [pay(amount)] })
    settle(world)
  }
  return world
}

test('CL-30: after lost data no line, ack, withdrawal or statement with lines is signed', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'send', operations: [pay(4n)] })
  deliver(world, alice)
  act(world, alice, { type: 'data-lost' })
  const signatures = alice.signer.signed.length
  apply(world, alice, { type: 'flush' })
  for (const input of [
    { type: 'send', operations: [pay(1n)] },
    { type: 'withdraw', total: 1n, validUntil: START + T },
    { type: 'close-together', validUntil: START + T },
    { type: 'freeze', blind: false },
  ] as const)
    expect(verdict(apply(world, alice, input))).toBe('lost-data')
  const message = signedLine(world, bob, { operations: [pay(1n)] })
  expect(verdict(apply(world, alice, { type: 'message', message }))).toBe('lost-data')
  expect(alice.signer.signed).toHaveLength(signatures)
  crash(world, alice)
  expect(alice.state.lost).toBe(true)
  expect(verdict(act(world, alice, { type: 'freeze', blind: true }))).toBe('ok')
  expect(closeCall(alice.state)).toMatchObject({ kind: 'closeBlind', party: 0 })
  expect(statementOf(alice.state)).toBeUndefined()
})

test('CL-31: a blind close is for lost data only', () => {
  const world = busyWorld()
  expect(verdict(apply(world, world.sides[0], { type: 'freeze', blind: true }))).toBe('statement-fixed')
})

test('CL-30: after lost data an offer is shown to the operator, and signed only by its decision', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'data-lost' })
  act(world, bob, { type: 'close-together', validUntil: START + 2 * T })
  const judged = deliver(world, alice)
  commit(world, alice)
  expect(alice.state.together).toBeUndefined()
  if (!judged?.ok) throw new Error('refused')
  const [offer] = judged.effects
  if (offer?.type !== 'offer-to-judge') throw new Error('no offer')
  expect(offer.delta).toBe(-27n)
  act(world, alice, { ...offer, type: 'consent-while-lost' })
  settle(world)
  expect(bob.released.some(({ type }) => type === 'close-together-ready')).toBe(true)
  expect(verdict(apply(world, alice, { ...offer, type: 'consent-while-lost' }))).toBe('closing-together')
})

test('LN-52: a restored backup is found out by the peer’s proof, and nothing is signed there again', () => {
  const world = busyWorld()
  const [alice] = world.sides
  const backup = alice.durable
  act(world, alice, { type: 'send', operations: [pay(5n)] })
  settle(world)
  alice.durable = backup
  crash(world, alice)
  reconnect(world)
  settle(world)
  expect(alice.state.lost).toBe(true)
  expect(alice.released.some(({ type }) => type === 'data-loss-proved')).toBe(true)
  expect(verdict(apply(world, alice, { type: 'send', operations: [pay(1n)] }))).toBe('lost-data')
})

test('LN-52: a backup that is only missing received lines is found out by its own ack', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  const backup = alice.durable
  act(world, bob, { type: 'send', operations: [pay(5n)] })
  settle(world)
  alice.durable = backup
  crash(world, alice)
  reconnect(world)
  settle(world)
  expect(alice.state.lost).toBe(true)
  expect(bob.released.some(({ type }) => type === 'peer-lost-data')).toBe(true)
})

test('LN-52: a claim without proof is refused and changes nothing', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  const { channelId } = alice.state.setup
  const none = { nonce: 0, acked: 0, contentHash: new Uint8Array(32), signature: new Uint8Array(64) }
  const claim = { nonce: 9, acked: 0, contentHash: word('false'), signature: new Uint8Array(64) }
  const forged = { ...claim, signature: bob.signer.sign(balanceProof(bob.state.setup, 0, claim)) }
  const base = { type: 'sync', channelId, accepted: none, ackedNonce: 0, agreed: none, lost: false } as const
  const before = alice.state
  for (const message of [
    { ...base, accepted: claim },
    { ...base, accepted: forged },
    { ...base, agreed: claim },
  ])
    expect(verdict(apply(world, alice, { type: 'message', message }))).toBe('sync-contradicted')
  // A false content at a live or agreed nonce is no better.
  const wrong = { ...claim, nonce: 2 }
  expect(verdict(apply(world, alice, { type: 'message', message: { ...base, accepted: wrong } }))).toBe(
    'sync-contradicted',
  )
  expect(alice.state).toBe(before)
})

test('LN-52: a peer below its own ack is contradicted by it: nothing old is sent again', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  const { channelId } = alice.state.setup
  const none = { nonce: 0, acked: 0, contentHash: new Uint8Array(32), signature: new Uint8Array(64) }
  bob.inbox = []
  const base = { type: 'sync', channelId, accepted: none, ackedNonce: 0, agreed: none, lost: false } as const
  act(world, alice, { type: 'connected' })
  const result = act(world, alice, { type: 'message', message: base })
  expect(result.ok && result.effects.map(({ type }) => type)).toEqual(['peer-lost-data', 'send'])
  expect(alice.state.out.tip.nonce).toBe(2)
})

test('LN-50: a lost ack is sent again after a reconnect, before the lines that spend it', () => {
  const world = connectedWorld([100n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(60n)] })
  deliver(world, bob)
  act(world, bob, { type: 'flush' })
  act(world, bob, { type: 'send', operations: [pay(60n)] })
  alice.inbox = []
  reconnect(world)
  settle(world)
  expect(alice.state.in.accepted.content.sent).toBe(60n)
  expect(bob.state.out.agreed.content.sent).toBe(60n)
})

test('before the peer’s sync nothing is transmitted, and nothing is lost by that', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  reconnect(world)
  const early = act(world, alice, { type: 'send', operations: [pay(2n)] })
  expect(updateIn(early).nonce).toBe(1)
  expect(bob.inbox).toHaveLength(1)
  settle(world)
  expect(bob.state.in.accepted.content.sent).toBe(2n)
  expect(OPEN_POLICY.refuseOperations).toBe(false)
})
