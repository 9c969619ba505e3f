/** When a lock may be placed, unlocked, dropped and failed, as far as one channel shows it (LK-1 to LK-53). */

import { expect, test } from 'vitest'
import {
  batchPath,
  batchRoot,
  type Condition,
  checkKey,
  conditionIdOf,
  decodeKey,
  encodeKey,
  freeOutSlot,
  type Key,
  MAX_LOCK,
  type Operation,
  step,
  toHex,
} from '../src/index.ts'
import { crypto, signerOf } from './crypto.ts'
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
  OPEN_POLICY,
  pay,
  preimageOf,
  reconnect,
  registry,
  START,
  settle,
  T,
  verdict,
  type World,
  word,
} from './world.ts'

const keyOf = (name: string): Key => ({ kind: 'hash', preimage: preimageOf(name) })

/** Alice has locked 100 for bob in slot 7, agreed. */
function lockedWorld(expiry = START + 10 * T): World {
  const world = connectedWorld()
  act(world, world.sides[0], { type: 'send', operations: [lock(7, 100n, 'one', expiry)] })
  settle(world)
  return world
}

/** What bob says to a line of alice's signer with these operations. */
function give(world: World, ...operations: readonly Operation[]): string {
  const [alice, bob] = world.sides
  return verdict(apply(world, bob, { type: 'message', message: signedLine(world, alice, { operations }) }))
}

function own(world: World, ...operations: readonly Operation[]): string {
  return verdict(act(world, world.sides[0], { type: 'send', operations }))
}

test('LK-10: shown the key, the payer unlocks, and the amount is paid', () => {
  const world = lockedWorld()
  const [alice, bob] = world.sides
  expect(own(world, { type: 'unlock', slot: 7, key: new Uint8Array(0) })).toBe('unlock-not-due')
  act(world, bob, { type: 'know-key', slot: 7, born: 1, key: keyOf('one'), release: true })
  settle(world)
  expect(alice.released.find(({ type }) => type === 'key-shown')).toMatchObject({ slot: 7, born: 1 })
  expect(own(world, { type: 'unlock', slot: 7, key: new Uint8Array(0) })).toBe('ok')
  settle(world)
  expect(bob.state.in.acked.content).toMatchObject({ sent: 100n, locked: 0n, lockedUntil: 0 })
  expect(bob.state.in.answers).toEqual([])
  expect(alice.state.out.answers).toEqual([])
})

test('LK-10, LK-12: from expiry - T on the key is not enough; a final resolution in time is', () => {
  const world = lockedWorld()
  const key = encodeKey(keyOf('one'))
  world.headTime = START + 9 * T + 1
  expect(own(world, { type: 'unlock', slot: 7, key })).toBe('unlock-not-due')
  world.headTime = START + 11 * T
  world.resolved.set(toHex(hashCondition('one')), START + 10 * T)
  expect(own(world, { type: 'unlock', slot: 7, key })).toBe('unlock-not-due')
  world.finalTime = START + 11 * T
  expect(own(world, { type: 'unlock', slot: 7, key: new Uint8Array(0) })).toBe('ok')
})

test('LK-10: the last second to unlock by key is expiry - T', () => {
  const world = lockedWorld()
  world.headTime = START + 9 * T
  expect(own(world, { type: 'unlock', slot: 7, key: encodeKey(keyOf('one')) })).toBe('ok')
})

test('LK-12: a resolution after expiry unlocks nothing', () => {
  const world = lockedWorld()
  world.resolved.set(toHex(hashCondition('one')), START + 10 * T + 1)
  world.headTime = START + 11 * T
  world.finalTime = START + 11 * T
  expect(own(world, { type: 'unlock', slot: 7, key: new Uint8Array(0) })).toBe('unlock-not-due')
})

