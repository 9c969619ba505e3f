/**
 * The channels that a node believes in, and what their forwarders ask: one graph for one token of one bank on one chain,
 * because a payment never changes its token (RT-1). Filled by gossip, read by the searches of this folder.
 *
 * A channel joins two nodes in the order of its parties, and has two directed edges: `2 * channel + direction` leads from
 * the node of party `direction` to the other, and carries the policy of the node it comes from. Everything the searches
 * read is in typed arrays by node and edge number; numbers of what was removed are used again.
 *
 * Invariant: the float64 terms of an edge are those of its exact ones, nearest value; an edge that forwards nothing
 * (no policy, disabled) has a greatest amount of -1.
 */

import { DEPOSIT_LIMIT, type Direction, type FeePolicy } from '@tallystick/protocol'
import {
  type Adjacency,
  createAdjacency,
  growEdges,
  growNodes,
  grownInt32,
  link,
  unlink,
} from './adjacency.ts'
import { lesser } from './amount.ts'
import { policyFault } from './fee.ts'
import { growWide, putWide, signedAt, unsignedAt, type WideColumn, wideColumn } from './wide.ts'

/** A node's transport id: 66 lower-case hex digits. Opaque here. */
export type NodeId = string
/** Hex text of the 32-byte channel id, always written in one way. Opaque here. */
export type ChannelId = string

/** What one graph is about. Addresses in lower-case hex. */
export interface Market {
  readonly chainId: bigint
  readonly bank: string
  readonly token: string
}

export interface ChannelFact {
  readonly channelId: ChannelId
  /** Of party 0 and of party 1. */
  readonly nodes: readonly [NodeId, NodeId]
  /** Both deposits less what was withdrawn: what could lie on one side at most. Below 2^126. */
  readonly capacity: bigint
  /** When this node began to believe in it. */
  readonly addedAtMs: number
}

/** A policy and its place among those of the same direction: the highest sequence wins. Unix milliseconds of its maker. */
export interface DatedPolicy extends FeePolicy {
  readonly sequence: number
}

export interface ChannelSeen extends ChannelFact {
  /** By direction. */
  readonly policies: readonly [DatedPolicy | undefined, DatedPolicy | undefined]
}

/** Numbers by edge in {@link Graph.terms}: base, ppm, least, greatest amount (at most the capacity). */
export const TERMS = 4

export interface Graph {
  readonly market: Market
  readonly nodeNumbers: Map<NodeId, number>
  readonly channelNumbers: Map<ChannelId, number>
  /** By number; undefined where free. */
  readonly nodeIds: (NodeId | undefined)[]
  readonly channelIds: (ChannelId | undefined)[]
  readonly freeNodes: number[]
  readonly freeChannels: number[]
  readonly into: Adjacency
  /** By edge: the node it comes from. The other end is that of the other direction, `edge ^ 1`. */
  origin: Int32Array
  terms: Float64Array
  /** By channel. */
  capacity: Float64Array
  addedAtMs: Float64Array
  /** By edge: 0 where there is no policy. */
  sequence: Float64Array
  disabled: Uint8Array
  readonly exact: {
    readonly base: WideColumn
    readonly least: WideColumn
    readonly greatest: WideColumn
    readonly capacity: WideColumn
  }
  /** Edges in use whose base or ppm is negative. */
  negativeEdges: number
  /** Grows whenever a channel comes or goes: numbers learnt before may mean something else. */
  revision: number
}

