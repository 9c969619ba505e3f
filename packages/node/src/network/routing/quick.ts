/**
 * The quick search (RT-31): from the payee backwards, because what an edge must carry depends on the fees behind it. One
 * label a place, settled in the order of cost (Dijkstra 1959); the floor of RT-30 keeps costs positive, so a settled place
 * is done, no route passes a place twice, and no loop is walked for what it earns.
 *
 * One label a place is what makes it quick, and what it may miss: a place keeps the way that costs least from there, even
 * if a dearer way would need a smaller amount to pass upstream. The thorough search looks at those.
 */

import { channelIdAt, type Graph } from './graph.ts'
import { clearHeap, createHeap, type Heap, offer, takeLeast } from './heap.ts'
import { chanceThrough, feeThrough, penaltyOf, type Terrain } from './terrain.ts'

/** Memory of a search, used again by the next one. By place. */
export interface QuickMemory {
  readonly heap: Heap
  readonly cost: Float64Array
  /** What must arrive. */
  readonly need: Float64Array
  readonly hops: Uint8Array
  /** The edge to take from here. */
  readonly next: Int32Array
  /** And the place it leads to. */
  readonly towards: Int32Array
  readonly settled: Uint8Array
}

export function createQuickMemory(places: number): QuickMemory {
  return {
    heap: createHeap(places),
    cost: new Float64Array(places),
    need: new Float64Array(places),
    hops: new Uint8Array(places),
    next: new Int32Array(places),
    towards: new Int32Array(places),
    settled: new Uint8Array(places),
  }
}

/**
 * Edges from the start to the payee, or undefined. Nothing that needs more than `maxNeed` is looked at, where no fee is
 * negative.
 */
export function quickSearch(
  terrain: Terrain,
  memory: QuickMemory,
  maxHops: number,
  maxNeed: number,
): number[] | undefined {
  prepare(terrain, memory)
  const { heap, settled, hops } = memory
  // Fees that may be won back later must not end a search early.
  const limit = terrain.mayShrink ? Number.POSITIVE_INFINITY : maxNeed
  for (let place = takeLeast(heap); place >= 0; place = takeLeast(heap)) {
    settled[place] = 1
    if (place === terrain.start) return edgesFrom(terrain, memory)
    if ((hops[place] ?? 0) < maxHops) spread(terrain, memory, place, limit)
    else terrain.narrow = true
  }
  return undefined
}

function prepare(terrain: Terrain, { heap, cost, need, hops, settled }: QuickMemory): void {
  clearHeap(heap)
  cost.fill(Number.POSITIVE_INFINITY)
  settled.fill(0)
  settled.set(terrain.shut)
  cost[terrain.payee] = 0
  need[terrain.payee] = terrain.delivered
  hops[terrain.payee] = 0
  offer(heap, terrain.payee, 0)
}

/** Looks at every edge that leads to `place`. */
function spread(terrain: Terrain, memory: QuickMemory, place: number, maxNeed: number): void {
  const { into } = terrain.graph
  const { settled } = memory
  if (place < into.start.length) {
    const first = into.start[place] ?? 0
    const end = first + (into.count[place] ?? 0)
    for (let at = first; at < end; at += 1) {
      const origin = into.from[at] ?? 0
      if (settled[origin] === 0) relax(terrain, memory, into.edge[at] ?? 0, origin, place, maxNeed)
    }
  }
  for (const edge of terrain.extraInto.get(place) ?? []) {
    const origin = terrain.extra[edge - terrain.graphEdges]?.origin ?? terrain.start
    if (memory.settled[origin] === 0) relax(terrain, memory, edge, origin, place, maxNeed)
  }
}

function relax(
  terrain: Terrain,
  memory: QuickMemory,
  edge: number,
  origin: number,
  place: number,
  maxNeed: number,
): void {
  const amount = memory.need[place] ?? 0
  const fee = feeThrough(terrain, edge, amount)
  if (!(amount + fee <= maxNeed)) {
    if (!Number.isNaN(fee)) terrain.narrow = true
    return
  }
  const before = memory.cost[origin] ?? 0
  const soFar = memory.cost[place] ?? 0
  if (soFar + Math.max(fee, terrain.leastHopCost) > before) return
  const hopCost = fee + penaltyOf(terrain.weights, amount, chanceThrough(terrain, edge, amount))
  const cost = soFar + Math.max(hopCost, terrain.leastHopCost)
  if (cost > before || cost === Number.POSITIVE_INFINITY) return
  const hops = (memory.hops[place] ?? 0) + 1
  if (cost === before && !goesBefore(terrain, memory, origin, hops, amount + fee, edge)) return
  memory.cost[origin] = cost
  memory.need[origin] = amount + fee
  memory.hops[origin] = hops
  memory.next[origin] = edge
  memory.towards[origin] = place
  offer(memory.heap, origin, cost)
}

/** Among equal costs: fewer hops, then the smaller amount, then the lower channel id (RT-33). */
function goesBefore(
  terrain: Terrain,
  memory: QuickMemory,
  origin: number,
  hops: number,
  need: number,
  edge: number,
): boolean {
  const otherHops = memory.hops[origin] ?? 0
  if (hops !== otherHops) return hops < otherHops
  const otherNeed = memory.need[origin] ?? 0
  if (need !== otherNeed) return need < otherNeed
  return channelOf(terrain, edge) < channelOf(terrain, memory.next[origin] ?? 0)
}

export function channelOf(
  { graph, graphEdges, extra }: { graph: Graph } & Pick<Terrain, 'graphEdges' | 'extra'>,
  edge: number,
): string {
  if (edge < graphEdges) return channelIdAt(graph, edge >> 1)
  return extra[edge - graphEdges]?.channelId ?? ''
}

function edgesFrom(terrain: Terrain, { next, towards }: QuickMemory): number[] {
  const edges: number[] = []
  let place = terrain.start
  do {
    edges.push(next[place] ?? 0)
    place = towards[place] ?? terrain.payee
  } while (place !== terrain.payee)
  return edges
}
