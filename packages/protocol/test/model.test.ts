/**
 * Two honest machines on a bad network: frames are lost, repeated and reordered, connections break, processes are killed
 * between commits, policies refuse, both pay at once, lock, withdraw. After every step the safety of each side is checked
 * against what it has released; at the end both sides' views must be equal (INV-1 to INV-3, INV-6, LN-51).
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ChannelState, decodeState, locksOf, toHex, wantsClearing } from '../src/index.ts'
import { crypto } from './crypto.ts'
import {
  act,
  apply,
  commit,
  connectedWorld,
  crash,
  deliver,
  lock,
  OPEN_POLICY,
  other,
  pay,
  preimageOf,
  reconnect,
  type Side,
  START,
  seeChain,
  settle,
  T,
  type World,
} from './world.ts'

interface Model {
  readonly world: World
  /** Names of hash conditions used so far; a condition is used once. */
  readonly names: Map<string, string>
  /** How far `world.sent` has been checked. */
  checked: number
  /** Bytes released for a nonce: side, kind, nonce to hexadecimal. */
  readonly once: Map<string, string>
}

/** What may happen, and how often in a hundred or so. */
const WEIGHTS = {
  pay: 14,
  flush: 8,
  commit: 12,
  deliver: 22,
  drain: 8,
  reorder: 4,
  repeat: 3,
  lose: 1,
  reconnect: 1,
  crash: 1,
  policy: 3,
  lock: 5,
  answer: 8,
  resolve: 8,
  withdraw: 1,
  execute: 2,
  time: 1,
  clear: 4,
} as const

type Kind = keyof typeof WEIGHTS
type Command = readonly [kind: Kind, side: 0 | 1, value: number]

function perform(model: Model, [kind, party, value]: Command): void {
  const { world } = model
  const side = world.sides[party]
  switch (kind) {
    case 'pay': {
      const operations = Array.from({ length: 1 + (value % 3) }, (_, i) =>
        pay(BigInt(1 + ((value >> i) % 130))),
      )
      apply(world, side, { type: 'send', operations })
      break
    }
    case 'flush':
      apply(world, side, { type: 'flush' })
      break
    case 'commit':
      commit(world, side)
      break
    case 'deliver':
      deliver(world, side)
      break
    case 'drain':
      while (side.inbox.length > 0) deliver(world, side)
      break
    case 'reorder':
      deliver(world, side, value % Math.max(1, side.inbox.length))
      break
    case 'repeat':
      deliver(world, side, value % Math.max(1, side.inbox.length), true)
      break
    case 'lose':
      side.inbox.splice(value % Math.max(1, side.inbox.length), 1)
      break
    case 'reconnect':
      reconnect(world)
      break
    case 'crash':
      crash(world, side)
      reconnect(world)
      break
    case 'policy':
      side.policy = { ...OPEN_POLICY, refuseOperations: value % 2 === 0 }
      break
    case 'lock':
      placeLock(model, side, value)
      break
    case 'answer':
      answerLock(model, side, value)
      break
    case 'resolve':
      resolveLock(world, side, value)
      break
    case 'withdraw': {
      const total = world.withdrawn[party] + BigInt(1 + (value % 300))
      const validUntil = Math.floor(world.nowMs / 1000) + T + (value % 1000)
      apply(world, side, { type: 'withdraw', total, validUntil })
      break
    }
    case 'execute':
      executeWithdrawal(world, side, value)
      break
    case 'time':
      world.nowMs += (value % 20) * 1000
      break
    case 'clear':
      if (wantsClearing(side.state)) apply(world, side, { type: 'send', operations: [] })
      break
  }
}

function placeLock(model: Model, side: Side, value: number): void {
  const name = `lock ${model.names.size}`
  const operation = lock(value % 512, BigInt(10 + (value % 100)), name, START + 20 * T)
  if (operation.type === 'lock') model.names.set(toHex(operation.condition), name)
  apply(model.world, side, { type: 'send', operations: [operation, pay(1n)] })
}

/** The receiver shows the key of one of its locks, or asks to fail it. */
function answerLock(model: Model, side: Side, value: number): void {
  const locks = locksOf(side.state.in.accepted.locks)
  const one = locks[value % Math.max(1, locks.length)]
  if (one === undefined) return
  const { slot, born } = one
  const preimage = preimageOf(model.names.get(toHex(one.condition)) ?? '')
  if (value % 2 === 0)
    apply(model.world, side, { type: 'know-key', slot, born, key: { kind: 'hash', preimage }, release: true })
  else apply(model.world, side, { type: 'ask-fail', slot, born, reason: 1, data: new Uint8Array(0) })
}

/** The payer acts on an answer. */
function resolveLock(world: World, side: Side, value: number): void {
  const said = side.state.out.answers[value % Math.max(1, side.state.out.answers.length)]
  if (said === undefined) return
  const { slot, answer } = said
  const operation =
    answer.type === 'key'
      ? ({ type: 'unlock', slot, key: answer.key } as const)
      : ({ type: 'drop', slot, reason: answer.reason } as const)
  apply(world, side, { type: 'send', operations: [operation] })
}

/** Anyone who holds both signatures may execute; the other side sees it in a final block, at once or later. */
function executeWithdrawal(world: World, side: Side, value: number): void {
  for (const party of [0, 1] as const) {
    const pending = side.state.withdrawals[party]
    const complete = pending?.signatures.every((signature) => signature !== undefined)
    if (pending === undefined || !complete || world.finalTime > pending.validUntil) continue
    if (pending.total > world.withdrawn[party]) world.withdrawn[party] = pending.total
  }
  world.finalTime = Math.max(world.finalTime, Math.floor(world.nowMs / 1000))
  commit(world, side)
  seeChain(world, side)
  if (value % 2 === 0) seeChain(world, other(world, side))
}

