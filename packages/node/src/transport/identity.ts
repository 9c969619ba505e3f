/**
 * Who is at the other end: the statement each side signs with its identity key, and the seam to whoever signs it.
 *
 * The statement binds the signer's role, both node ids and the TLS session's exported keying material, so a proof is
 * good for one side of one session only: it cannot be replayed, reflected to its maker or relayed through a third node.
 * Source: RFC 9266 (tls-exporter), RFC 8446 section 7.5; docs/spec/transport.md TP-10 to TP-14.
 */
import type { IdentityStatement, KeyIdentity } from '@tallystick/crypto'
import type { NodeId } from './port.ts'
import { TransportError } from './port.ts'

export type { IdentityStatement } from '@tallystick/crypto'

/** A node's identity key, kept by whoever holds the keystore. It signs this one kind of statement and nothing else. */
export type Identity = Pick<KeyIdentity, 'nodeId' | 'prove'>

/** True only when `signature` is the signer's on exactly this statement; false, never a throw, for anything malformed. */
export type VerifyIdentity = (statement: IdentityStatement, signature: Uint8Array) => boolean

export const NODE_ID_BYTES = 33
const NODE_ID = /^0[23][0-9a-f]{64}$/

/** @throws {TransportError} `node-id-malformed` */
export function assertNodeId(nodeId: NodeId, field: string): void {
  if (NODE_ID.test(nodeId)) return
  throw new TransportError(
    'node-id-malformed',
    field,
    `${field} is not a node id.`,
    'Give the compressed identity public key: 66 lower-case hexadecimal digits that begin with 02 or 03.',
  )
}

export function nodeIdBytes(nodeId: NodeId): Uint8Array {
  return Uint8Array.from(Buffer.from(nodeId, 'hex'))
}

/** The id in these 33 bytes, or undefined when they cannot be one. */
export function nodeIdFromBytes(bytes: Uint8Array): NodeId | undefined {
  const nodeId = Buffer.from(bytes).toString('hex')
  return NODE_ID.test(nodeId) ? nodeId : undefined
}
