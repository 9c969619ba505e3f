/** Facts that are derived from the state of a joint payment, never stored. */

import { equalBytes } from '../encoding/bytes.ts'
import type { Direction } from '../encoding/signable.ts'
import type { JointContext } from './context.ts'
import type { JointState } from './state.ts'

/** Number of the hop in the terms; undefined when the payment does not cross that direction. */
export function hopOf(state: JointState, channelId: Uint8Array, direction: Direction): number | undefined {
  const { hops } = state.setup.terms
  const at = hops.findIndex((hop) => hop.direction === direction && equalBytes(hop.channelId, channelId))
  return at === -1 ? undefined : at
}

/** This party's signature on the condition is made: from here on only abort, key or chain decide. */
export function hasSigned(state: JointState): boolean {
  return state.approvals[state.setup.self] !== undefined
}

export function isCustomer(state: JointState): boolean {
  return state.setup.self === state.setup.graph.customer
}

/** The condition is met, or everything is there to meet it: own locks are to be paid. */
export function isDue(state: JointState): boolean {
  return state.key !== undefined || state.final?.type === 'met'
}

/**
 * The outcome is known and no own lock can pay any more. The record answers neighbours that missed a message until the expiry
 * is past in final blocks; deleting it earlier would let an old id in again (LK-50).
 */
export function isJointSettled(state: JointState): boolean {
  const expired = state.final?.type === 'expired'
  return (
    state.outcome !== undefined &&
    !state.outgoing.some(({ status }) => status === 'asked' || status === 'placed') &&
    (expired || !state.incoming.some(({ status }) => status === 'held'))
  )
}

/** Unpaid, or a customer that cannot show that the payees were paid: the registry must know by the expiry. */
export function needsRegistry(state: JointState): boolean {
  const unpaid = state.incoming.some(({ status, failing }) => status === 'held' && !failing)
  return unpaid || (isCustomer(state) && state.receipts.includes(undefined))
}

/** When a `tick` next changes something, unix milliseconds; undefined: not before another input. */
export function jointWakeAtMs(
  state: JointState,
  ctx: Pick<JointContext, 'headTimeSeconds' | 'policy'>,
): number | undefined {
  const { policy } = ctx
  const { expiry } = state.setup.terms
  if (state.final !== undefined || ctx.headTimeSeconds > expiry) return undefined
  const margin = expiry - policy.safetyMarginSeconds
  if (state.key !== undefined) return state.posted || !needsRegistry(state) ? undefined : margin * 1000
  if (hasSigned(state) || state.givenUp) return undefined
  const patienceMs = isCustomer(state) ? policy.abortAfterMs : policy.patienceMs
  const lateMs = (margin - policy.signingMarginSeconds + 1) * 1000
  return Math.min(state.progressAtMs + patienceMs, lateMs)
}
