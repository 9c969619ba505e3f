/**
 * Payments that the peer refused only because its view of the chain is behind ours (a deposit that counts here and not
 * there yet). Their line is void; they are signed again after a pause, as long as a request waits for them (LN-34).
 */

import { isUsable } from '@tallystick/protocol'
import { ServiceError } from './errors.ts'
import type { PendingPayment } from './payment-book.ts'
import { discard } from './payments.ts'
import { type Channel, post, type Runtime } from './runtime.ts'

const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 2_000

/** Takes payments of void lines back; they count as queued. */
export function hold(rt: Runtime, channel: Channel, payments: readonly PendingPayment[]): void {
  const [first] = payments
  if (first === undefined) return
  unsign(rt, channel, payments)
  for (const payment of payments) payment.refusals += 1
  const pauseMs = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (first.refusals - 1))
  setTimeout(() => post(rt, () => signAgain(rt, channel, payments)), pauseMs).unref()
}

/** Before what is queued, in the order in which they were signed. */
export function queueAgain(rt: Runtime, channel: Channel, payments: readonly PendingPayment[]): void {
  unsign(rt, channel, payments)
  channel.queue = [...payments, ...channel.queue]
}

/** Their rows say void until a line carries them again. */
function unsign(rt: Runtime, channel: Channel, payments: readonly PendingPayment[]): void {
  for (const payment of payments) {
    payment.nonce = 0
    payment.index = 0
    payment.released = false
    channel.queued += payment.amount
  }
  rt.book.queuedCount += payments.length
}

/** In the loop: what nobody waits for any more is not made, nor anything in a channel that stopped meanwhile. */
function signAgain(rt: Runtime, channel: Channel, payments: readonly PendingPayment[]): void {
  const usable = isUsable(channel.core) && !channel.draining
  const wanted = payments.filter(({ completions }) => usable && completions.length > 0)
  const kept = new Set(wanted)
  const dropped = payments.filter((payment) => !kept.has(payment))
  for (const { amount } of dropped) channel.queued -= amount
  discard(rt, dropped, new ServiceError('CHANNEL_CLOSING', { field: 'channelId' }))
  channel.queue = [...wanted, ...channel.queue]
  rt.due.add(channel)
}