export function createGraph(market: Market, room: { nodes: number; channels: number } = ROOM): Graph {
  const { nodes, channels } = { nodes: Math.max(1, room.nodes), channels: Math.max(1, room.channels) }
  return {
    market,
    nodeNumbers: new Map(),
    channelNumbers: new Map(),
    nodeIds: [],
    channelIds: [],
    freeNodes: [],
    freeChannels: [],
    into: createAdjacency(nodes, 2 * channels),
    origin: new Int32Array(2 * channels),
    terms: new Float64Array(TERMS * 2 * channels),
    capacity: new Float64Array(channels),
    addedAtMs: new Float64Array(channels),
    sequence: new Float64Array(2 * channels),
    disabled: new Uint8Array(2 * channels),
    exact: {
      base: wideColumn(2 * channels),
      least: wideColumn(2 * channels),
      greatest: wideColumn(2 * channels),
      capacity: wideColumn(channels),
    },
    negativeEdges: 0,
    revision: 0,
  }
}

const ROOM = { nodes: 64, channels: 256 }

/** `changed` when the graph is another than before; else why not, and nothing changed. */
export type Learnt =
  | 'changed'
  | 'known'
  | 'unknown-channel'
  | 'stale'
  | { readonly fault: 'nodes' | 'capacity' | 'addedAtMs' | 'sequence' | keyof FeePolicy }

/** A channel that is there already only takes the new capacity; its nodes are fixed by its announcement (RT-2). */
export function addChannel(graph: Graph, fact: ChannelFact): Learnt {
  const { channelId, nodes, capacity, addedAtMs } = fact
  if (nodes[0] === nodes[1]) return { fault: 'nodes' }
  if (capacity < 0n || capacity >= DEPOSIT_LIMIT) return { fault: 'capacity' }
  if (!Number.isFinite(addedAtMs)) return { fault: 'addedAtMs' }
  const known = graph.channelNumbers.get(channelId)
  if (known !== undefined) return sameNodes(graph, known, nodes, capacity)
  const channel = graph.freeChannels.pop() ?? newChannel(graph)
  graph.channelIds[channel] = channelId
  graph.channelNumbers.set(channelId, channel)
  graph.addedAtMs[channel] = addedAtMs
  putCapacity(graph, channel, capacity)
  const ends = [nodeNumber(graph, nodes[0]), nodeNumber(graph, nodes[1])] as const
  for (const direction of [0, 1] as const) {
    const edge = 2 * channel + direction
    graph.origin[edge] = ends[direction]
    graph.sequence[edge] = 0
    graph.disabled[edge] = 0
    closeEdge(graph, edge)
    link(graph.into, direction === 0 ? ends[1] : ends[0], edge, ends[direction])
  }
  graph.revision += 1
  return 'changed'
}

function sameNodes(graph: Graph, channel: number, nodes: ChannelFact['nodes'], capacity: bigint): Learnt {
  for (const direction of [0, 1] as const)
    if (graph.nodeIds[graph.origin[2 * channel + direction] ?? -1] !== nodes[direction])
      return { fault: 'nodes' }
  if (unsignedAt(graph.exact.capacity, channel) === capacity) return 'known'
  putCapacity(graph, channel, capacity)
  for (const edge of [2 * channel, 2 * channel + 1]) refreshEdge(graph, edge)
  return 'changed'
}

/** A top-up, a withdrawal, or what else the chain shows. */
export function setCapacity(graph: Graph, channelId: ChannelId, capacity: bigint): Learnt {
  const seen = channelSeen(graph, channelId)
  if (seen === undefined) return 'unknown-channel'
  return addChannel(graph, { ...seen, capacity })
}

/** Takes the policy of one direction if its sequence is above the one known (RT-3). */
export function setPolicy(
  graph: Graph,
  channelId: ChannelId,
  direction: Direction,
  policy: DatedPolicy,
): Learnt {
  const channel = graph.channelNumbers.get(channelId)
  if (channel === undefined) return 'unknown-channel'
  if (!Number.isSafeInteger(policy.sequence) || policy.sequence < 1) return { fault: 'sequence' }
  const fault = policyFault(policy)
  if (fault !== undefined) return { fault }
  const edge = 2 * channel + direction
  if (policy.sequence <= (graph.sequence[edge] ?? 0)) return 'stale'
  closeEdge(graph, edge)
  graph.sequence[edge] = policy.sequence
  graph.disabled[edge] = policy.disabled ? 1 : 0
  putWide(graph.exact.base, edge, policy.feeBase)
  putWide(graph.exact.least, edge, policy.minAmount)
  putWide(graph.exact.greatest, edge, policy.maxAmount)
  graph.terms[TERMS * edge] = Number(policy.feeBase)
  graph.terms[TERMS * edge + 1] = policy.feePpm
  graph.terms[TERMS * edge + 2] = Number(policy.minAmount)
  refreshEdge(graph, edge)
  return 'changed'
}

