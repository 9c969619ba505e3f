/** The API's words for invoices: requests are strict, and what an invoice says survives JSON. */
import { readFileSync } from 'node:fs'
import { loadCrypto } from '@tallystick/crypto'
import { parseInvoice } from '@tallystick/protocol'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  CreateInvoiceRequest,
  InvoiceDetails,
  InvoiceListQuery,
  InvoiceText,
  InvoiceView,
  invoiceDetails,
} from '../../src/schema/index.ts'

const { crypto } = await loadCrypto()
const vectors: {
  valid: { name: string; text: string; invoice: Record<string, unknown> & { routes: { from: string }[][] } }[]
} = JSON.parse(readFileSync(new URL('../../../../vectors/invoices.json', import.meta.url), 'utf8'))

describe('what an invoice says', () => {
  test.each(vectors.valid)('$name survives JSON, without its secret', ({ text, invoice }) => {
    const result = parseInvoice(crypto, text)
    if (!result.ok) throw new Error(result.detail)
    const details = invoiceDetails(result.signed)
    const wire = JSON.stringify(z.encode(InvoiceDetails, details))
    expect(InvoiceDetails.parse(JSON.parse(wire))).toEqual(details)
    expect(wire).not.toContain(String(invoice.paymentSecret).slice(2))
    const said = JSON.parse(wire)
    for (const field of ['chainId', 'bank', 'registry', 'token', 'paymentHash', 'description', 'features'])
      expect(said[field]).toBe(invoice[field])
    expect(said.amount ?? null).toBe(invoice.amount)
    expect(`0x${said.payee}`).toBe(invoice.payee)
    expect(said.expiresAtMs).toBe((Number(invoice.createdAt) + Number(invoice.expirySeconds)) * 1000)
    expect(said.routes.flat().map(({ from }: { from: string }) => `0x${from}`)).toEqual(
      invoice.routes.flat().map(({ from }) => from),
    )
    expect(InvoiceText.parse(text)).toBe(text)
  })
})

describe('requests', () => {
  const token = `0x${'00'.repeat(20)}`

  test('an open invoice, and one with everything', () => {
    expect(CreateInvoiceRequest.parse({ token })).toEqual({ token })
    const full = { token, amount: '5', description: 'tea ☕', expirySeconds: 60, methods: ['joint', 'htlc'] }
    expect(CreateInvoiceRequest.parse(full)).toEqual({ ...full, amount: 5n })
    expect(z.encode(CreateInvoiceRequest, CreateInvoiceRequest.parse(full))).toEqual(full)
  })

  test.each<[string, object]>([
    ['token', {}],
    ['amount', { token, amount: '0' }],
    ['amount', { token, amount: 5 }],
    ['description', { token, description: 'two\nlines' }],
    ['description', { token, description: 'é'.repeat(321) }],
    ['expirySeconds', { token, expirySeconds: 0 }],
    ['expirySeconds', { token, expirySeconds: 31_622_401 }],
    ['methods', { token, methods: [] }],
    ['methods', { token, methods: ['htlc', 'htlc'] }],
    ['methods.0', { token, methods: ['cash'] }],
    ['', { token, memo: 'x' }],
  ])('a wrong %s is refused (case %#)', (field, body) => {
    const result = CreateInvoiceRequest.safeParse(body)
    expect(result.error?.issues[0]?.path.join('.')).toBe(field)
  })

  test.each(['', 'tally', 'lnbc1x', 'tally1 q', 'tally://tally1q', `tally1${'q'.repeat(4300)}`])(
    '%j is no text of an invoice',
    (text) => {
      expect(InvoiceText.safeParse(text).error?.issues[0]?.message).toBe('INVALID_INVOICE')
    },
  )

  test('a list is asked for by state, page by page', () => {
    const query = { state: 'open', cursor: 'abc', limit: '20' } as const
    expect(InvoiceListQuery.parse(query)).toEqual({ ...query, limit: 20 })
    expect(InvoiceListQuery.parse({})).toEqual({})
    expect(InvoiceListQuery.safeParse({ state: 'lost' }).success).toBe(false)
  })

  test('a view of an own invoice survives JSON', () => {
    const view: InvoiceView = {
      paymentHash: `0x${'ab'.repeat(32)}`,
      text: 'tally1q',
      token: `0x${'00'.repeat(20)}`,
      description: 'tea',
      state: 'settled',
      received: (1n << 127n) - 1n,
      createdAtMs: 1,
      expiresAtMs: 2,
      settledAtMs: 3,
    }
    expect(InvoiceView.parse(JSON.parse(JSON.stringify(z.encode(InvoiceView, view))))).toEqual(view)
  })
})
