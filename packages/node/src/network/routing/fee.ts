/**
 * What a forwarder takes for carrying a lock (RT-10 to RT-16): the only place where fees are computed. Every hop of a
 * payment has the same expiry, so a policy is about money alone.
 */

import { FEE_BASE_LIMIT, type FeePolicy, MAX_AMOUNT, MAX_FEE_PPM } from '@tallystick/protocol'

const PPM = 1_000_000n

/** The field outside RT-11, or undefined. The bound on ppm makes the amount in grow, or stay, with the amount out. */
export function policyFault(policy: FeePolicy): keyof FeePolicy | undefined {
  const { feeBase, feePpm, minAmount, maxAmount } = policy
  if (feeBase <= -FEE_BASE_LIMIT || feeBase >= FEE_BASE_LIMIT) return 'feeBase'
  if (!Number.isInteger(feePpm) || Math.abs(feePpm) > MAX_FEE_PPM) return 'feePpm'
  if (minAmount < 0n || minAmount > MAX_AMOUNT) return 'minAmount'
  if (maxAmount < minAmount || maxAmount > MAX_AMOUNT) return 'maxAmount'
  return undefined
}

/**
 * `feeBase + ceil(amountOut * feePpm / 10^6)`, rounded towards positive infinity whatever the sign, so never below the
 * exact quotient: the forwarder's favour (RT-10).
 */
export function feeOf(policy: Pick<FeePolicy, 'feeBase' | 'feePpm'>, amountOut: bigint): bigint {
  const product = amountOut * BigInt(policy.feePpm)
  const towardsZero = product / PPM
  return policy.feeBase + (product > towardsZero * PPM ? towardsZero + 1n : towardsZero)
}

/** What must come in for `amountOut` to go out, or undefined where that is below one unit (RT-13): no such lock exists. */
export function amountInto(
  policy: Pick<FeePolicy, 'feeBase' | 'feePpm'>,
  amountOut: bigint,
): bigint | undefined {
  const amountIn = amountOut + feeOf(policy, amountOut)
  return amountIn < 1n ? undefined : amountIn
}

/** Why a forwarder does not carry a lock; `fee-low` comes with the fee that is asked. */
export type ForwardFault =
  | { readonly code: 'disabled' }
  | { readonly code: 'amount-low'; readonly minAmount: bigint }
  | { readonly code: 'amount-high'; readonly maxAmount: bigint }
  | { readonly code: 'fee-low'; readonly fee: bigint }

/**
 * The forwarder's own check of RT-12 and RT-14 (the money part of LK-40): undefined when `amountIn` may be carried on as
 * `amountOut`. A payer may give more than the fee, never less.
 */
export function forwardFault(
  policy: FeePolicy,
  amountIn: bigint,
  amountOut: bigint,
): ForwardFault | undefined {
  if (policy.disabled) return { code: 'disabled' }
  if (amountOut < 1n || amountOut < policy.minAmount)
    return { code: 'amount-low', minAmount: policy.minAmount }
  if (amountOut > policy.maxAmount) return { code: 'amount-high', maxAmount: policy.maxAmount }
  const fee = feeOf(policy, amountOut)
  if (amountIn < 1n || amountIn - amountOut < fee) return { code: 'fee-low', fee }
  return undefined
}

/**
 * The fee in float64, for ordering routes and never for charging them: exact while `amountOut * feePpm` and the result
 * are below 2^53, else within some units in the last place.
 */
export function approximateFee(feeBase: number, feePpm: number, amountOut: number): number {
  const product = amountOut * feePpm
  const nearest = Math.round(product / 1e6)
  return feeBase + (product > nearest * 1e6 ? nearest + 1 : nearest)
}
