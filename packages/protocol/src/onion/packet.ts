/**
 * The onion packet: `version (1) ++ ephemeral key (33) ++ hop payloads (1300) ++ hmac (32)`, always 1366 bytes, and the
 * length in front of a hop's payload. Source: BOLT 4 "Packet Structure", BOLT 1 "BigSize"; docs/spec/onion.md ON-10.
 */

export const ONION_BYTES = 1366
export const HOP_PAYLOADS_BYTES = 1300
export const MAC_BYTES = 32
/** Most hops of a path, the payee's included (ON-12). */
export const MAX_ONION_HOPS = 20

export const ONION_VERSION = 0
const KEY_AT = 1
const PAYLOADS_AT = 34
const MAC_AT = PAYLOADS_AT + HOP_PAYLOADS_BYTES

export interface OnionPacket {
  readonly version: number
  readonly ephemeralKey: Uint8Array
  readonly hopPayloads: Uint8Array
  readonly mac: Uint8Array
}

/** Windows on `bytes`, which must be ONION_BYTES long. */
export function splitPacket(bytes: Uint8Array): OnionPacket {
  return {
    version: bytes[0] ?? 0,
    ephemeralKey: bytes.subarray(KEY_AT, PAYLOADS_AT),
    hopPayloads: bytes.subarray(PAYLOADS_AT, MAC_AT),
    mac: bytes.subarray(MAC_AT),
  }
}

export function joinPacket(parts: Omit<OnionPacket, 'version'>): Uint8Array {
  const bytes = new Uint8Array(ONION_BYTES)
  bytes[0] = ONION_VERSION
  bytes.set(parts.ephemeralKey, KEY_AT)
  bytes.set(parts.hopPayloads, PAYLOADS_AT)
  bytes.set(parts.mac, MAC_AT)
  return bytes
}

/** Bytes that a payload takes of the hop payloads: its length, itself and the next hop's HMAC. */
export function frameBytes(payload: Uint8Array): number {
  return lengthBytes(payload.length) + payload.length + MAC_BYTES
}

/** A payload in its frame. At most 65,535 bytes, which a payload that fits is far below. */
export function frame(payload: Uint8Array, nextMac: Uint8Array): Uint8Array {
  const prefix = lengthBytes(payload.length)
  const bytes = new Uint8Array(prefix + payload.length + MAC_BYTES)
  if (prefix === 1) bytes[0] = payload.length
  else bytes.set([0xfd, payload.length >> 8, payload.length & 0xff])
  bytes.set(payload, prefix)
  bytes.set(nextMac, prefix + payload.length)
  return bytes
}

/**
 * Reads the frame at the start of readable hop payloads: undefined when its length is not in the shortest form, is 0 or 1
 * (reserved by BOLT 4), or runs beyond HOP_PAYLOADS_BYTES.
 */
export function readFrame(
  bytes: Uint8Array,
): { readonly payload: Uint8Array; readonly mac: Uint8Array; readonly end: number } | undefined {
  const first = bytes[0] ?? 0
  // 0xfe and 0xff begin longer lengths, which would not fit: read as one byte they are not in the shortest form.
  const prefix = first === 0xfd ? 3 : 1
  const length = first === 0xfd ? ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0) : first
  if (length < 2 || lengthBytes(length) !== prefix) return undefined
  const end = prefix + length + MAC_BYTES
  if (end > HOP_PAYLOADS_BYTES) return undefined
  return {
    payload: bytes.slice(prefix, prefix + length),
    mac: bytes.subarray(prefix + length, end),
    end,
  }
}

function lengthBytes(length: number): number {
  return length < 0xfd ? 1 : 3
}
