/**
 * n parties of joint payments, the little engine that each honest one needs, a network that loses, repeats and reorders,
 * and a plain model of locks and registry. What a channel guarantees (channel/step.ts) is taken as given: what was signed
 * is told in the end, a lock goes only as LK-10 to LK-32 say. Joint messages have no such guarantee.
 */

import {
  type ConditionApproval,
  checkKey,
  decodeJoint,
  decodeKey,
  decodeMessage,
  decodeTerms,
  domainOf,
  encodeJoint,
  encodeMessage,
  encodeTerms,
  equalBytes,
  type JointAgreement,
  type JointContext,
  type JointEffect,
  type JointHop,
  type JointInput,
  type JointPayMessage,
  type JointPolicy,
  type JointState,
  type JointStep,
  type JointTerms,
  jointIdsOf,
  makeTerms,
  netOf,
  startJoint,
  stepJoint,
  toHex,
} from '../../src/index.ts'
import { crypto, signerOf, type TestSigner } from '../crypto.ts'

export const T = 100
export const DELTA = 40
export const START = 1_900_000_000
export const EXPIRY = START + 600
export const word = (name: string) => crypto.keccak256(new TextEncoder().encode(name))
export const registry = domainOf(crypto, 31337n, word('registry').slice(0, 20))

export const POLICY: JointPolicy = {
  safetyMarginSeconds: T,
  signingMarginSeconds: DELTA,
  maxExpirySeconds: 3600,
  abortAfterMs: 3000,
  patienceMs: 10_000,
  aheadLimit: () => 1_000_000n,
}

/** `[channel, payer, payee, amount]`: names of a channel and of its two parties. */
export type NamedHop = readonly [channel: string, payer: string, payee: string, amount: bigint]

export interface Lock {
  readonly id: string
  readonly terms: JointHop
  readonly amount: bigint
  readonly at: { readonly slot: number; readonly born: number }
  accepted: boolean
  /** The payee asked to fail it. */
  failAsked: boolean
  /** The payer signed a line that pays it: its money is gone. */
  unlocked: boolean
  /** The payee accepted that line. */
  paidTold: boolean
  /** Dropped, and known so by both sides. */
  dropped: boolean
}

export interface Party {
  readonly name: string
  readonly signer: TestSigner
  readonly honest: boolean
  policy: JointPolicy
  /** By condition id. */
  readonly joints: Map<string, JointState>
  readonly durable: Map<string, Uint8Array>
  readonly outcomes: Map<string, string[]>
}

/** What is on its way; `keep` says that it cannot be lost. */
export interface Event {
  readonly name: string
  readonly keep: boolean
  readonly run: () => void
}

export interface World {
  readonly parties: readonly Party[]
  readonly channels: ReadonlyMap<string, readonly [string, string]>
  readonly terms: Map<string, JointTerms>
  readonly agreements: ReadonlyMap<string, JointAgreement>
  readonly locks: Lock[]
  readonly events: Event[]
  /** Every message of a party to another, for repeating it. */
  readonly sent: Event[]
  /** Condition id to when it was met on chain. */
  readonly resolved: Map<string, number>
  nowMs: number
  /** What every liar has ever seen or made. */
  readonly pool: Map<string, { approvals: Map<number, Uint8Array>; abort: Uint8Array | undefined }>
}

/** Names in terms are those of signers; the direction is 0 when the payer's address is the lower one. */
export function termsOf(
  hops: readonly NamedHop[],
  customer: string,
  payees: readonly string[],
  change: Partial<JointTerms> = {},
): JointTerms {
  return makeTerms({
    hops: hops.map(([channel, payer, payee, amount]) => hopOf(channel, payer, payee, amount)),
    customer: signerOf(customer).address,
    payees: payees.map((name) => signerOf(name).address),
    reference: word('reference'),
    expiry: EXPIRY,
    salt: word('salt'),
    ...change,
  })
}

function hopOf(channel: string, from: string, to: string, amount: bigint): JointHop {
  const payer = signerOf(from).address
  const payee = signerOf(to).address
  return { channelId: word(channel), direction: toHex(payer) < toHex(payee) ? 0 : 1, payer, payee, amount }
}

