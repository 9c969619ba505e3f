/** `pay` and `payBatch`: checks a request, finds what was paid before under its references, and queues the rest. */

import { spendable, toHex } from '@tallystick/protocol'
import { MAX_PAGE_ROWS, type PaymentRow } from '../store/port.ts'
import { ServiceError } from './errors.ts'
import { amountOf, channelOf, peerIdOf, referenceOf } from './input-checks.ts'
import { isUndecidable } from './outcomes.ts'
import { abandon, advance, type Completion, completion, type PendingPayment } from './payment-book.ts'
import { type Channel, type Group, post, type Runtime } from './runtime.ts'
import type { Hex, PayBatchRequest } from './service.ts'

const DEFAULT_TIMEOUT_MS = 30_000

export interface PayOutcome {
  /** Of the payments made now; when every one existed, of the first of them. */
  channel: Channel
  readonly count: number
  readonly amount: bigint
}

interface Item {
  readonly reference: Hex
  readonly amount: bigint
}

/** Resolves when every payment is `until`; see service.ts. */
export async function payMany(rt: Runtime, request: PayBatchRequest): Promise<PayOutcome> {
  if (!rt.running) throw new ServiceError('STOPPED')
  const items = itemsOf(rt, request)
  let total = 0n
  for (const { amount } of items.values()) total += amount
  const channel = chooseChannel(rt, request, total)
  if (rt.book.queuedCount + items.size > rt.config.maxQueuedPayments) throw new ServiceError('OVERLOADED')

  const outcome: PayOutcome = { channel, count: items.size, amount: total }
  return new Promise((resolve, reject) => {
    const own = completion(
      request.until ?? 'accepted',
      items.size,
      request.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      (error) => (error === undefined ? resolve(outcome) : reject(error)),
      (expired) => post(rt, () => giveUp(rt, items, expired)),
    )
    join(rt, request, outcome, items, own).catch((error: unknown) => own.reject(asError(error)))
  })
}

function itemsOf(rt: Runtime, request: PayBatchRequest): Map<Hex, Item> {
  const { payments } = request
  if (payments.length === 0) throw new ServiceError('BATCH_EMPTY', { field: 'payments' })
  if (payments.length > rt.config.maxBatch)
    throw new ServiceError('BATCH_TOO_LARGE', { field: 'payments', detail: `At most ${rt.config.maxBatch}.` })
  const items = new Map<Hex, Item>()
  for (const [index, payment] of payments.entries()) {
    const field = payments.length === 1 ? '' : `payments[${index}].`
    const amount = amountOf(payment.amount, `${field}amount`)
    const reference = referenceOf(payment.reference, `${field}reference`)
    const earlier = items.get(reference)
    if (earlier !== undefined && earlier.amount !== amount)
      throw new ServiceError('REFERENCE_CONFLICT', { field: `${field}reference` })
    items.set(reference, { reference, amount })
  }
  return items
}

function chooseChannel(rt: Runtime, request: PayBatchRequest, total: bigint): Channel {
  if (request.channelId !== undefined) return channelOf(rt, request.channelId)
  if (request.peer === undefined) throw new ServiceError('INVALID_REQUEST', { field: 'channelId' })
  const peer = rt.peers.get(peerIdOf(request.peer))
  let best: Channel | undefined
  let room = -1n
  for (const channel of peer?.channels ?? []) {
    if (channel.record.abandoned !== undefined || channel.core.chain.status !== 'open') continue
    if (channel.core.closing !== undefined || channel.draining) continue
    const free = spendable(channel.core) - channel.queued
    if (free > room) [best, room] = [channel, free]
  }
  const any = best ?? [...(peer?.channels ?? [])].find(({ record }) => record.abandoned === undefined)
  if (any === undefined) throw new ServiceError('UNKNOWN_PEER', { field: 'peer' })
  if (best !== undefined && room < total && best.queued > 0n && spendable(best.core) >= total) return best
  return any
}

/** Puts the request behind payments that exist, and makes the others. */
async function join(
  rt: Runtime,
  request: PayBatchRequest,
  outcome: PayOutcome,
  items: ReadonlyMap<Hex, Item>,
  own: Completion,
): Promise<void> {
  const { book } = rt
  const { channel } = outcome
  const existing: PendingPayment[] = []
  for (const { reference, amount } of items.values()) {
    const open = book.open.get(reference)
    if (open === undefined) continue
    if (open.amount !== amount || !meant(request, channel, open.channel))
      throw new ServiceError('REFERENCE_CONFLICT', { field: 'reference', detail: reference })
    if (isUndecidable(open.channel))
      throw new ServiceError('SALVAGE_ONLY', {
        field: 'reference',
        detail: 'Only the peer can tell whether it was paid.',
      })
    existing.push(open)
  }
  const made: PendingPayment[] = []
  for (const { reference, amount } of items.values()) {
    if (book.open.has(reference)) continue
    const payment = newPayment(reference, amount, channel)
    book.open.set(reference, payment)
    made.push(payment)
  }
  book.queuedCount += made.length
  const [found] = existing
  if (made.length === 0 && found !== undefined) outcome.channel = found.channel
  for (const payment of existing) {
    payment.completions.push(own)
    if (payment.released) advance(payment, 'sent')
  }
  try {
    await queueNew(rt, request, outcome, made, own)
  } catch (error) {
    discard(rt, made, asError(error))
    throw error
  }
}

/** True when a payment in `found` is what the request asks for: money that another peer got pays nobody else. */
function meant(request: PayBatchRequest, chosen: Channel, found: Channel): boolean {
  return request.channelId === undefined ? found.peer === chosen.peer : found === chosen
}