test('LK-11: a key is shown only if the registry would take exactly these bytes', () => {
  const world = lockedWorld()
  const [alice, bob] = world.sides
  const show = (key: Uint8Array) =>
    verdict(
      apply(world, alice, {
        type: 'message',
        message: { type: 'lock-key', channelId: alice.state.setup.channelId, slot: 7, born: 1, key },
      }),
    )
  const good = encodeKey(keyOf('one'))
  expect(show(encodeKey(keyOf('two')))).toBe('key-wrong')
  expect(show(new Uint8Array([...good, 0]))).toBe('key-wrong')
  expect(show(good.slice(0, 32))).toBe('key-wrong')
  expect(show(new Uint8Array([3, ...good.slice(1)]))).toBe('key-wrong')
  const named = { type: 'know-key', slot: 7, born: 1, release: true } as const
  expect(verdict(apply(world, bob, { ...named, key: keyOf('two') }))).toBe('key-wrong')
  expect(own(world, { type: 'unlock', slot: 7, key: encodeKey(keyOf('two')) })).toBe('key-wrong')
  expect(show(good)).toBe('ok')
})

test('LK-11: a signed key needs every signature, low s, right order, and the condition it names', () => {
  const signers = ['k1', 'k2', 'k3'].map(signerOf).sort((a, b) => Buffer.compare(a.address, b.address))
  const keys = signers.map(({ address }) => address)
  const termsHash = word('terms')
  const condition: Condition = { kind: 'signed', keys, termsHash }
  const id = conditionIdOf(crypto, registry, condition)
  const approvals = signers.map((signer) => ({
    signature: signer.sign({ type: 'Condition', domain: registry, conditionId: id }),
    index: 0,
    path: [],
  }))
  const key: Key = { kind: 'signed', keys, termsHash, approvals }
  const check = (one: Key) => checkKey(crypto, registry, id, one)?.field
  expect(check(key)).toBeUndefined()
  expect(decodeKey(encodeKey(key))).toEqual(key)
  expect(check({ ...key, termsHash: word('other') })).toBe('termsHash')
  expect(check({ ...key, keys: [...keys].reverse() })).toBe('keys')
  expect(check({ ...key, approvals: approvals.slice(1) })).toBe('approvals')
  const [first, second, third] = approvals
  if (first === undefined || second === undefined || third === undefined) throw new Error('three')
  expect(check({ ...key, approvals: [second, first, third] })).toBe('approvals[0]')
  expect(check({ ...key, approvals: [{ ...first, index: 1 }, second, third] })).toBe('approvals[0]')
  const flipped = highS(first.signature)
  expect(check({ ...key, approvals: [{ ...first, signature: flipped }, second, third] })).toBe('approvals[0]')
})

/** The same signature with s in the upper half. */
function highS(signature: Uint8Array): Uint8Array {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const vs = BigInt(toHex(signature.subarray(32)))
  const s = order - (vs & ((1n << 255n) - 1n))
  const parity = (vs >> 255n) ^ 1n
  const high = (s & ((1n << 255n) - 1n)) | (parity << 255n)
  return new Uint8Array([
    ...signature.subarray(0, 32),
    ...Buffer.from(high.toString(16).padStart(64, '0'), 'hex'),
  ])
}

test('RG-20: one signature over a batch approves each condition in it, and no other', () => {
  const signer = signerOf('batcher')
  const keys = [signer.address]
  const ids = [1, 2, 3].map((n) => {
    return conditionIdOf(crypto, registry, { kind: 'signed', keys, termsHash: word(`terms ${n}`) })
  })
  const signature = signer.sign({ type: 'ConditionBatch', domain: registry, root: batchRoot(crypto, ids) })
  for (const [index, id] of ids.entries()) {
    const path = batchPath(crypto, ids, index)
    const termsHash = word(`terms ${index + 1}`)
    const key: Key = { kind: 'signed', keys, termsHash, approvals: [{ signature, index, path }] }
    expect(checkKey(crypto, registry, id, key)).toBeUndefined()
    const wrong: Key = { ...key, approvals: [{ signature, index: index ^ 1, path }] }
    expect(checkKey(crypto, registry, id, wrong)?.field).toBe('approvals[0]')
    const outside: Key = { ...key, approvals: [{ signature, index: index + 4, path }] }
    expect(checkKey(crypto, registry, id, outside)?.field).toBe('approvals[0]')
  }
})

test('LK-20, LK-21: a lock is dropped only when the receiver asked', () => {
  const world = lockedWorld()
  const [alice, bob] = world.sides
  const drop = { type: 'drop', slot: 7, reason: 0 } as const
  expect(own(world, drop)).toBe('drop-not-due')
  expect(give(world, drop)).toBe('drop-not-due')
  act(world, bob, { type: 'ask-fail', slot: 7, born: 1, reason: 9, data: new Uint8Array(0) })
  settle(world)
  expect(alice.released.find(({ type }) => type === 'fail-asked')).toMatchObject({
    slot: 7,
    born: 1,
    reason: 9,
  })
  expect(own(world, drop)).toBe('ok')
  settle(world)
  expect(bob.state.in.acked.content).toMatchObject({ sent: 0n, locked: 0n })
})

