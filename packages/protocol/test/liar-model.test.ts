/**
 * One honest machine against a peer that signs, refuses, acknowledges and claims whatever suits it. Whatever it does, the
 * honest side stays covered by what it holds, and its statement is never contradicted by its own signatures (INV-2, INV-3).
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { balanceProof, type LineHeader } from '../src/channel/line.ts'
import {
  type ChannelMessage,
  type ChannelState,
  decodeState,
  encodeState,
  freeSlot,
  type Operation,
  type Update,
} from '../src/index.ts'
import { crypto } from './crypto.ts'
import { signedLine } from './liar.ts'
import { act, apply, commit, connectedWorld, lock, pay, type Side, T, type World, word } from './world.ts'

interface Trial {
  readonly world: World
  readonly honest: Side
  readonly liar: Side
  /** Every line that the honest side ever signed and released. */
  readonly lines: Map<number, LineHeader>
  /** Every line of the liar that was ever accepted. */
  readonly theirs: Map<number, Update>
}

const ACTIONS = [
  'pay',
  'pay',
  'lock',
  'flush',
  'clear',
  'withdraw',
  'false line',
  'false line',
  'false line',
  'false refusal',
  'false refusal',
  'false ack',
  'false ack',
  'false ack',
  'false sync',
  'false withdrawal',
  'false offer',
  'restart',
] as const

type Action = readonly [(typeof ACTIONS)[number], number, number]

function perform(trial: Trial, [action, a, b]: Action): void {
  const { world, honest } = trial
  switch (action) {
    case 'pay':
      own(trial, [pay(BigInt(1 + (a % 400)))])
      break
    case 'lock':
      own(trial, [lock(a % 512, BigInt(10 + (b % 200)), `lock ${a} ${b}`)])
      break
    case 'clear':
      own(trial, [])
      break
    case 'flush':
      act(world, honest, { type: 'flush' })
      break
    case 'withdraw':
      act(world, honest, {
        type: 'withdraw',
        total: BigInt(1 + (a % 500)),
        validUntil: Math.floor(world.nowMs / 1000) + T + b,
      })
      break
    case 'restart': {
      const state = decodeState(crypto, encodeState(honest.state))
      if ('setup' in state) honest.state = state
      act(world, honest, { type: 'connected' })
      tell(trial, sync(trial, 0, 0))
      break
    }
    default:
      tell(trial, lie(trial, action, a, b))
  }
}

function own(trial: Trial, operations: readonly Operation[]): void {
  const { world, honest, lines } = trial
  act(world, honest, { type: 'send', operations })
  const line = honest.state.out.live.at(-1)
  if (line !== undefined) lines.set(line.nonce, line)
}

function tell(trial: Trial, message: ChannelMessage): void {
  apply(trial.world, trial.honest, { type: 'message', message })
  commit(trial.world, trial.honest)
  if (message.type === 'update' && trial.honest.state.in.accepted.nonce === message.nonce)
    trial.theirs.set(message.nonce, message)
}

function lie(trial: Trial, action: Exclude<Action[0], 'restart'>, a: number, b: number): ChannelMessage {
  const { world, honest, liar, lines } = trial
  const { channelId, domain } = honest.state.setup
  const nonces = [0, ...lines.keys()]
  const some = (value: number) => nonces[value % nonces.length] ?? 0
  const validUntil = Math.floor(world.nowMs / 1000) + T + (b % 100)
  switch (action) {
    case 'false refusal':
      return {
        type: 'refusal',
        channelId,
        about: 'update',
        nonce: some(a),
        lastAccepted: some(b),
        code: 'policy',
        field: '',
      }
    case 'false ack': {
      const nonce = some(a)
      const signature = liar.signer.sign(balanceProof(liar.state.setup, 0, lines.get(nonce) ?? blank(nonce)))
      return { type: 'ack', channelId, direction: 0, nonce, signature }
    }
    case 'false sync':
      return sync(trial, some(a), b % 3 === 0 ? some(b) + 1 : some(b))
    case 'false withdrawal': {
      const total = BigInt(1 + (a % 2000))
      const signature = liar.signer.sign({
        type: 'Withdrawal',
        domain,
        channelId,
        party: 1,
        total,
        validUntil,
      })
      return { type: 'withdrawal-request', channelId, party: 1, total, validUntil, signature }
    }
    case 'false offer': {
      const delta = BigInt((a % 4000) - 2000)
      const signature = liar.signer.sign({ type: 'CloseTogether', domain, channelId, delta, validUntil })
      return { type: 'together-offer', channelId, delta, validUntil, signature }
    }
    default:
      return falseLine(trial, a, b)
  }
}

/** A line for as much as the honest side will take, or a little more; sometimes with a false nonce or `acked`. */
function falseLine(trial: Trial, a: number, b: number): Update {
  const { world, honest, liar } = trial
  const { accepted, acked } = honest.state.in
  const operations =
    b % 3 === 0
      ? [lock(freeSlot(accepted.locks) ?? 0, BigInt(10 + (a % 500)), `theirs ${a}`)]
      : [pay(BigInt(1 + (a % 700)))]
  return signedLine(world, liar, {
    operations,
    nonce: accepted.nonce + (b % 7 === 0 ? 0 : 1 + (b % 5)),
    acked: b % 11 === 0 ? acked.nonce + 1 : acked.nonce,
  })
}

