/** Bad neighbours, silence, crashes: nobody honest loses a unit, and the payer gets a clear final answer (protocol section 4). */

import { describe, expect, it } from 'vitest'
import { announcedLine, DEPOSIT, gainsOf, hintsOf, lineOf, type NodeLine, nodeAt } from './network-rig.ts'
import { eventually, openBetween, type TestNode } from './rig.ts'

const SLOW = 120_000

async function quiet(nodes: readonly TestNode[]): Promise<void> {
  await eventually(
    async () => {
      const views = (await Promise.all(nodes.map(({ service }) => service.listChannels()))).flat()
      return views.every(({ lockedMine, lockedTheirs }) => lockedMine + lockedTheirs === 0n) || undefined
    },
    'every lock is gone',
    60_000,
  )
}

async function invoiceOf(line: NodeLine, amount = 1_000n) {
  const { service } = nodeAt(line, -1)
  return service.createInvoice({ token: line.world.token, amount, routes: [hintsOf(line)] })
}

/** Resolves once every node but the last has locked onward. */
async function lockedUpTo(line: NodeLine, count: number): Promise<void> {
  await eventually(async () => {
    const views = await Promise.all(
      line.nodes
        .slice(0, count)
        .map(({ service }, index) => service.getChannel(line.channels[index] ?? '0x')),
    )
    return views.every(({ lockedMine }) => lockedMine > 0n) || undefined
  }, `${count} locks are placed`)
}

describe('a payment that fails', () => {
  it('names the hop and its reason to the payer, and costs nobody anything', { timeout: SLOW }, async () => {
    const line = await lineOf(4)
    const policy = { feeBase: 10n, feePpm: 0, minAmount: 1n, maxAmount: 10_000n, disabled: false }
    await nodeAt(line, 2).service.setPolicy(line.channels[2] ?? '0x', policy)
    const { text } = await invoiceOf(line)
    const paid = await nodeAt(line, 0).service.payInvoice({ invoice: text })
    expect(paid).toMatchObject({
      state: 'failed',
      failure: {
        code: 'fee-insufficient',
        hop: 1,
        nodeId: nodeAt(line, 2).nodeId,
        channelId: line.channels[2],
      },
    })
    await quiet(line.nodes)
    expect(await gainsOf(line)).toEqual([0n, 0n, 0n, 0n])
  })

  it('goes another way when one is left, and is learnt from', { timeout: SLOW }, async () => {
    const line = await announcedLine(3)
    const [alice, , carol] = line.nodes
    if (alice === undefined || carol === undefined) throw new Error('no nodes')
    // Bob's side of the second channel is emptied: only Carol knows.
    const drain = await nodeAt(line, 2).service.createInvoice({
      token: line.world.token,
      amount: DEPOSIT - 10n,
    })
    await nodeAt(line, 1).service.payInvoice({ invoice: drain.text })
    const other = await openBetween(line.world, alice, carol, 5_000n)
    const { text } = await carol.service.createInvoice({ token: line.world.token, amount: 1_000n })
    const paid = await alice.service.payInvoice({ invoice: text })
    expect(paid).toMatchObject({ state: 'succeeded' })
    await quiet(line.nodes)
    expect((await alice.service.getChannel(other)).mine).toBe(4_000n)
  })

  it('by expiry ends without a payment when a stranger never goes on', { timeout: SLOW }, async () => {
    const line = await lineOf(4)
    const [, bob, carol] = line.nodes
    const { world } = line
    world.network.hold(bob?.nodeId ?? '', carol?.nodeId ?? '')
    const { text, hash } = await invoiceOf(line)
    const paying = nodeAt(line, 0).service.payInvoice({ invoice: text, timeoutMs: SLOW })
    await lockedUpTo(line, 2)
    expect(await nodeAt(line, 0).service.getNetworkPayment(hash)).toMatchObject({ state: 'pending' })
    await world.anvil.increaseTime(1_000)
    expect(await paying).toMatchObject({ state: 'failed' })
    world.network.release(bob?.nodeId ?? '', carol?.nodeId ?? '')
    await quiet(line.nodes)
    expect(await gainsOf(line)).toEqual([0n, 0n, 0n, 0n])
  })
})

