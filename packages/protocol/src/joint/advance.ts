/**
 * What a party of a joint payment does by itself, whatever input came (docs/spec/joint.md JP-20 to JP-42). Every rule only adds
 * to the state, so applying them again changes nothing.
 *
 * Invariants:
 * - A party signs only when it holds all its incoming locks, as the terms say, and the customer after everybody else.
 * - Who has signed asks to fail nothing but after the customer's signed abort, with all its own locks void.
 * - Who has given up never signs; the customer gives up only by a signed abort, and never after it signed.
 */

import { nowSeconds } from '../channel/context.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { encodeKey, type SignedApproval } from '../locks/key.ts'
import type { JointContext } from './context.ts'
import { hasSigned, isCustomer, isDue, needsRegistry } from './facts.ts'
import { partiesOf, signsAfter } from './graph.ts'
import type { Complaint, JointOutcome, JointState, OutgoingHop } from './state.ts'

export function advance(state: JointState, ctx: JointContext): JointState {
  let next = withKey(state, ctx)
  next = giveUpInTime(next, ctx)
  next = askForLocks(next, ctx)
  next = withKey(signInTurn(next, ctx), ctx)
  next = failIncoming(next)
  next = postInTime(next, ctx)
  next = signReceipt(next, ctx)
  return conclude(next)
}

/** JP-30, JP-32: marks that this party never signs; the customer says so to everybody with its signed abort. */
export function giveUp(state: JointState, complaint: Complaint, ctx: JointContext): JointState {
  if (hasSigned(state) || state.givenUp || isDue(state)) return state
  const { registry, conditionId } = state.setup
  const abort = isCustomer(state)
    ? (state.abort ?? ctx.signer.sign({ type: 'JointAbort', domain: registry, conditionId }))
    : state.abort
  return { ...state, givenUp: true, complaint: state.complaint ?? complaint, abort }
}

/** JP-25: the whole set, in the form that the registry takes (EN-85). */
function withKey(state: JointState, ctx: JointContext): JointState {
  if (state.key !== undefined) return state
  const approvals: SignedApproval[] = []
  for (const approval of state.approvals) {
    if (approval === undefined) return state
    approvals.push(approval)
  }
  const { keys, termsHash, terms } = state.setup
  const bytes = encodeKey({ kind: 'signed', keys, termsHash, approvals })
  const inTime = nowSeconds(ctx) <= terms.expiry - ctx.policy.safetyMarginSeconds
  return { ...state, key: { bytes, inTime } }
}

function giveUpInTime(state: JointState, ctx: JointContext): JointState {
  if (hasSigned(state) || state.givenUp || isDue(state)) return state
  const { self, graph } = state.setup
  if (state.abort !== undefined) return giveUp(state, { code: 'aborted', party: graph.customer }, ctx)
  if (state.final !== undefined) return giveUp(state, { code: 'expired', party: self }, ctx)
  if (!timeToSign(state, ctx)) return giveUp(state, { code: 'late', party: self }, ctx)
  const { abortAfterMs, patienceMs } = ctx.policy
  const limitMs = isCustomer(state) ? abortAfterMs : patienceMs
  if (ctx.nowMs - state.progressAtMs < limitMs) return state
  return giveUp(state, { code: 'stalled', party: waitedFor(state) }, ctx)
}

/** T + delta is left (JP-24). */
function timeToSign(state: JointState, ctx: JointContext): boolean {
  const { safetyMarginSeconds, signingMarginSeconds } = ctx.policy
  return nowSeconds(ctx) <= state.setup.terms.expiry - safetyMarginSeconds - signingMarginSeconds
}

/** For the record of what stalled: a party whose signature should have come, else this one. */
function waitedFor(state: JointState): number {
  const { graph, self } = state.setup
  const missing = partiesOf(signsAfter(graph, self)).filter((party) => state.approvals[party] === undefined)
  // The one that nothing downstream of it keeps from signing.
  const first = missing.find((party) =>
    partiesOf(signsAfter(graph, party)).every((other) => state.approvals[other] !== undefined),
  )
  return first ?? self
}

/** JP-21: at once by the customer and by who holds its incoming locks; else ahead of them within the limit. */
function askForLocks(state: JointState, ctx: JointContext): JointState {
  if (state.givenUp || state.abort !== undefined || isDue(state) || state.final !== undefined) return state
  if (!state.outgoing.some(({ status }) => status === 'none')) return state
  const free = isCustomer(state) || state.incoming.every(({ status }) => status === 'held')
  let ahead = lockedAhead(state)
  const outgoing = state.outgoing.map((own): OutgoingHop => {
    const hop = state.setup.terms.hops[own.hop]
    if (own.status !== 'none' || hop === undefined) return own
    if (!free && ahead + hop.amount > greaterZero(ctx.policy.aheadLimit(hop.payee))) return own
    ahead += hop.amount
    return { ...own, status: 'asked' }
  })
  return ahead === lockedAhead(state) ? state : { ...state, outgoing }
}

/** What this party has locked above what is locked for it and what it agreed to pay itself. Base units, may be negative. */
function lockedAhead(state: JointState): bigint {
  const { terms, graph, self } = state.setup
  const net = graph.nets[self] ?? 0n
  let ahead = net < 0n ? net : 0n
  for (const { hop, status } of state.outgoing)
    if (status === 'asked' || status === 'placed') ahead += terms.hops[hop]?.amount ?? 0n
  for (const { hop, status } of state.incoming) if (status === 'held') ahead -= terms.hops[hop]?.amount ?? 0n
  return ahead
}

