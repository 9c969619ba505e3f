/** How long a payment over strangers may hold money: what its payer configured, and never less than the payee needs. */

import { describe, expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import { hintsOf, lineOf, nodeAt } from './network-rig.ts'

const MARGINS = { safety: 20, forward: 100 }

async function lockTimeOf(lockTimeSeconds: number): Promise<number> {
  const config = {
    lockTimeSeconds,
    forwardMarginSeconds: MARGINS.forward,
    policy: { ...DEFAULT_CONFIG.policy, safetyMarginSeconds: MARGINS.safety },
  }
  const line = await lineOf(3, { alice: { config }, bob: { config }, carol: { config } })
  const routes = [hintsOf(line)]
  const { text } = await nodeAt(line, -1).service.createInvoice({
    token: line.world.token,
    amount: 10n,
    routes,
  })
  const before = Math.floor(Date.now() / 1000)
  const paid = await nodeAt(line, 0).service.payInvoice({ invoice: text })
  expect(paid).toMatchObject({ state: 'succeeded' })
  const [part] = paid.parts
  // Rounded down to the seconds before it was asked; what the asking took is not the payment's.
  return (part?.expiry ?? 0) - Math.max(before, Math.floor(paid.createdAtMs / 1000))
}

describe('the lock time of a payment', () => {
  it('is what the payer configured', async () => {
    const seconds = await lockTimeOf(900)
    expect(seconds).toBeGreaterThanOrEqual(900)
    expect(seconds).toBeLessThan(960)
  })

  it('leaves the payee T and delta, and the way twice delta, where less is configured', async () => {
    const needed = MARGINS.safety + 3 * MARGINS.forward
    const seconds = await lockTimeOf(1)
    expect(seconds).toBeGreaterThanOrEqual(needed)
    expect(seconds).toBeLessThan(needed + 60)
  })
})
