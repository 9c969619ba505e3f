/** Joint payments over strangers: docs/spec/joint.md, protocol section 5.2. */

import { describe, expect, it } from 'vitest'
import { announcedLine, gainsOf, nodeAt } from './network-rig.ts'
import { eventually } from './rig.ts'

describe('a joint payment over two strangers', () => {
  it('is found by gossip, signed by all, the customer last, and pays every hop', async () => {
    const line = await announcedLine(4)
    const [payer, payee] = [nodeAt(line, 0), nodeAt(line, -1)]
    const invoice = await payee.service.createInvoice({ token: line.world.token, amount: 1_000n })
    const paid = await payer.service.payInvoice({ invoice: invoice.text, via: 'joint' })
    expect(paid).toMatchObject({ state: 'succeeded', via: 'joint' })
    expect(await payee.service.waitForInvoice(invoice.hash)).toMatchObject({
      state: 'settled',
      received: 1_000n,
    })
    const gains = await eventually(async () => {
      const views = await Promise.all(line.nodes.map(({ service }) => service.listChannels()))
      const pending = views.flat().some(({ lockedMine, lockedTheirs }) => lockedMine + lockedTheirs > 0n)
      return pending ? undefined : gainsOf(line)
    }, 'every lock is gone')
    expect(gains).toEqual([-1_000n, 0n, 0n, 1_000n])
  })
})