export function removeChannel(graph: Graph, channelId: ChannelId): boolean {
  const channel = graph.channelNumbers.get(channelId)
  if (channel === undefined) return false
  for (const edge of [2 * channel, 2 * channel + 1]) {
    closeEdge(graph, edge)
    unlink(graph.into, graph.origin[edge ^ 1] ?? 0, edge)
  }
  for (const edge of [2 * channel, 2 * channel + 1]) releaseNode(graph, graph.origin[edge] ?? 0)
  graph.channelNumbers.delete(channelId)
  graph.channelIds[channel] = undefined
  graph.freeChannels.push(channel)
  graph.revision += 1
  return true
}

/** Removes channels of which nothing was heard since: neither their announcement nor a policy (RT-4). Answers their ids. */
export function pruneGraph(graph: Graph, staleBeforeMs: number): ChannelId[] {
  const stale: ChannelId[] = []
  for (const [channelId, channel] of graph.channelNumbers) {
    const heardMs = Math.max(
      graph.addedAtMs[channel] ?? 0,
      graph.sequence[2 * channel] ?? 0,
      graph.sequence[2 * channel + 1] ?? 0,
    )
    if (heardMs < staleBeforeMs) stale.push(channelId)
  }
  for (const channelId of stale) removeChannel(graph, channelId)
  return stale
}

export function channelSeen(graph: Graph, channelId: ChannelId): ChannelSeen | undefined {
  const channel = graph.channelNumbers.get(channelId)
  if (channel === undefined) return undefined
  return {
    channelId,
    nodes: [nodeIdAt(graph, graph.origin[2 * channel]), nodeIdAt(graph, graph.origin[2 * channel + 1])],
    capacity: unsignedAt(graph.exact.capacity, channel),
    addedAtMs: graph.addedAtMs[channel] ?? 0,
    policies: [policyAt(graph, 2 * channel), policyAt(graph, 2 * channel + 1)],
  }
}

/** Ids of a node's channels, in no order. */
export function channelsOf(graph: Graph, nodeId: NodeId): ChannelId[] {
  const node = graph.nodeNumbers.get(nodeId)
  if (node === undefined) return []
  return Array.from(edgesInto(graph, node), (edge) => channelIdAt(graph, edge >> 1))
}

/** Numbers of the edges that lead into a node: a window on the graph's own, good until it changes. */
export function edgesInto(graph: Graph, node: number): Int32Array {
  const start = graph.into.start[node] ?? 0
  return graph.into.edge.subarray(start, start + (graph.into.count[node] ?? 0))
}

/** The number of the edge in which `from` pays, if the graph has it. */
export function graphEdge(graph: Graph, channelId: ChannelId, from: NodeId): number | undefined {
  const channel = graph.channelNumbers.get(channelId)
  const node = graph.nodeNumbers.get(from)
  if (channel === undefined || node === undefined) return undefined
  if (graph.origin[2 * channel] === node) return 2 * channel
  return graph.origin[2 * channel + 1] === node ? 2 * channel + 1 : undefined
}

export function policyAt(graph: Graph, edge: number): DatedPolicy | undefined {
  const sequence = graph.sequence[edge] ?? 0
  if (sequence === 0) return undefined
  return {
    feeBase: signedAt(graph.exact.base, edge),
    feePpm: graph.terms[TERMS * edge + 1] ?? 0,
    minAmount: unsignedAt(graph.exact.least, edge),
    maxAmount: unsignedAt(graph.exact.greatest, edge),
    disabled: graph.disabled[edge] === 1,
    sequence,
  }
}

