/**
 * Sells a file chunk by chunk over HTTP: 402 with terms until a chunk is paid, then its bytes.
 *
 * A chunk's reference is an HMAC over the buyer's session and the chunk, so a payment is good for one buyer and one chunk,
 * and nobody can present another's. The server keeps no record of buyers: whether a reference is paid is the node's to
 * say, durably, and the HMAC key survives restarts. Status 402: RFC 9110, section 15.5.3.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { Hono } from 'hono'
import { z } from 'zod'
import type { NodeClient } from '../api/client.ts'
import { Hash, type Hex, Problem, Reference } from '../schema/index.ts'
import { loadOrCreateSecret } from '../secret-file.ts'
import { PaywallError } from './error.ts'
import type { Goods } from './goods.ts'
import { createInvoiceDesk, type InvoiceCashier, type InvoiceDesk } from './invoices.ts'
import {
  chunkSize,
  Manifest,
  METHOD_HEADER,
  PAYMENT_HASH_HEADER,
  PaymentRequired,
  REFERENCE_HEADER,
  SESSION_HEADER,
  Session,
  type Terms,
} from './wire.ts'

/** Whom the seller asks about payments: its own node. Both answers are about durable, accepted payments only. */
export interface Cashier {
  /** Has at least `amount` been paid in the right token under this reference, in one payment? */
  paid(reference: Hex, amount: bigint): Promise<boolean>
  /** Has anything at all come in under it? For telling "too little" from "nothing". */
  anything(reference: Hex): Promise<boolean>
}

export interface PaywallOptions {
  readonly goods: Goods
  readonly pricePerChunk: bigint
  readonly token: Hex
  readonly chainId: bigint
  readonly bank: Hex
  readonly seller: Manifest['seller']
  readonly cashier: Cashier
  /** For buyers that pay over the network; absent: they cannot. */
  readonly invoices?: InvoiceCashier
  /** The file with the HMAC key; made when missing. Losing it loses what buyers have paid and not fetched yet. */
  readonly keyFile: string
}

/** The seller's node as cashier. */
export function nodeCashier(node: Pick<NodeClient, 'payment'>, token: Hex): Cashier {
  return {
    paid: async (reference, amount) =>
      (await node.payment('incoming', reference, { token, atLeast: amount }))?.state === 'accepted',
    anything: async (reference) => (await node.payment('incoming', reference)) !== undefined,
  }
}

/** The HTTP handler. @throws {PaywallError} `offer-invalid` @throws {SecretFileError} when the key file cannot be used. */
export function createPaywall(options: PaywallOptions): Hono {
  const manifest = manifestOf(options)
  const manifestJson = JSON.stringify(z.encode(Manifest, manifest))
  const key = Buffer.from(loadOrCreateSecret(options.keyFile), 'hex')
  const desk = options.invoices && createInvoiceDesk(options.invoices)
  const app = new Hono()
  app.use('*', async (c, next) => {
    await next()
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
  })
  app.get('/manifest', (c) => c.body(manifestJson, 200, { 'content-type': 'application/json' }))
  app.get('/chunks/:index', async (c) => {
    const index = parseIndex(c.req.param('index'), manifest)
    if (index === undefined) return refuse('UNKNOWN_CHUNK', 'index')
    const session = Session.safeParse(c.req.header(SESSION_HEADER))
    if (!session.success) return refuse('SESSION_MISSING', SESSION_HEADER)
    const presented = c.req.header(REFERENCE_HEADER)
    if (presented !== undefined && !Reference.safeParse(presented).success)
      return refuse('REFERENCE_MALFORMED', REFERENCE_HEADER)
    const paymentHash = Hash.safeParse(c.req.header(PAYMENT_HASH_HEADER)?.toLowerCase())
    if (!paymentHash.success && c.req.header(PAYMENT_HASH_HEADER) !== undefined)
      return refuse('PAYMENT_HASH_MALFORMED', PAYMENT_HASH_HEADER)
    // Never ask money for what can no longer be delivered.
    if (!(await options.goods.unchanged())) return refuse('FILE_CHANGED', 'file')
    const terms = termsOf(manifest, index, referenceOf(key, manifest, session.data, index))
    const reason = await (paymentHash.success
      ? unsettledReason(desk, terms, paymentHash.data)
      : unpaidReason(options.cashier, terms, presented))
    if (reason === undefined) return deliver(options.goods, manifest, index)
    const wantsInvoice = c.req.header(METHOD_HEADER) === 'invoice' && desk !== undefined
    const invoice = wantsInvoice ? await desk.invoiceFor(terms.reference, index, terms.amount) : undefined
    if (wantsInvoice && invoice === undefined) return refuse('TOO_MANY_INVOICES', METHOD_HEADER)
    const asked = invoice === undefined ? terms : { ...terms, invoice }
    const body = z.encode(PaymentRequired, { ...REASONS[reason], reason, terms: asked })
    return c.body(JSON.stringify(body), 402, { 'content-type': 'application/json' })
  })
  app.notFound(() => refuse('NOT_FOUND', 'path'))
  app.onError(() => refuse('SELLER_NODE_UNAVAILABLE', 'node'))
  return app
}

