/**
 * Outgoing payments on their way: from the caller's request to the peer's acknowledgement. Idempotency by reference rests
 * on one rule: a reference is in `open` from the request until its outcome is in the store, so between the two it is
 * always found in one of them.
 */

import type { Refusal } from '@tallystick/protocol'
import { ServiceError } from './errors.ts'
import type { Channel } from './runtime.ts'
import type { Hex, PaymentState } from './service.ts'

export interface PendingPayment {
  readonly reference: Hex
  readonly referenceBytes: Uint8Array
  readonly amount: bigint
  readonly channel: Channel
  /** Row in the store; 0 until it is signed for the first time. A payment signed again after it was void keeps its row. */
  sequence: number
  /** The line that carries it; 0 while it is queued. */
  nonce: number
  index: number
  atMs: number
  /** Durable here, and released. */
  released: boolean
  /** How often the peer refused it because its view of the chain is behind ours. */
  refusals: number
  readonly completions: Completion[]
}

export interface SentLine {
  readonly nonce: number
  /** Nonce of the line whose content this one continues (LN-17). */
  readonly base: number
  /** The message as it was and will be sent (LN-10). */
  readonly bytes: Uint8Array
  readonly payments: readonly PendingPayment[]
  /** Sum of `payments`. */
  readonly amount: bigint
  /** Set when the peer refused it; its payments are decided by the next acknowledgement (LN-32). */
  refusal: Refusal | undefined
}

export interface PaymentBook {
  readonly open: Map<Hex, PendingPayment>
  queuedCount: number
  nextSequence: number
  sentTotal: number
  receivedTotal: number
}

/** One request: resolved when all its payments got as far as it asks. */
export interface Completion {
  readonly until: 'sent' | 'accepted'
  remaining: number
  /** Answered: it wants nothing any more. */
  ended: boolean
  /** Why it takes so long, if that is known; told when the time is over. */
  hint: string | undefined
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export function createPaymentBook(lastSequence: number): PaymentBook {
  return { open: new Map(), queuedCount: 0, nextSequence: lastSequence + 1, sentTotal: 0, receivedTotal: 0 }
}

/** Makes a completion that a deadline ends; `expired` says which payments to give up. */
export function completion(
  until: 'sent' | 'accepted',
  count: number,
  timeoutMs: number,
  done: (error: Error | undefined) => void,
  expired: (own: Completion) => void,
): Completion {
  const finish = (error: Error | undefined) => {
    if (own.ended) return
    own.ended = true
    clearTimeout(timer)
    done(error)
  }
  const own: Completion = {
    until,
    remaining: count,
    ended: false,
    hint: undefined,
    resolve: () => finish(undefined),
    reject: (error) => finish(error),
  }
  const timer = setTimeout(() => {
    const detail = [own.hint, 'Ask again with the same reference.'].filter(Boolean).join(' ')
    finish(new ServiceError('TIMED_OUT', { detail }))
    expired(own)
  }, timeoutMs)
  return own
}

/** The payment got as far as `state`: tells those who waited for that. */
export function advance(payment: PendingPayment, state: 'sent' | 'accepted'): void {
  const { completions } = payment
  for (let i = completions.length - 1; i >= 0; i -= 1) {
    const waiting = completions[i]
    if (waiting === undefined || (state === 'sent' && waiting.until === 'accepted')) continue
    completions.splice(i, 1)
    waiting.remaining -= 1
    if (waiting.remaining === 0) waiting.resolve()
  }
}

/** The payment will not be made (or its outcome cannot be waited for): ends every request that waits for it. */
export function abandon(payment: PendingPayment, error: Error): void {
  for (const waiting of payment.completions.splice(0)) waiting.reject(error)
}

export function stateOf(payment: PendingPayment): PaymentState {
  return payment.released ? 'sent' : 'queued'
}