/** @throws RangeError for a number that is free: a bug of the caller. */
export function nodeIdAt(graph: Graph, node: number | undefined): NodeId {
  const id = graph.nodeIds[node ?? -1]
  if (id === undefined) throw new RangeError(`no node has the number ${node}`)
  return id
}

/** @throws RangeError for a number that is free: a bug of the caller. */
export function channelIdAt(graph: Graph, channel: number): ChannelId {
  const id = graph.channelIds[channel]
  if (id === undefined) throw new RangeError(`no channel has the number ${channel}`)
  return id
}

function nodeNumber(graph: Graph, nodeId: NodeId): number {
  const known = graph.nodeNumbers.get(nodeId)
  if (known !== undefined) return known
  const node = graph.freeNodes.pop() ?? graph.nodeIds.length
  if (node >= graph.into.start.length) growNodes(graph.into, 2 * node)
  graph.nodeIds[node] = nodeId
  graph.nodeNumbers.set(nodeId, node)
  return node
}

function releaseNode(graph: Graph, node: number): void {
  const id = graph.nodeIds[node]
  if ((graph.into.count[node] ?? 0) > 0 || id === undefined) return
  graph.nodeNumbers.delete(id)
  graph.nodeIds[node] = undefined
  graph.freeNodes.push(node)
}

function newChannel(graph: Graph): number {
  const channel = graph.channelIds.length
  if (channel >= graph.capacity.length) growChannels(graph, 2 * channel)
  return channel
}

function growChannels(graph: Graph, channels: number): void {
  growEdges(graph.into, 2 * channels)
  graph.origin = grownInt32(graph.origin, 2 * channels)
  graph.terms = grownFloat64(graph.terms, TERMS * 2 * channels)
  graph.capacity = grownFloat64(graph.capacity, channels)
  graph.addedAtMs = grownFloat64(graph.addedAtMs, channels)
  graph.sequence = grownFloat64(graph.sequence, 2 * channels)
  const disabled = new Uint8Array(2 * channels)
  disabled.set(graph.disabled)
  graph.disabled = disabled
  for (const column of [graph.exact.base, graph.exact.least, graph.exact.greatest])
    growWide(column, 2 * channels)
  growWide(graph.exact.capacity, channels)
}

function grownFloat64(values: Float64Array, length: number): Float64Array {
  const grown = new Float64Array(length)
  grown.set(values)
  return grown
}

function putCapacity(graph: Graph, channel: number, capacity: bigint): void {
  putWide(graph.exact.capacity, channel, capacity)
  graph.capacity[channel] = Number(capacity)
}

/** Forwards nothing from now on; the rest of its terms stays. */
function closeEdge(graph: Graph, edge: number): void {
  if (isNegative(graph, edge)) graph.negativeEdges -= 1
  graph.terms[TERMS * edge + 3] = -1
}

/** Sets what may be forwarded from policy and capacity. */
function refreshEdge(graph: Graph, edge: number): void {
  closeEdge(graph, edge)
  if (graph.sequence[edge] === 0 || graph.disabled[edge] === 1) return
  const greatest = unsignedAt(graph.exact.greatest, edge)
  const capacity = unsignedAt(graph.exact.capacity, edge >> 1)
  graph.terms[TERMS * edge + 3] = Number(lesser(greatest, capacity))
  if (isNegative(graph, edge)) graph.negativeEdges += 1
}

function isNegative(graph: Graph, edge: number): boolean {
  const at = TERMS * edge
  if ((graph.terms[at + 3] ?? -1) < 0) return false
  return (graph.terms[at] ?? 0) < 0 || (graph.terms[at + 1] ?? 0) < 0
}
