/**
 * What the engine keeps durably of a channel beside the core's state: how it came about, what the operator wants of it,
 * and what final blocks told of its end. Stored as one row with the core's state:
 * `version ++ payments sent ++ payments received ++ length ++ record (JSON) ++ core state`.
 */

import type { ChannelState, Crypto } from '@tallystick/protocol'
import { decodeState, encodeState } from '@tallystick/protocol'
import type { EndFact } from './end-facts.ts'
import type { Hex } from './service.ts'

export interface ChannelRecord {
  readonly createdAtMs: number
  /** True if this node proposed the channel. */
  readonly proposer: boolean
  /** The peer has agreed to the parameters. */
  readonly agreed: boolean
  /** Set when the peer refused the proposal: the channel never existed. */
  readonly abandoned: string | undefined
  /** Asked of the peer when it was proposed: both deposits by party, in one transaction that we send. */
  readonly joint: JointPlan | undefined
  /** What the proposer said it deposits; for people. */
  readonly proposedDeposit: bigint
  /** Deposits of this node, each decided once; the number names the transaction for ever. */
  readonly fundings: readonly Funding[]
  /** What final blocks told of its end, in chain order (end-facts.ts). */
  readonly endFacts: readonly EndFact[]
  /** Own lines below an acknowledgement that does not contain them, and that may count all the same (outcomes.ts). */
  readonly waived: readonly number[]
  /** The end decided every own line that was open: what is not void in the store was paid. Never undone. */
  readonly linesDecided: boolean
}

export interface JointPlan {
  readonly amounts: readonly [bigint, bigint]
  readonly validUntil: number
  readonly authorisation: Hex | undefined
}

export interface Funding {
  readonly number: number
  readonly amount: bigint
  readonly joint: boolean
  /** `failed` carries the chain's reason and is final. */
  readonly state: 'wanted' | 'final' | 'failed'
  readonly detail: string | undefined
}

export interface StoredChannel {
  readonly record: ChannelRecord
  readonly sentCount: number
  readonly receivedCount: number
  readonly core: ChannelState
}

const VERSION = 2
const HEADER_BYTES = 1 + 8 + 8 + 4

/** In memory of its own: it is kept for as long as the channel, and would keep the whole of a pool with it. */
export function encodeRecord(record: ChannelRecord): Uint8Array {
  const json = JSON.stringify(record, (_key, value) =>
    typeof value === 'bigint' ? { '#': `${value}` } : value,
  )
  return new Uint8Array(Buffer.from(json))
}

export function encodeChannel(channel: StoredChannel, recordBytes: Uint8Array): Uint8Array {
  const core = encodeState(channel.core)
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + recordBytes.length + core.length)
  bytes.writeUInt8(VERSION, 0)
  bytes.writeDoubleBE(channel.sentCount, 1)
  bytes.writeDoubleBE(channel.receivedCount, 9)
  bytes.writeUInt32BE(recordBytes.length, 17)
  bytes.set(recordBytes, HEADER_BYTES)
  bytes.set(core, HEADER_BYTES + recordBytes.length)
  return bytes
}

/** @throws Error when the row is not one that this version wrote: starting with it would be guessing about money. */
export function decodeChannel(crypto: Crypto, bytes: Uint8Array): StoredChannel {
  const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (from.length < HEADER_BYTES || from.readUInt8(0) !== VERSION)
    throw new Error(`channel row of version ${from[0]}: this software reads version ${VERSION}`)
  const length = from.readUInt32BE(17)
  const json = from.toString('utf8', HEADER_BYTES, HEADER_BYTES + length)
  const record = JSON.parse(json, (_key, value) =>
    typeof value === 'object' && value !== null && '#' in value ? BigInt(value['#']) : value,
  ) as ChannelRecord
  const core = decodeState(crypto, from.subarray(HEADER_BYTES + length))
  if (!('setup' in core)) throw new Error(`stored channel: ${core.field}: ${core.detail}`)
  return {
    record,
    sentCount: from.readDoubleBE(1),
    receivedCount: from.readDoubleBE(9),
    core,
  }
}
