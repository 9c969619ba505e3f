/** What a call takes from the account's tokens. */

import type { ChainCall } from '@tallystick/protocol'
import { type Hex, zeroAddress } from 'viem'

/** The token that a call moves from the account into the bank, and how much; undefined for none or the native coin. */
export function tokenNeed(call: ChainCall): { readonly token: Hex; readonly amount: bigint } | undefined {
  if (call.kind !== 'fund' && call.kind !== 'fundJointly') return undefined
  const { token } = call.params
  if (token === zeroAddress) return undefined
  return { token, amount: call.kind === 'fund' ? call.amount : call.amounts[call.party] }
}
