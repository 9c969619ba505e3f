/** What the receiver of a lock says of it: here is the key, or let it go (LK-10, LK-13, LK-30 to LK-32). */

import { MAX_FAIL_DATA } from '../constants.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { checkKey, decodeKey, encodeKey, type Key } from '../locks/key.ts'
import { type Lock, type LockTree, lockAt } from '../locks/tree.ts'
import { refusal } from '../refusal.ts'
import type { LockFail, LockKey } from '../wire/message.ts'
import { type Context, nowSeconds } from './context.ts'
import type { Effect } from './effect.ts'
import { answerOn } from './lock-rules.ts'
import { done, isRefusal, type Outcome, send } from './result.ts'
import type { ChannelState, LockAnswer } from './state.ts'

/** Keeps the key of an incoming lock; with `release` it also goes to the payer. */
export function knowKey(
  state: ChannelState,
  named: { readonly slot: number; readonly born: number; readonly key: Key; readonly release: boolean },
  ctx: Context,
): Outcome {
  const lock = namedLock(state.in.accepted.locks, named)
  if (lock === undefined) return refusal('lock-unknown', 'slot')
  const wrong = checkKey(ctx.crypto, state.setup.registry, lock.condition, named.key)
  if (wrong !== undefined) return wrong
  const answer = answerOn(state.in.answers, lock)
  if (answer?.type === 'fail') return refusal('key-withheld', 'slot')
  if (named.release && state.closing !== undefined) return refusal('closing', 'channel')
  if (named.release && nowSeconds(ctx) > lock.expiry - ctx.policy.safetyMarginSeconds)
    return refusal('key-late', 'slot')
  const released = named.release || (answer?.type === 'key' && answer.released)
  const said: LockAnswer = {
    slot: lock.slot,
    born: lock.born,
    answer: { type: 'key', key: encodeKey(named.key), released },
  }
  const next = { ...state, in: { ...state.in, answers: withAnswer(state.in.answers, said) } }
  return named.release ? done(next, ...answerMessage(next, said)) : done(next)
}

/** Asks the payer to drop an incoming lock. Irrevocable: from now on its key is never released (LK-32). */
export function askFail(
  state: ChannelState,
  named: {
    readonly slot: number
    readonly born: number
    readonly reason: number
    readonly data: Uint8Array
  },
): Outcome {
  const lock = namedLock(state.in.accepted.locks, named)
  if (lock === undefined) return refusal('lock-unknown', 'slot')
  const answer = answerOn(state.in.answers, lock)
  if (answer?.type === 'key' && answer.released) return refusal('key-released', 'slot')
  if (!Number.isInteger(named.reason) || named.reason < 0 || named.reason > 0xffff)
    return refusal('operations-malformed', 'reason', 'not a uint16')
  if (named.data.length > MAX_FAIL_DATA)
    return refusal('operations-malformed', 'data', `at most ${MAX_FAIL_DATA} bytes`)
  const said: LockAnswer = {
    slot: lock.slot,
    born: lock.born,
    answer:
      answer?.type === 'fail' ? answer : { type: 'fail', reason: named.reason, data: named.data.slice() },
  }
  const next = { ...state, in: { ...state.in, answers: withAnswer(state.in.answers, said) } }
  return done(next, ...answerMessage(next, said))
}

/** The peer shows the key of an own lock: kept even when late, because an incoming lock may need it. */
export function takeLockKey(state: ChannelState, message: LockKey, ctx: Context): Outcome {
  const lock = namedLock(state.out.tip.locks, message)
  // Already unlocked or dropped: a repeated message.
  if (lock === undefined) return done(state)
  const answer = answerOn(state.out.answers, lock)
  if (answer?.type === 'key' && equalBytes(answer.key, message.key)) return done(state)
  const key = decodeKey(message.key)
  const wrong = isRefusal(key) ? key : checkKey(ctx.crypto, state.setup.registry, lock.condition, key)
  if (wrong !== undefined) return wrong
  const { slot, born } = lock
  const said: LockAnswer = { slot, born, answer: { type: 'key', key: message.key.slice(), released: true } }
  const next = { ...state, out: { ...state.out, answers: withAnswer(state.out.answers, said) } }
  return done(next, { type: 'key-shown', slot, born, key: message.key.slice() })
}

/** The peer asks to fail an own lock. A key that it showed before counts for more. */
export function takeLockFail(state: ChannelState, message: LockFail): Outcome {
  const lock = namedLock(state.out.tip.locks, message)
  if (lock === undefined || answerOn(state.out.answers, lock) !== undefined) return done(state)
  const { slot, born } = lock
  const { reason } = message
  const data = message.data.slice()
  const said: LockAnswer = { slot, born, answer: { type: 'fail', reason, data } }
  const next = { ...state, out: { ...state.out, answers: withAnswer(state.out.answers, said) } }
  return done(next, { type: 'fail-asked', slot, born, reason, data })
}

/** What was said and not acted on yet: sent again after a sync. */
export function answersAgain(state: ChannelState): readonly Effect[] {
  if (state.closing !== undefined) return []
  return state.in.answers
    .filter((said) => namedLock(state.in.accepted.locks, said) !== undefined)
    .flatMap((said) => answerMessage(state, said))
}

/**
 * True while a line that the peer may still use holds this own lock: the agreed one or any live one. An incoming lock
 * must not be failed, nor the payment tried again, before this is false (LN-32, LK-30).
 */
export function lockMayStillPay(state: ChannelState, slot: number, born: number): boolean {
  return [state.out.agreed, ...state.out.live].some(({ locks }) => lockAt(locks, slot)?.born === born)
}

function answerMessage(state: ChannelState, said: LockAnswer): readonly Effect[] {
  const { channelId } = state.setup
  const { slot, born, answer } = said
  if (answer.type === 'fail')
    return [
      send(state, { type: 'lock-fail', channelId, slot, born, reason: answer.reason, data: answer.data }),
    ]
  return answer.released ? [send(state, { type: 'lock-key', channelId, slot, born, key: answer.key })] : []
}

function namedLock(
  tree: LockTree,
  named: { readonly slot: number; readonly born: number },
): Lock | undefined {
  const lock = lockAt(tree, named.slot)
  return lock?.born === named.born ? lock : undefined
}

function withAnswer(answers: readonly LockAnswer[], said: LockAnswer): readonly LockAnswer[] {
  return [...answers.filter(({ slot, born }) => slot !== said.slot || born !== said.born), said]
}
