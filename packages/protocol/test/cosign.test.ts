/** Withdrawals in place and common closes (WD-1 to WD-4, CL-20 to CL-22). */

import { expect, test } from 'vitest'
import { deltaOf } from '../src/channel/cosign.ts'
import { type ChannelMessage, type Effect, receivable, spendable } from '../src/index.ts'
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
  START,
  seeChain,
  settle,
  T,
  verdict,
  type World,
} from './world.ts'

const SOON = START + 2 * T

function effectsOf<K extends Effect['type']>(side: Side, type: K): Extract<Effect, { type: K }>[] {
  return side.released.filter((effect): effect is Extract<Effect, { type: K }> => effect.type === type)
}

function lastSent(world: World, type: ChannelMessage['type']): ChannelMessage {
  const found = world.sent.filter(({ message }) => message.type === type).at(-1)?.message
  if (found === undefined) throw new Error(`no ${type} was sent`)
  return found as ChannelMessage
}

test('WD-1: both sign, the money is reserved on both sides, and execution frees the rest', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'withdraw', total: 400n, validUntil: SOON })
  expect(spendable(alice.state)).toBe(600n)
  settle(world)
  expect(receivable(bob.state)).toBe(600n)
  expect(effectsOf(alice, 'withdrawal-ready')).toMatchObject([{ party: 0, total: 400n, validUntil: SOON }])
  world.withdrawn[0] = 400n
  for (const side of world.sides) seeChain(world, side)
  expect(effectsOf(alice, 'released')).toMatchObject([{ what: 'withdrawal', party: 0, executed: true }])
  expect(spendable(alice.state)).toBe(600n)
  expect(verdict(act(world, alice, { type: 'withdraw', total: 1000n, validUntil: SOON }))).toBe('ok')
})

test('WD-2: the reserve lasts until a final block is past validUntil, not a second less', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'withdraw', total: 400n, validUntil: SOON })
  settle(world)
  world.finalTime = SOON
  for (const side of world.sides) seeChain(world, side)
  expect([spendable(alice.state), receivable(bob.state)]).toEqual([600n, 600n])
  world.finalTime = SOON + 1
  for (const side of world.sides) seeChain(world, side)
  expect([spendable(alice.state), receivable(bob.state)]).toEqual([1000n, 1000n])
  expect(effectsOf(bob, 'released')).toMatchObject([{ executed: false }])
})

test('WD-2: a refused request stays reserved, because its signature is out', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  bob.policy = { ...OPEN_POLICY, maxValiditySeconds: T }
  act(world, alice, { type: 'withdraw', total: 400n, validUntil: SOON })
  settle(world)
  expect(effectsOf(alice, 'peer-refused')).toMatchObject([
    { what: 'withdrawal', refusal: { code: 'validity-long' } },
  ])
  expect(spendable(alice.state)).toBe(600n)
})

test('WD-3: a withdrawal is asked for and co-signed only if every live line stays covered', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(700n)] })
  expect(verdict(act(world, alice, { type: 'withdraw', total: 301n, validUntil: SOON }))).toBe('insufficient')
  settle(world)
  // A requester that believes it has more.
  alice.state = { ...alice.state, chain: { ...alice.state.chain, deposits: [2000n, 0n] } }
  act(world, alice, { type: 'withdraw', total: 301n, validUntil: SOON })
  expect(verdict(deliver(world, bob))).toBe('insufficient')
  expect(bob.state.withdrawals).toEqual([undefined, undefined])
})

