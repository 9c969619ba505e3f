/** From edges to a route whose every amount is exact: the search orders by float64, money is counted here (RT-34). */

import { amountInto } from './fee.ts'
import type { Hop, Route } from './request.ts'
import { edgeName } from './request.ts'
import { chanceThrough, exactTerms, type Terrain, type Usage } from './terrain.ts'

export type Priced =
  | { readonly ok: true; readonly route: Route }
  /** This edge cannot carry what it would have to. */
  | { readonly ok: false; readonly edge: number }

/** @param edges from the payer to the payee; @param delivered what the payee receives */
export function priceRoute(
  terrain: Terrain,
  edges: readonly number[],
  delivered: bigint,
  usage: Usage,
): Priced {
  const hops: Hop[] = []
  let amount = delivered
  let probability = 1
  for (const edge of edges.toReversed()) {
    const terms = exactTerms(terrain, edge)
    const used = usage.get(edgeName(terms.channelId, terms.from)) ?? 0n
    const left = terms.room - used
    if (amount < terms.least || amount > terms.greatest || amount > left) return { ok: false, edge }
    const amountIn = amountInto(terms, amount)
    if (amountIn === undefined) return { ok: false, edge }
    const chance = chanceThrough(terrain, edge, Number(amount))
    if (chance < terrain.weights.leastChance) return { ok: false, edge }
    hops.push({
      channelId: terms.channelId,
      from: terms.from,
      to: terms.to,
      amount,
      fee: amountIn - amount,
    })
    probability *= chance
    amount = amountIn
  }
  hops.reverse()
  return { ok: true, route: { hops, totalAmount: amount, totalFee: amount - delivered, probability } }
}
