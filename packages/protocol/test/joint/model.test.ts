/**
 * INV-4 and INV-5: n machines over a network that loses, repeats and reorders, with liars in every role and crashes at every
 * step. Whatever happens, no honest party pays without being paid, and the customer pays only when everybody signed.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  encodeKey,
  encodeMessage,
  encodeTerms,
  isJointSettled,
  type JointPayMessage,
  type JointTerms,
  jointIdsOf,
  netOf,
  toHex,
} from '../../src/index.ts'
import { crypto } from '../crypto.ts'
import { SHAPES, type Shape } from './shapes.ts'
import {
  askFail,
  type Crash,
  DELTA,
  drop,
  type Event,
  EXPIRY,
  idOf,
  input,
  join,
  makeWorld,
  nowOf,
  numberOf,
  type Party,
  paidIn,
  paidOut,
  partyWith,
  placeLock,
  poolOf,
  post,
  receive,
  registry,
  START,
  signedId,
  T,
  unlock,
  type World,
  word,
} from './world.ts'

/** What was signed is told, and what was posted is included, within this; far below T. */
const WITHIN_MS = 40_000

const ACTIONS = [
  'event',
  'event',
  'event',
  'flow',
  'lose',
  'repeat',
  'reconnect',
  'crash',
  'wait a little',
  'wait',
  'sign',
  'tell',
  'tell',
  'tell all',
  'abort',
  'refuse',
  'forge',
  'lock',
  'wrong lock',
  'fail',
  'unlock',
  'drop',
  'post',
  'other terms',
] as const

type Action = readonly [(typeof ACTIONS)[number], number, number]

interface Trial {
  readonly world: World
  readonly shape: Shape
  readonly base: JointTerms
  readonly since: Map<Event, number>
}

const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % list.length]
const CRASHES: readonly Crash[] = ['before commit', 'before effects']

function perform(trial: Trial, [action, a, b]: Action): void {
  const { world } = trial
  const liars = world.parties.filter(({ honest }) => !honest)
  const honest = world.parties.filter((party) => party.honest)
  switch (action) {
    case 'event':
      run(trial, pick(world.events, a))
      return
    case 'flow':
      for (let i = 0; i <= a % 40; i += 1) run(trial, world.events[0])
      return
    case 'lose': {
      const lost = pick(world.events, a)
      if (lost !== undefined && !lost.keep) world.events.splice(world.events.indexOf(lost), 1)
      return
    }
    case 'repeat':
      pick(world.sent, a)?.run()
      return
    case 'reconnect':
      reconnect(world, pick(honest, a), pick(honest, b))
      return
    case 'crash': {
      const party = pick(honest, a)
      const id = party && pick([...party.joints.keys()], b)
      if (party !== undefined && id !== undefined)
        input(world, party, id, { type: 'tick' }, CRASHES[b % 2] ?? 'none')
      return
    }
    case 'wait a little':
      pass(trial, 100 + (a % 1500))
      return
    case 'wait':
      pass(trial, 1000 * (1 + (a % 200)))
      return
    default: {
      const liar = pick(liars, a)
      if (liar !== undefined) lie(trial, liar, action, a, b)
    }
  }
}

function run({ world }: Trial, event: Event | undefined): void {
  if (event === undefined) return
  world.events.splice(world.events.indexOf(event), 1)
  event.run()
}

/** Time goes on in steps that the honest see; nothing that must be told waits longer than the model allows. */
function pass(trial: Trial, ms: number): void {
  const { world, since } = trial
  const until = world.nowMs + ms
  while (world.nowMs < until) {
    world.nowMs = Math.min(until, world.nowMs + 5000)
    for (const event of [...world.events]) {
      const born = since.get(event) ?? world.nowMs
      since.set(event, born)
      if (event.keep && world.nowMs - born > WITHIN_MS && world.events.includes(event)) run(trial, event)
    }
    tick(world)
  }
}

function tick(world: World): void {
  for (const party of world.parties)
    for (const id of party.joints.keys()) {
      input(world, party, id, { type: 'tick' })
      // Twelve blocks behind.
      const timeSeconds = nowOf(world) - 60
      const at = world.resolved.get(id) ?? 0
      input(world, party, id, { type: 'final', timeSeconds, resolvedAt: at <= timeSeconds ? at : 0 })
    }
}

