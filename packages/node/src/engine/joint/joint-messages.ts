/** Messages of joint payments: to the machine of the payment, or the beginning of one. */

import {
  checkTerms,
  decodeTerms,
  equalBytes,
  isJointSettled,
  isUsable,
  type JointAgreement,
  type JointPayMessage,
  type JointTerms,
  jointIdsOf,
  LOCK_SLOTS,
  startJoint,
  toHex,
} from '@tallystick/protocol'
import { feeOf } from '../../network/routing/fee.ts'
import { openInvoice } from '../htlc/invoices.ts'
import { locksHeld } from '../locks/lock-keys.ts'
import { sendAfter } from '../machine.ts'
import { policyOf } from '../policies.ts'
import type { Group, Peer, Runtime } from '../runtime.ts'
import { isInUse } from './agreements.ts'
import { giveBack, jointContext, jointInput, takeStep } from './joint-book.ts'
import { tellAccepted } from './joint-locks.ts'

/** Answers why the peer is to be hung up on; undefined when it is not. */
export function takeJointMessage(
  rt: Runtime,
  group: Group,
  peer: Peer,
  message: JointPayMessage,
):
  | {
      readonly code: string
      readonly field: string
      readonly detail: string | undefined
      readonly remedy: string
    }
  | undefined {
  if (message.type === 'jointpay-terms') {
    const terms = decodeTerms(message.terms)
    if ('code' in terms) return terms
    const wrong = checkTerms(terms)
    if (wrong !== undefined) {
      note(rt, peer, message, wrong.code)
      return undefined
    }
    const condition = toHex(jointIdsOf(rt.ports.crypto, rt.registryDomain, terms).conditionId)
    const from = signerIn(peer, terms)
    if (from === undefined) return undefined
    if (rt.jointPays.ended.has(condition)) return undefined
    if (!rt.jointPays.open.has(condition)) {
      if (tooMany(rt, peer)) {
        note(rt, peer, message, 'policy')
        return undefined
      }
      joinPayment(rt, group, terms, from, peer)
      return undefined
    }
  }
  const condition =
    message.type === 'jointpay-terms'
      ? toHex(jointIdsOf(rt.ports.crypto, rt.registryDomain, knownTerms(message.terms)).conditionId)
      : toHex(message.conditionId)
  const state = rt.jointPays.open.get(condition)
  const from = state && signerIn(peer, state.setup.terms)
  if (from === undefined) {
    note(rt, peer, message, 'stranger')
    return undefined
  }
  const refused = jointInput(rt, group, condition, { type: 'message', from, message })
  if (refused === undefined) return undefined
  const { refusal, reply } = refused
  note(rt, peer, message, refusal.code)
  if (reply !== undefined) sendAfter(rt, group, peer.nodeId, reply)
  return refusal.consequence === 'close-connection' ? refusal : undefined
}

/** Terms cost a stranger nothing and us memory: no peer may have more of them open with us than its channels have slots. */
function tooMany(rt: Runtime, peer: Peer): boolean {
  const most = LOCK_SLOTS * peer.channels.size
  if (rt.jointPays.open.size < most) return false
  let open = 0
  for (const state of rt.jointPays.open.values())
    if (!isJointSettled(state) && signerIn(peer, state.setup.terms) !== undefined) open += 1
  return open >= most
}

function knownTerms(bytes: Uint8Array): JointTerms {
  const terms = decodeTerms(bytes)
  if ('code' in terms) throw new Error('terms were decoded before')
  return terms
}

/** Terms of a payment that this node hears of for the first time. */
function joinPayment(rt: Runtime, group: Group, terms: JointTerms, from: Uint8Array, peer: Peer): void {
  const refused = beginJoint(rt, group, terms, agreementOn(rt, terms), from)
  if (refused === undefined) return
  const condition = toHex(jointIdsOf(rt.ports.crypto, rt.registryDomain, terms).conditionId)
  rt.jointPays.refused.set(condition, rt.ports.nowMs())
  for (const lock of [...locksHeld(rt, condition)]) if (lock.use.kind === 'joint') giveBack(rt, group, lock)
  rt.ports.log.info(
    { peer: peer.nodeId, code: refused.refusal.code, field: refused.refusal.field },
    'joint terms are refused',
  )
  if (refused.reply !== undefined) sendAfter(rt, group, peer.nodeId, refused.reply)
}

export function beginJoint(
  rt: Runtime,
  group: Group,
  terms: JointTerms,
  agreement: JointAgreement,
  from: Uint8Array | undefined,
) {
  const channel = (channelId: Uint8Array) => {
    const known = rt.channels.get(toHex(channelId))
    return known !== undefined && isUsable(known.core) && known.record.abandoned === undefined
      ? known.core.setup.params
      : undefined
  }
  const step = startJoint({ terms, agreement, registry: rt.registryDomain, channel, from }, jointContext(rt))
  const refused = takeStep(rt, group, undefined, step)
  if (refused !== undefined) return refused
  const condition = toHex(jointIdsOf(rt.ports.crypto, rt.registryDomain, terms).conditionId)
  for (const lock of locksHeld(rt, condition)) if (lock.use.kind === 'joint') tellAccepted(rt, group, lock)
  return undefined
}

/** What this node asks for: the price of its invoice, what its operator agreed to, or its fees for forwarding. */
function agreementOn(rt: Runtime, terms: JointTerms): JointAgreement {
  const reference = toHex(terms.reference)
  const wanted = rt.wantedJoints.get(reference)
  if (wanted !== undefined && isInUse(rt, reference)) return NEVER
  if (wanted !== undefined) return { leastNet: wanted, reference: terms.reference, asCustomer: false }
  const own = rt.ports.signer.address
  if (terms.payees.some((payee) => equalBytes(payee, own))) {
    const invoice = openInvoice(rt, reference)
    const leastNet = invoice === undefined ? MORE_THAN_ANY : (invoice.amount ?? 1n)
    return { leastNet, reference: terms.reference, asCustomer: false }
  }
  let fees = 0n
  for (const { channelId, payer, amount } of terms.hops) {
    const channel = rt.channels.get(toHex(channelId))
    if (channel === undefined || !equalBytes(payer, own)) continue
    const policy = policyOf(rt, channel)
    if (policy.disabled || amount < policy.minAmount || amount > policy.maxAmount) return NEVER
    fees += feeOf(policy, amount)
  }
  return { leastNet: fees, reference: undefined, asCustomer: false }
}

const MORE_THAN_ANY = 1n << 200n
const NEVER: JointAgreement = { leastNet: MORE_THAN_ANY, reference: undefined, asCustomer: false }

/** The signer under which a peer is a party of these terms. */
function signerIn(peer: Peer, terms: JointTerms): Uint8Array | undefined {
  for (const { core } of peer.channels) {
    const { params, party } = core.setup
    const theirs = params.signer[party === 0 ? 1 : 0]
    const named = terms.hops.some(
      ({ payer, payee }) => equalBytes(payer, theirs) || equalBytes(payee, theirs),
    )
    if (named) return theirs
  }
  return undefined
}

/** A connection is up: neighbours get again what they may have missed. */
export function jointsConnected(rt: Runtime, group: Group, peer: Peer): void {
  for (const [condition, state] of rt.jointPays.open) {
    const signer = signerIn(peer, state.setup.terms)
    if (signer !== undefined) jointInput(rt, group, condition, { type: 'connected', peer: signer })
  }
}

function note(rt: Runtime, peer: Peer, message: JointPayMessage, code: string): void {
  rt.ports.log.info(
    { peer: peer.nodeId, message: message.type, code },
    'a message of a joint payment is refused',
  )
}
