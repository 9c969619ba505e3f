/**
 * The transport on `node:tls`: TLS 1.3 only, identities proved over the session's keying material.
 *
 * Nothing a stranger sends reaches further than this folder before its proof holds, and a stranger holds a place for at
 * most `handshakeTimeoutMs`. Refusals are reported to `onRefusal` (for metrics and logs), never thrown.
 */
import { constants } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { Admission } from './admission.ts'
import { createTlsCredentials } from './certificate.ts'
import type { Connection } from './connection.ts'
import { frameType } from './frame.ts'
import type { HandshakeContext } from './handshake.ts'
import { ALPN_PROTOCOL, proveAsDialer, proveAsListener } from './handshake.ts'
import type { Identity, VerifyIdentity } from './identity.ts'
import { assertNodeId } from './identity.ts'
import type { TransportLimits } from './limits.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { CloseReason, Endpoint, NodeId, PeerEndpoint, Session, Transport } from './port.ts'
import { TransportError } from './port.ts'
import { type ConnectionRefusal, createRefusalReports } from './refusal-reports.ts'
import { SessionRegistry } from './registry.ts'
import { LinkSession } from './session.ts'

export interface TlsTransportOptions {
  readonly identity: Identity
  readonly verify: VerifyIdentity
  readonly limits?: Partial<TransportLimits>
  /** An accepted connection that did not become a session, and why; at a bounded rate. */
  readonly onRefusal?: (refusal: ConnectionRefusal) => void
}

export async function createTlsTransport(options: TlsTransportOptions): Promise<Transport> {
  assertNodeId(options.identity.nodeId, 'identity.nodeId')
  const { certPem, keyPem } = await createTlsCredentials()
  const secureContext = createSecureContext({
    cert: certPem,
    key: keyPem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // No resumption: every session has a fresh key exchange, and nothing to steal or track.
    secureOptions: constants.SSL_OP_NO_TICKET,
  })
  return new TlsTransport(options, secureContext)
}

class TlsTransport implements Transport {
  readonly nodeId: NodeId
  readonly #limits: TransportLimits
  readonly #context: HandshakeContext
  readonly #secureContext: SecureContext
  readonly #refused: (remoteAddress: string, reason: CloseReason) => void
  readonly #registry: SessionRegistry
  readonly #admission: Admission
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Socket>()
  /** Those of {@link #sockets} that carry no session yet. */
  readonly #unproved = new Set<Socket>()
  readonly #dials = new Map<NodeId, Promise<Session>>()
  #closing = false