function newPayment(reference: Hex, amount: bigint, channel: Channel): PendingPayment {
  return {
    reference,
    referenceBytes: Buffer.from(reference.slice(2), 'hex'),
    amount,
    channel,
    sequence: 0,
    nonce: 0,
    index: 0,
    atMs: 0,
    released: false,
    refusals: 0,
    completions: [],
  }
}

/** Looks the new references up in the store; what is there already counts as done, the rest goes to the loop. */
async function queueNew(
  rt: Runtime,
  request: PayBatchRequest,
  outcome: PayOutcome,
  made: readonly PendingPayment[],
  own: Completion,
): Promise<void> {
  const rows = await findOutgoing(rt, made)
  const fresh: PendingPayment[] = []
  const done: PendingPayment[] = []
  let earlier: Channel | undefined
  for (const [index, payment] of made.entries()) {
    const row = rows[index]
    if (row === undefined || row.state === 'void') {
      payment.sequence = row?.sequence ?? 0
      fresh.push(payment)
      continue
    }
    const channel = rt.channels.get(toHex(row.channelId))
    if (channel === undefined || row.amount !== payment.amount || !meant(request, payment.channel, channel))
      throw new ServiceError('REFERENCE_CONFLICT', { field: 'reference', detail: payment.reference })
    earlier ??= channel
    done.push(payment)
  }
  if (fresh.length === 0 && earlier !== undefined) outcome.channel = earlier
  // In the store and not in `open`: the peer has acknowledged it, or the channel ended with it.
  for (const payment of done) {
    payment.completions.push(own)
    forget(rt, payment)
    advance(payment, 'accepted')
  }
  if (fresh.length === 0) return
  for (const payment of fresh) payment.completions.push(own)
  post(rt, (group) => enqueue(rt, group, fresh))
}

async function findOutgoing(
  rt: Runtime,
  payments: readonly PendingPayment[],
): Promise<readonly (PaymentRow | undefined)[]> {
  const rows: (PaymentRow | undefined)[] = []
  for (let at = 0; at < payments.length; at += MAX_PAGE_ROWS) {
    const references = payments.slice(at, at + MAX_PAGE_ROWS).map(({ referenceBytes }) => referenceBytes)
    rows.push(...(await rt.ports.store.findPayments('outgoing', references)))
  }
  return rows
}

/** In the loop: takes the payments into the channel's queue, all or none. */
function enqueue(rt: Runtime, group: Group, asked: readonly PendingPayment[]): void {
  const payments = asked.filter((payment) => stillWanted(rt, payment))
  const [first] = payments
  if (first === undefined) return
  const { channel } = first
  let total = 0n
  for (const { amount } of payments) total += amount
  const refusal = whyNotPayable(channel, total)
  if (refusal !== undefined) {
    discard(rt, payments, refusal)
    return
  }
  for (const payment of payments) {
    channel.queue.push(payment)
    channel.queued += payment.amount
  }
  rt.due.add(channel)
  group.touched.add(channel)
}

/** Forgets a payment whose requests all ended while the store was asked: it was not signed, so it is not made. */
function stillWanted(rt: Runtime, payment: PendingPayment): boolean {
  const { completions } = payment
  const waiting = completions.filter(({ ended }) => !ended)
  completions.splice(0, completions.length, ...waiting)
  if (waiting.length > 0) return true
  forget(rt, payment)
  return false
}

function whyNotPayable(channel: Channel, total: bigint): ServiceError | undefined {
  const { core, record } = channel
  if (core.lost) return new ServiceError('SALVAGE_ONLY', { field: 'channelId' })
  if (core.closing !== undefined || channel.draining || core.together !== undefined)
    return new ServiceError('CHANNEL_CLOSING', { field: 'channelId' })
  if (core.chain.status !== 'open' || record.abandoned !== undefined)
    return new ServiceError('CHANNEL_NOT_OPEN', {
      field: 'channelId',
      detail:
        core.chain.status === 'none' ? 'No deposit is in a final block yet.' : `It is ${core.chain.status}.`,
    })
  const free = spendable(core) - channel.queued
  if (total > free)
    return new ServiceError('INSUFFICIENT_BALANCE', {
      field: 'amount',
      detail: `Spendable now: ${free < 0n ? 0n : free}.`,
    })
  return undefined
}

/** In the loop: a request's deadline passed; payments that only it wanted and that are not signed are not made. */
function giveUp(rt: Runtime, items: ReadonlyMap<Hex, Item>, expired: Completion): void {
  const channels = new Set<Channel>()
  for (const reference of items.keys()) {
    const payment = rt.book.open.get(reference)
    if (payment === undefined) continue
    const at = payment.completions.indexOf(expired)
    if (at >= 0) payment.completions.splice(at, 1)
    if (payment.nonce === 0 && payment.completions.length === 0) channels.add(payment.channel)
  }
  for (const channel of channels) {
    const kept: PendingPayment[] = []
    for (const payment of channel.queue) {
      if (payment.completions.length > 0 || !items.has(payment.reference)) {
        kept.push(payment)
        continue
      }
      channel.queued -= payment.amount
      forget(rt, payment)
    }
    channel.queue = kept
  }
}

/** Ends payments that were never signed. */
export function discard(rt: Runtime, payments: readonly PendingPayment[], error: Error): void {
  for (const payment of payments) {
    forget(rt, payment)
    abandon(payment, error)
  }
}

function forget(rt: Runtime, payment: PendingPayment): void {
  if (rt.book.open.get(payment.reference) !== payment) return
  rt.book.open.delete(payment.reference)
  if (payment.nonce === 0) rt.book.queuedCount -= 1
}

/** Empties a channel's queue. */
export function discardQueue(rt: Runtime, channel: Channel, error: Error): void {
  const { queue } = channel
  channel.queue = []
  channel.queued = 0n
  discard(rt, queue, error)
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
