/** Named attacks on a joint payment, each over the whole path: nobody honest loses a unit, and everybody gets an answer. */

import { expect, test } from 'vitest'
import {
  encodeKey,
  encodeMessage,
  encodeTerms,
  type JointPayMessage,
  type JointTerms,
  jointIdsOf,
  toHex,
} from '../../src/index.ts'
import { crypto } from '../crypto.ts'
import { PATH, type Shape } from './shapes.ts'
import {
  askFail,
  EXPIRY,
  idOf,
  input,
  join,
  lockOf,
  makeWorld,
  nowOf,
  type Party,
  paidIn,
  paidOut,
  partyWith,
  placeLock,
  poolOf,
  post,
  receive,
  registry,
  T,
  unlock,
  type World,
  word,
} from './world.ts'

interface Stage {
  readonly world: World
  readonly terms: JointTerms
  readonly id: string
  readonly party: (name: string) => Party
}

/** The path with these liars; nothing is delivered yet. */
function stage(liars: readonly string[], shape: Shape = PATH): Stage {
  const terms = shape.terms()
  const world = makeWorld(terms, shape.parties, new Set(liars))
  const party = (name: string) => {
    const found = world.parties.find((one) => one.name === name)
    if (found === undefined) throw new Error(name)
    return found
  }
  world.terms.set(idOf(terms), terms)
  return { world, terms, id: idOf(terms), party }
}

/** Delivers everything, but for messages that a liar would have to relay. */
function flow(world: World, until = 500): void {
  for (let i = 0; i < until; i += 1) world.events.shift()?.run()
}

function pass(world: World, seconds: number): void {
  const until = world.nowMs + seconds * 1000
  while (world.nowMs < until) {
    world.nowMs = Math.min(until, world.nowMs + 1000)
    for (const party of world.parties)
      for (const id of party.joints.keys()) {
        input(world, party, id, { type: 'tick' })
        const timeSeconds = nowOf(world) - 12
        const at = world.resolved.get(id) ?? 0
        input(world, party, id, { type: 'final', timeSeconds, resolvedAt: at <= timeSeconds ? at : 0 })
      }
    flow(world)
  }
}

function sign({ world, terms, id }: Stage, liar: Party): void {
  const { conditionId, keys } = jointIdsOf(crypto, registry, terms)
  const own = keys.findIndex((key) => toHex(key) === toHex(liar.signer.address))
  poolOf(world, id).approvals.set(own, liar.signer.sign({ type: 'Condition', domain: registry, conditionId }))
}

function pooled({ world, terms, id }: Stage): JointPayMessage {
  const { conditionId } = jointIdsOf(crypto, registry, terms)
  const approvals = [...poolOf(world, id).approvals].map(([signer, signature]) => {
    return { signer, signature, index: 0, path: [] }
  })
  return { type: 'jointpay-signatures', conditionId, approvals }
}

function wholeKey({ world, terms, id }: Stage): Uint8Array {
  const { keys, termsHash } = jointIdsOf(crypto, registry, terms)
  const approvals = keys.map((_, signer) => {
    const signature = poolOf(world, id).approvals.get(signer)
    if (signature === undefined) throw new Error(`no signature ${signer}`)
    return { signature, index: 0, path: [] }
  })
  return encodeKey({ kind: 'signed', keys, termsHash, approvals })
}

const say = ({ world }: Stage, from: Party, to: Party, message: JointPayMessage) =>
  receive(world, from, to, encodeMessage(message))

function abortOf({ terms }: Stage, customer: Party): JointPayMessage {
  const { conditionId } = jointIdsOf(crypto, registry, terms)
  const signature = customer.signer.sign({ type: 'JointAbort', domain: registry, conditionId })
  return { type: 'jointpay-abort', conditionId, signature }
}

function liarsLock({ world, terms, id }: Stage, liar: Party): void {
  for (const hop of terms.hops)
    if (partyWith(world, hop.payer) === liar) placeLock(world, id, hop, hop.amount)
}

/** What each party gained by this id. */
function gains({ world, id }: Stage): Record<string, bigint> {
  const all: Record<string, bigint> = {}
  for (const { name } of world.parties) all[name] = 0n
  for (const lock of world.locks.filter((one) => one.id === id)) {
    const { name: payer } = partyWith(world, lock.terms.payer)
    const { name: payee } = partyWith(world, lock.terms.payee)
    if (paidOut(world, lock)) all[payer] = (all[payer] ?? 0n) - lock.amount
    if (paidIn(world, lock)) all[payee] = (all[payee] ?? 0n) + lock.amount
  }
  return all
}

const answers = ({ id }: Stage, party: Party) =>
  (party.outcomes.get(id) ?? []).map((one) => JSON.parse(one).type)
const NOTHING = { A: 0n, B: 0n, C: 0n, D: 0n }
const PAID = { A: -102n, B: 2n, C: -1n, D: 101n }
const end = ({ world }: Stage) => pass(world, EXPIRY + 100 - nowOf(world))

