/**
 * Payouts that the bank could not deliver wait there as claimable balances. The node takes its own: at start, whenever
 * a final block shows that a payout to its account failed, and again later when it could not be taken.
 */

import { paramsToChain } from '@tallystick/protocol'
import type { Runtime } from './runtime.ts'
import type { Hex } from './service.ts'

const FIRST_RETRY_MS = 2_000
const LAST_RETRY_MS = 600_000

export async function takeClaimables(rt: Runtime, failures = 0): Promise<void> {
  const tokens = new Set<Hex>()
  for (const { core } of rt.channels.values()) tokens.add(paramsToChain(core.setup.params).token)
  for (const token of tokens) await takeOne(rt, token, failures)
}

async function takeOne(rt: Runtime, token: Hex, failures: number): Promise<void> {
  const { chain, log } = rt.ports
  const again = () => {
    const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)
    setTimeout(() => rt.running && void takeOne(rt, token, failures + 1), waitMs).unref()
  }
  try {
    const amount = await chain.claimable(chain.account, token, 'final')
    if (amount === 0n) return
    // The block makes it an intention of its own: a later failed payout is another one.
    const { number } = await chain.block('final')
    // After the last question: two looks at once, of a start and of a final block, must not both take it.
    if (!rt.running || rt.submissions.running(`claimable/${token}/`)) return
    log.info({ token, amount: `${amount}` }, 'a payout waits in the bank')
    const call = { kind: 'takeClaimable', token, to: chain.account } as const
    rt.submissions.submit(`claimable/${token}/${number}`, call, { onFailed: again })
  } catch (error) {
    log.warn({ token, error: String(error) }, 'claimable balances cannot be read now')
    if (rt.running) again()
  }
}
