/**
 * The customer of a joint payment, and its payee: an invoice paid by hops that are all due at the instant the customer
 * signs, or none of them (docs/spec/joint.md). A new attempt has a new salt, and begins only when the old one can pay
 * nobody any more.
 */

import {
  checkInvoiceTime,
  equalBytes,
  type Invoice,
  type JointHop,
  type JointOutcome,
  type JointState,
  jointIdsOf,
  makeTerms,
  netOf,
  toHex,
} from '@tallystick/protocol'
import { chainNowSeconds } from '../context.ts'
import { settleInvoice } from '../htlc/invoices.ts'
import { endPayment, lockExpiry, paymentFailed, readInvoice, storePayment } from '../htlc/pay.ts'
import type { NetworkPayment, PartHop, PaymentFailure } from '../htlc/payment-record.ts'
import { findRoutes } from '../htlc/routes.ts'
import { paramsOf } from '../network/network-view.ts'
import type { Group, Runtime } from '../runtime.ts'
import { beginJoint } from './joint-messages.ts'

/** Attempts of one payment. */
const MAX_ATTEMPTS = 8

/** Plans a path, composes the terms and takes part as the customer. */
export function sendJoint(rt: Runtime, group: Group, payment: NetworkPayment, invoice: Invoice): void {
  const failures = payment.attempts.flatMap(({ failure }) => (failure === undefined ? [] : [failure]))
  const { amount, maxFee } = payment
  const found = findRoutes(rt, { invoice, amount, maxFee, failures, whole: true })
  const route = found.ok ? found.routes[0] : undefined
  if (route === undefined || payment.attempts.length >= MAX_ATTEMPTS) {
    paymentFailed(rt, group, payment, found.ok ? localFailure('attempts-exhausted') : found.failure)
    return
  }
  const hops = hopsOf(rt, route.hops)
  if (typeof hops === 'string') {
    paymentFailed(rt, group, payment, localFailure('channel-unknown', hops))
    return
  }
  const own = rt.ports.signer.address
  const payee = hops.at(-1)?.payee ?? own
  const terms = makeTerms({
    hops,
    customer: own,
    payees: [payee],
    reference: Buffer.from(payment.hash.slice(2), 'hex'),
    expiry: lockExpiry(rt, invoice),
    salt: rt.ports.randomBytes(32),
  })
  const condition = toHex(jointIdsOf(rt.ports.crypto, rt.registryDomain, terms).conditionId)
  payment.attempts.push({ condition, hops: route.hops, failure: undefined })
  storePayment(rt, group, payment)
  rt.jointPayments.set(condition, payment)
  const leastNet = -(payment.amount + payment.maxFee)
  const agreement = { leastNet, reference: terms.reference, asCustomer: true }
  const refused = beginJoint(rt, group, terms, agreement, undefined)
  if (refused === undefined) return
  rt.jointPayments.delete(condition)
  paymentFailed(rt, group, payment, localFailure(refused.refusal.code))
}

/** The terms' hops along a path from this node; the id of a channel whose parties are not known instead. */
export function hopsOf(rt: Runtime, path: readonly PartHop[]): readonly JointHop[] | string {
  const hops: JointHop[] = []
  let payer: Uint8Array = rt.ports.signer.address
  for (const { channelId, amount } of path) {
    const params = paramsOf(rt, channelId)
    if (params === undefined) return channelId
    const direction = equalBytes(params.signer[0], payer) ? 0 : 1
    if (!equalBytes(params.signer[direction], payer)) return channelId
    const payee = params.signer[direction === 0 ? 1 : 0]
    hops.push({ channelId: Buffer.from(channelId.slice(2), 'hex'), direction, payer, payee, amount })
    payer = payee
  }
  return hops
}

/** The final answer of a joint payment's machine. */
export function jointEnded(rt: Runtime, group: Group, state: JointState, outcome: JointOutcome): void {
  const condition = toHex(state.setup.conditionId)
  const { terms } = state.setup
  const own = rt.ports.signer.address
  const payment = rt.jointPayments.get(condition)
  if (payment !== undefined) {
    rt.jointPayments.delete(condition)
    endAttempt(rt, group, payment, condition, state, outcome)
  }
  if (outcome.type !== 'paid' || !terms.payees.some((payee) => equalBytes(payee, own))) return
  settleInvoice(rt, group, toHex(terms.reference), netOf(terms, own))
}

function endAttempt(
  rt: Runtime,
  group: Group,
  payment: NetworkPayment,
  condition: string,
  state: JointState,
  outcome: JointOutcome,
): void {
  if (outcome.type === 'paid') {
    endPayment(rt, group, payment, 'succeeded')
    return
  }
  const { code, party } = outcome.complaint
  const signer = state.setup.keys[party]
  const blamed = signer && state.setup.terms.hops.find(({ payee }) => equalBytes(payee, signer))
  const failure: PaymentFailure = {
    code,
    hop: undefined,
    nodeId: undefined,
    channelId: blamed && toHex(blamed.channelId),
  }
  payment.attempts = payment.attempts.map((attempt) =>
    attempt.condition === condition ? { ...attempt, failure } : attempt,
  )
  retryJoint(rt, group, payment, failure)
}

/** Nothing of the old attempt can pay any more: another way, or the end. */
export function retryJoint(
  rt: Runtime,
  group: Group,
  payment: NetworkPayment,
  failure: PaymentFailure,
): void {
  const invoice = readInvoice(rt, payment.invoice)
  const late = checkInvoiceTime(invoice, chainNowSeconds(rt)) !== undefined
  if (late || failure.channelId === undefined) paymentFailed(rt, group, payment, failure)
  else sendJoint(rt, group, payment, invoice)
}

function localFailure(code: string, channelId?: string): PaymentFailure {
  return { code, hop: undefined, nodeId: undefined, channelId: channelId as PaymentFailure['channelId'] }
}
