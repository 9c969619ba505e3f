/** Invoices, payments over the network and fee policies over the API, with a node on paper behind it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiError, createNodeClient, type NodeClient } from '@tallystick/client'
import { Problem } from '@tallystick/client/schema'
import { loadCrypto } from '@tallystick/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ApiServer, startApiServer } from '../../src/api/server.ts'
import type { PaymentFailure } from '../../src/engine/htlc/payment-record.ts'
import { ServiceError } from '../../src/engine/service.ts'
import {
  hashOf,
  INVOICE_TEXT,
  invoiceRecord,
  networkPayment,
  PATH,
  PAYMENT_HASH,
  PREIMAGE,
  part,
  SECRETS,
} from './network-records.ts'
import { CHANNEL, NETTED, type PaperNode, PEER, POLICY, paperNode, TOKEN } from './paper-node.ts'

const { crypto } = await loadCrypto()
let directory: string
let node: PaperNode
let server: ApiServer
let token: string
let client: NodeClient

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tallystick-network-api-'))
  const tokenFile = join(directory, 'api.token')
  node = paperNode()
  server = await startApiServer({ service: node, crypto, tokenFile })
  token = readFileSync(tokenFile, 'utf8').trim()
  client = createNodeClient({ baseUrl: server.url, token })
})
afterEach(async () => {
  await server.close()
  rmSync(directory, { recursive: true, force: true })
})

async function refused(attempt: Promise<unknown>): Promise<ApiError> {
  const outcome = await attempt.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  if (outcome instanceof ApiError) return outcome
  throw outcome
}

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const timedOut = async () => {
  throw new ServiceError('TIMED_OUT')
}

describe('invoices', () => {
  test('carry what was asked to the engine, and say what it made', async () => {
    const hint = { channelId: CHANNEL, from: PEER, feeBase: -1n, feePpm: 5, minAmount: 0n }
    const made = await client.createInvoice({
      token: TOKEN,
      amount: 2n ** 100n,
      description: 'tea',
      expirySeconds: 60,
      methods: ['joint'],
      routes: [[hint]],
      private: true,
    })
    expect(node.calls.at(-1)).toEqual([
      'createInvoice',
      {
        token: TOKEN,
        amount: 2n ** 100n,
        description: 'tea',
        expirySeconds: 60,
        methods: { htlc: false, joint: true },
        routes: [
          [
            {
              channelId: Buffer.from(CHANNEL.slice(2), 'hex'),
              from: Buffer.from(PEER, 'hex'),
              feeBase: -1n,
              feePpm: 5,
              minAmount: 0n,
              maxAmount: undefined,
            },
          ],
        ],
        private: true,
      },
    ])
    expect(made).toEqual({
      paymentHash: PAYMENT_HASH,
      text: INVOICE_TEXT,
      token: TOKEN,
      amount: 1_000n,
      description: 'tea',
      state: 'open',
      received: 0n,
      createdAtMs: 1_000_000,
      expiresAtMs: 4_000_000_000_000,
    })
    await client.createInvoice({ token: TOKEN })
    expect(node.calls.at(-1)).toEqual(['createInvoice', { token: TOKEN, amount: undefined }])
  })

  test('are shown, awaited and unknown', async () => {
    expect((await client.invoice(PAYMENT_HASH))?.state).toBe('open')
    expect(await client.invoice(hashOf(9))).toBeUndefined()
    expect(await refused(client.invoice(PAYMENT_HASH, { timeoutMs: 5 }))).toMatchObject({ code: 'TIMED_OUT' })
    expect(node.calls.at(-1)).toEqual(['waitForInvoice', PAYMENT_HASH, { timeoutMs: 5 }])
    node.on('waitForInvoice', async () => invoiceRecord({ state: 'settled', received: 7n, settledAtMs: 9 }))
    expect(await client.invoice(PAYMENT_HASH, { timeoutMs: 5 })).toMatchObject({
      state: 'settled',
      received: 7n,
      settledAtMs: 9,
    })
    const { status, text } = await call('GET', `/v1/invoices/${hashOf(9)}`)
    expect(status).toBe(404)
    expect(Problem.parse(JSON.parse(text))).toMatchObject({ code: 'UNKNOWN_PAYMENT', field: 'paymentHash' })
  })

  test('are expired when their time is over and nobody paid', async () => {
    node.on('getInvoice', async () => invoiceRecord({ expiresAtSeconds: 1_001 }))
    expect((await client.invoice(PAYMENT_HASH))?.state).toBe('expired')
    node.on('getInvoice', async () => invoiceRecord({ expiresAtSeconds: 1_001, state: 'settled' }))
    expect((await client.invoice(PAYMENT_HASH))?.state).toBe('settled')
  })

  test('are paged: every one once, also while their state changes', async () => {
    let records = [1, 2, 3, 4, 5].map((number) => invoiceRecord({ hash: hashOf(number) }))
    node.on('listInvoices', async () => records)
    const first = await client.invoices({ state: 'open', limit: 2 })
    expect(first.invoices.map(({ paymentHash }) => paymentHash)).toEqual([hashOf(1), hashOf(2)])
    records = [invoiceRecord({ hash: hashOf(6) }), ...records].map((record) =>
      record.hash === hashOf(2) ? { ...record, state: 'settled' } : record,
    )
    const cursor = first.next ?? ''
    const rest = await client.invoices({ state: 'open', cursor, limit: 3 })
    expect(rest.invoices.map(({ paymentHash }) => paymentHash)).toEqual([hashOf(3), hashOf(4), hashOf(5)])
    expect(rest.next).toBeUndefined()
    expect((await client.invoices({ state: 'settled' })).invoices).toMatchObject([{ paymentHash: hashOf(2) }])
    expect(await refused(client.invoices({ cursor: 'nonsense' }))).toMatchObject({
      code: 'INVALID_REQUEST',
      field: 'cursor',
    })
  })

  test('of others are read, and refused when their signature is not good', async () => {
    const details = await client.decodeInvoice(`TALLY:${INVOICE_TEXT.toUpperCase()}`)
    expect(details).toMatchObject({ paymentHash: PAYMENT_HASH, methods: ['htlc', 'joint'], chainId: 31337n })
    expect(details).not.toHaveProperty('paymentSecret')
    const last = INVOICE_TEXT.at(-1) === 'q' ? 'p' : 'q'
    expect(await refused(client.decodeInvoice(`${INVOICE_TEXT.slice(0, -1)}${last}`))).toMatchObject({
      code: 'INVALID_INVOICE',
      field: 'invoice',
    })
  })
})

describe('a payment over the network', () => {
  test('is asked of the engine as it came, and shows its way and its fees', async () => {
    const request = {
      invoice: INVOICE_TEXT,
      amount: 5n,
      maxFee: 0n,
      via: 'joint',
      timeoutMs: 5_000,
    } as const
    const parts = [
      part({ state: 'failed', total: 1_009n, failure: failure('channel-unavailable', 0) }),
      part({ state: 'paid' }),
    ]
    node.on('payInvoice', async () => networkPayment({ state: 'succeeded', preimage: PREIMAGE, parts }))
    const paid = await client.payInvoice(request)
    expect(node.calls.at(-1)).toEqual(['payInvoice', request])
    expect(paid).toMatchObject({ state: 'succeeded', amount: 1_000n, fee: 3n, preimage: PREIMAGE })
    expect(paid.attempts).toMatchObject([
      {
        state: 'failed',
        fee: 9n,
        failure: { code: 'channel-unavailable', hop: 0, nodeId: PEER, channelId: CHANNEL },
      },
      { state: 'paid', amount: 1_000n, fee: 3n, path: PATH },
    ])
  })

  test('that does not end in time is 202 and told as it is; asking again is safe', async () => {
    node.on('payInvoice', timedOut)
    const { status, headers, text } = await call('POST', '/v1/network-payments', { invoice: INVOICE_TEXT })
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`/v1/network-payments/${PAYMENT_HASH}`)
    expect(JSON.parse(text)).toMatchObject({ state: 'pending', paymentHash: PAYMENT_HASH })
    expect((await client.payInvoice({ invoice: INVOICE_TEXT })).state).toBe('pending')
    node.on('getNetworkPayment', async () => networkPayment({ state: 'failed' }))
    expect((await call('POST', '/v1/network-payments', { invoice: INVOICE_TEXT })).status).toBe(200)
    node.on('getNetworkPayment', async () => {
      throw new ServiceError('UNKNOWN_PAYMENT', { field: 'hash' })
    })
    expect(await refused(client.payInvoice({ invoice: INVOICE_TEXT }))).toMatchObject({ code: 'TIMED_OUT' })
  })

  test('is awaited without being asked for again', async () => {
    expect(await refused(client.networkPayment(PAYMENT_HASH, { timeoutMs: 20 }))).toMatchObject({
      code: 'TIMED_OUT',
    })
    expect(node.listeners).toBe(0)
    const asked = new Promise<void>((resolve) =>
      node.on('getNetworkPayment', async () => {
        resolve()
        return networkPayment()
      }),
    )
    const waiting = client.networkPayment(PAYMENT_HASH, { timeoutMs: 60_000 })
    await asked
    const event = { type: 'network-payment', atMs: 1, parts: 1, pending: 1 } as const
    const looks = () => node.calls.filter(([name]) => name === 'getNetworkPayment').length
    const before = looks()
    node.emit({ ...event, hash: hashOf(9), state: 'failed' })
    node.emit({ ...event, hash: PAYMENT_HASH, state: 'pending' })
    await new Promise(setImmediate)
    expect(looks()).toBe(before)
    node.on('getNetworkPayment', async () => networkPayment({ state: 'failed' }))
    node.emit({ ...event, hash: PAYMENT_HASH, state: 'failed' })
    expect((await waiting)?.state).toBe('failed')
    expect(node.listeners).toBe(0)
    expect(node.calls.filter(([name]) => name === 'payInvoice')).toEqual([])
    expect(await client.networkPayment(hashOf(9))).toMatchObject({ state: 'failed' })
  })

  test.for([
    ['own-balance', undefined],
    ['fee-limit', undefined],
    ['attempts-exhausted', undefined],
    ['stalled', undefined],
    ['fee-insufficient', 1],
    ['payment-unknown', 1],
    ['something-new', 0],
    ['constructor', undefined],
  ] as const)('that failed with %s says why and what to do', async ([code, hop]) => {
    node.on('getNetworkPayment', async () => networkPayment({ state: 'failed', failure: failure(code, hop) }))
    const told = (await client.networkPayment(PAYMENT_HASH))?.failure
    expect(told).toMatchObject({ code })
    expect(told?.hop).toBe(hop)
    expect(told?.message).toMatch(/^[A-Z].*\.$/)
    expect(told?.remedy).toMatch(/^[A-Z].*\.$/)
  })

  test.for([
    ['pending', undefined, 'pending', 3n],
    ['succeeded', undefined, 'paid', 3n],
    ['failed', undefined, 'failed', 0n],
    ['pending', failure('stalled', undefined), 'failed', 0n],
  ] as const)('that is joint and %s shows its last attempt', async ([state, failed, shown, fee]) => {
    const attempts = [
      { condition: hashOf(1), hops: PATH, failure: failure('stalled', undefined) },
      { condition: hashOf(2), hops: PATH, failure: failed },
    ]
    node.on('getNetworkPayment', async () => networkPayment({ via: 'joint', parts: [], attempts, state }))
    const view = await client.networkPayment(PAYMENT_HASH)
    expect(view?.attempts.map((attempt) => attempt.state)).toEqual(['failed', shown])
    expect(view?.fee).toBe(fee)
  })

  test('is listed by state and page', async () => {
    node.on('listNetworkPayments', async () => [
      networkPayment({ hash: hashOf(1) }),
      networkPayment({ hash: hashOf(2), state: 'failed' }),
      networkPayment({ hash: hashOf(3) }),
    ])
    const page = await client.networkPayments({ state: 'pending', limit: 1 })
    expect(page).toMatchObject({ payments: [{ paymentHash: hashOf(1) }], next: hashOf(1) })
    const rest = await client.networkPayments({ state: 'pending', cursor: page.next ?? '' })
    expect(rest.payments).toMatchObject([{ paymentHash: hashOf(3) }])
    expect(rest.next).toBeUndefined()
  })
})

test('no secret is shown before its time, in whatever state', async () => {
  const payments = [
    networkPayment(),
    networkPayment({ state: 'failed', parts: [part({ state: 'failed' })] }),
    // Would be a fault of the engine; even then it is not shown.
    networkPayment({ preimage: PREIMAGE }),
    networkPayment({ state: 'failed', preimage: PREIMAGE }),
  ]
  const invoices = [
    invoiceRecord(),
    invoiceRecord({ expiresAtSeconds: 1_001 }),
    invoiceRecord({ state: 'settled', received: 1_000n, settledAtMs: 9 }),
  ]
  const texts: string[] = []
  for (const payment of payments) {
    node.on('payInvoice', async () => payment)
    node.on('getNetworkPayment', async () => payment)
    node.on('listNetworkPayments', async () => payments)
    texts.push((await call('POST', '/v1/network-payments', { invoice: INVOICE_TEXT })).text)
    texts.push((await call('GET', `/v1/network-payments/${PAYMENT_HASH}`)).text)
    texts.push((await call('GET', '/v1/network-payments')).text)
  }
  for (const invoice of invoices) {
    node.on('createInvoice', async () => invoice)
    node.on('getInvoice', async () => invoice)
    node.on('waitForInvoice', async () => invoice)
    node.on('listInvoices', async () => invoices)
    texts.push((await call('POST', '/v1/invoices', { token: TOKEN })).text)
    texts.push((await call('GET', `/v1/invoices/${PAYMENT_HASH}`)).text)
    texts.push((await call('GET', `/v1/invoices/${PAYMENT_HASH}?timeoutMs=5`)).text)
    texts.push((await call('GET', '/v1/invoices')).text)
  }
  expect(texts).toHaveLength(24)
  for (const text of texts) {
    expect(text).toContain(PAYMENT_HASH)
    for (const secret of SECRETS) expect(text).not.toContain(secret)
  }
})

describe('fee policies', () => {
  test('are listed, shown and replaced whole', async () => {
    expect(await client.policies()).toEqual([{ channelId: CHANNEL, ...POLICY }])
    expect(await client.policy(CHANNEL)).toEqual({ channelId: CHANNEL, ...POLICY })
    const policy = { ...POLICY, feeBase: 0n, disabled: true }
    expect(await client.setPolicy(CHANNEL, policy)).toEqual({ channelId: CHANNEL, ...policy })
    expect(node.calls.at(-1)).toEqual(['setPolicy', CHANNEL, policy])
  })

  test('of a channel that went away meanwhile are left out; other faults are told', async () => {
    node.on('getPolicy', async () => {
      throw new ServiceError('UNKNOWN_CHANNEL', { field: 'channelId' })
    })
    expect(await client.policies()).toEqual([])
    node.on('getPolicy', async () => {
      throw new ServiceError('STOPPED')
    })
    expect(await refused(client.policies())).toMatchObject({ code: 'STOPPED' })
  })

  test('outside their limits are the engine’s to refuse', async () => {
    node.on('setPolicy', async () => {
      throw new ServiceError('INVALID_POLICY', { field: 'feePpm' })
    })
    expect(await refused(client.setPolicy(CHANNEL, { ...POLICY, feePpm: 2_000_000 }))).toMatchObject({
      code: 'INVALID_POLICY',
      field: 'feePpm',
    })
  })
})

test('the events of invoices and payments reach a listener', async () => {
  const invoice = { type: 'invoice', atMs: 1, hash: PAYMENT_HASH, received: 2n ** 70n } as const
  const payment = {
    type: 'network-payment',
    atMs: 2,
    hash: PAYMENT_HASH,
    state: 'succeeded',
    parts: 2,
    pending: 0,
  } as const
  const heard: unknown[] = []
  const onOpen = () => {
    node.emit(invoice)
    node.emit(payment)
  }
  for await (const { event } of client.events({ onOpen })) {
    heard.push(event)
    if (heard.length === 2) break
  }
  expect(heard).toEqual([invoice, payment])
})

describe('the network', () => {
  test('is shown with what each end asks, or null', async () => {
    expect(await client.graph()).toEqual({
      nodes: [{ nodeId: PEER, alias: 'bob', addresses: ['bob.example:9735'] }],
      channels: [
        { channelId: CHANNEL, token: TOKEN, nodes: [PEER, PEER], capacity: 5n, policies: [POLICY, null] },
      ],
    })
  })

  test('has ways, or says that there is none', async () => {
    const query = { payee: PEER, token: TOKEN, amount: 2n ** 80n, maxFee: 0n }
    expect(await client.route(query)).toEqual({ amount: 2n ** 80n, fee: 3n, parts: [PATH] })
    expect(node.calls.at(-1)).toEqual(['findRoute', query])
    node.on('findRoute', async () => {
      throw new ServiceError('NO_ROUTE', { detail: 'own-balance' })
    })
    expect(await refused(client.route(query))).toMatchObject({ code: 'NO_ROUTE', detail: 'own-balance' })
  })

  test('hears of a channel when it is asked to', async () => {
    expect(await client.announceChannel(CHANNEL)).toEqual({ channelId: CHANNEL, announced: true })
    expect(node.calls.at(-1)).toEqual(['announceChannel', CHANNEL])
  })
})

describe('joint payments without an invoice', () => {
  const rebalance = { from: CHANNEL, into: hashOf(2), amount: 9n, maxFee: 0n, timeoutMs: 5 }
  const obligations = [{ from: TOKEN, to: TOKEN, amount: 5n }]

  test('carry what was asked to the engine, and say what was done', async () => {
    expect(await client.rebalance(rebalance)).toEqual({ amount: 9n, fee: -3n, path: PATH })
    expect(node.calls.at(-1)).toEqual(['rebalance', rebalance])
    expect(await client.agreeToNetting({ token: TOKEN, obligations })).toEqual(NETTED)
    expect(node.calls.at(-1)).toEqual(['agreeToNetting', { token: TOKEN, obligations }])
    expect(await client.settleNetting({ token: TOKEN, obligations, timeoutMs: 5 })).toEqual(NETTED)
    expect(node.calls.at(-1)).toEqual(['settleNetting', { token: TOKEN, obligations, timeoutMs: 5 }])
  })

  test('that did not end in time are not to be asked for again blindly', async () => {
    node.on('rebalance', timedOut)
    node.on('settleNetting', timedOut)
    for (const attempt of [
      client.rebalance(rebalance),
      client.settleNetting({ token: TOKEN, obligations }),
    ]) {
      const error = await refused(attempt)
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', status: 408 })
      expect(error.remedy).toContain('before you ask again')
    }
  })
})

const hint = { channelId: CHANNEL, from: PEER, feeBase: '0', feePpm: 0, minAmount: '0' }

describe('bad input is refused by name, and the engine is not asked', () => {
  test.for<[method: string, path: string, body: unknown, code: string, field: string]>([
    ['POST', '/v1/invoices', {}, 'INVALID_ADDRESS', 'token'],
    ['POST', '/v1/invoices', { token: TOKEN, amount: '0' }, 'INVALID_AMOUNT', 'amount'],
    ['POST', '/v1/invoices', { token: TOKEN, amount: 5 }, 'INVALID_AMOUNT', 'amount'],
    ['POST', '/v1/invoices', { token: TOKEN, description: 'two\nlines' }, 'INVALID_REQUEST', 'description'],
    [
      'POST',
      '/v1/invoices',
      { token: TOKEN, description: 'x'.repeat(641) },
      'INVALID_REQUEST',
      'description',
    ],
    ['POST', '/v1/invoices', { token: TOKEN, expirySeconds: 0 }, 'INVALID_REQUEST', 'expirySeconds'],
    ['POST', '/v1/invoices', { token: TOKEN, methods: [] }, 'INVALID_REQUEST', 'methods'],
    ['POST', '/v1/invoices', { token: TOKEN, methods: ['htlc', 'htlc'] }, 'INVALID_REQUEST', 'methods'],
    ['POST', '/v1/invoices', { token: TOKEN, routes: [[]] }, 'INVALID_REQUEST', 'routes.0'],
    ['POST', '/v1/invoices', { token: TOKEN, routes: Array(9).fill([hint]) }, 'INVALID_REQUEST', 'routes'],
    [
      'POST',
      '/v1/invoices',
      { token: TOKEN, routes: [[{ ...hint, fee: '1' }]] },
      'INVALID_REQUEST',
      'routes.0.0.fee',
    ],
    ['POST', '/v1/invoices', { token: TOKEN, private: 'yes' }, 'INVALID_REQUEST', 'private'],
    ['POST', '/v1/invoices', { token: TOKEN, preimage: PREIMAGE }, 'INVALID_REQUEST', 'preimage'],
    ['POST', '/v1/invoices/decode', { invoice: 'lnbc1' }, 'INVALID_INVOICE', 'invoice'],
    ['POST', '/v1/invoices/decode', { invoice: `tally1${'q'.repeat(5000)}` }, 'INVALID_INVOICE', 'invoice'],
    ['POST', '/v1/invoices/decode', { invoice: 'tally1qqqqqqqq' }, 'INVALID_INVOICE', 'invoice'],
    ['POST', '/v1/network-payments', {}, 'INVALID_INVOICE', 'invoice'],
    ['POST', '/v1/network-payments', { invoice: 5 }, 'INVALID_INVOICE', 'invoice'],
    ['POST', '/v1/network-payments', { invoice: INVOICE_TEXT, amount: '-1' }, 'INVALID_AMOUNT', 'amount'],
    ['POST', '/v1/network-payments', { invoice: INVOICE_TEXT, maxFee: '-1' }, 'INVALID_AMOUNT', 'maxFee'],
    ['POST', '/v1/network-payments', { invoice: INVOICE_TEXT, via: 'post' }, 'INVALID_REQUEST', 'via'],
    ['POST', '/v1/network-payments', { invoice: INVOICE_TEXT, timeoutMs: 0 }, 'INVALID_REQUEST', 'timeoutMs'],
    ['PUT', `/v1/channels/${CHANNEL}/policy`, { feeBase: '1' }, 'INVALID_REQUEST', 'feePpm'],
    ['PUT', '/v1/channels/0x12/policy', {}, 'INVALID_CHANNEL_ID', 'channelId'],
    [
      'PUT',
      `/v1/channels/${CHANNEL}/policy`,
      { feeBase: 1, feePpm: 0, minAmount: '0', maxAmount: '1', disabled: false },
      'INVALID_REQUEST',
      'feeBase',
    ],
    ['POST', `/v1/channels/${CHANNEL}/announcement`, { really: true }, 'INVALID_REQUEST', 'really'],
    ['GET', '/v1/route', undefined, 'INVALID_PEER', 'payee'],
    ['GET', `/v1/route?payee=${PEER}&token=${TOKEN}&amount=0`, undefined, 'INVALID_AMOUNT', 'amount'],
    ['POST', '/v1/rebalances', { from: CHANNEL, into: CHANNEL }, 'INVALID_AMOUNT', 'amount'],
    ['POST', '/v1/rebalances', { from: '0x1' }, 'INVALID_CHANNEL_ID', 'from'],
    ['POST', '/v1/nettings', { token: TOKEN, obligations: [] }, 'INVALID_REQUEST', 'obligations'],
    [
      'POST',
      '/v1/nettings/agreements',
      { token: TOKEN, obligations: [{ from: TOKEN, to: PEER, amount: '1' }] },
      'INVALID_ADDRESS',
      'obligations.0.to',
    ],
    ['GET', '/v1/invoices/0x12', undefined, 'INVALID_REQUEST', 'paymentHash'],
    ['GET', '/v1/invoices?state=lost', undefined, 'INVALID_REQUEST', 'state'],
    ['GET', '/v1/network-payments?state=lost', undefined, 'INVALID_REQUEST', 'state'],
    ['GET', '/v1/network-payments?limit=1001', undefined, 'INVALID_REQUEST', 'limit'],
    [
      'GET',
      `/v1/network-payments/${PAYMENT_HASH}?timeoutMs=999999`,
      undefined,
      'INVALID_REQUEST',
      'timeoutMs',
    ],
  ])('%s %s %j', async ([method, path, body, code, field]) => {
    const { status, headers, text } = await call(method, path, body)
    expect(status).toBe(400)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(Problem.parse(JSON.parse(text))).toMatchObject({ code, field })
    expect(node.calls).toEqual([])
  })

  test('a method that is served elsewhere', async () => {
    expect((await call('POST', `/v1/channels/${CHANNEL}/policy`, {})).status).toBe(405)
    expect((await call('GET', '/v1/invoices/decode')).status).toBe(400)
  })
})

function failure(code: string, hop: number | undefined): PaymentFailure {
  return {
    code,
    hop,
    nodeId: hop === undefined ? undefined : PEER,
    channelId: hop === 0 ? CHANNEL : undefined,
  }
}
