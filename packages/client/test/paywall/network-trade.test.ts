/** A file paid by invoices over the network: once a chunk, and only what the terms ask for. */
import type { Hex } from '@tallystick/client'
import { describe, expect, test } from 'vitest'
import { createInvoiceDesk, type InvoiceCashier } from '../../src/paywall/invoices.ts'
import { PaymentRequired } from '../../src/paywall/wire.ts'
import { PRICE } from './paper-ledger.ts'
import { openStall, refused, type Stall } from './stall.ts'

const MINE: Hex = `0x${'01'.repeat(32)}`
const YOURS: Hex = `0x${'02'.repeat(32)}`

function assertPaidOnce({ ledger: { network, payments } }: Stall, chunks: number): void {
  expect(payments).toEqual([])
  expect(network.paid.length).toBe(chunks)
  expect(new Set(network.paid).size).toBe(chunks)
}

async function ask(stall: Stall, chunk: number, session: Hex, more: Record<string, string> = {}) {
  return fetch(`${stall.url}/chunks/${chunk}`, { headers: { 'tally-session': session, ...more } })
}

async function termsOf(response: Response): Promise<PaymentRequired> {
  expect(response.status).toBe(402)
  return PaymentRequired.parse(await response.json())
}

describe('a file bought through the network', () => {
  test.for([1, 4])('%i ahead: the file, one invoice and one payment a chunk', async (chunksAhead) => {
    const stall = await openStall()
    const purchase = await stall.buy({ via: 'htlc', chunksAhead })
    expect(stall.bought().equals(stall.bytes)).toBe(true)
    expect(purchase).toMatchObject({ paidNow: PRICE * 10n, paidTotal: PRICE * 10n, feesNow: 20n })
    assertPaidOnce(stall, 10)
    expect(stall.ledger.network.issued.length).toBe(10)
  })

  test('each chunk by its own method', async () => {
    const stall = await openStall({ chunkCount: 4 })
    const vias: string[] = []
    const { payer } = stall.ledger.network
    const node = {
      ...stall.ledger.buyer,
      payInvoice: (request: Parameters<typeof payer.payInvoice>[0]) => {
        vias.push(request.via ?? '')
        return payer.payInvoice(request)
      },
    }
    await stall.buy({ node, via: (chunk) => (chunk === 0 ? 'direct' : chunk < 3 ? 'htlc' : 'joint') })
    expect(vias).toEqual(['htlc', 'htlc', 'joint'])
    expect(stall.ledger.payments.length).toBe(1)
  })

  test('a payment that fails is made again with the same invoice', async () => {
    const stall = await openStall({ chunkCount: 2 })
    stall.ledger.network.outcomes = ['failed', 'TIMED_OUT', 'failed']
    await stall.buy({ via: 'joint' })
    assertPaidOnce(stall, 2)
    expect(stall.ledger.network.issued.length).toBe(2)
  })

  test('an interrupted payment goes on with its own invoice, also after the seller has restarted', async () => {
    const stall = await openStall({ chunkCount: 2 })
    stall.ledger.network.outcomes = Array.from({ length: 50 }, () => 'pending')
    const error = await refused(stall.buy({ via: 'htlc', paymentTimeoutMs: 300 }))
    expect(error).toMatchObject({ code: 'payment-pending', atRisk: PRICE })
    stall.ledger.network.outcomes = []
    await stall.restart()
    // Another wish meanwhile changes nothing for what is under way.
    await stall.buy({ via: (chunk) => (chunk === 0 ? 'direct' : 'htlc') })
    assertPaidOnce(stall, 2)
    expect(stall.ledger.network.paid[0]).toBe(stall.ledger.network.issued[0]?.paymentHash)
  })

  test('what was paid and not fetched is fetched, not paid again', async () => {
    const stall = await openStall({ chunkCount: 2 })
    stall.bend(async (request, honest) => {
      const answer = await honest()
      return request.headers.has('tally-payment-hash') ? new Response('', { status: 500 }) : answer
    })
    expect(await refused(stall.buy({ via: 'htlc' }))).toMatchObject({ code: 'not-delivered', atRisk: PRICE })
    stall.bend((_request, honest) => honest())
    await stall.restart()
    await stall.buy({ via: 'htlc' })
    assertPaidOnce(stall, 2)
  })

  test('a failure that trying again cannot mend ends it, and the next run takes a new invoice', async () => {
    const stall = await openStall({ chunkCount: 2 })
    stall.ledger.network.outcomes = ['payment-unknown']
    expect(await refused(stall.buy({ via: 'htlc' }))).toMatchObject({ code: 'payment-failed', atRisk: 0n })
    expect(stall.ledger.network.paid).toEqual([])
    // What this seller has issued before, it does not remember.
    await stall.restart()
    await stall.buy({ via: 'htlc' })
    assertPaidOnce(stall, 2)
    expect(stall.ledger.network.paid[0]).toBe(stall.ledger.network.issued[1]?.paymentHash)
  })
})

