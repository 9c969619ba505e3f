/**
 * The host's side of addresses: who the names are, and invoices for whoever wants to pay them. A Hono handler, for a node's
 * API or any web server behind a public name. Anybody may ask: what it makes for strangers is bounded, and
 * `makeInvoice` should be cheap.
 */
import { isAddressName } from '@tallystick/protocol'
import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../schema/problem.ts'
import { AddressError } from './error.ts'
import { AddressDocument, InvoiceAnswer, InvoiceQuery, WELL_KNOWN_PATH } from './wire.ts'

/** What one name answers. */
export type AddressEntry = Omit<AddressDocument, 'version' | 'callback'>

/** An invoice that somebody wants, already inside what the entry accepts. */
export interface InvoiceOrder extends InvoiceQuery {
  readonly name: string
}

export interface AddressBookOptions {
  /** Where payers reach this handler: `https://shop.example`. */
  readonly origin: string
  /** By name, in lower case. A `Map`, or anything that looks names up. */
  readonly names: { get(name: string): AddressEntry | undefined | Promise<AddressEntry | undefined> }
  /** Makes the invoice, signed by the entry's payee, and gives its text. */
  readonly makeInvoice: (order: InvoiceOrder) => Promise<string>
  /** Invoices being made at one time; more are told to come again. Default 64. */
  readonly maxPending?: number
}

const MAX_PENDING = 64

/** @throws {AddressError} `entry-invalid` when the origin, or an entry of a `Map`, cannot be offered */
export function addressBook(options: AddressBookOptions): Hono {
  const origin = originOf(options.origin)
  if (options.names instanceof Map)
    for (const [name, entry] of options.names as Map<string, AddressEntry>) assertEntry(origin, name, entry)
  let pending = 0
  const app = new Hono()
  app.use('*', async (c, next) => {
    await next()
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
    // Public, and without credentials: a page may pay an address too.
    c.header('access-control-allow-origin', '*')
  })
  app.get(`${WELL_KNOWN_PATH}:name`, async (c) => {
    const entry = await find(options, c.req.param('name'))
    if (entry === undefined) return refuse('UNKNOWN_NAME', 'name')
    const document = documentOf(origin, c.req.param('name'), entry)
    return json(z.encode(AddressDocument, document))
  })
  app.get(`${WELL_KNOWN_PATH}:name/invoice`, async (c) => {
    const name = c.req.param('name')
    const entry = await find(options, name)
    if (entry === undefined) return refuse('UNKNOWN_NAME', 'name')
    const query = readQuery(new URL(c.req.url).searchParams)
    if (query instanceof Response) return query
    const wrong = refusalOf(entry, query)
    if (wrong !== undefined) return wrong
    if (pending >= (options.maxPending ?? MAX_PENDING)) return refuse('BUSY', 'name')
    pending += 1
    try {
      return json(z.encode(InvoiceAnswer, { invoice: await options.makeInvoice({ name, ...query }) }))
    } finally {
      pending -= 1
    }
  })
  app.notFound(() => refuse('NOT_FOUND', 'path'))
  app.onError(() => refuse('PAYEE_UNAVAILABLE', 'name'))
  return app
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin
  throw new AddressError(
    'entry-invalid',
    'origin',
    `${text} is not an origin.`,
    'Give scheme and host, as in https://shop.example.',
  )
}

function documentOf(origin: string, name: string, entry: AddressEntry): AddressDocument {
  const { payee, description, addresses, commentBytes, accepts } = entry
  const callback = `${origin}${WELL_KNOWN_PATH}${name}/invoice`
  return { version: 1, payee, description, addresses, commentBytes, accepts, callback }
}

function assertEntry(origin: string, name: string, entry: AddressEntry): void {
  const encoded = z.safeEncode(AddressDocument, documentOf(origin, name, entry))
  if (encoded.success && isAddressName(name)) return
  const issue = encoded.error?.issues[0]
  throw new AddressError(
    'entry-invalid',
    issue === undefined ? 'name' : issue.path.join('.'),
    `The entry of ${name} cannot be offered: ${issue?.message ?? 'not a name'}.`,
    'Correct the named field; names are lower-case letters, digits, dots, hyphens and underscores.',
    encoded.error,
  )
}

async function find({ names }: AddressBookOptions, name: string): Promise<AddressEntry | undefined> {
  return isAddressName(name) ? await names.get(name) : undefined
}

function readQuery(parameters: URLSearchParams): InvoiceQuery | Response {
  const keys = [...parameters.keys()]
  const repeated = keys.find((key, at) => keys.indexOf(key) !== at)
  if (repeated !== undefined) return refuse('INVALID_QUERY', 'query', 'A parameter stands twice.')
  const parsed = InvoiceQuery.safeParse(Object.fromEntries(parameters))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.') ?? ''
  return refuse('INVALID_QUERY', field === '' ? 'query' : field, issue?.message)
}

function refusalOf(entry: AddressEntry, query: InvoiceQuery): Response | undefined {
  const { chainId, bank, token, amount, comment } = query
  const offer = entry.accepts.find(
    (one) => one.chainId === chainId && one.bank.toLowerCase() === bank && one.token.toLowerCase() === token,
  )
  if (offer === undefined) return refuse('NOT_ACCEPTED', 'token')
  if (amount < offer.minAmount || amount > offer.maxAmount)
    return refuse('AMOUNT_OUT_OF_RANGE', 'amount', `${offer.minAmount} to ${offer.maxAmount} is taken.`)
  if (comment !== undefined && new TextEncoder().encode(comment).length > entry.commentBytes)
    return refuse('COMMENT_TOO_LONG', 'comment', `At most ${entry.commentBytes} bytes are taken.`)
  return undefined
}

const REFUSALS = {
  NOT_FOUND: [404, 'There is nothing at this address.', 'Ask for /.well-known/tally/<name>.'],
  UNKNOWN_NAME: [404, 'There is no such name here.', 'Check the name.'],
  INVALID_QUERY: [
    400,
    'The question does not have the expected form.',
    'Give chainId, bank, token, amount and, where taken, comment.',
  ],
  NOT_ACCEPTED: [422, 'This token is not taken.', 'Choose one that the document accepts.'],
  AMOUNT_OUT_OF_RANGE: [422, 'This amount is not taken.', 'Give an amount that the document accepts.'],
  COMMENT_TOO_LONG: [422, 'The comment is too long.', 'Shorten it, or leave it away.'],
  BUSY: [503, 'Too many invoices are being made at this time.', 'Ask again soon.'],
  PAYEE_UNAVAILABLE: [503, 'The payee cannot make an invoice now.', 'Ask again soon.'],
} as const satisfies Record<string, readonly [status: number, title: string, remedy: string]>

function refuse(code: keyof typeof REFUSALS, field: string, detail?: string): Response {
  const [status, title, remedy] = REFUSALS[code]
  const type = `urn:tallystick:problem:${code}`
  const body = { type, title, status, code, field, ...(detail === undefined ? {} : { detail }), remedy }
  return new Response(JSON.stringify(z.encode(Problem, body)), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 503 ? { 'retry-after': '1' } : {}),
    },
  })
}

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })
}
