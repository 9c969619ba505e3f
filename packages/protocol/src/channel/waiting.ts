/** Facts that are derived from a state, never stored. */

import { freeSlot } from '../locks/tree.ts'
import { stopped } from './result.ts'
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
