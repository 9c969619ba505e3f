/**
 * The transport port inside one process: same sessions, same rules, no sockets; every delivery is a task that the test
 * or the simulator schedules, so an interleaving can be chosen and repeated.
 *
 * Loss is what a stream can lose: the tail of what was sent, together with the connection. Identities are not proved
 * here: whoever holds the network object is trusted to give each node its own id.
 */
import { assertNodeId } from './identity.ts'
import type { TransportLimits } from './limits.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { CloseReason, Endpoint, NodeId, PeerEndpoint, Session, Transport } from './port.ts'
import { TransportError } from './port.ts'
import { SessionRegistry } from './registry.ts'
import type { Link } from './session.ts'
import { LinkSession } from './session.ts'

export interface MemoryNetworkOptions {
  /** Runs a task later, tasks of one pair and direction in order. Default: the runtime's event loop. */
  readonly schedule?: (task: () => void) => void
  readonly nowMs?: () => number
  readonly limits?: Partial<TransportLimits>
}

export interface MemoryNetwork {
  /** A new transport of this network, listening nowhere yet. */
  transport(nodeId: NodeId): Transport
  /** Cuts the live session of two nodes; what is still on its way is lost. */
  cut(a: NodeId, b: NodeId): void
  /** Delivers `frames` more frames from one node to another, then cuts, losing the rest. */
  cutAfter(from: NodeId, to: NodeId, frames: number): void
  /** While held, nothing from one node reaches the other; releasing delivers it in order. */
  hold(from: NodeId, to: NodeId): void
  release(from: NodeId, to: NodeId): void
  /** Two nodes can (or can no longer) reach each other; parting them cuts their session. */
  part(a: NodeId, b: NodeId): void
  join(a: NodeId, b: NodeId): void
}

export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  return new Network(options)
}

class Network implements MemoryNetwork {
  readonly limits: TransportLimits
  readonly schedule: (task: () => void) => void
  readonly nowMs: () => number
  readonly listeners = new Map<string, MemoryTransport>()
  readonly #parted = new Set<string>()
  readonly #held = new Set<string>()
  readonly #left = new Map<string, number>()
  readonly #ends = new Map<string, MemoryLink>()
  #lastPort = 1024

  constructor(options: MemoryNetworkOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.schedule = options.schedule ?? ((task) => void setImmediate(task))
    this.nowMs = options.nowMs ?? (() => performance.now())
  }

  transport(nodeId: NodeId): Transport {
    assertNodeId(nodeId, 'nodeId')
    return new MemoryTransport(this, nodeId)
  }

  cut(a: NodeId, b: NodeId): void {
    this.#ends.get(way(a, b))?.cut()
    this.#ends.get(way(b, a))?.cut()
  }

  cutAfter(from: NodeId, to: NodeId, frames: number): void {
    if (frames <= 0) this.cut(from, to)
    else this.#left.set(way(from, to), frames)
  }

  hold(from: NodeId, to: NodeId): void {
    this.#held.add(way(from, to))
  }

  release(from: NodeId, to: NodeId): void {
    this.#held.delete(way(from, to))
    this.#ends.get(way(from, to))?.push()
  }

  part(a: NodeId, b: NodeId): void {
    this.#parted.add(pair(a, b))
    this.cut(a, b)
  }

  join(a: NodeId, b: NodeId): void {
    this.#parted.delete(pair(a, b))
  }

  reachable(a: NodeId, b: NodeId): boolean {
    return !this.#parted.has(pair(a, b))
  }

  held(from: NodeId, to: NodeId): boolean {
    return this.#held.has(way(from, to))
  }

  freePort(): number {
    return ++this.#lastPort
  }

  attach(from: NodeId, to: NodeId, link: MemoryLink): void {
    this.#ends.set(way(from, to), link)
  }

  /** Counts a delivered frame; true when the cut asked for by `cutAfter` is due. */
  delivered(from: NodeId, to: NodeId): boolean {
    const left = this.#left.get(way(from, to))
    if (left === undefined) return false
    if (left > 1) this.#left.set(way(from, to), left - 1)
    else this.#left.delete(way(from, to))
    return left <= 1
  }
}

class MemoryTransport implements Transport {
  readonly nodeId: NodeId
  readonly registry: SessionRegistry
  readonly #network: Network
  readonly #endpoints = new Set<string>()
  #closed = false

  constructor(network: Network, nodeId: NodeId) {
    this.#network = network
    this.nodeId = nodeId
    this.registry = new SessionRegistry(nodeId, network.limits, network.nowMs)
  }

  get maxFrameBytes(): number {
    return this.#network.limits.maxFrameBytes
  }