test('all honest: everybody gains what the terms say', () => {
  const here = stage([])
  join(here.world, here.party('A'), here.terms)
  flow(here.world)
  expect(gains(here)).toEqual(PAID)
  end(here)
  expect(gains(here)).toEqual(PAID)
  for (const party of here.world.parties) expect(answers(here, party)).toEqual(['paid'])
})

test('a hop that skips its signature: the customer aborts, everybody who signed gets its lock back', () => {
  const here = stage(['B'])
  join(here.world, here.party('A'), here.terms)
  receive(
    here.world,
    here.party('B'),
    here.party('C'),
    encodeMessage({ type: 'jointpay-terms', terms: encodeTerms(here.terms) }),
  )
  liarsLock(here, here.party('B'))
  flow(here.world)
  expect(poolOf(here.world, here.id).approvals.size).toBe(2)
  pass(here.world, 4)
  expect(answers(here, here.party('A'))).toEqual(['failed'])
  // B hears the signed abort; it may relay it or not: the others are free by the expiry at the latest.
  say(here, here.party('B'), here.party('C'), abortOf(here, here.party('A')))
  flow(here.world)
  expect(here.world.locks.filter(({ dropped }) => dropped)).toHaveLength(1)
  end(here)
  expect(gains(here)).toEqual(NOTHING)
  for (const name of ['C', 'D']) expect(answers(here, here.party(name))).toEqual(['failed'])
})

test('a hop that signs other terms: its signature is refused, and nothing is paid', () => {
  const here = stage(['C'])
  join(here.world, here.party('A'), here.terms)
  flow(here.world)
  const other = { ...here.terms, salt: word('other') }
  const { conditionId } = jointIdsOf(crypto, registry, here.terms)
  const { conditionId: otherId, keys } = jointIdsOf(crypto, registry, other)
  const signer = keys.findIndex((key) => toHex(key) === toHex(here.party('C').signer.address))
  const signature = here.party('C').signer.sign({ type: 'Condition', domain: registry, conditionId: otherId })
  const before = here.party('B').joints.get(here.id)
  const approvals = [{ signer, signature, index: 0, path: [] }]
  say(here, here.party('C'), here.party('B'), { type: 'jointpay-signatures', conditionId, approvals })
  expect(here.party('B').joints.get(here.id)).toBe(before)
  end(here)
  expect(gains(here)).toEqual(NOTHING)
  for (const name of ['A', 'B']) expect(answers(here, here.party(name))).toEqual(['failed'])
})

test('a hop that signs and then vanishes: the registry settles it, and it alone forgoes its money', () => {
  const here = stage(['B'])
  const [A, B, C] = [here.party('A'), here.party('B'), here.party('C')]
  join(here.world, A, here.terms)
  receive(here.world, B, C, encodeMessage({ type: 'jointpay-terms', terms: encodeTerms(here.terms) }))
  liarsLock(here, B)
  flow(here.world)
  sign(here, B)
  say(here, B, A, pooled(here))
  flow(here.world)
  // A has signed and paid B; C and D hear nothing of it. A has no receipt, so it goes to the registry.
  expect(gains(here)).toMatchObject({ A: -102n, C: 0n, D: 0n })
  expect(answers(here, A)).toEqual([])
  end(here)
  expect(here.world.resolved.get(here.id)).toBeGreaterThanOrEqual(EXPIRY - T)
  expect(gains(here)).toEqual(PAID)
  for (const name of ['A', 'C', 'D']) expect(answers(here, here.party(name))).toEqual(['paid'])
})

test('a customer that signs at the last second: the registry decides every hop the same way', () => {
  for (const [at, paid] of [
    [EXPIRY, true],
    [EXPIRY + 1, false],
  ] as const) {
    const here = stage(['A'])
    const A = here.party('A')
    receive(
      here.world,
      A,
      here.party('B'),
      encodeMessage({ type: 'jointpay-terms', terms: encodeTerms(here.terms) }),
    )
    liarsLock(here, A)
    flow(here.world)
    pass(here.world, at - nowOf(here.world))
    sign(here, A)
    post(here.world, here.id, wholeKey(here))
    flow(here.world)
    say(here, A, here.party('B'), pooled(here))
    flow(here.world)
    end(here)
    expect(gains(here), `${at - EXPIRY}`).toEqual(paid ? PAID : NOTHING)
    for (const name of ['B', 'C', 'D'])
      expect(answers(here, here.party(name))).toEqual([paid ? 'paid' : 'failed'])
  }
})

