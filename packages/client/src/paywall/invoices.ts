/**
 * The seller's invoices, one for each reference at a time. The server keeps no record of them: what an invoice was for is in
 * its description, which the seller's node signed and keeps, so a payment is recognised after a restart too.
 */
import type { NodeClient } from '../api/client.ts'
import type { Hex } from '../schema/index.ts'
import { invoiceDescription } from './wire.ts'

/** What the seller's node issues and knows. */
export interface InvoiceCashier {
  issue(amount: bigint, description: string, expirySeconds: number): Promise<string>
  /** `other`: it is no invoice of this node with this description. */
  standing(paymentHash: Hex, amount: bigint, description: string): Promise<'paid' | 'unpaid' | 'other'>
}

/** The seller's node as cashier for invoices. */
export function nodeInvoices(
  node: Pick<NodeClient, 'createInvoice' | 'invoice'>,
  token: Hex,
): InvoiceCashier {
  return {
    issue: async (amount, description, expirySeconds) =>
      (await node.createInvoice({ token, amount, description, expirySeconds })).text,
    standing: async (paymentHash, amount, description) => {
      const invoice = await node.invoice(paymentHash)
      if (invoice === undefined || invoice.description !== description || invoice.token !== token)
        return 'other'
      return invoice.state === 'settled' && invoice.received >= amount ? 'paid' : 'unpaid'
    },
  }
}

export interface InvoiceDesk {
  /** The open invoice of a reference; undefined while there are too many open ones. */
  invoiceFor(reference: Hex, chunk: number, amount: bigint): Promise<string | undefined>
  standing(
    paymentHash: Hex,
    reference: Hex,
    chunk: number,
    amount: bigint,
  ): ReturnType<InvoiceCashier['standing']>
}

/** Anyone may ask for terms: what that costs the seller's node is bounded by these two. */
const MAX_OPEN_INVOICES = 1_024
const EXPIRY_SECONDS = 600
/** A buyer gets an invoice that it has time to pay. */
const LEAST_LEFT_MS = 120_000

export function createInvoiceDesk(cashier: InvoiceCashier, nowMs: () => number = Date.now): InvoiceDesk {
  /** By reference, oldest first. */
  const open = new Map<Hex, { readonly text: Promise<string>; readonly untilMs: number }>()
  const prune = () => {
    for (const [reference, { untilMs }] of open) {
      if (untilMs > nowMs()) return
      open.delete(reference)
    }
  }
  return {
    async invoiceFor(reference, chunk, amount) {
      prune()
      const known = open.get(reference)
      if (known !== undefined) return known.text
      if (open.size >= MAX_OPEN_INVOICES) return undefined
      const text = cashier.issue(amount, invoiceDescription(chunk, reference), EXPIRY_SECONDS)
      open.set(reference, { text, untilMs: nowMs() + EXPIRY_SECONDS * 1000 - LEAST_LEFT_MS })
      text.catch(() => open.delete(reference))
      return text
    },
    async standing(paymentHash, reference, chunk, amount) {
      const standing = await cashier.standing(paymentHash, amount, invoiceDescription(chunk, reference))
      if (standing === 'paid') open.delete(reference)
      return standing
    },
  }
}
