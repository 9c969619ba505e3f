/** Edges of one request that the graph does not have: the payer's own channels, and hops that the payee hinted at. */

import { MAX_AMOUNT } from '@tallystick/protocol'
import type { EdgeExperience, Experience } from './experience.ts'
import { type ChannelId, type Graph, graphEdge, type NodeId, policyAt } from './graph.ts'
import { trustLeft } from './odds.ts'
import { type Avoided, edgeName, type HintedHop, type OwnChannel, type RouteRequest } from './request.ts'
import type { RoutingWeights } from './weights.ts'

/** Exact terms of one directed edge, wherever it comes from. */
export interface EdgeTerms {
  readonly channelId: ChannelId
  readonly from: NodeId
  readonly to: NodeId
  readonly feeBase: bigint
  readonly feePpm: number
  /** Of one lock. */
  readonly least: bigint
  readonly greatest: bigint
  /** Of all locks of this payment. */
  readonly room: bigint
}

export interface ExtraEdge extends EdgeTerms {
  /** The place it comes from: see terrain.ts. */
  readonly origin: number
  readonly end: number
  /** The float64 of `feeBase`, `least`, `greatest`, `room`. */
  readonly base: number
  readonly low: number
  readonly high: number
  readonly space: number
  /** The payer's own: its first hop, without a fee. */
  readonly own: boolean
  readonly record: EdgeExperience | undefined
  /** What faults of the nodes at its ends leave of its chance. */
  readonly trust: number
}

export interface Places {
  readonly start: number
  of(nodeId: NodeId): number
}

export function extraEdges(
  { graph, experience, weights }: { graph: Graph; experience: Experience; weights: RoutingWeights },
  request: RouteRequest,
  places: Places,
): ExtraEdge[] {
  const trust = (nodeId: NodeId): number => {
    const record = experience.nodes.get(nodeId)
    return record === undefined ? 1 : trustLeft(record, weights, request.nowMs)
  }
  const { own, hints = [], payer } = request
  const edges: ExtraEdge[] = []
  for (const channel of own)
    if (allowed(request, channel.channelId, payer, channel.peer))
      edges.push(ownEdge(channel, payer, places, trust(channel.peer)))
  for (const hint of hints) {
    const { channelId, from, to, policy } = hint
    if (from === payer || policy.disabled || knowsPolicy(graph, channelId, from)) continue
    if (!allowed(request, channelId, from, to)) continue
    const record = experience.edges.get(edgeName(channelId, from))
    edges.push({ ...hintedEdge(hint, places), record, trust: trust(from) * trust(to) })
  }
  return edges
}

function allowed(
  { avoid = {}, into, payee }: RouteRequest,
  channelId: ChannelId,
  from: NodeId,
  to: NodeId,
): boolean {
  if (to === payee && into?.has(channelId) === false) return false
  const { channels, edges }: Avoided = avoid
  return channels?.has(channelId) !== true && edges?.has(edgeName(channelId, from)) !== true
}

/** A signed policy goes before what a payee says of the same edge (RT-24). */
function knowsPolicy(graph: Graph, channelId: ChannelId, from: NodeId): boolean {
  const edge = graphEdge(graph, channelId, from)
  return edge !== undefined && policyAt(graph, edge) !== undefined
}

function ownEdge(
  { channelId, peer, spendable }: OwnChannel,
  payer: NodeId,
  places: Places,
  trust: number,
): ExtraEdge {
  return {
    channelId,
    from: payer,
    to: peer,
    origin: places.start,
    end: places.of(peer),
    feeBase: 0n,
    feePpm: 0,
    least: 1n,
    greatest: spendable,
    room: spendable,
    base: 0,
    low: 1,
    high: Number(spendable),
    space: Number(spendable),
    own: true,
    record: undefined,
    trust,
  }
}

function hintedEdge(
  { channelId, from, to, policy }: HintedHop,
  places: Places,
): Omit<ExtraEdge, 'record' | 'trust'> {
  return {
    channelId,
    from,
    to,
    origin: places.of(from),
    end: places.of(to),
    feeBase: policy.feeBase,
    feePpm: policy.feePpm,
    least: policy.minAmount,
    greatest: policy.maxAmount,
    room: MAX_AMOUNT,
    base: Number(policy.feeBase),
    low: Number(policy.minAmount),
    high: Number(policy.maxAmount),
    space: Number(MAX_AMOUNT),
    own: false,
  }
}
