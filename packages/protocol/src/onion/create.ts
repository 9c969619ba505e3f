/**
 * Making an onion: only the payer knows the whole path. Source: BOLT 4 "Packet Construction", "Filler Generation";
 * Danezis and Goldberg, Sphinx (2009); docs/spec/onion.md ON-10 to ON-16.
 */

import type { OnionCrypto } from '../ports/onion-crypto.ts'
import { blindingFactor, deriveKey, joined } from './keys.ts'
import { frame, frameBytes, HOP_PAYLOADS_BYTES, joinPacket, MAC_BYTES, MAX_ONION_HOPS } from './packet.ts'
import { type OnionRefusal, onionRefusal } from './refusal.ts'

export interface OnionHop {
  /** 33 bytes, compressed public key. */
  readonly nodeId: Uint8Array
  /** At least 2 bytes (hop-payload.ts); only this hop can read them. */
  readonly payload: Uint8Array
}

export interface OnionRequest {
  /**
   * A private key, fresh for every onion and kept secret for ever: two onions of one session key are linked, and who has it
   * reads the whole path (ON-14). Who must send the same onion again stores it.
   */
  readonly sessionKey: Uint8Array
  /** In order of travel, the payee last; 1 to MAX_ONION_HOPS. */
  readonly hops: readonly OnionHop[]
  /** 32 bytes that every hop must hold too: the condition id of the lock. */
  readonly associatedData: Uint8Array
}

export interface CreatedOnion {
  /** ONION_BYTES, for the first hop. */
  readonly packet: Uint8Array
  /** 32 bytes a hop, in order: kept to read a failure, as secret as the session key. */
  readonly sharedSecrets: readonly Uint8Array[]
}

/**
 * The same request makes the same bytes. Refuses: `hops-invalid`, `associated-data-length`, `session-key-invalid`,
 * `node-id-invalid`, `payload-length`, `payloads-too-long`.
 */
export function createOnion(crypto: OnionCrypto, request: OnionRequest): CreatedOnion | OnionRefusal {
  const { sessionKey, hops, associatedData } = request
  const wrong = wrongRequest(hops, associatedData)
  if (wrong !== undefined) return wrong
  const session = agreeWithHops(crypto, sessionKey, hops)
  if ('code' in session) return session

  const { ephemeralKeys, sharedSecrets } = session
  const streamKeys = sharedSecrets.map((secret) => deriveKey(crypto, 'rho', secret))
  const filler = fillerOf(crypto, hops, streamKeys)
  let hopPayloads: Uint8Array = crypto.chacha20(
    deriveKey(crypto, 'pad', sessionKey),
    new Uint8Array(HOP_PAYLOADS_BYTES),
  )
  let mac: Uint8Array = new Uint8Array(MAC_BYTES)
  for (let index = hops.length - 1; index >= 0; index -= 1) {
    const hop = hops[index]
    const streamKey = streamKeys[index]
    const secret = sharedSecrets[index]
    if (hop === undefined || streamKey === undefined || secret === undefined) throw new RangeError('hops')
    const framed = frame(hop.payload, mac)
    const shifted = new Uint8Array(HOP_PAYLOADS_BYTES)
    shifted.set(framed)
    shifted.set(hopPayloads.subarray(0, HOP_PAYLOADS_BYTES - framed.length), framed.length)
    hopPayloads = crypto.chacha20(streamKey, shifted)
    if (index === hops.length - 1) hopPayloads.set(filler, HOP_PAYLOADS_BYTES - filler.length)
    mac = crypto.hmacSha256(deriveKey(crypto, 'mu', secret), joined(hopPayloads, associatedData))
  }
  const [ephemeralKey] = ephemeralKeys
  if (ephemeralKey === undefined) throw new RangeError('hops')
  return { packet: joinPacket({ ephemeralKey, hopPayloads, mac }), sharedSecrets }
}

function wrongRequest(hops: readonly OnionHop[], associatedData: Uint8Array): OnionRefusal | undefined {
  if (hops.length < 1 || hops.length > MAX_ONION_HOPS)
    return onionRefusal('hops-invalid', 'hops', `${hops.length} hops`)
  if (associatedData.length !== 32) return onionRefusal('associated-data-length', 'associatedData')
  let bytes = 0
  for (const [index, { payload }] of hops.entries()) {
    if (payload.length < 2) return onionRefusal('payload-length', `hops[${index}].payload`, 'below 2 bytes')
    bytes += frameBytes(payload)
  }
  return bytes > HOP_PAYLOADS_BYTES
    ? onionRefusal('payloads-too-long', 'hops', `${bytes} of ${HOP_PAYLOADS_BYTES} bytes`)
    : undefined
}

/** The ephemeral key that each hop will see, and the secret shared with it. */
function agreeWithHops(
  crypto: OnionCrypto,
  sessionKey: Uint8Array,
  hops: readonly OnionHop[],
): { ephemeralKeys: Uint8Array[]; sharedSecrets: Uint8Array[] } | OnionRefusal {
  const ephemeralKeys: Uint8Array[] = []
  const sharedSecrets: Uint8Array[] = []
  let privateKey: Uint8Array = new Uint8Array(sessionKey)
  try {
    for (const [index, { nodeId }] of hops.entries()) {
      const ephemeralKey = crypto.publicKey(privateKey)
      if (ephemeralKey === undefined) return onionRefusal('session-key-invalid', 'sessionKey')
      const sharedSecret = crypto.ecdh(privateKey, nodeId)
      if (sharedSecret === undefined) return onionRefusal('node-id-invalid', `hops[${index}].nodeId`)
      ephemeralKeys.push(ephemeralKey)
      sharedSecrets.push(sharedSecret)
      const factor = blindingFactor(crypto, ephemeralKey, sharedSecret)
      const next = crypto.multiplyPrivateKey(privateKey, factor)
      privateKey.fill(0)
      // A hash that is zero or not below the group order: one in 2^128.
      if (next === undefined) return onionRefusal('session-key-invalid', 'sessionKey', 'draw another')
      privateKey = next
    }
  } finally {
    privateKey.fill(0)
  }
  return { ephemeralKeys, sharedSecrets }
}

/**
 * What the hops before the last will have shifted into the end of the hop payloads when the last one sees them: known here
 * beforehand, because every HMAC covers it.
 */
function fillerOf(
  crypto: OnionCrypto,
  hops: readonly OnionHop[],
  streamKeys: readonly Uint8Array[],
): Uint8Array {
  let filler: Uint8Array = new Uint8Array(0)
  for (const [index, { payload }] of hops.slice(0, -1).entries()) {
    const streamKey = streamKeys[index]
    if (streamKey === undefined) throw new RangeError('hops')
    const size = frameBytes(payload)
    // The hop's stream as it falls on the end of the hop payloads and on the `size` zeros that it appends.
    const field = new Uint8Array(HOP_PAYLOADS_BYTES + size)
    field.set(filler, HOP_PAYLOADS_BYTES - filler.length)
    filler = crypto.chacha20(streamKey, field).subarray(HOP_PAYLOADS_BYTES - filler.length)
  }
  return filler
}
