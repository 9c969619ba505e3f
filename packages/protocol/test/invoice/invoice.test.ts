/** Invoices: one encoding, one signer, and every doubt a typed fault (docs/spec/invoice.md IV-1 to IV-24). */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkInvoiceNetwork,
  checkInvoiceTime,
  decodeInvoice,
  encodeInvoice,
  formatInvoice,
  INVOICE_FAULTS,
  type Invoice,
  type InvoiceResult,
  type InvoiceTerms,
  invoiceDigest,
  invoiceExpiresAt,
  MAX_AMOUNT,
  MAX_INVOICE_BYTES,
  MAX_INVOICE_CHARACTERS,
  parseInvoice,
  type RouteHint,
} from '../../src/index.ts'
import {
  anyTerms,
  CREATED_AT,
  crypto,
  fullTerms,
  hop,
  issued,
  NETWORK,
  nodeIdNamed,
  payeeNamed,
  terms,
  word,
} from './sample.ts'

function expectFault(result: InvoiceResult): string {
  if (result.ok) throw new Error('it was taken')
  expect(INVOICE_FAULTS[result.code]).toBe(result.remedy)
  expect(result.field.length * result.detail.length).toBeGreaterThan(0)
  return result.code
}

describe('what is issued', () => {
  test('IV-20: reads as what it was issued for, signed by the payee', () => {
    fc.assert(
      fc.property(anyTerms, (some) => {
        const signed = issued(some)
        expect(signed.invoice).toEqual({ ...some, version: 1, payee: nodeIdNamed('payee') })
        const bytes = encodeInvoice(signed)
        expect(decodeInvoice(crypto, bytes)).toEqual({ ok: true, signed })
        const text = formatInvoice(signed)
        expect(parseInvoice(crypto, text)).toEqual({ ok: true, signed })
        expect(parseInvoice(crypto, text.toUpperCase())).toEqual({ ok: true, signed })
        expect(text.startsWith('tally1q')).toBe(true)
        expect(formatInvoice(issued(some))).toBe(text)
      }),
      { numRuns: 200 },
    )
  })

  test('IV-10: what is read keeps nothing of the bytes it was read from', () => {
    const signed = issued(fullTerms())
    for (const bytes of [encodeInvoice(signed).slice(), Buffer.from(encodeInvoice(signed))]) {
      const result = decodeInvoice(crypto, bytes)
      bytes.fill(0xff)
      expect(result).toEqual({ ok: true, signed })
    }
  })

  test('IV-24: a usual invoice is short enough for a small QR code', () => {
    expect(formatInvoice(issued(terms())).length).toBeLessThan(400)
    const token = word('token').slice(0, 20)
    expect(formatInvoice(issued(terms({ token }))).length).toBeLessThan(440)
  })

  test('IV-24: the longest fits a QR code with its scheme, a longer one is not issued', () => {
    const names = ['a', 'b', 'c', 'd'] as const
    const route = names.map((name) => hop(name, { feeBase: -(1n << 100n), maxAmount: MAX_AMOUNT }))
    const many = (count: number, length: number) =>
      terms({ routes: new Array(count).fill(route), description: 'x'.repeat(length) })
    expect(payeeNamed('payee').issue(many(8, 0))).toMatchObject({ code: 'too-long' })
    const shorter = issued(many(5, 0))
    const room = MAX_INVOICE_BYTES - encodeInvoice(shorter).length
    // From 128 on, the length of the description takes a second byte.
    const longest = issued(many(5, room - 1))
    expect(encodeInvoice(longest).length).toBe(MAX_INVOICE_BYTES)
    expect(formatInvoice(longest).length).toBeLessThanOrEqual(MAX_INVOICE_CHARACTERS)
    expect(parseInvoice(crypto, formatInvoice(longest))).toEqual({ ok: true, signed: longest })
    expect(payeeNamed('payee').issue(many(5, room))).toMatchObject({ code: 'too-long', field: 'routes' })
  })

  const wrongTerms: readonly (readonly [string, Partial<InvoiceTerms>])[] = [
    ['chainId', { chainId: 0n }],
    ['chainId', { chainId: 1n << 64n }],
    ['bank', { bank: new Uint8Array(20) }],
    ['bank', { bank: new Uint8Array(21).fill(1) }],
    ['registry', { registry: new Uint8Array(20) }],
    ['token', { token: new Uint8Array(19) }],
    ['amount', { amount: 0n }],
    ['amount', { amount: -1n }],
    ['amount', { amount: MAX_AMOUNT + 1n }],
    ['paymentHash', { paymentHash: new Uint8Array(32) }],
    ['paymentHash', { paymentHash: word('x').slice(1) }],
    ['paymentSecret', { paymentSecret: new Uint8Array(32) }],
    ['createdAt', { createdAt: 1.5 }],
    ['createdAt', { createdAt: -1 }],
    ['createdAt', { createdAt: Number.MAX_SAFE_INTEGER }],
    ['expirySeconds', { expirySeconds: 0 }],
    ['expirySeconds', { expirySeconds: 31_622_401 }],
    ['expirySeconds', { expirySeconds: Number.NaN }],
    ['lockMarginSeconds', { lockMarginSeconds: 2_592_001 }],
    ['methods', { methods: { htlc: false, joint: false } }],
    ['description', { description: 'x'.repeat(641) }],
    ['description', { description: '€'.repeat(214) }],
    ['description', { description: 'two\nlines' }],
    ['description', { description: 'escape \u001b[2J' }],
    ['description', { description: 'pay \u202e001 ecila' }],
    ['description', { description: '\u2067hidden' }],
    ['description', { description: 'lone \ud800 surrogate' }],
    ['addresses', { addresses: new Array(5).fill({ host: 'a.example', port: 1 }) }],
    ['addresses[0].host', { addresses: [{ host: 'Upper.example', port: 1 }] }],
    ['addresses[0].host', { addresses: [{ host: 'bücher.example', port: 1 }] }],
    ['addresses[0].host', { addresses: [{ host: '1.2.3.04', port: 1 }] }],
    ['addresses[0].host', { addresses: [{ host: 'a.0x7f', port: 1 }] }],
    ['addresses[0].host', { addresses: [{ host: '2001:DB8::7', port: 1 }] }],
    ['addresses[0].host', { addresses: [{ host: '2001:db8:0::7', port: 1 }] }],
    ['addresses[0].host', { addresses: [{ host: '::ffff:1.2.3.4', port: 1 }] }],
    ['addresses[0].host', { addresses: [{ host: '', port: 1 }] }],
    ['addresses[0].port', { addresses: [{ host: 'a.example', port: 0 }] }],
    ['addresses[0].port', { addresses: [{ host: 'a.example', port: 65_536 }] }],
    ['routes', { routes: new Array(9).fill([hop('a')]) }],
    ['routes[0]', { routes: [[]] }],
    ['routes[0]', { routes: [[hop('a'), hop('b'), hop('c'), hop('d'), hop('e')]] }],
    ['routes[0]', { routes: [[hop('a'), hop('b'), hop('a')]] }],
    ['routes[0]', { routes: [[hop('a'), hop('payee')]] }],
    ['features', { features: 1n << 64n }],
    ['features', { features: 1n }],
    ['features', { features: 1n << 62n }],
  ]
  test.each(wrongTerms)('terms with a wrong %s are not signed (case %#)', (field, change) => {
    const result = payeeNamed('payee').issue(terms(change))
    expect(result).toMatchObject({ ok: false, field })
    expectFault(result)
  })

  const wrongHops: readonly (readonly [string, Partial<RouteHint>])[] = [
    ['channelId', { channelId: word('x').slice(1) }],
    ['from', { from: word('x') }],
    ['from', { from: new Uint8Array(33).fill(4) }],
    ['feeBase', { feeBase: 1n << 126n }],
    ['feeBase', { feeBase: -(1n << 126n) }],
    ['feePpm', { feePpm: 1_000_001 }],
    ['feePpm', { feePpm: 0.5 }],
    ['minAmount', { minAmount: -1n }],
    ['maxAmount', { maxAmount: 0n }],
    ['maxAmount', { minAmount: 6n, maxAmount: 5n }],
    ['maxAmount', { maxAmount: MAX_AMOUNT + 1n }],
  ]
  test.each(wrongHops)('a route hint with a wrong %s is not signed (case %#)', (field, change) => {
    const result = payeeNamed('payee').issue(terms({ routes: [[hop('a'), hop('b', change)]] }))
    expect(result).toMatchObject({ ok: false, code: 'field-invalid', field: `routes[0][1].${field}` })
  })

  test('a payee in any alias of itself cannot be put in: payee and version are the signer’s', () => {
    const forged = { ...terms(), payee: nodeIdNamed('someone else'), version: 9 } as InvoiceTerms
    expect(issued(forged).invoice).toMatchObject({ payee: nodeIdNamed('payee'), version: 1 })
  })

  test('terms changed after they were issued do not change the invoice', () => {
    const token = Buffer.from(word('token').slice(0, 20))
    const mine = { ...fullTerms(), token, bank: word('bank').slice(0, 20) }
    const signed = issued(mine)
    const before = formatInvoice(signed)
    for (const bytes of [mine.bank, mine.token, mine.paymentHash, mine.paymentSecret]) bytes.fill(1)
    for (const one of mine.routes.flat()) one.channelId.fill(1)
    expect(formatInvoice(signed)).toBe(before)
  })
})

