/** The API as one Hono application: guards first, then the routes. Knows the engine's service and nothing behind it. */
import { OpenAPIHono } from '@hono/zod-openapi'
import * as wire from '@tallystick/client/schema'
import type { InvoiceCrypto } from '@tallystick/protocol'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { routePath } from 'hono/route'
import { z } from 'zod'
import type { NodeService } from '../engine/service.ts'
import type { EventLog, EventReader } from './event-log.ts'
import { graphRoutes, jointRoutes } from './graph-handlers.ts'
import { channelRoutes, nodeRoutes, operationRoutes, paymentRoutes, problemAnswer } from './handlers.ts'
import type { ApiMetrics } from './metrics.ts'
import { invoiceRoutes, networkPaymentRoutes, policyRoutes } from './network-handlers.ts'
import type { Operations } from './operations.ts'
import { problem, problemOf, problemOfInput } from './problem.ts'
import * as routes from './routes.ts'
import { tokenMatches } from './token.ts'

const MAX_BODY_BYTES = 2 * 1024 * 1024
const HEARTBEAT_MS = 15_000
const OPEN_PATHS = new Set(['/v1/health', '/openapi.json'])

export interface ApiParts {
  readonly service: NodeService
  readonly token: string
  readonly operations: Operations
  readonly eventLog: EventLog
  readonly metrics: ApiMetrics
  /** Reads invoices. */
  readonly crypto: InvoiceCrypto
  /** Faults of our own: the caller gets `INTERNAL` and nothing else. */
  readonly onFault: (error: unknown) => void
}

export function createApiApp(parts: ApiParts): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook(result, c) {
      return result.success ? undefined : problemAnswer(c, problemOfInput(result.target, result.error))
    },
  })
  app.use('*', measured(parts.metrics))
  app.use('*', authenticated(parts.token))
  app.use(
    '*',
    bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => problemAnswer(c, problem('BODY_TOO_LARGE')) }),
  )
  app.use('*', jsonOnly)
  nodeRoutes(app, parts.service)
  channelRoutes(app, parts.service, parts.operations)
  operationRoutes(app, parts.operations)
  paymentRoutes(app, parts.service)
  invoiceRoutes(app, parts.service, parts.crypto)
  networkPaymentRoutes(app, parts.service, parts.crypto)
  policyRoutes(app, parts.service)
  graphRoutes(app, parts.service)
  jointRoutes(app, parts.service)
  eventRoutes(app, parts.eventLog)
  app.openapi(routes.metrics, async (c) =>
    c.text(await parts.metrics.registry.metrics(), 200, {
      'content-type': parts.metrics.registry.contentType,
    }),
  )
  documentation(app)
  app.notFound((c) => problemAnswer(c, problem(knownPath(app, c) ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND')))
  app.onError((error, c) => {
    const answer = problemOf(error)
    if (answer.code === 'INTERNAL') parts.onFault(error)
    return problemAnswer(c, answer)
  })
  return app
}

function measured(metrics: ApiMetrics): MiddlewareHandler {
  return async (c, next) => {
    const startedAtMs = performance.now()
    await next()
    const route = c.res.status === 404 || c.res.status === 401 ? '*' : routePath(c, -1)
    metrics.request(c.req.method, route, c.res.status, (performance.now() - startedAtMs) / 1000)
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
  }
}

function authenticated(token: string): MiddlewareHandler {
  return async (c, next) => {
    if (OPEN_PATHS.has(c.req.path)) return next()
    const given = /^Bearer ([^\s]{1,200})$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (given !== undefined && tokenMatches(given, token)) return next()
    c.header('www-authenticate', 'Bearer realm="tallystick"')
    return problemAnswer(c, problem('UNAUTHORISED', { field: 'Authorization' }))
  }
}

const jsonOnly: MiddlewareHandler = async (c, next) => {
  const bodiless = c.req.method === 'GET' || c.req.method === 'HEAD'
  const declared = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (!bodiless && declared !== 'application/json')
    return problemAnswer(c, problem('MEDIA_TYPE', { field: 'Content-Type' }))
  return next()
}

function eventRoutes(app: OpenAPIHono, log: EventLog): void {
  app.openapi(routes.events, (c) => {
    const lastEventId = c.req.header('last-event-id') ?? c.req.valid('query').lastEventId
    const reader = log.read(lastEventId === '' ? undefined : lastEventId)
    return new Response(eventStream(reader), {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    })
  })
}

/** Pulled by the connection, so a slow listener holds one event and no more. */
function eventStream(reader: EventReader): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start: (stream) => stream.enqueue(encoder.encode(': events\n\n')),
    async pull(stream) {
      const logged = await reader.next(HEARTBEAT_MS)
      if (logged === undefined) return stream.enqueue(encoder.encode(': still here\n\n'))
      const data = JSON.stringify(z.encode(wire.NodeEvent, logged.event))
      stream.enqueue(encoder.encode(`id: ${logged.id}\nevent: ${logged.event.type}\ndata: ${data}\n\n`))
    },
    cancel: () => reader.close(),
  })
}

function documentation(app: OpenAPIHono): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: "The token in the file api.token of the node's directory.",
  })
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'tallystick node', version: '1', description: 'The local API of a tallystick node.' },
    security: [{ token: [] }],
  })
}

/** Some other method is served at this path. */
function knownPath(app: OpenAPIHono, c: Context): boolean {
  return ['GET', 'POST', 'PUT'].some(
    (method) =>
      method !== c.req.method &&
      app.router.match(method, c.req.path)[0].some(([[, route]]) => !route.path.endsWith('*')),
  )
}
