/**
 * The peer's direction: lines that we accept and acknowledge (LN-11 to LN-26, LN-40 to LN-43).
 *
 * Invariants:
 * - A line is accepted only on the content of the last accepted line, with every rule of section "Accepting".
 * - R, what we count as paid to the payer, is the least `sent` over our acknowledged line and every live line above it.
 * - We acknowledge accepted lines only, the newest, each once; a resent acknowledgement is the stored one.
 */

import { ACK_LAG_LINES, ACK_LAG_MS, MAX_NONCE, NONCE_WINDOW } from '../constants.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { memoRoot } from '../payment/memo.ts'
import { decodeOperations, type EncodedOperations } from '../payment/operation.ts'
import { type Refusal, refusal } from '../refusal.ts'
import type { Update } from '../wire/message.ts'
import type { Context } from './context.ts'
import { applyOperations, balanceProof, committed, lineDigest, type NextContent } from './line.ts'
import { answersOnPending, receiverRule } from './lock-rules.ts'
import { done, isRefusal, type Outcome, peerOf, send, signedBy, stopped, takenOut } from './result.ts'
import type { ChannelState, InLine, ReceiverState, SeenLine } from './state.ts'

/** Accepts the line, or says why not; a redelivery of identical bytes changes nothing (LN-12). */
export function acceptLine(state: ChannelState, message: Update, ctx: Context): Outcome {
  const peer = peerOf(state)
  if (message.direction !== peer) return refusal('wrong-direction', 'direction')
  const encoded = decodeOperations(message.operations, message.operationCount)
  if (isRefusal(encoded)) return encoded
  if (message.nonce <= state.in.accepted.nonce) return redelivered(state, message, encoded, ctx)
  const wrong = stopped(state, 'channel') ?? nonceRule(state.in, message) ?? ackedRule(state, message, ctx)
  if (wrong !== undefined) return wrong
  const limited = policyRule(encoded, ctx)
  if (limited !== undefined) return limited
  const next = applyOperations(
    ctx.crypto,
    state.in.accepted,
    encoded,
    message.nonce,
    receiverRule(state, ctx),
  )
  if (isRefusal(next)) return next
  const unfunded = solvencyRule(state, next)
  if (unfunded !== undefined) return unfunded
  const header = { nonce: message.nonce, acked: message.acked, contentHash: next.contentHash }
  if (!signedBy(state, ctx, peer, lineDigest(ctx.crypto, state.setup, peer, header), message.signature))
    return refusal(
      'signature-wrong',
      'signature',
      'not of the payer on the content that these operations lead to',
    )
  const line: InLine = {
    ...next,
    nonce: message.nonce,
    acked: message.acked,
    promise: message.signature.slice(),
  }
  const { operations } = encoded
  return done(withAccepted(state, line, message.base), {
    type: 'accepted',
    nonce: line.nonce,
    operations,
    message,
  })
}

/** LN-40, LN-41: acknowledges the newest accepted line. No effect when there is nothing to acknowledge, or no right to. */
export function acknowledge(state: ChannelState, ctx: Context): Outcome {
  const { accepted, acked } = state.in
  // A close alone ends the silence of a pending common close: what is accepted needs our ack in `update` (CL-2).
  const pending = state.together !== undefined && state.closing === undefined
  if (accepted.nonce <= acked.nonce || state.lost || pending) return done(state)
  // CL-2: after the freeze only lines accepted before it, never above the in nonce that we state.
  if (state.closing !== undefined && accepted.nonce > state.closing.in.nonce) return done(state)
  const direction = peerOf(state)
  const ack = ctx.signer.sign(balanceProof(state.setup, direction, accepted))
  const answers = answersOnPending(state.in.answers, [accepted.locks])
  return resendAck({ ...state, in: { ...state.in, acked: accepted, ack, answers } }, ctx)
}

/** Sends the stored acknowledgement; the connection's lag counts from here (LN-14). */
export function resendAck(state: ChannelState, ctx: Context): Outcome {
  const { acked, ack } = state.in
  if (ack === undefined) return done(state)
  const sent = state.link.synced ? withDelivered(state, acked.nonce, ctx) : state
  return done(
    sent,
    send(sent, {
      type: 'ack',
      channelId: state.setup.channelId,
      direction: peerOf(state),
      nonce: acked.nonce,
      signature: ack,
    }),
  )
}

/** What the peer can still put into its lines, as far as we know: LN-23. */
export function receivable(state: ChannelState): bigint {
  const free = peerLimit(state) - committed(state.in.accepted.content)
  return free > 0n ? free : 0n
}

