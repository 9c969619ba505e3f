/** How much gas beyond the estimate a call gets as its limit. Unused gas is not paid for. */

import type { ChainCall } from '@tallystick/protocol'

/**
 * The bank refuses (`GasTooLow`) to call a failing payout failed unless it had its full allowance of 300,000 gas, plus
 * 1/63 for EIP-150, plus the call itself (contracts/src/bank/Payouts.sol). An estimate is made while payouts succeed; a
 * receiver that starts to fail before inclusion must not make our transaction revert.
 */
const PAYOUT_RESERVE = 360_000n

const PAYOUTS: Partial<Record<ChainCall['kind'], bigint>> = {
  withdraw: 1n,
  closeTogether: 2n,
  close: 1n,
  closeFor: 1n,
  challenge: 1n,
  settle: 2n,
  claimLocks: 1n,
  releaseLocks: 1n,
}

export function withPayoutReserve(kind: ChainCall['kind'], estimatedGas: bigint): bigint {
  return estimatedGas + (PAYOUTS[kind] ?? 0n) * PAYOUT_RESERVE
}
