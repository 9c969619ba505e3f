/**
 * Every way in which a joint payment is refused, given up or fails: one table from code to number, consequence and remedy
 * (docs/spec/joint.md JP-60). A refusal changes nothing.
 */

import type { Consequence } from '../refusal.ts'

interface Entry {
  /** The number in `jointpay-refusal` and in the stored form; never given to another code. */
  readonly wire: number
  readonly consequence: Consequence
  /** One sentence: what to do. */
  readonly remedy: string
}

function entry(wire: number, consequence: Consequence, remedy: string): Entry {
  return { wire, consequence, remedy }
}

export const JOINT_REFUSALS = {
  'terms-malformed': entry(1, 'close-connection', 'encode terms as docs/spec/joint.md JP-2 says'),
  'hop-invalid': entry(2, 'refuse', 'a hop has two different signers and an amount of 1 to 2^128 - 1'),
  'hops-order': entry(3, 'refuse', 'list hops by channel and direction, ascending, each pair once'),
  'too-many': entry(4, 'refuse', 'at most 64 hops and 32 signers: settle in several joint payments'),
  'customer-invalid': entry(5, 'refuse', 'name as customer the one party with hops out and none in'),
  'second-source': entry(6, 'refuse', 'only the customer may have hops out and none in'),
  unreachable: entry(7, 'refuse', 'every party is reached from the customer along the hops'),
  'payee-invalid': entry(8, 'refuse', 'payees receive more than they pay, ascending, never the customer'),
  'expiry-near': entry(9, 'refuse', 'give an expiry at least the safety and the signing margin away'),
  'expiry-far': entry(10, 'refuse', 'give a nearer expiry: locks occupy money until then'),
  'not-a-party': entry(11, 'refuse', 'send terms only to the signers that they name'),
  'channel-unknown': entry(
    12,
    'refuse',
    'name only channels that this node has with the other signer of the hop',
  ),
  'signer-differs': entry(13, 'refuse', 'name as payer and payee the signers of the channel, by direction'),
  'token-differs': entry(14, 'refuse', 'one joint payment moves one token for each party'),
  'net-differs': entry(
    15,
    'refuse',
    'the amounts are not those agreed: offer at least the fee or price asked',
  ),
  'reference-differs': entry(16, 'refuse', 'give the reference of the payment that was agreed'),
  policy: entry(
    17,
    'refuse',
    "this node's limits do not allow the payment now: pay less, later or elsewhere",
  ),
  'joint-differs': entry(20, 'refuse', 'the message is about another joint payment'),
  stranger: entry(21, 'close-connection', 'only parties that share a hop speak with each other about it'),
  'signature-wrong': entry(
    22,
    'close-connection',
    'send signatures of the named party over this condition: EIP-712, 64 bytes EIP-2098, low s',
  ),
  'signer-unknown': entry(23, 'close-connection', 'number signers and payees as the terms do'),
  'key-wrong': entry(
    24,
    'refuse',
    'show exactly the bytes that the registry would accept for this condition',
  ),
  'hop-unknown': entry(25, 'refuse', 'name an own hop of the terms, and its right end'),
  'lock-twice': entry(26, 'refuse', 'one lock for each hop: the hop has its lock already'),
  signed: entry(
    27,
    'refuse',
    'the signature is out: only the signed abort of the customer, or the expiry, frees it',
  ),
  ended: entry(28, 'refuse', 'the payment has ended already'),
  'lock-wrong': entry(30, 'refuse', 'lock exactly the amount and expiry of the terms'),
  'lock-refused': entry(31, 'refuse', 'the next party did not take the lock: pay another way, or less'),
  'lock-gone': entry(
    32,
    'refuse',
    'a lock was dropped before the payment was due: pay again with a new salt',
  ),
  stalled: entry(33, 'refuse', 'no progress in time: pay again with a new salt, perhaps another way'),
  late: entry(34, 'refuse', 'too little time was left to sign: pay again with a later expiry'),
  aborted: entry(35, 'refuse', 'the customer gave the payment up: pay again with a new salt'),
  'given-up': entry(36, 'refuse', 'the operator of a party gave the payment up: pay again with a new salt'),
  expired: entry(37, 'refuse', 'the condition was not met in time: pay again with a new salt'),
} as const satisfies Record<string, Entry>

export type JointRefusalCode = keyof typeof JOINT_REFUSALS

export interface JointRefusal {
  readonly code: JointRefusalCode
  /** The field at fault, as the terms, the message or the input names it. */
  readonly field: string
  /** What was found or expected, when that helps; never secret. */
  readonly detail: string | undefined
  readonly remedy: string
  readonly consequence: Consequence
}

export function jointRefusal(code: JointRefusalCode, field: string, detail?: string): JointRefusal {
  const { remedy, consequence } = JOINT_REFUSALS[code]
  return { code, field, detail, remedy, consequence }
}

const BY_WIRE: ReadonlyMap<number, JointRefusalCode> = new Map(
  Object.entries(JOINT_REFUSALS).map(([code, { wire }]) => [wire, code as JointRefusalCode]),
)

/** Undefined for a number that this version does not know. */
export function jointRefusalOfWire(wire: number): JointRefusalCode | undefined {
  return BY_WIRE.get(wire)
}
