/**
 * What both signers sign together: a withdrawal in place (WD-1 to WD-4) and a common close (CL-20 to CL-22). A signature
 * that left this process counts until it is executed, or until a final block is past its `validUntil`: so the machine
 * reserves the money, or freezes the channel, from before the signature is released.
 */

import { digestOf } from '../encoding/digest.ts'
import type { Party } from '../encoding/signable.ts'
import { type Refusal, refusal } from '../refusal.ts'
import type { TogetherConsent, TogetherOffer, WithdrawalConsent, WithdrawalRequest } from '../wire/message.ts'
import { type Context, nowSeconds } from './context.ts'
import type { Effect } from './effect.ts'
import { committed } from './line.ts'
import { acknowledge } from './receiver.ts'
import {
  done,
  isRefusal,
  type Outcome,
  peerOf,
  send,
  signedBy,
  stopped,
  takenOut,
  withParty,
} from './result.ts'
import type { ChainView, ChannelState, PendingTogether, PendingWithdrawal } from './state.ts'

/** Asks to take our cumulative `total` out (WD-1). Asking again for the same sends the same request. */
export function requestWithdrawal(
  state: ChannelState,
  total: bigint,
  validUntil: number,
  ctx: Context,
): Outcome {
  const { party } = state.setup
  const wrong = stopped(state, 'channel')
  if (wrong !== undefined) return wrong
  const pending = state.withdrawals[party]
  if (pending !== undefined)
    return pending.total === total && pending.validUntil === validUntil
      ? done(state, ...withdrawalAgain(state))
      : refusal('withdrawal-pending', 'total', `${pending.total} until ${pending.validUntil}`)
  if (total <= state.chain.withdrawn[party])
    return refusal('withdrawal-total', 'total', `${state.chain.withdrawn[party]} is withdrawn`)
  const invalid = validityRule(validUntil, ctx)
  if (invalid !== undefined) return invalid
  const most = state.chain.deposits[party] + state.in.acked.content.sent - state.out.mostCommitted
  if (total > most) return refusal('insufficient', 'total', `at most ${most}`)
  const signature = ctx.signer.sign(withdrawal(state, party, total, validUntil))
  const next = withWithdrawal(state, party, { total, validUntil, signatures: placed(party, signature) })
  return done(next, ...withdrawalAgain(next))
}

/** The peer asks: co-sign what leaves its newest line covered, with the same R (WD-3). */
export function takeWithdrawalRequest(
  state: ChannelState,
  message: WithdrawalRequest,
  ctx: Context,
): Outcome {
  const peer = peerOf(state)
  if (message.party !== peer) return refusal('wrong-direction', 'party', 'ask for your own side')
  const { total, validUntil, signature } = message
  const body = withdrawal(state, peer, total, validUntil)
  if (!signedBy(state, ctx, peer, digestOf(ctx.crypto, body), signature))
    return refusal('signature-wrong', 'signature')
  const pending = state.withdrawals[peer]
  if (pending?.total === total && pending.validUntil === validUntil)
    return done(state, consentAgain(state, pending))
  const wrong = stopped(state, 'channel')
  if (wrong !== undefined) return wrong
  if (pending !== undefined) return refusal('withdrawal-pending', 'total', `${pending.total} is reserved`)
  if (total <= state.chain.withdrawn[peer])
    return refusal('withdrawal-total', 'total', `${state.chain.withdrawn[peer]} is withdrawn`)
  const invalid = validityRule(validUntil, ctx)
  if (invalid !== undefined) return invalid
  const most = state.chain.deposits[peer] + state.out.leastSent - committed(state.in.accepted.content)
  if (total > most) return refusal('insufficient', 'total', `at most ${most}`)
  const signatures = withParty(placed(peer, signature.slice()), state.setup.party, ctx.signer.sign(body))
  const consented: PendingWithdrawal = { total, validUntil, signatures }
  const next = withWithdrawal(state, peer, consented)
  return done(next, consentAgain(next, consented))
}

