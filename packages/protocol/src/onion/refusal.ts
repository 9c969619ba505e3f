/**
 * Every way in which an onion, a payload or a failure packet is refused: one table from code to number and remedy. A
 * refusal is a value; nothing in this folder throws on bytes that came from outside. Source: docs/spec/onion.md ON-80.
 */

interface Entry {
  /** The number on the wire; never given to another code. */
  readonly wire: number
  /** One sentence: what to do. */
  readonly remedy: string
}

export const ONION_REFUSALS = {
  'onion-length': { wire: 1, remedy: 'send an onion of exactly 1366 bytes' },
  'onion-version': { wire: 2, remedy: 'send an onion of version 0' },
  'onion-key': { wire: 3, remedy: 'send a compressed point of secp256k1 as the ephemeral key' },
  'onion-hmac': {
    wire: 4,
    remedy: 'build the onion for this node id and these associated data, and forward it unchanged',
  },
  'payload-length': { wire: 5, remedy: 'give a payload a shortest-form length that stays within the onion' },
  'payload-version': { wire: 10, remedy: 'use payload version 1' },
  'payload-type': { wire: 11, remedy: 'use payload type 1 (forward) or 2 (final), at the place that is due' },
  'payload-malformed': { wire: 12, remedy: 'encode the payload as docs/spec/onion.md says' },
  'session-key-invalid': { wire: 20, remedy: 'draw a fresh private key for every onion' },
  'hops-invalid': { wire: 21, remedy: 'give 1 to 20 hops' },
  'node-id-invalid': { wire: 22, remedy: 'give a node id: a compressed public key of 33 bytes' },
  'associated-data-length': { wire: 23, remedy: 'give 32 bytes: the condition id of the lock' },
  'payloads-too-long': { wire: 24, remedy: 'take a shorter path or shorter metadata: 1300 bytes in all' },
  'shared-secret-length': { wire: 25, remedy: 'give the 32-byte shared secret of the onion' },
  'failure-length': { wire: 30, remedy: 'send a failure packet of exactly 292 bytes' },
  'failure-unreadable': {
    wire: 31,
    remedy: 'blame no hop by this packet: none of the path made it as it is',
  },
  'failure-message-length': { wire: 32, remedy: 'give a failure message of at most 256 bytes' },
  'failure-message-malformed': {
    wire: 33,
    remedy: 'encode the failure message as docs/spec/onion.md says',
  },
} as const satisfies Record<string, Entry>

export type OnionRefusalCode = keyof typeof ONION_REFUSALS

export interface OnionRefusal {
  readonly code: OnionRefusalCode
  /** The field at fault. */
  readonly field: string
  /** What was found or expected, when that helps; never secret. */
  readonly detail: string | undefined
  readonly remedy: string
}

export function onionRefusal(code: OnionRefusalCode, field: string, detail?: string): OnionRefusal {
  return { code, field, detail, remedy: ONION_REFUSALS[code].remedy }
}

const BY_WIRE: ReadonlyMap<number, OnionRefusalCode> = new Map(
  Object.entries(ONION_REFUSALS).map(([code, { wire }]) => [wire, code as OnionRefusalCode]),
)

/** Undefined for a number that this version does not know. */
export function onionRefusalCodeOfWire(wire: number): OnionRefusalCode | undefined {
  return BY_WIRE.get(wire)
}
