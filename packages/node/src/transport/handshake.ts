/**
 * The proof of both identities on a fresh TLS connection, one round trip:
 *
 *   dialler  -> hello  version(1) | dialler id(33) | listener id(33) | signature(64)
 *   listener -> proof  version(1) | signature(64)
 *
 * Each signature is over the whole {@link IdentityStatement}. The dialler names the node it wants, so a listener answers
 * only for itself, and the dialler accepts only the node it dialled.
 */
import type { TLSSocket } from 'node:tls'
import { Connection } from './connection.ts'
import type { FrameType } from './frame.ts'
import { frameType } from './frame.ts'
import type { Identity, IdentityStatement, VerifyIdentity } from './identity.ts'
import { NODE_ID_BYTES, nodeIdBytes, nodeIdFromBytes } from './identity.ts'
import type { TransportLimits } from './limits.ts'
import type { CloseCode, CloseReason, NodeId } from './port.ts'

export const ALPN_PROTOCOL = 'tallystick/1'
const VERSION = 1
const SIGNATURE_BYTES = 64
/** RFC 9266, section 2. */
const EXPORTER_LABEL = 'EXPORTER-Channel-Binding'
const EXPORTER_BYTES = 32

export interface HandshakeContext {
  readonly identity: Identity
  readonly verify: VerifyIdentity
  readonly limits: TransportLimits
  /** A listener asks before it answers: undefined admits the peer. */
  readonly admit: (peerId: NodeId) => Refusal | undefined
}

export interface Refusal {
  readonly code: CloseCode
  readonly detail: string
}

export type HandshakeResult =
  | { readonly ok: true; readonly peerId: NodeId; readonly connection: Connection }
  | { readonly ok: false; readonly reason: CloseReason }

type Settle = (result: HandshakeResult) => void

/**
 * Proves both sides as the dialler of `listenerId`. `settle` is called exactly once; when it is called with a connection
 * it must let a session carry it before it returns, because frames may follow in the same chunk.
 */
export function proveAsDialer(
  socket: TLSSocket,
  listenerId: NodeId,
  context: HandshakeContext,
  settle: Settle,
): void {
  const dialerId = context.identity.nodeId
  run(socket, context, settle, {
    start(connection, exporter) {
      const signature = context.identity.prove({ role: 'dialer', dialerId, listenerId, exporter })
      const hello = Buffer.concat([
        Uint8Array.of(VERSION),
        nodeIdBytes(dialerId),
        nodeIdBytes(listenerId),
        signature,
      ])
      connection.writeFrame(frameType.hello, hello)
    },
    frame(type, body, exporter) {
      if (type !== frameType.proof) return unexpected(type)
      if (body[0] !== VERSION) return versionUnsupported(body[0])
      const statement: IdentityStatement = { role: 'listener', dialerId, listenerId, exporter }
      if (!context.verify(statement, body.subarray(1))) return proofInvalid(listenerId)
      return { peerId: listenerId }
    },
  })
}

/** Proves both sides as the node that was dialled; `settle` as in {@link proveAsDialer}. */
export function proveAsListener(socket: TLSSocket, context: HandshakeContext, settle: Settle): void {
  const listenerId = context.identity.nodeId
  run(socket, context, settle, {
    start() {
      // The dialler speaks first.
    },
    frame(type, body, exporter, connection) {
      if (type !== frameType.hello) return unexpected(type)
      if (body[0] !== VERSION) return versionUnsupported(body[0])
      const dialerId = nodeIdFromBytes(body.subarray(1, 1 + NODE_ID_BYTES))
      const wanted = nodeIdFromBytes(body.subarray(1 + NODE_ID_BYTES, 1 + 2 * NODE_ID_BYTES))
      if (dialerId === undefined)
        return { code: 'frame-malformed', detail: 'The hello does not carry a node id.' }
      if (wanted !== listenerId)
        return { code: 'wrong-node', detail: 'Another node was dialled; this is not it.' }
      if (dialerId === listenerId) return { code: 'self-dial', detail: 'A node does not dial itself.' }
      const statement = { dialerId, listenerId, exporter }
      if (!context.verify({ ...statement, role: 'dialer' }, body.subarray(-SIGNATURE_BYTES)))
        return proofInvalid(dialerId)
      const refusal = context.admit(dialerId)
      if (refusal !== undefined) return refusal
      const signature = context.identity.prove({ ...statement, role: 'listener' })
      connection.writeFrame(frameType.proof, Buffer.concat([Uint8Array.of(VERSION), signature]))
      return { peerId: dialerId }
    },
  })
}

interface Part {
  start(connection: Connection, exporter: Uint8Array): void
  frame(
    type: FrameType,
    body: Uint8Array,
    exporter: Uint8Array,
    connection: Connection,
  ): Refusal | { readonly peerId: NodeId }
}

const TLS_REFUSED: Refusal = {
  code: 'tls-refused',
  detail: `TLS 1.3 with ALPN ${ALPN_PROTOCOL} and exported keying material is required.`,
}

function run(socket: TLSSocket, context: HandshakeContext, settle: Settle, part: Part): void {
  let settled = false
  const fail = (reason: CloseReason) => {
    if (settled) return
    settled = true
    connection.end(reason, false)
    settle({ ok: false, reason })
  }
  /** Our own failure (a key that was destroyed at shutdown) ends this connection and not the process. */
  const guarded = (act: () => void) => {
    try {
      act()
    } catch {
      fail({ code: 'closed', by: 'us', detail: 'This node could not prove itself; dial again later.' })
    }
  }
  const exporter = exportKeyingMaterial(socket)
  const connection = new Connection(socket, context.limits, {
    frame(type, body) {
      if (settled || exporter === undefined) return
      let outcome: ReturnType<Part['frame']> | undefined
      guarded(() => {
        outcome = part.frame(type, body, exporter, connection)
      })
      if (outcome === undefined) return
      if ('code' in outcome) {
        fail({ ...outcome, by: 'us' })
        return
      }
      settled = true
      settle({ ok: true, peerId: outcome.peerId, connection })
    },
    drained() {
      // Handshake frames are tiny; nobody waits.
    },
    ended: fail,
  })
  if (exporter === undefined) fail({ ...TLS_REFUSED, by: 'us' })
  else guarded(() => part.start(connection, exporter))
}

/** The session's channel binding; undefined unless this is TLS 1.3 with our protocol. */
function exportKeyingMaterial(socket: TLSSocket): Uint8Array | undefined {
  if (socket.getProtocol() !== 'TLSv1.3' || socket.alpnProtocol !== ALPN_PROTOCOL) return undefined
  try {
    return socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0))
  } catch {
    // The socket went away in this very turn.
    return undefined
  }
}

function unexpected(type: FrameType): Refusal {
  return { code: 'frame-unexpected', detail: `A frame of type ${type} came before the identity proofs.` }
}

function versionUnsupported(version: number | undefined): Refusal {
  return {
    code: 'version-unsupported',
    detail: `Version ${version} of the transport; this node speaks ${VERSION}.`,
  }
}

function proofInvalid(claimed: NodeId): Refusal {
  return {
    code: 'proof-invalid',
    detail: `The other end does not hold the identity key of ${claimed} for this connection; somebody may be in between.`,
  }
}
