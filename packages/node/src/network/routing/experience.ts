/**
 * What this node's own attempts taught it about others' channels (RT-41 to RT-44): bounds of the money that lies on one
 * side, and faults of channels and nodes. Everything loses its weight by half in each half-life and is forgotten in the
 * end, so no verdict is for ever. Amounts are float64: estimates.
 *
 * Records are changed in place; `revision` grows only when one comes or goes.
 */

import type { ChannelId, NodeId } from './graph.ts'
import { type EdgeName, edgeName, type Route } from './request.ts'

/** Of one directed edge. A time of 0 with a bound means that nothing is known of it. */
export interface EdgeExperience {
  readonly channelId: ChannelId
  readonly from: NodeId
  /** The payer's side held at least this at `lowAtMs`. */
  low: number
  lowAtMs: number
  /** The payer's side held less than this at `highAtMs`. */
  high: number
  highAtMs: number
  /** How sure it is that it failed for a reason that is not money, 0 to 1, and when it last did. */
  fault: number
  faultAtMs: number
}

export interface NodeExperience {
  fault: number
  faultAtMs: number
}

export interface Experience {
  readonly edges: Map<EdgeName, EdgeExperience>
  readonly nodes: Map<NodeId, NodeExperience>
  revision: number
}

/** Edges, and nodes, remembered at most; those that were heard of longest ago go first. */
export const MAX_EXPERIENCES = 20_000

export function createExperience(): Experience {
  return { edges: new Map(), nodes: new Map(), revision: 0 }
}

/**
 * How an attempt ended. `hop` is the index in the route's hops of the first one that was not made: locks before it held.
 * - `liquidity`: its payer had not enough money on its side.
 * - `channel`: it cannot be used for another reason (disabled, its peer is away, refused by policy, fee changed).
 * - `node`: its payer fails whatever is asked of it (RT-43); so does the payee with `hop` beyond the last.
 * - `unknown`: something failed somewhere; every hop but the own one is suspect.
 */
export type Outcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'failure'; readonly hop: number; readonly reason: 'liquidity' | 'channel' | 'node' }
  | { readonly kind: 'failure'; readonly reason: 'unknown' }

/** Learns from one attempt. Hops that the route does not have are a caller's bug. @throws RangeError */
export function learn(experience: Experience, route: Route, outcome: Outcome, nowMs: number): void {
  const { hops } = route
  if (outcome.kind === 'success') for (const hop of hops) moved(experience, hop, nowMs)
  else if (outcome.reason === 'unknown')
    for (const hop of hops.slice(1))
      suspect(edgeOf(experience, hop.channelId, hop.from), 1 / (hops.length - 1), nowMs)
  else failed(experience, hops, outcome, nowMs)
  forgetOldest(experience)
}

function failed(
  experience: Experience,
  hops: Route['hops'],
  { hop, reason }: { hop: number; reason: 'liquidity' | 'channel' | 'node' },
  nowMs: number,
): void {
  const at = hops[hop]
  const node = at?.from ?? hops.at(-1)?.to
  if (!Number.isInteger(hop) || hop < 0 || hop > hops.length || node === undefined)
    throw new RangeError(`the route has no hop ${hop}`)
  if (at === undefined && reason !== 'node') throw new RangeError('behind the last hop only the payee fails')
  for (const { channelId, from, amount } of hops.slice(0, hop))
    held(edgeOf(experience, channelId, from), Number(amount), nowMs)
  if (reason === 'node') {
    suspect(nodeOf(experience, node), 1, nowMs)
    return
  }
  if (at === undefined) return
  const edge = edgeOf(experience, at.channelId, at.from)
  if (reason === 'channel') suspect(edge, 1, nowMs)
  else lacked(edge, Number(at.amount), nowMs)
}

/** Enough was there. A bound that this contradicts is older: it goes. */
function held(edge: EdgeExperience, amount: number, nowMs: number): void {
  edge.low = Math.max(amount, edge.lowAtMs > 0 ? edge.low : 0)
  edge.lowAtMs = nowMs
  if (edge.highAtMs > 0 && edge.high <= edge.low) edge.highAtMs = 0
  edge.fault = 0
}

/** One suspect among several is suspected a part each time, and fully when it is there again and again. */
function suspect(record: NodeExperience, sureness: number, nowMs: number): void {
  record.fault = Math.min(1, record.fault + sureness)
  record.faultAtMs = nowMs
}

function lacked(edge: EdgeExperience, amount: number, nowMs: number): void {
  edge.high = edge.highAtMs > 0 ? Math.min(amount, edge.high) : amount
  edge.highAtMs = nowMs
  if (edge.lowAtMs > 0 && edge.low >= edge.high) edge.lowAtMs = 0
}

/** The money went over to the other side (RT-42): what was known of both sides moves with it. */
function moved(
  experience: Experience,
  { channelId, from, to, amount }: Route['hops'][number],
  nowMs: number,
): void {
  const value = Number(amount)
  const forth = edgeOf(experience, channelId, from)
  held(forth, value, nowMs)
  forth.low -= value
  if (forth.low <= 0) forth.lowAtMs = 0
  if (forth.highAtMs > 0) forth.high = Math.max(forth.high - value, 1)
  const back = edgeOf(experience, channelId, to)
  back.low = (back.lowAtMs > 0 ? back.low : 0) + value
  back.lowAtMs = nowMs
  if (back.highAtMs > 0) back.high += value
}

/** Nothing that still weighs a thousandth is dropped. Answers how many records went. */
export function forget(experience: Experience, halfLifeMs: number, nowMs: number): number {
  const beforeMs = nowMs - 10 * halfLifeMs
  let gone = 0
  for (const [name, edge] of experience.edges) {
    if (Math.max(edge.lowAtMs, edge.highAtMs, edge.faultAtMs) > beforeMs) continue
    experience.edges.delete(name)
    gone += 1
  }
  for (const [id, node] of experience.nodes) {
    if (node.faultAtMs > beforeMs) continue
    experience.nodes.delete(id)
    gone += 1
  }
  if (gone > 0) experience.revision += 1
  return gone
}

/** Maps keep the order of insertion, and a record that is touched is put at the end. */
function forgetOldest(experience: Experience): void {
  for (const records of [experience.edges, experience.nodes] as Map<string, unknown>[]) {
    for (const name of records.keys()) {
      if (records.size <= MAX_EXPERIENCES) break
      records.delete(name)
      experience.revision += 1
    }
  }
}

function edgeOf(experience: Experience, channelId: ChannelId, from: NodeId): EdgeExperience {
  const name = edgeName(channelId, from)
  const known = experience.edges.get(name)
  if (known !== undefined) {
    experience.edges.delete(name)
    experience.edges.set(name, known)
    return known
  }
  const fresh = { channelId, from, low: 0, lowAtMs: 0, high: 0, highAtMs: 0, fault: 0, faultAtMs: 0 }
  experience.edges.set(name, fresh)
  experience.revision += 1
  return fresh
}

function nodeOf(experience: Experience, nodeId: NodeId): NodeExperience {
  const known = experience.nodes.get(nodeId)
  experience.nodes.delete(nodeId)
  const node = known ?? { fault: 0, faultAtMs: 0 }
  experience.nodes.set(nodeId, node)
  if (known === undefined) experience.revision += 1
  return node
}