  constructor(options: TlsTransportOptions, secureContext: SecureContext) {
    this.nodeId = options.identity.nodeId
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#secureContext = secureContext
    const report = options.onRefusal ?? (() => undefined)
    this.#refused = createRefusalReports(report, this.#limits, () => performance.now())
    this.#registry = new SessionRegistry(this.nodeId, this.#limits, () => performance.now())
    this.#admission = new Admission(this.#limits)
    this.#context = {
      identity: options.identity,
      verify: options.verify,
      limits: this.#limits,
      admit: (peerId) => this.#admit(peerId),
    }
  }

  get maxFrameBytes(): number {
    return this.#limits.maxFrameBytes
  }

  listen(at: Endpoint): Promise<Endpoint> {
    return new Promise((resolve, reject) => {
      const server = createServer({ pauseOnConnect: false }, (socket) => this.#accept(socket))
      const fail = (cause: Error) => {
        this.#servers.delete(server)
        reject(listenFailed(at, cause))
      }
      if (this.#closing) return fail(new Error('the transport is closed'))
      this.#servers.add(server)
      server.once('error', fail)
      server.listen({ host: at.host, port: at.port }, () => {
        server.off('error', fail)
        // Running out of file descriptors, for one: the connection is lost, the listener stays.
        server.on('error', (error) => this.#refused('?', lost(error.message)))
        const bound = server.address()
        const port = typeof bound === 'object' && bound !== null ? bound.port : at.port
        resolve({ host: at.host, port })
      })
    })
  }

  dial(peer: PeerEndpoint, signal?: AbortSignal): Promise<Session> {
    try {
      this.#assertDialable(peer)
    } catch (error) {
      return Promise.reject(error)
    }
    const live = this.#registry.get(peer.nodeId)
    if (live !== undefined) return Promise.resolve(live)
    let attempt = this.#dials.get(peer.nodeId)
    if (attempt === undefined) {
      attempt = this.#dialNow(peer).finally(() => this.#dials.delete(peer.nodeId))
      this.#dials.set(peer.nodeId, attempt)
    }
    return signal === undefined ? attempt : orAborted(attempt, signal)
  }

  onSession(announce: (session: Session) => void): void {
    this.#registry.onSession(announce)
  }

  session(peerId: NodeId): Session | undefined {
    return this.#registry.get(peerId)
  }

  sessions(): readonly Session[] {
    return this.#registry.all()
  }

  async close(): Promise<void> {
    this.#closing = true
    const stopped = [...this.#servers].map(
      (server) => new Promise<void>((done) => server.close(() => done())),
    )
    this.#servers.clear()
    const gone = [...this.#sockets].map((socket) => new Promise((done) => socket.once('close', done)))
    for (const session of this.#registry.all()) session.close('shutdown', 'The node is shutting down.')
    for (const socket of this.#unproved) socket.destroy()
    await Promise.all([...stopped, ...gone])
  }

  #assertDialable(peer: PeerEndpoint): void {
    assertNodeId(peer.nodeId, 'peer.nodeId')
    if (peer.nodeId === this.nodeId)
      throw new TransportError('self-dial', 'peer.nodeId', 'That is this node.', 'Dial another node.')
    if (this.#closing)
      throw new TransportError('shutdown', 'transport', 'The node is shutting down.', 'Start it again.')
    if (!Number.isInteger(peer.port) || peer.port < 1 || peer.port > 65_535)
      throw new TransportError(
        'dial-failed',
        'peer.port',
        'That is not a port.',
        'Give a port from 1 to 65535.',
      )
  }

  async #dialNow(peer: PeerEndpoint): Promise<Session> {
    const failure = await this.#prove(peer)
    // Whatever became of this attempt: a session that the peer dialled meanwhile is as good.
    const live = this.#registry.get(peer.nodeId)
    if (live !== undefined) return live
    throw dialFailed(peer, failure ?? lost('the session ended at once'))
  }

  /** Resolves when the session is carried, or with the reason why there is none. */
  #prove(peer: PeerEndpoint): Promise<CloseReason | undefined> {
    return new Promise((settle) => {
      const socket = connect({
        host: peer.host,
        port: peer.port,
        secureContext: this.#secureContext,
        ALPNProtocols: [ALPN_PROTOCOL],
        // The certificate proves nothing here; the identity proof does.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      })
      this.#track(socket)
      const end = this.#deadline(socket, settle)
      const fail = (error: Error & { code?: string }) => end(beforeTls(error))
      socket.on('error', fail)
      socket.once('close', () => end(lost('the connection was cut')))
      socket.once('secureConnect', () => {
        proveAsDialer(socket, peer.nodeId, this.#context, (result) => {
          if (result.ok) this.#carry(socket, result.connection, result.peerId, 'us')
          end(result.ok ? undefined : result.reason)
        })
      })
    })
  }

  #accept(raw: Socket): void {
    const remoteAddress = raw.remoteAddress ?? '?'
    const place = this.#closing ? undefined : this.#admission.enter(remoteAddress)
    if (place === undefined) {
      raw.destroy()
      const detail = 'Too many connections; raise the limits or find out who holds them.'
      this.#refused(remoteAddress, { code: 'too-many-connections', by: 'us', detail })
      return
    }
    this.#track(raw)
    raw.once('close', () => place.leave())
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.#secureContext,
      ALPNProtocols: [ALPN_PROTOCOL],
      requestCert: false,
      rejectUnauthorized: false,
    })
    const end = this.#deadline(socket, (reason) => {
      if (reason !== undefined) this.#refused(remoteAddress, reason)
    })
    const fail = (error: Error & { code?: string }) => {
      end(beforeTls(error))
      raw.destroy()
    }
    socket.on('error', fail)
    raw.on('error', fail)
    raw.once('close', () => end(lost('the connection was cut')))
    socket.once('secure', () => {
      proveAsListener(socket, this.#context, (result) => {
        end(result.ok ? undefined : result.reason)
        if (!result.ok) return
        place.proved()
        this.#carry(raw, result.connection, result.peerId, 'peer')
      })
    })
  }

  /** Bounds a handshake. The function it returns reports its outcome (a reason when it failed), once. */
  #deadline(socket: Socket, report: (failure: CloseReason | undefined) => void): typeof report {
    let over = false
    const end = (failure: CloseReason | undefined) => {
      if (over) return
      over = true
      clearTimeout(timer)
      report(failure)
    }
    const timer = setTimeout(() => {
      const detail = `No proof of identity within ${this.#limits.handshakeTimeoutMs} ms; dial again.`
      end({ code: 'handshake-timeout', by: 'us', detail })
      socket.destroy()
    }, this.#limits.handshakeTimeoutMs)
    return end
  }

  #admit(peerId: NodeId): { code: 'duplicate' | 'shutdown'; detail: string } | undefined {
    if (this.#closing) return { code: 'shutdown', detail: 'The node is shutting down.' }
    if (this.#registry.wouldStay(peerId, 'peer')) return undefined
    return { code: 'duplicate', detail: 'Another session of the same two nodes stays.' }
  }

  #carry(socket: Socket, connection: Connection, peerId: NodeId, initiator: 'us' | 'peer'): void {
    this.#unproved.delete(socket)
    const session = new LinkSession(connection, peerId, initiator, this.#limits)
    connection.carry({
      frame(type, body) {
        if (type === frameType.data) session.deliver(body)
        else session.close('frame-unexpected', `A frame of type ${type} came inside a session.`)
      },
      drained: () => session.drain(),
      ended: (reason) => session.finish(reason, false),
    })
    if (this.#closing) session.close('shutdown', 'The node is shutting down.')
    else this.#registry.add(session)
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    this.#unproved.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#unproved.delete(socket)
    })
  }
}

