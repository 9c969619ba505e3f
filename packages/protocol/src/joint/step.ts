/**
 * The machine of one party of a joint payment: one function from state, input and context to the next state and effects, or
 * a refusal (docs/spec/joint.md).
 *
 * The engine makes the new state durable, in the transaction of the channel lines that the input came from, and only then
 * performs the effects. `stepJoint` never throws for anything that a peer, a chain or a caller can put into an input that has
 * the declared types.
 */

import { equalBytes } from '../encoding/bytes.ts'
import { checkKey, decodeKey } from '../locks/key.ts'
import { advance, giveUp } from './advance.ts'
import type { JointContext } from './context.ts'
import { duesOf, newDues, withoutEcho } from './dues.ts'
import type { JointEffect } from './effect.ts'
import { hasSigned } from './facts.ts'
import type { JointInput } from './input.ts'
import { takeMessage } from './messages.ts'
import { takeAccepted, takeIncomingEnd, takeOutgoingEnd, takePlaced } from './own-locks.ts'
import { type JointRefusal, type JointRefusalCode, jointRefusal } from './refusal.ts'
import type { JointStep } from './start.ts'
import type { JointState } from './state.ts'

export function stepJoint(state: JointState, input: JointInput, ctx: JointContext): JointStep {
  const taken = take(state, input, ctx)
  if ('code' in taken) return { ok: false, refusal: taken, reply: undefined }
  const next = advance(progressed(state, taken, ctx), ctx)
  return { ok: true, state: next, effects: effectsOf(state, next, input) }
}

function take(state: JointState, input: JointInput, ctx: JointContext): JointState | JointRefusal {
  switch (input.type) {
    case 'message':
      return takeMessage(state, input.from, input.message, ctx)
    case 'lock-accepted':
      return takeAccepted(state, input, ctx)
    case 'lock-paid':
    case 'lock-dropped':
      return takeIncomingEnd(state, input, ctx)
    case 'lock-placed':
      return takePlaced(state, input)
    case 'lock-void':
    case 'lock-refused':
    case 'lock-folded':
      return takeOutgoingEnd(state, input, ctx)
    case 'key-seen':
      return takeKey(state, input.key, ctx)
    case 'final':
      return takeFinal(state, input.timeSeconds, input.resolvedAt)
    case 'give-up':
      return giveUpByWish(state, input.code, ctx)
    case 'connected':
    case 'tick':
    case 'resume':
      return state
  }
}

/** What the new state calls for and the old did not; all of it again after a restart, all messages to who came back. */
function effectsOf(before: JointState, after: JointState, input: JointInput): readonly JointEffect[] {
  if (before === after && input.type !== 'connected' && input.type !== 'resume') return []
  const dues = duesOf(after)
  if (input.type === 'resume') return [...dues.values()].filter(({ type }) => type !== 'send')
  const fresh = newDues(duesOf(before), dues)
  if (input.type === 'message') return withoutEcho(fresh, input.from, input.message)
  if (input.type !== 'connected') return fresh
  const again = [...dues.values()].filter((due) => due.type === 'send' && equalBytes(due.to, input.peer))
  return [...again, ...fresh.filter((due) => due.type !== 'send' || !equalBytes(due.to, input.peer))]
}

function progressed(before: JointState, after: JointState, ctx: JointContext): JointState {
  const forward =
    before.approvals !== after.approvals ||
    before.outgoing !== after.outgoing ||
    before.incoming !== after.incoming
  return forward ? { ...after, progressAtMs: ctx.nowMs } : after
}

/** LK-11: exactly the bytes that the registry would take, whoever shows them, whichever form of approval they have. */
function takeKey(state: JointState, bytes: Uint8Array, ctx: JointContext): JointState | JointRefusal {
  if (state.key !== undefined) return state
  const { registry, conditionId } = state.setup
  const key = decodeKey(bytes.slice())
  const wrong = 'code' in key ? key : checkKey(ctx.crypto, registry, conditionId, key)
  if (wrong !== undefined) return jointRefusal('key-wrong', wrong.field, wrong.detail)
  if ('code' in key || key.kind !== 'signed') return jointRefusal('key-wrong', 'kind')
  return { ...state, approvals: state.approvals.map((known, index) => known ?? key.approvals[index]) }
}

function takeFinal(state: JointState, timeSeconds: number, resolvedAt: number): JointState {
  const { expiry } = state.setup.terms
  if (state.final !== undefined) return state
  if (resolvedAt > 0 && resolvedAt <= expiry)
    return { ...state, final: { type: 'met', atSeconds: resolvedAt } }
  return timeSeconds > expiry ? { ...state, final: { type: 'expired' } } : state
}

function giveUpByWish(
  state: JointState,
  code: JointRefusalCode,
  ctx: JointContext,
): JointState | JointRefusal {
  if (hasSigned(state)) return jointRefusal('signed', 'payment')
  return state.outcome === undefined
    ? giveUp(state, { code, party: state.setup.self }, ctx)
    : jointRefusal('ended', 'payment')
}
