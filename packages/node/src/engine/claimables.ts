/**
 * Payouts that the bank could not deliver wait there as claimable balances. The node takes its own: at start, and whenever
 * a final block shows that a payout to its account failed.
 */

import { paramsToChain } from '@tallystick/protocol'
import type { Runtime } from './runtime.ts'
import type { Hex } from './service.ts'

export async function takeClaimables(rt: Runtime): Promise<void> {
  const { chain, log } = rt.ports
  const tokens = new Set<Hex>()
  for (const { core } of rt.channels.values()) tokens.add(paramsToChain(core.setup.params).token)
  for (const token of tokens) {
    try {
      const amount = await chain.claimable(chain.account, token, 'final')
      if (amount === 0n) continue
      // The block makes it an intention of its own: a later failed payout is another one.
      const { number } = await chain.block('final')
      // After the last question: two looks at once, of a start and of a final block, must not both take it.
      if (!rt.running || rt.submissions.running(`claimable/${token}/`)) continue
      log.info({ token, amount: `${amount}` }, 'a payout waits in the bank')
      rt.submissions.submit(`claimable/${token}/${number}`, {
        kind: 'takeClaimable',
        token,
        to: chain.account,
      })
    } catch (error) {
      log.warn({ token, error: String(error) }, 'claimable balances cannot be read now')
    }
  }
}
