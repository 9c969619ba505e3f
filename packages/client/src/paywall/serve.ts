/** A paywall on a socket, bounded in connections, headers and idle time. */
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createPaywall, type PaywallOptions } from './seller.ts'

export interface PaywallServerOptions extends PaywallOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** The name that buyers use in the URL; default `host`. */
  readonly publicHost?: string
}

export interface PaywallServer {
  /** What a buyer needs. */
  readonly url: string
  close(): Promise<void>
}

const MAX_CONNECTIONS = 1024
const HEADERS_TIMEOUT_MS = 10_000
/** How often Node looks for requests past their time. */
const TIMEOUT_CHECK_MS = 5_000
const IDLE_TIMEOUT_MS = 60_000

export async function servePaywall(options: PaywallServerOptions): Promise<PaywallServer> {
  const { host = '127.0.0.1', port = 0 } = options
  const app = createPaywall(options)
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  )
  server.maxConnections = MAX_CONNECTIONS
  // A buyer that takes nothing for this long is gone; it can come back for what it paid.
  server.setTimeout(IDLE_TIMEOUT_MS)
  const bound = await listen(server, host, port)
  const name = options.publicHost ?? host
  return {
    url: `http://${name.includes(':') ? `[${name}]` : name}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
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
