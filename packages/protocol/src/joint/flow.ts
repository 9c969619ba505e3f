/** A flow of least cost from debtors to creditors over channels: successive shortest paths (netting.ts). */

import { lesser } from '../channel/amount.ts'
import type { Edge, Network, Shortage } from './network.ts'

/** A step of a path: along an edge, or back over what it carries. */
interface Move {
  readonly edge: Edge
  readonly back: boolean
}

/** Puts flow on the edges until every net position is met; else says who lacks what. */
export function leastCostFlow(network: Network, nets: readonly bigint[]): Shortage | undefined {
  const left = [...nets]
  for (let path = shortestPath(network, left); path !== undefined; path = shortestPath(network, left)) {
    const [first] = path
    const last = path.at(-1)
    if (first === undefined || last === undefined) break
    const from = first.back ? first.edge.to : first.edge.from
    const to = last.back ? last.edge.from : last.edge.to
    let amount = lesser(-(left[from] ?? 0n), left[to] ?? 0n)
    for (const move of path) amount = lesser(amount, room(move))
    for (const { edge, back } of path) edge.flow += back ? -amount : amount
    left[from] = (left[from] ?? 0n) + amount
    left[to] = (left[to] ?? 0n) - amount
  }
  return shortageOf(network, nets, left)
}

function room({ edge, back }: Move): bigint {
  return back ? edge.flow : edge.capacity - edge.flow
}

/** The cheapest path with room from a party that still owes to one that is still owed (Bellman and Ford). */
function shortestPath(network: Network, left: readonly bigint[]): readonly Move[] | undefined {
  const costs = left.map((net) => (net < 0n ? 0 : Number.POSITIVE_INFINITY))
  const arrived: (Move | undefined)[] = left.map(() => undefined)
  const waiting = left.flatMap((net, party) => (net < 0n ? [party] : []))
  const queued = new Set(waiting)
  for (let party = waiting.shift(); party !== undefined; party = waiting.shift()) {
    queued.delete(party)
    for (const move of movesFrom(network, party)) {
      const next = move.back ? move.edge.from : move.edge.to
      const cost = (costs[party] ?? 0) + (move.back ? -1 : 1)
      if (room(move) === 0n || cost >= (costs[next] ?? 0)) continue
      costs[next] = cost
      arrived[next] = move
      if (!queued.has(next)) waiting.push(next)
      queued.add(next)
    }
  }
  const ends = left.flatMap((net, party) => (net > 0n && Number.isFinite(costs[party]) ? [party] : []))
  const [end] = ends.sort((a, b) => (costs[a] ?? 0) - (costs[b] ?? 0))
  if (end === undefined) return undefined
  const path: Move[] = []
  for (let move = arrived[end]; move !== undefined; move = arrived[move.back ? move.edge.to : move.edge.from])
    path.unshift(move)
  return path
}

function movesFrom(network: Network, party: number): readonly Move[] {
  const along = (network.leaving[party] ?? []).map((edge) => ({ edge, back: false }))
  return [...along, ...(network.entering[party] ?? []).map((edge) => ({ edge, back: true }))]
}

/** Who is to blame: a party whose own channels cannot carry its position, else a debtor whose money finds no way. */
function shortageOf(
  network: Network,
  nets: readonly bigint[],
  left: readonly bigint[],
): Shortage | undefined {
  const stuck = left.flatMap((rest, party) => (rest === 0n ? [] : [party]))
  for (const party of stuck) {
    const net = nets[party] ?? 0n
    const edges = (net < 0n ? network.leaving[party] : network.entering[party]) ?? []
    const most = edges.reduce((sum, { capacity }) => sum + capacity, 0n)
    const needed = net < 0n ? -net : net
    const verb = net < 0n ? 'pay' : 'be paid'
    if (most < needed)
      return {
        party,
        missing: needed - most,
        detail: `its channels can ${verb} at most ${most} of ${needed}`,
      }
  }
  const debtor = stuck.find((party) => (left[party] ?? 0n) < 0n)
  if (debtor === undefined) return undefined
  const missing = -(left[debtor] ?? 0n)
  return { party: debtor, missing, detail: `${missing} of its debt finds no way to those who are owed` }
}
