/** Payments looked up, waited for and listed. Only what is durable is told as paid. */

import { fromHex } from '@tallystick/protocol'
import type { PaymentRow } from '../store/port.ts'
import { ServiceError } from './errors.ts'
import { channelOf } from './input-checks.ts'
import type { Runtime } from './runtime.ts'
import type {
  Hex,
  PaymentDirection,
  PaymentFilter,
  PaymentPage,
  PaymentQuery,
  PaymentView,
} from './service.ts'
import { paymentView, pendingView } from './views.ts'

const MAX_PAGE = 1_000

export async function findPayment(
  rt: Runtime,
  direction: PaymentDirection,
  reference: Hex,
  filter: PaymentFilter,
): Promise<PaymentView | undefined> {
  if (!rt.running) throw new ServiceError('STOPPED')
  if (direction !== 'outgoing' && direction !== 'incoming')
    throw new ServiceError('INVALID_REQUEST', { field: 'direction' })
  if (direction === 'outgoing') {
    const pending = rt.book.open.get(reference)
    if (pending !== undefined) return passing(pendingView(pending, rt.ports.nowMs()), filter)
    const row = await rt.ports.store.findPayment('outgoing', bytes32(reference))
    return row && passing(paymentView(rt, row), filter)
  }
  return findIncoming(rt, reference, filter, false)
}

/** One that is good, else the newest that is not: a payer may pay again what a channel ended without. */
async function findIncoming(
  rt: Runtime,
  reference: Hex,
  filter: PaymentFilter,
  onlyGood: boolean,
): Promise<PaymentView | undefined> {
  let unpaid: PaymentView | undefined
  let before: number | undefined
  for (;;) {
    const rows: readonly PaymentRow[] = await rt.ports.store.listPayments({
      direction: 'incoming',
      reference: bytes32(reference),
      limit: MAX_PAGE,
      ...(before === undefined ? {} : { before }),
    })
    for (const row of rows) {
      const view = passing(paymentView(rt, row), filter)
      if (view?.state === 'accepted') return view
      if (!onlyGood) unpaid ??= view
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < MAX_PAGE) return unpaid
    before = last.sequence
  }
}

function passing(view: PaymentView, { token, atLeast }: PaymentFilter): PaymentView | undefined {
  if (token !== undefined && view.token !== token.toLowerCase()) return undefined
  return atLeast !== undefined && view.amount < atLeast ? undefined : view
}

export async function waitForPayment(
  rt: Runtime,
  reference: Hex,
  filter: PaymentFilter,
  timeoutMs: number,
): Promise<PaymentView> {
  const deadlineMs = rt.ports.nowMs() + timeoutMs
  for (;;) {
    // The wait begins before the look, so that a payment that lands in between is not missed.
    let poked = false
    const arrival = rt.waits.until(
      `incoming/${reference}`,
      Math.max(1, deadlineMs - rt.ports.nowMs()),
      () => {
        if (poked) return true
        poked = true
        return undefined
      },
    )
    arrival.catch(() => {})
    const found = await findIncoming(rt, reference, filter, true)
    if (found !== undefined) return found
    await arrival
  }
}

export async function listPayments(rt: Runtime, query: PaymentQuery): Promise<PaymentPage> {
  if (!rt.running) throw new ServiceError('STOPPED')
  const limit = query.limit ?? 100
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new ServiceError('INVALID_REQUEST', { field: 'limit' })
  const before = query.cursor === undefined ? undefined : Number(query.cursor)
  if (before !== undefined && (!Number.isSafeInteger(before) || before < 1))
    throw new ServiceError('INVALID_REQUEST', { field: 'cursor' })
  const rows = await rt.ports.store.listPayments({
    limit: limit + 1,
    ...(query.direction === undefined ? {} : { direction: query.direction }),
    ...(query.channelId === undefined ? {} : { channelId: channelOf(rt, query.channelId).idBytes }),
    ...(before === undefined ? {} : { before }),
  })
  const page = rows.slice(0, limit)
  return {
    payments: page.map((row) => paymentView(rt, row)),
    next: rows.length > limit ? String(page.at(-1)?.sequence) : undefined,
  }
}

function bytes32(reference: Hex): Uint8Array {
  const bytes = fromHex(reference, 32)
  if (bytes === undefined) throw new ServiceError('INVALID_REFERENCE', { field: 'reference' })
  return bytes
}
