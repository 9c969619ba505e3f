/**
 * What the state of a joint payment calls for. A step's effects are what its new state calls for and its old state did not,
 * so that nothing is remembered of what was done: a restart performs all of it again, a reconnect sends all of it again.
 */

import { equalBytes } from '../encoding/bytes.ts'
import type { JointPayApproval, JointPayMessage } from '../wire/message.ts'
import type { JointEffect } from './effect.ts'
import { hasSigned, isCustomer, isDue } from './facts.ts'
import { neighboursOf, partiesOf } from './graph.ts'
import { JOINT_REFUSALS } from './refusal.ts'
import type { IncomingHop, JointState, OutgoingHop } from './state.ts'

/** A name that is the same as long as the effect is. */
export type Dues = ReadonlyMap<string, JointEffect>

/** In the order in which they are to be performed. */
export function duesOf(state: JointState): Dues {
  const dues = new Map<string, JointEffect>()
  for (const [name, parties, message] of messagesOf(state))
    for (const party of partiesOf(parties)) {
      const to = state.setup.keys[party]
      if (to !== undefined) dues.set(`${name} to ${party}`, { type: 'send', to, message })
    }
  for (const own of state.outgoing) addOutgoing(dues, state, own)
  for (const own of state.incoming) addIncoming(dues, state, own)
  if (state.posted && state.key !== undefined && state.final === undefined)
    dues.set('post', { type: 'post-key', key: state.key.bytes })
  if (state.outcome !== undefined) dues.set('finished', { type: 'finished', outcome: state.outcome })
  return dues
}

/** What `after` calls for and `before` did not. */
export function newDues(before: Dues, after: Dues): readonly JointEffect[] {
  return [...after].filter(([name]) => !before.has(name)).map(([, effect]) => effect)
}

/** Without what the neighbour `from`, which just sent `got`, knows already. */
export function withoutEcho(
  effects: readonly JointEffect[],
  from: Uint8Array,
  got: JointPayMessage,
): readonly JointEffect[] {
  return effects.filter(
    (due) => due.type !== 'send' || !equalBytes(due.to, from) || !isEcho(due.message, got),
  )
}

function isEcho(message: JointPayMessage, got: JointPayMessage): boolean {
  if (message.type === 'jointpay-signatures' && got.type === 'jointpay-signatures')
    return message.approvals.every(({ signer }) => got.approvals.some((one) => one.signer === signer))
  if (message.type === 'jointpay-receipt' && got.type === 'jointpay-receipt')
    return message.payee === got.payee
  return message.type === got.type
}

type Message = readonly [name: string, parties: number, message: JointPayMessage]

function messagesOf(state: JointState): readonly Message[] {
  const { graph, self, conditionId, keys, terms, encoded } = state.setup
  const payers = graph.paidBy[self] ?? 0
  const neighbours = neighboursOf(graph, self)
  const messages: Message[] = []
  const due = isDue(state)
  const open = !state.givenUp && state.abort === undefined && state.final === undefined
  if (open) messages.push(['terms', neighbours, { type: 'jointpay-terms', terms: encoded }])
  if (state.complaint !== undefined && state.abort === undefined && !due && !isCustomer(state)) {
    const { code, party } = state.complaint
    const refusal = {
      type: 'jointpay-refusal',
      conditionId,
      party: keys[party] ?? terms.customer,
      code,
    } as const
    messages.push(['refusal', payers, refusal])
  }
  if (state.key !== undefined || (hasSigned(state) && state.abort === undefined)) {
    const approvals = knownApprovals(state)
    const set = { type: 'jointpay-signatures', conditionId, approvals } as const
    if (state.key !== undefined) messages.push(['set', neighbours, set])
    else messages.push([`signatures ${approvals.map(({ signer }) => signer).join()}`, payers, set])
  }
  if (state.abort !== undefined && !due)
    messages.push(['abort', neighbours, { type: 'jointpay-abort', conditionId, signature: state.abort }])
  for (const [payee, signature] of state.receipts.entries())
    if (signature !== undefined)
      messages.push([`receipt ${payee}`, payers, { type: 'jointpay-receipt', conditionId, payee, signature }])
  return messages
}

function knownApprovals(state: JointState): readonly JointPayApproval[] {
  return state.approvals.flatMap((approval, signer) =>
    approval === undefined ? [] : [{ ...approval, signer }],
  )
}

function addOutgoing(dues: Map<string, JointEffect>, state: JointState, own: OutgoingHop): void {
  const { hop, status, at } = own
  const terms = state.setup.terms.hops[hop]
  if (terms === undefined) return
  if (status === 'asked') {
    const wanted = !state.givenUp && state.abort === undefined && !isDue(state) && state.final === undefined
    if (wanted) dues.set(`place ${hop}`, { type: 'place-lock', hop, terms })
    else dues.set(`cancel ${hop}`, { type: 'cancel-lock', hop })
  }
  if (status !== 'placed' || at === undefined) return
  if (state.final?.type === 'expired') dues.set(`drop ${hop}`, { type: 'drop-lock', hop, at })
  else if (state.key?.inTime === true && state.final === undefined)
    dues.set(`unlock ${hop}`, { type: 'unlock', hop, at, key: state.key.bytes })
  else if (state.final?.type === 'met')
    dues.set(`unlock ${hop} by the registry`, { type: 'unlock', hop, at, key: new Uint8Array(0) })
}

function addIncoming(dues: Map<string, JointEffect>, state: JointState, own: IncomingHop): void {
  const { hop, status, at, failing } = own
  if (status !== 'held' || at === undefined) return
  if (failing) {
    const reason = JOINT_REFUSALS[state.complaint?.code ?? 'aborted'].wire
    dues.set(`fail ${hop}`, { type: 'ask-fail', hop, at, reason })
  } else if (state.key !== undefined && state.final?.type !== 'expired') {
    const { bytes: key, inTime: release } = state.key
    dues.set(`show ${hop}`, { type: 'show-key', hop, at, key, release })
  }
}
