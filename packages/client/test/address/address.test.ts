/** Addresses over real HTTPS: what an honest host gives, and what a lying one cannot (docs/spec/invoice.md IV-50 to IV-59). */
import { formatInvoice } from '@tallystick/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AddressEntry, addressBook, type InvoiceOrder } from '../../src/address/book.ts'
import { AddressError } from '../../src/address/error.ts'
import {
  type InvoiceWish,
  type ResolveOptions,
  requestInvoice,
  resolveAddress,
} from '../../src/address/resolve.ts'
import { HOST, httpHost, httpsHost } from './host.ts'
import {
  aliceBook,
  crypto,
  ENTRY,
  invoiceFor,
  NETWORK,
  NOW,
  OFFER,
  PAYEE,
  signerNamed,
  TOKEN,
  WISH,
} from './payee.ts'

async function refused(attempt: Promise<unknown>): Promise<AddressError> {
  const outcome = await attempt.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  if (!(outcome instanceof AddressError)) throw outcome
  expect(outcome.field.length * outcome.message.length * outcome.remedy.length).toBeGreaterThan(0)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
  expect(`${outcome.message}${outcome.remedy}${outcome.field}`).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  return outcome
}

async function buy(fetch: ResolveOptions['fetch'], wish: InvoiceWish = WISH, now = NOW) {
  const resolved = await resolveAddress(`alice@${HOST}`, { fetch })
  return await requestInvoice(crypto, resolved, wish, now, { fetch })
}

const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })

/** The honest document as JSON, changed. */
async function changed(change: object): Promise<Response> {
  const answer = await aliceBook().handler(new Request(`https://${HOST}/.well-known/tally/alice`))
  return json({ ...((await answer.json()) as object), ...change })
}

describe('an honest host', () => {
  test('IV-50, IV-55: tells who alice is, and gives an invoice for exactly what was asked', async () => {
    const { orders, handler } = aliceBook()
    const host = await httpsHost(handler)
    const resolved = await resolveAddress(`Alice@Shop.Example`, { fetch: host.fetch, expectedPayee: PAYEE })
    expect(resolved).toEqual({
      address: `alice@${HOST}`,
      url: `https://${HOST}/.well-known/tally/alice`,
      document: { version: 1, callback: `https://${HOST}/.well-known/tally/alice/invoice`, ...ENTRY },
    })
    const wish = { ...WISH, comment: 'two cups ☕' }
    const { invoice } = await requestInvoice(crypto, resolved, wish, NOW, { fetch: host.fetch })
    expect(invoice).toMatchObject({ amount: 250n, description: 'tea, two cups ☕' })
    expect(Buffer.from(invoice.payee).toString('hex')).toBe(PAYEE)
    const { registry: _, ...asked } = wish
    expect(orders).toEqual([{ name: 'alice', ...asked }])
    expect(host.asked[0]).toBe('/.well-known/tally/alice')
  })

  test('IV-51: a certificate that is not trusted, or of another name, is no host', async () => {
    const host = await httpsHost(aliceBook().handler)
    expect(await refused(resolveAddress(`alice@${HOST}`, { fetch: host.distrustful }))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('certificate'),
    })
    expect(await refused(resolveAddress('alice@other.example', { fetch: host.fetch }))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('shop.example'),
    })
    expect(host.asked).toEqual([])
  })

  test('IV-52: this machine is asked only where that was allowed, and then by the platform’s fetch too', async () => {
    let book = aliceBook()
    const host = await httpHost((request) => book.handler(request))
    book = aliceBook(undefined, `http://127.0.0.1:${host.port}`)
    const address = `alice@127.0.0.1:${host.port}`
    expect(await refused(resolveAddress(address, { fetch }))).toMatchObject({
      code: 'host-refused',
      field: 'host',
    })
    expect(host.asked).toEqual([])
    const resolved = await resolveAddress(address, { fetch, allowLoopback: 'http' })
    const signed = await requestInvoice(crypto, resolved, WISH, NOW, { fetch })
    expect(formatInvoice(signed).startsWith('tally1')).toBe(true)
    // Over TLS there is nobody at that port.
    expect((await refused(resolveAddress(address, { fetch, allowLoopback: 'https' }))).code).toBe(
      'unreachable',
    )
  })

  test('what it does not take is refused before it is asked', async () => {
    const host = await httpsHost(aliceBook().handler)
    const resolved = await resolveAddress(`alice@${HOST}`, { fetch: host.fetch })
    const wishes: readonly (readonly [string, string, Partial<InvoiceWish>])[] = [
      ['not-accepted', 'token', { token: `0x${'71'.repeat(20)}` }],
      ['not-accepted', 'token', { chainId: 1n }],
      ['not-accepted', 'token', { registry: NETWORK.bank }],
      ['amount-out-of-range', 'amount', { amount: 9n }],
      ['amount-out-of-range', 'amount', { amount: 1_001n }],
      ['comment-too-long', 'comment', { comment: 'é'.repeat(21) }],
      ['comment-too-long', 'comment', { comment: 'two\nlines' }],
    ]
    for (const [code, field, wish] of wishes)
      expect(
        await refused(requestInvoice(crypto, resolved, { ...WISH, ...wish }, NOW, { fetch: host.fetch })),
      ).toMatchObject({ code, field })
    expect(host.asked).toHaveLength(1)
  })

  test('a name it does not know', async () => {
    const host = await httpsHost(aliceBook().handler)
    expect(await refused(resolveAddress(`bob@${HOST}`, { fetch: host.fetch }))).toMatchObject({
      code: 'name-unknown',
    })
  })
})

