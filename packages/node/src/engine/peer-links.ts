/**
 * Connections with peers: who is connected, frames in and out, redialling with back-off. It decides nothing about money.
 *
 * Invariants: a frame goes out only on the live session; frames of one peer reach the engine in order; a peer that sends
 * faster than the engine takes is paused, alone.
 */

import {
  type CloseReason,
  type Endpoint,
  type NodeId,
  type Session,
  type Transport,
  TransportError,
} from '../transport/port.ts'
import { ServiceError } from './errors.ts'

/**
 * What the engine hears; `session` is the transport's number of the session, 1 or more. `onFrame` answers false when the
 * peer must pause until `room` is called.
 */
export interface PeerEvents {
  onConnected(peer: NodeId, session: number): void
  onDisconnected(peer: NodeId, reason: CloseReason): void
  onFrame(peer: NodeId, session: number, frame: Uint8Array, room: () => void): boolean
  /** A peer that was behind with reading has caught up. */
  onWritable(peer: NodeId): void
}

export interface PeerLinksOptions {
  readonly transport: Transport
  readonly events: PeerEvents
  /** First and longest wait between two dials. */
  readonly minRedialMs: number
  readonly maxRedialMs: number
  /** 0 to 1: spreads redials so that nodes that failed together do not come back together. */
  readonly random: () => number
  readonly nowMs: () => number
}

/** A session that lasted this long clears the strikes before it. */
const GOOD_SESSION_MS = 60_000

interface Link {
  endpoint: Endpoint | undefined
  session: Session | undefined
  backlogged: boolean
  /** Redial while this is true (a channel exists, or the operator asked). */
  wanted: boolean
  failures: number
  /** Sessions that we ended because of what the peer sent, since the last one that went well for a while. */
  strikes: number
  adoptedAtMs: number
  timer: NodeJS.Timeout | undefined
  nextDialAtMs: number | undefined
}

export interface LinkView {
  readonly nodeId: NodeId
  readonly endpoint: Endpoint | undefined
  readonly connected: boolean
  readonly nextDialInMs: number | undefined
}

export class PeerLinks {
  readonly #options: PeerLinksOptions
  readonly #links = new Map<NodeId, Link>()
  readonly #dials = new AbortController()
  #stopped = false

