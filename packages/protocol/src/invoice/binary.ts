/**
 * The binary form of an invoice (IV-10 to IV-16), the bytes under its signature, and the only way to read one: with its
 * signature checked. Every invoice has one encoding; other bytes for it are refused, so nobody can make a second text of
 * one invoice.
 */

import { utf8 } from '@scure/base'
import { MAX_AMOUNT, MAX_LOCK } from '../constants.ts'
import { ascii, equalBytes, isZero, toHex } from '../encoding/bytes.ts'
import {
  fail,
  type Reader,
  readBytes,
  readEnd,
  reader,
  readU8,
  readU16,
  type Writer,
  writeBytes,
  writer,
  writeU8,
  writeU16,
  written,
} from '../encoding/reader.ts'
import { FEE_BASE_LIMIT, MAX_FEE_PPM, NODE_ID_LENGTH } from '../gossip/item.ts'
import type { NodeRecovery } from '../gossip/signable.ts'
import type { Crypto } from '../ports/crypto.ts'
import { type InvoiceFault, invoiceFault } from './fault.ts'
import { ipv4Text, ipv6Text, MAX_HOST_CHARACTERS, parseHost } from './host.ts'
import {
  checkInvoice,
  INVOICE_VERSION,
  type Invoice,
  type InvoiceAddress,
  type InvoiceResult,
  MAX_INVOICE_ADDRESSES,
  MAX_INVOICE_CHAIN_ID,
  MAX_INVOICE_DESCRIPTION_BYTES,
  MAX_INVOICE_EXPIRY_SECONDS,
  MAX_INVOICE_FEATURES,
  MAX_INVOICE_ROUTES,
  MAX_ROUTE_HOPS,
  type RouteHint,
  type SignedInvoice,
} from './invoice.ts'
import { NOT_SHORTEST, readSafeVarint, readSigned, readVarint, writeSigned, writeVarint } from './varint.ts'

/** What reading an invoice needs; `LoadedCrypto.crypto` of `@tallystick/crypto` is one. */
export type InvoiceCrypto = Pick<Crypto, 'keccak256'> & NodeRecovery

/** The longest that fits `MAX_INVOICE_CHARACTERS` of text. */
export const MAX_INVOICE_BYTES = 2673

const SIGNATURE_BYTES = 64
/** Not 0x19 in front, and not how any other message of the identity key begins (TP-12). */
const TAG = ascii('Tallystick invoice, version 1\n')
const HTLC = 1
const JOINT = 2
const [IPV4, IPV6, NAME] = [1, 2, 3]
/** How `encoding/reader.ts` names the fault of bytes that end too early. */
const TRUNCATED = 'truncated'

/** What the payee signs (IV-20): keccak256 of the tag and everything in the invoice but the signature. 32 bytes. */
export function invoiceDigest(crypto: Pick<Crypto, 'keccak256'>, invoice: Invoice): Uint8Array {
  const to = writer(512)
  writeBytes(to, TAG)
  writeInvoice(to, invoice)
  return crypto.keccak256(written(to))
}

/** @throws RangeError for what `checkInvoice` refuses: a bug, because a `SignedInvoice` was checked when it was made. */
export function encodeInvoice({ invoice, signature }: SignedInvoice): Uint8Array {
  const wrong = checkInvoice(invoice)
  if (wrong !== undefined) throw new RangeError(`${wrong.field}: ${wrong.detail}`)
  const to = writer(512)
  writeInvoice(to, invoice)
  writeBytes(to, signature)
  return written(to)
}

/** Undefined when the text of the invoice is not too long; the fields are in range. */
export function checkInvoiceSize(invoice: Invoice): InvoiceFault | undefined {
  const to = writer(512)
  writeInvoice(to, invoice)
  const bytes = to.at + SIGNATURE_BYTES
  if (bytes <= MAX_INVOICE_BYTES) return undefined
  return invoiceFault('too-long', 'routes', `${bytes} bytes, ${MAX_INVOICE_BYTES} fit`)
}

