/**
 * Invoices: what a payee asks for, and whether it may ask so (IV-1 to IV-9). The same checks hold for an invoice about to be
 * signed and for one that was read, so nothing is signed that others would refuse.
 */

import { MAX_AMOUNT, MAX_LOCK } from '../constants.ts'
import { equalBytes, isZero, toHex } from '../encoding/bytes.ts'
import { FEE_BASE_LIMIT, MAX_FEE_PPM, NODE_ID_LENGTH } from '../gossip/item.ts'
import { type InvoiceFault, invoiceFault } from './fault.ts'
import { parseHost } from './host.ts'
import { plainTextFault } from './plain-text.ts'

export const INVOICE_VERSION = 1
export const MAX_INVOICE_DESCRIPTION_BYTES = 640
/** 366 days. */
export const MAX_INVOICE_EXPIRY_SECONDS = 31_622_400
export const MAX_INVOICE_ADDRESSES = 4
export const MAX_INVOICE_ROUTES = 8
export const MAX_ROUTE_HOPS = 4
export const MAX_INVOICE_CHAIN_ID = (1n << 64n) - 1n
export const MAX_INVOICE_FEATURES = (1n << 64n) - 1n
/** How far the payee's clock may be ahead of ours. */
const CLOCK_SKEW_SECONDS = 7200

/** How the payee takes money; at least one. */
export interface InvoiceMethods {
  readonly htlc: boolean
  readonly joint: boolean
}

