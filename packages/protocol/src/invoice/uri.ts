/**
 * `tally:` URIs and addresses: an invoice, a node (`nodeId@host:port`) or a name at a host (`alice@host`), read strictly
 * and written in one form (IV-33 to IV-39). Nothing is percent-encoded, nothing is in another script than ASCII, and what
 * is not understood is refused, because a URI may ask for money.
 * Source: RFC 3986 (the scheme's case), ISO/IEC 18004 (why upper case is taken).
 */

import { MAX_AMOUNT } from '../constants.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import type { InvoiceCrypto } from './binary.ts'
import { type InvoiceFault, invoiceFault } from './fault.ts'
import { hostInUri, parseHost } from './host.ts'
import type { InvoiceNetwork, SignedInvoice } from './invoice.ts'
import { formatInvoice, INVOICE_PREFIX, parseInvoice } from './text.ts'

/** What the reader is asked to pay; of an address or a node, an invoice has its own. */
export interface Asked {
  /** 20 bytes; zero is the native coin. */
  readonly token: Uint8Array | undefined
  /** Base units of `token`, which is then given too. */
  readonly amount: bigint | undefined
}

export interface NodeTarget extends Asked {
  readonly kind: 'node'
  /** 66 lower-case hexadecimal digits. */
  readonly nodeId: string
  /** As `parseHost` writes it; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

export interface AddressTarget extends Asked {
  readonly kind: 'address'
  /** 1 to 64 of `a-z 0-9 . _ -`, a letter or digit at each end. */
  readonly name: string
  readonly host: string
  /** Undefined: the usual one of HTTPS. */
  readonly port: number | undefined
}

export interface InvoiceTarget {
  readonly kind: 'invoice'
  readonly signed: SignedInvoice
}

export type Target = InvoiceTarget | NodeTarget | AddressTarget
export type AddressResult = { readonly ok: true; readonly target: AddressTarget } | InvoiceFault
export type TargetResult = { readonly ok: true; readonly target: Target } | InvoiceFault

/** Version 40, level L, of a QR code in alphanumeric mode. */
export const MAX_URI_CHARACTERS = 4296
const SCHEME = 'tally:'
const NODE_ID = /^0[23][0-9a-f]{64}$/
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
/** What has to do with either, loosely: the parts are judged one by one. */
const PARTS = /^([^@?]*)@(\[[^\]?]*\]|[^:?[\]]*)(?::([^?]*))?(?:\?(.*))?$/s

/**
 * Reads a `tally:` URI. Never throws.
 * @param network when given, an invoice must be for it
 */
export function parseTallyUri(crypto: InvoiceCrypto, uri: string, network?: InvoiceNetwork): TargetResult {
  if (uri.slice(0, SCHEME.length).toLowerCase() !== SCHEME)
    return invoiceFault('scheme-wrong', 'scheme', 'it does not begin with tally:')
  const rest = uri.slice(SCHEME.length)
  if (rest.startsWith('//')) return invoiceFault('scheme-wrong', 'scheme', 'two slashes follow the colon')
  if (uri.length > MAX_URI_CHARACTERS) return tooLong(uri)
  return parseBody(crypto, rest, network)
}

/** What a person gives to pay: a `tally:` URI, or what would stand in one. Never throws. */
export function parseTarget(crypto: InvoiceCrypto, text: string, network?: InvoiceNetwork): TargetResult {
  if (text.slice(0, SCHEME.length).toLowerCase() === SCHEME) return parseTallyUri(crypto, text, network)
  return text.length > MAX_URI_CHARACTERS ? tooLong(text) : parseBody(crypto, text, network)
}

/** `name@host` or `name@host:port`, without scheme; what it asks for may follow. Never throws. */
export function parseAddress(text: string): AddressResult {
  if (text.length > MAX_URI_CHARACTERS) return tooLong(text)
  const result = parseAtHost(text)
  if (!result.ok) return result
  const { target } = result
  if (target.kind === 'address') return { ok: true, target }
  return invoiceFault('name-invalid', 'name', 'it is a node id: dial the node')
}

/** True for a name in its one form: 1 to 64 of `a-z 0-9 . _ -`, a letter or digit at each end. */
export function isAddressName(name: string): boolean {
  return NAME.test(name)
}

/** The one form, in lower case; `parseTallyUri` of it gives the target again. */
export function formatTallyUri(target: Target): string {
  return `${SCHEME}${formatTarget(target)}`
}

