/** Messages of neighbours (JP-20 to JP-42): each is checked by itself, and one that brings nothing new changes nothing. */

import { equalBytes } from '../encoding/bytes.ts'
import { digestOf } from '../encoding/digest.ts'
import type { Signable } from '../encoding/signable.ts'
import { approves } from '../locks/key.ts'
import type {
  JointPayAbort,
  JointPayMessage,
  JointPayReceipt,
  JointPayRefusal,
  JointPaySignatures,
} from '../wire/message.ts'
import { giveUp } from './advance.ts'
import type { JointContext } from './context.ts'
import { hasParty, neighboursOf, partyOf } from './graph.ts'
import { type JointRefusal, jointRefusal } from './refusal.ts'
import type { JointState } from './state.ts'

export function takeMessage(
  state: JointState,
  from: Uint8Array,
  message: JointPayMessage,
  ctx: JointContext,
): JointState | JointRefusal {
  const { graph, self, conditionId, encoded } = state.setup
  const sender = partyOf(graph, from)
  if (sender === -1 || !hasParty(neighboursOf(graph, self), sender)) return jointRefusal('stranger', 'from')
  if (message.type === 'jointpay-terms')
    return equalBytes(message.terms, encoded) ? state : jointRefusal('joint-differs', 'terms')
  if (!equalBytes(message.conditionId, conditionId)) return jointRefusal('joint-differs', 'conditionId')
  switch (message.type) {
    case 'jointpay-signatures':
      return takeSignatures(state, message, ctx)
    case 'jointpay-abort':
      return takeAbort(state, message, ctx)
    case 'jointpay-receipt':
      return takeReceipt(state, message, ctx)
    case 'jointpay-refusal':
      return takeRefusal(state, message, ctx)
  }
}

/** All or none: a neighbour checks what it relays. A second signature of one signer brings nothing new. */
function takeSignatures(
  state: JointState,
  message: JointPaySignatures,
  ctx: JointContext,
): JointState | JointRefusal {
  const { keys, registry, conditionId } = state.setup
  const approvals = [...state.approvals]
  for (const [index, { signer, ...approval }] of message.approvals.entries()) {
    const key = keys[signer]
    if (key === undefined) return jointRefusal('signer-unknown', `approvals[${index}].signer`)
    if (approvals[signer] !== undefined) continue
    if (!approves(ctx.crypto, registry, conditionId, key, approval))
      return jointRefusal('signature-wrong', `approvals[${index}].signature`)
    const { signature, path } = approval
    const kept = path.map((sibling) => sibling.slice())
    approvals[signer] = { signature: signature.slice(), index: approval.index, path: kept }
  }
  const changed = approvals.some((approval, index) => approval !== state.approvals[index])
  return changed ? { ...state, approvals } : state
}

function takeAbort(state: JointState, message: JointPayAbort, ctx: JointContext): JointState | JointRefusal {
  if (state.abort !== undefined) return state
  const { registry, conditionId, terms } = state.setup
  const abort: Signable = { type: 'JointAbort', domain: registry, conditionId }
  if (!signed(ctx, abort, message.signature, terms.customer))
    return jointRefusal('signature-wrong', 'signature')
  return { ...state, abort: message.signature.slice() }
}

function takeReceipt(
  state: JointState,
  message: JointPayReceipt,
  ctx: JointContext,
): JointState | JointRefusal {
  const { registry, conditionId, terms } = state.setup
  const payee = terms.payees[message.payee]
  if (payee === undefined) return jointRefusal('signer-unknown', 'payee')
  if (state.receipts[message.payee] !== undefined) return state
  const { reference: paymentReference } = terms
  const receipt: Signable = { type: 'JointReceipt', domain: registry, conditionId, paymentReference }
  if (!signed(ctx, receipt, message.signature, payee)) return jointRefusal('signature-wrong', 'signature')
  return { ...state, receipts: state.receipts.with(message.payee, message.signature.slice()) }
}

/** JP-33: not proved, so it is believed only as far as a neighbour's silence could go: to give up what is not signed. */
function takeRefusal(
  state: JointState,
  message: JointPayRefusal,
  ctx: JointContext,
): JointState | JointRefusal {
  const { graph, self } = state.setup
  const party = partyOf(graph, message.party)
  if (party === -1) return jointRefusal('signer-unknown', 'party')
  if (party === self || state.complaint !== undefined) return state
  const complaint = { code: message.code, party }
  return giveUp({ ...state, complaint }, complaint, ctx)
}

function signed(ctx: JointContext, message: Signable, signature: Uint8Array, by: Uint8Array): boolean {
  const address = ctx.crypto.recoverAddress(digestOf(ctx.crypto, message), signature)
  return address !== undefined && equalBytes(address, by)
}