describe('hosts that are not asked', () => {
  test.each([
    'alice@localhost',
    'alice@dev.localhost:8443',
    'alice@127.0.0.1',
    'alice@[::1]',
    'alice@10.0.0.7',
    'alice@192.168.1.1',
    'alice@169.254.169.254',
    'alice@[fe80::1]',
    'alice@93.184.216.34',
    'alice@intranet',
    'alice@printer.local',
    'alice@vault.internal',
    'alice@nas.home.arpa',
  ])('IV-52: %s', async (address) => {
    const never: typeof fetch = () => Promise.reject(new Error('it was asked'))
    expect(await refused(resolveAddress(address, { fetch: never }))).toMatchObject({ code: 'host-refused' })
    if (!/localhost|127\.|::1\]/.test(address))
      expect(await refused(resolveAddress(address, { fetch: never, allowLoopback: 'http' }))).toMatchObject({
        code: 'host-refused',
      })
  })

  test.each([
    'alice',
    'alice@',
    '@shop.example',
    '../x@shop.example',
    'a@b@shop.example',
    'alice@shop.example/x',
    `alice@shop.example?token=${TOKEN}&amount=5`,
    '',
  ])('%j is no address', async (address) => {
    const never: typeof fetch = () => Promise.reject(new Error('it was asked'))
    expect(await refused(resolveAddress(address, { fetch: never }))).toMatchObject({
      code: 'address-malformed',
    })
  })
})