test('WD-3: the R of a co-signed withdrawal is the least of the live lines', () => {
  const world = connectedWorld([0n, 1000n])
  const [alice, bob] = world.sides
  act(world, bob, { type: 'send', operations: [pay(500n)] })
  settle(world)
  // Alice has paid 200 that bob has not acknowledged: it does not count for him yet.
  apply(world, alice, { type: 'send', operations: [pay(200n)] })
  bob.state = { ...bob.state, chain: { ...bob.state.chain, deposits: [0n, 2000n] } }
  const ask = (total: bigint, at: number) => {
    bob.state = { ...bob.state, withdrawals: [undefined, undefined] }
    alice.state = { ...alice.state, withdrawals: [undefined, undefined] }
    act(world, bob, { type: 'withdraw', total, validUntil: at })
    return verdict(apply(world, alice, { type: 'message', message: lastSent(world, 'withdrawal-request') }))
  }
  expect(ask(501n, SOON)).toBe('insufficient')
  expect(ask(500n, SOON)).toBe('ok')
})

test('WD-3: a line that does not leave room for the reserved withdrawal is refused', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'withdraw', total: 400n, validUntil: SOON })
  settle(world)
  alice.state = { ...alice.state, withdrawals: [undefined, undefined] }
  act(world, alice, { type: 'send', operations: [pay(601n)] })
  expect(verdict(deliver(world, bob))).toBe('insufficient')
})

test('WD-4: one withdrawal of a party at a time; the same request again gets the same consent', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'withdraw', total: 400n, validUntil: SOON })
  expect(verdict(apply(world, alice, { type: 'withdraw', total: 300n, validUntil: SOON }))).toBe(
    'withdrawal-pending',
  )
  settle(world)
  const request = lastSent(world, 'withdrawal-request')
  const signatures = bob.signer.signed.length
  const again = apply(world, bob, { type: 'message', message: request })
  expect(again.ok && again.effects).toMatchObject([{ message: lastSent(world, 'withdrawal-consent') }])
  expect(bob.signer.signed).toHaveLength(signatures)
})

test('WD-4: a second withdrawal of the peer is not co-signed while one is pending', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'withdraw', total: 400n, validUntil: SOON })
  settle(world)
  alice.state = { ...alice.state, withdrawals: [undefined, undefined] }
  act(world, alice, { type: 'withdraw', total: 500n, validUntil: SOON })
  expect(verdict(deliver(world, bob))).toBe('withdrawal-pending')
  expect(bob.state.withdrawals[0]?.total).toBe(400n)
})

test('a withdrawal request must be signed, grow, be in time, and be for the requester', () => {
  const world = connectedWorld([1000n, 500n])
  const [alice, bob] = world.sides
  const { domain, channelId } = bob.state.setup
  const give = (total: bigint, validUntil: number, party: 0 | 1 = 0, liar = alice) => {
    const signature = liar.signer.sign({ type: 'Withdrawal', domain, channelId, party, total, validUntil })
    const message = { type: 'withdrawal-request', channelId, party, total, validUntil, signature } as const
    return verdict(apply(world, bob, { type: 'message', message }))
  }
  expect(give(0n, SOON)).toBe('withdrawal-total')
  expect(give(1n, START + T - 1)).toBe('validity-past')
  expect(give(1n, START + 86_401)).toBe('validity-long')
  expect(give(1n, SOON, 1)).toBe('wrong-direction')
  expect(give(1n, SOON, 0, bob)).toBe('signature-wrong')
  expect(give(1n, SOON)).toBe('ok')
})

test('a request and its consent survive a lost connection', () => {
  const world = connectedWorld([1000n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'withdraw', total: 400n, validUntil: SOON })
  bob.inbox = []
  reconnect(world)
  settle(world)
  alice.inbox = []
  expect(effectsOf(alice, 'withdrawal-ready')).toHaveLength(1)
})

test('CL-20: both sign delta = sent[1] - sent[0], and both hold both signatures', () => {
  const world = connectedWorld([1000n, 1000n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(70n)] })
  act(world, bob, { type: 'send', operations: [pay(20n)] })
  settle(world)
  act(world, alice, { type: 'close-together', validUntil: SOON })
  settle(world)
  const [ours] = effectsOf(alice, 'close-together-ready')
  const [theirs] = effectsOf(bob, 'close-together-ready')
  expect(ours).toMatchObject({ delta: -50n, offeredByUs: true })
  expect(theirs).toMatchObject({ delta: -50n, offeredByUs: false })
  expect(ours?.signatures).toEqual(theirs?.signatures)
})

