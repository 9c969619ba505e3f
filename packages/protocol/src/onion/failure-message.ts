/**
 * What a hop says to the payer when it fails a lock: one table from code to number, blame and whether trying again can help.
 * Source: docs/spec/onion.md ON-60 to ON-65; the kinds are those of BOLT 4 "Failure Messages".
 */

import {
  readBytes,
  readEnd,
  reader,
  readU8,
  readU16,
  writeBytes,
  writer,
  writeU8,
  writeU16,
  written,
} from '../encoding/reader.ts'
import { MAX_FAILURE_MESSAGE } from './failure.ts'
import { type OnionRefusal, onionRefusal } from './refusal.ts'

/**
 * What the payer holds it against. `node`: the node that speaks. `channel`: the channel that the message names, in the
 * direction away from it. `payment`: neither; the payment itself is wrong and other paths do not help.
 */
export type FailureBlame = 'node' | 'channel' | 'payment'

interface Entry {
  /** The number on the wire; never given to another code. */
  readonly wire: number
  readonly blame: FailureBlame
  /** True: the same will be answered again; false: later, or after reading the policy enclosed, it may work. */
  readonly permanent: boolean
}

function entry(wire: number, blame: FailureBlame, permanent: boolean): Entry {
  return { wire, blame, permanent }
}

export const FAILURES = {
  /** The next node refused the onion; this hop says so, because that one shares no secret with the payer. */
  'onion-refused': entry(1, 'channel', true),
  /** This hop's payload is not as ON-30 says. */
  'payload-refused': entry(2, 'node', true),
  /** Too much to do, or the payer's side is throttled. */
  'node-busy': entry(3, 'node', false),
  /** The node forwards nothing any more. */
  'node-unavailable': entry(4, 'node', true),
  /** The node has no such channel. */
  'channel-unknown': entry(5, 'channel', true),
  /** Offline, short of money or slots, or over a limit, for now. */
  'channel-unavailable': entry(6, 'channel', false),
  /** Closed or closing. */
  'channel-closed': entry(7, 'channel', true),
  'amount-too-small': entry(8, 'channel', false),
  'amount-too-large': entry(9, 'channel', false),
  'fee-insufficient': entry(10, 'channel', false),
  /** The expiry leaves less than this hop's margin. */
  'expiry-near': entry(11, 'payment', false),
  /** The expiry is further than this hop holds money. */
  'expiry-far': entry(12, 'node', false),
  /** The incoming lock holds less, or ends otherwise, than the payload says: the hop before cheated. */
  'lock-differs': entry(13, 'node', false),
  /** The next node took the lock and let it expire. */
  'lock-expired': entry(14, 'channel', false),
  /** The next node's failure was no failure packet. */
  'failure-garbled': entry(15, 'channel', false),
  /** The payee knows no such payment, or secret, amount or time are wrong: one answer, so that a prober learns nothing. */
  'payment-unknown': entry(20, 'payment', true),
  /** Not all parts came in time. */
  'parts-missing': entry(21, 'payment', false),
} as const satisfies Record<string, Entry>

export type FailureCode = keyof typeof FAILURES

export interface FailureMessage {
  readonly code: FailureCode
  /** 32 bytes: the channel at fault, and only with blame `channel`. */
  readonly channelId: Uint8Array | undefined
  /** The channel's newest fee policy as gossip encodes it, or empty; at most MAX_FAILURE_POLICY bytes. Not checked here. */
  readonly policy: Uint8Array
}

export const FAILURE_MESSAGE_VERSION = 1
export const MAX_FAILURE_POLICY = MAX_FAILURE_MESSAGE - 38

/** Refuses `failure-message-malformed` for what has no encoding. */
export function encodeFailureMessage(failure: FailureMessage): Uint8Array | OnionRefusal {
  const wrong = outOfRange(failure)
  if (wrong !== undefined) return wrong
  const to = writer(38 + failure.policy.length)
  writeU8(to, FAILURE_MESSAGE_VERSION)
  writeU16(to, FAILURES[failure.code].wire)
  writeU8(to, failure.channelId === undefined ? 0 : 1)
  if (failure.channelId !== undefined) writeBytes(to, failure.channelId)
  writeU16(to, failure.policy.length)
  writeBytes(to, failure.policy)
  return written(to)
}

/** Strict; byte fields are windows on `bytes`. Refuses `failure-message-malformed`, also for a code it does not know. */
export function decodeFailureMessage(bytes: Uint8Array): FailureMessage | OnionRefusal {
  const from = reader(bytes)
  const version = readU8(from, 'version')
  if (from.fault === undefined && version !== FAILURE_MESSAGE_VERSION)
    return malformed('version', `${version}`)
  const wire = readU16(from, 'code')
  const code = BY_WIRE.get(wire)
  if (from.fault === undefined && code === undefined) return malformed('code', `${wire}`)
  const named = readU8(from, 'channelId')
  if (named > 1) return malformed('channelId', 'neither 0 nor 1')
  const channelId = named === 1 ? readBytes(from, 32, 'channelId') : undefined
  const policy = readBytes(from, readU16(from, 'policy'), 'policy')
  readEnd(from, 'end')
  if (from.fault !== undefined || code === undefined)
    return malformed(from.fault?.field ?? 'code', from.fault?.detail)
  const failure = { code, channelId, policy }
  return outOfRange(failure) ?? failure
}

const BY_WIRE: ReadonlyMap<number, FailureCode> = new Map(
  Object.entries(FAILURES).map(([code, { wire }]) => [wire, code as FailureCode]),
)

function outOfRange(failure: FailureMessage): OnionRefusal | undefined {
  const { blame } = FAILURES[failure.code]
  if ((failure.channelId !== undefined) !== (blame === 'channel'))
    return malformed('channelId', 'due exactly when a channel is at fault')
  if (failure.channelId !== undefined && failure.channelId.length !== 32)
    return malformed('channelId', 'not 32 bytes')
  if (failure.policy.length > 0 && failure.channelId === undefined)
    return malformed('policy', 'of no channel')
  if (failure.policy.length > MAX_FAILURE_POLICY)
    return malformed('policy', `above ${MAX_FAILURE_POLICY} bytes`)
  return undefined
}

function malformed(field: string, detail?: string): OnionRefusal {
  return onionRefusal('failure-message-malformed', `failure.${field}`, detail)
}
