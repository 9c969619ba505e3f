/** Payments over strangers by hash locks: docs/spec/locks.md, protocol section 5.1. */

import { describe, expect, it } from 'vitest'
import { gainsOf, hintsOf, lineOf, nodeAt } from './network-rig.ts'
import { eventually } from './rig.ts'

describe('a payment over two strangers', () => {
  it('moves exactly the amount and the fees, and pays once however often it is asked', async () => {
    const line = await lineOf(4)
    const [payer, payee] = [nodeAt(line, 0), nodeAt(line, -1)]
    const [, second, third] = line.channels
    await nodeAt(line, 1).service.setPolicy(second ?? '0x', {
      feeBase: 3n,
      feePpm: 1_000,
      minAmount: 1n,
      maxAmount: 10_000n,
      disabled: false,
    })
    await nodeAt(line, 2).service.setPolicy(third ?? '0x', {
      feeBase: -2n,
      feePpm: 0,
      minAmount: 1n,
      maxAmount: 10_000n,
      disabled: false,
    })
    const routes = [hintsOf(line, [{ feeBase: 3n, feePpm: 1_000 }, { feeBase: -2n }])]
    const invoice = await payee.service.createInvoice({ token: line.world.token, amount: 1_000n, routes })
    const [paid, again] = await Promise.all([
      payer.service.payInvoice({ invoice: invoice.text }),
      payer.service.payInvoice({ invoice: invoice.text }),
    ])
    expect(paid).toMatchObject({ state: 'succeeded', amount: 1_000n })
    expect(again.preimage).toBe(paid.preimage)
    expect(await payee.service.getInvoice(invoice.hash)).toMatchObject({ state: 'settled', received: 1_000n })
    // 998 leave the second stranger: its fee is 3 + 1 of them, the first fee is 2 less than nothing.
    const gains = await eventually(async () => {
      const now = await gainsOf(line)
      const views = await Promise.all(line.nodes.map(({ service }) => service.listChannels()))
      const pending = views.flat().some(({ lockedMine, lockedTheirs }) => lockedMine + lockedTheirs > 0n)
      return pending ? undefined : now
    }, 'every lock is gone')
    expect(gains).toEqual([-1_002n, 4n, -2n, 1_000n])
  })
})