/** Without the scheme: the invoice, `nodeId@host:port` or `name@host`, and what is asked for. */
export function formatTarget(target: Target): string {
  if (target.kind === 'invoice') return formatInvoice(target.signed)
  const who = target.kind === 'node' ? target.nodeId : target.name
  const port = target.port === undefined ? '' : `:${target.port}`
  const asked = [
    ...(target.token === undefined ? [] : [`token=${toHex(target.token)}`]),
    ...(target.amount === undefined ? [] : [`amount=${target.amount}`]),
  ]
  return `${who}@${hostInUri(target.host)}${port}${asked.length === 0 ? '' : `?${asked.join('&')}`}`
}

function tooLong(text: string): InvoiceFault {
  return invoiceFault('too-long', 'text', `${text.length} characters, ${MAX_URI_CHARACTERS} fit`)
}

function parseBody(crypto: InvoiceCrypto, body: string, network: InvoiceNetwork | undefined): TargetResult {
  if (!body.includes('@') && body.slice(0, INVOICE_PREFIX.length).toLowerCase() === INVOICE_PREFIX) {
    const result = parseInvoice(crypto, body, network)
    return result.ok ? { ok: true, target: { kind: 'invoice', signed: result.signed } } : result
  }
  return parseAtHost(body)
}

type AtHostResult = { readonly ok: true; readonly target: NodeTarget | AddressTarget } | InvoiceFault

function parseAtHost(body: string): AtHostResult {
  // From a QR code it may be in upper case throughout. Only ASCII is folded: the Kelvin sign would become a k.
  const parts = PARTS.exec(/^[\x21-\x60\x7b-\x7e]*$/.test(body) ? body.toLowerCase() : body)
  if (parts === null)
    return invoiceFault('target-unknown', 'text', 'neither an invoice nor somebody at a host')
  const [, who = '', where = '', port, query] = parts
  const host = readHost(where)
  if (typeof host !== 'string') return host
  const asked = readAsked(query)
  if ('ok' in asked) return asked
  if (who.length === 66) {
    if (!NODE_ID.test(who))
      return invoiceFault('node-id-invalid', 'nodeId', '66 characters, but not a node id')
    const dial = readPort(port)
    return typeof dial === 'number' ? found({ kind: 'node', nodeId: who, host, port: dial, ...asked }) : dial
  }
  const name = who.toLowerCase()
  if (!/^[\x21-\x7e]*$/.test(who) || !isAddressName(name))
    return invoiceFault(
      'name-invalid',
      'name',
      who === '' ? 'it is empty' : 'it has other characters, or ends in one',
    )
  const listen = port === undefined ? undefined : readPort(port)
  if (typeof listen === 'object') return listen
  return found({ kind: 'address', name, host, port: listen, ...asked })
}

function found(target: NodeTarget | AddressTarget): AtHostResult {
  return { ok: true, target }
}

function readHost(where: string): string | InvoiceFault {
  const bracketed = where.startsWith('[')
  const host = parseHost(bracketed ? where.slice(1, -1) : where)
  if (typeof host === 'string') return invoiceFault('host-invalid', 'host', host)
  if (bracketed !== (host.kind === 'ipv6'))
    return invoiceFault('host-invalid', 'host', 'brackets are for IPv6')
  return host.text
}

function readPort(text: string | undefined): number | InvoiceFault {
  if (text !== undefined && /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535) return Number(text)
  return invoiceFault('port-invalid', 'port', text === undefined ? 'it is missing' : 'not 1 to 65535')
}

function readAsked(query: string | undefined): Asked | InvoiceFault {
  const given = new Map<string, string>()
  for (const part of query === undefined ? [] : query.split('&')) {
    const at = part.indexOf('=')
    const key = at < 0 ? part : part.slice(0, at)
    if (key !== 'token' && key !== 'amount')
      return invoiceFault('parameter-unknown', 'parameters', `a parameter ${shown(key)}`)
    if (given.has(key)) return invoiceFault('parameter-repeated', key, `${key} stands twice`)
    given.set(key, at < 0 ? '' : part.slice(at + 1))
  }
  const [tokenText, amountText] = [given.get('token'), given.get('amount')]
  const token = tokenText === undefined ? undefined : fromHex(tokenText, 20)
  if (tokenText !== undefined && token === undefined)
    return invoiceFault('token-invalid', 'token', 'not 0x and 40 hexadecimal digits')
  if (amountText === undefined) return { token, amount: undefined }
  const amount = /^[1-9][0-9]{0,38}$/.test(amountText) ? BigInt(amountText) : 0n
  if (amount === 0n || amount > MAX_AMOUNT)
    return invoiceFault('amount-invalid', 'amount', 'not a number from 1 to 2^128 - 1')
  if (token === undefined) return invoiceFault('amount-invalid', 'amount', 'an amount without its token')
  return { token, amount }
}

/** A key from a stranger, for a message: short, and nothing a terminal would act on. */
function shown(key: string): string {
  return key === '' ? 'without a name' : key.slice(0, 20).replace(/[^\x21-\x7e]/g, '?')
}