describe('a payment that is due', () => {
  it('is settled by the registry when a neighbour falls silent with the key', { timeout: SLOW }, async () => {
    const line = await lineOf(4)
    const [, bob, carol] = line.nodes
    const { world } = line
    // Carol pays the payee and is not heard by Bob: the key must reach the registry by expiry - T.
    world.network.hold(carol?.nodeId ?? '', bob?.nodeId ?? '')
    const { text } = await invoiceOf(line)
    const paying = nodeAt(line, 0).service.payInvoice({ invoice: text, timeoutMs: SLOW })
    await nodeAt(line, 3).service.waitForInvoice(
      (await nodeAt(line, 3).service.listInvoices())[0]?.hash ?? '0x',
    )
    await world.anvil.increaseTime(800)
    expect(await paying).toMatchObject({ state: 'succeeded', amount: 1_000n })
    world.network.release(carol?.nodeId ?? '', bob?.nodeId ?? '')
    await quiet(line.nodes)
    expect(await gainsOf(line)).toEqual([-1_000n, 0n, 0n, 1_000n])
  })

  it('is completed by a stranger that was restarted in the middle', { timeout: SLOW }, async () => {
    const line = await lineOf(4)
    const [, bob, carol, payee] = line.nodes
    const { world } = line
    world.network.hold(payee?.nodeId ?? '', carol?.nodeId ?? '')
    const { text } = await invoiceOf(line)
    const paying = nodeAt(line, 0).service.payInvoice({ invoice: text, timeoutMs: SLOW })
    await lockedUpTo(line, 3)
    await bob?.stop()
    world.network.release(payee?.nodeId ?? '', carol?.nodeId ?? '')
    await nodeAt(line, 3).service.waitForInvoice(
      (await nodeAt(line, 3).service.listInvoices())[0]?.hash ?? '0x',
    )
    const again = await world.node('bob')
    expect(await paying).toMatchObject({ state: 'succeeded' })
    const nodes = line.nodes.map((node) => (node === bob ? again : node))
    await quiet(nodes)
    expect(await gainsOf({ ...line, nodes })).toEqual([-1_000n, 0n, 0n, 1_000n])
  })

  it('is made once by a payer that was restarted and asks again', { timeout: SLOW }, async () => {
    const line = await lineOf(3)
    const [alice, bob, payee] = line.nodes
    const { world } = line
    world.network.hold(payee?.nodeId ?? '', bob?.nodeId ?? '')
    const { text } = await invoiceOf(line)
    const first = alice?.service.payInvoice({ invoice: text, timeoutMs: SLOW })
    first?.catch(() => {})
    await lockedUpTo(line, 2)
    await alice?.stop()
    world.network.release(payee?.nodeId ?? '', bob?.nodeId ?? '')
    const again = await world.node('alice')
    expect(await again.service.payInvoice({ invoice: text })).toMatchObject({ state: 'succeeded' })
    expect(await again.service.payInvoice({ invoice: text })).toMatchObject({ state: 'succeeded' })
    const nodes = line.nodes.map((node) => (node === alice ? again : node))
    await quiet(nodes)
    expect(await gainsOf({ ...line, nodes })).toEqual([-1_000n, 0n, 1_000n])
  })

  it('goes in parts over channels that are too small for all of it', { timeout: SLOW }, async () => {
    const line = await announcedLine(2)
    const [alice, bob] = line.nodes
    if (alice === undefined || bob === undefined) throw new Error('no nodes')
    const second = await openBetween(line.world, alice, bob, 600_000n)
    const { text, hash } = await bob.service.createInvoice({ token: line.world.token, amount: 1_500_000n })
    const paid = await alice.service.payInvoice({ invoice: text })
    expect(paid.state).toBe('succeeded')
    expect(paid.parts.filter(({ state }) => state !== 'failed').length).toBeGreaterThan(1)
    expect(await bob.service.getInvoice(hash)).toMatchObject({ received: 1_500_000n })
    await quiet(line.nodes)
    const left = await Promise.all(
      [line.channels[0] ?? '0x', second].map((id) => alice.service.getChannel(id)),
    )
    expect(left.reduce((sum, { mine }) => sum + mine, 0n)).toBe(DEPOSIT + 600_000n - 1_500_000n)
  })
})
