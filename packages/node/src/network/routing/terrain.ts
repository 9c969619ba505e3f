/**
 * The ground of one search: the graph, and on top of it the payer's own channels, hints, what is to be avoided, what
 * other parts of the payment already use, and what experience says. Numbers only; made anew for each search from marks
 * that are kept between searches.
 *
 * The payer stands on it twice: as a node of the graph that nobody passes through, and as the place `start`, to which
 * only its own channels lead. So a cycle back to the payer is a route like any other.
 */

import type { EdgeExperience, Experience, NodeExperience } from './experience.ts'
import { type EdgeTerms, type ExtraEdge, extraEdges } from './extra-edges.ts'
import { approximateFee } from './fee.ts'
import { channelIdAt, edgesInto, type Graph, graphEdge, type NodeId, nodeIdAt, TERMS } from './graph.ts'
import { HINT_CHANCE, informedChance, priorChance, trustLeft } from './odds.ts'
import { type EdgeName, edgeName, type RouteRequest } from './request.ts'
import type { RoutingWeights } from './weights.ts'
import { signedAt, unsignedAt } from './wide.ts'

/**
 * A hop costs at least this, also where its fee is negative (RT-30): less than one unit even twenty times, unless that is
 * so little beside what is paid that float64 would lose it.
 */
function leastHopCost(delivered: number): number {
  return Math.max(2 ** -10, delivered * 2 ** -40)
}

/** What float64 may be wrong by when an amount is compared with a limit; the exact check comes later (RT-34). */
const SLACK = 2 ** -44

const AVOIDED = 1
const EXPERIENCED = 2
const USED = 4

/** What earlier parts of the same payment lock, by edge. */
export type Usage = ReadonlyMap<EdgeName, bigint>

export interface Ground {
  readonly graph: Graph
  readonly experience: Experience
  readonly weights: RoutingWeights
  readonly marks: Marks
}

/** Kept between searches of one graph with one experience: which edges have a record. */
export interface Marks {
  revisions: string
  byEdge: Uint8Array
  edges: Map<number, EdgeExperience>
  nodes: Map<number, NodeExperience>
}

export interface Terrain {
  readonly graph: Graph
  readonly weights: RoutingWeights
  readonly marks: Marks
  readonly nowMs: number
  /** How many places: those of the graph, then nodes that only extra edges know, then the start. */
  readonly places: number
  readonly start: number
  readonly payee: number
  /** Edges of the graph have numbers below this; extra edges follow. */
  readonly graphEdges: number
  readonly extra: readonly ExtraEdge[]
  /** Numbers of extra edges by the place they lead into. */
  readonly extraInto: ReadonlyMap<number, readonly number[]>
  /** By edge, extra ones too: what is special about it. */
  readonly mark: Uint8Array
  /** Places that are not passed through. */
  readonly shut: Uint8Array
  /** By edge: what other parts of this payment lock in it. */
  readonly used: ReadonlyMap<number, number>
  readonly delivered: number
  readonly leastHopCost: number
  /** Some fee is negative: less than what is delivered may be needed somewhere. */
  readonly mayShrink: boolean
  /** Set when an edge refused an amount, and a route that needs less there might exist. */
  narrow: boolean
}

export function createMarks(): Marks {
  return { revisions: '', byEdge: new Uint8Array(0), edges: new Map(), nodes: new Map() }
}

export function layTerrain(ground: Ground, request: RouteRequest, usage: Usage): Terrain {
  const { graph, weights, marks } = ground
  renewMarks(ground)
  const places = numberPlaces(graph, request)
  const extra = extraEdges(ground, request, places)
  const graphEdges = 2 * graph.channelIds.length
  const terrain: Terrain = {
    graph,
    weights,
    marks,
    nowMs: request.nowMs,
    places: places.start + 1,
    start: places.start,
    payee: places.of(request.payee),
    graphEdges,
    extra,
    extraInto: groupByEnd(extra, graphEdges),
    mark: new Uint8Array(graphEdges + extra.length),
    shut: new Uint8Array(places.start + 1),
    used: numberUsage(graph, extra, graphEdges, usage),
    delivered: Number(request.amount),
    leastHopCost: leastHopCost(Number(request.amount)),
    mayShrink: graph.negativeEdges > 0 || extra.some(({ feeBase, feePpm }) => feeBase < 0n || feePpm < 0),
    narrow: false,
  }
  terrain.mark.set(marks.byEdge)
  for (const edge of terrain.used.keys()) terrain.mark[edge] = (terrain.mark[edge] ?? 0) | USED
  avoid(terrain, request, places.of)
  terrain.shut[places.of(request.payer)] = 1
  return terrain
}