/** Where the payee's node listens. */
export interface InvoiceAddress {
  /** As `parseHost` writes it; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** One channel on the way to the payee, and what its node `from` takes for forwarding over it. */
export interface RouteHint {
  /** 32 bytes. */
  readonly channelId: Uint8Array
  /** Node id (33 bytes) of the end that forwards into the channel; the other end is the next hop's `from`, or the payee. */
  readonly from: Uint8Array
  /** Base units, may be negative; |feeBase| below 2^126 (as in a fee policy of gossip). */
  readonly feeBase: bigint
  /** Parts per million of the amount forwarded, may be negative; |feePpm| at most 1,000,000. */
  readonly feePpm: number
  /** Least amount it forwards, base units; 0: any. */
  readonly minAmount: bigint
  /** Most it forwards at once, base units; undefined: not said. */
  readonly maxAmount: bigint | undefined
}

/** What a payee decides; its key adds who it is (`InvoiceSigner`). */
export interface InvoiceTerms {
  /** 1 to 2^64 - 1. */
  readonly chainId: bigint
  /** 20 bytes each. */
  readonly bank: Uint8Array
  readonly registry: Uint8Array
  /** 20 bytes; zero is the native coin. */
  readonly token: Uint8Array
  /** Base units, 1 to 2^128 - 1; undefined: the payer chooses. */
  readonly amount: bigint | undefined
  /** 32 bytes: SHA-256 of the preimage (EN-21, kind 1). */
  readonly paymentHash: Uint8Array
  /** 32 bytes that only payer and payee know: shows the payee that a lock is the payer's and not a prying hop's. */
  readonly paymentSecret: Uint8Array
  /** Unix seconds. */
  readonly createdAt: number
  /** From `createdAt` on; good on its last second (EN-67). */
  readonly expirySeconds: number
  /** For people; at most 640 bytes of UTF-8, one line, nothing that changes the direction of other text. */
  readonly description: string
  readonly methods: InvoiceMethods
  /** Least time that a lock must have left when the payee accepts it; at most MAX_LOCK. */
  readonly lockMarginSeconds: number
  /** At most 4. */
  readonly addresses: readonly InvoiceAddress[]
  /** At most 8 ways of 1 to 4 hops, best first, each in the order of the payment. */
  readonly routes: readonly (readonly RouteHint[])[]
  /** Bit set, below 2^64. Who reads an even bit that it does not know refuses the invoice; odd bits may be ignored. */
  readonly features: bigint
}

export interface Invoice extends InvoiceTerms {
  readonly version: typeof INVOICE_VERSION
  /** The payee's node id: its compressed identity key, 33 bytes. */
  readonly payee: Uint8Array
}

export interface SignedInvoice {
  readonly invoice: Invoice
  /** 64 bytes (EN-60), of the payee's identity key over `invoiceDigest`. */
  readonly signature: Uint8Array
}

export type InvoiceResult = { readonly ok: true; readonly signed: SignedInvoice } | InvoiceFault

/** The chain and contracts of a node. */
export interface InvoiceNetwork {
  readonly chainId: bigint
  readonly bank: Uint8Array
  readonly registry: Uint8Array
}

/** Bits of `features` that this version knows: none yet. */
const KNOWN_FEATURES = 0n
const NOT_NODE_ID = 'not a node id: 33 bytes, the first 2 or 3'

/** Undefined when this is an invoice that may be signed and paid: every field in range (IV-2 to IV-9). */
export function checkInvoice(invoice: Invoice): InvoiceFault | undefined {
  if (invoice.version !== INVOICE_VERSION)
    return invoiceFault('version-unknown', 'version', `version ${invoice.version}`)
  return (
    checkFeatures(invoice.features) ??
    checkNetworkFields(invoice) ??
    checkPayment(invoice) ??
    checkTimes(invoice) ??
    checkDescription(invoice.description) ??
    checkAddresses(invoice.addresses) ??
    checkRoutes(invoice.routes, invoice.payee)
  )
}

/** Undefined when a node on `network` can pay the invoice. */
export function checkInvoiceNetwork(invoice: Invoice, network: InvoiceNetwork): InvoiceFault | undefined {
  if (invoice.chainId !== network.chainId)
    return invoiceFault(
      'network-wrong',
      'chainId',
      `the invoice is for chain ${invoice.chainId}, this node is on ${network.chainId}`,
    )
  for (const field of ['bank', 'registry'] as const)
    if (!equalBytes(invoice[field], network[field]))
      return invoiceFault(
        'network-wrong',
        field,
        `the invoice is for ${toHex(invoice[field])}, this node uses ${toHex(network[field])}`,
      )
  return undefined
}

/** Unix seconds: the last one on which the invoice may be paid. */
export function invoiceExpiresAt({ createdAt, expirySeconds }: InvoiceTerms): number {
  return createdAt + expirySeconds
}

/** Undefined when the invoice may be paid at `nowSeconds` (unix seconds). */
export function checkInvoiceTime(invoice: InvoiceTerms, nowSeconds: number): InvoiceFault | undefined {
  const expiresAt = invoiceExpiresAt(invoice)
  if (nowSeconds > expiresAt)
    return invoiceFault('expired', 'expirySeconds', `it expired ${nowSeconds - expiresAt} seconds ago`)
  if (invoice.createdAt > nowSeconds + CLOCK_SKEW_SECONDS)
    return invoiceFault(
      'not-yet-valid',
      'createdAt',
      `it says that it was made ${invoice.createdAt - nowSeconds} seconds from now`,
    )
  return undefined
}

function invalid(field: string, detail: string): InvoiceFault {
  return invoiceFault('field-invalid', field, detail)
}

function checkFeatures(features: bigint): InvoiceFault | undefined {
  if (features < 0n || features > MAX_INVOICE_FEATURES) return invalid('features', 'not below 2^64')
  for (let bit = 0n; bit < 64n; bit += 2n)
    if ((features >> bit) & 1n & ~(KNOWN_FEATURES >> bit))
      return invoiceFault('feature-unknown', 'features', `bit ${bit} is set and not known`)
  return undefined
}

function checkNetworkFields(invoice: Invoice): InvoiceFault | undefined {
  if (invoice.chainId < 1n || invoice.chainId > MAX_INVOICE_CHAIN_ID)
    return invalid('chainId', 'not 1 to 2^64 - 1')
  for (const field of ['bank', 'registry'] as const)
    if (invoice[field].length !== 20 || isZero(invoice[field]))
      return invalid(field, 'not 20 bytes other than zero')
  return invoice.token.length === 20 ? undefined : invalid('token', 'not 20 bytes')
}

function checkPayment(invoice: Invoice): InvoiceFault | undefined {
  const { amount, payee, methods } = invoice
  if (!mayBeNodeId(payee)) return invalid('payee', NOT_NODE_ID)
  if (amount !== undefined && (amount < 1n || amount > MAX_AMOUNT))
    return invalid('amount', 'not 1 to 2^128 - 1')
  for (const field of ['paymentHash', 'paymentSecret'] as const)
    if (invoice[field].length !== 32 || isZero(invoice[field]))
      return invalid(field, 'not 32 bytes other than zero')
  if (methods.htlc !== true && methods.joint !== true) return invalid('methods', 'none is accepted')
  return undefined
}

function checkTimes(invoice: Invoice): InvoiceFault | undefined {
  const { createdAt, expirySeconds, lockMarginSeconds } = invoice
  if (!isUpTo(createdAt, Number.MAX_SAFE_INTEGER - MAX_INVOICE_EXPIRY_SECONDS))
    return invalid('createdAt', 'not a unix time in seconds')
  if (!isUpTo(expirySeconds, MAX_INVOICE_EXPIRY_SECONDS) || expirySeconds === 0)
    return invalid('expirySeconds', `not 1 to ${MAX_INVOICE_EXPIRY_SECONDS}`)
  if (!isUpTo(lockMarginSeconds, MAX_LOCK)) return invalid('lockMarginSeconds', `not 0 to ${MAX_LOCK}`)
  return undefined
}

function checkDescription(description: string): InvoiceFault | undefined {
  const wrong = plainTextFault(description, MAX_INVOICE_DESCRIPTION_BYTES)
  return wrong === undefined ? undefined : invalid('description', wrong)
}

function checkAddresses(addresses: readonly InvoiceAddress[]): InvoiceFault | undefined {
  if (addresses.length > MAX_INVOICE_ADDRESSES) return invalid('addresses', `over ${MAX_INVOICE_ADDRESSES}`)
  for (const [index, { host, port }] of addresses.entries()) {
    const parsed = parseHost(host)
    if (typeof parsed === 'string') return invalid(`addresses[${index}].host`, parsed)
    if (parsed.text !== host) return invalid(`addresses[${index}].host`, `written ${parsed.text}`)
    if (!isUpTo(port, 65_535) || port === 0) return invalid(`addresses[${index}].port`, 'not 1 to 65535')
  }
  return undefined
}

function checkRoutes(routes: Invoice['routes'], payee: Uint8Array): InvoiceFault | undefined {
  if (routes.length > MAX_INVOICE_ROUTES) return invalid('routes', `over ${MAX_INVOICE_ROUTES}`)
  for (const [index, route] of routes.entries()) {
    const field = `routes[${index}]`
    if (route.length < 1 || route.length > MAX_ROUTE_HOPS)
      return invalid(field, `not 1 to ${MAX_ROUTE_HOPS} hops`)
    for (const [at, hop] of route.entries()) {
      const wrong = checkHop(hop, `${field}[${at}]`)
      if (wrong !== undefined) return wrong
    }
    const nodes = new Set([payee, ...route.map(({ from }) => from)].map(toHex))
    if (nodes.size !== route.length + 1) return invalid(field, 'it passes a node twice')
  }
  return undefined
}

function checkHop(hop: RouteHint, field: string): InvoiceFault | undefined {
  const { channelId, from, feeBase, feePpm, minAmount, maxAmount } = hop
  if (channelId.length !== 32) return invalid(`${field}.channelId`, 'not 32 bytes')
  if (!mayBeNodeId(from)) return invalid(`${field}.from`, NOT_NODE_ID)
  if (feeBase <= -FEE_BASE_LIMIT || feeBase >= FEE_BASE_LIMIT)
    return invalid(`${field}.feeBase`, 'not between -2^126 and 2^126')
  if (!Number.isInteger(feePpm) || Math.abs(feePpm) > MAX_FEE_PPM)
    return invalid(`${field}.feePpm`, `not a whole number from -${MAX_FEE_PPM} to ${MAX_FEE_PPM}`)
  if (minAmount < 0n || minAmount > MAX_AMOUNT) return invalid(`${field}.minAmount`, 'not 0 to 2^128 - 1')
  if (maxAmount !== undefined && (maxAmount < 1n || maxAmount > MAX_AMOUNT || maxAmount < minAmount))
    return invalid(`${field}.maxAmount`, 'not minAmount (at least 1) to 2^128 - 1')
  return undefined
}

/** By its form; whether it is a point of the curve shows when something is sealed for it or signed by it. */
function mayBeNodeId(bytes: Uint8Array): boolean {
  return bytes.length === NODE_ID_LENGTH && (bytes[0] === 2 || bytes[0] === 3)
}

function isUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}
