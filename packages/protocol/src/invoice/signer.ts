/** The seam to who holds the payee's key (IV-20): it signs invoices that it put together itself, never bytes it is given. */

import type { InvoiceResult, InvoiceTerms } from './invoice.ts'

export interface InvoiceSigner {
  /** The payee of every invoice it signs: 66 lower-case hexadecimal digits. */
  readonly nodeId: string
  /**
   * Adds version and payee, checks everything and signs; the same terms give the same bytes. A fault names the field that
   * the terms have wrong, and then nothing is signed. Make the terms durable before the invoice is let out.
   */
  issue(terms: InvoiceTerms): InvoiceResult
}