  constructor(options: PeerLinksOptions) {
    this.#options = options
    options.transport.onSession((session) => this.#adopt(session))
  }

  /** Remembers where a peer is; dials and redials it from now on if `wanted`. */
  know(nodeId: NodeId, endpoint: Endpoint | undefined, wanted: boolean): void {
    const link = this.#link(nodeId)
    if (endpoint !== undefined) link.endpoint = endpoint
    if (wanted) link.wanted = true
    this.#plan(nodeId, link)
  }

  /** @throws ServiceError PEER_OFFLINE with the transport's reason. */
  async connect(nodeId: NodeId, endpoint: Endpoint | undefined, timeoutMs: number): Promise<void> {
    const link = this.#link(nodeId)
    if (link.session?.open) return
    const to = endpoint ?? link.endpoint
    if (to === undefined)
      throw new ServiceError('PEER_OFFLINE', { field: 'peer', detail: 'Its address is not known.' })
    const signal = AbortSignal.any([this.#dials.signal, AbortSignal.timeout(timeoutMs)])
    try {
      await this.#options.transport.dial({ nodeId, ...to }, signal)
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      throw new ServiceError('PEER_OFFLINE', { field: 'peer', detail, cause: error })
    }
    this.know(nodeId, to, true)
  }

  connected(nodeId: NodeId): boolean {
    return this.#links.get(nodeId)?.session?.open === true
  }

  /** False while the peer does not read as fast as we write: make no new lines for it. */
  writable(nodeId: NodeId): boolean {
    const link = this.#links.get(nodeId)
    return link?.session?.open === true && !link.backlogged
  }

  /** Sends on this session; if it is over the frame is dropped (the sync of the next one sends what is missing). */
  send(nodeId: NodeId, sessionId: number, frame: Uint8Array): void {
    const link = this.#links.get(nodeId)
    if (link?.session === undefined || link.session.id !== sessionId) return
    if (link.session.send(frame) !== 'backlogged' || link.backlogged) return
    link.backlogged = true
    const { session } = link
    void session.drained().then(() => {
      if (link.session !== session) return
      link.backlogged = false
      this.#options.events.onWritable(nodeId)
    })
  }

  /** Ends the session because of what the peer sent. */
  hangUp(nodeId: NodeId, sessionId: number, detail: string): void {
    const link = this.#links.get(nodeId)
    if (link?.session?.id !== sessionId) return
    link.strikes += 1
    link.session.close('protocol-violation', detail)
  }

  list(): readonly LinkView[] {
    const nowMs = this.#options.nowMs()
    return [...this.#links].map(([nodeId, link]) => ({
      nodeId,
      endpoint: link.endpoint,
      connected: link.session?.open === true,
      nextDialInMs: link.nextDialAtMs === undefined ? undefined : Math.max(0, link.nextDialAtMs - nowMs),
    }))
  }

  /** Stops redialling and ends attempts under way; sessions are the transport's to close. */
  stop(): void {
    this.#stopped = true
    this.#dials.abort()
    for (const link of this.#links.values()) clearTimeout(link.timer)
  }

  #link(nodeId: NodeId): Link {
    let link = this.#links.get(nodeId)
    if (link === undefined) {
      link = {
        endpoint: undefined,
        session: undefined,
        backlogged: false,
        wanted: false,
        failures: 0,
        strikes: 0,
        adoptedAtMs: 0,
        timer: undefined,
        nextDialAtMs: undefined,
      }
      this.#links.set(nodeId, link)
    }
    return link
  }

  #adopt(session: Session): void {
    if (this.#stopped) {
      session.close('shutdown')
      return
    }
    const { peerId } = session
    const link = this.#link(peerId)
    link.session = session
    link.backlogged = false
    link.failures = 0
    link.adoptedAtMs = this.#options.nowMs()
    clearTimeout(link.timer)
    link.timer = undefined
    link.nextDialAtMs = undefined
    this.#options.events.onConnected(peerId, session.id)
    session.onMessage((frame) => {
      if (this.#options.events.onFrame(peerId, session.id, frame, () => session.resume())) return
      session.pause()
    })
    session.onClose((reason) => {
      if (link.session !== session) return
      link.session = undefined
      link.backlogged = false
      if (this.#options.nowMs() - link.adoptedAtMs > GOOD_SESSION_MS) link.strikes = 0
      this.#options.events.onDisconnected(peerId, reason)
      if (!link.wanted) this.#links.delete(peerId)
      this.#plan(peerId, link)
    })
  }

  #plan(nodeId: NodeId, link: Link): void {
    const { endpoint } = link
    if (this.#stopped || !link.wanted || endpoint === undefined) return
    if (link.session !== undefined || link.timer !== undefined) return
    const { minRedialMs, maxRedialMs, random } = this.#options
    const tries = Math.max(link.failures, link.strikes)
    const ceiling = Math.min(maxRedialMs, minRedialMs * 2 ** Math.min(tries, 16))
    const waitMs = tries === 0 ? 0 : Math.round(ceiling * (0.5 + random() / 2))
    link.nextDialAtMs = this.#options.nowMs() + waitMs
    link.timer = setTimeout(() => {
      link.timer = undefined
      link.nextDialAtMs = undefined
      void this.#redial(nodeId, link, endpoint)
    }, waitMs)
  }

  async #redial(nodeId: NodeId, link: Link, endpoint: Endpoint): Promise<void> {
    if (this.#stopped || link.session !== undefined) return
    link.failures += 1
    try {
      await this.#options.transport.dial({ nodeId, ...endpoint }, this.#dials.signal)
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
    }
    // A session that came and went meanwhile has planned the next dial itself.
    this.#plan(nodeId, link)
  }
}
