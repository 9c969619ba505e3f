/** Why a payment over the network failed, in sentences: what the codes of hops, joint payments and this node mean. */
import type { NetworkPaymentFailure } from '@tallystick/client/schema'
import { type FailureCode, JOINT_REFUSALS } from '@tallystick/protocol'
import type { PaymentFailure } from '../engine/htlc/payment-record.ts'
import { ROUTE_FAULTS, type RouteFaultCode } from '../network/routing/request.ts'

type Sentences = readonly [message: string, remedy: string]

const TRY_LATER = 'Pay again: another way is tried; or later.'
const NEW_INVOICE = 'Ask the payee for a new invoice.'

/** Told by a hop (docs/spec/onion.md ON-60). */
const HOP: Readonly<Record<FailureCode, Sentences>> = {
  'onion-refused': ['The node after this hop could not read what was sent to it.', TRY_LATER],
  'payload-refused': ['The hop could not read what was sent to it.', TRY_LATER],
  'node-busy': ['The hop is busy.', TRY_LATER],
  'node-unavailable': ['The hop forwards nothing any more.', TRY_LATER],
  'channel-unknown': ['The hop has no such channel.', TRY_LATER],
  'channel-unavailable': ['The channel cannot carry the amount now.', 'Pay less, or later.'],
  'channel-closed': ['The channel is closed or closing.', TRY_LATER],
  'amount-too-small': ['The amount is below what the channel forwards.', 'Pay more at once.'],
  'amount-too-large': ['The amount is above what the channel forwards.', 'Pay less at once.'],
  'fee-insufficient': ['The hop asks for a higher fee.', 'Allow a higher fee and pay again.'],
  'expiry-near': ['A hop was reached too late.', 'Check the clock of this machine, then pay again.'],
  'expiry-far': ['The lock would have held the hop’s money for too long.', TRY_LATER],
  'lock-differs': [
    'The lock that the hop got is not the one that was sent: the hop before it cheated.',
    TRY_LATER,
  ],
  'lock-expired': ['The node after this hop took the lock and let it expire.', TRY_LATER],
  'failure-garbled': ['The node after this hop failed without saying why.', TRY_LATER],
  'payment-unknown': [
    'The payee does not know the payment, or it came too late or is not enough.',
    NEW_INVOICE,
  ],
  'parts-missing': ['The payee did not get all parts in time.', 'Pay again, or less.'],
}

const ROUTE: Readonly<Record<RouteFaultCode, string>> = {
  'request-invalid': 'The way cannot be looked for.',
  'own-balance': 'No channel of this node can send the amount now.',
  'payee-unknown': 'This node knows no channel of the payee.',
  'no-route': 'No way to the payee can carry the amount now.',
  'fee-limit': 'Every way costs more than the highest fee allowed.',
}

/** Told by this node. */
const OWN: Readonly<Record<string, Sentences>> = {
  'attempts-exhausted': ['Too many ways were tried in vain.', 'Pay again later, or less.'],
  interrupted: ['This node stopped before anything was locked.', 'Pay again.'],
  refused: ['The next node refused the lock.', TRY_LATER],
  insufficient: ['This node’s own channel holds less than was planned.', 'Pay again, or top the channel up.'],
  'lock-expiry-near': [
    'The lock would have ended too soon.',
    'Check the clock of this machine, then pay again.',
  ],
}

export function paymentFailureView({ code, hop, nodeId, channelId }: PaymentFailure): NetworkPaymentFailure {
  const [message, remedy] = sentencesOf(code, hop !== undefined)
  return {
    code,
    ...(hop === undefined ? {} : { hop }),
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(channelId === undefined ? {} : { channelId }),
    message,
    remedy,
  }
}

function sentencesOf(code: string, byHop: boolean): Sentences {
  const told = byHop ? entryOf(HOP, code) : undefined
  if (told !== undefined) return told
  const route = entryOf(ROUTE, code)
  if (route !== undefined) return [route, sentence(ROUTE_FAULTS[code as RouteFaultCode])]
  const joint = entryOf(JOINT_REFUSALS, code)
  const own = entryOf(OWN, code) ?? entryOf(HOP, code)
  if (own !== undefined) return own
  return [`The payment failed: ${code}.`, joint === undefined ? TRY_LATER : sentence(joint.remedy)]
}

function entryOf<T>(table: Readonly<Record<string, T>>, code: string): T | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
