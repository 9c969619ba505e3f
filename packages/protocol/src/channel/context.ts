/** What a step may look at beside state and input: pure ports, and the time and chain facts of this moment. */

import type { Crypto, Signer } from '../ports/crypto.ts'

export interface Context {
  readonly crypto: Crypto
  /** Its address is `params.signer[party]`. */
  readonly signer: Signer
  /** The local clock. */
  readonly nowMs: number
  /** Timestamp of the newest block seen; 0 when none. Time limits count from the later of this and the clock. */
  readonly headTimeSeconds: number
  /** Timestamp of the newest final block; `registry` answers are of this block or a later one. */
  readonly finalTimeSeconds: number
  readonly registry: RegistryView
  readonly policy: Policy
}

export interface RegistryView {
  /**
   * When the condition was met (unix seconds, 0: not met), in final blocks and in the newest block. Undefined: not
   * known now, as while the chain cannot be seen.
   */
  resolution(conditionId: Uint8Array): { readonly final: number; readonly latest: number } | undefined
}

/** This node's own limits. They never refuse a line without operations (LN-16). */
export interface Policy {
  /** T (SEC-1): time to get a transaction included, plus finality, plus clock skew. Seconds. */
  readonly safetyMarginSeconds: number
  /** Least amount of one incoming payment. A unit each costs the receiver a durable record, and is worth none. Base units. */
  readonly minPaymentAmount: bigint
  /** Least amount of an incoming lock: what resolving and claiming it costs. Base units. */
  readonly minLockAmount: bigint
  readonly maxPendingLocks: number
  readonly maxPendingLockAmount: bigint
  /** Longest `validUntil` that a withdrawal or common close may have: the money is reserved until then. Seconds. */
  readonly maxValiditySeconds: number
  /** Refuses every line with operations (a paused or throttled peer). */
  readonly refuseOperations: boolean
  /** Refuses new locks on this condition: its preimage is already shown (LK-53), or it is used up. */
  refusesCondition(conditionId: Uint8Array): boolean
}

/** The present, as time limits of the chain see it: unix seconds. */
export function nowSeconds(ctx: Pick<Context, 'nowMs' | 'headTimeSeconds'>): number {
  return Math.max(Math.floor(ctx.nowMs / 1000), ctx.headTimeSeconds)
}