test('a customer that aborts and then signs: who acted on the abort was free before, and nobody pays unpaid', () => {
  for (const told of ['B', 'D'] as const)
    for (const events of [0, 1, 2, 3, 4, 6, 8, 12]) {
      const here = stage(['A'])
      const A = here.party('A')
      receive(
        here.world,
        A,
        here.party('B'),
        encodeMessage({ type: 'jointpay-terms', terms: encodeTerms(here.terms) }),
      )
      liarsLock(here, A)
      flow(here.world)
      const state = here.party(told).joints.get(here.id)
      if (state === undefined) throw new Error(told)
      // To D it comes by a liar's friend: C relays what it is given.
      const from = told === 'B' ? A : here.party('C')
      say(here, from, here.party(told), abortOf(here, A))
      flow(here.world, events)
      sign(here, A)
      say(here, A, here.party('B'), pooled(here))
      post(here.world, here.id, wholeKey(here))
      end(here)
      const { B = 0n, C = 0n, D = 0n } = gains(here)
      const what = `${told} ${events}: ${JSON.stringify([B, C, D].map(String))}`
      // Each is paid in whenever it pays out: at least its fee, or at least nothing.
      expect(B, what).toBeGreaterThanOrEqual(0n)
      expect(C, what).toBeGreaterThanOrEqual(-1n)
      expect(D, what).toBeGreaterThanOrEqual(0n)
      for (const name of ['B', 'C', 'D']) expect(answers(here, here.party(name)), what).toHaveLength(1)
    }
})

test('a payee that signs and asks to fail its lock harms itself alone', () => {
  const here = stage(['D'])
  const D = here.party('D')
  join(here.world, here.party('A'), here.terms)
  flow(here.world)
  sign(here, D)
  const last = here.world.locks.find((lock) => partyWith(here.world, lock.terms.payee) === D)
  if (last === undefined) throw new Error('no lock')
  say(here, D, here.party('C'), pooled(here))
  askFail(here.world, last)
  end(here)
  const { A = 0n, B = 0n, C = 0n } = gains(here)
  expect(A === 0n || A === -102n).toBe(true)
  expect(B).toBeGreaterThanOrEqual(0n)
  expect(C).toBeGreaterThanOrEqual(-1n)
})

test('an old id, replayed: it is known, or its expiry is past', () => {
  const here = stage([])
  const frames: Uint8Array[] = []
  join(here.world, here.party('A'), here.terms)
  flow(here.world)
  frames.push(encodeMessage({ type: 'jointpay-terms', terms: encodeTerms(here.terms) }))
  const before = here.party('B').joints.get(here.id)
  for (const frame of frames) receive(here.world, here.party('A'), here.party('B'), frame)
  expect(here.party('B').joints.get(here.id)).toBe(before)
  expect(here.world.locks).toHaveLength(3)
  end(here)
  // The record is gone, as it may be after the expiry: the terms are refused for it.
  here.party('B').joints.clear()
  const again = join(here.world, here.party('B'), here.terms, here.party('A'))
  expect(again).toMatchObject({ ok: false, refusal: { code: 'expiry-near' } })
  expect(gains(here)).toEqual(PAID)
})

test('equivocating terms: each version is another id, and none gets all signatures', () => {
  const here = stage(['A'])
  const A = here.party('A')
  const cheap = { ...here.terms, salt: word('other') }
  for (const [to, terms] of [
    ['B', here.terms],
    ['B', cheap],
  ] as const)
    receive(
      here.world,
      A,
      here.party(to),
      encodeMessage({ type: 'jointpay-terms', terms: encodeTerms(terms) }),
    )
  liarsLock(here, A)
  flow(here.world)
  // Both ids are locked onward; the customer's lock is there for the first only.
  expect(lockOf(here.world, idOf(cheap), 0)).toBeDefined()
  const second = { ...here, terms: cheap, id: idOf(cheap) }
  sign(here, A)
  sign(second, A)
  expect(poolOf(here.world, here.id).approvals.size).toBe(4)
  expect(poolOf(here.world, second.id).approvals.size).toBeLessThan(4)
  say(here, A, here.party('B'), pooled(here))
  flow(here.world)
  end(here)
  expect(gains(here)).toEqual(PAID)
  expect(gains(second)).toEqual(NOTHING)
})

test('a payer that unlocks nothing, though it has the set: the registry pays', () => {
  const here = stage(['C'])
  const C = here.party('C')
  join(here.world, here.party('A'), here.terms)
  receive(
    here.world,
    C,
    here.party('D'),
    encodeMessage({ type: 'jointpay-terms', terms: encodeTerms(here.terms) }),
  )
  liarsLock(here, C)
  flow(here.world)
  sign(here, C)
  say(here, C, here.party('B'), pooled(here))
  flow(here.world)
  const id = here.id
  const own = here.world.locks.find((lock) => lock.id === id && partyWith(here.world, lock.terms.payer) === C)
  expect(own?.unlocked).toBe(false)
  end(here)
  expect(gains(here)).toEqual(PAID)
  expect(answers(here, here.party('D'))).toEqual(['paid'])
  if (own !== undefined) unlock(here.world, own, wholeKey(here))
})