describe('signature', () => {
  test('IV-20: the digest covers every field', () => {
    const base = issued(fullTerms()).invoice
    const [route = []] = base.routes
    const [first = hop('a'), ...others] = route
    const withHop = (change: Partial<RouteHint>) => ({ routes: [[{ ...first, ...change }, ...others]] })
    const changes: readonly Partial<Invoice>[] = [
      { chainId: 1n },
      { bank: word('other').slice(0, 20) },
      { registry: word('other').slice(0, 20) },
      { token: new Uint8Array(20) },
      { amount: 1n },
      { amount: undefined },
      { payee: nodeIdNamed('other') },
      { paymentHash: word('other') },
      { paymentSecret: word('other') },
      { createdAt: 1 },
      { expirySeconds: 1 },
      { lockMarginSeconds: 1 },
      { description: '' },
      { methods: { htlc: true, joint: false } },
      { addresses: [] },
      { addresses: [{ host: 'node.example', port: 2 }] },
      { routes: [] },
      withHop({ channelId: word('other') }),
      withHop({ from: nodeIdNamed('other') }),
      withHop({ feeBase: 12n }),
      withHop({ feePpm: 250 }),
      withHop({ minAmount: 1n }),
      withHop({ maxAmount: undefined }),
      { features: 0n },
    ]
    const digests = [base, ...changes.map((change) => ({ ...base, ...change }))].map((one) =>
      Buffer.from(invoiceDigest(crypto, one)).toString('hex'),
    )
    expect(new Set(digests).size).toBe(changes.length + 1)
  })

  test('IV-20: an invoice with another’s signature, or another invoice’s, is refused', () => {
    const signed = issued(terms())
    const other = issued(terms({ amount: 1n }))
    const thief = issued(terms(), 'thief')
    for (const signature of [other.signature, thief.signature, new Uint8Array(64)]) {
      const result = decodeInvoice(crypto, encodeInvoice({ invoice: signed.invoice, signature }))
      expect(result).toMatchObject({ ok: false, code: 'signature-wrong', field: 'signature' })
    }
  })

  test('IV-20: a high s, which signs the same, is refused', () => {
    const { invoice, signature } = issued(terms())
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const vs = BigInt(`0x${Buffer.from(signature.slice(32)).toString('hex')}`)
    const [parity, s] = [vs >> 255n, vs & ((1n << 255n) - 1n)]
    const flipped = (order - s) | ((parity ^ 1n) << 255n)
    const high = signature.slice()
    high.set(Buffer.from(flipped.toString(16).padStart(64, '0').slice(-64), 'hex'), 32)
    for (const one of [high, highWithoutParity(signature, order - s)])
      expectFault(decodeInvoice(crypto, encodeInvoice({ invoice, signature: one })))
  })

  test('IV-20: not one bit of the bytes can be other', () => {
    for (const some of [terms(), fullTerms()]) {
      const bytes = encodeInvoice(issued(some)).slice()
      for (let at = 0; at < bytes.length * 8; at += 1) {
        const flipped = bytes.slice()
        flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7))
        expectFault(decodeInvoice(crypto, flipped))
      }
    }
  })
})

