/** Lines between two honest sides, and each rule by which a receiver refuses one (LN-1 to LN-26). */

import { expect, test } from 'vitest'
import { ACK_LAG_LINES, NONCE_WINDOW, type Operation, type Update, wantsClearing } from '../src/index.ts'
import { crypto } from './crypto.ts'
import { type Lie, signedLine } from './liar.ts'
import {
  act,
  apply,
  commit,
  connectedWorld,
  deliver,
  OPEN_POLICY,
  pay,
  reconnect,
  seeChain,
  settle,
  updateIn,
  verdict,
  type World,
  word,
} from './world.ts'

/** Gives bob alice's next honest line, changed after signing. */
function forge(world: World, change: Partial<Update>): string {
  const [alice, bob] = world.sides
  const message = { ...signedLine(world, alice, { operations: [pay(1n)] }), ...change }
  return verdict(apply(world, bob, { type: 'message', message }))
}

/** Gives bob a line that alice signed as told. */
function give(world: World, lie: Lie): string {
  const [alice, bob] = world.sides
  return verdict(apply(world, bob, { type: 'message', message: signedLine(world, alice, lie) }))
}

test('a payment is one line: accepted, acknowledged, agreed', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(7n), pay(5n)] })
  expect(verdict(deliver(world, bob))).toBe('ok')
  expect(bob.state.in.accepted.content.sent).toBe(12n)
  settle(world)
  expect(alice.state.out.agreed.content.sent).toBe(12n)
  expect(alice.state.out.live).toEqual([])
  expect(alice.released.find(({ type }) => type === 'agreed')).toMatchObject({ included: [1], voided: [] })
})

test('CH-6: the two directions never contend', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(7n)] })
  act(world, bob, { type: 'send', operations: [pay(4n)] })
  settle(world)
  expect(bob.state.in.accepted.content.sent).toBe(7n)
  expect(alice.state.in.accepted.content.sent).toBe(4n)
})

test('LN-20: nothing is signed or accepted before the channel is open in final blocks', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  world.status = 'none'
  seeChain(world, bob)
  expect(verdict(apply(world, bob, { type: 'send', operations: [pay(1n)] }))).toBe('not-open')
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  expect(verdict(deliver(world, bob))).toBe('not-open')
})

test('LN-21: a line is refused unless it recovers to the payer', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  const update = updateIn(apply(world, alice, { type: 'send', operations: [pay(1n)] }))
  alice.group = []
  const flipped = update.signature.slice()
  flipped[32] = (flipped[32] ?? 0) ^ 0x80
  const [, bob] = world.sides
  for (const signature of [
    flipped,
    new Uint8Array(64),
    bob.signer.sign({ ...proofOf(update), domain: bob.state.setup.domain }),
  ])
    expect(verdict(apply(world, bob, { type: 'message', message: { ...update, signature } }))).toBe(
      'signature-wrong',
    )
  expect(verdict(apply(world, bob, { type: 'message', message: update }))).toBe('ok')
})

function proofOf(update: Update) {
  const { channelId, direction, nonce, acked } = update
  return { type: 'BalanceProof', channelId, direction, nonce, acked, contentHash: word('any') } as const
}

test('LN-3: operations that do not lead to the signed content are refused', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  const honest = updateIn(apply(world, alice, { type: 'send', operations: [pay(1n)] }))
  const changed = honest.operations.slice()
  changed[16] = 2
  const message = { ...honest, operations: changed }
  expect(verdict(apply(world, bob, { type: 'message', message }))).toBe('signature-wrong')
})

test('LN-11: a nonce up to 1024 above the last accepted is good, one more is not', () => {
  const world = connectedWorld()
  expect(give(world, { nonce: NONCE_WINDOW + 1 })).toBe('nonce-window')
  expect(give(world, { nonce: NONCE_WINDOW })).toBe('ok')
  expect(give(world, { nonce: 2 * NONCE_WINDOW })).toBe('ok')
  expect(give(world, { nonce: NONCE_WINDOW + 7 })).toBe('nonce-stale')
})

test('LN-3, LN-30: a line continues the last accepted content and no other', () => {
  const world = connectedWorld()
  const [, bob] = world.sides
  const nothing = bob.state.in.accepted
  expect(give(world, { operations: [pay(50n)] })).toBe('ok')
  expect(give(world, { from: nothing, base: 0, operations: [pay(10n)] })).toBe('wrong-base')
  // The same, saying that it continues line 1: the content shows.
  expect(give(world, { from: nothing, operations: [pay(10n)] })).toBe('signature-wrong')
  expect(bob.state.in.accepted.content.sent).toBe(50n)
})