function reconnect(world: World, one: Party | undefined, other: Party | undefined): void {
  if (one === undefined || other === undefined || one === other) return
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const)
    for (const id of here.joints.keys())
      input(world, here, id, { type: 'connected', peer: there.signer.address })
}

function lie(trial: Trial, liar: Party, action: Action[0], a: number, b: number): void {
  const { world, base } = trial
  const id = pick([...world.terms.keys()], b)
  const terms = id === undefined ? undefined : world.terms.get(id)
  if (id === undefined || terms === undefined) return
  const { conditionId, keys, termsHash } = jointIdsOf(crypto, registry, terms)
  const victims = world.parties.filter((party) => party.honest)
  const victim = pick(victims, b)
  const tell = (message: JointPayMessage, to = victim) =>
    to && receive(world, liar, to, encodeMessage(message))
  const own = keys.findIndex((key) => toHex(key) === toHex(liar.signer.address))
  const pool = poolOf(world, id)
  const theirs = world.locks.filter((lock) => lock.id === id)
  const lockOut = pick(
    theirs.filter(({ terms: hop }) => partyWith(world, hop.payer) === liar),
    a,
  )
  const lockIn = pick(
    theirs.filter(({ terms: hop }) => partyWith(world, hop.payee) === liar),
    a,
  )
  const key = () => {
    const approvals = keys.map((_, signer) => pool.approvals.get(signer))
    if (approvals.some((signature) => signature === undefined)) return undefined
    const whole = approvals.map((signature) => ({ signature: signature ?? word(''), index: 0, path: [] }))
    return encodeKey({ kind: 'signed', keys, termsHash, approvals: whole })
  }
  switch (action) {
    case 'sign':
      if (own !== -1)
        pool.approvals.set(own, liar.signer.sign({ type: 'Condition', domain: registry, conditionId }))
      return
    case 'tell':
    case 'tell all': {
      const known = [...pool.approvals].map(([signer, signature]) => ({
        signer,
        signature,
        index: 0,
        path: [],
      }))
      const some = known.filter((_, index) => action === 'tell all' || ((a >> index) & 1) === 1)
      if (some.length > 0) tell({ type: 'jointpay-signatures', conditionId, approvals: some })
      return
    }
    case 'abort': {
      const signature = liar.signer.sign({ type: 'JointAbort', domain: registry, conditionId })
      tell({
        type: 'jointpay-abort',
        conditionId,
        signature: a % 2 === 0 ? signature : (pool.abort ?? signature),
      })
      return
    }
    case 'forge': {
      const own = liar.signer.sign({ type: 'Condition', domain: registry, conditionId })
      const forged = keys.map((_, signer) => ({ signer, signature: own, index: 0, path: [] }))
      tell({
        type: 'jointpay-signatures',
        conditionId,
        approvals: a % 2 === 0 ? forged : forged.slice(a % keys.length),
      })
      tell({ type: 'jointpay-receipt', conditionId, payee: 0, signature: own })
      return
    }
    case 'refuse':
      tell({
        type: 'jointpay-refusal',
        conditionId,
        party: pick(keys, a) ?? liar.signer.address,
        code: 'policy',
      })
      return
    case 'lock':
    case 'wrong lock': {
      const hops = terms.hops.filter((hop) => partyWith(world, hop.payer) === liar)
      const hop = pick(hops, a)
      // A channel refuses what its policy cannot mean; here every lock is accepted.
      if (hop !== undefined && theirs.filter((lock) => lock.terms === hop).length < 2)
        placeLock(world, id, hop, action === 'lock' ? hop.amount : hop.amount + (b % 2 === 0 ? 1n : -1n))
      return
    }
    case 'fail':
      if (lockIn !== undefined) askFail(world, lockIn)
      return
    case 'unlock': {
      const bytes = key()
      if (lockOut !== undefined && bytes !== undefined) unlock(world, lockOut, bytes)
      return
    }
    case 'drop':
      if (lockOut !== undefined) drop(world, lockOut)
      return
    case 'post': {
      const bytes = key()
      if (bytes !== undefined) post(world, id, bytes)
      return
    }
    case 'other terms': {
      // Equivocation: the same payment with another salt, or with one hop made cheaper.
      const change =
        a % 2 === 0 ? {} : { hops: base.hops.map((hop, i) => (i === a % 3 ? { ...hop, amount: 1n } : hop)) }
      const other = { ...base, ...change, salt: word(`salt ${b % 3}`) }
      world.terms.set(idOf(other), other)
      tell({ type: 'jointpay-terms', terms: encodeTerms(other) })
    }
  }
}

