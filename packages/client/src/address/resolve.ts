/**
 * From `alice@host` to an invoice that may be paid: the document at the host, then an invoice from its callback, held against
 * what was asked for. Believes the host (by its TLS certificate) only in which node the name belongs to; everything in the
 * invoice is signed by that node, and a payee known from before is not given up for another.
 *
 * On forged requests (SSRF): names are asked over HTTPS with the certificate checked, so a name that points into a private
 * network reaches a TLS server there but no HTTP one, unless that has a certificate for the name. Bare names, IP
 * addresses and special-use domains are refused, and so is a callback of another origin. Who resolves for
 * strangers should also give a `fetch` that refuses to connect to private addresses.
 */
import {
  type AddressTarget,
  checkInvoiceTime,
  hostInUri,
  type InvoiceCrypto,
  parseAddress,
  parseHost,
  parseInvoice,
  type SignedInvoice,
  toHex,
} from '@tallystick/protocol'
import { z } from 'zod'
import type { Hex } from '../schema/primitives.ts'
import { AddressError } from './error.ts'
import { type AddressRequestOptions, getJson } from './request.ts'
import {
  AddressDocument,
  type AddressOffer,
  Comment,
  InvoiceAnswer,
  InvoiceQuery,
  WELL_KNOWN_PATH,
} from './wire.ts'

export interface ResolveOptions extends AddressRequestOptions {
  /** For development: hosts of this machine may be asked too, over this protocol. They are refused otherwise. */
  readonly allowLoopback?: 'http' | 'https'
  /** The node id that this name had before; another is refused. */
  readonly expectedPayee?: string
}

export interface ResolvedAddress {
  /** `name@host`, in its one form. */
  readonly address: string
  readonly url: string
  readonly document: AddressDocument
}

/** What the payer wants an invoice for. */
export interface InvoiceWish {
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
  readonly token: Hex
  /** Base units. */
  readonly amount: bigint
  /** For the payee, who may put it into its books; it is not part of the invoice. */
  readonly comment?: string
}

/**
 * Asks the host who `address` (`name@host`) is.
 * @throws {AddressError} `address-malformed`, `host-refused`, `payee-changed`, and those of the request
 */
export async function resolveAddress(address: string, options: ResolveOptions): Promise<ResolvedAddress> {
  const parsed = parseAddress(address)
  if (!parsed.ok)
    throw new AddressError('address-malformed', parsed.field, `${parsed.detail}.`, parsed.remedy)
  const { name, host, port, token, amount } = parsed.target
  if (token !== undefined || amount !== undefined)
    throw new AddressError(
      'address-malformed',
      'parameters',
      'An address alone is resolved.',
      'Give the token and amount asked for in the wish for an invoice.',
    )
  const url = urlOf(parsed.target, options)
  const document = await getJson(url, AddressDocument, options)
  const { expectedPayee } = options
  if (expectedPayee !== undefined && document.payee !== expectedPayee.toLowerCase())
    throw new AddressError(
      'payee-changed',
      'payee',
      `${name}@${host} now belongs to node ${document.payee}; it was ${expectedPayee}.`,
      'Ask its owner by other means whether this is so before you pay.',
    )
  sameOrigin(document.callback, url)
  const at = port === undefined ? '' : `:${port}`
  return { address: `${name}@${hostInUri(host)}${at}`, url: url.href, document }
}

/**
 * Asks for an invoice, and gives it back only when it is the one asked for: signed by the address's node, on this network,
 * in this token, of exactly this amount, and not expired at `nowSeconds` (unix seconds).
 * @throws {AddressError} `not-accepted`, `amount-out-of-range`, `comment-too-long`, `invoice-wrong`, and those of the request
 */
export async function requestInvoice(
  crypto: InvoiceCrypto,
  resolved: ResolvedAddress,
  wish: InvoiceWish,
  nowSeconds: number,
  options: AddressRequestOptions,
): Promise<SignedInvoice> {
  const { document } = resolved
  assertOffered(document, wish)
  const url = sameOrigin(document.callback, new URL(resolved.url))
  const { chainId, bank, token, amount, comment } = wish
  const query = { chainId, bank, token, amount, ...(comment === undefined ? {} : { comment }) }
  for (const [key, value] of Object.entries(z.encode(InvoiceQuery, query)))
    url.searchParams.set(key, String(value))
  const { invoice: text } = await getJson(url, InvoiceAnswer, options)
  const result = parseInvoice(crypto, text)
  if (!result.ok) throw wrong(result.field, `${result.code}: ${result.detail}`)
  assertAsked(result.signed, document, wish, nowSeconds)
  return result.signed
}