/** What must hold after every step. */
function check(model: Model): void {
  const { world, once } = model
  for (const { from, message, bytes } of world.sent.slice(model.checked)) {
    if (message.type !== 'update' && message.type !== 'ack') continue
    const key = `${from} ${message.type} ${message.nonce}`
    const text = toHex(bytes)
    expect(once.get(key) ?? text, `${key} has one form for ever`).toBe(text)
    once.set(key, text)
  }
  model.checked = world.sent.length
  for (const side of world.sides) {
    const durable = decodeState(crypto, side.durable)
    if (!('setup' in durable)) throw new Error(durable.field)
    for (const state of [side.state, durable]) solvent(world, state)
    truthful(world, side, durable)
  }
}

/** Whichever of our lines the peer uses, what we accepted is covered; and so is what we sent (LN-23, LN-24, LN-32). */
function solvent(world: World, state: ChannelState): void {
  const own = state.setup.party
  const peer = own === 0 ? 1 : 0
  const taken = (party: 0 | 1) => {
    const reserved = state.withdrawals[party]?.total ?? 0n
    return reserved > world.withdrawn[party] ? reserved : world.withdrawn[party]
  }
  const { sent, locked } = state.in.accepted.content
  for (const line of [state.out.agreed, ...state.out.live]) {
    expect(world.deposits[peer] - taken(peer) + line.content.sent - sent - locked).toBeGreaterThanOrEqual(0n)
    const committed = line.content.sent + line.content.locked
    expect(world.deposits[own] - taken(own) + state.in.acked.content.sent - committed).toBeGreaterThanOrEqual(
      0n,
    )
  }
}

/** The statement that the durable state would make is not contradicted by anything released (CL-4, INV-3). */
function truthful(world: World, side: Side, durable: ChannelState): void {
  const out = durable.out.agreed.nonce
  const received = durable.in.accepted
  for (const { from, message } of world.sent) {
    if (from !== side.party) continue
    if (message.type === 'update') expect(message.acked).toBeLessThanOrEqual(out)
    if (message.type === 'ack') expect(message.nonce).toBeLessThanOrEqual(received.nonce)
  }
}

/** Peace: no more refusals on policy, a connection that holds, and lines that clear what was burnt. */
function quiesce(model: Model): void {
  const { world } = model
  for (const side of world.sides) {
    side.policy = OPEN_POLICY
    commit(world, side)
  }
  reconnect(world)
  settle(world)
  for (let i = 0; i < 4; i += 1) {
    for (const side of world.sides)
      if (wantsClearing(side.state)) act(world, side, { type: 'send', operations: [] })
    settle(world)
  }
  check(model)
}

/** Both sides hold the same lines, and every payment is on one side of the fence. */
function agree(model: Model): void {
  for (const side of model.world.sides) {
    const peer = other(model.world, side)
    const { agreed, live } = side.state.out
    expect(live).toEqual([])
    for (const line of [peer.state.in.accepted, peer.state.in.acked]) {
      expect(line.nonce).toBe(agreed.nonce)
      expect(toHex(line.contentHash)).toBe(toHex(agreed.contentHash))
    }
    const fates = side.released.flatMap((effect) => (effect.type === 'agreed' ? [effect] : []))
    const included = fates.flatMap((fate) => fate.included)
    const voided = fates.flatMap((fate) => fate.voided)
    expect(new Set([...included, ...voided]).size).toBe(included.length + voided.length)
    const accepted = peer.released.flatMap((effect) => (effect.type === 'accepted' ? [effect] : []))
    expect(accepted.map(({ nonce }) => nonce)).toEqual(included)
    const paid = accepted.flatMap(({ operations }) => operations)
    const direct = paid.reduce(
      (sum, operation) => (operation.type === 'pay' ? sum + operation.amount : sum),
      0n,
    )
    expect(agreed.content.sent).toBeGreaterThanOrEqual(direct)
    if (!paid.some(({ type }) => type === 'unlock')) expect(agreed.content.sent).toBe(direct)
  }
}

const kinds = fc.constantFrom(
  ...Object.entries(WEIGHTS).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind)),
)
const commands = (longest: number) =>
  fc.array(fc.tuple(kinds, fc.constantFrom(0 as const, 1 as const), fc.nat({ max: 1 << 16 })), {
    minLength: longest / 4,
    maxLength: longest,
    size: 'max',
  })

function run(list: readonly Command[], deposits: readonly [bigint, bigint]): void {
  const world = connectedWorld(deposits)
  const model: Model = { world, names: new Map(), checked: 0, once: new Map() }
  for (const command of list) {
    perform(model, command)
    check(model)
  }
  quiesce(model)
  agree(model)
}

test('any interleaving of loss, repetition, reordering, crashes and refusals ends in equal views', () => {
  fc.assert(
    fc.property(
      commands(120),
      fc.constantFrom([1000n, 1000n], [500n, 0n], [40_000n, 0n], [200n, 50_000n]),
      (list, deposits) => run(list, deposits as unknown as [bigint, bigint]),
    ),
    { numRuns: Number(globalThis.process?.env.MODEL_RUNS ?? 150) },
  )
})
