/**
 * Every way in which the core says no: one table from code to consequence and remedy. A refusal is a value, changes
 * nothing, and names the field at fault. Source: docs/spec/channel.md LN-20 to LN-32.
 */

/**
 * What the engine does with a refusal of something that came from the peer. `ignore`: drop it, answer nothing. `refuse`:
 * answer with a refusal message. `close-connection`: answer, then hang up, the peer broke the protocol. `close-channel`:
 * as `refuse`, and the channel cannot go on: close it alone.
 */
export type Consequence = 'ignore' | 'refuse' | 'close-connection' | 'close-channel'

interface Entry {
  /** The number on the wire; never given to another code. */
  readonly wire: number
  readonly consequence: Consequence
  /** One sentence: what to do. */
  readonly remedy: string
}

function entry(wire: number, consequence: Consequence, remedy: string): Entry {
  return { wire, consequence, remedy }
}

export const REFUSALS = {
  'not-open': entry(
    1,
    'refuse',
    'wait until the deposit is in a final block; a closed channel never opens again',
  ),
  closing: entry(2, 'refuse', 'the channel is being closed: nothing new is accepted or signed in it'),
  'closing-together': entry(
    3,
    'refuse',
    'wait until the common close is executed, or its validUntil is past in a final block',
  ),
  'lost-data': entry(
    4,
    'refuse',
    'this side lost data and signs no line here again: close together, or close blind',
  ),
  'wrong-channel': entry(5, 'close-connection', 'send the message to the channel it names'),
  'wrong-direction': entry(6, 'close-connection', 'each side sends lines of the direction in which it pays'),
  'nonce-stale': entry(
    10,
    'ignore',
    'the nonce is below one already accepted: go on above the last accepted nonce',
  ),
  'nonce-reused': entry(11, 'refuse', 'a nonce has one content for ever: go on with a higher nonce'),
  'nonce-window': entry(12, 'refuse', 'send a nonce at most 1024 above the last accepted one'),
  'wrong-base': entry(13, 'refuse', 'compute the line from the content of the last accepted nonce'),
  'acked-decreased': entry(
    14,
    'refuse',
    'acked never decreases: repeat the highest acknowledged nonce you hold',
  ),
  'acked-ahead': entry(15, 'refuse', 'acked names an acknowledgement that was never given'),
  'acked-lags': entry(16, 'refuse', 'raise acked to the newest acknowledgement you were sent'),
  'signature-wrong': entry(
    17,
    'close-connection',
    "sign with the channel's signer: EIP-712, 64 bytes EIP-2098, low s",
  ),
  'operations-malformed': entry(18, 'close-connection', 'encode operations as docs/spec/encoding.md says'),
  'operations-too-many': entry(19, 'refuse', 'split the operations over several lines'),
  'amount-invalid': entry(20, 'refuse', 'give an amount from 1 to 2^128 - 1 in base units'),
  'amount-overflow': entry(
    21,
    'refuse',
    'the running total would leave uint128: close the channel and open another',
  ),
  insufficient: entry(
    22,
    'refuse',
    'pay less, top up the channel, or wait until received money is acknowledged',
  ),
  policy: entry(23, 'refuse', "the receiver's limits do not allow this line now: send less, or later"),
  'payment-too-small': entry(24, 'refuse', 'pay at least what the receiver takes in one payment'),
  'slot-range': entry(30, 'refuse', 'use a slot from 0 to 511'),
  'slot-taken': entry(31, 'refuse', 'use a free slot'),
  'slot-empty': entry(32, 'refuse', 'there is no lock in this slot'),
  'lock-too-small': entry(33, 'refuse', 'lock at least what resolving and claiming the lock costs'),
  'lock-expiry-near': entry(34, 'refuse', 'give an expiry at least the safety margin away'),
  'lock-expiry-far': entry(35, 'refuse', 'give an expiry at most MAX_LOCK (30 days) away'),
  'condition-resolved': entry(36, 'refuse', 'use a fresh condition: this one is already met'),
  'condition-unknown': entry(37, 'refuse', 'try again when the chain can be asked about the condition'),
  'condition-closed': entry(38, 'refuse', 'the preimage of this hash is already shown: pay another invoice'),
  'locks-too-many': entry(39, 'refuse', 'wait until pending locks are resolved'),
  'locks-too-much': entry(40, 'refuse', 'lock less: the limit on pending value is reached'),
  'drop-not-due': entry(
    41,
    'refuse',
    'drop a lock only when asked to, or when it expired unresolved in final blocks',
  ),
  'unlock-not-due': entry(
    42,
    'refuse',
    'unlock with the key until expiry - T, later only by a final resolution',
  ),
  'payload-too-long': entry(43, 'refuse', 'give a payload of at most 1024 bytes'),
  'lock-unknown': entry(44, 'refuse', 'no such lock (slot and life) is pending'),
  'key-wrong': entry(
    45,
    'refuse',
    'show exactly the bytes that the registry would accept for this condition',
  ),
  'key-late': entry(46, 'refuse', 'too late to unlock by message: send the key to the registry'),
  'key-withheld': entry(47, 'refuse', 'this lock was asked to fail: its key is never released'),
  'key-released': entry(48, 'refuse', 'the key of this lock was released: it can no longer be asked to fail'),
  'ack-stale': entry(50, 'ignore', 'a newer line is already acknowledged'),
  'ack-unknown': entry(51, 'close-connection', 'acknowledge only lines that were sent'),
  'refusal-stale': entry(52, 'ignore', 'the refusal contradicts an acknowledgement, or names no live line'),
  'window-full': entry(53, 'refuse', 'wait for an acknowledgement, or send a line without operations'),
  'nothing-to-ack': entry(54, 'ignore', 'nothing new was accepted'),
  'withdrawal-pending': entry(
    60,
    'refuse',
    'one withdrawal at a time: wait until it is executed or expired in final blocks',
  ),
  'withdrawal-total': entry(61, 'refuse', 'the cumulative total must be above what is withdrawn or reserved'),
  'withdrawal-unknown': entry(62, 'ignore', 'no such withdrawal was asked for'),
  'validity-past': entry(63, 'refuse', 'give a validUntil at least the safety margin in the future'),
  'validity-long': entry(64, 'refuse', 'give a nearer validUntil: the money stays reserved until then'),
  'locks-pending': entry(70, 'refuse', 'close together only when no live line holds a lock'),
  'lines-unsettled': entry(71, 'refuse', 'wait until the last lines of both directions are acknowledged'),
  'delta-differs': entry(72, 'refuse', 'the difference is not that of the last agreed lines'),
  'together-unknown': entry(73, 'ignore', 'no such common close was offered'),
  'held-exceeded': entry(
    74,
    'refuse',
    'the result would leave 0..held: wait until deposits and withdrawals are final',
  ),
  'sync-contradicted': entry(80, 'close-connection', 'claim only nonces with the signature that proves them'),
  'peer-lost-data': entry(
    81,
    'close-channel',
    'the peer is below an acknowledgement it gave: close the channel',
  ),
  'statement-fixed': entry(
    90,
    'refuse',
    'one statement only: it was fixed when the channel was marked closing',
  ),
  'params-invalid': entry(
    100,
    'refuse',
    'two non-zero owners, two distinct non-zero signers, a lock period in range',
  ),
  'params-unacceptable': entry(101, 'refuse', "the parameters are outside this node's limits"),
  'chain-differs': entry(102, 'close-connection', 'both nodes must use the same chain, bank and registry'),
} as const satisfies Record<string, Entry>

export type RefusalCode = keyof typeof REFUSALS

export interface Refusal {
  readonly code: RefusalCode
  /** The field at fault, as the message, the operation or the command names it. */
  readonly field: string
  /** What was found or expected, when that helps; never secret. */
  readonly detail: string | undefined
  readonly remedy: string
  readonly consequence: Consequence
}

export function refusal(code: RefusalCode, field: string, detail?: string): Refusal {
  const { remedy, consequence } = REFUSALS[code]
  return { code, field, detail, remedy, consequence }
}

const BY_WIRE: ReadonlyMap<number, RefusalCode> = new Map(
  Object.entries(REFUSALS).map(([code, { wire }]) => [wire, code as RefusalCode]),
)

/** Undefined for a number that this version does not know. */
export function refusalCodeOfWire(wire: number): RefusalCode | undefined {
  return BY_WIRE.get(wire)
}
