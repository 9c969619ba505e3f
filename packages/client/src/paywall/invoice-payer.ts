/**
 * Pays one chunk by the seller's invoice, over the network. The node makes one payment of an invoice, whatever is repeated
 * or crashes; the invoice is checked by the buyer's own node against the manifest before it is remembered and paid.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError } from '../api/error.ts'
import type { InvoiceDetails, InvoiceMethod, NetworkPaymentView } from '../schema/index.ts'
import { PaywallError } from './error.ts'
import { termsChanged } from './expectations.ts'
import {
  type BuyerNode,
  failed,
  LONGEST_REQUEST_MS,
  type Payer,
  pending,
  RETRY_MS,
  WORTH_REPEATING,
} from './payer.ts'
import type { InvoiceIntent, PurchaseState } from './purchase-state.ts'
import { invoiceDescription, type Manifest, type Terms } from './wire.ts'

export interface InvoicePayerOptions {
  readonly node: BuyerNode
  readonly manifest: Manifest
  readonly state: PurchaseState
  readonly via: InvoiceMethod
  /** For one chunk, base units; undefined: as the node does by default. */
  readonly maxFee: bigint | undefined
  readonly timeoutMs: number
}

/** The payee knows no such payment: the invoice is past its time, and paying it again cannot help. */
const FINAL_FAILURE = 'payment-unknown'

export function createInvoicePayer(options: InvoicePayerOptions): Payer {
  const { node, timeoutMs } = options
  return {
    async pay(terms, signal) {
      const deadlineMs = Date.now() + timeoutMs
      const intent = await intentFor(options, terms)
      for (;;) {
        const payment = await attempt(options, intent, Math.max(1, deadlineMs - Date.now()), signal)
        if (!(payment instanceof ApiError) && payment.state === 'succeeded') return payment.fee
        // What failed can be paid by nobody any more; the same invoice may be tried again, as another way may be there.
        const dead = !(payment instanceof ApiError) && payment.state === 'failed'
        const over = signal.aborted || Date.now() >= deadlineMs
        if (dead && (over || payment.failure?.code === FINAL_FAILURE)) throw notMade(intent, payment)
        if (over)
          throw pending(intent, payment instanceof ApiError ? payment.message : 'It is still under way.')
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    },
    async standing(intent) {
      if (!('invoice' in intent)) return 'none'
      const payment = await node.networkPayment(intent.paymentHash)
      if (payment === undefined || payment.state === 'failed') return 'none'
      return payment.state === 'succeeded' ? 'accepted' : 'pending'
    },
  }
}

/** The standing intent (a pending payment goes on with its own invoice), or a new one: durable before anything is paid. */
async function intentFor(options: InvoicePayerOptions, terms: Terms): Promise<InvoiceIntent> {
  const { node, manifest, state, via } = options
  const { chunk, reference, amount, invoice } = terms
  const standing = state.intents.get(chunk)
  if (standing !== undefined && 'invoice' in standing) return standing
  if (invoice === undefined) throw noInvoice()
  const details = await decoded(node, invoice)
  assertInvoice(details, terms, manifest, via)
  for (const [other, intent] of state.intents)
    if (other !== chunk && 'invoice' in intent && intent.paymentHash === details.paymentHash)
      throw termsChanged('invoice', `chunks ${other} and ${chunk} have the same one`)
  const intent: InvoiceIntent = {
    pay: chunk,
    reference,
    amount,
    invoice,
    paymentHash: details.paymentHash,
    via,
  }
  await state.intend(intent)
  return intent
}

/** The node checks the signature. @throws {PaywallError} `terms-changed` */
async function decoded(node: BuyerNode, invoice: string): Promise<InvoiceDetails> {
  try {
    return await node.decodeInvoice(invoice)
  } catch (error) {
    if (error instanceof ApiError && error.code === 'INVALID_INVOICE')
      throw termsChanged('invoice', error.message)
    throw error
  }
}

/** The invoice must ask for what the terms ask for, from the same seller, for this session and chunk. */
function assertInvoice(details: InvoiceDetails, terms: Terms, manifest: Manifest, via: InvoiceMethod): void {
  const stated: readonly [field: string, invoice: unknown, terms: unknown][] = [
    ['payee', details.payee, manifest.seller.nodeId],
    ['amount', details.amount, terms.amount],
    ['token', details.token, terms.token],
    ['chainId', details.chainId, terms.chainId],
    ['bank', details.bank, terms.bank],
    ['description', details.description, invoiceDescription(terms.chunk, terms.reference)],
  ]
  for (const [field, asked, offered] of stated)
    if (asked !== offered)
      throw termsChanged(`invoice.${field}`, `the terms say ${offered}, the invoice says ${asked}`)
  if (!details.methods.includes(via))
    throw new PaywallError(
      'no-invoice',
      'terms.invoice.methods',
      `The seller does not take ${via} payments.`,
      `Buy with one that it takes: ${details.methods.join(', ')}.`,
    )
}

/** One request; an ApiError when its outcome is unknown or the node cannot do it now. */
async function attempt(
  { node, maxFee }: InvoicePayerOptions,
  { invoice, via, paymentHash }: InvoiceIntent,
  leftMs: number,
  signal: AbortSignal,
): Promise<NetworkPaymentView | ApiError> {
  const timeoutMs = Math.min(Math.ceil(leftMs), LONGEST_REQUEST_MS)
  try {
    return await node.payInvoice(
      { invoice, via, timeoutMs, ...(maxFee === undefined ? {} : { maxFee }) },
      { signal },
    )
  } catch (error) {
    if (error instanceof ApiError && WORTH_REPEATING.has(error.code)) return error
    throw failed(`payment ${paymentHash}`, error)
  }
}

function noInvoice(): PaywallError {
  return new PaywallError(
    'no-invoice',
    'terms.invoice',
    'The seller gives no invoice: it can be paid over a channel with it only.',
    'Open a channel with the seller, then buy again; nothing was paid.',
  )
}

function notMade({ paymentHash }: InvoiceIntent, { failure }: NetworkPaymentView): PaywallError {
  return new PaywallError(
    'payment-failed',
    'payment',
    `The payment ${paymentHash} was not made: ${failure?.message ?? 'no way was found'}`,
    failure?.remedy ?? 'Buy again: it goes on where it stopped, and nothing is paid twice.',
  )
}
