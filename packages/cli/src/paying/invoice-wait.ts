/** Waiting until an invoice is paid, however long: one request of the API waits at most four minutes. */
import type { Hex, InvoiceView, NodeClient } from '@tallystick/client'
import { ApiError } from '@tallystick/client'
import { Failure } from '../failure.ts'

const longestRequestMs = 60_000

/** @throws {Failure} when it is not paid in time, or its own time is over; undefined when there is none */
export async function settledInvoice(
  api: NodeClient,
  hash: Hex,
  timeoutMs: number,
): Promise<InvoiceView | undefined> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const leftMs = deadlineMs - Date.now()
    const waitMs = Math.min(Math.max(1, leftMs), longestRequestMs)
    const found = await api.invoice(hash, { timeoutMs: waitMs }).catch((thrown) => {
      if (thrown instanceof ApiError && thrown.code === 'TIMED_OUT') return api.invoice(hash)
      throw thrown
    })
    if (found === undefined || found.state === 'settled') return found
    if (found.state === 'expired')
      throw new Failure('refused', {
        code: 'INVOICE_EXPIRED',
        field: 'hash',
        message: 'the invoice was not paid in its time',
        remedy: 'Make a new one with `tally invoice create`.',
      })
    if (Date.now() >= deadlineMs)
      throw new Failure('unreachable', {
        code: 'TIMED_OUT',
        field: '--timeout',
        message: 'the invoice is not paid yet',
        remedy: 'It can still be paid: wait again, or look with `tally invoice show`.',
      })
  }
}
