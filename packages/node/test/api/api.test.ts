/** The HTTP API over real sockets, with a node on paper behind it. */
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiError, createNodeClient, type NodeClient } from '@tallystick/client'
import { Problem } from '@tallystick/client/schema'
import { loadCrypto } from '@tallystick/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ApiServer, startApiServer } from '../../src/api/server.ts'
import { ApiTokenError, loadOrCreateApiToken } from '../../src/api/token.ts'
import { ServiceError } from '../../src/engine/service.ts'
import {
  CHANNEL,
  channelView,
  type PaperNode,
  PEER,
  paperNode,
  paymentView,
  REFERENCE,
  TOKEN,
} from './paper-node.ts'

const { crypto } = await loadCrypto()

let directory: string
let tokenFile: string
let node: PaperNode
let server: ApiServer
let token: string
let client: NodeClient
let faults: unknown[]

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tallystick-api-'))
  tokenFile = join(directory, 'api.token')
  node = paperNode()
  faults = []
  server = await startApiServer({ service: node, crypto, tokenFile, onFault: (error) => faults.push(error) })
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

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, type: response.headers.get('content-type'), json: await response.json() }
}

/** Sends bytes as they are and returns all that comes back. */
async function raw(request: string): Promise<string> {
  const { port, hostname } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text
  })
  socket.end(request)
  await once(socket, 'close')
  return answer
}

describe('the token', () => {
  test('is 32 random bytes that only the owner can read, kept over restarts', () => {
    expect(token).toMatch(/^[0-9a-f]{64}$/)
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    expect(loadOrCreateApiToken(tokenFile)).toBe(token)
    expect(loadOrCreateApiToken(join(directory, 'other'))).not.toBe(token)
  })

  test('in a file that others can read is refused', () => {
    chmodSync(tokenFile, 0o640)
    expect(() => loadOrCreateApiToken(tokenFile)).toThrow(
      expect.objectContaining({ code: 'secret-exposed', field: tokenFile }),
    )
  })

  test('that is not one is refused and not overwritten', () => {
    writeFileSync(tokenFile, 'short\n')
    expect(() => loadOrCreateApiToken(tokenFile)).toThrow(ApiTokenError)
    expect(readFileSync(tokenFile, 'utf8')).toBe('short\n')
  })

  test.for([
    ['none', undefined],
    ['an empty one', 'Bearer '],
    ['a wrong one', `Bearer ${'00'.repeat(32)}`],
    ['a prefix', 'Bearer 00'],
    ['another scheme', 'Basic Og=='],
  ])('%s is UNAUTHORISED, and the engine is not asked', async ([, authorization]) => {
    for (const path of ['/v1/status', '/v1/payments', '/v1/metrics', '/v1/events', '/v1/nowhere']) {
      const response = await fetch(
        `${server.url}${path}`,
        authorization === undefined ? {} : { headers: { authorization } },
      )
      expect(response.status).toBe(401)
      expect(Problem.parse(await response.json())).toMatchObject({
        code: 'UNAUTHORISED',
        field: 'Authorization',
      })
    }
    expect(node.calls).toEqual([])
  })

  test('is not needed for health', async () => {
    expect(await createNodeClient({ baseUrl: server.url, token: '' }).health()).toEqual({ ok: true })
  })
})

