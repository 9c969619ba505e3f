/** Keys of one hop, derived from its shared secret. Source: BOLT 4 "Key Generation", "Blinding Ephemeral Keys"; ON-11. */

import { ascii } from '../encoding/bytes.ts'
import type { OnionCrypto } from '../ports/onion-crypto.ts'

const TYPES = {
  /** Stream that hides the hops' payloads. */
  rho: ascii('rho'),
  /** HMAC of the onion. */
  mu: ascii('mu'),
  /** HMAC of a failure packet. */
  um: ascii('um'),
  /** Stream that hides a failure packet. */
  ammag: ascii('ammag'),
  /** Stream that an onion is filled with at first; from the session key, not from a shared secret. */
  pad: ascii('pad'),
}

export function deriveKey(crypto: OnionCrypto, type: keyof typeof TYPES, secret: Uint8Array): Uint8Array {
  return crypto.hmacSha256(TYPES[type], secret)
}

/** What the ephemeral key is multiplied with between this hop and the next. */
export function blindingFactor(
  crypto: OnionCrypto,
  ephemeralKey: Uint8Array,
  sharedSecret: Uint8Array,
): Uint8Array {
  return crypto.sha256(joined(ephemeralKey, sharedSecret))
}

export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** Compares two HMACs without telling by its time how many bytes agree (ON-23). */
export function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
