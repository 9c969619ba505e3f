/** A payee for tests: a real key that signs real invoices, and the book that offers it. */
import { createHash, randomBytes } from 'node:crypto'
import { loadCrypto } from '@tallystick/crypto'
import { formatInvoice, fromHex, type InvoiceTerms, parseHost } from '@tallystick/protocol'
import { type AddressEntry, addressBook, type InvoiceOrder } from '../../src/address/book.ts'
import type { InvoiceWish } from '../../src/address/resolve.ts'
import { HOST } from './host.ts'

const loaded = await loadCrypto()
export const { crypto } = loaded

/** Unix seconds. */
export const NOW = 1_790_000_000
export const TOKEN = `0x${'70'.repeat(20)}` as const
export const NETWORK = {
  chainId: 31337n,
  bank: `0x${'ba'.repeat(20)}` as const,
  registry: `0x${'ce'.repeat(20)}` as const,
}
export const OFFER = { ...NETWORK, token: TOKEN, minAmount: 10n, maxAmount: 1_000n }
export const WISH: InvoiceWish = { ...NETWORK, token: TOKEN, amount: 250n }

export const signerNamed = (name: string) =>
  loaded.createInvoiceSigner(createHash('sha256').update(name).digest())
export const PAYEE = signerNamed('alice').nodeId

export const ENTRY: AddressEntry = {
  payee: PAYEE,
  description: 'Alice’s tea house',
  addresses: [{ host: 'node.example', port: 9735 }],
  commentBytes: 40,
  accepts: [OFFER],
}

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? new Uint8Array()
}

/** The text of an invoice for the order, bent by `change`, signed by `who`. */
export function invoiceFor(order: InvoiceOrder, change: Partial<InvoiceTerms> = {}, who = 'alice'): string {
  const result = signerNamed(who).issue({
    chainId: order.chainId,
    bank: bytesOf(order.bank),
    registry: bytesOf(NETWORK.registry),
    token: bytesOf(order.token),
    amount: order.amount,
    paymentHash: createHash('sha256').update(randomBytes(32)).digest(),
    paymentSecret: randomBytes(32),
    createdAt: NOW,
    expirySeconds: 600,
    description: `tea, ${order.comment ?? 'no comment'}`,
    methods: { htlc: true, joint: true },
    lockMarginSeconds: 600,
    addresses: ENTRY.addresses.filter(({ host }) => typeof parseHost(host) === 'object'),
    routes: [],
    features: 0n,
    ...change,
  })
  if (!result.ok) throw new Error(`${result.field}: ${result.detail}`)
  return formatInvoice(result.signed)
}

/** Alice's book; `orders` are what was asked of her. */
export function aliceBook(
  makeInvoice: (order: InvoiceOrder) => string | Promise<string> = (order) => invoiceFor(order),
  origin = `https://${HOST}`,
) {
  const orders: InvoiceOrder[] = []
  const app = addressBook({
    origin,
    names: new Map([['alice', ENTRY]]),
    makeInvoice: async (order) => {
      orders.push(order)
      return makeInvoice(order)
    },
  })
  return { orders, handler: (request: Request) => app.fetch(request) }
}
