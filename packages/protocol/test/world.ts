/**
 * Two channel machines, the little engine that each needs, and a network between them that a test controls. The engine
 * keeps the rule of the real one: effects are released only after a commit, and a crash forgets everything since.
 */

import {
  type ChainView,
  type ChannelInput,
  type ChannelMessage,
  type ChannelState,
  type Context,
  channelSetup,
  conditionIdOf,
  decodeMessage,
  decodeState,
  domainOf,
  type Effect,
  encodeMessage,
  encodeState,
  type Message,
  newChannel,
  type Operation,
  type Policy,
  type Step,
  step,
  toHex,
  type Update,
} from '../src/index.ts'
import { crypto, signerOf, type TestSigner } from './crypto.ts'

const CHAIN_ID = 31337n
export const T = 600
export const START = 1_900_000_000
export const word = (name: string) => crypto.keccak256(new TextEncoder().encode(name))
const bank = domainOf(crypto, CHAIN_ID, word('bank').slice(0, 20))
export const registry = domainOf(crypto, CHAIN_ID, word('registry').slice(0, 20))

export const OPEN_POLICY: Policy = {
  safetyMarginSeconds: T,
  minPaymentAmount: 1n,
  minLockAmount: 10n,
  maxPendingLocks: 512,
  maxPendingLockAmount: 1n << 100n,
  maxValiditySeconds: 86_400,
  refuseOperations: false,
  refusesCondition: () => false,
}

/** One side: its machine, what is durable, and what waits for the next commit. */
export interface Side {
  readonly party: 0 | 1
  readonly signer: TestSigner
  state: ChannelState
  policy: Policy
  durable: Uint8Array
  /** Own updates by nonce, durable, as bytes. */
  readonly stored: Map<number, Uint8Array>
  /** Effects of the open group. */
  group: Effect[]
  /** Effects released so far. */
  readonly released: Effect[]
  /** Frames on their way to this side. */
  inbox: Uint8Array[]
}

export interface World {
  readonly sides: readonly [Side, Side]
  nowMs: number
  /** Timestamps of the newest and the newest final block. */
  headTime: number
  finalTime: number
  deposits: readonly [bigint, bigint]
  withdrawn: [bigint, bigint]
  status: ChainView['status']
  /** Condition id (hex) to the time at which it was met. */
  readonly resolved: Map<string, number>
  /** Every frame ever released, in order, with its sender. */
  readonly sent: { readonly from: 0 | 1; readonly message: Message; readonly bytes: Uint8Array }[]
}

function makeWorld(deposits: readonly [bigint, bigint] = [1000n, 1000n]): World {
  const signers = [signerOf('alice'), signerOf('bob')] as const
  const params = {
    owner: [word('owner 0').slice(0, 20), word('owner 1').slice(0, 20)],
    signer: [signers[0].address, signers[1].address],
    token: word('token').slice(0, 20),
    lockPeriod: 3600,
    salt: 1n,
  } as const
  const side = (party: 0 | 1): Side => {
    const setup = channelSetup(crypto, params, party, bank, registry)
    if ('code' in setup) throw new Error(setup.field)
    const state = newChannel(setup)
    return {
      party,
      signer: signers[party],
      state,
      policy: OPEN_POLICY,
      durable: encodeState(state),
      stored: new Map(),
      group: [],
      released: [],
      inbox: [],
    }
  }
  const world: World = {
    sides: [side(0), side(1)],
    nowMs: START * 1000,
    headTime: START,
    finalTime: START,
    deposits,
    withdrawn: [0n, 0n],
    status: 'open',
    resolved: new Map(),
    sent: [],
  }
  seeChain(world, world.sides[0])
  seeChain(world, world.sides[1])
  return world
}

export function contextOf(world: World, side: Side): Context {
  return {
    crypto,
    signer: side.signer,
    nowMs: world.nowMs,
    headTimeSeconds: world.headTime,
    finalTimeSeconds: world.finalTime,
    registry: {
      resolution(conditionId) {
        const at = world.resolved.get(toHex(conditionId)) ?? 0
        return { final: at <= world.finalTime ? at : 0, latest: at }
      },
    },
    policy: side.policy,
  }
}

/** One step in the open group. */
export function apply(world: World, side: Side, input: ChannelInput): Step {
  const result = step(side.state, input, contextOf(world, side))
  if (result.ok) {
    side.state = result.state
    side.group.push(...result.effects)
  } else if (result.reply !== undefined) {
    side.group.push({ type: 'send', message: result.reply, transmit: true })
  }
  return result
}

