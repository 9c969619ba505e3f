/**
 * Mallory: speaks the transport's wire by hand, and lies. She has real TLS and, where a test says so, a real identity;
 * everything she sends is chosen by the test.
 */
import { once } from 'node:events'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { createTlsCredentials } from '../../src/transport/certificate.ts'
import { encodeFrame, type FrameType, frameType } from '../../src/transport/frame.ts'
import { ALPN_PROTOCOL } from '../../src/transport/handshake.ts'
import type { Identity, IdentityStatement } from '../../src/transport/identity.ts'
import type { Endpoint } from '../../src/transport/port.ts'
import { ended, listening } from './wire.ts'

export interface Line {
  readonly socket: TLSSocket
  readonly exporter: Uint8Array
  /** The next whole frame as [type, body]; undefined when the stream ended. */
  frame(): Promise<readonly [FrameType, Uint8Array] | undefined>
  send(type: number, body: Uint8Array): void
  raw(bytes: Uint8Array): void
  readonly gone: Promise<void>
}

export function lineOf(socket: TLSSocket): Line {
  const frames: (readonly [FrameType, Uint8Array])[] = []
  const waiting: ((frame: readonly [FrameType, Uint8Array] | undefined) => void)[] = []
  let pending = Buffer.alloc(0)
  let over = false
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 5 && pending.length >= 4 + pending.readUInt32BE(0)) {
      const end = 4 + pending.readUInt32BE(0)
      const frame = [pending[4] as FrameType, Uint8Array.from(pending.subarray(5, end))] as const
      pending = pending.subarray(end)
      const take = waiting.shift()
      if (take === undefined) frames.push(frame)
      else take(frame)
    }
  })
  const gone = ended(socket).then(() => {
    over = true
    for (const take of waiting) take(undefined)
  })
  return {
    socket,
    exporter: socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)),
    gone,
    frame: () => {
      const frame = frames.shift()
      if (frame !== undefined || over) return Promise.resolve(frame)
      return new Promise((take) => waiting.push(take))
    },
    send: (type, body) => socket.write(encodeFrame(type as FrameType, body)),
    raw: (bytes) => socket.write(bytes),
  }
}

/** A TLS 1.3 connection to a node, nothing said yet. */
export async function callNode(at: Endpoint, options: { localAddress?: string } = {}): Promise<Line> {
  const socket = connect({ ...at, ...options, ALPNProtocols: [ALPN_PROTOCOL], rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return lineOf(socket)
}

/** A listener of Mallory's: hands every TLS connection to `answer`. */
export async function malloryListens(
  answer: (line: Line) => void,
): Promise<Endpoint & { close(): Promise<void> }> {
  const { certPem, keyPem } = await createTlsCredentials()
  const lines = new Set<TLSSocket>()
  const server = createServer({ cert: certPem, key: keyPem, ALPNProtocols: [ALPN_PROTOCOL] }, (socket) => {
    lines.add(socket)
    answer(lineOf(socket))
  })
  server.on('tlsClientError', () => undefined)
  const port = await listening(server)
  return {
    host: '127.0.0.1',
    port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of lines) socket.destroy()
      await closed
    },
  }
}

/** The hello that `identity` would send for this statement, or whatever is put in place of its parts. */
export function hello(
  identity: Identity,
  statement: Omit<IdentityStatement, 'role' | 'dialerId'>,
  forged: { version?: number; dialerId?: string; signature?: Uint8Array; role?: 'dialer' | 'listener' } = {},
): Uint8Array {
  const dialerId = forged.dialerId ?? identity.nodeId
  const signature =
    forged.signature ?? identity.prove({ ...statement, role: forged.role ?? 'dialer', dialerId })
  return Buffer.concat([
    Uint8Array.of(forged.version ?? 1),
    Buffer.from(dialerId, 'hex'),
    Buffer.from(statement.listenerId, 'hex'),
    signature,
  ])
}

/** Mallory with an honest identity up to here: a proved session, driven by hand. */
export async function provedLine(at: Endpoint, listenerId: string, identity: Identity): Promise<Line> {
  const line = await callNode(at)
  line.send(frameType.hello, hello(identity, { listenerId, exporter: line.exporter }))
  const answer = await line.frame()
  if (answer?.[0] !== frameType.proof) throw new Error('the node did not prove itself')
  return line
}