describe('an invoice that asks for something else is not paid', () => {
  test.for<[string, object]>([
    ['payee', { payee: `02${'11'.repeat(32)}` }],
    ['amount', { amount: PRICE + 1n }],
    ['amount', { amount: undefined }],
    ['token', { token: `0x${'71'.repeat(20)}` }],
    ['chainId', { chainId: 1n }],
    ['bank', { bank: `0x${'bb'.repeat(20)}` }],
    ['description', { description: 'Chunk 0, of another session' }],
  ])('%s: %o', async ([field, lies]) => {
    const stall = await openStall()
    stall.ledger.network.lies = lies
    expect(await refused(stall.buy({ via: 'htlc' }))).toMatchObject({
      code: 'terms-changed',
      field: `terms.invoice.${field}`,
    })
    expect(stall.ledger.network.paid).toEqual([])
  })

  test('the same for two chunks', async () => {
    const stall = await openStall()
    stall.ledger.network.lies = { paymentHash: `0x${'99'.repeat(32)}` }
    expect(await refused(stall.buy({ via: 'htlc' }))).toMatchObject({ field: 'terms.invoice' })
    expect(stall.ledger.network.paid.length).toBe(1)
  })

  test('none, or one that is no invoice, or not for this method', async () => {
    const stall = await openStall()
    stall.ledger.network.lies = { methods: ['joint'] }
    expect(await refused(stall.buy({ via: 'htlc' }))).toMatchObject({ code: 'no-invoice' })
    const bent = (invoice: string | undefined) =>
      stall.bend(async (_request, honest) => {
        const answer = await honest()
        if (answer.status !== 402) return answer
        const { terms, ...rest } = (await answer.json()) as { terms: { invoice?: string } }
        const { invoice: _, ...others } = terms
        const changed = { ...rest, terms: invoice === undefined ? others : { ...others, invoice } }
        return new Response(JSON.stringify(changed), { status: 402 })
      })
    bent(undefined)
    expect(await refused(stall.buy({ via: 'htlc' }))).toMatchObject({ code: 'no-invoice' })
    bent('tally1notone')
    expect(await refused(stall.buy({ via: 'htlc' }))).toMatchObject({ field: 'terms.invoice' })
    expect(stall.ledger.network.paid).toEqual([])
  })
})

describe('a chunk is delivered for a payment hash', () => {
  test('of its own settled invoice only: not unpaid, not for another chunk, session or token', async () => {
    const stall = await openStall()
    const { network } = stall.ledger
    const { terms } = await termsOf(await ask(stall, 2, MINE, { 'tally-method': 'invoice' }))
    const hash = network.issued[0]?.paymentHash ?? MINE
    const present = { 'tally-payment-hash': hash }
    expect((await termsOf(await ask(stall, 2, MINE, present))).reason).toBe('unpaid')
    await network.payer.payInvoice({ invoice: terms.invoice ?? '' })
    expect((await ask(stall, 2, MINE, present)).status).toBe(200)
    expect(
      (await ask(stall, 2, MINE, { 'tally-payment-hash': hash.toUpperCase().replace('0X', '0x') })).status,
    ).toBe(200)
    expect((await termsOf(await ask(stall, 3, MINE, present))).reason).toBe('reference-mismatch')
    expect((await termsOf(await ask(stall, 2, YOURS, present))).reason).toBe('reference-mismatch')
    const unknown = { 'tally-payment-hash': `0x${'55'.repeat(32)}` }
    expect((await termsOf(await ask(stall, 2, MINE, unknown))).reason).toBe('reference-mismatch')
    expect((await ask(stall, 2, MINE, { 'tally-payment-hash': '0x12' })).status).toBe(400)
  })

  test.for<[string, object]>([
    ['too little', { amount: PRICE - 1n }],
    ['another token', { token: `0x${'71'.repeat(20)}` }],
  ])('not for %s', async ([, lies]) => {
    const stall = await openStall()
    const { network } = stall.ledger
    network.lies = lies
    const { terms } = await termsOf(await ask(stall, 2, MINE, { 'tally-method': 'invoice' }))
    await network.payer.payInvoice({ invoice: terms.invoice ?? '' })
    const hash = network.issued[0]?.paymentHash ?? MINE
    expect((await ask(stall, 2, MINE, { 'tally-payment-hash': hash })).status).toBe(402)
  })

  test('terms carry an invoice only when it is asked for, and the same one again', async () => {
    const stall = await openStall()
    expect((await termsOf(await ask(stall, 2, MINE))).terms.invoice).toBeUndefined()
    const asked = { 'tally-method': 'invoice' }
    const first = (await termsOf(await ask(stall, 2, MINE, asked))).terms.invoice
    expect((await termsOf(await ask(stall, 2, MINE, asked))).terms.invoice).toBe(first)
    expect(stall.ledger.network.issued.length).toBe(1)
  })
})

describe('what strangers cost the seller', () => {
  const reference = (i: number): Hex => `0x${i.toString(16).padStart(64, '0')}`

  test('open invoices are bounded, until they expire, are paid, or fail to be made', async () => {
    let issued = 0
    let works = true
    const cashier: InvoiceCashier = {
      issue: async () => {
        if (!works) throw new Error('the node is away')
        return `tally1${++issued}`
      },
      standing: async () => 'paid',
    }
    let nowMs = 0
    const desk = createInvoiceDesk(cashier, () => nowMs)
    works = false
    await expect(desk.invoiceFor(reference(5_000), 0, 1n)).rejects.toThrow('away')
    works = true
    for (let i = 0; i < 2_000; i++) await desk.invoiceFor(reference(i), 0, 1n)
    expect(issued).toBe(1_024)
    expect(await desk.invoiceFor(reference(0), 0, 1n)).toBe('tally11')
    expect(await desk.invoiceFor(reference(3_000), 0, 1n)).toBeUndefined()
    await desk.standing(MINE, reference(0), 0, 1n)
    expect(await desk.invoiceFor(reference(3_000), 0, 1n)).toBeDefined()
    expect(await desk.invoiceFor(reference(3_001), 0, 1n)).toBeUndefined()
    nowMs = 600_000
    expect(await desk.invoiceFor(reference(3_001), 0, 1n)).toBeDefined()
  })
})