export function takeWithdrawalConsent(
  state: ChannelState,
  message: WithdrawalConsent,
  ctx: Context,
): Outcome {
  const { party } = state.setup
  const { total, validUntil, signature } = message
  const pending = state.withdrawals[party]
  if (message.party !== party || pending?.total !== total || pending.validUntil !== validUntil)
    return refusal('withdrawal-unknown', 'total')
  const peer = peerOf(state)
  if (pending.signatures[peer] !== undefined) return done(state)
  if (
    !signedBy(state, ctx, peer, digestOf(ctx.crypto, withdrawal(state, party, total, validUntil)), signature)
  )
    return refusal('signature-wrong', 'signature')
  const agreed = { ...pending, signatures: withParty(pending.signatures, peer, signature.slice()) }
  const [first, second] = agreed.signatures
  const next = withWithdrawal(state, party, agreed)
  if (first === undefined || second === undefined) return done(next)
  return done(next, { type: 'withdrawal-ready', party, total, validUntil, signatures: [first, second] })
}

/** Offers to close on the last agreed lines (CL-20, CL-21). */
export function offerTogether(state: ChannelState, validUntil: number, ctx: Context): Outcome {
  const pending = state.together
  if (pending?.offeredByUs && pending.validUntil === validUntil) return done(state, ...offerAgain(state))
  const wrong = stopped(state, 'channel') ?? validityRule(validUntil, ctx)
  if (wrong !== undefined) return wrong
  if (state.out.live.length > 0)
    return refusal('lines-unsettled', 'out', 'own lines wait for acknowledgement')
  if (state.in.accepted.nonce !== state.in.acked.nonce)
    return refusal('lines-unsettled', 'in', 'an accepted line is not acknowledged yet')
  const delta = deltaOf(state)
  const unfit = locksRule(state) ?? heldRule(state, delta)
  if (unfit !== undefined) return unfit
  const { party } = state.setup
  const signature = ctx.signer.sign(together(state, delta, validUntil))
  const signatures = placed(party, signature)
  const next: ChannelState = {
    ...state,
    together: { delta, validUntil, holdUntil: validUntil, offeredByUs: true, signatures },
  }
  return done(next, ...offerAgain(next))
}

/** The peer offers: consent when it says what our own last agreed lines say, or better. */
export function takeTogetherOffer(state: ChannelState, message: TogetherOffer, ctx: Context): Outcome {
  const { delta, validUntil, signature } = message
  const body = together(state, delta, validUntil)
  if (!signedBy(state, ctx, peerOf(state), digestOf(ctx.crypto, body), signature))
    return refusal('signature-wrong', 'signature')
  if (state.lost && state.closing === undefined && state.together === undefined)
    return done(state, { type: 'offer-to-judge', delta, validUntil, signature: signature.slice() })
  const pending = state.together
  if (pending !== undefined && state.closing === undefined)
    return offerWhilePending(state, pending, message, ctx)
  const wrong = stopped(state, 'channel') ?? validityRule(validUntil, ctx) ?? locksRule(state)
  if (wrong !== undefined) return wrong
  if (worse(state, delta)) return refusal('delta-differs', 'delta', `last agreed lines say ${deltaOf(state)}`)
  const unheld = heldRule(state, delta)
  if (unheld !== undefined) return unheld
  // What is accepted and counted in delta is acknowledged first (CL-21): nothing may be while the offer is pending, and
  // without our ack the offerer could close alone on the line before it.
  const acked = acknowledge(state, ctx)
  if (isRefusal(acked)) return acked
  const consented = consent(acked.state, message, validUntil, ctx)
  return isRefusal(consented) ? consented : done(consented.state, ...acked.effects, ...consented.effects)
}

/** After lost data the operator judged the offer (CL-30): the only thing ever signed here again, beside a blind close. */
export function consentWhileLost(
  state: ChannelState,
  offer: Omit<TogetherOffer, 'type' | 'channelId'>,
  ctx: Context,
) {
  if (!state.lost) return refusal('together-unknown', 'channel', 'this side did not lose data')
  if (state.closing !== undefined) return refusal('closing', 'channel')
  if (state.together !== undefined) return refusal('closing-together', 'channel')
  const body = together(state, offer.delta, offer.validUntil)
  if (!signedBy(state, ctx, peerOf(state), digestOf(ctx.crypto, body), offer.signature))
    return refusal('signature-wrong', 'signature')
  const wrong = validityRule(offer.validUntil, ctx) ?? heldRule(state, offer.delta)
  return wrong ?? consent(state, offer, offer.validUntil, ctx)
}