describe('a web page cannot speak to it', () => {
  test.for([
    'evil.example',
    'evil.example:9780',
    '127.0.0.1.evil.example',
    '',
    '127.0.0.1@evil.example',
    '[::1',
  ])('the Host %j is refused', async (host) => {
    const answer = await raw(
      `GET /v1/status HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 421 /)
    expect(answer).toContain('"code":"HOST_REFUSED"')
    expect(node.calls).toEqual([])
  })

  test.for(['localhost', 'LOCALHOST:1234', '127.0.0.1', '[::1]:80'])('the Host %j is taken', async (host) => {
    const answer = await raw(
      `GET /v1/status HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('no CORS header is ever sent', async () => {
    for (const method of ['OPTIONS', 'GET', 'POST']) {
      const response = await fetch(`${server.url}/v1/status`, {
        method,
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      })
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('what comes back', () => {
  test('amounts beyond doubles survive in both directions', async () => {
    expect(await client.channel(CHANNEL)).toEqual({
      ...channelView,
      waitingFor: [{ what: 'acknowledgement', message: 'The peer has not acknowledged yet.' }],
      close: undefined,
    })
    const amount = 2n ** 120n + 1n
    expect((await client.pay({ channelId: CHANNEL, amount, reference: REFERENCE })).amount).toBe(amount)
    expect(node.calls.at(-1)).toEqual(['pay', { channelId: CHANNEL, amount, reference: REFERENCE }])
  })

  test('status, doctor, peers, channels, batches and pages are the engine’s', async () => {
    expect(await client.status()).toMatchObject({
      chainId: 31337n,
      limits: { maxJointDeposit: { [TOKEN]: 5n } },
    })
    expect((await client.doctor()).findings).toEqual([{ check: 'chain', level: 'ok', message: 'Reachable.' }])
    expect(await client.peers()).toEqual([
      { nodeId: PEER, address: 'h:1', connected: false, channels: 0, nextDialInMs: 5 },
    ])
    expect((await client.connectPeer({ peer: `${PEER}@localhost:99`, timeoutMs: 5 })).connected).toBe(true)
    expect(node.calls.at(-1)).toEqual(['connectPeer', `${PEER}@localhost:99`, { timeoutMs: 5 }])
    expect((await client.channels()).length).toBe(1)
    const payments = [1n, 2n].map((amount) => ({ amount, reference: REFERENCE }))
    expect(await client.payBatch({ peer: PEER, payments })).toMatchObject({ count: 2, amount: 3n })
    expect((await client.payments({ direction: 'incoming', limit: 7 })).payments.length).toBe(1)
    expect(node.calls.at(-1)).toEqual(['listPayments', { direction: 'incoming', limit: 7 }])
  })

  test('an unknown payment is undefined, and a payee’s filter reaches the engine', async () => {
    expect(await client.payment('incoming', REFERENCE, { token: TOKEN, atLeast: 5n })).toBeUndefined()
    expect(node.calls.at(-1)).toEqual(['getPayment', 'incoming', REFERENCE, { token: TOKEN, atLeast: 5n }])
    expect(await refused(client.payment('incoming', REFERENCE, { timeoutMs: 5 }))).toMatchObject({
      code: 'TIMED_OUT',
    })
    expect(node.calls.at(-1)).toEqual(['waitForPayment', REFERENCE, { timeoutMs: 5 }])
    expect(await refused(client.payment('outgoing', REFERENCE, { timeoutMs: 5 }))).toMatchObject({
      field: 'timeoutMs',
    })
  })

  test('a payment that is not acknowledged in time is shown as it is, with 202', async () => {
    node.on('pay', async () => {
      throw new ServiceError('TIMED_OUT')
    })
    node.on('getPayment', async () => ({ ...paymentView(REFERENCE, 5n), state: 'sent' }))
    expect(await client.pay({ peer: PEER, amount: 5n, reference: REFERENCE })).toMatchObject({
      state: 'sent',
    })
    const { status } = await post('/v1/payments', { peer: PEER, amount: '5', reference: REFERENCE })
    expect(status).toBe(202)
    node.on('getPayment', async () => undefined)
    expect((await refused(client.pay({ peer: PEER, amount: 5n, reference: REFERENCE }))).code).toBe(
      'TIMED_OUT',
    )
  })

  test('every refusal of the engine keeps its code, field, detail, remedy and status', async () => {
    node.on('pay', async () => {
      throw new ServiceError('INSUFFICIENT_BALANCE', { field: 'amount', detail: 'Spendable: 70.' })
    })
    const error = await refused(client.pay({ peer: PEER, amount: 71n, reference: REFERENCE }))
    expect(error).toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
      status: 402,
      field: 'amount',
      detail: 'Spendable: 70.',
    })
    expect(error.remedy).toContain('Top the channel up')
  })

  test('a fault of our own is INTERNAL without its insides, and is reported', async () => {
    node.on('listChannels', async () => {
      throw new Error('secret path /home/alice')
    })
    const response = await fetch(`${server.url}/v1/channels`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(response.status).toBe(500)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.text()).not.toContain('secret')
    expect(faults).toMatchObject([{ message: 'secret path /home/alice' }])
  })

  test('metrics are Prometheus text', async () => {
    server.metrics.refusedConnection('tls-refused')
    const response = await fetch(`${server.url}/v1/metrics`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const text = await response.text()
    expect(text).toContain('tallystick_payments_received 34')
    expect(text).toContain('tallystick_refused_connections_total{code="tls-refused"} 1')
  })

  test('the OpenAPI document names every path, its amounts as strings and its refusals', async () => {
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
      components: {
        schemas: Record<string, { properties: Record<string, unknown>; additionalProperties?: boolean }>
      }
    }
    expect(Object.keys(document.paths).sort()).toMatchSnapshot()
    expect(document.components.schemas.PayRequest?.properties.amount).toMatchObject({ type: 'string' })
    expect(document.components.schemas.PayRequest?.additionalProperties).toBe(false)
    expect(Object.keys(document.paths['/v1/payments']?.post?.responses ?? {})).toContain('default')
  })
})

describe('bad input is refused by name, and the engine is not asked', () => {
  const good = { peer: PEER, amount: '5', reference: REFERENCE }
  test.for<[string, unknown, string, string]>([
    ['a negative amount', { ...good, amount: '-5' }, 'INVALID_AMOUNT', 'amount'],
    ['zero', { ...good, amount: '0' }, 'INVALID_AMOUNT', 'amount'],
    ['2^126', { ...good, amount: (2n ** 126n).toString() }, 'INVALID_AMOUNT', 'amount'],
    ['a very long amount', { ...good, amount: '9'.repeat(100_000) }, 'INVALID_AMOUNT', 'amount'],
    ['a fraction', { ...good, amount: '1.5' }, 'INVALID_AMOUNT', 'amount'],
    ['an exponent', { ...good, amount: '1e3' }, 'INVALID_AMOUNT', 'amount'],
    ['hexadecimal', { ...good, amount: '0x10' }, 'INVALID_AMOUNT', 'amount'],
    ['a leading zero', { ...good, amount: '05' }, 'INVALID_AMOUNT', 'amount'],
    ['Arabic digits', { ...good, amount: '٥' }, 'INVALID_AMOUNT', 'amount'],
    ['a JSON number', { ...good, amount: 5 }, 'INVALID_AMOUNT', 'amount'],
    ['null', { ...good, amount: null }, 'INVALID_AMOUNT', 'amount'],
    ['no amount', { peer: PEER, reference: REFERENCE }, 'INVALID_AMOUNT', 'amount'],
    ['a short reference', { ...good, reference: '0x00' }, 'INVALID_REFERENCE', 'reference'],
    [
      'a reference of other letters',
      { ...good, reference: `0x${'zz'.repeat(32)}` },
      'INVALID_REFERENCE',
      'reference',
    ],
    ['an uncompressed peer key', { ...good, peer: `04${'00'.repeat(64)}` }, 'INVALID_PEER', 'peer'],
    ['a channel id cut short', { ...good, channelId: '0xabc' }, 'INVALID_CHANNEL_ID', 'channelId'],
    ['an endless wait', { ...good, timeoutMs: 1e12 }, 'INVALID_REQUEST', 'timeoutMs'],
    ['an unknown field', { ...good, ammount: '5' }, 'INVALID_REQUEST', 'ammount'],
    [
      'a prototype',
      `{"peer":"${PEER}","amount":"5","reference":"${REFERENCE}","constructor":{}}`,
      'INVALID_REQUEST',
      'constructor',
    ],
    ['an array', [good], 'INVALID_REQUEST', 'json'],
    ['a string', '"pay"', 'INVALID_REQUEST', 'json'],
  ])('%s', async ([, body, code, field]) => {
    const { status, type, json } = await post('/v1/payments', body)
    expect(status).toBe(400)
    expect(type).toBe('application/problem+json')
    expect(Problem.parse(json)).toMatchObject({ code, field })
    expect(node.calls).toEqual([])
  })

  test.for([
    ['not JSON', '{"amount":', 400, 'INVALID_REQUEST'],
    ['nothing', '', 400, 'INVALID_REQUEST'],
    ['too much', `{"peer":"${'a'.repeat(3_000_000)}"}`, 413, 'BODY_TOO_LARGE'],
    ['deep nesting', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, 400, 'INVALID_REQUEST'],
  ] as const)('a body that is %s', async ([, body, status, code]) => {
    const answer = await post('/v1/payments', body)
    expect([answer.status, Problem.parse(answer.json).code]).toEqual([status, code])
    expect(node.calls).toEqual([])
  })

  test('a chunked body that grows too large', async () => {
    const endless = new ReadableStream({
      pull: (stream) => stream.enqueue(new Uint8Array(65_536).fill(0x20)),
    })
    const response = await fetch(`${server.url}/v1/payments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit).catch((error: Error) => error)
    // The server may cut the connection while the client still sends: refused either way.
    if (response instanceof Response) expect(response.status).toBe(413)
    expect(node.calls).toEqual([])
    expect((await client.health()).ok).toBe(true)
  })

  test('another media type, another method, another address', async () => {
    const form = await post('/v1/payments', 'amount=5', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect([form.status, form.json.code]).toEqual([415, 'MEDIA_TYPE'])
    const nowhere = await post('/v1/nowhere', {})
    expect([nowhere.status, nowhere.json.code]).toEqual([404, 'NOT_FOUND'])
    const wrong = await post('/v1/status', {})
    expect([wrong.status, wrong.json.code]).toEqual([405, 'METHOD_NOT_ALLOWED'])
  })

  test.for([
    ['/v1/channels/0xabc', 'INVALID_CHANNEL_ID', 'channelId'],
    [`/v1/channels/${CHANNEL}?until=never`, 'INVALID_REQUEST', 'until'],
    [`/v1/channels/${CHANNEL}?timeoutMs=5`, 'INVALID_REQUEST', 'timeoutMs'],
    ['/v1/payments?limit=0', 'INVALID_REQUEST', 'limit'],
    ['/v1/payments?limit=1&limit=2', 'INVALID_REQUEST', 'limit'],
    ['/v1/payments?color=red', 'INVALID_REQUEST', 'color'],
    [`/v1/payments/sideways/${REFERENCE}`, 'INVALID_REQUEST', 'direction'],
    [`/v1/payments/incoming/${REFERENCE}?atLeast=-1`, 'INVALID_AMOUNT', 'atLeast'],
    ['/v1/operations/xyz', 'INVALID_REQUEST', 'operationId'],
    ['/v1/events?lastEventId=nonsense', 'INVALID_REQUEST', 'Last-Event-ID'],
  ])('GET %s', async ([path, code, field]) => {
    const response = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(400)
    expect(Problem.parse(await response.json())).toMatchObject({ code, field })
    expect(node.calls).toEqual([])
  })

  test('bytes that are not HTTP are answered with a problem, and the server stays up', async () => {
    for (const bytes of ['\x16\x03\x01\x02\x00\x01\x00', 'NONSENSE\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n']) {
      const answer = await raw(bytes)
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer).toContain('"code":"HTTP_MALFORMED"')
    }
    expect((await client.health()).ok).toBe(true)
  })

  test('the client refuses what it cannot encode, naming the field, and sends nothing', async () => {
    const error = await refused(client.pay({ peer: PEER, amount: -1n, reference: REFERENCE }))
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', field: 'amount', status: 0 })
    expect(node.calls).toEqual([])
  })
})

describe('operations', () => {
  const open = { peer: `${PEER}@localhost:99`, token: TOKEN, deposit: 100n }

  test('that end at once come back done; what fails at once is a problem', async () => {
    const done = await client.openChannel(open)
    expect(done).toMatchObject({
      kind: 'open',
      state: 'done',
      channelId: CHANNEL,
      channel: { channelId: CHANNEL },
    })
    expect(node.calls.at(-1)).toEqual(['openChannel', open])
    node.on('topUp', async () => {
      throw new ServiceError('INSUFFICIENT_FUNDS', { field: 'amount' })
    })
    expect(await refused(client.topUp(CHANNEL, { amount: 5n }))).toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
      status: 402,
    })
    expect((await client.operations()).map(({ state }) => state)).toEqual(['failed', 'done'])
  })

  test('that take long are 202, can be awaited, and fail with their problem', async () => {
    let end: (error?: Error) => void = () => undefined
    node.on(
      'withdraw',
      () =>
        new Promise((resolve, reject) => {
          end = (error) => (error === undefined ? resolve(channelView) : reject(error))
        }),
    )
    const slow = await client.withdraw(CHANNEL, { amount: 5n })
    expect(slow.state).toBe('running')
    expect(await refused(client.finished(slow, 10))).toMatchObject({ code: 'TIMED_OUT' })
    const waiting = client.finished(slow, 60_000)
    end()
    expect((await waiting).channel?.channelId).toBe(CHANNEL)
    const failing = await client.withdraw(CHANNEL, { amount: 6n, timeoutMs: 1000 })
    expect(node.calls.at(-1)).toEqual(['withdraw', CHANNEL, 6n, { timeoutMs: 1000 }])
    const failed = client.finished(failing, 60_000)
    end(new ServiceError('PEER_REFUSED', { detail: 'no' }))
    expect(await refused(failed)).toMatchObject({ code: 'PEER_REFUSED', detail: 'no' })
  })

  test('with one idempotency key start once; the same key for another request is refused', async () => {
    const options = { idempotencyKey: 'k1' }
    const [first, second] = [
      await client.topUp(CHANNEL, { amount: 5n }, options),
      await client.topUp(CHANNEL, { amount: 5n }, options),
    ]
    expect(second.operationId).toBe(first.operationId)
    expect(node.calls.filter(([name]) => name === 'topUp').length).toBe(1)
    expect(await refused(client.topUp(CHANNEL, { amount: 6n }, options))).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
    expect(node.calls.filter(([name]) => name === 'topUp').length).toBe(1)
  })

  test('nobody knows are NOT_FOUND', async () => {
    expect(await refused(client.operation('00'.repeat(16)))).toMatchObject({
      code: 'NOT_FOUND',
      field: 'operationId',
    })
  })
})
