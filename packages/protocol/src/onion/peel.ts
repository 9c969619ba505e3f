/**
 * Opening one layer of an onion. What comes out depends only on bytes that the payer authenticated for this node and these
 * associated data. Source: BOLT 4 "Packet Forwarding"; docs/spec/onion.md ON-20 to ON-27.
 */

import { isZero } from '../encoding/bytes.ts'
import type { OnionCrypto, OnionKey } from '../ports/onion-crypto.ts'
import { blindingFactor, deriveKey, joined, sameMac } from './keys.ts'
import {
  HOP_PAYLOADS_BYTES,
  joinPacket,
  ONION_BYTES,
  ONION_VERSION,
  readFrame,
  splitPacket,
} from './packet.ts'
import { type OnionRefusal, onionRefusal } from './refusal.ts'

export interface SealedOnion {
  readonly nodeKey: OnionKey
  /** As it came from the peer. */
  readonly packet: Uint8Array
  /** 32 bytes: the condition id of the lock that carries the packet. */
  readonly associatedData: Uint8Array
}

export interface PeeledOnion {
  /** This hop's payload, authenticated, not yet decoded (hop-payload.ts). */
  readonly payload: Uint8Array
  /** ONION_BYTES for the next hop; undefined: this node is the last. */
  readonly nextPacket: Uint8Array | undefined
  /** 32 bytes, secret: kept until the lock is resolved, to make or wrap its failure. */
  readonly sharedSecret: Uint8Array
  /**
   * SHA-256 of the shared secret. The caller refuses an onion whose tag it has seen on another lock, and keeps tags until the
   * expiry in their payloads (ON-26); nothing is remembered here.
   */
  readonly replayTag: Uint8Array
}

/**
 * Refuses, in this order of checks: `onion-length`, `associated-data-length`, `onion-version`, `onion-key`, `onion-hmac`,
 * `payload-length`. Never throws on bytes of a peer.
 */
export function peelOnion(crypto: OnionCrypto, sealed: SealedOnion): PeeledOnion | OnionRefusal {
  const { nodeKey, packet, associatedData } = sealed
  if (packet.length !== ONION_BYTES) return onionRefusal('onion-length', 'packet', `${packet.length} bytes`)
  if (associatedData.length !== 32) return onionRefusal('associated-data-length', 'associatedData')
  const { version, ephemeralKey, hopPayloads, mac } = splitPacket(packet)
  if (version !== ONION_VERSION) return onionRefusal('onion-version', 'packet.version', `${version}`)
  const sharedSecret = nodeKey.ecdh(ephemeralKey)
  if (sharedSecret === undefined) return onionRefusal('onion-key', 'packet.ephemeralKey')
  const expected = crypto.hmacSha256(
    deriveKey(crypto, 'mu', sharedSecret),
    joined(hopPayloads, associatedData),
  )
  if (!sameMac(expected, mac)) return onionRefusal('onion-hmac', 'packet.mac')

  // As many zeros appended as were taken in front keep the size, and the stream hides which they are.
  const extended = new Uint8Array(2 * HOP_PAYLOADS_BYTES)
  extended.set(hopPayloads)
  const readable = crypto.chacha20(deriveKey(crypto, 'rho', sharedSecret), extended)
  const framed = readFrame(readable)
  if (framed === undefined) return onionRefusal('payload-length', 'packet.hopPayloads')
  const { payload, mac: nextMac, end } = framed
  const replayTag = crypto.sha256(sharedSecret)
  if (isZero(nextMac)) return { payload, nextPacket: undefined, sharedSecret, replayTag }

  const factor = blindingFactor(crypto, ephemeralKey, sharedSecret)
  const nextKey = crypto.multiplyPublicKey(ephemeralKey, factor)
  // The factor is zero or not below the group order: one in 2^128.
  if (nextKey === undefined) return onionRefusal('onion-key', 'packet.ephemeralKey', 'cannot be blinded')
  const nextPacket = joinPacket({
    ephemeralKey: nextKey,
    hopPayloads: readable.subarray(end, end + HOP_PAYLOADS_BYTES),
    mac: nextMac,
  })
  return { payload, nextPacket, sharedSecret, replayTag }
}