function greaterZero(amount: bigint): bigint {
  return amount > 0n ? amount : 0n
}

/** JP-22 to JP-24. */
function signInTurn(state: JointState, ctx: JointContext): JointState {
  if (hasSigned(state) || state.givenUp || state.abort !== undefined) return state
  if (isDue(state) || state.final !== undefined || !timeToSign(state, ctx)) return state
  if (!state.incoming.every(({ status, failing }) => status === 'held' && !failing)) return state
  if (!state.outgoing.every(({ status }) => status === 'placed')) return state
  const { graph, self, registry, conditionId } = state.setup
  const earlier = partiesOf(signsAfter(graph, self))
  if (!earlier.every((party) => state.approvals[party] !== undefined)) return state
  const signature = ctx.signer.sign({ type: 'Condition', domain: registry, conditionId })
  const approvals = state.approvals.with(self, { signature, index: 0, path: [] })
  return { ...state, approvals, progressAtMs: ctx.nowMs }
}

/** JP-31, JP-32 (LK-30, LK-31). */
function failIncoming(state: JointState): JointState {
  if (isDue(state)) return state
  const neverSigns = state.givenUp && !hasSigned(state)
  const afterAbort =
    state.abort !== undefined && state.outgoing.every(({ status }) => status === 'none' || status === 'void')
  if (!neverSigns && !afterAbort) return state
  if (!state.incoming.some(({ status, failing }) => status === 'held' && !failing)) return state
  const incoming = state.incoming.map((own) => (own.status === 'held' ? { ...own, failing: true } : own))
  return { ...state, incoming }
}

/** JP-26 (LK-13): from `expiry - T` on, by who is not paid yet, and by a customer without all receipts. */
function postInTime(state: JointState, ctx: JointContext): JointState {
  if (state.key === undefined || state.posted || state.final !== undefined) return state
  const { expiry } = state.setup.terms
  if (nowSeconds(ctx) < expiry - ctx.policy.safetyMarginSeconds) return state
  // Only the chain's own time says that it is too late: a fast clock must not keep the key back.
  if (ctx.headTimeSeconds > expiry) return state
  return needsRegistry(state) ? { ...state, posted: true } : state
}

/** JP-40: once this party is paid, or can see to it by itself in time. */
function signReceipt(state: JointState, ctx: JointContext): JointState {
  const { terms, keys, self, registry, conditionId } = state.setup
  const own = keys[self]
  const payee = own === undefined ? -1 : terms.payees.findIndex((address) => equalBytes(address, own))
  if (payee === -1 || state.receipts[payee] !== undefined) return state
  const sure = state.key?.inTime === true || state.final?.type === 'met'
  const paid = state.incoming.every(
    ({ status, failing }) => status === 'folded' || (sure && status === 'held' && !failing),
  )
  if (!paid) return state
  const { reference: paymentReference } = terms
  const receipt = ctx.signer.sign({ type: 'JointReceipt', domain: registry, conditionId, paymentReference })
  return { ...state, receipts: state.receipts.with(payee, receipt) }
}

function conclude(state: JointState): JointState {
  if (state.outcome !== undefined) return state
  const outcome = paidOutcome(state) ?? failedOutcome(state)
  return outcome === undefined ? state : { ...state, outcome }
}

function paidOutcome(state: JointState): JointOutcome | undefined {
  const { incoming, outgoing, receipts } = state
  const proved = state.key !== undefined && receipts.length > 0 && !receipts.includes(undefined)
  if (isCustomer(state) && proved) return { type: 'paid', proof: 'receipts' }
  const pending =
    incoming.some(({ status, failing }) => status === 'folded' || (status === 'held' && !failing)) ||
    outgoing.some(({ status }) => status === 'placed' || status === 'folded')
  if (state.final?.type === 'met' && pending) return { type: 'paid', proof: 'registry' }
  const folded =
    incoming.every(({ status }) => status === 'folded') &&
    (!isCustomer(state) || outgoing.every(({ status }) => status === 'folded'))
  // A customer that waits for receipts learns by them, or by the chain, whether the payees were paid.
  const waits = isCustomer(state) && receipts.length > 0 && state.final === undefined
  return folded && !waits ? { type: 'paid', proof: 'folded' } : undefined
}

function failedOutcome(state: JointState): JointOutcome | undefined {
  const { graph, self } = state.setup
  if (state.givenUp && !hasSigned(state))
    return { type: 'failed', complaint: state.complaint ?? { code: 'given-up', party: self } }
  if (state.final?.type === 'expired') return { type: 'failed', complaint: { code: 'expired', party: self } }
  if (!hasSigned(state)) return undefined
  const left =
    state.incoming.some(({ status, failing }) => status === 'folded' || (status === 'held' && !failing)) ||
    state.outgoing.some(({ status }) => status === 'asked' || status === 'placed' || status === 'folded')
  if (left) return undefined
  const code = state.abort === undefined ? 'lock-gone' : 'aborted'
  return { type: 'failed', complaint: state.complaint ?? { code, party: graph.customer } }
}