test('CL-20: a consent counts only with the peer’s signature over exactly the offer', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'close-together', validUntil: SOON })
  const { domain, channelId } = alice.state.setup
  const give = (validUntil: number, delta: bigint, by: Side) => {
    const signature = by.signer.sign({ type: 'CloseTogether', domain, channelId, delta, validUntil })
    const message = { type: 'together-consent', channelId, delta: 0n, validUntil: SOON, signature } as const
    return verdict(apply(world, alice, { type: 'message', message }))
  }
  expect(give(SOON, 0n, alice)).toBe('signature-wrong')
  expect(give(SOON + 1, 0n, bob)).toBe('signature-wrong')
  expect(give(SOON, 1n, bob)).toBe('signature-wrong')
  expect(alice.state.together?.signatures[1]).toBeUndefined()
  expect(give(SOON, 0n, bob)).toBe('ok')
})

test('WD-1: a consent counts only with the peer’s signature over exactly the request', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'withdraw', total: 5n, validUntil: SOON })
  const { domain, channelId } = alice.state.setup
  const give = (total: bigint, by: Side) => {
    const signature = by.signer.sign({
      type: 'Withdrawal',
      domain,
      channelId,
      party: 0,
      total,
      validUntil: SOON,
    })
    const message = {
      type: 'withdrawal-consent',
      channelId,
      party: 0,
      total: 5n,
      validUntil: SOON,
      signature,
    } as const
    return verdict(apply(world, alice, { type: 'message', message }))
  }
  expect(give(5n, alice)).toBe('signature-wrong')
  expect(give(4n, bob)).toBe('signature-wrong')
  expect(alice.state.withdrawals[0]?.signatures[1]).toBeUndefined()
  expect(give(5n, bob)).toBe('ok')
})

test('CL-22: who signed a common close accepts and signs nothing until it is expired in a final block', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'send', operations: [pay(5n)] })
  settle(world)
  act(world, alice, { type: 'close-together', validUntil: SOON })
  const signed = alice.signer.signed.length
  for (const input of [
    { type: 'send', operations: [pay(1n)] },
    { type: 'withdraw', total: 1n, validUntil: SOON },
    { type: 'close-together', validUntil: SOON + 1 },
  ] as const)
    expect(verdict(apply(world, alice, input))).toBe('closing-together')
  act(world, bob, { type: 'send', operations: [pay(1n)] })
  expect(verdict(deliver(world, alice))).toBe('closing-together')
  apply(world, alice, { type: 'flush' })
  expect(alice.signer.signed).toHaveLength(signed)
  world.finalTime = SOON
  seeChain(world, alice)
  expect(verdict(apply(world, alice, { type: 'send', operations: [pay(1n)] }))).toBe('closing-together')
  world.finalTime = SOON + 1
  seeChain(world, alice)
  expect(verdict(apply(world, alice, { type: 'send', operations: [pay(1n)] }))).toBe('ok')
})

test('CL-22: nothing accepted before a common close is acknowledged while it is pending', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'close-together', validUntil: SOON })
  bob.state = { ...bob.state, together: alice.state.together }
  const before = bob.signer.signed.length
  bob.state = { ...bob.state, in: { ...bob.state.in, accepted: { ...bob.state.in.accepted, nonce: 3 } } }
  apply(world, bob, { type: 'flush' })
  expect(bob.signer.signed).toHaveLength(before)
})

test('CL-22: a close statement may still be made while a common close is pending', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  act(world, alice, { type: 'close-together', validUntil: SOON })
  expect(verdict(apply(world, alice, { type: 'freeze', blind: false }))).toBe('ok')
  expect(verdict(apply(world, alice, { type: 'sign-statement', validUntil: SOON }))).toBe('ok')
})

