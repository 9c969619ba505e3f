/** Joint payments with strangers that fall silent, and processes that end (protocol section 5.2, INV-4). */

import { describe, expect, it } from 'vitest'
import type { EngineConfig } from '../../src/engine/ports.ts'
import { announcedLine, gainsOf, type NodeLine, nodeAt } from './network-rig.ts'
import { eventually, type TestNode } from './rig.ts'

const SLOW = 180_000
/** So that a busy machine is not taken for a silent stranger. */
const PATIENT: Partial<EngineConfig> = { jointAbortMs: 60_000 }

function patientLine(): Promise<NodeLine> {
  const changes = { config: PATIENT }
  return announcedLine(4, { alice: changes, bob: changes, carol: changes, mallory: changes })
}

async function quiet(nodes: readonly TestNode[]): Promise<void> {
  await eventually(
    async () => {
      const views = (await Promise.all(nodes.map(({ service }) => service.listChannels()))).flat()
      return views.every(({ lockedMine, lockedTheirs }) => lockedMine + lockedTheirs === 0n) || undefined
    },
    'every lock is gone',
    90_000,
  )
}

async function invoiceOf({ world, nodes }: NodeLine) {
  const payee = nodes.at(-1)
  if (payee === undefined) throw new Error('no nodes')
  return payee.service.createInvoice({ token: world.token, amount: 1_000n })
}

async function lockedEverywhere(line: NodeLine): Promise<void> {
  await eventually(async () => {
    const views = await Promise.all(
      line.channels.map((channelId, index) => nodeAt(line, index + 1).service.getChannel(channelId)),
    )
    return views.every(({ lockedTheirs }) => lockedTheirs > 0n) || undefined
  }, 'every hop holds its lock')
}

const idOf = (line: NodeLine, index: number) => nodeAt(line, index).nodeId

describe('a joint payment', () => {
  it('is given up by the customer when a stranger locks and then says nothing', {
    timeout: SLOW,
  }, async () => {
    const line = await announcedLine(4)
    const { network } = line.world
    network.hold(idOf(line, 2), idOf(line, 1))
    const { text } = await invoiceOf(line)
    const paid = await nodeAt(line, 0).service.payInvoice({ invoice: text, via: 'joint', timeoutMs: SLOW })
    expect(paid.state).toBe('failed')
    network.release(idOf(line, 2), idOf(line, 1))
    await quiet(line.nodes)
    expect(await gainsOf(line)).toEqual([0n, 0n, 0n, 0n])
  })

  it('is settled by the registry when the set of signatures gets lost', { timeout: SLOW }, async () => {
    const line = await patientLine()
    const { network, anvil } = line.world
    network.hold(idOf(line, 1), idOf(line, 0))
    const { text } = await invoiceOf(line)
    const paying = nodeAt(line, 0).service.payInvoice({ invoice: text, via: 'joint', timeoutMs: SLOW })
    await lockedEverywhere(line)
    // From here on the customer hears and is not heard: only it knows that everybody has signed.
    network.hold(idOf(line, 0), idOf(line, 1))
    network.release(idOf(line, 1), idOf(line, 0))
    // The line after the one that locked unlocks: the customer has signed.
    await eventually(async () => {
      const { outgoing } = await nodeAt(line, 0).service.getChannel(line.channels[0] ?? '0x')
      return outgoing.nonce >= 2n || undefined
    }, 'the customer signs')
    await anvil.increaseTime(800)
    expect(await paying).toMatchObject({ state: 'succeeded' })
    network.release(idOf(line, 0), idOf(line, 1))
    await quiet(line.nodes)
    expect(await gainsOf(line)).toEqual([-1_000n, 0n, 0n, 1_000n])
  })

  it('is completed by a stranger that was restarted after it had signed', { timeout: SLOW }, async () => {
    const line = await patientLine()
    const { network } = line.world
    network.hold(idOf(line, 1), idOf(line, 0))
    const { text } = await invoiceOf(line)
    const paying = nodeAt(line, 0).service.payInvoice({ invoice: text, via: 'joint', timeoutMs: SLOW })
    await lockedEverywhere(line)
    await nodeAt(line, 1).stop()
    network.release(idOf(line, 1), idOf(line, 0))
    const again = await line.world.node('bob', { config: { announceChannels: true, ...PATIENT } })
    expect(await paying).toMatchObject({ state: 'succeeded' })
    const nodes = line.nodes.map((node, index) => (index === 1 ? again : node))
    await quiet(nodes)
    expect(await gainsOf({ ...line, nodes })).toEqual([-1_000n, 0n, 0n, 1_000n])
  })

  it('goes on after the customer was restarted, and is paid once', { timeout: SLOW }, async () => {
    const line = await patientLine()
    const { network } = line.world
    network.hold(idOf(line, 1), idOf(line, 0))
    const { text } = await invoiceOf(line)
    nodeAt(line, 0)
      .service.payInvoice({ invoice: text, via: 'joint', timeoutMs: SLOW })
      .catch(() => {})
    await lockedEverywhere(line)
    await nodeAt(line, 0).stop()
    network.release(idOf(line, 1), idOf(line, 0))
    const again = await line.world.node('alice', { config: { announceChannels: true, ...PATIENT } })
    const paid = await again.service.payInvoice({ invoice: text, via: 'joint', timeoutMs: SLOW })
    expect(paid.state).toBe('succeeded')
    const nodes = line.nodes.map((node, index) => (index === 0 ? again : node))
    await quiet(nodes)
    expect(await gainsOf({ ...line, nodes })).toEqual([-1_000n, 0n, 0n, 1_000n])
  })
})
