/** When a lock may be placed and when it may go, as far as one channel shows it (docs/spec/locks.md). */

import { MAX_LOCK } from '../constants.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { checkKey, decodeKey } from '../locks/key.ts'
import { type Lock, type LockTree, lockAt } from '../locks/tree.ts'
import type { Drop, LockOperation, Unlock } from '../payment/operation.ts'
import { type Refusal, refusal } from '../refusal.ts'
import { type Context, nowSeconds } from './context.ts'
import type { OperationRule } from './line.ts'
import type { ChannelState, LockAnswer } from './state.ts'

/** What the payer may put into its own line. */
export function payerRule(state: ChannelState, ctx: Context): OperationRule {
  return (operation, field, lock) => {
    switch (operation.type) {
      case 'lock':
        return expiryRule(operation, field, ctx) ?? unresolvedRule(operation, field, ctx)
      case 'unlock':
        return lock && unlockRule(state, operation, lock, field, ctx)
      case 'drop':
        return lock && dropRule(state.out.answers, operation, lock, field, ctx)
    }
  }
}

/** What the receiver takes from the peer's line. An unlock pays the receiver: it is always welcome. */
export function receiverRule(state: ChannelState, ctx: Context): OperationRule {
  return (operation, field, lock, locks) => {
    switch (operation.type) {
      case 'lock':
        return (
          expiryRule(operation, field, ctx) ??
          unresolvedRule(operation, field, ctx) ??
          acceptLockRule(state, operation, field, locks, ctx)
        )
      case 'unlock':
        return undefined
      case 'drop':
        return lock && dropRule(state.in.answers, operation, lock, field, ctx)
    }
  }
}

/** The receiver's or payer's word on this lock's life. */
export function answerOn(answers: readonly LockAnswer[], lock: Lock): LockAnswer['answer'] | undefined {
  return answers.find(({ slot, born }) => slot === lock.slot && born === lock.born)?.answer
}

/** Answers whose lock is still in one of these trees. */
export function answersOnPending(
  answers: readonly LockAnswer[],
  trees: readonly LockTree[],
): readonly LockAnswer[] {
  if (answers.length === 0) return answers
  const kept = answers.filter(({ slot, born }) => trees.some((tree) => lockAt(tree, slot)?.born === born))
  return kept.length === answers.length ? answers : kept
}

/** LK-20, LK-21: final blocks show that the expiry passed without a resolution at or before it. */
function expiredUnresolved(lock: Lock, ctx: Context): boolean {
  if (ctx.finalTimeSeconds <= lock.expiry) return false
  const resolution = ctx.registry.resolution(lock.condition)
  return resolution !== undefined && (resolution.final === 0 || resolution.final > lock.expiry)
}

/** LK-12: a final registry resolution at or before expiry. */
export function resolvedInTime(lock: Lock, ctx: Context): boolean {
  const final = ctx.registry.resolution(lock.condition)?.final ?? 0
  return final > 0 && final <= lock.expiry
}

/** LK-3. */
function expiryRule(operation: LockOperation, field: string, ctx: Context): Refusal | undefined {
  const left = operation.expiry - nowSeconds(ctx)
  if (left < ctx.policy.safetyMarginSeconds) return refusal('lock-expiry-near', `${field}.expiry`)
  return left > MAX_LOCK ? refusal('lock-expiry-far', `${field}.expiry`) : undefined
}

/** LK-4. */
function unresolvedRule(operation: LockOperation, field: string, ctx: Context): Refusal | undefined {
  const resolution = ctx.registry.resolution(operation.condition)
  if (resolution === undefined) return refusal('condition-unknown', `${field}.condition`)
  return resolution.latest > 0 || resolution.final > 0
    ? refusal('condition-resolved', `${field}.condition`)
    : undefined
}

/** LK-2, LK-5, LK-53. */
function acceptLockRule(
  state: ChannelState,
  operation: LockOperation,
  field: string,
  locks: LockTree,
  ctx: Context,
): Refusal | undefined {
  const { policy } = ctx
  if (operation.amount < policy.minLockAmount)
    return refusal('lock-too-small', `${field}.amount`, `at least ${policy.minLockAmount}`)
  if (locks.count >= policy.maxPendingLocks)
    return refusal('locks-too-many', field, `${policy.maxPendingLocks}`)
  if (locks.amount + operation.amount > policy.maxPendingLockAmount)
    return refusal('locks-too-much', `${field}.amount`, `at most ${policy.maxPendingLockAmount} pending`)
  const shown = state.in.answers.some(({ slot, born, answer }) => {
    if (answer.type !== 'key' || !answer.released) return false
    const other = lockAt(state.in.accepted.locks, slot)
    return other !== undefined && other.born === born && equalBytes(other.condition, operation.condition)
  })
  return shown || policy.refusesCondition(operation.condition)
    ? refusal('condition-closed', `${field}.condition`)
    : undefined
}

/** LK-10 to LK-12. */
function unlockRule(
  state: ChannelState,
  operation: Unlock,
  lock: Lock,
  field: string,
  ctx: Context,
): Refusal | undefined {
  if (resolvedInTime(lock, ctx)) return undefined
  if (nowSeconds(ctx) > lock.expiry - ctx.policy.safetyMarginSeconds)
    return refusal('unlock-not-due', `${field}.slot`, 'after expiry - T only a final resolution counts')
  const answer = answerOn(state.out.answers, lock)
  const bytes = operation.key.length > 0 ? operation.key : answer?.type === 'key' ? answer.key : undefined
  if (bytes === undefined) return refusal('unlock-not-due', `${field}.key`, 'no key was shown')
  const key = decodeKey(bytes)
  if ('code' in key) return key
  return checkKey(ctx.crypto, state.setup.registry, lock.condition, key)
}

/** LK-20 for the payer, LK-21 for the receiver: asked to fail, or expired unresolved in final blocks. */
function dropRule(
  answers: readonly LockAnswer[],
  _operation: Drop,
  lock: Lock,
  field: string,
  ctx: Context,
): Refusal | undefined {
  if (answerOn(answers, lock)?.type === 'fail' || expiredUnresolved(lock, ctx)) return undefined
  return refusal('drop-not-due', `${field}.slot`)
}
