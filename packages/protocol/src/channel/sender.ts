/**
 * The own direction: lines that we sign, and what the peer says of them (LN-10 to LN-16, LN-30 to LN-32, LN-40).
 *
 * Invariants:
 * - A nonce is signed once. `lastNonce` only grows, and a line is never signed again: resends are stored bytes.
 * - Every line above the newest acknowledged one is live: the peer may still use it, burnt or not. Its money is not free.
 * - A line continues the newest line that the peer may accept; after a refusal that is the last accepted one.
 * - `acked` is what we hold acknowledged when we sign, so it is never above what we would state at close (CL-4).
 */

import { ACK_LAG_LINES, MAX_NONCE, NONCE_WINDOW, PAYER_WINDOW } from '../constants.ts'
import { encodeOperations, type Operation } from '../payment/operation.ts'
import { type Refusal, refusal } from '../refusal.ts'
import type { Acknowledgement, RefusalMessage, Update } from '../wire/message.ts'
import { greater, lesser } from './amount.ts'
import type { Context } from './context.ts'
import { applyOperations, balanceProof, committed, lineDigest } from './line.ts'
import { answersOnPending, payerRule } from './lock-rules.ts'
import { done, isRefusal, type Outcome, peerOf, send, signedBy, stopped, takenOut } from './result.ts'
import type { ChannelState, OutLine, SenderState } from './state.ts'

/** Signs one line. */
export function signLine(state: ChannelState, operations: readonly Operation[], ctx: Context): Outcome {
  const wrong = stopped(state, 'channel') ?? windowRule(state.out, operations.length > 0)
  if (wrong !== undefined) return wrong
  const encoded = encodeOperations(operations)
  if (isRefusal(encoded)) return encoded
  const { setup, out } = state
  const nonce = out.lastNonce + 1
  const next = applyOperations(ctx.crypto, out.tip, encoded, nonce, payerRule(state, ctx))
  if (isRefusal(next)) return next
  const increase = committed(next.content) - committed(out.tip.content)
  if (increase > 0n && increase > spendable(state))
    return refusal('insufficient', 'operations', `spendable ${spendable(state)}, needed ${increase}`)
  const line: OutLine = { nonce, base: out.tip.nonce, acked: out.agreed.nonce, ...next, burnt: false }
  const direction = setup.party
  const message: Update = {
    type: 'update',
    channelId: setup.channelId,
    direction,
    nonce,
    base: line.base,
    acked: line.acked,
    operationCount: encoded.ends.length,
    operations: encoded.bytes,
    signature: ctx.signer.sign(balanceProof(setup, direction, line)),
  }
  const signed = { ...state, out: withLine(out, line) }
  return done(signed, send(signed, message))
}

/** The most that new operations can take now. Money of live lines is not free, burnt or not (LN-32). */
export function spendable(state: ChannelState): bigint {
  const free = ownLimit(state) - state.out.mostCommitted
  return free > 0n ? free : 0n
}

/**
 * What the peer will let `sent + locked` reach: LN-23 seen from the payer. Received money counts once we acknowledged it,
 * because the ack goes out before the line that spends it (LN-42).
 */
function ownLimit(state: ChannelState): bigint {
  const { party } = state.setup
  return state.chain.deposits[party] - takenOut(state, party) + state.in.acked.content.sent
}

/** The peer's acknowledgement. Taken in whatever state the channel is: it is only ever good for us. */
export function takeAck(state: ChannelState, message: Acknowledgement, ctx: Context): Outcome {
  const { out, setup } = state
  if (message.direction !== setup.party) return refusal('wrong-direction', 'direction')
  if (message.nonce <= out.agreed.nonce) return refusal('ack-stale', 'nonce')
  const line = out.live.find(({ nonce }) => nonce === message.nonce)
  if (line === undefined) return refusal('ack-unknown', 'nonce', `${message.nonce} was never signed`)
  const digest = lineDigest(ctx.crypto, setup, setup.party, line)
  if (!signedBy(state, ctx, peerOf(state), digest, message.signature))
    return refusal('signature-wrong', 'signature')
  const included = ancestry(out, line)
  const paid = new Set(included)
  const voided = out.live.filter(({ nonce }) => nonce < line.nonce && !paid.has(nonce))
  const rest = out.live.filter(({ nonce }) => nonce > line.nonce)
  const agreed = line.burnt ? { ...line, burnt: false } : line
  const next = withTip({
    ...out,
    agreed,
    ack: message.signature.slice(),
    live: rest,
    knownAccepted: Math.max(out.knownAccepted, line.nonce),
  })
  return done(
    { ...state, out: next },
    { type: 'agreed', included, voided: voided.map(({ nonce }) => nonce), message },
  )
}