export function takeTogetherConsent(state: ChannelState, message: TogetherConsent, ctx: Context): Outcome {
  const pending = state.together
  const { delta, validUntil, signature } = message
  if (!pending?.offeredByUs || pending.delta !== delta || pending.validUntil !== validUntil)
    return refusal('together-unknown', 'delta')
  const peer = peerOf(state)
  if (pending.signatures[peer] !== undefined) return done(state)
  if (!signedBy(state, ctx, peer, digestOf(ctx.crypto, together(state, delta, validUntil)), signature))
    return refusal('signature-wrong', 'signature')
  const agreed = { ...pending, signatures: withParty(pending.signatures, peer, signature.slice()) }
  const next = { ...state, together: agreed }
  return done(next, ...togetherReady(agreed))
}

/** A newer final view: what was executed or expired is released (WD-2, CL-22). */
export function takeChainView(state: ChannelState, view: ChainView): Outcome {
  const effects: Effect[] = []
  let next: ChannelState = { ...state, chain: view }
  for (const party of [0, 1] as const) {
    const pending = next.withdrawals[party]
    if (pending === undefined) continue
    const executed = view.withdrawn[party] >= pending.total
    if (!executed && view.timeSeconds <= pending.validUntil) continue
    next = withWithdrawal(next, party, undefined)
    effects.push({ type: 'released', what: 'withdrawal', party, executed })
  }
  const { together: pending } = next
  if (pending !== undefined && view.status === 'open' && view.timeSeconds > pending.holdUntil) {
    next = { ...next, together: undefined }
    effects.push({ type: 'released', what: 'close-together', party: undefined, executed: false })
  } else if (pending !== undefined && view.status === 'closed' && state.chain.status !== 'closed') {
    effects.push({ type: 'released', what: 'close-together', party: undefined, executed: true })
  }
  return done(next, ...effects)
}

/** What was asked of the peer and not answered yet: sent again after a sync. */
export function requestsAgain(state: ChannelState): readonly Effect[] {
  if (state.closing !== undefined || state.lost) return []
  return [...withdrawalAgain(state), ...offerAgain(state)]
}

/** `sent[1] - sent[0]` of the last agreed lines (CL-20). */
export function deltaOf(state: ChannelState): bigint {
  const paid = state.out.agreed.content.sent
  const received = state.in.accepted.content.sent
  return state.setup.party === 0 ? received - paid : paid - received
}

/**
 * The same settlement while one is pending. A repeated offer gets the same consent. Offers that cross and agree on delta:
 * both sides take party 0's, so that one of them completes; the freeze lasts until the later of the two has expired.
 */
function offerWhilePending(
  state: ChannelState,
  pending: PendingTogether,
  message: TogetherOffer,
  ctx: Context,
): Outcome {
  const { delta, validUntil } = message
  if (!pending.offeredByUs && pending.delta === delta && pending.validUntil === validUntil)
    return done(state, ...consentMessage(state, pending))
  if (!pending.offeredByUs || pending.delta !== delta) return refusal('closing-together', 'channel')
  if (state.setup.party === 0) return done(state)
  return (
    validityRule(validUntil, ctx) ?? consent(state, message, Math.max(pending.holdUntil, validUntil), ctx)
  )
}

function consent(
  state: ChannelState,
  offer: { readonly delta: bigint; readonly validUntil: number; readonly signature: Uint8Array },
  holdUntil: number,
  ctx: Context,
): Outcome {
  const { delta, validUntil } = offer
  const own = ctx.signer.sign(together(state, delta, validUntil))
  const signatures = withParty(placed(peerOf(state), offer.signature.slice()), state.setup.party, own)
  const agreed: PendingTogether = { delta, validUntil, holdUntil, offeredByUs: false, signatures }
  const next = { ...state, together: agreed }
  return done(next, ...consentMessage(next, agreed), ...togetherReady(agreed))
}