/**
 * What `edge` takes for carrying `amount` on, by float64; NaN where it cannot. That another amount might pass is noted in
 * `narrow`.
 */
export function feeThrough(terrain: Terrain, edge: number, amount: number): number {
  const mark = terrain.mark[edge] ?? 0
  if ((mark & (AVOIDED | USED)) !== 0) {
    if ((mark & AVOIDED) !== 0 || !fits(terrain, amount, 0, roomLeft(terrain, edge))) return Number.NaN
  }
  if (edge >= terrain.graphEdges) return feeThroughExtra(terrain, edge, amount)
  const { terms } = terrain.graph
  const at = TERMS * edge
  if (!fits(terrain, amount, terms[at + 2] ?? 0, terms[at + 3] ?? -1)) return Number.NaN
  const fee = approximateFee(terms[at] ?? 0, terms[at + 1] ?? 0, amount)
  return amount + fee < 1 ? Number.NaN : fee
}

function feeThroughExtra(terrain: Terrain, edge: number, amount: number): number {
  const extra = terrain.extra[edge - terrain.graphEdges]
  if (extra === undefined || !fits(terrain, amount, extra.low, extra.high)) return Number.NaN
  const fee = approximateFee(extra.base, extra.feePpm, amount)
  return amount + fee < 1 ? Number.NaN : fee
}

/** What other parts of the payment leave of an edge. */
function roomLeft(terrain: Terrain, edge: number): number {
  const room =
    edge < terrain.graphEdges
      ? terrain.graph.capacity[edge >> 1]
      : terrain.extra[edge - terrain.graphEdges]?.space
  return (room ?? 0) - (terrain.used.get(edge) ?? 0)
}

function fits(terrain: Terrain, amount: number, least: number, greatest: number): boolean {
  if (amount - amount * SLACK > greatest) {
    if (greatest >= terrain.delivered || (terrain.mayShrink && greatest >= 1)) terrain.narrow = true
    return false
  }
  return amount + amount * SLACK >= least
}

/** The edge is not used until it is opened again. */
export function closeOff({ mark }: Terrain, edge: number): void {
  mark[edge] = (mark[edge] ?? 0) | AVOIDED
}

export function reopen({ mark }: Terrain, edge: number): void {
  mark[edge] = (mark[edge] ?? 0) & ~AVOIDED
}

/** Estimated chance that `edge` carries `amount` (RT-40). */
export function chanceThrough(terrain: Terrain, edge: number, amount: number): number {
  const used = terrain.used.size === 0 ? 0 : (terrain.used.get(edge) ?? 0)
  if (edge >= terrain.graphEdges) return chanceThroughExtra(terrain, edge, amount + used)
  const capacity = terrain.graph.capacity[edge >> 1] ?? 0
  if (((terrain.mark[edge] ?? 0) & EXPERIENCED) === 0) return priorChance(amount + used, capacity)
  const { marks, weights, nowMs, graph } = terrain
  const record = marks.edges.get(edge)
  const chance =
    record === undefined
      ? priorChance(amount + used, capacity)
      : informedChance(amount + used, capacity, record, weights, nowMs)
  const ends = [graph.origin[edge] ?? -1, graph.origin[edge ^ 1] ?? -1]
  return ends.reduce((left, node) => left * nodeTrust(terrain, node), chance)
}

function nodeTrust({ marks, weights, nowMs }: Terrain, node: number): number {
  const record = marks.nodes.get(node)
  return record === undefined ? 1 : trustLeft(record, weights, nowMs)
}

function chanceThroughExtra(terrain: Terrain, edge: number, amount: number): number {
  const extra = terrain.extra[edge - terrain.graphEdges]
  if (extra === undefined) return 0
  const chance = extra.own ? 1 : HINT_CHANCE
  if (extra.record === undefined) return chance * extra.trust
  const { weights, nowMs } = terrain
  return chance * extra.trust * informedChance(amount, Number.POSITIVE_INFINITY, extra.record, weights, nowMs)
}

/** Cost of one hop beside its fee: `amount * (hopPpm + doubtPpm * -ln(chance))` (RT-30); infinite where it is hopeless. */
export function penaltyOf(weights: RoutingWeights, amount: number, chance: number): number {
  if (chance < weights.leastChance || chance <= 0) return Number.POSITIVE_INFINITY
  return (amount * (weights.hopPpm - weights.doubtPpm * Math.log(chance))) / 1e6
}