  async listen(at: Endpoint): Promise<Endpoint> {
    const bound = { host: at.host, port: at.port === 0 ? this.#network.freePort() : at.port }
    const key = `${bound.host}:${bound.port}`
    if (this.#closed || this.#network.listeners.has(key))
      throw new TransportError(
        'listen-failed',
        'listen',
        `${key} is taken.`,
        'Choose a free port; 0 finds one.',
      )
    this.#network.listeners.set(key, this)
    this.#endpoints.add(key)
    return bound
  }

  async dial(peer: PeerEndpoint, signal?: AbortSignal): Promise<Session> {
    assertNodeId(peer.nodeId, 'peer.nodeId')
    if (peer.nodeId === this.nodeId)
      throw new TransportError('self-dial', 'peer.nodeId', 'That is this node.', 'Dial another node.')
    if (this.#closed)
      throw new TransportError('shutdown', 'transport', 'The node is shutting down.', 'Start it again.')
    const live = this.registry.get(peer.nodeId)
    if (live !== undefined) return live
    await new Promise<void>((resolve) => this.#network.schedule(resolve))
    if (signal?.aborted === true)
      throw new TransportError('dial-failed', 'signal', 'The wait was aborted.', 'Dial again when wanted.')
    return this.registry.get(peer.nodeId) ?? this.#connect(peer)
  }

  onSession(announce: (session: Session) => void): void {
    this.registry.onSession(announce)
  }

  session(peerId: NodeId): Session | undefined {
    return this.registry.get(peerId)
  }

  sessions(): readonly Session[] {
    return this.registry.all()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const key of this.#endpoints) this.#network.listeners.delete(key)
    this.#endpoints.clear()
    for (const session of this.registry.all()) session.close('shutdown', 'The node is shutting down.')
  }

  #connect(peer: PeerEndpoint): Session {
    const there = this.#network.listeners.get(`${peer.host}:${peer.port}`)
    if (this.#closed || there === undefined || !this.#network.reachable(this.nodeId, peer.nodeId))
      throw dialError('dial-failed', `Nothing answers at ${peer.host}:${peer.port}.`)
    if (there.nodeId !== peer.nodeId) throw dialError('wrong-node', 'Another node answers there.')
    if (!there.registry.wouldStay(this.nodeId, 'peer')) throw dialError('duplicate', 'Another session stays.')
    const outgoing = new MemoryLink(this.#network, this.nodeId, peer.nodeId)
    const incoming = new MemoryLink(this.#network, peer.nodeId, this.nodeId)
    outgoing.other = incoming
    incoming.other = outgoing
    outgoing.session = new LinkSession(outgoing, peer.nodeId, 'us', this.#network.limits)
    incoming.session = new LinkSession(incoming, this.nodeId, 'peer', this.#network.limits)
    there.registry.add(incoming.session)
    this.registry.add(outgoing.session)
    const live = this.registry.get(peer.nodeId)
    if (live === undefined) throw dialError('dial-failed', 'The session ended at once.')
    return live
  }
}

type Sent = { readonly frame: Uint8Array } | { readonly reason: CloseReason }

/** One node's end: what it sends waits in `#sent` until a scheduled task delivers it to the other end. */
class MemoryLink implements Link {
  readonly remoteAddress: string
  other: MemoryLink | undefined
  session: LinkSession | undefined
  readonly #network: Network
  readonly #from: NodeId
  readonly #to: NodeId
  #sent: Sent[] = []
  #bytes = 0
  #scheduled = false
  #reading = true
  #over = false

  constructor(network: Network, from: NodeId, to: NodeId) {
    this.#network = network
    this.#from = from
    this.#to = to
    this.remoteAddress = `memory:${to.slice(0, 8)}`
    network.attach(from, to, this)
  }

  write(frame: Uint8Array): void {
    if (this.#over) return
    this.#bytes += frame.length
    this.#sent.push({ frame: frame.slice() })
    this.push()
  }

  queuedBytes(): number {
    return this.#bytes
  }

  pause(): void {
    this.#reading = false
  }

  resume(): void {
    if (this.#reading) return
    this.#reading = true
    this.other?.push()
  }

  end(reason: CloseReason, abrupt: boolean): void {
    if (this.#over) return
    this.#over = true
    if (abrupt || reason.by === 'network') this.#sent = []
    if (reason.by === 'peer') return
    const lost: CloseReason = { code: 'connection-lost', by: 'network', detail: 'The connection was cut.' }
    this.#sent.push({ reason: abrupt || reason.by === 'network' ? lost : { ...reason, by: 'peer' } })
    this.push()
  }

  cut(): void {
    this.session?.finish({ code: 'connection-lost', by: 'network', detail: 'The connection was cut.' }, true)
  }

  /** Schedules the next delivery, unless one is scheduled or nothing may pass. */
  push(): void {
    if (this.#scheduled || this.#sent.length === 0) return
    this.#scheduled = true
    this.#network.schedule(() => {
      this.#scheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const next = this.#sent[0]
    const peer = this.other?.session
    if (next === undefined || peer === undefined || this.#network.held(this.#from, this.#to)) return
    if ('reason' in next) {
      this.#sent = []
      peer.finish(next.reason, next.reason.by === 'network')
      return
    }
    if (this.other?.reading === false) return
    this.#sent.shift()
    this.#bytes -= next.frame.length
    peer.deliver(next.frame)
    this.session?.drain()
    if (this.#network.delivered(this.#from, this.#to)) this.cut()
    else this.push()
  }

  get reading(): boolean {
    return this.#reading
  }
}

function dialError(code: 'dial-failed' | 'wrong-node' | 'duplicate', message: string): TransportError {
  return new TransportError(
    code,
    'peer',
    message,
    'Check the node id, host and port, and that the node is up.',
  )
}

function way(from: NodeId, to: NodeId): string {
  return `${from}>${to}`
}

function pair(a: NodeId, b: NodeId): string {
  return a < b ? way(a, b) : way(b, a)
}
