/** Joint payments over strangers: docs/spec/joint.md, protocol section 5.2. */

import { describe, expect, it } from 'vitest'
import type { Hex } from '../../src/engine/service.ts'
import { announcedLine, DEPOSIT, gainsOf, knowEachOther, nodeAt } from './network-rig.ts'
import { eventually, openBetween, type TestNode } from './rig.ts'

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

/** Alice, Bob and Carol, each with a channel to the others. */
async function triangle() {
  const line = await announcedLine(3)
  const closing = await openBetween(line.world, nodeAt(line, 2), nodeAt(line, 0), DEPOSIT, DEPOSIT)
  const ring = { ...line, channels: [...line.channels, closing] }
  await knowEachOther(ring)
  return ring
}

async function allGone(nodes: readonly TestNode[]): Promise<void> {
  await eventually(async () => {
    const views = await Promise.all(nodes.map(({ service }) => service.listChannels()))
    return views.flat().every(({ lockedMine, lockedTheirs }) => lockedMine + lockedTheirs === 0n) || undefined
  }, 'every lock is gone')
}

async function mineOf(node: TestNode, channelId: Hex | undefined): Promise<bigint> {
  return (await node.service.getChannel(channelId ?? '0x')).mine
}

describe('many joint payments', () => {
  it('that are settled do not use up what a peer may have open', { timeout: 120_000 }, async () => {
    const line = await announcedLine(2)
    const [payer, payee] = [nodeAt(line, 0), nodeAt(line, 1)]
    const lane = async () => {
      // Together more than the 512 slots of the one channel.
      for (let made = 0; made < 35; made += 1) {
        const { text } = await payee.service.createInvoice({ token: line.world.token, amount: 1n })
        expect(await payer.service.payInvoice({ invoice: text, via: 'joint' })).toMatchObject({
          state: 'succeeded',
        })
      }
    }
    await Promise.all(Array.from({ length: 16 }, lane))
  })
})

describe('a joint payment without an invoice', () => {
  it('moves own money around a cycle', async () => {
    const { nodes, channels } = await triangle()
    const [alice] = nodes
    const [first, , last] = channels
    if (alice === undefined) throw new Error('no nodes')
    const made = await alice.service.rebalance({ from: first ?? '0x', into: last ?? '0x', amount: 5_000n })
    expect(made).toMatchObject({ amount: 5_000n, fee: 0n })
    await allGone(nodes)
    expect(await mineOf(alice, first)).toBe(DEPOSIT - 5_000n)
    expect(await mineOf(alice, last)).toBe(DEPOSIT + 5_000n)
  })

  it('settles what three parties owe each other, and only if all agreed', async () => {
    const { nodes, channels, world } = await triangle()
    const signers = await Promise.all(nodes.map(async ({ service }) => (await service.status()).signer))
    const [alice = '0x', bob = '0x', carol = '0x'] = signers as Hex[]
    const request = {
      token: world.token,
      obligations: [
        { from: alice, to: bob, amount: 700n },
        { from: bob, to: carol, amount: 500n },
        { from: carol, to: alice, amount: 400n },
      ],
    }
    const [a, b, c] = nodes
    if (a === undefined || b === undefined || c === undefined) throw new Error('no nodes')
    await b.service.agreeToNetting(request)
    await expect(a.service.settleNetting(request)).rejects.toMatchObject({
      code: 'JOINT_FAILED',
      detail: 'net-differs',
    })
    await c.service.agreeToNetting(request)
    const { positions } = await a.service.settleNetting(request)
    expect(positions.map(({ net }) => net).sort()).toEqual([-300n, 100n, 200n].sort())
    await allGone(nodes)
    const net = async (node: TestNode, ids: readonly (Hex | undefined)[]) =>
      (await Promise.all(ids.map((id) => mineOf(node, id)))).reduce((sum, mine) => sum + mine - DEPOSIT, 0n)
    const [first, second, third] = channels
    expect(await net(a, [first, third])).toBe(-300n)
    expect(await net(b, [first, second])).toBe(200n)
    expect(await net(c, [second, third])).toBe(100n)
  })
})
