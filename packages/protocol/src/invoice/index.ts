/** Invoices, `tally:` URIs and addresses (docs/spec/invoice.md). */
export {
  checkInvoiceSize,
  decodeInvoice,
  encodeInvoice,
  type InvoiceCrypto,
  invoiceDigest,
  MAX_INVOICE_BYTES,
} from './binary.ts'
export { INVOICE_FAULTS, type InvoiceFault, type InvoiceFaultCode, invoiceFault } from './fault.ts'
export { type Host, hostInUri, parseHost } from './host.ts'
export * from './invoice.ts'
export { plainTextFault } from './plain-text.ts'
export type { InvoiceSigner } from './signer.ts'
export { formatInvoice, INVOICE_PREFIX, MAX_INVOICE_CHARACTERS, parseInvoice } from './text.ts'
export * from './uri.ts'
