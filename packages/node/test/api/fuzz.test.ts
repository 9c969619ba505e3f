/** Whatever is sent to any route of the OpenAPI document: a typed answer, never a 500, and the server stays up. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeClient } from '@tallystick/client'
import { Problem } from '@tallystick/client/schema'
import { loadCrypto } from '@tallystick/crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiServer, startApiServer } from '../../src/api/server.ts'
import { INVOICE_TEXT, PAYMENT_HASH } from './network-records.ts'
import { CHANNEL, PEER, paperNode, REFERENCE, TOKEN } from './paper-node.ts'

interface DocumentedRoute {
  readonly requestBody?: { content: { 'application/json': { schema: { $ref: string } } } }
  readonly parameters?: { name: string; in: string }[]
}

interface Document {
  paths: Record<string, Record<string, DocumentedRoute>>
  components: { schemas: Record<string, { properties?: Record<string, unknown> }> }
}

const { crypto } = await loadCrypto()
const faults: unknown[] = []
let directory: string
let server: ApiServer
let token: string
let routes: { method: string; path: string; query: string[]; fields: string[] }[]

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tallystick-fuzz-'))
  const tokenFile = join(directory, 'api.token')
  server = await startApiServer({
    service: paperNode(),
    crypto,
    tokenFile,
    onFault: (error) => faults.push(error),
  })
  token = readFileSync(tokenFile, 'utf8').trim()
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => ({
      method: method.toUpperCase(),
      path,
      query: (route.parameters ?? []).filter((given) => given.in === 'query').map(({ name }) => name),
      fields: fieldsOf(document, route),
    })),
  )
})
afterAll(async () => {
  await server.close()
  rmSync(directory, { recursive: true, force: true })
})

/** The fields of a route's body, and one that no route has. */
function fieldsOf(document: Document, route: DocumentedRoute): string[] {
  const schema = route.requestBody?.content['application/json'].schema.$ref.split('/').at(-1) ?? ''
  return [...Object.keys(document.components.schemas[schema]?.properties ?? {}), 'stranger']
}

/** Nearly right values are the interesting ones: they get past the first checks. */
const plausible = fc.constantFrom<unknown>(
  CHANNEL,
  REFERENCE,
  TOKEN,
  PEER,
  `${PEER}@127.0.0.1:1`,
  '1',
  '0',
  '-1',
  (2n ** 126n).toString(),
  'open',
  'alone',
  'outgoing',
  'accepted',
  'joint',
  INVOICE_TEXT,
  PAYMENT_HASH,
  ['htlc'],
  [[{ channelId: CHANNEL, from: PEER, feeBase: '-1', feePpm: 5, minAmount: '0' }]],
  [{ from: TOKEN, to: TOKEN, amount: '5' }],
  600,
  0,
  -1,
  1e308,
  true,
  null,
  [],
  {},
)
const value = fc.oneof(
  { weight: 3, arbitrary: plausible },
  fc.jsonValue(),
  fc.string({ unit: 'binary', maxLength: 50 }),
)

test('random requests to every route get a typed answer', async () => {
  expect(routes.length).toBeGreaterThan(15)
  const request = fc.record({
    route: fc.nat(),
    segment: fc.oneof(plausible.map(String), fc.string({ maxLength: 80 })),
    query: fc.dictionary(
      fc.oneof(fc.nat().map(String), fc.string({ maxLength: 10 })),
      fc.oneof(plausible.map(String), fc.string()),
      {
        maxKeys: 3,
      },
    ),
    body: fc.oneof(
      { weight: 4, arbitrary: fc.array(fc.tuple(fc.nat(), value), { maxLength: 8 }) },
      { weight: 1, arbitrary: fc.jsonValue().map((json) => JSON.stringify(json)) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
    ),
    type: fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/plain', ''),
    key: fc.option(fc.string({ unit: fc.constantFrom('a', 'b', '%', ' '), maxLength: 200 }), {
      nil: undefined,
    }),
  })
  const seen = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const route = routes[given.route % routes.length]
      if (route === undefined || route.path === '/v1/events') return
      const path = route.path.replace(/\{[^}]+\}/g, () => encodeURIComponent(given.segment) || 'x')
      const query = new URLSearchParams(
        Object.entries(given.query).map(([name, text]) => [
          /^[0-9]+$/.test(name) && route.query.length > 0
            ? (route.query[Number(name) % route.query.length] ?? name)
            : name,
          text,
        ]),
      )
      const body =
        typeof given.body === 'string'
          ? given.body
          : JSON.stringify(
              Object.fromEntries(
                given.body.map(([field, item]) => [route.fields[field % route.fields.length], item]),
              ),
            )
      const response = await fetch(`${server.url}${path}?${query}`, {
        method: route.method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(given.type === '' ? {} : { 'content-type': given.type }),
          ...(given.key === undefined ? {} : { 'idempotency-key': given.key }),
        },
        ...(route.method === 'GET' ? {} : { body }),
      })
      const text = await response.text()
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1)
      expect(response.status, text).toBeLessThan(500)
      if (response.ok) return
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      const problem = Problem.parse(JSON.parse(text))
      expect(problem.status).toBe(response.status)
      expect(problem.remedy).not.toBe('')
    }),
    { numRuns: 600 },
  )
  // Neither everything nor nothing got past the first checks.
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 400, 415]))
  expect(faults).toEqual([])
  expect(await createNodeClient({ baseUrl: server.url, token }).health()).toEqual({ ok: true })
})