/** The offer that takes this token on this network, or undefined. */
export function offerFor(
  { accepts }: AddressDocument,
  { chainId, bank, registry, token }: Omit<InvoiceWish, 'amount'>,
): AddressOffer | undefined {
  return accepts.find(
    (offer) =>
      offer.chainId === chainId &&
      offer.bank === bank.toLowerCase() &&
      offer.registry === registry.toLowerCase() &&
      offer.token === token.toLowerCase(),
  )
}

function urlOf(target: AddressTarget, { allowLoopback }: ResolveOptions): URL {
  const { name, host, port } = target
  const local = isLoopback(host)
  if (local ? allowLoopback === undefined : !isPublicName(host))
    throw new AddressError(
      'host-refused',
      'host',
      `${host} is not a public name of a host.`,
      local ? 'Allow loopback hosts, in development.' : 'Give a name such as shop.example.',
    )
  const scheme = local ? allowLoopback : 'https'
  const at = port === undefined ? '' : `:${port}`
  const text = `${scheme}://${hostInUri(host)}${at}${WELL_KNOWN_PATH}${name}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.hostname === hostInUri(host)) return url
  throw new AddressError('address-malformed', 'host', `${host} is no name of a host.`, 'Correct the host.')
}

function isLoopback(text: string): boolean {
  const host = parseHost(text)
  if (typeof host === 'string') return false
  if (host.kind === 'name') return host.text === 'localhost' || host.text.endsWith('.localhost')
  return host.kind === 'ipv4' ? host.bytes[0] === 127 : host.text === '::1'
}

/** RFC 6761, 6762, 8375 and ICANN's `internal`: names that mean something else in every network. */
const SPECIAL_USE = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/

function isPublicName(text: string): boolean {
  const host = parseHost(text)
  return typeof host === 'object' && host.kind === 'name' && text.includes('.') && !SPECIAL_USE.test(text)
}

function sameOrigin(callback: string, document: URL): URL {
  const url = URL.canParse(callback) ? new URL(callback) : undefined
  if (url?.origin === document.origin && url.username === '' && url.password === '') return url
  throw new AddressError(
    'answer-malformed',
    'callback',
    `The callback is not at ${document.origin}.`,
    'Tell the owner of the address: documents and invoices come from one origin.',
  )
}

function assertOffered(document: AddressDocument, wish: InvoiceWish): void {
  const offer = offerFor(document, wish)
  if (offer === undefined)
    throw new AddressError(
      'not-accepted',
      'token',
      `The payee takes no ${wish.token} of bank ${wish.bank} on chain ${wish.chainId}.`,
      'Pay in a token that the address accepts; the document lists them.',
    )
  const { minAmount, maxAmount } = offer
  if (wish.amount < minAmount || wish.amount > maxAmount)
    throw new AddressError(
      'amount-out-of-range',
      'amount',
      `The payee takes ${minAmount} to ${maxAmount}, not ${wish.amount}.`,
      'Give an amount in this range.',
    )
  const { comment } = wish
  if (comment === undefined) return
  const fits = new TextEncoder().encode(comment).length <= document.commentBytes
  if (fits && Comment.safeParse(comment).success) return
  throw new AddressError(
    'comment-too-long',
    'comment',
    `The payee takes comments of one line and at most ${document.commentBytes} bytes.`,
    'Shorten the comment, or leave it away.',
  )
}

function assertAsked(
  { invoice }: SignedInvoice,
  { payee }: AddressDocument,
  wish: InvoiceWish,
  nowSeconds: number,
): void {
  const compared: readonly [field: string, given: unknown, asked: unknown][] = [
    ['payee', toHex(invoice.payee).slice(2), payee],
    ['chainId', invoice.chainId, wish.chainId],
    ['bank', toHex(invoice.bank), wish.bank.toLowerCase()],
    ['registry', toHex(invoice.registry), wish.registry.toLowerCase()],
    ['token', toHex(invoice.token), wish.token.toLowerCase()],
    ['amount', invoice.amount ?? 'open', wish.amount],
  ]
  for (const [field, given, asked] of compared)
    if (given !== asked) throw wrong(field, `${field} is ${given}, asked for was ${asked}`)
  const late = checkInvoiceTime(invoice, nowSeconds)
  if (late !== undefined) throw wrong(late.field, late.detail)
}

function wrong(field: string, detail: string): AddressError {
  return new AddressError(
    'invoice-wrong',
    `invoice.${field}`,
    `The invoice is not the one asked for: ${detail}.`,
    'Do not pay it; tell the owner of the address.',
  )
}
