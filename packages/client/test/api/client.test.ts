/** The API client against servers that are not what they should be. (Against a real API: packages/node/test/api.) */
import { createServer, type RequestListener } from 'node:http'
import { ApiError, createNodeClient } from '@tallystick/client'
import { describe, expect, onTestFinished, test } from 'vitest'

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

async function refused(attempt: Promise<unknown>): Promise<ApiError> {
  const outcome = await attempt.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  if (outcome instanceof ApiError) return outcome
  throw outcome
}

describe('every failure is an ApiError with a remedy', () => {
  test('nobody there', async () => {
    const error = await refused(createNodeClient({ baseUrl: 'http://127.0.0.1:1', token: 't' }).status())
    expect(error).toMatchObject({ code: 'UNREACHABLE', status: 0 })
    expect(error.remedy).not.toBe('')
  })

  test('an address that is none', async () => {
    const call = createNodeClient({ baseUrl: 'not a url', token: 't' }).status()
    expect(await refused(call)).toMatchObject({ code: 'INVALID_REQUEST', field: 'baseUrl' })
  })

  test.for<[string, RequestListener, string]>([
    ['a web page', (_request, response) => response.end('<html>'), 'BAD_ANSWER'],
    ['JSON of another form', (_request, response) => response.end('{"hello":1}'), 'BAD_ANSWER'],
    [
      'an amount as a number',
      (_request, response) => response.end('{"channels":[{"depositMine":5}]}'),
      'BAD_ANSWER',
    ],
    [
      'an error without a problem',
      (_request, response) => response.writeHead(502).end('Bad Gateway'),
      'BAD_ANSWER',
    ],
    [
      'a redirect',
      (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'UNREACHABLE',
    ],
    [
      'a cut answer',
      (_request, response) => response.writeHead(200, { 'content-length': 100 }).end('{"channels"'),
      'UNREACHABLE',
    ],
    ['a slammed door', (request) => request.socket.destroy(), 'UNREACHABLE'],
  ])('%s', async ([, answer, code]) => {
    const error = await refused(createNodeClient({ baseUrl: await serve(answer), token: 't' }).channels())
    expect(error.code).toBe(code)
    expect(error.remedy).not.toBe('')
  })

  test('an aborted call', async () => {
    const client = createNodeClient({ baseUrl: await serve(() => undefined), token: 't' })
    const stop = new AbortController()
    const call = refused(client.status({ signal: stop.signal }))
    stop.abort()
    expect((await call).code).toBe('UNREACHABLE')
  })
})

describe('the event stream', () => {
  async function collect(answer: RequestListener): Promise<unknown[]> {
    const client = createNodeClient({ baseUrl: await serve(answer), token: 't' })
    const got: unknown[] = []
    for await (const { event } of client.events({ once: true })) got.push(event)
    return got
  }
  const warning = (message: string) => JSON.stringify({ type: 'warning', atMs: 1, code: 'x', message })

  test('is put together from pieces, skips comments, and drops what was cut', async () => {
    const text = `: hello\n\nid: a-1\nevent: warning\ndata: ${warning('ä')}\n\n: still\n\nid: a-2\ndata: ${warning('two')}\n\nid: a-3\ndata: ${warning('cut')}`
    const got = await collect((_request, response) => {
      const bytes = Buffer.from(text)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7))
      response.end()
    })
    expect(got).toMatchObject([{ message: 'ä' }, { message: 'two' }])
  })

  test('of another form is BAD_ANSWER', async () => {
    for (const body of ['data: {}\n\n', 'data: not json\n\n', `data: ${'x'.repeat(2_000_000)}`])
      expect((await refused(collect((_request, response) => response.end(body)))).code).toBe('BAD_ANSWER')
  })

  test('that is refused is that refusal', async () => {
    const problem = { type: 'x', title: 'No.', status: 401, code: 'UNAUTHORISED', remedy: 'Send the token.' }
    const refusedStream = collect((_request, response) =>
      response.writeHead(401).end(JSON.stringify(problem)),
    )
    expect(await refused(refusedStream)).toMatchObject({ code: 'UNAUTHORISED', status: 401 })
  })
})
