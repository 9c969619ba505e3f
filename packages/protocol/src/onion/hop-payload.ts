/**
 * What the payer tells one hop: fixed binary forms, one encoding for each value. Every form begins with its version and its
 * type; what is unknown, too long, too short or out of range is refused by name. Source: docs/spec/onion.md ON-30 to ON-38.
 */

import { MAX_AMOUNT } from '../constants.ts'
import {
  readBytes,
  readEnd,
  reader,
  readU8,
  readU16,
  readU64,
  readU128,
  writeBytes,
  writer,
  writeU8,
  writeU16,
  writeU64,
  writeU128,
  written,
} from '../encoding/reader.ts'
import { type OnionRefusal, onionRefusal } from './refusal.ts'

/** For a hop on the way. */
export interface ForwardPayload {
  readonly type: 'forward'
  /** 32 bytes: the channel to lock onward in. */
  readonly channelId: Uint8Array
  /** Base units to lock onward, 1 to 2^128 - 1; what came in, less this, is the fee. */
  readonly amount: bigint
  /** Unix seconds of the outgoing lock: the one expiry of the whole path. */
  readonly expiry: number
}

/** For the payee. */
export interface FinalPayload {
  readonly type: 'final'
  /** Base units that the incoming lock must hold at least. */
  readonly amount: bigint
  /** Unix seconds of the incoming lock. */
  readonly expiry: number
  /** 32 bytes out of the invoice: only who was given the invoice can pay it, so a hop cannot probe for the payee. */
  readonly paymentSecret: Uint8Array
  /** Base units of all parts together, at least `amount`. */
  readonly total: bigint
  /** The invoice's, given back unchanged; at most MAX_PAYMENT_METADATA bytes, mostly empty. */
  readonly metadata: Uint8Array
}

export type HopPayload = ForwardPayload | FinalPayload

export const HOP_PAYLOAD_VERSION = 1
export const MAX_PAYMENT_METADATA = 512

const FORWARD = 1
const FINAL = 2

/** Refuses `payload-malformed` for what has no encoding. */
export function encodeHopPayload(payload: HopPayload): Uint8Array | OnionRefusal {
  const wrong = outOfRange(payload)
  if (wrong !== undefined) return wrong
  const to = writer(payload.type === 'forward' ? 58 : 76 + payload.metadata.length)
  writeU8(to, HOP_PAYLOAD_VERSION)
  if (payload.type === 'forward') {
    writeU8(to, FORWARD)
    writeBytes(to, payload.channelId)
    writeU128(to, payload.amount)
    writeU64(to, payload.expiry)
  } else {
    writeU8(to, FINAL)
    writeU128(to, payload.amount)
    writeU64(to, payload.expiry)
    writeBytes(to, payload.paymentSecret)
    writeU128(to, payload.total)
    writeU16(to, payload.metadata.length)
    writeBytes(to, payload.metadata)
  }
  return written(to)
}

/**
 * Strict. `final`: whether the onion ended here (`nextPacket` is undefined); the type must say the same. Refuses
 * `payload-version`, `payload-type`, `payload-malformed`; byte fields are windows on `bytes`.
 */
export function decodeHopPayload(
  bytes: Uint8Array,
  place: { readonly final: boolean },
): HopPayload | OnionRefusal {
  const from = reader(bytes)
  const version = readU8(from, 'version')
  if (from.fault === undefined && version !== HOP_PAYLOAD_VERSION)
    return onionRefusal('payload-version', 'payload.version', `${version}`)
  const type = readU8(from, 'type')
  if (from.fault === undefined && type !== (place.final ? FINAL : FORWARD))
    return onionRefusal('payload-type', 'payload.type', `${type}`)
  const payload: HopPayload = place.final
    ? {
        type: 'final',
        amount: readU128(from, 'amount'),
        expiry: readU64(from, 'expiry'),
        paymentSecret: readBytes(from, 32, 'paymentSecret'),
        total: readU128(from, 'total'),
        metadata: readBytes(from, readU16(from, 'metadata'), 'metadata'),
      }
    : {
        type: 'forward',
        channelId: readBytes(from, 32, 'channelId'),
        amount: readU128(from, 'amount'),
        expiry: readU64(from, 'expiry'),
      }
  readEnd(from, 'end')
  if (from.fault !== undefined)
    return onionRefusal('payload-malformed', `payload.${from.fault.field}`, from.fault.detail)
  return outOfRange(payload) ?? payload
}

function outOfRange(payload: HopPayload): OnionRefusal | undefined {
  const wrong = (field: string, detail: string) =>
    onionRefusal('payload-malformed', `payload.${field}`, detail)
  const { amount, expiry } = payload
  if (amount <= 0n || amount > MAX_AMOUNT) return wrong('amount', 'not 1 to 2^128 - 1')
  if (!Number.isSafeInteger(expiry) || expiry <= 0) return wrong('expiry', 'not a unix time in seconds')
  if (payload.type === 'forward')
    return payload.channelId.length === 32 ? undefined : wrong('channelId', 'not 32 bytes')
  if (payload.paymentSecret.length !== 32) return wrong('paymentSecret', 'not 32 bytes')
  if (payload.total < amount || payload.total > MAX_AMOUNT) return wrong('total', 'not amount to 2^128 - 1')
  if (payload.metadata.length > MAX_PAYMENT_METADATA)
    return wrong('metadata', `above ${MAX_PAYMENT_METADATA} bytes`)
  return undefined
}
