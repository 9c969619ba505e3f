/** Circulations that change no net position: they lift hops that are too small, and link parties to the customer (netting.ts). */

import type { Edge, Network, Shortage } from './network.ts'

/** Every hop carries at least `least`: a smaller one gets a cycle of `least` through it. */
export function liftSmallHops(network: Network, least: bigint): Shortage | undefined {
  for (const edge of network.edges) {
    if (edge.flow === 0n || edge.flow >= least) continue
    const back =
      edge.capacity - edge.flow >= least ? pathBetween(network, edge.to, edge.from, least, []) : undefined
    if (back === undefined)
      return {
        party: edge.from,
        missing: least - edge.flow,
        detail: `a hop of ${edge.flow} is below the least lock`,
      }
    for (const each of [edge, ...back]) each.flow += least
  }
  return undefined
}

/**
 * The customer reaches every party that owes, is owed or carries something, along hops: each that it does not is put on a
 * cycle of `least` with one that it does.
 */
export function linkParties(
  network: Network,
  customer: number,
  obliged: readonly number[],
  least: bigint,
): Shortage | undefined {
  for (;;) {
    const reached = reachedBy(network, customer)
    const apart = network.parties.flatMap((_, party) => {
      const takesPart =
        obliged.includes(party) || network.leaving[party]?.some(({ flow }) => flow > 0n) === true
      return takesPart && !reached.has(party) ? [party] : []
    })
    const [first] = apart
    if (first === undefined) return undefined
    if (!apart.some((party) => linkOne(network, reached, party, least)))
      return { party: first, missing: least, detail: `no circle of ${least} joins it to the others` }
  }
}

function linkOne(network: Network, reached: ReadonlySet<number>, party: number, least: bigint): boolean {
  for (const from of reached) {
    const there = pathBetween(network, from, party, least, [])
    const back = there && pathBetween(network, party, from, least, there)
    if (there === undefined || back === undefined) continue
    for (const edge of [...there, ...back]) edge.flow += least
    return true
  }
  return false
}

function reachedBy(network: Network, from: number): ReadonlySet<number> {
  const reached = new Set([from])
  for (const party of reached)
    for (const { to, flow } of network.leaving[party] ?? []) if (flow > 0n) reached.add(to)
  return reached
}

/** The path of fewest hops with room for `amount` more on each edge, beside what `taken` already takes. */
function pathBetween(
  network: Network,
  from: number,
  to: number,
  amount: bigint,
  taken: readonly Edge[],
): readonly Edge[] | undefined {
  const arrived = new Map<number, Edge>()
  const seen = new Set([from])
  for (const party of seen)
    for (const edge of network.leaving[party] ?? []) {
      const room = edge.capacity - edge.flow - (taken.includes(edge) ? amount : 0n)
      if (room < amount || seen.has(edge.to)) continue
      seen.add(edge.to)
      arrived.set(edge.to, edge)
    }
  if (!seen.has(to)) return undefined
  const path: Edge[] = []
  for (let edge = arrived.get(to); edge !== undefined; edge = arrived.get(edge.from)) path.unshift(edge)
  return path
}