/** The peer refused a line (LN-30, LN-31): it and what was built on it are burnt, and live. */
export function takeRefusal(state: ChannelState, message: RefusalMessage): Outcome {
  const { out } = state
  const refused = out.live.find(({ nonce }) => nonce === message.nonce)
  if (refused === undefined) return refusal('refusal-stale', 'nonce', 'not a live line')
  if (message.lastAccepted < out.agreed.nonce)
    return refusal('refusal-stale', 'lastAccepted', `${out.agreed.nonce} is acknowledged`)
  if (lineAt(out, message.lastAccepted) === undefined)
    return refusal('sync-contradicted', 'lastAccepted', `${message.lastAccepted} was never signed`)
  const known = Math.max(out.knownAccepted, message.lastAccepted)
  const live = out.live.map((line) =>
    line.nonce > known && line.nonce <= message.nonce && !line.burnt ? { ...line, burnt: true } : line,
  )
  const next = withTip({ ...out, live, knownAccepted: known })
  const burnt = next.live.filter((line, index) => line.burnt && out.live[index]?.burnt === false)
  const after = { ...state, out: next }
  if (burnt.length === 0) return done(after)
  const nonces = burnt.map(({ nonce }) => nonce)
  return done(after, { type: 'burnt', nonces, refusal: refusal(message.code, message.field) })
}

/** The line with this nonce, if it is agreed or live; nonce 0 only while nothing is agreed. */
export function lineAt(out: SenderState, nonce: number): OutLine | undefined {
  return nonce === out.agreed.nonce ? out.agreed : out.live.find((line) => line.nonce === nonce)
}

/**
 * Recomputes what hangs on `agreed`, `live` and `knownAccepted`: the tip is the newest line that continues the last known
 * accepted one without a burnt line between; lines that do not are burnt.
 */
export function withTip(out: SenderState): SenderState {
  let tip = lineAt(out, out.knownAccepted) ?? out.agreed
  const chain = new Set([tip.nonce])
  let leastSent = out.agreed.content.sent
  let mostCommitted = committed(out.agreed.content)
  let changed = false
  const live = out.live.map((line) => {
    leastSent = lesser(leastSent, line.content.sent)
    mostCommitted = greater(mostCommitted, committed(line.content))
    if (line.nonce <= tip.nonce || line.burnt) return line
    if (!chain.has(line.base)) {
      changed = true
      return { ...line, burnt: true }
    }
    chain.add(line.nonce)
    tip = line
    return line
  })
  const trees = [out.agreed.locks, ...live.map(({ locks }) => locks)]
  const answers = answersOnPending(out.answers, trees)
  return { ...out, live: changed ? live : out.live, tip, leastSent, mostCommitted, answers }
}

/** LN-15, and never so far above the last ack that a line in flight could lag by more than EN-8. */
function windowRule(out: SenderState, hasOperations: boolean): Refusal | undefined {
  const nonce = out.lastNonce + 1
  if (nonce > MAX_NONCE) return refusal('window-full', 'nonce')
  const full = hasOperations
    ? nonce - out.knownAccepted > PAYER_WINDOW || nonce - out.agreed.nonce > ACK_LAG_LINES
    : nonce - out.knownAccepted > NONCE_WINDOW || nonce - out.agreed.nonce > NONCE_WINDOW
  return full ? refusal('window-full', 'nonce') : undefined
}

/** A line pays at least what its base pays, and the base counts already: `leastSent` stays. */
function withLine(out: SenderState, line: OutLine): SenderState {
  return {
    ...out,
    live: [...out.live, line],
    tip: line,
    lastNonce: line.nonce,
    mostCommitted: greater(out.mostCommitted, committed(line.content)),
  }
}

/** Nonces of the live lines that `line` continues, itself last. */
function ancestry(out: SenderState, line: OutLine): number[] {
  const found = [line.nonce]
  let wanted = line.base
  for (let i = out.live.indexOf(line) - 1; i >= 0; i -= 1) {
    const earlier = out.live[i]
    if (earlier?.nonce !== wanted) continue
    found.push(wanted)
    wanted = earlier.base
  }
  return found.reverse()
}
