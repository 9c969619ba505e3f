/** Facts that are derived from a state, never stored. */

import { freeSlot, type LockTree, lockAt } from '../locks/tree.ts'
import { decodeOperations, type Operation } from '../payment/operation.ts'
import type { ChannelInput } from './input.ts'
import { isRefusal, stopped } from './result.ts'
import type { ChannelState } from './state.ts'

export { lockMayStillPay } from './answers.ts'
export { receivable } from './receiver.ts'
export { spendable } from './sender.ts'

/** True when lines may be signed and accepted: open in final blocks, not frozen, no data lost. */
export function isUsable(state: ChannelState): boolean {
  return stopped(state, 'channel') === undefined
}

/**
 * True when burnt lines hold money and nothing on its way will clear them: send any line that the peer will accept, if
 * need be one without operations (LN-16).
 */
export function wantsClearing(state: ChannelState): boolean {
  const { live, tip } = state.out
  return (
    isUsable(state) &&
    live.some(({ burnt }) => burnt) &&
    !live.some(({ nonce, burnt }) => !burnt && nonce >= tip.nonce)
  )
}

/** A slot free in the line that the next one continues. */
export function freeOutSlot(state: ChannelState): number | undefined {
  return freeSlot(state.out.tip.locks)
}

/** Conditions whose registry state a step with this input may ask for (`Context.registry`). */
export function conditionsToLookUp(state: ChannelState, input: ChannelInput): readonly Uint8Array[] {
  if (input.type === 'send') {
    const { locks } = state.out.tip
    return input.operations.flatMap((operation) => conditionOf(operation, locks))
  }
  if (input.type !== 'message' || input.message.type !== 'update') return []
  const encoded = decodeOperations(input.message.operations, input.message.operationCount)
  if (isRefusal(encoded)) return []
  const { locks } = state.in.accepted
  return encoded.operations.flatMap((operation) => conditionOf(operation, locks))
}

function conditionOf(operation: Operation, locks: LockTree): readonly Uint8Array[] {
  if (operation.type === 'pay') return []
  if (operation.type === 'lock') return [operation.condition]
  const lock = lockAt(locks, operation.slot)
  return lock === undefined ? [] : [lock.condition]
}