/** Exact terms, with what other parts leave of it. */
export function exactTerms(terrain: Terrain, edge: number): EdgeTerms {
  const { graph } = terrain
  if (edge >= terrain.graphEdges) {
    const extra = terrain.extra[edge - terrain.graphEdges]
    if (extra === undefined) throw new RangeError(`no edge has the number ${edge}`)
    return extra
  }
  return {
    channelId: channelIdAt(graph, edge >> 1),
    from: nodeIdAt(graph, graph.origin[edge]),
    to: nodeIdAt(graph, graph.origin[edge ^ 1]),
    feeBase: signedAt(graph.exact.base, edge),
    feePpm: graph.terms[TERMS * edge + 1] ?? 0,
    least: unsignedAt(graph.exact.least, edge),
    greatest: unsignedAt(graph.exact.greatest, edge),
    room: unsignedAt(graph.exact.capacity, edge >> 1),
  }
}

function numberPlaces(graph: Graph, request: RouteRequest): { start: number; of(id: NodeId): number } {
  const numbers = new Map<NodeId, number>()
  const of = (id: NodeId): number => {
    const known = graph.nodeNumbers.get(id) ?? numbers.get(id)
    if (known !== undefined) return known
    const fresh = graph.nodeIds.length + numbers.size
    numbers.set(id, fresh)
    return fresh
  }
  for (const id of [request.payer, request.payee]) of(id)
  for (const { from, to } of request.hints ?? []) {
    of(from)
    of(to)
  }
  for (const { peer } of request.own) of(peer)
  return { start: graph.nodeIds.length + numbers.size, of }
}

function renewMarks({ graph, experience, marks }: Ground): void {
  const revisions = `${graph.revision}/${experience.revision}`
  if (marks.revisions === revisions) return
  marks.revisions = revisions
  marks.byEdge = new Uint8Array(2 * graph.channelIds.length)
  marks.edges = new Map()
  marks.nodes = new Map()
  for (const record of experience.edges.values()) {
    const edge = graphEdge(graph, record.channelId, record.from)
    if (edge === undefined) continue
    marks.edges.set(edge, record)
    marks.byEdge[edge] = EXPERIENCED
  }
  for (const [nodeId, record] of experience.nodes) {
    const node = graph.nodeNumbers.get(nodeId)
    if (node === undefined) continue
    marks.nodes.set(node, record)
    for (const edge of edgesInto(graph, node)) {
      marks.byEdge[edge] = EXPERIENCED
      marks.byEdge[edge ^ 1] = EXPERIENCED
    }
  }
}

function numberUsage(
  graph: Graph,
  extra: readonly ExtraEdge[],
  graphEdges: number,
  usage: Usage,
): Map<number, number> {
  const used = new Map<number, number>()
  if (usage.size === 0) return used
  for (const [index, { channelId, from }] of extra.entries()) {
    const amount = usage.get(edgeName(channelId, from))
    if (amount !== undefined) used.set(graphEdges + index, Number(amount))
  }
  for (const [name, amount] of usage) {
    const slash = name.indexOf('/')
    const edge = graphEdge(graph, name.slice(0, slash), name.slice(slash + 1))
    if (edge !== undefined) used.set(edge, Number(amount))
  }
  return used
}

function groupByEnd(extra: readonly ExtraEdge[], graphEdges: number): Map<number, number[]> {
  const into = new Map<number, number[]>()
  for (const [index, { end }] of extra.entries()) {
    const edges = into.get(end)
    if (edges === undefined) into.set(end, [graphEdges + index])
    else edges.push(graphEdges + index)
  }
  return into
}

/** Extra edges that are to be avoided were never made. */
function avoid(terrain: Terrain, { avoid = {}, into }: RouteRequest, place: (id: NodeId) => number): void {
  const { graph, payee } = terrain
  const shutEdge = (edge: number | undefined): void => {
    if (edge !== undefined) closeOff(terrain, edge)
  }
  for (const channelId of avoid.channels ?? []) {
    const channel = graph.channelNumbers.get(channelId)
    if (channel === undefined) continue
    shutEdge(2 * channel)
    shutEdge(2 * channel + 1)
  }
  for (const name of avoid.edges ?? []) {
    const slash = name.indexOf('/')
    shutEdge(graphEdge(graph, name.slice(0, slash), name.slice(slash + 1)))
  }
  for (const nodeId of avoid.nodes ?? []) {
    const node = place(nodeId)
    if (node < terrain.start) terrain.shut[node] = 1
  }
  if (into === undefined || payee >= graph.nodeIds.length) return
  for (const edge of edgesInto(graph, payee)) if (!into.has(channelIdAt(graph, edge >> 1))) shutEdge(edge)
}
