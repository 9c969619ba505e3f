/** A web host for tests: an HTTPS server on this machine under a public name, and a `fetch` that finds it there. */
import 'reflect-metadata'
import { createServer as createPlainServer } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { onTestFinished } from 'vitest'

export const HOST = 'shop.example'

export interface TestHost {
  readonly port: number
  /** Paths asked for, with their queries. */
  readonly asked: string[]
  /** A real TLS connection to the host under its name; its certificate is checked against `trusted` (default: its own). */
  readonly fetch: typeof fetch
  /** The same without trust in the certificate. */
  readonly distrustful: typeof fetch
}

type Handler = (request: Request) => Response | Promise<Response>

export async function httpsHost(handler: Handler, name = HOST): Promise<TestHost> {
  const { cert, key } = await selfSigned(name)
  const asked: string[] = []
  const server = createServer({ cert, key }, listener(handler, asked))
  const port = await listen(server)
  return { port, asked, fetch: fetchVia(port, cert), distrustful: fetchVia(port) }
}

/** Plain HTTP on loopback, for development. */
export async function httpHost(handler: Handler): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  return { port: await listen(createPlainServer(listener(handler, asked))), asked }
}

function listener(handler: Handler, asked: string[]) {
  return getRequestListener(
    (request) => {
      const { pathname, search } = new URL(request.url)
      asked.push(`${pathname}${search}`)
      return handler(request)
    },
    { overrideGlobalObjects: false },
  )
}

async function listen(
  server: ReturnType<typeof createServer> | ReturnType<typeof createPlainServer>,
): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(async () => {
    const closed = new Promise((done) => server.close(done))
    server.closeAllConnections()
    await closed
  })
  return (server.address() as AddressInfo).port
}

/** Every name and port leads to `port` here; the name is still what TLS asks for and checks. */
function fetchVia(port: number, ca?: string): typeof fetch {
  return (input, init) =>
    new Promise((resolve, reject) => {
      const url = new URL(String(input))
      const headers = Object.fromEntries(new Headers(init?.headers))
      const { signal } = init ?? {}
      const asked = request(
        {
          host: '127.0.0.1',
          port,
          path: `${url.pathname}${url.search}`,
          servername: url.hostname,
          headers: { ...headers, host: url.host },
          ...(ca === undefined ? {} : { ca }),
          ...(signal ? { signal } : {}),
        },
        (answer) => {
          const body = Readable.toWeb(answer) as ReadableStream<Uint8Array>
          const given = Object.entries(answer.headers).map(
            ([key, value]) => [key, String(value)] as [string, string],
          )
          resolve(new Response(body, { status: answer.statusCode ?? 500, headers: given }))
        },
      )
      asked.on('error', reject)
      asked.end()
    })
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

async function selfSigned(name: string): Promise<{ cert: string; key: string }> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.UTC(2020, 0, 1)),
    notAfter: new Date(Date.UTC(2120, 0, 1)),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  })
  const body = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${(body.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n`,
  }
}