/** To the end: past the expiry in final blocks, everything told. */
function finish(trial: Trial): void {
  const { world } = trial
  while (nowOf(world) <= EXPIRY + 200) pass(trial, 5000)
  for (let round = 0; round < 200 && world.events.length > 0; round += 1) {
    for (const event of [...world.events]) if (world.events.includes(event)) run(trial, event)
    tick(world)
  }
  expect(world.events).toEqual([])
}

function start(shape: Shape, liars: ReadonlySet<string>): Trial {
  const base = shape.terms()
  const world = makeWorld(base, shape.parties, liars)
  const trial = { world, shape, base, since: new Map() }
  world.terms.set(idOf(base), base)
  const customer = world.parties.find(({ name }) => name === shape.customer)
  if (customer?.honest === true) join(world, customer, base)
  // A lying customer sends the terms to whom it likes; here everybody hears of them some time.
  else
    for (const party of world.parties.filter(({ honest }) => honest)) {
      const from = base.hops
        .flatMap(({ payer, payee }) => [payer, payee])
        .map((address) => partyWith(world, address))
        .find((other) => !other.honest && neighbours(base, other, party))
      if (from !== undefined)
        world.events.push({ name: 'terms', keep: true, run: () => void join(world, party, base, from) })
    }
  return trial
}

/**
 * The liars first do as they should, but for a customer's signature: so that the lies begin where they can hurt, after
 * locks are placed and signatures given.
 */
function cooperate(trial: Trial, events: number): void {
  const { world, base } = trial
  const id = idOf(base)
  const { conditionId, keys } = jointIdsOf(crypto, registry, base)
  for (let i = 0; i < events; i += 1) {
    for (const liar of world.parties.filter(({ honest }) => !honest)) {
      const hops = base.hops.filter((hop) => partyWith(world, hop.payer) === liar)
      for (const hop of hops)
        if (!world.locks.some((lock) => lock.terms === hop)) placeLock(world, id, hop, hop.amount)
      if (liar.name === trial.shape.customer) continue
      const own = keys.findIndex((key) => toHex(key) === toHex(liar.signer.address))
      if (!poolOf(world, id).approvals.has(own))
        poolOf(world, id).approvals.set(
          own,
          liar.signer.sign({ type: 'Condition', domain: registry, conditionId }),
        )
    }
    const [event] = world.events
    if (event !== undefined) run(trial, event)
    else if (!tellPool(trial, id, i)) return
  }
}

/** One liar tells one honest neighbour all that the liars know. */
function tellPool({ world, base }: Trial, id: string, turn: number): boolean {
  const { conditionId } = jointIdsOf(crypto, registry, base)
  const approvals = [...poolOf(world, id).approvals].map(([signer, signature]) => {
    return { signer, signature, index: 0, path: [] }
  })
  const pairs = world.parties.flatMap((liar) =>
    world.parties
      .filter((to) => !liar.honest && to.honest && neighbours(base, liar, to))
      .map((to) => [liar, to] as const),
  )
  const pair = pick(pairs, turn)
  if (pair === undefined || approvals.length === 0) return false
  receive(world, pair[0], pair[1], encodeMessage({ type: 'jointpay-signatures', conditionId, approvals }))
  return true
}

function neighbours(terms: JointTerms, one: Party, other: Party): boolean {
  return terms.hops.some(({ payer, payee }) => {
    const ends = [toHex(payer), toHex(payee)]
    return (
      one !== other && ends.includes(toHex(one.signer.address)) && ends.includes(toHex(other.signer.address))
    )
  })
}

const sum = (locks: readonly { readonly amount: bigint }[]) =>
  locks.reduce((all, { amount }) => all + amount, 0n)

