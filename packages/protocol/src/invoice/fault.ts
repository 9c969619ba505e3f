/**
 * Every way in which an invoice, a `tally:` URI or an address is not usable: one table from code to remedy. A fault is a
 * value: it names the field and what was found, and never a secret. Source: docs/spec/invoice.md IV-40.
 */

export const INVOICE_FAULTS = {
  'too-long': 'shorten the description or give fewer route hints: the text must fit one QR code',
  'prefix-wrong': 'give an invoice of this network of channels: it begins with tally1',
  'case-mixed': 'write the invoice in lower case or in upper case throughout',
  'character-invalid':
    'correct the named characters: an invoice has none of b, i, o, 1 after tally1, and no spaces',
  'checksum-wrong': 'compare the named characters, or all, with the original; copy or scan the invoice again',
  truncated: 'the end is missing: copy or scan the whole invoice again',
  'not-canonical': 'ask the payee for an invoice in the one form that docs/spec/invoice.md gives',
  'version-unknown': 'update this software, or ask the payee for an invoice of version 1',
  'feature-unknown': 'update this software: the payee requires a feature that it does not know',
  'field-invalid': 'ask the payee for an invoice with this field as docs/spec/invoice.md says',
  'signature-wrong': 'do not pay: ask the payee for a new invoice',
  'network-wrong': 'pay with a node on the chain, bank and registry of the invoice',
  expired: 'ask the payee for a new invoice',
  'not-yet-valid': 'check the clock of this machine; else ask the payee to check its own',
  'scheme-wrong':
    'begin with tally: and nothing after the colon but the invoice, nodeId@host:port or name@host',
  'target-unknown': 'give an invoice (tally1...), nodeId@host:port, or name@host',
  'node-id-invalid': 'give the compressed identity key: 66 hexadecimal digits that begin with 02 or 03',
  'name-invalid':
    'give 1 to 64 letters, digits, dots, hyphens or underscores, with a letter or digit at each end',
  'host-invalid':
    'give a DNS name in ASCII (xn--... for others), an IPv4 address, or an IPv6 address in brackets',
  'port-invalid': 'give a port from 1 to 65535',
  'parameter-unknown': 'give no parameters but token and amount',
  'parameter-repeated': 'give each parameter once',
  'amount-invalid': 'give base units as a decimal number from 1 to 2^128 - 1, and the token they are of',
  'token-invalid': 'give the token as 0x and 40 hexadecimal digits; zero is the native coin',
} as const satisfies Record<string, string>

export type InvoiceFaultCode = keyof typeof INVOICE_FAULTS

export interface InvoiceFault {
  readonly ok: false
  readonly code: InvoiceFaultCode
  /** The field at fault; `text` when it is the text as a whole. */
  readonly field: string
  readonly detail: string
  readonly remedy: string
  /** Which characters of the text are (or may be) wrong, from 0; empty when that is not known. */
  readonly positions: readonly number[]
}

export function invoiceFault(
  code: InvoiceFaultCode,
  field: string,
  detail: string,
  positions: readonly number[] = [],
): InvoiceFault {
  return { ok: false, code, field, detail, remedy: INVOICE_FAULTS[code], positions }
}