/** What the honest side itself signed for real, at a nonce that the liar chooses. */
function sync(trial: Trial, nonce: number, agreed: number): ChannelMessage {
  const { honest, lines } = trial
  const line = lines.get(nonce) ?? blank(nonce)
  const genuine = lines.has(nonce)
    ? honest.signer.sign(balanceProof(honest.state.setup, 0, line))
    : new Uint8Array(64)
  // Signed by this test, not by the machine.
  if (lines.has(nonce)) honest.signer.signed.pop()
  return {
    type: 'sync',
    channelId: honest.state.setup.channelId,
    accepted: { ...line, signature: genuine },
    ackedNonce: nonce,
    agreed: { ...blank(agreed), signature: new Uint8Array(64) },
    lost: false,
  }
}

function blank(nonce: number): LineHeader {
  return { nonce, acked: 0, contentHash: nonce === 0 ? new Uint8Array(32) : word(`blank ${nonce}`) }
}

/** Whatever line of ours the liar uses, agreed or live, what we accepted is covered. */
function covered(trial: Trial): void {
  const { world, honest } = trial
  const { state } = honest
  const reserved = state.withdrawals[1]?.total ?? 0n
  const { sent, locked } = state.in.accepted.content
  for (const line of [state.out.agreed, ...state.out.live])
    expect(world.deposits[1] - reserved + line.content.sent - sent - locked).toBeGreaterThanOrEqual(0n)
}

/** A common close gives us, when we sign it, at least what the last lines say, and no lock is left behind. */
function fairClose(before: ChannelState, after: ChannelState): void {
  const { together } = after
  if (together === undefined || before.together !== undefined) return
  expect(together.delta).toBeGreaterThanOrEqual(
    before.in.accepted.content.sent - before.out.agreed.content.sent,
  )
  for (const { locks } of [before.out.agreed, ...before.out.live, before.in.accepted])
    expect(locks.count).toBe(0)
}

/** No signature of ours shows that we knew more than our statement says. */
function truthful(trial: Trial): void {
  const { honest } = trial
  const { agreed, live } = honest.state.out
  const { accepted } = honest.state.in
  const contents = new Map<string, string>()
  for (const message of honest.signer.signed) {
    if (message.type !== 'BalanceProof') continue
    if (message.direction === 0) expect(message.acked).toBeLessThanOrEqual(agreed.nonce)
    else expect(message.nonce).toBeLessThanOrEqual(accepted.nonce)
    if (message.direction === 1 && message.nonce === accepted.nonce)
      expect(message.contentHash).toEqual(accepted.contentHash)
    const key = `${message.direction} ${message.nonce}`
    const hash = Buffer.from(message.contentHash).toString('hex')
    expect(contents.get(key) ?? hash).toBe(hash)
    contents.set(key, hash)
  }
  expect(live.every(({ nonce }) => nonce > agreed.nonce)).toBe(true)
}

/** After the freeze: the one statement, contradicted by nothing signed before or after, and no other signature. */
function frozenTruth(trial: Trial, signedBefore: number): void {
  const { state, signer } = trial.honest
  const { closing } = state
  if (closing === undefined) throw new Error('not frozen')
  for (const message of signer.signed) {
    if (message.type !== 'BalanceProof') continue
    if (message.direction === 0) expect(message.acked).toBeLessThanOrEqual(closing.out.nonce)
    else expect(message.nonce).toBeLessThanOrEqual(closing.in.nonce)
    if (message.direction === 1 && message.nonce === closing.in.nonce)
      expect(message.contentHash).toEqual(closing.in.contentHash)
  }
  for (const message of signer.signed.slice(signedBefore))
    expect(message.type === 'BalanceProof' && message.direction).toBe(1)
}

test('whatever the peer signs, refuses, acknowledges or claims, the honest side is covered and truthful', () => {
  const action: fc.Arbitrary<Action> = fc.tuple(
    fc.constantFrom(...ACTIONS),
    fc.nat({ max: 1 << 16 }),
    fc.nat({ max: 1 << 16 }),
  )
  const list = (minLength: number, maxLength: number) =>
    fc.array(action, { minLength, maxLength, size: 'max' })
  fc.assert(
    fc.property(list(30, 80), list(5, 20), (actions, afterwards) => {
      const world = connectedWorld([1000n, 1000n])
      const [honest, liar] = world.sides
      honest.signer.signed.length = 0
      const trial: Trial = { world, honest, liar, lines: new Map(), theirs: new Map() }
      for (const one of actions) {
        const before = honest.state
        perform(trial, one)
        fairClose(before, honest.state)
        covered(trial)
        truthful(trial)
      }
      act(world, honest, { type: 'freeze', blind: false })
      const signed = honest.signer.signed.length
      for (const one of afterwards) {
        perform(trial, one)
        frozenTruth(trial, signed)
      }
    }),
    { numRuns: Number(globalThis.process?.env.MODEL_RUNS ?? 100) },
  )
})
