/** One machine of a joint payment, alone: a test plays everybody else. */

import {
  encodeKey,
  equalBytes,
  type JointAgreement,
  type JointContext,
  type JointEffect,
  type JointInput,
  type JointPayMessage,
  type JointPolicy,
  type JointStart,
  type JointState,
  type JointStep,
  type JointTerms,
  jointIdsOf,
  netOf,
  type SignedApproval,
  startJoint,
  stepJoint,
} from '../../src/index.ts'
import { crypto, signerOf, type TestSigner } from '../crypto.ts'
import { POLICY, registry, START, word } from './world.ts'

export interface Rig {
  readonly name: string
  readonly signer: TestSigner
  readonly terms: JointTerms
  policy: JointPolicy
  nowMs: number
  headTimeSeconds: number
  state: JointState
  /** Of the last step. */
  effects: readonly JointEffect[]
}

export interface RigOptions {
  readonly policy?: Partial<JointPolicy>
  readonly agreement?: Partial<JointAgreement>
  readonly start?: Partial<JointStart>
}

export function startAs(
  name: string,
  terms: JointTerms,
  options: RigOptions = {},
): { rig: Rig; step: JointStep } {
  const signer = signerOf(name)
  const rig: Omit<Rig, 'state'> = {
    name,
    signer,
    terms,
    policy: { ...POLICY, ...options.policy },
    nowMs: START * 1000,
    headTimeSeconds: 0,
    effects: [],
  }
  const agreement = {
    leastNet: netOf(terms, signer.address),
    reference: terms.reference,
    asCustomer: equalBytes(terms.customer, signer.address),
    ...options.agreement,
  }
  const channel = (channelId: Uint8Array) => channelOf(terms, signer.address, channelId)
  const start = { terms, agreement, registry, channel, from: undefined, ...options.start }
  const step = startJoint(start, contextOf(rig))
  return {
    rig: { ...rig, state: step.ok ? step.state : ({} as JointState), effects: step.ok ? step.effects : [] },
    step,
  }
}

export function rigOf(name: string, terms: JointTerms, options: RigOptions = {}): Rig {
  const { rig, step } = startAs(name, terms, options)
  if (!step.ok) throw new Error(`${step.refusal.code} ${step.refusal.field}`)
  return rig
}

export function channelOf(terms: JointTerms, own: Uint8Array, channelId: Uint8Array) {
  const hop = terms.hops.find((one) => equalBytes(one.channelId, channelId))
  if (hop === undefined || !(equalBytes(hop.payer, own) || equalBytes(hop.payee, own))) return undefined
  const signer = hop.direction === 0 ? ([hop.payer, hop.payee] as const) : ([hop.payee, hop.payer] as const)
  return { signer, token: word('token').slice(0, 20) }
}

export function contextOf(rig: Omit<Rig, 'state'>): JointContext {
  return {
    crypto,
    signer: rig.signer,
    nowMs: rig.nowMs,
    headTimeSeconds: rig.headTimeSeconds,
    policy: rig.policy,
  }
}

/** What the machine says: `ok`, or the code of its refusal. */
export function give(rig: Rig, input: JointInput): string {
  const step = stepJoint(rig.state, input, contextOf(rig))
  if (!step.ok) return step.refusal.code
  rig.state = step.state
  rig.effects = step.effects
  return 'ok'
}

export function tell(rig: Rig, from: string, message: JointPayMessage): string {
  return give(rig, { type: 'message', from: signerOf(from).address, message })
}

/** Numbers of the hops, in the terms, of which the party is this end. */
export function hopsOf(rig: Rig, end: 'payer' | 'payee', name = rig.name): readonly number[] {
  const { address } = signerOf(name)
  return rig.terms.hops.flatMap((hop, index) => (equalBytes(hop[end], address) ? [index] : []))
}

export const placeOf = (hop: number) => ({ slot: hop, born: hop + 1 })

/** All own incoming locks are accepted, as the terms say. */
export function holdAll(rig: Rig): void {
  for (const hop of hopsOf(rig, 'payee')) hold(rig, hop)
}

export function hold(rig: Rig, hop: number, change: { amount?: bigint; expiry?: number } = {}): string {
  const { amount } = rig.terms.hops[hop] ?? { amount: 0n }
  const { expiry } = rig.terms
  return give(rig, { type: 'lock-accepted', hop, at: placeOf(hop), amount, expiry, ...change })
}

/** All own locks are placed. */
export function placeAll(rig: Rig): void {
  for (const hop of hopsOf(rig, 'payer')) give(rig, { type: 'lock-placed', hop, at: placeOf(hop) })
}

const ids = (rig: Rig) => jointIdsOf(crypto, registry, rig.terms)

export function approvalOf(rig: Rig, name: string): SignedApproval & { readonly signer: number } {
  const { conditionId, keys } = ids(rig)
  const signer = signerOf(name)
  const signature = signer.sign({ type: 'Condition', domain: registry, conditionId })
  return { signer: keys.findIndex((key) => equalBytes(key, signer.address)), signature, index: 0, path: [] }
}

export function signaturesOf(rig: Rig, ...names: readonly string[]): JointPayMessage {
  const approvals = names.map((name) => approvalOf(rig, name))
  return { type: 'jointpay-signatures', conditionId: ids(rig).conditionId, approvals }
}

export function abortBy(rig: Rig, name: string): JointPayMessage {
  const { conditionId } = ids(rig)
  const signature = signerOf(name).sign({ type: 'JointAbort', domain: registry, conditionId })
  return { type: 'jointpay-abort', conditionId, signature }
}

export function receiptBy(rig: Rig, name: string, payee = 0): JointPayMessage {
  const { conditionId } = ids(rig)
  const { reference: paymentReference } = rig.terms
  const receipt = { type: 'JointReceipt', domain: registry, conditionId, paymentReference } as const
  return { type: 'jointpay-receipt', conditionId, payee, signature: signerOf(name).sign(receipt) }
}

export function refusalOf(rig: Rig, name: string): JointPayMessage {
  const { conditionId } = ids(rig)
  return { type: 'jointpay-refusal', conditionId, party: signerOf(name).address, code: 'policy' }
}

/** The whole key, of everybody's approvals, or of those that `change` gives. */
export function wholeKey(
  rig: Rig,
  names: readonly string[],
  change: ReadonlyMap<number, SignedApproval> = new Map(),
): Uint8Array {
  const { keys, termsHash } = ids(rig)
  const all = new Map(names.map((name) => [approvalOf(rig, name).signer, approvalOf(rig, name)]))
  const approvals = keys.map((_, index): SignedApproval => {
    const approval = change.get(index) ?? all.get(index)
    if (approval === undefined) throw new Error(`no approval ${index}`)
    return { signature: approval.signature, index: approval.index, path: approval.path }
  })
  return encodeKey({ kind: 'signed', keys, termsHash, approvals })
}

/** Types of the signatures that this party's signer has made. */
export const signedTypes = (rig: Rig) => rig.signer.signed.map(({ type }) => type)

/** `type` of each effect, messages as `type to name`. */
export function did(rig: Rig, names: readonly string[]): readonly string[] {
  return rig.effects.map((effect) => {
    if (effect.type !== 'send') return 'hop' in effect ? `${effect.type} ${effect.hop}` : effect.type
    const to = names.find((name) => equalBytes(signerOf(name).address, effect.to))
    return `${effect.message.type} to ${to}`
  })
}