describe('a lying host', () => {
  test('IV-53: that gives the name to another node is found out by who knew it before', async () => {
    const host = await httpsHost(() => changed({ payee: signerNamed('thief').nodeId }))
    expect(
      await refused(resolveAddress(`alice@${HOST}`, { fetch: host.fetch, expectedPayee: PAYEE })),
    ).toMatchObject({ code: 'payee-changed', field: 'payee' })
  })

  test.each<[string, (request: Request) => Response | Promise<Response>, string, string]>([
    ['elsewhere by redirect', () => Response.redirect(`https://${HOST}/other`, 302), 'redirected', 'url'],
    ['inside by redirect', () => Response.redirect('http://169.254.169.254/', 307), 'redirected', 'url'],
    ['HTML', () => new Response('<html>'), 'answer-malformed', 'answer'],
    ['an empty answer', () => new Response(''), 'answer-malformed', 'answer'],
    ['another version', () => changed({ version: 2 }), 'answer-malformed', 'version'],
    ['no payee', () => changed({ payee: 'alice' }), 'answer-malformed', 'payee'],
    [
      'a callback elsewhere',
      () => changed({ callback: 'https://evil.example/x' }),
      'answer-malformed',
      'callback',
    ],
    ['a callback inside', () => changed({ callback: 'http://127.0.0.1/x' }), 'answer-malformed', 'callback'],
    [
      'a callback at another port',
      () => changed({ callback: `https://${HOST}:444/` }),
      'answer-malformed',
      'callback',
    ],
    [
      'a callback without TLS',
      () => changed({ callback: `http://${HOST}/` }),
      'answer-malformed',
      'callback',
    ],
    [
      'a callback with a password',
      () => changed({ callback: `https://a:b@${HOST}/` }),
      'answer-malformed',
      'callback',
    ],
    [
      'a script for a callback',
      () => changed({ callback: 'javascript:alert(1)' }),
      'answer-malformed',
      'callback',
    ],
    [
      'words that act on a terminal',
      () => changed({ description: '\u001b[2J' }),
      'answer-malformed',
      'description',
    ],
    [
      'limits that cross',
      () => changed({ accepts: [{ ...plain(OFFER), maxAmount: '9' }] }),
      'answer-malformed',
      'accepts.0.maxAmount',
    ],
    [
      'amounts as numbers',
      () => changed({ accepts: [{ ...plain(OFFER), maxAmount: 9 }] }),
      'answer-malformed',
      'accepts.0.maxAmount',
    ],
    [
      'too many offers',
      () => changed({ accepts: new Array(17).fill(plain(OFFER)) }),
      'answer-malformed',
      'accepts',
    ],
    [
      'an error',
      () =>
        json({ type: 'about:blank', title: 'No\u001b[31m', status: 500, code: 'X', remedy: 'Go\naway' }, 500),
      'answer-refused',
      'answer',
    ],
    ['an error page', () => new Response('\u0007nope', { status: 502 }), 'answer-refused', 'answer'],
    ['too much', () => new Response('x'.repeat(70_000)), 'too-large', 'url'],
  ])('IV-54: %s', async (_name, handler, code, field) => {
    const host = await httpsHost(handler)
    expect(await refused(resolveAddress(`alice@${HOST}`, { fetch: host.fetch }))).toMatchObject({
      code,
      field,
    })
  })

  test('IV-54: whatever it answers, the refusal is typed', async () => {
    const pieces = fc.constantFrom(...['1', '{', '"payee":', PAYEE, 'null', '[]', '\u0000'])
    const bodies = fc.oneof(
      fc.json(),
      fc.array(pieces).map((some) => some.join('')),
    )
    await fc.assert(
      fc.asyncProperty(bodies, fc.constantFrom(200, 204, 302, 400, 404, 500), async (body, status) => {
        const answer: typeof fetch = async () => new Response(status === 204 ? null : body, { status })
        await refused(resolveAddress(`alice@${HOST}`, { fetch: answer }))
      }),
    )
  })

  test('IV-54: an answer without end is cut off at the limit', async () => {
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1
        controller.enqueue(new Uint8Array(8192).fill(32))
      },
    })
    const host = await httpsHost(() => new Response(endless))
    expect((await refused(resolveAddress(`alice@${HOST}`, { fetch: host.fetch }))).code).toBe('too-large')
    expect(sent).toBeLessThan(10_000)
  })

  test('IV-54: one that says nothing, or stops in the middle, is given up in time', async () => {
    const silent = await httpsHost(() => new Promise(() => undefined))
    const stuck = await httpsHost(
      () => new Response(new ReadableStream({ start: (to) => to.enqueue(Buffer.from('{')) })),
    )
    for (const { fetch } of [silent, stuck])
      expect(await refused(resolveAddress(`alice@${HOST}`, { fetch, timeoutMs: 200 }))).toMatchObject({
        code: 'unreachable',
      })
    const given = new AbortController()
    const attempt = refused(resolveAddress(`alice@${HOST}`, { fetch: silent.fetch, signal: given.signal }))
    given.abort()
    expect((await attempt).code).toBe('aborted')
  })

  test('IV-54: a redirect is refused also of a fetch that would follow it', async () => {
    const target = await httpHost(() => changed({}))
    const host = await httpHost(() =>
      Response.redirect(`http://127.0.0.1:${target.port}/.well-known/tally/alice`, 302),
    )
    const following: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'follow' })
    for (const one of [fetch, following])
      expect(
        await refused(resolveAddress(`alice@127.0.0.1:${host.port}`, { fetch: one, allowLoopback: 'http' })),
      ).toMatchObject({ code: 'redirected' })
  })

  const bent: readonly (readonly [string, string, (order: InvoiceOrder) => string])[] = [
    ['for more', 'invoice.amount', (order) => invoiceFor(order, { amount: order.amount + 1n })],
    ['for less', 'invoice.amount', (order) => invoiceFor(order, { amount: order.amount - 1n })],
    ['for any amount', 'invoice.amount', (order) => invoiceFor(order, { amount: undefined })],
    ['in another token', 'invoice.token', (order) => invoiceFor(order, { token: new Uint8Array(20) })],
    ['on another chain', 'invoice.chainId', (order) => invoiceFor(order, { chainId: 1n })],
    ['of another bank', 'invoice.bank', (order) => invoiceFor(order, { bank: new Uint8Array(20).fill(1) })],
    [
      'of another registry',
      'invoice.registry',
      (order) => invoiceFor(order, { registry: new Uint8Array(20).fill(1) }),
    ],
    ['of a thief', 'invoice.payee', (order) => invoiceFor(order, {}, 'thief')],
    ['that is expired', 'invoice.expirySeconds', (order) => invoiceFor(order, { createdAt: NOW - 601 })],
    ['from the future', 'invoice.createdAt', (order) => invoiceFor(order, { createdAt: NOW + 7201 })],
    ['damaged', 'invoice.text', (order) => invoiceFor(order).slice(0, -1)],
    ['of a Lightning node', 'invoice.text', () => 'lnbc1pvjluezpp5'],
  ]
  test.each(bent)('IV-55: an invoice %s is not given back', async (_name, field, make) => {
    const host = await httpsHost(aliceBook(make).handler)
    expect(await refused(buy(host.fetch))).toMatchObject({ code: 'invoice-wrong', field })
  })

  test('IV-55: the invoice of a thief with alice’s name on it is not signed by her', async () => {
    const host = await httpsHost(
      aliceBook((order) => {
        const theirs = invoiceFor(order, {}, 'thief')
        const hers = invoiceFor(order)
        // Her payload with a signature of the thief: as far as one can come without her key.
        return hers.slice(0, -110) + theirs.slice(-110)
      }).handler,
    )
    expect(await refused(buy(host.fetch))).toMatchObject({ code: 'invoice-wrong', field: 'invoice.text' })
  })
})