test('LK-20, LK-21: or when final blocks show that expiry passed without a resolution at or before it', () => {
  for (const [resolvedAt, expected] of [
    [undefined, 'ok'],
    [START + 10 * T, 'drop-not-due'],
    [START + 10 * T + 1, 'ok'],
  ] as const) {
    const world = lockedWorld()
    const drop = { type: 'drop', slot: 7, reason: 0 } as const
    world.headTime = START + 20 * T
    world.finalTime = START + 10 * T
    expect(own(world, drop)).toBe('drop-not-due')
    expect(give(world, drop)).toBe('drop-not-due')
    world.finalTime = START + 10 * T + 1
    if (resolvedAt !== undefined) world.resolved.set(toHex(hashCondition('one')), resolvedAt)
    expect(give(world, drop)).toBe(expected)
    expect(own(world, drop)).toBe(expected)
  }
})

test('LK-20: an unknown registry state is no proof of expiry', () => {
  const world = lockedWorld()
  world.finalTime = START + 20 * T
  const [alice] = world.sides
  const ctx = contextOf(world, alice)
  const drop = { type: 'send', operations: [{ type: 'drop', slot: 7, reason: 0 }] } as const
  const blind = { ...ctx, registry: { resolution: () => undefined } }
  expect(step(alice.state, drop, blind)).toMatchObject({ ok: false, refusal: { code: 'drop-not-due' } })
  expect(step(alice.state, drop, ctx).ok).toBe(true)
})

test('LK-32: who asked to fail never releases the key, and who released it never asks to fail', () => {
  const world = lockedWorld()
  const [, bob] = world.sides
  const know = { type: 'know-key', slot: 7, born: 1, key: keyOf('one'), release: true } as const
  const ask = { type: 'ask-fail', slot: 7, born: 1, reason: 0, data: new Uint8Array(0) } as const
  const before = bob.state
  expect(verdict(apply(world, bob, ask))).toBe('ok')
  crash(world, { ...bob, durable: bob.durable })
  expect(verdict(apply(world, bob, know))).toBe('key-withheld')
  expect(verdict(apply(world, bob, { ...know, release: false }))).toBe('key-withheld')
  bob.state = before
  expect(verdict(apply(world, bob, { ...know, release: false }))).toBe('ok')
  const kept = bob.state
  expect(verdict(apply(world, bob, ask))).toBe('ok')
  bob.state = kept
  expect(verdict(apply(world, bob, know))).toBe('ok')
  expect(verdict(apply(world, bob, ask))).toBe('key-released')
})

test('the key is not shown from expiry - T on: it goes to the registry then', () => {
  const world = lockedWorld()
  const [, bob] = world.sides
  world.nowMs = (START + 9 * T + 1) * 1000
  const know = { type: 'know-key', slot: 7, born: 1, key: keyOf('one') } as const
  expect(verdict(apply(world, bob, { ...know, release: true }))).toBe('key-late')
  expect(verdict(apply(world, bob, { ...know, release: false }))).toBe('ok')
})

test('LK-1: a lock needs a free slot, and unlock and drop a taken one', () => {
  const world = lockedWorld()
  expect(own(world, lock(7, 20n, 'again'))).toBe('slot-taken')
  expect(own(world, lock(8, 20n, 'x'), lock(8, 20n, 'y'))).toBe('slot-taken')
  expect(own(world, lock(512, 20n, 'x'))).toBe('slot-range')
  expect(own(world, { type: 'drop', slot: 8, reason: 0 })).toBe('slot-empty')
  expect(own(world, { type: 'unlock', slot: 8, key: new Uint8Array(0) })).toBe('slot-empty')
  expect(freeOutSlot(world.sides[0].state)).toBe(0)
})