test('LN-12: identical bytes at an accepted nonce change nothing, other bytes are refused and never acked', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  const before = alice.state
  const first = updateIn(apply(world, alice, { type: 'send', operations: [pay(5n)] }))
  alice.state = before
  const second = updateIn(apply(world, alice, { type: 'send', operations: [pay(6n)] }))
  alice.group = []
  expect(verdict(apply(world, bob, { type: 'message', message: first }))).toBe('ok')
  const accepted = bob.state
  const again = apply(world, bob, { type: 'message', message: first })
  expect(again).toEqual({ ok: true, state: accepted, effects: [] })
  expect(verdict(apply(world, bob, { type: 'message', message: second }))).toBe('nonce-reused')
  expect(verdict(apply(world, bob, { type: 'message', message: { ...first, acked: 1 } }))).toBe(
    'nonce-reused',
  )
  const tampered = { ...first, operations: second.operations }
  expect(verdict(apply(world, bob, { type: 'message', message: tampered }))).toBe('nonce-reused')
  expect(bob.state).toBe(accepted)
  apply(world, bob, { type: 'flush' })
  expect(bob.state.in.acked.contentHash).toEqual(accepted.in.accepted.contentHash)
  // After the ack the answer to the same bytes is the same ack.
  const answer = apply(world, bob, { type: 'message', message: first })
  expect(answer.ok && answer.effects).toEqual([
    {
      type: 'send',
      transmit: true,
      message: expect.objectContaining({ type: 'ack', signature: bob.state.in.ack }),
    },
  ])
})

test('LN-13: acked never decreases and is never above the last ack', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  for (let i = 0; i < 2; i += 1) {
    act(world, alice, { type: 'send', operations: [pay(1n)] })
    settle(world)
  }
  act(world, alice, { type: 'send', operations: [pay(1n)] })
  settle(world)
  expect(give(world, { acked: 4 })).toBe('acked-ahead')
  expect(give(world, { acked: 1 })).toBe('acked-decreased')
  expect(give(world, { acked: 2 })).toBe('ok')
})

/** Bob has acknowledged `count` lines of which alice has heard nothing. */
function deafWorld(count: number): World {
  const world = connectedWorld([1_000_000n, 0n])
  const [alice, bob] = world.sides
  for (let i = 0; i < count; i += 1) {
    act(world, alice, { type: 'send', operations: [pay(1n)] })
    deliver(world, bob)
    if (i === 0 || i === count - 1) apply(world, bob, { type: 'flush' })
    commit(world, bob)
  }
  alice.inbox = []
  return world
}

test('LN-14: acked may lag a delivered ack by 10 seconds, no more', () => {
  const world = deafWorld(2)
  world.nowMs += 10_000
  expect(give(world, { acked: 0 })).toBe('ok')
  const late = deafWorld(2)
  late.nowMs += 10_001
  expect(give(late, { acked: 0 })).toBe('acked-lags')
})

test('LN-14: acked may lag delivered acks by 256 lines, no more', () => {
  const world = connectedWorld()
  const [, bob] = world.sides
  give(world, {})
  apply(world, bob, { type: 'flush' })
  give(world, { nonce: ACK_LAG_LINES + 2 })
  apply(world, bob, { type: 'flush' })
  expect(give(world, { acked: 1 })).toBe('acked-lags')
  expect(give(world, { acked: 2 })).toBe('ok')
})

test('LN-14: a new connection starts the lag anew', () => {
  const world = deafWorld(2)
  world.nowMs += 60_000
  const [alice, bob] = world.sides
  act(world, bob, { type: 'connected' })
  alice.inbox = []
  expect(give(world, { acked: 0 })).toBe('ok')
})

test('LN-15: at most 256 lines with operations before an ack; then only lines without operations', () => {
  const world = connectedWorld([1_000_000n, 0n])
  const [alice] = world.sides
  for (let i = 0; i < ACK_LAG_LINES; i += 1)
    expect(verdict(apply(world, alice, { type: 'send', operations: [pay(1n)] }))).toBe('ok')
  expect(verdict(apply(world, alice, { type: 'send', operations: [pay(1n)] }))).toBe('window-full')
  expect(verdict(apply(world, alice, { type: 'send', operations: [] }))).toBe('ok')
  commit(world, alice)
  settle(world)
  expect(verdict(apply(world, alice, { type: 'send', operations: [pay(1n)] }))).toBe('ok')
})

test('LN-16: a line without operations is not refused on policy, and clears burnt lines', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  act(world, alice, { type: 'send', operations: [pay(900n)] })
  settle(world)
  expect(alice.state.out.live.map(({ burnt }) => burnt)).toEqual([true])
  expect(wantsClearing(alice.state)).toBe(true)
  act(world, alice, { type: 'send', operations: [] })
  settle(world)
  expect(alice.state.out.live).toEqual([])
  expect(wantsClearing(alice.state)).toBe(false)
  expect(alice.released.filter(({ type }) => type === 'agreed')).toMatchObject([
    { included: [2], voided: [1] },
  ])
})

