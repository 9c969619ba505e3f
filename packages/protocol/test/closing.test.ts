/** The freeze, the one statement, evidence, and lost data (CL-1 to CL-8, CL-30, CL-31, BK-55, BK-60). */

import { expect, test } from 'vitest'
import {
  type ChannelRecord,
  type ChannelState,
  type ClosingRecord,
  closeCall,
  contentToChain,
  duties,
  keysToPost,
  NO_CONTENT,
  paramsToChain,
  type SettlementRecord,
  statementOf,
  toHex,
} from '../src/index.ts'
import { signedLine } from './liar.ts'
import {
  act,
  apply,
  connectedWorld,
  contextOf,
  crash,
  deliver,
  hashCondition,
  lock,
  pay,
  preimageOf,
  START,
  seeChain,
  settle,
  T,
  verdict,
  type World,
  word,
} from './world.ts'

const ZERO = toHex(new Uint8Array(32))

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

/** The bank's record after `closer` stated what it states now (or an older state did). */
function closedBy(state: ChannelState, change: Partial<ClosingRecord> = {}): ChannelRecord {
  const statement = statementOf(state)
  if (statement === undefined) throw new Error('not frozen')
  const { closing } = state
  if (closing === undefined) throw new Error('not frozen')
  const { party } = state.setup
  const record: ClosingRecord = {
    party,
    blind: false,
    closedAt: BigInt(START),
    endsAt: BigInt(START + 3600),
    statedOut: statement.outNonce,
    outNonce: statement.outNonce,
    outHash: statement.outNonce === 0n ? ZERO : toHex(closing.out.contentHash),
    inNonce: statement.inNonce,
    inHash: statement.inNonce === 0n ? ZERO : toHex(closing.in.contentHash),
    base: [0n, 0n],
    held: 0n,
    paidToPeer: 0n,
    ...change,
  }
  const shown = [statement.outContent, statement.inContent] as const
  return {
    kind: 'closing',
    block: { number: 1n, hash: ZERO, timestampSeconds: BigInt(START) },
    params: paramsToChain(state.setup.params),
    closing: record,
    contents: party === 0 ? shown : [shown[1], shown[0]],
  }
}

function frozen(world: World, side: World['sides'][0]): ChannelState {
  const before = side.state
  act(world, side, { type: 'freeze', blind: false })
  const after = side.state
  side.state = before
  return after
}

test('CL-3: the statement is the newest agreed own line and the newest accepted promise', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(5n)] })
  act(world, bob, { type: 'send', operations: [pay(3n)] })
  deliver(world, alice)
  act(world, alice, { type: 'freeze', blind: false })
  const statement = statementOf(alice.state)
  expect(statement).toMatchObject({ outNonce: 2n, inNonce: 3n })
  expect(statement?.outContent.sent).toBe(30n)
  expect(statement?.inContent.sent).toBe(6n)
  expect(closeCall(alice.state)).toMatchObject({ kind: 'close', party: 0, statement })
})

test('CL-1: the mark is never undone and fixes the statement, whatever is acknowledged later', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(5n)] })
  act(world, alice, { type: 'freeze', blind: false })
  const statement = statementOf(alice.state)
  deliver(world, bob)
  act(world, bob, { type: 'flush' })
  deliver(world, alice)
  expect(alice.state.out.agreed.nonce).toBe(3)
  expect(statementOf(alice.state)).toEqual(statement)
  act(world, alice, { type: 'freeze', blind: false })
  act(world, alice, { type: 'close-seen' })
  expect(alice.state.closing?.by).toBe('us')
  const signed = (at: number) => {
    act(world, alice, { type: 'sign-statement', validUntil: at })
    const {
      type: _type,
      domain: _domain,
      validUntil: _validUntil,
      ...rest
    } = alice.signer.signed.at(-1) as never as Record<string, unknown>
    return rest
  }
  expect(signed(START + 10)).toEqual(signed(START + 20))
  crash(world, alice)
  expect(statementOf(alice.state)).toEqual(statement)
})

test('CL-2: after the mark nothing is accepted and nothing new is signed', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  for (const input of [{ type: 'freeze', blind: false }, { type: 'close-seen' }] as const) {
    const before = alice.state
    act(world, alice, input)
    const signatures = alice.signer.signed.length
    expect(verdict(apply(world, alice, { type: 'send', operations: [] }))).toBe('closing')
    expect(verdict(apply(world, alice, { type: 'withdraw', total: 1n, validUntil: START + T }))).toBe(
      'closing',
    )
    expect(verdict(apply(world, alice, { type: 'close-together', validUntil: START + T }))).toBe('closing')
    const update = signedLine(world, bob, { operations: [pay(1n)] })
    expect(verdict(apply(world, alice, { type: 'message', message: update }))).toBe('closing')
    const empty = signedLine(world, bob)
    expect(verdict(apply(world, alice, { type: 'message', message: empty }))).toBe('closing')
    const { domain, channelId } = alice.state.setup
    const validUntil = START + T
    const request = { type: 'Withdrawal', domain, channelId, party: 1, total: 1n, validUntil } as const
    const signature = bob.signer.sign(request)
    const message = {
      type: 'withdrawal-request',
      channelId,
      party: 1,
      total: 1n,
      validUntil,
      signature,
    } as const
    expect(verdict(apply(world, alice, { type: 'message', message }))).toBe('closing')
    expect(alice.signer.signed).toHaveLength(signatures)
    alice.state = before
    alice.group = []
  }
})

