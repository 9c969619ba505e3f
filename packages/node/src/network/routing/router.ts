/**
 * Finding the way (RT-20 to RT-36): one route for one amount. Pure: graph, experience, time and weights are given, the
 * same question has the same answer.
 */

import { MAX_AMOUNT } from '@tallystick/protocol'
import { priceRoute } from './exact.ts'
import type { Experience } from './experience.ts'
import { edgesInto, type Graph } from './graph.ts'
import { createQuickMemory, type QuickMemory, quickSearch } from './quick.ts'
import {
  MAX_HOPS,
  type Route,
  type RouteAnswer,
  type RouteFault,
  type RouteRequest,
  requestFault,
  routeFault,
} from './request.ts'
import {
  closeOff,
  createMarks,
  feeThrough,
  type Ground,
  layTerrain,
  reopen,
  type Terrain,
  type Usage,
} from './terrain.ts'
import { THOROUGH_BOUNDS, type ThoroughBounds, thoroughSearch } from './thorough.ts'
import { DEFAULT_WEIGHTS, type RoutingWeights } from './weights.ts'

/** A graph, what is known of it, and memory that searches use again. One search at a time. */
export interface Router extends Ground {
  memory: QuickMemory
}

export function createRouter(
  graph: Graph,
  experience: Experience,
  weights: RoutingWeights = DEFAULT_WEIGHTS,
): Router {
  return { graph, experience, weights, marks: createMarks(), memory: createQuickMemory(1) }
}

/** A route, and the edges that it was priced from. */
interface Found {
  readonly route: Route
  readonly edges: readonly number[]
}

export type Sought =
  | ({ readonly ok: true; readonly terrain: Terrain } & Found)
  | { readonly ok: false; readonly fault: RouteFault }

/** How often the quick search looks again without an edge that only float64 thought wide enough. */
const MAX_REPEATS = 8
/** What the thorough search may take where the quick one found nothing: often there is nothing. */
const LAST_RESORT_BOUNDS: ThoroughBounds = { perPlace: 8, total: 8_000 }
/** Ways of the thorough search that are priced before it gives up. */
const MAX_PRICED = 64
/** `maxFee` in float64 must not forbid what the exact one allows. */
const LEEWAY = 1 + 2 ** -44

/**
 * The cheapest route by fee and doubt (RT-30) within the fee limit. Amounts and fees are exact; every limit that the graph
 * knows is kept.
 */
export function findRoute(router: Router, request: RouteRequest): RouteAnswer {
  const fault = requestFault(request)
  if (fault !== undefined) return { ok: false, fault }
  const sought = seekRoute(router, request, new Map())
  return sought.ok ? { ok: true, route: sought.route } : sought
}

/**
 * {@link findRoute} for a request without a fault of its own, beside parts that use edges already. With `lightly` it does
 * not look again where the quick search finds nothing.
 */
export function seekRoute(router: Router, request: RouteRequest, usage: Usage, lightly = false): Sought {
  const terrain = layTerrain(router, request, usage)
  if (router.memory.cost.length < terrain.places)
    router.memory = createQuickMemory(Math.ceil(terrain.places * 1.25))
  const early = deadEnd(terrain, request)
  if (early !== undefined) return { ok: false, fault: early }
  const found = search(router, terrain, request, usage, lightly)
  return 'code' in found ? { ok: false, fault: found } : { ok: true, terrain, ...found }
}

/** RT-31, RT-32: quickly by cost, then quickly by fee alone, then thoroughly. */
function search(
  router: Router,
  terrain: Terrain,
  request: RouteRequest,
  usage: Usage,
  lightly: boolean,
): Found | RouteFault {
  const { effort = 'quick', maxFee } = request
  if (effort === 'thorough') {
    const found = thoroughly(terrain, request, usage, THOROUGH_BOUNDS)
    if (found !== undefined) return found
  } else {
    const found = quickly(router.memory, terrain, request, maxFee, usage)
    if (found !== undefined) return found
    if (!terrain.narrow || lightly) return routeFault('no-route', 'amount')
  }
  const lean = { ...terrain, weights: { ...terrain.weights, hopPpm: 0, doubtPpm: 0 } }
  const cheapest = quickly(router.memory, lean, request, MAX_AMOUNT, usage)
  if (cheapest !== undefined && cheapest.route.totalFee <= maxFee) return cheapest
  const found = effort === 'quick' ? thoroughly(terrain, request, usage, LAST_RESORT_BOUNDS) : undefined
  if (found !== undefined) return found
  if (cheapest === undefined) return routeFault('no-route', 'amount')
  const fee = cheapest.route.totalFee
  return { ...routeFault('fee-limit', 'maxFee', `a route costs ${fee}`), fee }
}

/** The label-setting search, again without an edge that turns out too narrow for the exact amount. */
function quickly(
  memory: QuickMemory,
  terrain: Terrain,
  { amount, maxHops = MAX_HOPS }: RouteRequest,
  maxFee: bigint,
  usage: Usage,
): Found | undefined {
  const refused: number[] = []
  try {
    while (refused.length <= MAX_REPEATS) {
      const edges = quickSearch(terrain, memory, maxHops, needLimit(amount, maxFee))
      if (edges === undefined) return undefined
      const priced = priceRoute(terrain, edges, amount, usage)
      if (priced.ok && priced.route.totalFee <= maxFee) return { route: priced.route, edges }
      terrain.narrow = true
      if (priced.ok) return undefined
      closeOff(terrain, priced.edge)
      refused.push(priced.edge)
    }
    return undefined
  } finally {
    for (const edge of refused) reopen(terrain, edge)
  }
}

function thoroughly(
  terrain: Terrain,
  { amount, maxHops = MAX_HOPS, maxFee }: RouteRequest,
  usage: Usage,
  bounds: ThoroughBounds,
): Found | undefined {
  let tried = 0
  for (const edges of thoroughSearch(terrain, maxHops, needLimit(amount, maxFee), bounds)) {
    const priced = priceRoute(terrain, edges, amount, usage)
    if (priced.ok && priced.route.totalFee <= maxFee) return { route: priced.route, edges }
    tried += 1
    if (tried >= MAX_PRICED) return undefined
  }
  return undefined
}

/** What a route may need at most, in float64: never less than exactly. */
function needLimit(amount: bigint, maxFee: bigint): number {
  return Number(amount + maxFee) * LEEWAY
}

/** What needs no search: what the payer can send, and what the payee's channels can bring. */
function deadEnd(terrain: Terrain, request: RouteRequest): RouteFault | undefined {
  const { extra, extraInto, graph, payee, delivered } = terrain
  const own = extra.filter((edge) => edge.own)
  if (own.length === 0) return routeFault('own-balance', 'own', 'no channel can be used')
  const widest = own.reduce((most, { high }) => Math.max(most, high), 0)
  if (widest * LEEWAY < (terrain.mayShrink ? 1 : delivered))
    return routeFault('own-balance', 'amount', `the widest channel can send ${widest}`)
  const into = payee < graph.nodeIds.length ? edgesInto(graph, payee) : []
  const last = [...into, ...(extraInto.get(payee) ?? [])]
  if (last.length === 0) return routeFault('payee-unknown', 'payee', request.payee)
  const open = last.some((edge) => !Number.isNaN(feeThrough(terrain, edge, delivered)))
  return open ? undefined : routeFault('no-route', 'amount', 'no channel of the payee can bring it')
}