test('CL-21: no common close while a live line holds a lock, or a line waits for its ack', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  expect(verdict(apply(world, alice, { type: 'close-together', validUntil: SOON }))).toBe('lines-unsettled')
  deliver(world, bob)
  expect(verdict(apply(world, bob, { type: 'close-together', validUntil: SOON }))).toBe('lines-unsettled')
  settle(world)
  act(world, alice, { type: 'send', operations: [lock(0, 50n, 'pending')] })
  settle(world)
  expect(verdict(apply(world, alice, { type: 'close-together', validUntil: SOON }))).toBe('locks-pending')
  expect(verdict(apply(world, bob, { type: 'close-together', validUntil: SOON }))).toBe('locks-pending')
})

test('CL-21: an offer is refused while an own live line, refused or not, holds a lock', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  alice.policy = { ...OPEN_POLICY, refuseOperations: true }
  act(world, bob, { type: 'send', operations: [lock(0, 50n, 'burnt')] })
  settle(world)
  act(world, alice, { type: 'close-together', validUntil: SOON })
  expect(verdict(deliver(world, bob))).toBe('locks-pending')
})

test('CL-20: an offer that gives us less than the last agreed lines is refused', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(70n)] })
  settle(world)
  const { domain, channelId } = bob.state.setup
  const give = (delta: bigint, by = alice) => {
    const signature = by.signer.sign({ type: 'CloseTogether', domain, channelId, delta, validUntil: SOON })
    const message = { type: 'together-offer', channelId, delta, validUntil: SOON, signature } as const
    return verdict(apply(world, bob, { type: 'message', message }))
  }
  expect(give(-69n)).toBe('delta-differs')
  expect(give(-70n, bob)).toBe('signature-wrong')
  expect(give(-1001n)).toBe('held-exceeded')
  expect(deltaOf(bob.state)).toBe(-70n)
  expect(give(-70n)).toBe('ok')
})

test('a common close beside a reserved withdrawal: the result must fit in what is held after both', () => {
  const world = connectedWorld([100n, 0n])
  const [alice] = world.sides
  act(world, alice, { type: 'withdraw', total: 60n, validUntil: SOON })
  settle(world)
  act(world, alice, { type: 'send', operations: [pay(40n)] })
  settle(world)
  expect(verdict(act(world, alice, { type: 'close-together', validUntil: SOON }))).toBe('ok')
  expect(alice.state.together?.delta).toBe(-40n)
  const more = connectedWorld([100n, 0n])
  const [carol] = more.sides
  act(more, carol, { type: 'send', operations: [pay(40n)] })
  settle(more)
  const signatures = [undefined, undefined] as const
  carol.state = { ...carol.state, withdrawals: [{ total: 61n, validUntil: SOON, signatures }, undefined] }
  expect(verdict(act(more, carol, { type: 'close-together', validUntil: SOON }))).toBe('held-exceeded')
})

test('offers that cross complete on party 0’s, and the freeze lasts until both have expired', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'close-together', validUntil: SOON })
  act(world, bob, { type: 'close-together', validUntil: SOON + 100 })
  settle(world)
  expect(effectsOf(alice, 'close-together-ready')).toMatchObject([{ validUntil: SOON, offeredByUs: true }])
  expect(effectsOf(bob, 'close-together-ready')).toMatchObject([{ validUntil: SOON, offeredByUs: false }])
  world.finalTime = SOON + 1
  seeChain(world, bob)
  expect(bob.state.together).toMatchObject({ holdUntil: SOON + 100 })
})

test('an offer is repeated after a reconnect, and the same consent answers it', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'close-together', validUntil: SOON })
  deliver(world, bob)
  commit(world, bob)
  const consent = lastSent(world, 'together-consent')
  reconnect(world)
  settle(world)
  expect(lastSent(world, 'together-consent')).toEqual(consent)
  expect(effectsOf(alice, 'close-together-ready')).toHaveLength(1)
})