/** Every honest party, for every id that it ever took part in. */
function checkMoney({ world, base }: Trial): void {
  for (const party of world.parties.filter(({ honest }) => honest))
    for (const [id, state] of party.joints) {
      const { terms, graph, self } = state.setup
      const own = world.locks.filter((lock) => lock.id === id)
      const out = own.filter((lock) => partyWith(world, lock.terms.payer) === party && paidOut(world, lock))
      const paid = own.filter((lock) => partyWith(world, lock.terms.payee) === party && paidIn(world, lock))
      const hopsIn = new Set(paid.map((lock) => numberOf(world, lock)))
      const wanted = state.incoming.map(({ hop }) => hop)
      const who = `${party.name} of ${id.slice(0, 6)}`
      const outcomes = party.outcomes.get(id) ?? []
      if (out.length > 0) {
        // INV-4, INV-5: all that it is owed by the terms came in.
        expect(
          wanted.filter((hop) => !hopsIn.has(hop)),
          `${who} paid without being paid`,
        ).toEqual([])
        expect(out.length, `${who} paid a hop twice`).toBeLessThanOrEqual(state.outgoing.length)
        const gain = sum(paid) - sum(out)
        expect(gain, `${who} gained less than agreed`).toBeGreaterThanOrEqual(
          netOf(terms, party.signer.address),
        )
        expect(signedId(party, id), `${who} paid without having signed`).toBe(true)
      }
      if (self === graph.customer && out.length > 0) {
        expect(state.approvals.includes(undefined), `${who} paid before everybody signed`).toBe(false)
        // An honest customer sees to it that the honest payees are paid.
        for (const address of terms.payees) {
          const payee = partyWith(world, address)
          const due = world.locks.filter((lock) => lock.id === id && lock.terms.payee === address)
          if (payee.honest) expect(due.every((lock) => paidIn(world, lock))).toBe(true)
        }
      }
      expect(new Set(outcomes).size, `${who}: one outcome ${outcomes}`).toBeLessThanOrEqual(1)
      const [outcome] = outcomes
      expect(outcome, `${who} has an outcome`).toBeDefined()
      if (outcome?.includes('"failed"') === true)
        expect(out.length, `${who} failed, and paid: ${outcome}`).toBe(0)
      else
        expect(
          wanted.filter((hop) => !hopsIn.has(hop)),
          `${who} is paid: ${outcome}`,
        ).toEqual([])
      if (world.parties.every(({ honest }) => honest))
        expect(isJointSettled(state), `${who} is settled`).toBe(true)
    }
  // A lying party may lose by its lies; among the honest only, all is paid or nothing.
  if (world.parties.every(({ honest }) => honest)) {
    const all = world.locks.filter((lock) => lock.id === idOf(base))
    const paid = all.filter((lock) => paidOut(world, lock))
    expect([0, base.hops.length]).toContain(paid.length)
  }
}

const action: fc.Arbitrary<Action> = fc.tuple(fc.constantFrom(...ACTIONS), fc.nat(999), fc.nat(999))

test('INV-4, INV-5: nobody honest pays without being paid, whoever lies, loses, repeats or crashes', () => {
  const trial = fc.record({
    shape: fc.constantFrom(...SHAPES),
    liars: fc.nat(63),
    before: fc.oneof(fc.constant(0), fc.nat(60)),
    actions: fc.array(action, { maxLength: 120, size: 'max' }),
  })
  fc.assert(
    fc.property(trial, ({ shape, liars, before, actions }) => {
      const names = shape.parties.filter((_, index) => ((liars >> index) & 1) === 1)
      const one = start(shape, new Set(names))
      cooperate(one, before)
      for (const next of actions) perform(one, next)
      finish(one)
      checkMoney(one)
    }),
    { numRuns: Number(process.env.JOINT_RUNS ?? 300) },
  )
})

test.each(SHAPES)('all honest: $name is paid, and the customer can show it', (shape) => {
  const trial = start(shape, new Set())
  const { world, base } = trial
  for (let i = 0; i < 2000 && world.events.length > 0; i += 1) run(trial, world.events[0])
  const id = idOf(base)
  for (const lock of world.locks) expect(lock).toMatchObject({ unlocked: true, paidTold: true })
  expect(world.locks).toHaveLength(base.hops.length)
  for (const party of world.parties) {
    const proof = party.name === shape.customer && base.payees.length > 0 ? 'receipts' : 'folded'
    expect(party.outcomes.get(id), party.name).toEqual([JSON.stringify({ type: 'paid', proof })])
    expect(party.joints.get(id)?.receipts.length).toBe(base.payees.length)
  }
  expect(world.resolved.size).toBe(0)
  expect(nowOf(world)).toBe(START)
  expect(T + DELTA).toBeLessThan(EXPIRY - START)
})