test('LN-4: zero, negative and too large amounts have no line', () => {
  const world = connectedWorld()
  const [alice] = world.sides
  for (const amount of [0n, -1n, 1n << 128n])
    expect(verdict(apply(world, alice, { type: 'send', operations: [pay(amount)] }))).toBe('amount-invalid')
  const huge = connectedWorld([1n << 125n, 0n])
  huge.sides[0].state = {
    ...huge.sides[0].state,
    chain: { ...huge.sides[0].state.chain, deposits: [1n << 129n, 0n] },
  }
  const most = pay((1n << 128n) - 1n)
  expect(verdict(apply(huge, huge.sides[0], { type: 'send', operations: [most, pay(1n)] }))).toBe(
    'amount-overflow',
  )
})

test('a line in the direction of the receiver is refused', () => {
  const world = connectedWorld()
  expect(forge(world, { direction: 1 })).toBe('wrong-direction')
  expect(forge(world, { channelId: word('another channel') })).toBe('wrong-channel')
})

test('LN-23: neither side lets sent + locked pass the deposit', () => {
  const world = connectedWorld([100n, 0n])
  const [alice, bob] = world.sides
  expect(verdict(apply(world, alice, { type: 'send', operations: [pay(101n)] }))).toBe('insufficient')
  // A payer that believes in more than the chain shows.
  const view = alice.state.chain
  alice.state = { ...alice.state, chain: { ...view, deposits: [101n, 0n] } }
  act(world, alice, { type: 'send', operations: [pay(101n)] })
  expect(verdict(deliver(world, bob))).toBe('insufficient')
  expect(bob.state.in.accepted.nonce).toBe(0)
})

test('LN-42: received money is spent once it is agreed, and the ack goes out first', () => {
  const world = connectedWorld([100n, 0n])
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(60n)] })
  deliver(world, bob)
  expect(verdict(apply(world, bob, { type: 'send', operations: [pay(60n)] }))).toBe('insufficient')
  apply(world, bob, { type: 'flush' })
  expect(verdict(apply(world, bob, { type: 'send', operations: [pay(60n)] }))).toBe('ok')
  commit(world, bob)
  expect(verdict(deliver(world, alice))).toBe('ok')
  expect(verdict(deliver(world, alice))).toBe('ok')
  expect(alice.state.in.accepted.content.sent).toBe(60n)
})

test('an ack of a line that was never signed, or by another key, is refused', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(5n)] })
  deliver(world, bob)
  const flushed = apply(world, bob, { type: 'flush' })
  const ack = flushed.ok && flushed.effects[0]?.type === 'send' ? flushed.effects[0].message : undefined
  if (ack?.type !== 'ack') throw new Error('no ack')
  const take = (change: object) =>
    verdict(apply(world, alice, { type: 'message', message: { ...ack, ...change } }))
  expect(take({ nonce: 2 })).toBe('ack-unknown')
  expect(
    take({
      signature: alice.signer.sign({
        ...proofOf({ ...updateOf(world), nonce: 1 }),
        domain: alice.state.setup.domain,
      }),
    }),
  ).toBe('signature-wrong')
  expect(take({ direction: 1 })).toBe('wrong-direction')
  expect(take({})).toBe('ok')
  expect(take({})).toBe('ack-stale')
})

function updateOf(world: World): Update {
  const found = world.sent.find(({ message }) => message.type === 'update')?.message
  if (found?.type !== 'update') throw new Error('no update was sent')
  return found
}

test('malformed operations are refused by name', () => {
  const world = connectedWorld()
  expect(forge(world, { operationCount: 2 })).toBe('operations-malformed')
  expect(forge(world, { operations: new Uint8Array([9]) })).toBe('operations-malformed')
  expect(forge(world, { operations: new Uint8Array(49).fill(1, 0, 1) })).toBe('amount-invalid')
})

test('a batch of a thousand payments is one line', () => {
  const world = connectedWorld([1_000_000n, 0n])
  const [alice, bob] = world.sides
  const operations: Operation[] = Array.from({ length: 1000 }, (_, i) => pay(BigInt(i + 1), `payment ${i}`))
  act(world, alice, { type: 'send', operations })
  settle(world)
  expect(bob.state.in.accepted).toMatchObject({ nonce: 1, content: { sent: 500_500n } })
  expect(alice.state.out.agreed.contentHash).toEqual(bob.state.in.acked.contentHash)
  expect(crypto.keccak256(alice.state.out.agreed.contentHash)).toHaveLength(32)
})

test('LN-10: resends after a reconnect are the stored bytes, and nothing is signed anew', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(3n)] })
  bob.inbox = []
  const signatures = alice.signer.signed.length
  reconnect(world)
  settle(world)
  expect(bob.state.in.accepted.content.sent).toBe(3n)
  const updates = world.sent.filter(({ message }) => message.type === 'update')
  expect(updates).toHaveLength(2)
  expect(updates[0]?.bytes).toEqual(updates[1]?.bytes)
  expect(alice.signer.signed).toHaveLength(signatures)
})