/** `deposit - withdrawn - reserved + R` of the payer (LN-23, LN-24). */
function peerLimit(state: ChannelState): bigint {
  const peer = peerOf(state)
  return state.chain.deposits[peer] - takenOut(state, peer) + state.out.leastSent
}

/** LN-12: at or below the last accepted nonce. Nothing is accepted or acknowledged anew. */
function redelivered(
  state: ChannelState,
  message: Update,
  encoded: EncodedOperations,
  ctx: Context,
): Outcome {
  const seen = state.in.seen.find(({ nonce }) => nonce === message.nonce)
  if (seen === undefined)
    return refusal('nonce-stale', 'nonce', `${state.in.accepted.nonce} is accepted already`)
  const identical =
    seen.base === message.base &&
    seen.acked === message.acked &&
    equalBytes(seen.promise, message.signature) &&
    equalBytes(seen.memoRoot, memoRoot(ctx.crypto, encoded))
  if (!identical) return refusal('nonce-reused', 'nonce', `${message.nonce} is accepted with other bytes`)
  return message.nonce <= state.in.acked.nonce ? resendAck(state, ctx) : done(state)
}

/** LN-11, LN-30: above the last accepted nonce, within the window, on the last accepted content. */
function nonceRule(state: ReceiverState, message: Update): Refusal | undefined {
  const { nonce } = state.accepted
  if (message.nonce > MAX_NONCE || message.nonce > nonce + NONCE_WINDOW)
    return refusal('nonce-window', 'nonce', `last accepted ${nonce}`)
  return message.base === nonce ? undefined : refusal('wrong-base', 'base', `last accepted ${nonce}`)
}

/** LN-13, LN-14. */
function ackedRule(state: ChannelState, message: Update, ctx: Context): Refusal | undefined {
  const { accepted, acked } = state.in
  if (message.acked < accepted.acked) return refusal('acked-decreased', 'acked', `was ${accepted.acked}`)
  if (message.acked > acked.nonce) return refusal('acked-ahead', 'acked', `last acknowledged ${acked.nonce}`)
  const waiting = state.link.delivered.filter(({ nonce }) => nonce > message.acked)
  const [oldest] = waiting
  const newest = waiting.at(-1)
  if (oldest === undefined || newest === undefined) return undefined
  const late = ctx.nowMs - oldest.atMs > ACK_LAG_MS || newest.nonce - message.acked > ACK_LAG_LINES
  return late ? refusal('acked-lags', 'acked', `${newest.nonce} is acknowledged`) : undefined
}

/** Our own limits; never for a line without operations (LN-16). */
function policyRule({ operations }: EncodedOperations, { policy }: Context): Refusal | undefined {
  if (operations.length === 0) return undefined
  if (policy.refuseOperations) return refusal('policy', 'operations')
  const least = policy.minPaymentAmount
  if (least <= 1n) return undefined
  const small = operations.findIndex((operation) => operation.type === 'pay' && operation.amount < least)
  return small < 0
    ? undefined
    : refusal('payment-too-small', `operations[${small}].amount`, `at least ${least}`)
}

/** LN-23. A line that takes no more than the accepted one already does cannot break it. */
function solvencyRule(state: ChannelState, next: NextContent): Refusal | undefined {
  const total = committed(next.content)
  if (total <= committed(state.in.accepted.content)) return undefined
  const limit = peerLimit(state)
  return total <= limit ? undefined : refusal('insufficient', 'operations', `${total} of at most ${limit}`)
}

function withAccepted(state: ChannelState, line: InLine, base: number): ChannelState {
  const { nonce, acked, promise } = line
  const seen: SeenLine = { nonce, base, acked, memoRoot: line.content.memoRoot, promise }
  const answers = answersOnPending(state.in.answers, [line.locks, state.in.acked.locks])
  // The payer holds our ack up to `acked`: it has no reason to send anything older again.
  const remembered = state.in.seen.filter((one) => one.nonce > acked).slice(1 - NONCE_WINDOW)
  const delivered = state.link.delivered.filter((one) => one.nonce > acked)
  const link = delivered.length === state.link.delivered.length ? state.link : { ...state.link, delivered }
  return { ...state, in: { ...state.in, accepted: line, seen: [...remembered, seen], answers }, link }
}

function withDelivered(state: ChannelState, nonce: number, ctx: Context): ChannelState {
  const last = state.link.delivered.at(-1)
  if (last !== undefined && last.nonce >= nonce) return state
  const delivered = [...state.link.delivered, { nonce, atMs: ctx.nowMs }]
  return { ...state, link: { ...state.link, delivered } }
}
