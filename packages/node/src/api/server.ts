/**
 * The API on a socket: loopback unless told otherwise, bounded in every direction, and deaf to web pages (DNS rebinding:
 * a page may point its own name at 127.0.0.1, but it cannot change the Host header that the browser sends).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { isIP } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { InvoiceCrypto } from '@tallystick/protocol'
import type { NodeService } from '../engine/service.ts'
import { createApiApp } from './app.ts'
import { createEventLog } from './event-log.ts'
import type { ApiMetrics } from './metrics.ts'
import { createMetrics } from './metrics.ts'
import { createMemoryOperationJournal, type OperationJournal } from './operation-journal.ts'
import { createOperations } from './operations.ts'
import { problem, problemOf } from './problem.ts'
import { loadOrCreateApiToken } from './token.ts'

export interface ApiServerOptions {
  readonly service: NodeService
  /** Reads invoices. */
  readonly crypto: InvoiceCrypto
  /** The file with the bearer token; made when missing. */
  readonly tokenFile: string
  /** Default 127.0.0.1. Anything else exposes the node's money to whoever gets the token: put TLS in front. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** Names beyond the loopback ones (and `host`) that the Host header may carry, without port. */
  readonly allowedHosts?: readonly string[]
  /** Where operations and their idempotency keys survive a restart; without it they end with the process. */
  readonly operations?: OperationJournal
  /** Faults of our own, for the log. */
  readonly onFault?: (error: unknown) => void
}

export interface ApiServer {
  /** `http://host:port`, to be given to the client. */
  readonly url: string
  readonly metrics: ApiMetrics
  /** Stops taking requests, ends event streams, and waits a bounded time for requests under way. */
  close(): Promise<void>
}

const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
/** How often Node looks for requests past their time. */
const TIMEOUT_CHECK_MS = 5_000
const MAX_CONNECTIONS = 256
const CLOSE_GRACE_MS = 2_000
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/** @throws {ApiTokenError} when the token file cannot be used; rejects when the address cannot be bound. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { service, crypto, host = '127.0.0.1', port = 0, onFault = () => undefined } = options
  const token = loadOrCreateApiToken(options.tokenFile)
  const metrics = createMetrics(service)
  const eventLog = createEventLog(service)
  const journal = options.operations ?? createMemoryOperationJournal()
  const operations = createOperations({ journal, kept: await journal.load(), onFault, nowMs: Date.now })
  const app = createApiApp({ service, crypto, token, operations, eventLog, metrics, onFault })
  const answer = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    errorHandler(error) {
      onFault(error)
      const body = problemOf(error)
      return new Response(JSON.stringify(body), { status: body.status, headers: PROBLEM_HEADERS })
    },
  })
  const hosts = new Set([...LOOPBACK_NAMES, bracketed(host), ...(options.allowedHosts ?? [])].map(lower))
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
    },
    (request, response) => {
      if (hosts.has(hostName(request))) void answer(request, response)
      else refuse(response, 'HOST_REFUSED')
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end(rawProblem('HTTP_MALFORMED'))
    else socket.destroy()
  })
  const bound = await listen(server, host, port)
  return {
    url: `http://${bracketed(host)}:${bound}`,
    metrics,
    close: () => close(server, () => eventLog.close()),
  }
}

const PROBLEM_HEADERS = { 'content-type': 'application/problem+json' }

function refuse(response: ServerResponse, code: 'HOST_REFUSED'): void {
  const body = problem(code, { field: 'Host' })
  response.writeHead(body.status, { ...PROBLEM_HEADERS, connection: 'close' })
  response.end(JSON.stringify(body))
}

/** Where Node's parser gave up there is no response object: the answer is written by hand. */
function rawProblem(code: 'HTTP_MALFORMED'): string {
  const { status, ...rest } = problem(code)
  const body = JSON.stringify({ ...rest, status })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

function hostName(request: IncomingMessage): string {
  return lower(/^(\[[^\]]*\]|[^:]*)(:[0-9]{1,5})?$/.exec(request.headers.host ?? '')?.[1] ?? '')
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}

function lower(text: string): string {
  return text.toLowerCase()
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function close(server: Server, endEvents: () => void): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
    endEvents()
    server.closeIdleConnections()
  })
}
