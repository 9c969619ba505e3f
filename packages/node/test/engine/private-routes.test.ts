/** Invoices that name this node's own private channels: docs/spec/invoice.md, GO-47. */

import { loadCrypto } from '@tallystick/crypto'
import { parseInvoice } from '@tallystick/protocol'
import { describe, expect, it } from 'vitest'
import { gainsOf, lineOf, nodeAt } from './network-rig.ts'
import { eventually } from './rig.ts'

const { crypto } = await loadCrypto()
const FEE = { feeBase: 7n, feePpm: 0, minAmount: 1n, maxAmount: 5_000n, disabled: false }

describe('an invoice of a node whose channels nobody announced', () => {
  it('can be paid when it names them, with the fee that the peer asks', async () => {
    const line = await lineOf(3)
    const [payer, stranger, payee] = [nodeAt(line, 0), nodeAt(line, 1), nodeAt(line, 2)]
    const { token } = line.world
    const [, last = '0x'] = line.channels
    await stranger.service.setPolicy(last, FEE)
    const plain = await payee.service.createInvoice({ token, amount: 1_000n })
    expect(await payer.service.payInvoice({ invoice: plain.text })).toMatchObject({ state: 'failed' })

    const routes = await eventually(async () => {
      const request = { token, amount: 1_000n, private: true }
      const text = await payee.service.createInvoice(request).then(
        (record) => record.text,
        () => '',
      )
      const read = parseInvoice(crypto, text)
      const [[hint] = []] = read.ok ? read.signed.invoice.routes : []
      return hint?.feeBase === 7n ? { text, hint } : undefined
    }, 'the peer has told its fee')
    expect(routes.hint).toMatchObject({ feePpm: 0, minAmount: 1n, maxAmount: 5_000n })
    expect(Buffer.from(routes.hint.from).toString('hex')).toBe(stranger.nodeId)
    expect(await payer.service.payInvoice({ invoice: routes.text })).toMatchObject({ state: 'succeeded' })
    const gains = await eventually(async () => {
      const now = await gainsOf(line)
      return now.reduce((sum, gain) => sum + gain, 0n) === 0n && now[2] !== 0n ? now : undefined
    }, 'every lock is gone')
    expect(gains).toEqual([-1_007n, 7n, 1_000n])
  })

  it('is refused when there is no such channel, and nothing is kept', async () => {
    const line = await lineOf(2)
    const payee = nodeAt(line, 1)
    const request = { token: `0x${'11'.repeat(20)}`, amount: 5n, private: true } as const
    await expect(payee.service.createInvoice(request)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      field: 'private',
    })
    expect(await payee.service.listInvoices()).toEqual([])
  })
})
