/**
 * The transport port: authenticated, ordered, bounded message sessions between two nodes.
 *
 * Invariants every adapter keeps (the conformance suite in `test/transport/conformance.ts` runs them all):
 * - A session exists only after both sides proved the identity key behind their node id, for this very session.
 * - Frames arrive whole, unchanged and in order, or the session closes. A session never skips a frame: whoever
 *   needs a frame that may have been lost sends it again on the next session (docs/spec, reconnect).
 * - Two nodes have at most one live session (see {@link Transport.dial} for which one stays).
 * - Memory is bounded: a frame is at most `maxFrameBytes`, a peer that does not read is cut off.
 * - Nothing a peer sends throws into the caller: bad input closes that session with a typed reason.
 *
 * Source: docs/spec/transport.md; RFC 8446 (TLS 1.3), RFC 9266 (tls-exporter channel binding).
 */

/**
 * A node's name: its identity public key, compressed SEC1 form, 66 lower-case hex digits without a prefix.
 * The key itself and not its address, because later uses (sealed messages to a node) need the key.
 */
export type NodeId = string

/** Where a node listens. `host` is a name or an IP literal without brackets; `port` is 0 to 65535, 0 = any free port (listening only). */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** A node and where to reach it. */
export interface PeerEndpoint extends Endpoint {
  readonly nodeId: NodeId
}

/** Why a session ended. `by` tells who ended it; `network` is a cut without a word from either side. */
export interface CloseReason {
  readonly code: CloseCode
  readonly by: 'us' | 'peer' | 'network'
  /** One sentence for people: what was wrong and what to do. */
  readonly detail: string
}

/** Every way a session or an attempt at one ends. The numbers on the wire are in `frame.ts`. */
export type CloseCode =
  /** Asked for by the caller of `close`. */
  | 'closed'
  /** The node is shutting down. */
  | 'shutdown'
  /** Another session with the same node took over. */
  | 'replaced'
  /** A live session with the same node already exists and stays. */
  | 'duplicate'
  /** The socket ended or failed without a close frame. */
  | 'connection-lost'
  /** Nothing was heard for the idle time although we asked. */
  | 'idle-timeout'
  /** The peer does not read: the bounded write queue is full. */
  | 'peer-too-slow'
  /** A frame longer than allowed was announced. */
  | 'frame-too-long'
  /** A frame with a length of zero, an unknown type, or a malformed body. */
  | 'frame-malformed'
  /** A frame type that is not allowed in this state (data before the proofs, a second hello). */
  | 'frame-unexpected'
  /** What came is not TLS 1.3 (plaintext, an older version, random bytes). */
  | 'tls-refused'
  /** The handshake did not finish in time. */
  | 'handshake-timeout'
  /** The peer speaks another version of this transport. */
  | 'version-unsupported'
  /** The peer is not the node that was dialled, or the dialler wanted another node. */
  | 'wrong-node'
  /** The identity proof does not hold for this session. */
  | 'proof-invalid'
  /** The node dialled itself. */
  | 'self-dial'
  /** Too many connections, in all or from this address, or too many unproved ones. */
  | 'too-many-connections'
  /** The receiver of a message found it against the protocol and ended the session. */
  | 'protocol-violation'

/**
 * What became of a frame given to {@link Session.send}.
 * - `queued`: it will be sent, in order.
 * - `backlogged`: it will be sent, but the queue is above its high-water mark: wait for {@link Session.drained}.
 * - `closed`: it was not taken, the session is over. (Filling the queue to its limit closes the session with
 *   `peer-too-slow`; that frame answers `closed` too.)
 */
export type SendResult = 'queued' | 'backlogged' | 'closed'

/** One authenticated connection with one node. */
export interface Session {
  /** Unique within the process, grows with every session. */
  readonly id: number
  /** The node at the other end; proved, not claimed. */
  readonly peerId: NodeId
  readonly initiator: 'us' | 'peer'
  /** The other end as the socket shows it, `host:port`; for people and logs only. */
  readonly remoteAddress: string
  /** False from the moment the session ends; `send` then answers `closed`. */
  readonly open: boolean
  /**
   * Queues one frame. The bytes are taken at once: the caller may reuse the array only after `drained`.
   * @throws {TransportError} `frame-too-long` or `frame-empty`: a bug of the caller, nothing is sent.
   */
  send(frame: Uint8Array): SendResult
  /** Resolves when the write queue is below its high-water mark again, or the session is over. Never rejects. */
  drained(): Promise<void>
  /**
   * Sets the one receiver of frames. Frames that came before it was set are delivered first, in order.
   * The array is the receiver's to keep. A receiver that throws closes the session with `protocol-violation`.
   */
  onMessage(receive: (frame: Uint8Array) => void): void
  /** Called exactly once, after the last message; at once when the session is already over. */
  onClose(closed: (reason: CloseReason) => void): void
  /** Stops reading: the peer feels back-pressure. Frames already decoded wait. Keep-alive goes on. */
  pause(): void
  resume(): void
  /** Ends the session, telling the peer why. Frames queued before go out first, for a bounded time. Idempotent. */
  close(code?: CloseCode, detail?: string): void
}

/** A node's end of the network. */
export interface Transport {
  readonly nodeId: NodeId
  /** The longest frame that {@link Session.send} takes, in bytes. */
  readonly maxFrameBytes: number
  /**
   * Starts listening; resolves with the endpoint really bound. May be called for several endpoints.
   * @throws {TransportError} `listen-failed`
   */
  listen(at: Endpoint): Promise<Endpoint>
  /**
   * Connects to a node and proves both identities. Resolves with the session that stays:
   * - A live session with that node is returned as it is, and nothing is dialled.
   * - Attempts at the same time from one side are one attempt.
   * - When both sides dial at the same time, both keep the session that the node with the lower id dialled.
   * - A connection from a node that dialled the present session too replaces it (its old one is dead), and so
   *   does one in the other direction when the present session is older than `simultaneousDialMs`.
   * @throws {TransportError} with the `CloseCode` of the failure, or `dial-failed` when nothing answers.
   */
  dial(peer: PeerEndpoint, signal?: AbortSignal): Promise<Session>
  /**
   * Sets the one receiver of sessions; each session, dialled or accepted, is announced exactly once, before any
   * of its messages, and after the `onClose` of the session it replaces.
   */
  onSession(announce: (session: Session) => void): void
  /** The live session with a node, if there is one. */
  session(peerId: NodeId): Session | undefined
  sessions(): readonly Session[]
  /** Ends every session with `shutdown` and stops listening. Idempotent. */
  close(): Promise<void>
}

/** A transport failure handed to the caller (never caused by what a peer sends on a live session). */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly code: CloseCode | 'dial-failed' | 'listen-failed' | 'frame-empty' | 'node-id-malformed'
  /** The argument that is wrong. */
  readonly field: string
  /** What to do. */
  readonly remedy: string

  constructor(
    code: TransportError['code'],
    field: string,
    message: string,
    remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.field = field
    this.remedy = remedy
  }
}
