/** Refused lines: burnt, live, and the traps around them (LN-24, LN-30 to LN-32; docs/spec/security.md). */

import { expect, test } from 'vitest'
import { balanceProof } from '../src/channel/line.ts'
import {
  lockMayStillPay,
  NONCE_WINDOW,
  PAYER_WINDOW,
  type RefusalMessage,
  receivable,
  spendable,
  wantsClearing,
} from '../src/index.ts'
import {
  act,
  apply,
  commit,
  connectedWorld,
  deliver,
  lock,
  OPEN_POLICY,
  pay,
  reconnect,
  type Side,
  settle,
  updateIn,
  verdict,
  type World,
} from './world.ts'

function refuse(world: World, side: Side, nonce: number, lastAccepted: number): string {
  const message: RefusalMessage = {
    type: 'refusal',
    channelId: side.state.setup.channelId,
    about: 'update',
    nonce,
    lastAccepted,
    code: 'policy',
    field: 'operations',
  }
  return verdict(apply(world, side, { type: 'message', message }))
}

/** Bob's signature on a line of alice that she holds live. */
function ackOf(world: World, nonce: number) {
  const [alice, bob] = world.sides
  const line = alice.state.out.live.find((one) => one.nonce === nonce)
  if (line === undefined) throw new Error(`line ${nonce} is not live`)
  const signature = bob.signer.sign(balanceProof(bob.state.setup, 0, line))
  return { type: 'ack', channelId: bob.state.setup.channelId, direction: 0, nonce, signature } as const
}

test('LN-30: after a refusal the payer goes on with a higher nonce from the last accepted content', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(10n)] })
  settle(world)
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  act(world, alice, { type: 'send', operations: [pay(20n)] })
  settle(world)
  bob.policy = OPEN_POLICY
  const next = updateIn(act(world, alice, { type: 'send', operations: [pay(5n)] }))
  expect(next).toMatchObject({ nonce: 3, base: 1 })
  settle(world)
  expect(bob.state.in.accepted.content.sent).toBe(15n)
  expect(alice.state.out.agreed.nonce).toBe(3)
})

test('LN-30: a refusal deep in a pipeline burns what was built on it, and bricks nothing', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  for (let i = 0; i < 6; i += 1) apply(world, alice, { type: 'send', operations: [pay(1n)] })
  commit(world, alice)
  deliver(world, bob)
  deliver(world, bob)
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  deliver(world, bob)
  bob.policy = OPEN_POLICY
  settle(world)
  expect(bob.state.in.accepted).toMatchObject({ nonce: 2, content: { sent: 2n } })
  expect(alice.state.out.live.map(({ nonce, burnt }) => [nonce, burnt])).toEqual(
    [3, 4, 5, 6].map((n) => [n, true]),
  )
  act(world, alice, { type: 'send', operations: [pay(7n)] })
  settle(world)
  expect(bob.state.in.accepted).toMatchObject({ nonce: 7, content: { sent: 9n } })
  expect(alice.state.out.live).toEqual([])
})

test('a second refusal of the same pipeline does not burn the branch that answers the first', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  for (let i = 0; i < 3; i += 1) apply(world, alice, { type: 'send', operations: [pay(1n)] })
  refuse(world, alice, 1, 0)
  apply(world, alice, { type: 'send', operations: [pay(9n)] })
  refuse(world, alice, 2, 0)
  refuse(world, alice, 3, 0)
  expect(alice.state.out.tip).toMatchObject({ nonce: 4, base: 0, burnt: false })
})

test('LN-31: a refusal below an ack that the payer holds is ignored, and so is one that names no live line', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  settle(world)
  apply(world, alice, { type: 'send', operations: [pay(1n)] })
  const before = alice.state
  expect(refuse(world, alice, 2, 0)).toBe('refusal-stale')
  expect(refuse(world, alice, 9, 1)).toBe('refusal-stale')
  expect(refuse(world, alice, 2, 7)).toBe('sync-contradicted')
  expect(alice.state).toBe(before)
  expect(refuse(world, alice, 2, 1)).toBe('ok')
})

test('LN-32: the money of a refused line is not free until a later line is acknowledged', () => {
  const world = connectedWorld([100n, 0n])
  const [alice, bob] = world.sides
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  act(world, alice, { type: 'send', operations: [pay(70n)] })
  settle(world)
  expect(alice.state.out.live).toHaveLength(1)
  expect(spendable(alice.state)).toBe(30n)
  expect(verdict(apply(world, alice, { type: 'send', operations: [pay(31n)] }))).toBe('insufficient')
  expect(wantsClearing(alice.state)).toBe(true)
  act(world, alice, { type: 'send', operations: [] })
  settle(world)
  expect(spendable(alice.state)).toBe(100n)
})

