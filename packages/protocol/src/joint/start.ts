/** A joint payment as one party first sees it: everything that is checked before a lock is placed (JP-10 to JP-15). */

import { nowSeconds } from '../channel/context.ts'
import { equalBytes } from '../encoding/bytes.ts'
import type { Domain } from '../encoding/domain.ts'
import type { JointPayRefusal } from '../wire/message.ts'
import { advance } from './advance.ts'
import { checkTerms, netOf } from './check.ts'
import type { JointAgreement, JointChannel, JointContext } from './context.ts'
import { duesOf, withoutEcho } from './dues.ts'
import type { JointEffect } from './effect.ts'
import { graphOf, hasParty, neighboursOf, partyOf } from './graph.ts'
import { type JointRefusal, jointRefusal } from './refusal.ts'
import type { IncomingHop, JointSetup, JointState, OutgoingHop } from './state.ts'
import { encodeTerms, type JointIds, type JointTerms, jointIdsOf } from './terms.ts'

export type JointStep = JointStepDone | JointStepRefused

export interface JointStepDone {
  readonly ok: true
  /** The same object when nothing changed. */
  readonly state: JointState
  readonly effects: readonly JointEffect[]
}

/** The state is as before. */
export interface JointStepRefused {
  readonly ok: false
  readonly refusal: JointRefusal
  /** What to answer the neighbour that sent the terms. */
  readonly reply: JointPayRefusal | undefined
}

export interface JointStart {
  readonly terms: JointTerms
  /** What this node agreed to beforehand. */
  readonly agreement: JointAgreement
  /** Domain of the condition registry. */
  readonly registry: Domain
  /** Undefined for ids that this node has no usable channel of. */
  channel(channelId: Uint8Array): JointChannel | undefined
  /** The neighbour that sent the terms; undefined: composed or taken over by the local user. */
  readonly from: Uint8Array | undefined
}

/**
 * Takes part in a joint payment that this node has no record of (else `stepJoint` with the message). Checks the terms, the
 * own hops and the agreement; then the terms go to the neighbours and the own locks are asked for. Locks on the id that were
 * accepted before are told by `lock-accepted` right after. Never throws on terms that `decodeTerms` made.
 */
export function startJoint(start: JointStart, ctx: JointContext): JointStep {
  const wrong = checkTerms(start.terms)
  if (wrong !== undefined) return { ok: false, refusal: wrong, reply: undefined }
  const graph = graphOf(start.terms)
  const ids = jointIdsOf(ctx.crypto, start.registry, start.terms)
  const setup = {
    ...ids,
    terms: start.terms,
    encoded: encodeTerms(start.terms),
    registry: start.registry,
    graph,
    self: partyOf(graph, ctx.signer.address),
  }
  if (setup.self === -1) return { ok: false, refusal: jointRefusal('not-a-party', 'hops'), reply: undefined }
  const refused = checkStart(start, setup, ctx)
  if (refused !== undefined) return { ok: false, refusal: refused, reply: replyTo(start, ids, refused, ctx) }
  const state = advance(newJoint(setup, ctx.nowMs), ctx)
  const effects = [...duesOf(state).values()]
  if (start.from === undefined) return { ok: true, state, effects }
  const got = { type: 'jointpay-terms', terms: new Uint8Array(0) } as const
  return { ok: true, state, effects: withoutEcho(effects, start.from, got) }
}

function newJoint(setup: JointSetup, nowMs: number): JointState {
  const outgoing: OutgoingHop[] = []
  const incoming: IncomingHop[] = []
  for (const [hop, { payer, payee }] of setup.graph.hops.entries()) {
    if (payer === setup.self) outgoing.push({ hop, status: 'none', at: undefined })
    if (payee === setup.self) incoming.push({ hop, status: 'none', at: undefined, failing: false })
  }
  return {
    setup,
    startedAtMs: nowMs,
    progressAtMs: nowMs,
    outgoing,
    incoming,
    approvals: setup.keys.map(() => undefined),
    key: undefined,
    givenUp: false,
    complaint: undefined,
    abort: undefined,
    receipts: setup.terms.payees.map(() => undefined),
    posted: false,
    final: undefined,
    outcome: undefined,
  }
}

function checkStart(start: JointStart, setup: JointSetup, ctx: JointContext): JointRefusal | undefined {
  const { terms, agreement, from } = start
  const { graph, self } = setup
  const sender = from && partyOf(graph, from)
  if (sender !== undefined && (sender === -1 || !hasParty(neighboursOf(graph, self), sender)))
    return jointRefusal('stranger', 'from')
  if ((graph.customer === self) !== agreement.asCustomer)
    return jointRefusal('customer-invalid', 'customer', 'not the one who agreed to pay')
  const wrong = checkOwnHops(start, ctx.signer.address) ?? checkExpiry(terms, ctx)
  if (wrong !== undefined) return wrong
  if (agreement.reference !== undefined && !equalBytes(agreement.reference, terms.reference))
    return jointRefusal('reference-differs', 'reference')
  const net = netOf(terms, ctx.signer.address)
  return net < agreement.leastNet
    ? jointRefusal('net-differs', 'hops', `${net}, at least ${agreement.leastNet}`)
    : undefined
}

/** Every hop that names this signer is in an own channel, between its two signers; no own channel carries another's hop. */
function checkOwnHops({ terms, channel }: JointStart, own: Uint8Array): JointRefusal | undefined {
  let token: Uint8Array | undefined
  for (const [index, hop] of terms.hops.entries()) {
    const field = `hops[${index}]`
    const known = channel(hop.channelId)
    const ours = equalBytes(hop.payer, own) || equalBytes(hop.payee, own)
    if (known === undefined) {
      if (ours) return jointRefusal('channel-unknown', `${field}.channelId`)
      continue
    }
    const { [hop.direction]: payer } = known.signer
    const { [hop.direction === 0 ? 1 : 0]: payee } = known.signer
    if (!equalBytes(payer, hop.payer)) return jointRefusal('signer-differs', `${field}.payer`)
    if (!equalBytes(payee, hop.payee)) return jointRefusal('signer-differs', `${field}.payee`)
    if (token !== undefined && !equalBytes(token, known.token)) return jointRefusal('token-differs', field)
    token = known.token
  }
  return undefined
}

function checkExpiry({ expiry }: JointTerms, ctx: JointContext): JointRefusal | undefined {
  const { safetyMarginSeconds, signingMarginSeconds, maxExpirySeconds } = ctx.policy
  const left = expiry - nowSeconds(ctx)
  if (left < safetyMarginSeconds + signingMarginSeconds)
    return jointRefusal('expiry-near', 'expiry', `${left} seconds left`)
  return left > maxExpirySeconds
    ? jointRefusal('expiry-far', 'expiry', `at most ${maxExpirySeconds} seconds`)
    : undefined
}

function replyTo(
  start: JointStart,
  { conditionId }: JointIds,
  { code, consequence }: JointRefusal,
  ctx: JointContext,
): JointPayRefusal | undefined {
  if (start.from === undefined || consequence !== 'refuse') return undefined
  return { type: 'jointpay-refusal', conditionId, party: ctx.signer.address, code }
}
