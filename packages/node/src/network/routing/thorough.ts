/**
 * The thorough search (RT-32): every place keeps several labels, none of which is at least as good as another in cost,
 * amount needed and hops (Martins 1984, multi-criteria labels). So a dearer way that needs less upstream, or has fewer
 * hops, is not lost. Loops are refused by walking back the label's own way.
 *
 * Where no fee is negative, no least amount is above what is delivered, and no bound on labels is met, the first route
 * that it answers has the least cost of all loop-free ones. With negative fees a loop-free optimum is NP-hard (longest
 * path); the answer is then a good route, exactly priced.
 */

import { channelOf } from './quick.ts'
import { chanceThrough, feeThrough, penaltyOf, type Terrain } from './terrain.ts'

export interface ThoroughBounds {
  /** Labels one place keeps. */
  readonly perPlace: number
  /** Labels in all: what a search may take of time and memory. */
  readonly total: number
}

/** For a search that was asked for. */
export const THOROUGH_BOUNDS: ThoroughBounds = { perPlace: 32, total: 50_000 }

interface Label {
  readonly place: number
  readonly cost: number
  readonly need: number
  readonly hops: number
  /** Taken from here, to the place of `after`; -1 at the payee. */
  readonly edge: number
  readonly channelId: string
  readonly after: Label | undefined
  /** A better one came before it was looked at. */
  dead: boolean
}

interface Search {
  readonly terrain: Terrain
  readonly bounds: ThoroughBounds
  readonly maxHops: number
  readonly maxNeed: number
  readonly labels: Map<number, Label[]>
  readonly queue: Label[]
  total: number
}

/** Ways from the start to the payee, in the order of their cost; each is a list of edges. Ends where no more are found. */
export function* thoroughSearch(
  terrain: Terrain,
  maxHops: number,
  maxNeed: number,
  bounds: ThoroughBounds,
): Generator<readonly number[]> {
  const limit = terrain.mayShrink ? Number.POSITIVE_INFINITY : maxNeed
  const search: Search = {
    terrain,
    bounds,
    maxHops,
    maxNeed: limit,
    labels: new Map(),
    queue: [],
    total: 0,
  }
  const first = { place: terrain.payee, cost: 0, need: terrain.delivered, hops: 0, edge: -1, channelId: '' }
  push(search.queue, { ...first, after: undefined, dead: false })
  for (let label = pop(search.queue); label !== undefined; label = pop(search.queue)) {
    if (label.dead) continue
    if (label.place === terrain.start) yield edgesOf(label)
    else if (label.hops < maxHops) spread(search, label)
  }
}

function spread(search: Search, label: Label): void {
  const { terrain } = search
  const { into } = terrain.graph
  if (label.place < into.start.length) {
    const first = into.start[label.place] ?? 0
    const end = first + (into.count[label.place] ?? 0)
    for (let at = first; at < end; at += 1) extend(search, label, into.edge[at] ?? 0, into.from[at] ?? 0)
  }
  for (const edge of terrain.extraInto.get(label.place) ?? [])
    extend(search, label, edge, terrain.extra[edge - terrain.graphEdges]?.origin ?? terrain.start)
}

function extend(search: Search, after: Label, edge: number, origin: number): void {
  const { terrain, maxNeed } = search
  if (terrain.shut[origin] === 1 || passes(after, origin)) return
  const fee = feeThrough(terrain, edge, after.need)
  const need = after.need + fee
  if (!(need <= maxNeed) || search.total >= search.bounds.total) return
  const hopCost = fee + penaltyOf(terrain.weights, after.need, chanceThrough(terrain, edge, after.need))
  const cost = after.cost + Math.max(hopCost, terrain.leastHopCost)
  if (cost === Number.POSITIVE_INFINITY) return
  const channelId = channelOf(terrain, edge)
  const label = { place: origin, cost, need, hops: after.hops + 1, edge, channelId, after, dead: false }
  if (keep(search, label)) push(search.queue, label)
}

function passes(label: Label, place: number): boolean {
  for (let at: Label | undefined = label; at !== undefined; at = at.after) if (at.place === place) return true
  return false
}

/** False when a label of the place is at least as good; those that are no better than this one go. */
function keep(search: Search, label: Label): boolean {
  const kept = search.labels.get(label.place)
  if (kept === undefined) search.labels.set(label.place, [label])
  else if (label.place === search.terrain.start) kept.push(label)
  else {
    for (const other of kept) if (covers(other, label)) return false
    let count = 0
    for (const other of kept) {
      if (covers(label, other)) other.dead = true
      else kept[count++] = other
    }
    if (count >= search.bounds.perPlace) return false
    kept.length = count
    kept.push(label)
  }
  search.total += 1
  return true
}

function covers(a: Label, b: Label): boolean {
  if (a.cost > b.cost || a.need > b.need || a.hops > b.hops) return false
  if (a.cost < b.cost || a.need < b.need || a.hops < b.hops) return true
  return a.channelId <= b.channelId
}

function edgesOf(label: Label): number[] {
  const edges: number[] = []
  for (let at: Label | undefined = label; at !== undefined && at.edge >= 0; at = at.after) edges.push(at.edge)
  return edges
}

/** Least cost first, then fewest hops, then the smallest amount, then the lowest channel id (RT-33). */
function before(a: Label, b: Label): boolean {
  if (a.cost !== b.cost) return a.cost < b.cost
  if (a.hops !== b.hops) return a.hops < b.hops
  return a.need === b.need ? a.channelId < b.channelId : a.need < b.need
}

function push(queue: Label[], label: Label): void {
  let at = queue.length
  queue.push(label)
  while (at > 0) {
    const above = (at - 1) >> 1
    const other = queue[above]
    if (other === undefined || !before(label, other)) break
    queue[at] = other
    at = above
  }
  queue[at] = label
}

function pop(queue: Label[]): Label | undefined {
  const least = queue[0]
  const last = queue.pop()
  if (last === undefined || queue.length === 0) return least
  let at = 0
  for (let below = 1; below < queue.length; below = 2 * at + 1) {
    const [left, right] = [queue[below], queue[below + 1]]
    const smaller = left !== undefined && right !== undefined && before(right, left) ? right : left
    if (smaller === undefined || !before(smaller, last)) break
    queue[at] = smaller
    at = smaller === right ? below + 1 : below
  }
  queue[at] = last
  return least
}