/** Strict: one encoding, every field in range, signed by its payee. The invoice keeps no window on `bytes`. */
export function decodeInvoice(crypto: InvoiceCrypto, bytes: Uint8Array): InvoiceResult {
  if (bytes.length > MAX_INVOICE_BYTES)
    return invoiceFault('too-long', 'text', `${bytes.length} bytes, ${MAX_INVOICE_BYTES} fit`)
  // A copy; `slice` of a Buffer would be none.
  const read = readBoth(new Uint8Array(bytes))
  if ('ok' in read) return read
  const { invoice } = read
  const wrong = checkInvoice(invoice)
  if (wrong !== undefined) return wrong
  // Whatever a reader may have let pass, there is one encoding.
  if (!equalBytes(encodeInvoice(read), bytes))
    return invoiceFault('not-canonical', 'text', 'not how this invoice is written')
  const signer = crypto.recoverNodeId(invoiceDigest(crypto, invoice), read.signature)
  if (signer === undefined || !equalBytes(signer, invoice.payee))
    return invoiceFault(
      'signature-wrong',
      'signature',
      `not signed by its payee ${toHex(invoice.payee).slice(2)}`,
    )
  return { ok: true, signed: read }
}

/**
 * How many bytes the invoice takes that these begin with: Infinity when it ends beyond them, undefined when they are none.
 * For telling a cut text from a damaged one.
 */
export function measureInvoice(bytes: Uint8Array): number | undefined {
  const from = reader(bytes)
  readInvoice(from)
  readBytes(from, SIGNATURE_BYTES, 'signature')
  if (from.fault === undefined) return from.at
  return from.fault.detail === TRUNCATED ? Number.POSITIVE_INFINITY : undefined
}

function readBoth(bytes: Uint8Array): SignedInvoice | InvoiceFault {
  if (bytes.length > 0 && bytes[0] !== INVOICE_VERSION)
    return invoiceFault('version-unknown', 'version', `version ${bytes[0]}`)
  const from = reader(bytes)
  const invoice = readInvoice(from)
  const signature = readBytes(from, SIGNATURE_BYTES, 'signature')
  readEnd(from, 'text')
  if (from.fault === undefined) return { invoice, signature }
  const { field, detail } = from.fault
  const code =
    detail === TRUNCATED
      ? 'truncated'
      : detail === NOT_SHORTEST || field === 'text'
        ? 'not-canonical'
        : 'field-invalid'
  return invoiceFault(code, field, detail)
}

function writeInvoice(to: Writer, invoice: Invoice): void {
  writeU8(to, invoice.version)
  writeVarint(to, invoice.features)
  writeU8(to, (invoice.methods.htlc ? HTLC : 0) | (invoice.methods.joint ? JOINT : 0))
  writeVarint(to, invoice.chainId)
  writeBytes(to, invoice.bank)
  writeBytes(to, invoice.registry)
  writeToken(to, invoice.token)
  writeBytes(to, invoice.payee)
  writeVarint(to, invoice.amount ?? 0n)
  writeBytes(to, invoice.paymentHash)
  writeBytes(to, invoice.paymentSecret)
  writeVarint(to, BigInt(invoice.createdAt))
  writeVarint(to, BigInt(invoice.expirySeconds))
  writeVarint(to, BigInt(invoice.lockMarginSeconds))
  const description = utf8.decode(invoice.description)
  writeVarint(to, BigInt(description.length))
  writeBytes(to, description)
  writeU8(to, invoice.addresses.length)
  for (const address of invoice.addresses) writeAddress(to, address)
  writeU8(to, invoice.routes.length)
  for (const route of invoice.routes) {
    writeU8(to, route.length)
    for (const hop of route) writeHop(to, hop)
  }
}

function readInvoice(from: Reader): Invoice {
  readU8(from, 'version')
  const features = readVarint(from, MAX_INVOICE_FEATURES, 'features')
  const methods = readU8(from, 'methods')
  if (methods > (HTLC | JOINT)) fail(from, 'methods', `${methods} has a bit that is not known`)
  return {
    version: INVOICE_VERSION,
    features,
    methods: { htlc: (methods & HTLC) !== 0, joint: (methods & JOINT) !== 0 },
    chainId: readVarint(from, MAX_INVOICE_CHAIN_ID, 'chainId'),
    bank: readBytes(from, 20, 'bank'),
    registry: readBytes(from, 20, 'registry'),
    token: readToken(from),
    payee: readBytes(from, NODE_ID_LENGTH, 'payee'),
    amount: readVarint(from, MAX_AMOUNT, 'amount') || undefined,
    paymentHash: readBytes(from, 32, 'paymentHash'),
    paymentSecret: readBytes(from, 32, 'paymentSecret'),
    createdAt: readSafeVarint(from, Number.MAX_SAFE_INTEGER, 'createdAt'),
    expirySeconds: readSafeVarint(from, MAX_INVOICE_EXPIRY_SECONDS, 'expirySeconds'),
    lockMarginSeconds: readSafeVarint(from, MAX_LOCK, 'lockMarginSeconds'),
    description: readDescription(from),
    addresses: readList(from, 'addresses', 0, MAX_INVOICE_ADDRESSES, readAddress),
    routes: readList(from, 'routes', 0, MAX_INVOICE_ROUTES, (_, field) =>
      readList(from, field, 1, MAX_ROUTE_HOPS, readHop),
    ),
  }
}