function consentMessage(state: ChannelState, pending: PendingTogether): readonly Effect[] {
  const signature = pending.signatures[state.setup.party]
  if (signature === undefined) return []
  const { delta, validUntil } = pending
  const { channelId } = state.setup
  return [send(state, { type: 'together-consent', channelId, delta, validUntil, signature })]
}

function togetherReady(pending: PendingTogether): readonly Effect[] {
  const [first, second] = pending.signatures
  if (first === undefined || second === undefined) return []
  const { delta, validUntil, offeredByUs } = pending
  return [{ type: 'close-together-ready', offeredByUs, delta, validUntil, signatures: [first, second] }]
}

function offerAgain(state: ChannelState): readonly Effect[] {
  const pending = state.together
  if (!pending?.offeredByUs || pending.signatures[peerOf(state)] !== undefined) return []
  const signature = pending.signatures[state.setup.party]
  if (signature === undefined) return []
  const { delta, validUntil } = pending
  return [
    send(state, { type: 'together-offer', channelId: state.setup.channelId, delta, validUntil, signature }),
  ]
}

function withdrawalAgain(state: ChannelState): readonly Effect[] {
  const { party, channelId } = state.setup
  const pending = state.withdrawals[party]
  const signature = pending?.signatures[party]
  if (pending === undefined || signature === undefined || pending.signatures[peerOf(state)] !== undefined)
    return []
  const { total, validUntil } = pending
  return [send(state, { type: 'withdrawal-request', channelId, party, total, validUntil, signature })]
}

function consentAgain(state: ChannelState, pending: PendingWithdrawal): Effect {
  const signature = pending.signatures[state.setup.party] ?? new Uint8Array(64)
  const { total, validUntil } = pending
  const { channelId } = state.setup
  return send(state, {
    type: 'withdrawal-consent',
    channelId,
    party: peerOf(state),
    total,
    validUntil,
    signature,
  })
}

function withdrawal(state: ChannelState, party: Party, total: bigint, validUntil: number) {
  const { domain, channelId } = state.setup
  return { type: 'Withdrawal', domain, channelId, party, total, validUntil } as const
}

function together(state: ChannelState, delta: bigint, validUntil: number) {
  const { domain, channelId } = state.setup
  return { type: 'CloseTogether', domain, channelId, delta, validUntil } as const
}

function withWithdrawal(
  state: ChannelState,
  party: Party,
  pending: PendingWithdrawal | undefined,
): ChannelState {
  return { ...state, withdrawals: withParty(state.withdrawals, party, pending) }
}

function placed(
  party: Party,
  signature: Uint8Array,
): readonly [Uint8Array | undefined, Uint8Array | undefined] {
  return party === 0 ? [signature, undefined] : [undefined, signature]
}

function validityRule(validUntil: number, ctx: Context): Refusal | undefined {
  const left = validUntil - nowSeconds(ctx)
  if (!Number.isSafeInteger(validUntil) || left < ctx.policy.safetyMarginSeconds)
    return refusal('validity-past', 'validUntil')
  return left > ctx.policy.maxValiditySeconds ? refusal('validity-long', 'validUntil') : undefined
}

/** CL-21: no live line of either direction holds a lock. */
function locksRule(state: ChannelState): Refusal | undefined {
  const { out, in: received } = state
  const pending =
    out.agreed.locks.count > 0 ||
    out.live.some(({ locks }) => locks.count > 0) ||
    received.accepted.locks.count > 0
  return pending ? refusal('locks-pending', 'channel') : undefined
}

/** True when `delta` gives us less than our last agreed lines do. */
function worse(state: ChannelState, delta: bigint): boolean {
  const fair = deltaOf(state)
  return state.setup.party === 0 ? delta < fair : delta > fair
}

/** The bank refuses a result outside 0..held, also when the pending withdrawals are executed first (CL-20). */
function heldRule(state: ChannelState, delta: bigint): Refusal | undefined {
  const due = ([0, 1] as const).map((party) => {
    return state.chain.deposits[party] - takenOut(state, party) + (party === 0 ? delta : -delta)
  })
  return due.every((amount) => amount >= 0n) ? undefined : refusal('held-exceeded', 'delta')
}