export function makeWorld(base: JointTerms, names: readonly string[], liars: ReadonlySet<string>): World {
  const parties = names.map((name): Party => {
    return {
      name,
      signer: signerOf(name),
      honest: !liars.has(name),
      policy: POLICY,
      joints: new Map(),
      durable: new Map(),
      outcomes: new Map(),
    }
  })
  const channels = new Map<string, readonly [string, string]>()
  for (const { channelId, payer, payee } of base.hops) {
    const ends = [toHex(payer), toHex(payee)].sort() as [string, string]
    channels.set(toHex(channelId), ends)
  }
  const agreements = new Map(
    parties.map(({ name, signer }) => [
      name,
      {
        leastNet: netOf(base, signer.address),
        reference: base.reference,
        asCustomer: equalBytes(base.customer, signer.address),
      },
    ]),
  )
  return {
    parties,
    channels,
    terms: new Map(),
    agreements,
    locks: [],
    events: [],
    sent: [],
    resolved: new Map(),
    nowMs: START * 1000,
    pool: new Map(),
  }
}

export const nowOf = (world: World) => Math.floor(world.nowMs / 1000)

export function partyWith(world: World, address: Uint8Array): Party {
  const party = world.parties.find(({ signer }) => equalBytes(signer.address, address))
  if (party === undefined) throw new Error('no such party')
  return party
}

function contextOf(world: World, party: Party): JointContext {
  return { crypto, signer: party.signer, nowMs: world.nowMs, headTimeSeconds: 0, policy: party.policy }
}

export function idOf(terms: JointTerms): string {
  return toHex(jointIdsOf(crypto, registry, terms).conditionId)
}

/** A party learns terms: by its user, or from a neighbour. */
export function join(world: World, party: Party, terms: JointTerms, from?: Party): JointStep {
  const id = idOf(terms)
  world.terms.set(id, terms)
  const known = party.joints.get(id)
  if (known !== undefined && from !== undefined) {
    const message = { type: 'jointpay-terms', terms: encodeTerms(terms) } as const
    return input(world, party, id, { type: 'message', from: from.signer.address, message })
  }
  const agreement = world.agreements.get(party.name)
  if (agreement === undefined) throw new Error(party.name)
  const step = startJoint(
    {
      terms,
      agreement,
      registry,
      from: from?.signer.address,
      channel: (channelId) => channelOf(world, party, channelId),
    },
    contextOf(world, party),
  )
  if (step.ok) {
    commit(world, party, id, step, 'none')
    retell(world, party, id)
  } else if (step.reply !== undefined && from !== undefined) deliver(world, party, from, step.reply)
  return step
}

function channelOf(world: World, party: Party, channelId: Uint8Array) {
  const ends = world.channels.get(toHex(channelId))
  if (ends === undefined || !ends.includes(toHex(party.signer.address))) return undefined
  const [first, second] = ends.map((end) => world.parties.find(({ signer }) => toHex(signer.address) === end))
  if (first === undefined || second === undefined) return undefined
  return { signer: [first.signer.address, second.signer.address], token: word('token').slice(0, 20) } as const
}

export type Crash = 'none' | 'before commit' | 'before effects'

/** One input to an honest party, made durable and performed, unless it crashes in the midst. */
export function input(
  world: World,
  party: Party,
  id: string,
  what: JointInput,
  crash: Crash = 'none',
): JointStep {
  const state = party.joints.get(id)
  if (state === undefined) throw new Error('no such joint payment')
  const step = stepJoint(state, what, contextOf(world, party))
  if (step.ok) commit(world, party, id, step, crash)
  else if (crash !== 'none') restart(world, party, id)
  return step
}

function commit(world: World, party: Party, id: string, step: JointStep & { ok: true }, crash: Crash): void {
  if (crash === 'before commit') {
    restart(world, party, id)
    return
  }
  party.joints.set(id, step.state)
  party.durable.set(id, encodeJoint(step.state))
  if (crash === 'before effects') restart(world, party, id)
  else for (const effect of step.effects) perform(world, party, id, effect)
}

/** From the stored bytes; then the engine tells again what its channels hold. */
function restart(world: World, party: Party, id: string): void {
  const stored = party.durable.get(id)
  if (stored === undefined) return
  const state = decodeJoint(crypto, stored)
  if (!('setup' in state)) throw new Error(`${state.field}: ${state.detail}`)
  party.joints.set(id, state)
  input(world, party, id, { type: 'resume' })
  retell(world, party, id)
}

function retell(world: World, party: Party, id: string): void {
  for (const lock of world.locks.filter((one) => one.id === id)) tellFacts(world, party, lock)
}

