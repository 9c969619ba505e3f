/** What the engine keeps of invoices and payments over the network, secrets included: none of them may be shown. */
import { readFileSync } from 'node:fs'
import type { InvoiceRecord } from '../../src/engine/htlc/invoices.ts'
import type { NetworkPayment, PartHop, PaymentPart } from '../../src/engine/htlc/payment-record.ts'
import type { Hex } from '../../src/engine/service.ts'

const vectors: {
  valid: { name: string; text: string; invoice: { paymentHash: Hex; paymentSecret: Hex } }[]
} = JSON.parse(readFileSync(new URL('../../../../vectors/invoices.json', import.meta.url), 'utf8'))
const [plain] = vectors.valid
if (plain === undefined) throw new Error('no vector')

export const INVOICE_TEXT = plain.text
export const PAYMENT_HASH = plain.invoice.paymentHash
export const PREIMAGE: Hex = `0x${'5e'.repeat(32)}`
const SECRET: Hex = `0x${'5f'.repeat(32)}`
const SESSION_KEY: Hex = `0x${'5c'.repeat(32)}`
/** In hexadecimal, as nothing of the API may say them before their time. */
export const SECRETS = [PREIMAGE, SECRET, SESSION_KEY].map((secret) => secret.slice(2))

const TOKEN: Hex = `0x${'70'.repeat(20)}`
const [FIRST, SECOND]: readonly [Hex, Hex] = [`0x${'c1'.repeat(32)}`, `0x${'c2'.repeat(32)}`]
const HOP = `02${'5a'.repeat(32)}`
const PAYEE = `03${'5b'.repeat(32)}`
export const PATH: readonly PartHop[] = [
  { channelId: FIRST, to: HOP, amount: 1_003n },
  { channelId: SECOND, to: PAYEE, amount: 1_000n },
]

export function hashOf(number: number): Hex {
  return `0x${number.toString(16).padStart(64, '0')}`
}

export function invoiceRecord(change: Partial<InvoiceRecord> = {}): InvoiceRecord {
  return {
    hash: PAYMENT_HASH,
    condition: hashOf(1),
    preimage: PREIMAGE,
    secret: SECRET,
    text: INVOICE_TEXT,
    token: TOKEN,
    amount: 1_000n,
    description: 'tea',
    createdAtSeconds: 1_000,
    expiresAtSeconds: 4_000_000_000,
    state: 'open',
    received: 0n,
    settledAtMs: undefined,
    ...change,
  }
}

export function part(change: Partial<PaymentPart> = {}): PaymentPart {
  return {
    number: 0,
    amount: 1_000n,
    total: 1_003n,
    hops: PATH,
    expiry: 4_000_000_000,
    sessionKey: SESSION_KEY,
    state: 'pending',
    failure: undefined,
    ...change,
  }
}

export function networkPayment(change: Partial<NetworkPayment> = {}): NetworkPayment {
  return {
    hash: PAYMENT_HASH,
    condition: hashOf(1),
    invoice: INVOICE_TEXT,
    payee: PAYEE,
    token: TOKEN,
    amount: 1_000n,
    maxFee: 10n,
    via: 'htlc',
    createdAtMs: 5,
    state: 'pending',
    endedAtMs: undefined,
    preimage: undefined,
    attempts: [],
    parts: [part()],
    failure: undefined,
    ...change,
  }
}