test('LK-2, LK-5: the receiver’s limits on amount, number and value', () => {
  const world = lockedWorld()
  const [, bob] = world.sides
  expect(give(world, lock(1, 9n, 'small'))).toBe('lock-too-small')
  bob.policy = { ...OPEN_POLICY, maxPendingLocks: 1 }
  expect(give(world, lock(1, 10n, 'many'))).toBe('locks-too-many')
  bob.policy = { ...OPEN_POLICY, maxPendingLockAmount: 149n }
  expect(give(world, lock(1, 50n, 'much'))).toBe('locks-too-much')
  bob.policy = OPEN_POLICY
  expect(give(world, lock(1, 50n, 'fine'))).toBe('ok')
})

test('LK-3: expiry is at least T and at most MAX_LOCK away, for payer and receiver', () => {
  const cases = [
    [START + T - 1, 'lock-expiry-near'],
    [START + T, 'ok'],
    [START + MAX_LOCK, 'ok'],
    [START + MAX_LOCK + 1, 'lock-expiry-far'],
  ] as const
  for (const [expiry, expected] of cases) {
    expect(give(connectedWorld(), lock(1, 50n, 'x', expiry))).toBe(expected)
    expect(own(connectedWorld(), lock(1, 50n, 'x', expiry))).toBe(expected)
  }
})

test('LK-4: a condition that is already met, final or not, is refused by payer and receiver', () => {
  const world = connectedWorld()
  world.resolved.set(toHex(hashCondition('met')), START + 5)
  expect(give(world, lock(1, 50n, 'met'))).toBe('condition-resolved')
  expect(own(world, lock(1, 50n, 'met'))).toBe('condition-resolved')
})

test('LK-6: a lock counts in the solvency rule from the line that places it', () => {
  const world = connectedWorld([100n, 0n])
  expect(own(world, lock(1, 60n, 'a'), pay(41n))).toBe('insufficient')
  expect(give(world, lock(1, 60n, 'a'), pay(41n))).toBe('insufficient')
  expect(give(world, lock(1, 60n, 'a'), pay(40n))).toBe('ok')
})

test('LK-53: once the preimage is shown no lock on that hash is accepted', () => {
  const world = lockedWorld()
  const [, bob] = world.sides
  expect(give(world, lock(8, 50n, 'one'))).toBe('ok')
  act(world, bob, { type: 'know-key', slot: 7, born: 1, key: keyOf('one'), release: true })
  expect(give(world, lock(9, 50n, 'one'))).toBe('condition-closed')
  bob.policy = { ...OPEN_POLICY, refusesCondition: () => true }
  expect(give(world, lock(9, 50n, 'two'))).toBe('condition-closed')
})

test('a lock is named by slot and life: an answer on an earlier life does nothing', () => {
  const world = lockedWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'ask-fail', slot: 7, born: 1, reason: 0, data: new Uint8Array(0) })
  settle(world)
  own(world, { type: 'drop', slot: 7, reason: 0 })
  settle(world)
  own(world, lock(7, 100n, 'one'))
  settle(world)
  const stale = {
    type: 'lock-fail',
    channelId: alice.state.setup.channelId,
    slot: 7,
    born: 1,
    reason: 0,
    data: new Uint8Array(0),
  } as const
  apply(world, alice, { type: 'message', message: stale })
  expect(own(world, { type: 'drop', slot: 7, reason: 0 })).toBe('drop-not-due')
  expect(
    verdict(apply(world, bob, { type: 'ask-fail', slot: 7, born: 1, reason: 0, data: new Uint8Array(0) })),
  ).toBe('lock-unknown')
  expect(
    verdict(apply(world, bob, { type: 'ask-fail', slot: 7, born: 3, reason: 0, data: new Uint8Array(0) })),
  ).toBe('ok')
})

test('answers are told again after a reconnect', () => {
  const world = lockedWorld()
  const [alice, bob] = world.sides
  act(world, bob, { type: 'know-key', slot: 7, born: 1, key: keyOf('one'), release: true })
  alice.inbox = []
  reconnect(world)
  settle(world)
  expect(alice.released.filter(({ type }) => type === 'key-shown')).toHaveLength(1)
})

test('an unlock pays the receiver: it is accepted whatever the time', () => {
  const world = lockedWorld()
  world.headTime = START + 50 * T
  expect(give(world, { type: 'unlock', slot: 7, key: new Uint8Array(0) })).toBe('ok')
  expect(deliver(world, world.sides[1])).toBeUndefined()
})
