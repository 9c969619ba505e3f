/** Pays one chunk's terms through the buyer's own node, once, whatever is repeated or crashes. */
import { setTimeout as delay } from 'node:timers/promises'
import type { NodeClient } from '../api/client.ts'
import { ApiError } from '../api/error.ts'
import type { ChannelView, PaymentView } from '../schema/index.ts'
import { PaywallError } from './error.ts'
import type { DirectIntent, Intent, PurchaseState } from './purchase-state.ts'
import type { Manifest, Terms } from './wire.ts'

/** What a purchase asks of the buyer's node. */
export type BuyerNode = Pick<
  NodeClient,
  'status' | 'channels' | 'pay' | 'payment' | 'decodeInvoice' | 'payInvoice' | 'networkPayment'
>

export interface Payer {
  /**
   * Resolves with the fees paid, base units, when the payment is accepted (durable at the seller).
   * @throws {PaywallError} `no-channel`, `no-invoice` (nothing paid), `payment-pending`, `payment-failed`
   */
  pay(terms: Terms, signal: AbortSignal): Promise<bigint>
  /** How the payment meant for a chunk stands: `none` when it was never made, or is void for ever. */
  standing(intent: Intent): Promise<'accepted' | 'pending' | 'none'>
}

/** Answers after which the same request may be repeated: the payment is idempotent by its reference. */
export const WORTH_REPEATING = new Set([
  'UNREACHABLE',
  'TIMED_OUT',
  'OVERLOADED',
  'PEER_OFFLINE',
  'STOPPED',
  'PENDING_OPERATION',
])
export const RETRY_MS = 200
export const LONGEST_REQUEST_MS = 30_000

export function createPayer(
  node: BuyerNode,
  manifest: Manifest,
  state: PurchaseState,
  timeoutMs: number,
): Payer {
  return {
    async pay(terms, signal) {
      const deadlineMs = Date.now() + timeoutMs
      const intent = await intentFor(node, manifest, state, terms)
      for (;;) {
        const payment = await attempt(node, intent, Math.max(1, deadlineMs - Date.now()), signal)
        if (!(payment instanceof ApiError) && payment.state === 'accepted') return 0n
        if (!(payment instanceof ApiError) && payment.state === 'refused') throw refused(intent)
        if (signal.aborted || Date.now() >= deadlineMs) throw pending(intent, whyNot(payment))
        if (payment instanceof ApiError) await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    },
    async standing(intent) {
      const payment = await node.payment('outgoing', intent.reference)
      if (payment === undefined || payment.state === 'refused') return 'none'
      return payment.state === 'accepted' ? 'accepted' : 'pending'
    },
  }
}

/** The standing intent for these terms (a pending payment goes on where it began), or a new one: durable before anything is paid. */
async function intentFor(
  node: BuyerNode,
  manifest: Manifest,
  state: PurchaseState,
  terms: Terms,
): Promise<DirectIntent> {
  const standing = state.intents.get(terms.chunk)
  if (standing !== undefined && 'channelId' in standing) return standing
  const { channelId } = await chooseChannel(node, manifest)
  const intent: DirectIntent = {
    pay: terms.chunk,
    reference: terms.reference,
    channelId,
    amount: terms.amount,
  }
  await state.intend(intent)
  return intent
}

/** The open channel with the seller, in the manifest's token, that has most to spend. */
async function chooseChannel(node: BuyerNode, manifest: Manifest): Promise<ChannelView> {
  const { seller, token, pricePerChunk } = manifest
  const usable = (await node.channels())
    .filter(
      (channel) => channel.peer === seller.nodeId && channel.token === token && channel.status === 'open',
    )
    .sort((one, other) => (one.spendable < other.spendable ? 1 : -1))
  const [best] = usable
  if (best !== undefined && best.spendable >= pricePerChunk) return best
  const peer = `${seller.nodeId}@${seller.host}:${seller.port}`
  throw new PaywallError(
    'no-channel',
    'channel',
    best === undefined
      ? `There is no open channel with the seller in the token ${token}.`
      : `No channel with the seller can carry a price of ${pricePerChunk}; the best has ${best.spendable} to spend.`,
    best === undefined
      ? `Open one with ${peer}, then buy again.`
      : 'Top the channel up, then buy again: it goes on.',
  )
}

/** One request; an ApiError when its outcome is unknown or the node cannot do it now. */
async function attempt(
  node: BuyerNode,
  { channelId, amount, reference }: DirectIntent,
  leftMs: number,
  signal: AbortSignal,
): Promise<PaymentView | ApiError> {
  const timeoutMs = Math.min(Math.ceil(leftMs), LONGEST_REQUEST_MS)
  try {
    return await node.pay({ channelId, amount, reference, until: 'accepted', timeoutMs }, { signal })
  } catch (error) {
    if (error instanceof ApiError && WORTH_REPEATING.has(error.code)) return error
    throw failed(`payment ${reference}`, error)
  }
}

export function failed(what: string, cause: unknown): PaywallError {
  const api = cause instanceof ApiError ? cause : undefined
  return new PaywallError(
    'payment-failed',
    api?.field ?? 'payment',
    `The ${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    api?.remedy ?? 'Buy again: it goes on where it stopped, and nothing is paid twice.',
    { cause },
  )
}

function refused({ reference }: DirectIntent): PaywallError {
  return new PaywallError(
    'payment-failed',
    'payment',
    `The seller's node refused the payment ${reference}; nothing was paid.`,
    'Ask the seller why; buying again tries again.',
  )
}

function whyNot(last: PaymentView | ApiError): string {
  return last instanceof ApiError ? last.message : 'The seller has not acknowledged it in time.'
}

export function pending({ reference, amount }: Intent, why: string): PaywallError {
  return new PaywallError(
    'payment-pending',
    'payment',
    `The payment ${reference} is not finished and may still be made. ${why}`,
    'Buy again: it goes on with this payment, and nothing is paid twice.',
    { atRisk: amount },
  )
}
