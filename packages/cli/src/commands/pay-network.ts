/** `tally pay` to an invoice or an address: over the network, with what happens on the way told as it happens. */
import type { InvoiceMethod, NetworkPaymentView } from '@tallystick/client'
import { type Invoice, toHex } from '@tallystick/protocol'
import { parseAddress, parseFee, parseWhole } from '../arguments.ts'
import { readConfig } from '../config.ts'
import { Failure, toFailure, usage } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson } from '../output.ts'
import { payInvoice } from '../paying/network-payment.ts'
import { orderInvoice } from '../paying/payees.ts'
import { feeText, pathOf, stepsSince, whereOf } from '../paying/steps.ts'
import type { PayTarget } from '../paying/target.ts'

const defaultTimeoutSeconds = 60

export type NetworkPayOptions = {
  readonly via?: string
  readonly maxFee?: string
  readonly token?: string
  readonly comment?: string
  readonly acceptNewPayee?: true
  readonly allowLocal?: true
  readonly timeout?: string
}

type Target = Extract<PayTarget, { kind: 'invoice' | 'address' }>

export async function payOverNetwork(
  invocation: Invocation<NetworkPayOptions>,
  target: Target,
  given: bigint | undefined,
): Promise<void> {
  const { options, output, directory } = invocation
  const { timeout } = options
  const via = parseVia(options.via)
  const maxFee = options.maxFee === undefined ? undefined : parseMaxFee(options.maxFee)
  const timeoutMs =
    1000 * (timeout === undefined ? defaultTimeoutSeconds : parseWhole(timeout, '--timeout', 1, 86_400))
  const wanted = target.kind === 'invoice' ? amountFor(target.invoice, given) : undefined
  const order = target.kind === 'address' ? orderOf(invocation, target, given) : undefined
  const api = connectNode(directory)
  const { text, invoice } =
    order === undefined
      ? (target as Extract<Target, { kind: 'invoice' }>)
      : await orderInvoice(api, directory, order())
  const paymentHash = toHex(invoice.paymentHash)
  const amount = invoice.amount ?? wanted
  if (!output.json) {
    output.note(`Paying ${amount} to ${toHex(invoice.payee).slice(2)}${forWhat(invoice)}`)
    // Asking the address again would be another invoice, and another payment.
    if (target.kind === 'address') output.note(`Invoice ${text}`)
  }
  let told: NetworkPaymentView | undefined
  const tell = (payment: NetworkPaymentView) => {
    for (const step of stepsSince(told, payment)) output.note(step)
    told = payment
  }
  const request = {
    invoice: text,
    ...(wanted === undefined || invoice.amount !== undefined ? {} : { amount: wanted }),
    ...(maxFee === undefined ? {} : { maxFee }),
    ...(via === undefined ? {} : { via }),
  }
  const facts = { paymentHash, invoice: text }
  const payment = await payInvoice(api, request, {
    paymentHash,
    timeoutMs,
    ...(output.json ? {} : { onChange: tell }),
  }).catch((thrown) => Promise.reject(withInvoice(toFailure(thrown), facts)))
  if (!output.json) tell(payment)
  if (payment.state !== 'succeeded') throw unfinished(payment, facts)
  output.result({ payment: asJson(payment) }, () => summary(payment))
}

function parseVia(text: string | undefined): InvoiceMethod | undefined {
  if (text === undefined || text === 'htlc' || text === 'joint') return text
  throw usage('--via', 'there is no such way to pay', 'Give htlc or joint.')
}

function parseMaxFee(text: string): bigint {
  const fee = parseFee(text, '--max-fee')
  if (fee >= 0n) return fee
  throw usage('--max-fee', 'the highest fee is negative', 'Give 0 or more base units.', 'bad-amount')
}

function amountFor({ amount: asked }: Invoice, given: bigint | undefined): bigint | undefined {
  if (asked !== undefined && given !== undefined && asked !== given)
    throw usage(
      'amount',
      `the invoice asks for ${asked}`,
      'Give no amount: the invoice has its own.',
      'amount-differs',
    )
  if (asked === undefined && given === undefined)
    throw usage(
      'amount',
      'the invoice leaves the amount open',
      'Give the amount after the invoice, in base units.',
      'missing-amount',
    )
  return given
}

/** Reads the command line now, the configuration when it is called. */
function orderOf(
  { options, directory }: Invocation<NetworkPayOptions>,
  target: Extract<Target, { kind: 'address' }>,
  given: bigint | undefined,
) {
  if (given !== undefined && target.amount !== undefined && given !== target.amount)
    throw usage(
      'amount',
      `the URI asks for ${target.amount}`,
      'Give no amount, or that one.',
      'amount-differs',
    )
  const amount = given ?? target.amount
  if (amount === undefined)
    throw usage(
      'amount',
      'no amount was given',
      'Give it after the address, in base units.',
      'missing-amount',
    )
  const token = options.token === undefined ? undefined : parseAddress(options.token, '--token')
  if (token !== undefined && target.token !== undefined && token !== target.token)
    throw usage('--token', `the URI asks for ${target.token}`, 'Give no --token.', 'token-differs')
  return () => ({
    address: target.address,
    token: token ?? target.token ?? readConfig(directory.config).token,
    amount,
    comment: options.comment,
    acceptNewPayee: options.acceptNewPayee === true,
    allowLocal: options.allowLocal === true,
  })
}

function forWhat({ description }: Invoice): string {
  return description === '' ? '.' : ` for ${JSON.stringify(description)}.`
}

function summary({ amount, payee, fee, attempts, preimage, paymentHash, via }: NetworkPaymentView): string {
  const ways = attempts.filter(({ state }) => state !== 'failed')
  return [
    `Paid ${amount} to ${payee}: ${feeText(fee)}, ${via}.`,
    ...ways.map((attempt) => `  over ${pathOf(attempt)}`),
    `Payment ${paymentHash}`,
    ...(preimage === undefined ? [] : [`Preimage ${preimage}, which shows that you paid`]),
  ].join('\n')
}

type Facts = { readonly paymentHash: string; readonly invoice: string }

/** Half-way a payment may still be made: whoever goes on must pay the same invoice. */
function withInvoice(failure: Failure, facts: Facts): Failure {
  const remedy =
    failure.kind === 'usage' || failure.kind === 'refused'
      ? failure.detail.remedy
      : `${failure.detail.remedy} ${goOn(facts)}`
  return new Failure(failure.kind, { ...failure.detail, remedy, facts }, failure)
}

function unfinished({ state, failure, attempts }: NetworkPaymentView, facts: Facts): Failure {
  if (state === 'pending')
    return new Failure('unreachable', {
      code: 'TIMED_OUT',
      field: '--timeout',
      message: 'the payment is still under way',
      remedy: goOn(facts),
      facts: { ...facts, state },
    })
  const reason = failure ?? attempts.at(-1)?.failure
  const found = { ...facts, state, reason: reason?.code ?? 'unknown' }
  return new Failure('refused', {
    code: 'PAYMENT_FAILED',
    message: `the payment failed ${whereOf(reason)}`.trimEnd(),
    remedy: `Nothing was paid. ${reason?.remedy ?? 'Pay again.'}`,
    facts: reason?.nodeId === undefined ? found : { ...found, nodeId: reason.nodeId },
  })
}

function goOn({ paymentHash, invoice }: Facts): string {
  return `It may still be made. To go on waiting, never paying twice: tally pay ${invoice}. To look: tally payments show ${paymentHash}`
}