function plain(value: object): object {
  return JSON.parse(JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one)))
}

describe('the book', () => {
  const ask = async (path: string, options: Partial<Parameters<typeof addressBook>[0]> = {}) => {
    const app = addressBook({
      origin: `https://${HOST}`,
      names: new Map([['alice', ENTRY]]),
      makeInvoice: async (order) => invoiceFor(order),
      ...options,
    })
    const answer = await app.request(`https://${HOST}${path}`)
    return {
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as Record<string, unknown>,
    }
  }
  const query = (change: Record<string, string> = {}) =>
    new URLSearchParams({ chainId: '31337', bank: OFFER.bank, token: OFFER.token, amount: '250', ...change })
  const invoiceAt = (search: string) => ask(`/.well-known/tally/alice/invoice?${search}`)

  test('answers pages of other origins, and nobody keeps its answers', async () => {
    const { headers } = await ask('/.well-known/tally/alice')
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test.each<[string, number, string, string]>([
    ['', 400, 'INVALID_QUERY', 'chainId'],
    [`${query({ amount: '0' })}`, 400, 'INVALID_QUERY', 'amount'],
    [`${query({ amount: '1e3' })}`, 400, 'INVALID_QUERY', 'amount'],
    [`${query({ extra: '1' })}`, 400, 'INVALID_QUERY', 'query'],
    [`${query()}&amount=1`, 400, 'INVALID_QUERY', 'query'],
    [`${query({ comment: 'a\nb' })}`, 400, 'INVALID_QUERY', 'comment'],
    [`${query({ chainId: '1' })}`, 422, 'NOT_ACCEPTED', 'token'],
    [`${query({ token: OFFER.bank })}`, 422, 'NOT_ACCEPTED', 'token'],
    [`${query({ amount: '9' })}`, 422, 'AMOUNT_OUT_OF_RANGE', 'amount'],
    [`${query({ amount: '1001' })}`, 422, 'AMOUNT_OUT_OF_RANGE', 'amount'],
    [`${query({ comment: 'x'.repeat(41) })}`, 422, 'COMMENT_TOO_LONG', 'comment'],
  ])('refuses ?%s with %i %s', async (search, status, code, field) => {
    expect(await invoiceAt(search)).toMatchObject({ status, body: { code, field } })
  })

  test.each([
    '/',
    '/.well-known/tally/',
    '/.well-known/tally/bob',
    '/.well-known/tally/Alice',
    '/.well-known/tally/%2e%2e',
    '/.well-known/tally/alice%00',
    '/.well-known/tally/__proto__',
    '/.well-known/tally/bob/invoice',
  ])('there is nothing at %s', async (path) => {
    expect(await ask(path)).toMatchObject({ status: 404 })
  })

  test('IV-35: what cannot be a name is not looked up', async () => {
    const looked: string[] = []
    const names = {
      get: (name: string) => {
        looked.push(name)
        return ENTRY
      },
    }
    for (const name of ['Alice', '%2e%2e', 'a%2fb', 'a%00', 'x'.repeat(65), '-a', '%F0%9F%8D%B5'])
      expect(await ask(`/.well-known/tally/${name}`, { names })).toMatchObject({ status: 404 })
    expect(looked).toEqual([])
    expect(await ask('/.well-known/tally/bob', { names })).toMatchObject({ status: 200 })
    expect(looked).toEqual(['bob'])
  })

  test('a payee that fails is told as unavailable, without a word of its insides', async () => {
    const makeInvoice = () => Promise.reject(new Error('secret path /home/alice'))
    const { status, body } = await ask(`/.well-known/tally/alice/invoice?${query()}`, { makeInvoice })
    expect(status).toBe(503)
    expect(JSON.stringify(body)).not.toContain('secret')
  })

  test('IV-57: no more invoices are made at one time than allowed', async () => {
    const [held, inside] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let making = 0
    const app = addressBook({
      origin: `https://${HOST}`,
      names: { get: () => ENTRY },
      makeInvoice: async (order) => {
        making += 1
        if (making === 2) inside.resolve()
        await held.promise
        return invoiceFor(order)
      },
      maxPending: 2,
    })
    const invoice = async () => app.request(`https://${HOST}/.well-known/tally/alice/invoice?${query()}`)
    const first = [invoice(), invoice()]
    await inside.promise
    const third = await invoice()
    expect(third.status).toBe(503)
    expect(third.headers.get('retry-after')).toBe('1')
    held.resolve()
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200])
    expect((await invoice()).status).toBe(200)
  })

  const wrongEntries: readonly (readonly [string, string, Partial<AddressEntry>])[] = [
    ['alice', 'payee', { payee: 'nobody' }],
    ['alice', 'accepts', { accepts: [] }],
    ['alice', 'accepts.0.maxAmount', { accepts: [{ ...OFFER, maxAmount: 1n }] }],
    ['alice', 'addresses.0.host', { addresses: [{ host: 'Node.Example', port: 1 }] }],
    ['alice', 'description', { description: 'a\u202eb' }],
    ['Alice', 'name', {}],
    ['../x', 'name', {}],
  ]
  test.each(wrongEntries)('an entry %s with a wrong %s is not offered', (name, field, change) => {
    const open = () =>
      addressBook({
        origin: `https://${HOST}`,
        names: new Map([[name, { ...ENTRY, ...change }]]),
        makeInvoice: async (order) => invoiceFor(order),
      })
    expect(open).toThrow(expect.objectContaining({ code: 'entry-invalid', field }))
  })

  test.each(['shop.example', 'https://shop.example/path', 'ftp://shop.example', ''])(
    '%j is no origin',
    (origin) => {
      expect(() => addressBook({ origin, names: new Map(), makeInvoice: async () => '' })).toThrow(
        expect.objectContaining({ code: 'entry-invalid', field: 'origin' }),
      )
    },
  )
})