/** Makes the group durable, then releases its effects in order. */
export function commit(world: World, side: Side): void {
  side.durable = encodeState(side.state)
  const group = side.group
  side.group = []
  for (const effect of group)
    if (effect.type === 'send' && effect.message.type === 'update')
      side.stored.set(effect.message.nonce, encodeMessage(effect.message))
  for (const effect of group) {
    side.released.push(effect)
    if (effect.type === 'send' && effect.transmit) release(world, side, encodeMessage(effect.message))
    if (effect.type === 'resend')
      for (const nonce of effect.nonces) release(world, side, storedBytes(side, nonce))
  }
}

function storedBytes(side: Side, nonce: number): Uint8Array {
  const bytes = side.stored.get(nonce)
  if (bytes === undefined) throw new Error(`line ${nonce} is not stored`)
  return bytes
}

function release(world: World, side: Side, bytes: Uint8Array): void {
  const decoded = decodeMessage(bytes)
  if (!decoded.ok) throw new Error(`${decoded.field}: ${decoded.detail}`)
  world.sent.push({ from: side.party, message: decoded.message, bytes })
  if (side.state.link.connected) other(world, side).inbox.push(bytes)
}

export function other(world: World, side: Side): Side {
  return world.sides[side.party === 0 ? 1 : 0]
}

/** Gives one frame of the inbox to the machine; undefined when there is no such frame. */
export function deliver(world: World, side: Side, index = 0, keep = false): Step | undefined {
  const frame = side.inbox[index]
  if (frame === undefined) return undefined
  if (!keep) side.inbox.splice(index, 1)
  const decoded = decodeMessage(frame.slice())
  if (!decoded.ok) throw new Error(`${decoded.field}: ${decoded.detail}`)
  return apply(world, side, { type: 'message', message: decoded.message as ChannelMessage })
}

/** A step and its commit. */
export function act(world: World, side: Side, input: ChannelInput): Step {
  const result = apply(world, side, input)
  commit(world, side)
  return result
}

/** Cuts the connection, loses what is on its way, and connects anew (the syncs are then on their way). */
export function reconnect(world: World): void {
  disconnect(world)
  for (const side of world.sides) act(world, side, { type: 'connected' })
}

function disconnect(world: World): void {
  for (const side of world.sides) {
    side.inbox = []
    act(world, side, { type: 'disconnected' })
  }
}

/** Loses everything since the last commit and comes back from the stored bytes. */
export function crash(world: World, side: Side): void {
  const state = decodeState(crypto, side.durable)
  if (!('setup' in state)) throw new Error(`${state.field}: ${state.detail}`)
  side.state = state
  side.group = []
  for (const one of world.sides) one.inbox = []
  act(world, other(world, side), { type: 'disconnected' })
}

/** What final blocks say now. */
function viewOf(world: World): ChainView {
  return {
    status: world.status,
    timeSeconds: world.finalTime,
    deposits: world.deposits,
    withdrawn: [...world.withdrawn],
  }
}

export function seeChain(world: World, side: Side): void {
  act(world, side, { type: 'chain', view: viewOf(world) })
}

/** Delivers and flushes until nothing more happens. */
export function settle(world: World, rounds = 200): void {
  for (let i = 0; i < rounds; i += 1) {
    let busy = false
    for (const side of world.sides) {
      while (side.inbox.length > 0) {
        busy = true
        deliver(world, side)
      }
      apply(world, side, { type: 'flush' })
      commit(world, side)
    }
    if (!busy && world.sides.every(({ inbox }) => inbox.length === 0)) return
  }
  throw new Error('the two sides never come to rest')
}

/** Two connected, synced sides. */
export function connectedWorld(deposits?: readonly [bigint, bigint]): World {
  const world = makeWorld(deposits)
  reconnect(world)
  settle(world)
  return world
}

export function pay(amount: bigint, name = 'reference'): Operation {
  return { type: 'pay', amount, reference: word(name) }
}

export const preimageOf = (name: string) => word(`preimage of ${name}`)

export function hashCondition(name: string): Uint8Array {
  return conditionIdOf(crypto, registry, { kind: 'hash', sha256: crypto.sha256(preimageOf(name)) })
}

export function lock(slot: number, amount: bigint, name: string, expiry = START + 2 * T): Operation {
  return { type: 'lock', slot, amount, condition: hashCondition(name), expiry, payload: new Uint8Array(0) }
}

/** The update that a send step makes. */
export function updateIn(result: Step): Update {
  if (!result.ok) throw new Error(`refused: ${result.refusal.code} ${result.refusal.field}`)
  for (const effect of result.effects)
    if (effect.type === 'send' && effect.message.type === 'update') return effect.message
  throw new Error('no update was sent')
}

/** The code of a refusal, or `ok`. */
export function verdict(result: Step | undefined): string {
  return result === undefined ? 'nothing' : result.ok ? 'ok' : result.refusal.code
}