function readList<T>(
  from: Reader,
  field: string,
  least: number,
  most: number,
  readItem: (from: Reader, field: string) => T,
): readonly T[] {
  const count = readU8(from, field)
  if (count < least || count > most) fail(from, field, `${count} is not ${least} to ${most}`)
  const items: T[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1) items.push(readItem(from, `${field}[${i}]`))
  return items
}

function writeToken(to: Writer, token: Uint8Array): void {
  const native = isZero(token)
  writeU8(to, native ? 0 : 1)
  if (!native) writeBytes(to, token)
}

function readToken(from: Reader): Uint8Array {
  const flag = readU8(from, 'token')
  if (flag > 1) fail(from, 'token', 'neither 0 nor 1')
  if (flag === 0) return new Uint8Array(20)
  const token = readBytes(from, 20, 'token')
  if (isZero(token)) fail(from, 'token', NOT_SHORTEST)
  return token
}

function readDescription(from: Reader): string {
  const length = readSafeVarint(from, MAX_INVOICE_DESCRIPTION_BYTES, 'description')
  const bytes = readBytes(from, length, 'description')
  try {
    return utf8.encode(bytes)
  } catch {
    fail(from, 'description', 'not UTF-8')
    return ''
  }
}

function writeAddress(to: Writer, { host, port }: InvoiceAddress): void {
  const parsed = parseHost(host)
  if (typeof parsed === 'string') throw new RangeError(`host: ${parsed}`)
  if (parsed.kind === 'name') {
    writeU8(to, NAME)
    writeU8(to, parsed.text.length)
    writeBytes(to, ascii(parsed.text))
  } else {
    writeU8(to, parsed.kind === 'ipv4' ? IPV4 : IPV6)
    writeBytes(to, parsed.bytes)
  }
  writeU16(to, port)
}

function readAddress(from: Reader, field: string): InvoiceAddress {
  return { host: readHost(from, `${field}.host`), port: readU16(from, `${field}.port`) }
}

function readHost(from: Reader, field: string): string {
  switch (readU8(from, field)) {
    case IPV4:
      return ipv4Text(readBytes(from, 4, field))
    case IPV6:
      return ipv6Text(readBytes(from, 16, field))
    case NAME: {
      const length = readU8(from, field)
      if (length > MAX_HOST_CHARACTERS) fail(from, field, `over ${MAX_HOST_CHARACTERS} characters`)
      const bytes = readBytes(from, length, field)
      return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
    }
    default:
      fail(from, field, 'unknown kind of address')
      return ''
  }
}

function writeHop(to: Writer, hop: RouteHint): void {
  writeBytes(to, hop.channelId)
  writeBytes(to, hop.from)
  writeSigned(to, hop.feeBase)
  writeSigned(to, BigInt(hop.feePpm))
  writeVarint(to, hop.minAmount)
  writeVarint(to, hop.maxAmount ?? 0n)
}

function readHop(from: Reader, field: string): RouteHint {
  return {
    channelId: readBytes(from, 32, `${field}.channelId`),
    from: readBytes(from, NODE_ID_LENGTH, `${field}.from`),
    feeBase: readSigned(from, FEE_BASE_LIMIT - 1n, `${field}.feeBase`),
    feePpm: Number(readSigned(from, BigInt(MAX_FEE_PPM), `${field}.feePpm`)),
    minAmount: readVarint(from, MAX_AMOUNT, `${field}.minAmount`),
    maxAmount: readVarint(from, MAX_AMOUNT, `${field}.maxAmount`) || undefined,
  }
}