test('LN-32: a lock in a refused line may still pay until a later line is acknowledged', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  act(world, alice, { type: 'send', operations: [lock(4, 50n, 'burnt')] })
  settle(world)
  expect(lockMayStillPay(alice.state, 4, 1)).toBe(true)
  act(world, alice, { type: 'send', operations: [] })
  settle(world)
  expect(lockMayStillPay(alice.state, 4, 1)).toBe(false)
})

test('LN-32: a line signed but refused is still usable: its ack is taken, and it is agreed', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  apply(world, alice, { type: 'send', operations: [pay(40n)] })
  refuse(world, alice, 1, 0)
  expect(verdict(apply(world, alice, { type: 'message', message: ackOf(world, 1) }))).toBe('ok')
  expect(alice.state.out.agreed).toMatchObject({ nonce: 1, burnt: false, content: { sent: 40n } })
  expect(updateIn(apply(world, alice, { type: 'send', operations: [pay(1n)] })).base).toBe(1)
})

test('LN-24: what counts as paid does not shrink when a refused line is followed by a branch that pays less', () => {
  const world = connectedWorld([100n, 100n])
  const [alice, bob] = world.sides
  // Alice pays 80, bob says that he refused it, alice branches to 10, and then bob acknowledges the 80 after all.
  apply(world, alice, { type: 'send', operations: [pay(80n)] })
  refuse(world, alice, 1, 0)
  apply(world, alice, { type: 'send', operations: [pay(10n)] })
  expect(receivable(alice.state)).toBe(100n)
  apply(world, alice, { type: 'message', message: ackOf(world, 1) })
  // Bob could still make the 10 the agreed line: only 10 counts.
  expect(alice.state.out.agreed.content.sent).toBe(80n)
  expect(receivable(alice.state)).toBe(110n)
  const many = { type: 'send', operations: [pay(180n)] } as const
  bob.state = { ...bob.state, chain: { ...bob.state.chain, deposits: [100n, 180n] } }
  const line = updateIn(apply(world, bob, many))
  expect(verdict(apply(world, alice, { type: 'message', message: line }))).toBe('insufficient')
  // Once a line above both is acknowledged, everything in it counts.
  apply(world, alice, { type: 'send', operations: [pay(1n)] })
  apply(world, alice, { type: 'message', message: ackOf(world, 3) })
  expect(receivable(alice.state)).toBe(181n)
})

test('LN-24: nothing counts as paid before the first acknowledgement', () => {
  const world = connectedWorld([100n, 0n])
  const [alice] = world.sides
  apply(world, alice, { type: 'send', operations: [pay(50n)] })
  expect(receivable(alice.state)).toBe(0n)
})

test('LN-15, LN-16: with every line refused the payer still has lines without operations to clear them', () => {
  const world = connectedWorld([1_000_000n, 0n])
  const [alice, bob] = world.sides
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  let sent = 0
  while (verdict(act(world, alice, { type: 'send', operations: [pay(1n)] })) === 'ok') {
    sent += 1
    settle(world)
    if (sent > PAYER_WINDOW) break
  }
  expect(sent).toBeLessThanOrEqual(PAYER_WINDOW)
  act(world, alice, { type: 'send', operations: [] })
  settle(world)
  expect(alice.state.out.live).toEqual([])
  expect(alice.state.out.agreed.nonce).toBe(sent + 1)
  bob.policy = OPEN_POLICY
  act(world, alice, { type: 'send', operations: [pay(3n)] })
  settle(world)
  expect(bob.state.in.accepted.content.sent).toBe(3n)
})

test('LN-15: lines without operations end at the receiver’s window', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  for (let i = 0; i < NONCE_WINDOW; i += 1) apply(world, alice, { type: 'send', operations: [] })
  expect(verdict(apply(world, alice, { type: 'send', operations: [] }))).toBe('window-full')
  expect(alice.state.out.lastNonce).toBe(NONCE_WINDOW)
})

test('LN-10: a burnt nonce is not used again, also after a restart and a reconnect', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  settle(world)
  reconnect(world)
  settle(world)
  // Burnt lines are not sent again.
  expect(world.sent.filter(({ message }) => message.type === 'update')).toHaveLength(1)
  bob.policy = OPEN_POLICY
  const next = updateIn(act(world, alice, { type: 'send', operations: [pay(2n)] }))
  expect(next.nonce).toBe(2)
})
