/**
 * The way back of a failure: each hop adds a layer, only the payer can take all of them off and see whose words they are.
 * Packets have one length, whoever failed. Source: BOLT 4 "Returning Errors"; docs/spec/onion.md ON-50 to ON-57.
 */

import type { OnionCrypto } from '../ports/onion-crypto.ts'
import { deriveKey, sameMac } from './keys.ts'
import { MAC_BYTES, MAX_ONION_HOPS } from './packet.ts'
import { type OnionRefusal, onionRefusal } from './refusal.ts'

/** Failure message and padding together. */
export const MAX_FAILURE_MESSAGE = 256
/** `hmac (32) ++ u16 length ++ message ++ u16 padding length ++ padding`. */
export const FAILURE_BYTES = MAC_BYTES + 2 + MAX_FAILURE_MESSAGE + 2

/** What the payer learns. */
export interface UnwrappedFailure {
  /** Index of the hop that failed, in the order of the onion's hops. Authenticated. */
  readonly hop: number
  /** Its message (failure-message.ts), or undefined when that hop packed nonsense: it is still the one to blame. */
  readonly message: Uint8Array | undefined
}

/**
 * The failure packet of the hop that fails, in its own layer already: FAILURE_BYTES to hand back. `message` is at most
 * MAX_FAILURE_MESSAGE. Refuses `failure-message-length`, `shared-secret-length`.
 */
export function createFailure(
  crypto: OnionCrypto,
  failure: { readonly sharedSecret: Uint8Array; readonly message: Uint8Array },
): Uint8Array | OnionRefusal {
  const { sharedSecret, message } = failure
  if (message.length > MAX_FAILURE_MESSAGE)
    return onionRefusal('failure-message-length', 'message', `${message.length} bytes`)
  if (sharedSecret.length !== 32) return onionRefusal('shared-secret-length', 'sharedSecret')
  const packet = new Uint8Array(FAILURE_BYTES)
  const view = new DataView(packet.buffer)
  view.setUint16(MAC_BYTES, message.length)
  packet.set(message, MAC_BYTES + 2)
  view.setUint16(MAC_BYTES + 2 + message.length, MAX_FAILURE_MESSAGE - message.length)
  packet.set(crypto.hmacSha256(deriveKey(crypto, 'um', sharedSecret), packet.subarray(MAC_BYTES)))
  return wrapFailure(crypto, { sharedSecret, packet })
}

/**
 * Adds this hop's layer to the packet that the next hop handed back. Refuses `failure-length`, `shared-secret-length`:
 * then the hop makes a failure of its own, so that the length tells nothing (ON-54).
 */
export function wrapFailure(
  crypto: OnionCrypto,
  failure: { readonly sharedSecret: Uint8Array; readonly packet: Uint8Array },
): Uint8Array | OnionRefusal {
  const { sharedSecret, packet } = failure
  if (packet.length !== FAILURE_BYTES)
    return onionRefusal('failure-length', 'packet', `${packet.length} bytes`)
  if (sharedSecret.length !== 32) return onionRefusal('shared-secret-length', 'sharedSecret')
  return crypto.chacha20(deriveKey(crypto, 'ammag', sharedSecret), packet)
}

/**
 * Takes the layers off until a hop's HMAC fits. Always MAX_ONION_HOPS rounds, so that its time tells neither the length of
 * the path nor which hop failed. Refuses `failure-length`, `hops-invalid`, `shared-secret-length`, `failure-unreadable`.
 */
export function unwrapFailure(
  crypto: OnionCrypto,
  failure: { readonly sharedSecrets: readonly Uint8Array[]; readonly packet: Uint8Array },
): UnwrappedFailure | OnionRefusal {
  const { sharedSecrets, packet } = failure
  if (packet.length !== FAILURE_BYTES)
    return onionRefusal('failure-length', 'packet', `${packet.length} bytes`)
  if (sharedSecrets.length < 1 || sharedSecrets.length > MAX_ONION_HOPS)
    return onionRefusal('hops-invalid', 'sharedSecrets', `${sharedSecrets.length} hops`)
  const short = sharedSecrets.findIndex((secret) => secret.length !== 32)
  if (short !== -1) return onionRefusal('shared-secret-length', `sharedSecrets[${short}]`)

  let layers = packet
  let found: { readonly hop: number; readonly plain: Uint8Array } | undefined
  for (let round = 0; round < MAX_ONION_HOPS; round += 1) {
    const secret = sharedSecrets[round] ?? NOBODY
    layers = crypto.chacha20(deriveKey(crypto, 'ammag', secret), layers)
    const mac = crypto.hmacSha256(deriveKey(crypto, 'um', secret), layers.subarray(MAC_BYTES))
    const fits = sameMac(mac, layers.subarray(0, MAC_BYTES)) && round < sharedSecrets.length
    if (fits && found === undefined) found = { hop: round, plain: layers }
  }
  if (found === undefined) return onionRefusal('failure-unreadable', 'packet')
  return { hop: found.hop, message: messageIn(found.plain) }
}

/** The secret of rounds beyond the path: any, as it decides nothing. */
const NOBODY = new Uint8Array(32)

function messageIn(plain: Uint8Array): Uint8Array | undefined {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
  const length = view.getUint16(MAC_BYTES)
  if (length > MAX_FAILURE_MESSAGE) return undefined
  const start = MAC_BYTES + 2
  if (view.getUint16(start + length) !== MAX_FAILURE_MESSAGE - length) return undefined
  return plain.slice(start, start + length)
}