function tellFacts(world: World, party: Party, lock: Lock): void {
  const hop = numberOf(world, lock)
  const own = (what: JointInput) => {
    if (party.joints.has(lock.id)) input(world, party, lock.id, what)
  }
  if (equalBytes(lock.terms.payer, party.signer.address)) {
    own({ type: 'lock-placed', hop, at: lock.at })
    if (lock.failAsked) own({ type: 'lock-refused', hop })
    if (lock.dropped) own({ type: 'lock-void', hop })
    if (lock.paidTold) own({ type: 'lock-folded', hop })
  } else if (equalBytes(lock.terms.payee, party.signer.address) && lock.accepted) {
    const expiry = world.terms.get(lock.id)?.expiry ?? 0
    own({ type: 'lock-accepted', hop, at: lock.at, amount: lock.amount, expiry })
    if (lock.dropped) own({ type: 'lock-dropped', hop, at: lock.at })
    if (lock.paidTold) own({ type: 'lock-paid', hop, at: lock.at })
  }
}

export function numberOf(world: World, lock: Lock): number {
  const hops = world.terms.get(lock.id)?.hops ?? []
  return hops.findIndex(
    ({ channelId, direction }) =>
      direction === lock.terms.direction && equalBytes(channelId, lock.terms.channelId),
  )
}

export function lockOf(world: World, id: string, hop: number): Lock | undefined {
  return world.locks.find((lock) => lock.id === id && numberOf(world, lock) === hop && !lock.dropped)
}

function perform(world: World, party: Party, id: string, effect: JointEffect): void {
  switch (effect.type) {
    case 'send':
      deliver(world, party, partyWith(world, effect.to), effect.message)
      return
    case 'place-lock': {
      const { hop, terms } = effect
      const lock = lockOf(world, id, hop) ?? placeLock(world, id, terms, terms.amount)
      input(world, party, id, { type: 'lock-placed', hop, at: lock.at })
      return
    }
    case 'cancel-lock': {
      const lock = lockOf(world, id, effect.hop)
      const { hop } = effect
      input(world, party, id, lock ? { type: 'lock-placed', hop, at: lock.at } : { type: 'lock-void', hop })
      return
    }
    case 'unlock': {
      const lock = lockOf(world, id, effect.hop)
      if (lock !== undefined) unlock(world, lock, effect.key)
      return
    }
    case 'drop-lock': {
      const lock = lockOf(world, id, effect.hop)
      if (lock !== undefined && expiredUnresolved(world, id)) drop(world, lock)
      return
    }
    case 'show-key': {
      const lock = lockOf(world, id, effect.hop)
      if (lock !== undefined && effect.release && nowOf(world) <= expiryOf(world, id) - T)
        showKey(world, lock, effect.key)
      return
    }
    case 'ask-fail': {
      const lock = lockOf(world, id, effect.hop)
      if (lock !== undefined) askFail(world, lock)
      return
    }
    case 'post-key':
      post(world, id, effect.key)
      return
    case 'finished':
      party.outcomes.set(id, [...(party.outcomes.get(id) ?? []), JSON.stringify(effect.outcome)])
  }
}

export function expiryOf(world: World, id: string): number {
  return world.terms.get(id)?.expiry ?? 0
}

function deliver(world: World, from: Party, to: Party, message: JointPayMessage): void {
  const frame = encodeMessage(message)
  const event: Event = {
    name: `${message.type} ${from.name} to ${to.name}`,
    keep: false,
    run: () => receive(world, from, to, frame),
  }
  world.events.push(event)
  world.sent.push(event)
}

export function receive(
  world: World,
  from: Party,
  to: Party,
  frame: Uint8Array,
  crash: Crash = 'none',
): void {
  const decoded = decodeMessage(frame.slice())
  if (!decoded.ok) throw new Error(`${decoded.field}: ${decoded.detail}`)
  const message = decoded.message as JointPayMessage
  if (!to.honest) {
    overhear(world, message)
    return
  }
  if (message.type === 'jointpay-terms') {
    const terms = decodeTerms(message.terms)
    if ('code' in terms) throw new Error(terms.code)
    join(world, to, terms, from)
    return
  }
  const id = toHex(message.conditionId)
  if (to.joints.has(id)) input(world, to, id, { type: 'message', from: from.signer.address, message }, crash)
}

/** Liars share all that any of them sees. */
export function overhear(world: World, message: JointPayMessage): void {
  if (message.type !== 'jointpay-signatures' && message.type !== 'jointpay-abort') return
  const known = poolOf(world, toHex(message.conditionId))
  if (message.type === 'jointpay-abort') known.abort = message.signature
  else for (const { signer, signature } of message.approvals) known.approvals.set(signer, signature)
}