function beforeTls(error: Error & { code?: string }): CloseReason {
  if (error.code?.startsWith('ERR_SSL') !== true) return lost(error.message)
  return {
    code: 'tls-refused',
    by: 'network',
    detail: `Not TLS 1.3 with ALPN ${ALPN_PROTOCOL}: ${error.code}.`,
  }
}

function lost(why: string): CloseReason {
  return { code: 'connection-lost', by: 'network', detail: `Connection lost: ${why}.` }
}

function dialFailed(peer: PeerEndpoint, reason: CloseReason): TransportError {
  const code = reason.code === 'connection-lost' ? 'dial-failed' : reason.code
  return new TransportError(
    code,
    'peer',
    `${peer.nodeId} at ${peer.host}:${peer.port}: ${reason.detail}`,
    'Check the node id, host and port, and that the node is up and reachable.',
  )
}

function listenFailed(at: Endpoint, cause: Error): TransportError {
  return new TransportError(
    'listen-failed',
    'listen',
    `Cannot listen on ${at.host}:${at.port}: ${cause.message}.`,
    'Choose a free port (0 finds one) and an address of this machine.',
    { cause },
  )
}

/** Aborting ends the wait; a session that still comes about is announced like any other. */
function orAborted(attempt: Promise<Session>, signal: AbortSignal): Promise<Session> {
  return new Promise((resolve, reject) => {
    const aborted = () =>
      reject(new TransportError('dial-failed', 'signal', 'The wait was aborted.', 'Dial again when wanted.'))
    signal.addEventListener('abort', aborted, { once: true })
    attempt.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
    if (signal.aborted) aborted()
  })
}
