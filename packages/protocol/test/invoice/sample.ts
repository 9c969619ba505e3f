/** Invoices for these tests: a plain one, a full one, and any. Keys are keccak256 of names, as in `../crypto.ts`. */

import { loadCrypto } from '@tallystick/crypto'
import fc from 'fast-check'
import {
  DEPOSIT_LIMIT,
  type InvoiceTerms,
  MAX_AMOUNT,
  MAX_FEE_PPM,
  MAX_INVOICE_EXPIRY_SECONDS,
  MAX_LOCK,
  parseHost,
  type RouteHint,
  type SignedInvoice,
} from '../../src/index.ts'

const loaded = await loadCrypto()
export const crypto = loaded.crypto

export const word = (name: string) => crypto.keccak256(new TextEncoder().encode(name)).slice()
const addressNamed = (name: string) => word(name).slice(0, 20)
export const payeeNamed = (name: string) => loaded.createInvoiceSigner(word(name))
export const nodeIdNamed = (name: string) => Uint8Array.from(Buffer.from(payeeNamed(name).nodeId, 'hex'))

/** Unix seconds. */
export const CREATED_AT = 1_790_000_000
export const NETWORK = { chainId: 31337n, bank: addressNamed('bank'), registry: addressNamed('registry') }

export function terms(change: Partial<InvoiceTerms> = {}): InvoiceTerms {
  return {
    ...NETWORK,
    token: new Uint8Array(20),
    amount: 250_000n,
    paymentHash: word('payment hash'),
    paymentSecret: word('payment secret'),
    createdAt: CREATED_AT,
    expirySeconds: 3600,
    description: '2 coffees',
    methods: { htlc: true, joint: true },
    lockMarginSeconds: 600,
    addresses: [{ host: '203.0.113.7', port: 9735 }],
    routes: [],
    features: 0n,
    ...change,
  }
}

export function hop(name: string, change: Partial<RouteHint> = {}): RouteHint {
  return {
    channelId: word(`${name} channel`),
    from: nodeIdNamed(name),
    feeBase: 1n,
    feePpm: 100,
    minAmount: 0n,
    maxAmount: undefined,
    ...change,
  }
}

/** Everything in it. */
export function fullTerms(): InvoiceTerms {
  return terms({
    token: addressNamed('token'),
    amount: MAX_AMOUNT,
    description: 'Zwei Kaffee ☕ und 一杯茶',
    methods: { htlc: false, joint: true },
    addresses: [
      { host: 'node.example', port: 1 },
      { host: '2001:db8::7', port: 65_535 },
      { host: 'xn--bcher-kva.example', port: 9735 },
    ],
    routes: [
      [hop('jia', { feeBase: -12n, feePpm: -250, minAmount: 1000n, maxAmount: 5_000_000n }), hop('yi')],
      [hop('bing', { feeBase: DEPOSIT_LIMIT - 1n, feePpm: MAX_FEE_PPM })],
    ],
    features: 0b1010n,
  })
}

export function issued(some: InvoiceTerms, payee = 'payee'): SignedInvoice {
  const result = payeeNamed(payee).issue(some)
  if (!result.ok) throw new Error(`${result.field}: ${result.detail}`)
  return result.signed
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const notZero = (length: number) => bytes(length).filter((some) => some.some((byte) => byte !== 0))
const amount = fc.bigInt({ min: 1n, max: MAX_AMOUNT })
const nodeNames = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const nodeIds = nodeNames.map((name) => nodeIdNamed(name))
const fee = DEPOSIT_LIMIT - 1n

const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((text) => parseHost(text)),
  fc.domain().map((text) => parseHost(text)),
  fc.constant('localhost'),
)

const anyAddress = fc
  .record({ host, port: fc.integer({ min: 1, max: 65_535 }) })
  .map(({ host, port }) => ({ host: typeof host === 'object' ? host.text : host, port }))
  .filter((one) => typeof parseHost(one.host) === 'object')

const anyHop = (from: Uint8Array): fc.Arbitrary<RouteHint> =>
  fc
    .record({
      channelId: bytes(32),
      feeBase: fc.bigInt({ min: -fee, max: fee }),
      feePpm: fc.integer({ min: -MAX_FEE_PPM, max: MAX_FEE_PPM }),
      limits: fc.tuple(fc.bigInt({ min: 0n, max: MAX_AMOUNT }), fc.option(amount, { nil: undefined })),
    })
    .map(({ limits: [minAmount, maxAmount], ...rest }) => ({
      ...rest,
      from,
      minAmount: maxAmount === undefined || minAmount <= maxAmount ? minAmount : maxAmount,
      maxAmount,
    }))

const anyRoute = fc
  .shuffledSubarray(nodeIds, { minLength: 1, maxLength: 4 })
  .chain((from) => fc.tuple(...from.map(anyHop)))

export const anyTerms: fc.Arbitrary<InvoiceTerms> = fc.record({
  chainId: fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }),
  bank: notZero(20),
  registry: notZero(20),
  token: fc.oneof(fc.constant(new Uint8Array(20)), bytes(20)),
  amount: fc.option(amount, { nil: undefined }),
  paymentHash: notZero(32),
  paymentSecret: notZero(32),
  createdAt: fc.oneof(
    fc.nat(),
    fc.maxSafeNat().map((at) => Math.min(at, 2 ** 52)),
  ),
  expirySeconds: fc.integer({ min: 1, max: MAX_INVOICE_EXPIRY_SECONDS }),
  description: fc
    .string({ unit: 'grapheme', maxLength: 60 })
    .filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u.test(text)),
  methods: fc.constantFrom(
    { htlc: true, joint: true },
    { htlc: true, joint: false },
    { htlc: false, joint: true },
  ),
  lockMarginSeconds: fc.integer({ min: 0, max: MAX_LOCK }),
  addresses: fc.array(anyAddress, { maxLength: 4 }),
  routes: fc.array(anyRoute, { maxLength: 4 }),
  features: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((some) => some & 0xaaaa_aaaa_aaaa_aaaan),
})