test('CL-2: a line accepted before the mark may still be acknowledged, none above the stated one', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'send', operations: [pay(3n)] })
  deliver(world, alice)
  act(world, alice, { type: 'freeze', blind: false })
  act(world, alice, { type: 'flush' })
  expect(alice.state.in.acked.nonce).toBe(3)
  // Were a later line there by any accident, it would not be acknowledged.
  const { accepted } = alice.state.in
  alice.state = { ...alice.state, in: { ...alice.state.in, accepted: { ...accepted, nonce: 4 } } }
  const signatures = alice.signer.signed.length
  act(world, alice, { type: 'flush' })
  expect(alice.signer.signed).toHaveLength(signatures)
})

test('CL-1: a close in a final block freezes, and so does one that is only seen', () => {
  for (const status of ['closing', 'settled', 'closed'] as const) {
    const world = busyWorld()
    const [alice] = world.sides
    world.status = status
    seeChain(world, alice)
    expect(alice.state.closing).toMatchObject({ by: 'peer', blind: false })
  }
  const world = busyWorld()
  act(world, world.sides[0], { type: 'close-seen' })
  expect(world.sides[0].state.closing?.by).toBe('peer')
  expect(verdict(apply(world, world.sides[0], { type: 'sign-statement', validUntil: START }))).toBe('closing')
  expect(closeCall(world.sides[0].state)).toBeUndefined()
})

test('CL-1: a peer’s close that left the chain again leaves us the same statement to make', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'close-seen' })
  const { closing } = alice.state
  act(world, bob, { type: 'send', operations: [pay(3n)] })
  deliver(world, alice)
  act(world, alice, { type: 'freeze', blind: false })
  expect(alice.state.closing).toEqual({ ...closing, by: 'us' })
  expect(closeCall(alice.state)).toMatchObject({ kind: 'close', statement: { inNonce: 2n } })
})

test('CL-4, BK-60: a truthful statement is never challenged, whatever is in flight', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'send', operations: [pay(4n)] })
  act(world, alice, { type: 'send', operations: [pay(9n)] })
  deliver(world, bob)
  const record = closedBy(frozen(world, bob))
  const [duty] = duties(alice.state, record, contextOf(world, alice))
  expect(duty?.call.kind).toBe('settle')
  expect(duty?.fromSeconds).toBe(START + 3600)
})

test('CL-4, BK-60: the in nonce denied is answered with the closer’s ack', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [pay(10n)] })
  settle(world)
  const old = frozen(world, bob)
  act(world, alice, { type: 'send', operations: [pay(10n)] })
  settle(world)
  const record = closedBy(old)
  const [duty] = duties(alice.state, record, contextOf(world, alice))
  expect(duty).toMatchObject({
    call: {
      kind: 'challenge',
      evidence: { direction: 0, nonce: 2n, signature: toHex(alice.state.out.ack ?? new Uint8Array(0)) },
    },
    beforeSeconds: START + 3600,
  })
  // The same nonce with another content is a lie too; with the same content it is not.
  const truth = closedBy(frozen(world, bob))
  expect(duties(alice.state, truth, contextOf(world, alice))[0]?.call.kind).toBe('settle')
  if (truth.kind !== 'closing') throw new Error('closing')
  const other = { ...truth, closing: { ...truth.closing, inHash: toHex(word('other')) } }
  expect(duties(alice.state, other, contextOf(world, alice))[0]?.call.kind).toBe('challenge')
})

test('CL-4, BK-60: the out nonce denied is answered with the closer’s promise that names it in acked', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'send', operations: [pay(10n)] })
  settle(world)
  const old = frozen(world, bob)
  act(world, bob, { type: 'send', operations: [pay(10n)] })
  settle(world)
  act(world, bob, { type: 'send', operations: [pay(10n)] })
  settle(world)
  const [duty] = duties(alice.state, closedBy(old), contextOf(world, alice))
  expect(duty).toMatchObject({
    call: { kind: 'challenge', evidence: { direction: 1, nonce: 3n, acked: 2n } },
  })
})

