/**
 * The binary form of gossip messages, by the rules of codec.ts (EN-90): strict, by name, never throwing. Items, entries
 * and keys are opaque here: gossip/codec.ts and gossip/summary.ts read them.
 */

import * as P from 'micro-packed'
import { type MalformedMessage, malformedBy } from './codec.ts'
import {
  GOSSIP_BUCKETS,
  GOSSIP_ENTRY_BYTES,
  GOSSIP_HASH_BYTES,
  GOSSIP_KEY_BYTES,
  MAX_ASKED_BUCKETS,
  MAX_LISTED_ENTRIES,
  MAX_PACKED_BYTES,
  MAX_WANTED_KEYS,
} from './gossip-limits.ts'
import type { GossipMessage } from './gossip-message.ts'

export type DecodedGossip = { readonly ok: true; readonly message: GossipMessage } | MalformedMessage

type GossipType = GossipMessage['type']
type Body<T extends GossipType> = Omit<Extract<GossipMessage, { readonly type: T }>, 'type'>

/** The family's numbers. */
const FIRST_TYPE = 64
const LAST_TYPE = 79
/** The longest message of the family: a `gossip-items`. */
const MAX_GOSSIP_BYTES = MAX_PACKED_BYTES + 64

const bytes32 = P.bytes(32)
const signature = P.bytes(64)
const bucket = P.validate(P.U16BE, (value) => {
  if (value >= GOSSIP_BUCKETS) throw new Error(`not below ${GOSSIP_BUCKETS}`)
  return value
})
const buckets = P.validate(P.array(P.U8, bucket), (value) => {
  if (value.length === 0 || value.length > MAX_ASKED_BUCKETS) throw new Error(`not 1 to ${MAX_ASKED_BUCKETS}`)
  return value
})

/** `least` to `most` records of `width` bytes. */
function records(size: P.CoderType<number>, width: number, least: number, most: number) {
  return P.validate(P.bytes(size), (value) => {
    if (value.length % width !== 0) throw new Error(`not records of ${width} bytes`)
    const count = value.length / width
    if (count < least || count > most) throw new Error(`not ${least} to ${most} records`)
    return value
  })
}

function schema<T extends GossipType>(
  wire: number,
  fields: { readonly [K in keyof Body<T>]-?: P.CoderType<Body<T>[K]> },
) {
  const struct = P.struct(fields as Record<string, P.CoderType<unknown>>)
  return { wire, body: struct as unknown as P.CoderType<Body<T>> }
}

const consent = { channelId: bytes32, signerSignature: signature, nodeSignature: signature }

/** Wire number and fields of every message. Numbers are never given to another message. */
const SCHEMAS: {
  readonly [T in GossipType]: { readonly wire: number; readonly body: P.CoderType<Body<T>> }
} = {
  'gossip-digest': schema(64, { hashes: P.bytes(GOSSIP_BUCKETS * GOSSIP_HASH_BYTES) }),
  'gossip-ask': schema(65, { buckets: buckets as unknown as P.CoderType<readonly number[]> }),
  'gossip-list': schema(66, {
    bucket,
    entries: records(P.U32BE, GOSSIP_ENTRY_BYTES, 0, MAX_LISTED_ENTRIES),
  }),
  'gossip-want': schema(67, { keys: records(P.U16BE, GOSSIP_KEY_BYTES, 1, MAX_WANTED_KEYS) }),
  'gossip-items': schema(68, { answer: P.bool, items: records(P.U32BE, 1, 0, MAX_PACKED_BYTES) }),
  'announce-offer': schema(69, consent),
  'announce-consent': schema(70, consent),
}

const BY_WIRE: ReadonlyMap<number, GossipType> = new Map(
  Object.entries(SCHEMAS).map(([type, { wire }]) => [wire, type as GossipType]),
)

/** True for a frame of this family, by its type byte alone: `decodeGossip` is for it, `decodeMessage` for all others. */
export function isGossipFrame(frame: Uint8Array): boolean {
  const type = frame[0] ?? 0
  return type >= FIRST_TYPE && type <= LAST_TYPE
}

/** @throws Error when a field of our own message is out of range: a bug, found before anything is sent. */
export function encodeGossip(message: GossipMessage): Uint8Array {
  const { wire, body } = SCHEMAS[message.type]
  const encoded = (body as unknown as P.CoderType<GossipMessage>).encode(message)
  const frame = new Uint8Array(encoded.length + 1)
  frame[0] = wire
  frame.set(encoded, 1)
  return frame
}

/** The message's byte fields may be windows on `frame`: do not write to it afterwards. */
export function decodeGossip(frame: Uint8Array): DecodedGossip {
  if (frame.length === 0) return { ok: false, field: 'frame', detail: 'empty' }
  if (frame.length > MAX_GOSSIP_BYTES)
    return { ok: false, field: 'frame', detail: `over ${MAX_GOSSIP_BYTES} bytes` }
  const type = BY_WIRE.get(frame[0] ?? 0)
  if (type === undefined) return { ok: false, field: 'type', detail: `unknown message type ${frame[0]}` }
  try {
    const body = SCHEMAS[type].body.decode(frame.subarray(1))
    return { ok: true, message: { type, ...body } as unknown as GossipMessage }
  } catch (error) {
    return malformedBy(type, error)
  }
}
