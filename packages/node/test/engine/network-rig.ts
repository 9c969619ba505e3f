/** Lines of nodes for payments over strangers: everyone with a channel to the next, and ways written into invoices. */

import { fromHex, type RouteHint } from '@tallystick/protocol'
import type { Hex } from '../../src/engine/service.ts'
import {
  eventually,
  makeWorld,
  type NodeChanges,
  openBetween,
  type TestNode,
  type World,
  type WorldOptions,
} from './rig.ts'

export const DEPOSIT = 1_000_000n

export interface NodeLine {
  readonly world: World
  readonly nodes: readonly TestNode[]
  /** `channels[i]` joins `nodes[i]` and `nodes[i + 1]`; both have put in DEPOSIT. */
  readonly channels: readonly Hex[]
}

const NAMES = ['alice', 'bob', 'carol', 'mallory']

export async function lineOf(
  count: 2 | 3 | 4,
  changes: Readonly<Record<string, NodeChanges>> = {},
  options: WorldOptions = {},
): Promise<NodeLine> {
  const world = await makeWorld(options)
  const nodes: TestNode[] = []
  for (const name of NAMES.slice(0, count)) nodes.push(await world.node(name, changes[name]))
  const channels: Hex[] = []
  for (const [index, node] of nodes.entries()) {
    const next = nodes[index + 1]
    if (next !== undefined) channels.push(await openBetween(world, node, next, DEPOSIT, DEPOSIT))
  }
  return { world, nodes, channels }
}

/** The way to the last node, as its invoice says it: every channel but the first. */
export function hintsOf(
  { nodes, channels }: NodeLine,
  fees: readonly Partial<RouteHint>[] = [],
): RouteHint[] {
  return channels.slice(1).map((channelId, index) => ({
    channelId: bytesOf(channelId),
    from: Buffer.from(nodes[index + 1]?.nodeId ?? '', 'hex'),
    feeBase: 0n,
    feePpm: 0,
    minAmount: 0n,
    maxAmount: undefined,
    ...fees[index],
  }))
}

export function nodeAt(line: NodeLine, index: number): TestNode {
  const node = line.nodes.at(index)
  if (node === undefined) throw new Error(`no node ${index}`)
  return node
}

/** What each node has gained over its channels, in the order of the nodes. */
export async function gainsOf({ nodes, channels }: NodeLine): Promise<readonly bigint[]> {
  return Promise.all(
    nodes.map(async (node, index) => {
      const own = channels.slice(Math.max(0, index - 1), index + 1)
      const views = await Promise.all(own.map((channelId) => node.service.getChannel(channelId)))
      return views.reduce((sum, { mine, lockedMine }) => sum + mine + lockedMine - DEPOSIT, 0n)
    }),
  )
}

function bytesOf(hex: Hex): Uint8Array {
  return fromHex(hex, 32) ?? new Uint8Array(32)
}

/** Nodes that announce their channels; resolves when every node knows the whole line. */
export async function announcedLine(
  count: 2 | 3 | 4,
  changes: Readonly<Record<string, NodeChanges>> = {},
  options: WorldOptions = {},
): Promise<NodeLine> {
  const announcing = Object.fromEntries(
    NAMES.map((name) => [
      name,
      { ...changes[name], config: { announceChannels: true, ...changes[name]?.config } },
    ]),
  )
  const line = await lineOf(count, announcing, options)
  await knowEachOther(line)
  return line
}

/** Everyone knows every channel with both policies. */
export async function knowEachOther({ nodes, channels }: NodeLine): Promise<void> {
  await eventually(async () => {
    const graphs = await Promise.all(nodes.map(({ service }) => service.networkGraph()))
    const whole = graphs.every(
      (graph) =>
        graph.channels.length === channels.length &&
        graph.channels.every(({ policies }) => policies[0] !== undefined && policies[1] !== undefined),
    )
    return whole || undefined
  }, 'everyone knows every channel')
}