test('CL-5, BK-55: a newer agreed line of the closer’s own direction is shown, without penalty', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'send', operations: [pay(10n)] })
  settle(world)
  const old = frozen(world, bob)
  act(world, bob, { type: 'send', operations: [pay(10n)] })
  deliver(world, alice)
  act(world, alice, { type: 'close-seen' })
  act(world, alice, { type: 'flush' })
  const [duty] = duties(alice.state, closedBy(old), contextOf(world, alice))
  expect(duty).toMatchObject({
    call: {
      kind: 'update',
      update: { line: { nonce: 2n }, ack: toHex(alice.state.in.ack ?? new Uint8Array(0)) },
    },
  })
  // Shown already: only settling is left.
  const shown = closedBy(old, { outNonce: 2n, outHash: toHex(alice.state.in.acked.contentHash) })
  const [after] = duties(alice.state, shown, contextOf(world, alice))
  expect(after?.call).toMatchObject({ kind: 'settle', contents: [contentToChain(NO_CONTENT), { sent: 20n }] })
})

test('CL-31: after a blind close there is no challenge, and the peer shows the out line with its content', () => {
  const world = busyWorld()
  const [alice, bob] = world.sides
  const record = closedBy(frozen(world, bob), {
    blind: true,
    statedOut: 0n,
    outNonce: 0n,
    outHash: ZERO,
    inNonce: 0n,
    inHash: ZERO,
  })
  const [duty] = duties(alice.state, record, contextOf(world, alice))
  expect(duty?.call).toMatchObject({ kind: 'update', update: { line: { nonce: 2n }, content: { sent: 3n } } })
})

test('an own close is settled, and never challenged by its own side', () => {
  const world = busyWorld()
  const [alice] = world.sides
  act(world, alice, { type: 'freeze', blind: false })
  const [duty] = duties(alice.state, closedBy(alice.state), contextOf(world, alice))
  expect(duty?.call).toMatchObject({ kind: 'settle', contents: [{ sent: 30n }, { sent: 3n }] })
})

function settlementOf(side: World['sides'][0], change: Partial<SettlementRecord> = {}): ChannelRecord {
  const received = side.state.in.accepted.content
  const settlement: SettlementRecord = {
    owed: [0n, 0n],
    held: received.locked,
    locked: side.party === 0 ? [0n, received.locked] : [received.locked, 0n],
    locksRoot: side.party === 0 ? [ZERO, toHex(received.locksRoot)] : [toHex(received.locksRoot), ZERO],
    releaseAfter: [BigInt(START + 9000), BigInt(START + 9000)],
    claimed: [
      [0n, 0n],
      [0n, 0n],
    ],
    ...change,
  }
  return {
    kind: 'settled',
    block: { number: 1n, hash: ZERO, timestampSeconds: BigInt(START) },
    params: paramsToChain(side.state.setup.params),
    settlement,
  }
}

test('LK-60: incoming locks met in time are claimed once, with their paths; the payer’s rest is released after the window', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, {
    type: 'send',
    operations: [lock(3, 50n, 'met'), lock(300, 60n, 'late'), lock(5, 70n, 'never')],
  })
  settle(world)
  const [locks] = [bob.state.in.accepted.locks]
  expect(locks.count).toBe(3)
  world.resolved.set(toHex(hashCondition('met')), START + 2 * T)
  world.resolved.set(toHex(hashCondition('late')), START + 2 * T + 1)
  world.finalTime = START + 3 * T
  const found = duties(bob.state, settlementOf(bob), contextOf(world, bob))
  expect(found).toHaveLength(1)
  const call = found[0]?.call
  if (call?.kind !== 'claimLocks') throw new Error('no claim')
  expect(call).toMatchObject({ direction: 0, locks: [{ slot: 3, amount: 50n }] })
  expect(call.locks[0]?.path).toHaveLength(9)
  const claimed = settlementOf(bob, {
    claimed: [
      [1n << 3n, 0n],
      [0n, 0n],
    ],
  })
  expect(duties(bob.state, claimed, contextOf(world, bob))).toEqual([])
  const release = duties(alice.state, settlementOf(bob), contextOf(world, alice))
  expect(release).toMatchObject([{ call: { kind: 'releaseLocks', direction: 0 }, fromSeconds: START + 9001 }])
})

test('LK-13: a known key of a pending incoming lock goes to the registry from expiry - T on', () => {
  const world = connectedWorld()
  const [alice, bob] = world.sides
  act(world, alice, { type: 'send', operations: [lock(3, 50n, 'known')] })
  settle(world)
  const key = { kind: 'hash', preimage: preimageOf('known') } as const
  act(world, bob, { type: 'know-key', slot: 3, born: 1, key, release: false })
  expect(keysToPost(bob.state, contextOf(world, bob))).toEqual([
    {
      call: { kind: 'resolve', resolutions: [{ kind: 'hash', preimage: toHex(key.preimage) }] },
      fromSeconds: START + T,
      beforeSeconds: START + 2 * T + 1,
    },
  ])
  world.resolved.set(toHex(hashCondition('known')), START + 5)
  world.finalTime = START + 10
  expect(keysToPost(bob.state, contextOf(world, bob))).toEqual([])
})
