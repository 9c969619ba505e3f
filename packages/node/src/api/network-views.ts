/**
 * Invoices and payments over the network as the API shows them. The engine's records hold secrets (the preimage of an
 * invoice that is not paid, session keys of onions): what may be shown is named here field by field, and nothing else is.
 */
import type {
  InvoiceState,
  InvoiceView,
  NetworkPaymentAttempt,
  NetworkPaymentView,
} from '@tallystick/client/schema'
import type { InvoiceRecord } from '../engine/htlc/invoices.ts'
import type { JointAttempt, NetworkPayment, PaymentPart } from '../engine/htlc/payment-record.ts'
import { paymentFailureView } from './payment-failures.ts'

export function invoiceView(record: InvoiceRecord, nowMs: number): InvoiceView {
  const { hash, text, token, amount, description, received, settledAtMs } = record
  return {
    paymentHash: hash,
    text,
    token,
    ...(amount === undefined ? {} : { amount }),
    description,
    state: invoiceState(record, nowMs),
    received,
    createdAtMs: record.createdAtSeconds * 1000,
    expiresAtMs: record.expiresAtSeconds * 1000,
    ...(settledAtMs === undefined ? {} : { settledAtMs }),
  }
}

export function invoiceState({ state, expiresAtSeconds }: InvoiceRecord, nowMs: number): InvoiceState {
  return state === 'open' && nowMs > expiresAtSeconds * 1000 ? 'expired' : state
}

export function networkPaymentView(payment: NetworkPayment): NetworkPaymentView {
  const { hash, invoice, payee, token, amount, maxFee, via, state, preimage, failure } = payment
  const attempts =
    via === 'htlc'
      ? payment.parts.map(partView)
      : payment.attempts.map((attempt, index) =>
          jointAttemptView(payment, attempt, index === payment.attempts.length - 1),
        )
  return {
    paymentHash: hash,
    invoice,
    payee,
    token,
    amount,
    maxFee,
    fee: attempts.reduce((sum, attempt) => (attempt.state === 'failed' ? sum : sum + attempt.fee), 0n),
    via,
    state,
    ...(state === 'succeeded' && preimage !== undefined ? { preimage } : {}),
    attempts,
    ...(failure === undefined ? {} : { failure: paymentFailureView(failure) }),
    createdAtMs: payment.createdAtMs,
    ...(payment.endedAtMs === undefined ? {} : { endedAtMs: payment.endedAtMs }),
  }
}

function partView({ amount, total, state, hops, failure }: PaymentPart): NetworkPaymentAttempt {
  return { amount, fee: total - amount, state, path: hops.map(hopView), ...failureView(failure) }
}

function jointAttemptView(
  { amount, state }: NetworkPayment,
  { hops, failure }: JointAttempt,
  isLast: boolean,
): NetworkPaymentAttempt {
  const lives = isLast && failure === undefined && state !== 'failed'
  return {
    amount,
    fee: (hops[0]?.amount ?? amount) - amount,
    state: lives ? (state === 'succeeded' ? 'paid' : 'pending') : 'failed',
    path: hops.map(hopView),
    ...failureView(failure),
  }
}

function hopView({ channelId, to, amount }: PaymentPart['hops'][number]) {
  return { channelId, to, amount }
}

function failureView(failure: PaymentPart['failure']): Pick<NetworkPaymentAttempt, 'failure'> {
  return failure === undefined ? {} : { failure: paymentFailureView(failure) }
}