export function poolOf(world: World, id: string) {
  const known = world.pool.get(id) ?? { approvals: new Map<number, Uint8Array>(), abort: undefined }
  world.pool.set(id, known)
  return known
}

let lives = 0

export function placeLock(world: World, id: string, terms: JointHop, amount: bigint): Lock {
  lives += 1
  const lock: Lock = {
    id,
    terms,
    amount,
    at: { slot: lives % 512, born: lives },
    accepted: false,
    failAsked: false,
    unlocked: false,
    paidTold: false,
    dropped: false,
  }
  world.locks.push(lock)
  const payee = partyWith(world, terms.payee)
  world.events.push({
    name: 'lock',
    keep: true,
    run: () => {
      lock.accepted = true
      if (payee.honest) tellFacts(world, payee, lock)
    },
  })
  return lock
}

/** LK-10 to LK-12 for an honest payer: `key` right and in time, or a final resolution. */
export function unlock(world: World, lock: Lock, key: Uint8Array): void {
  if (lock.unlocked || lock.dropped) return
  const inTime = nowOf(world) <= expiryOf(world, lock.id) - T && key.length > 0
  if (!inTime && !resolvedInTime(world, lock.id)) return
  lock.unlocked = true
  world.events.push({
    name: 'unlock',
    keep: true,
    run: () => {
      lock.paidTold = true
      const payee = partyWith(world, lock.terms.payee)
      if (payee.honest && payee.joints.has(lock.id) && key.length > 0)
        input(world, payee, lock.id, { type: 'key-seen', key })
      for (const party of [payee, partyWith(world, lock.terms.payer)])
        if (party.honest) tellFacts(world, party, lock)
    },
  })
}

export function askFail(world: World, lock: Lock): void {
  if (lock.failAsked) return
  lock.failAsked = true
  const payer = partyWith(world, lock.terms.payer)
  const run = () => {
    if (!payer.honest) return
    tellFacts(world, payer, lock)
    drop(world, lock)
  }
  world.events.push({ name: 'fail', keep: true, run })
}

/** LK-20, LK-21: nobody drops but when asked, or after the expiry. */
export function drop(world: World, lock: Lock): void {
  if (lock.unlocked || lock.dropped) return
  if (!lock.failAsked && !expiredUnresolved(world, lock.id)) return
  lock.dropped = true
  for (const party of world.parties)
    world.events.push({ name: 'drop', keep: true, run: () => party.honest && tellFacts(world, party, lock) })
}

export function showKey(world: World, lock: Lock, key: Uint8Array): void {
  const payer = partyWith(world, lock.terms.payer)
  world.events.push({
    name: 'key',
    keep: true,
    run: () => {
      if (payer.honest && payer.joints.has(lock.id)) input(world, payer, lock.id, { type: 'key-seen', key })
    },
  })
}

/** The registry takes the key now or a little later, always within what T allows for. */
export function post(world: World, id: string, key: Uint8Array): void {
  const decoded = decodeKey(key)
  const terms = world.terms.get(id)
  if ('code' in decoded || terms === undefined) throw new Error('no key')
  const { conditionId } = jointIdsOf(crypto, registry, terms)
  if (checkKey(crypto, registry, conditionId, decoded) !== undefined)
    throw new Error('the registry refuses it')
  const include = () => {
    if (!world.resolved.has(id)) world.resolved.set(id, nowOf(world))
  }
  world.events.push({ name: 'include', keep: true, run: include })
}

export function resolvedInTime(world: World, id: string): boolean {
  const at = world.resolved.get(id)
  return at !== undefined && at <= expiryOf(world, id)
}

function expiredUnresolved(world: World, id: string): boolean {
  return nowOf(world) > expiryOf(world, id) && !resolvedInTime(world, id)
}

/** Money, in the end: unlocked (and for the payee: told so), or to be claimed by the registry's word. */
export function paidOut(world: World, lock: Lock): boolean {
  return lock.unlocked || (!lock.dropped && lock.accepted && resolvedInTime(world, lock.id))
}

export function paidIn(world: World, lock: Lock): boolean {
  return lock.paidTold || (!lock.dropped && lock.accepted && resolvedInTime(world, lock.id))
}

/** True when this party's signer ever signed the condition. */
export function signedId(party: Party, id: string): boolean {
  return party.signer.signed.some(
    (one): one is ConditionApproval => one.type === 'Condition' && toHex(one.conditionId) === id,
  )
}
