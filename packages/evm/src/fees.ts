/** EIP-1559 fees: what to offer first, and how much more when nobody took it. */

export interface Fees {
  /** Wei per gas, both. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

export interface FeeCaps {
  /** Never more than this a gas, base fee included. */
  readonly maxFeePerGas: bigint
  /** Never more than this a gas for the block's builder, whatever the endpoint suggests. */
  readonly maxPriorityFeePerGas: bigint
}

const GWEI = 1_000_000_000n

/** Far above any market seen, so that an endpoint that suggests nonsense cannot empty the account. */
export const DEFAULT_FEE_CAPS: FeeCaps = { maxFeePerGas: 5_000n * GWEI, maxPriorityFeePerGas: 100n * GWEI }

/**
 * Twice the base fee leaves room for six full blocks (each raises it by at most an eighth, EIP-1559) before the
 * transaction has to be replaced; the base fee is burnt at its real height, so the room costs nothing.
 */
export function marketFees(baseFeePerGas: bigint, suggestedPriorityFee: bigint, caps: FeeCaps): Fees {
  const maxPriorityFeePerGas = min(max(suggestedPriorityFee, 1n), caps.maxPriorityFeePerGas)
  const maxFeePerGas = min(baseFeePerGas * 2n + maxPriorityFeePerGas, caps.maxFeePerGas)
  return { maxFeePerGas, maxPriorityFeePerGas: min(maxPriorityFeePerGas, maxFeePerGas) }
}

/**
 * Fees that replace a waiting transaction: nodes want both at least 10 % higher (go-ethereum; others 12.5 %).
 * `market` is within the caps already. Undefined when the caps do not allow to replace.
 */
export function replacementFees(previous: Fees, market: Fees, caps: FeeCaps): Fees | undefined {
  const maxPriorityFeePerGas = max(raised(previous.maxPriorityFeePerGas), market.maxPriorityFeePerGas)
  const maxFeePerGas = max(max(raised(previous.maxFeePerGas), market.maxFeePerGas), maxPriorityFeePerGas)
  if (maxFeePerGas > caps.maxFeePerGas || maxPriorityFeePerGas > caps.maxPriorityFeePerGas) return undefined
  return { maxFeePerGas, maxPriorityFeePerGas }
}

/** An eighth more, rounded up. */
function raised(fee: bigint): bigint {
  return fee + (fee + 7n) / 8n
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