function manifestOf({ goods, pricePerChunk, token, chainId, bank, seller }: PaywallOptions): Manifest {
  const { name, sizeBytes, chunkBytes, chunks, sha256 } = goods
  const file = { version: 1 as const, name, sizeBytes, chunkBytes, chunks: [...chunks], sha256 }
  // Encoding checks what the seller gave, and decoding brings it into the one form that terms are compared with.
  const encoded = z.safeEncode(Manifest, { ...file, pricePerChunk, token, chainId, bank, seller })
  if (encoded.success) return Manifest.parse(encoded.data)
  const issue = encoded.error.issues[0]
  throw new PaywallError(
    'offer-invalid',
    issue?.path.join('.') ?? '',
    `This cannot be offered: ${issue?.message ?? 'malformed'}.`,
    'Correct the named field: a positive price, lower-case addresses, the node id and address of your node.',
    { cause: encoded.error },
  )
}

function parseIndex(text: string, { chunks }: Manifest): number | undefined {
  const index = /^(0|[1-9][0-9]{0,5})$/.test(text) ? Number(text) : Number.NaN
  return index < chunks.length ? index : undefined
}

/** HMAC-SHA256(key, tag | file | session | chunk): different for every buyer and every chunk, the same after a restart. */
function referenceOf(key: Uint8Array, { sha256 }: Manifest, session: Hex, index: number): Hex {
  const chunk = Buffer.alloc(4)
  chunk.writeUInt32BE(index)
  return `0x${createHmac('sha256', key)
    .update('tallystick paywall reference 1\0')
    .update(Buffer.from(sha256.slice(2), 'hex'))
    .update(Buffer.from(session.slice(2), 'hex'))
    .update(chunk)
    .digest('hex')}`
}

function termsOf(manifest: Manifest, index: number, reference: Hex): Terms {
  const { pricePerChunk, token, chainId, bank, seller, chunks } = manifest
  const sha256 = chunks[index]
  if (sha256 === undefined) throw new RangeError(`no chunk ${index}`)
  return { chunk: index, amount: pricePerChunk, token, chainId, bank, reference, seller, sha256 }
}

/** Why the chunk is not delivered yet; undefined when it is paid. */
async function unpaidReason(
  cashier: Cashier,
  { reference, amount }: Terms,
  presented: string | undefined,
): Promise<PaymentRequired['reason'] | undefined> {
  if (presented !== undefined && !equal(presented.toLowerCase(), reference)) return 'reference-mismatch'
  if (await cashier.paid(reference, amount)) return undefined
  return presented !== undefined && (await cashier.anything(reference)) ? 'underpaid' : 'unpaid'
}

/** The same for a buyer that presents the payment hash of an invoice. */
async function unsettledReason(
  desk: InvoiceDesk | undefined,
  { reference, chunk, amount }: Terms,
  paymentHash: Hex,
): Promise<PaymentRequired['reason'] | undefined> {
  const standing = await desk?.standing(paymentHash, reference, chunk, amount)
  if (standing === 'paid') return undefined
  return standing === 'unpaid' ? 'unpaid' : 'reference-mismatch'
}

function equal(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}

function deliver(goods: Goods, manifest: Manifest, index: number): Response {
  return new Response(goods.read(index), {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(chunkSize(manifest, index)),
      'accept-ranges': 'none',
    },
  })
}

const REASONS: Record<PaymentRequired['reason'], { detail: string; remedy: string }> = {
  unpaid: {
    detail: 'This chunk is not paid yet.',
    remedy: 'Pay the terms, then ask again with the reference.',
  },
  underpaid: {
    detail: 'What came in under this reference is less than the price, or in another token.',
    remedy: 'Pay the whole amount of the terms in one payment.',
  },
  'reference-mismatch': {
    detail: 'The reference or payment hash presented is not that of this session and chunk.',
    remedy: 'Pay these terms, and present their reference or the payment hash of their invoice.',
  },
}

const REFUSALS = {
  NOT_FOUND: [404, 'There is nothing at this address.', 'Ask for /manifest or /chunks/<number>.'],
  UNKNOWN_CHUNK: [
    404,
    'There is no such chunk.',
    'Chunks count from 0; the manifest tells how many there are.',
  ],
  SESSION_MISSING: [
    400,
    'The session is missing or not 32 bytes.',
    'Send 0x and 64 hexadecimal digits chosen at random.',
  ],
  REFERENCE_MALFORMED: [400, 'The reference is not 32 bytes.', 'Send the reference of the terms, or none.'],
  PAYMENT_HASH_MALFORMED: [
    400,
    'The payment hash is not 32 bytes.',
    'Send the payment hash of the invoice, or none.',
  ],
  TOO_MANY_INVOICES: [
    503,
    'Too many invoices wait for their payment.',
    'Ask again later, or pay over a channel with the seller.',
  ],
  FILE_CHANGED: [
    503,
    'The file is no longer the one that is sold.',
    'Tell the seller; nothing more is asked for it.',
  ],
  SELLER_NODE_UNAVAILABLE: [
    503,
    "The seller's node does not answer.",
    'Ask again soon; what is paid stays paid.',
  ],
} as const satisfies Record<string, readonly [status: number, title: string, remedy: string]>

function refuse(code: keyof typeof REFUSALS, field: string): Response {
  const [status, title, remedy] = REFUSALS[code]
  const body = z.encode(Problem, {
    type: `urn:tallystick:problem:${code}`,
    title,
    status,
    code,
    field,
    remedy,
  })
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 503 ? { 'retry-after': '1' } : {}),
    },
  })
}