function highWithoutParity(signature: Uint8Array, s: bigint): Uint8Array {
  const high = signature.slice()
  high.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex'), 32)
  return high
}

describe('bytes', () => {
  const bytes = encodeInvoice(issued(fullTerms())).slice()

  test('IV-10: every cut and every added byte is refused by name', () => {
    for (let length = 0; length < bytes.length; length += 1)
      expect(expectFault(decodeInvoice(crypto, bytes.slice(0, length)))).toBe('truncated')
    expect(decodeInvoice(crypto, Uint8Array.of(...bytes, 0))).toMatchObject({
      code: 'not-canonical',
      detail: 'trailing bytes',
    })
    expect(expectFault(decodeInvoice(crypto, new Uint8Array(MAX_INVOICE_BYTES + 1).fill(1)))).toBe('too-long')
  })

  test('IV-11: another version is named', () => {
    expect(decodeInvoice(crypto, Uint8Array.of(2, ...bytes.slice(1)))).toMatchObject({
      code: 'version-unknown',
      field: 'version',
      detail: 'version 2',
    })
  })

  test('IV-16: whatever is read is written as the same bytes; nothing throws', () => {
    const corrupted = fc
      .tuple(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(3),
      )
      .map(([changes, cut]) => {
        const wrong = bytes.slice(0, bytes.length - cut)
        for (const [at, value] of changes) wrong[at % wrong.length] = value
        return wrong
      })
    const versioned = fc.uint8Array({ maxLength: 400 }).map((some) => Uint8Array.of(1, ...some))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), versioned, corrupted), (some) => {
        const result = decodeInvoice(crypto, some)
        if (result.ok) expect(encodeInvoice(result.signed)).toEqual(some)
        else expectFault(result)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('time and network', () => {
  const { invoice } = issued(terms())

  test('IV-7: good on its last second and not on the next', () => {
    expect(invoiceExpiresAt(invoice)).toBe(CREATED_AT + 3600)
    expect(checkInvoiceTime(invoice, CREATED_AT + 3600)).toBeUndefined()
    expect(checkInvoiceTime(invoice, CREATED_AT + 3601)).toMatchObject({
      code: 'expired',
      detail: 'it expired 1 seconds ago',
    })
  })

  test('IV-7: one from the future is no invoice yet, but clocks may differ a little', () => {
    expect(checkInvoiceTime(invoice, CREATED_AT - 7200)).toBeUndefined()
    expect(checkInvoiceTime(invoice, CREATED_AT - 7201)).toMatchObject({ code: 'not-yet-valid' })
  })

  test('IV-3: another chain, bank or registry is refused by name', () => {
    expect(checkInvoiceNetwork(invoice, NETWORK)).toBeUndefined()
    const text = formatInvoice(issued(terms()))
    expect(parseInvoice(crypto, text, NETWORK).ok).toBe(true)
    const others = [
      ['chainId', { ...NETWORK, chainId: 1n }],
      ['bank', { ...NETWORK, bank: NETWORK.registry }],
      ['registry', { ...NETWORK, registry: NETWORK.bank }],
    ] as const
    for (const [field, network] of others)
      expect(parseInvoice(crypto, text, network)).toMatchObject({ code: 'network-wrong', field })
  })
})
