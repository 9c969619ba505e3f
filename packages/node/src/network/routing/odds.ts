/**
 * How likely an edge carries an amount (RT-40 to RT-43). Before anything is known, the money of a channel is thought to
 * lie more often near one end than in the middle: the density at share x of the capacity is 12 (x - 1/2)^2, as in LDK's
 * ProbabilisticScorer; LND's bimodal estimator thinks alike. What attempts taught is mixed in by its weight, which halves
 * with time. Never rises with the amount.
 */

import type { EdgeExperience } from './experience.ts'
import type { RoutingWeights } from './weights.ts'

/** What is not known to fail is never quite hopeless: all the money may lie on the right side. */
const LEAST_PRIOR = 0.02
/** Of a hinted hop, whose capacity nobody told: the payee wants to be paid by it. */
export const HINT_CHANCE = 0.95

/** Chance that at least `amount` lies on the payer's side of a channel of which only the capacity is known. */
export function priorChance(amount: number, capacity: number): number {
  const distance = amount / capacity - 0.5
  const chance = 0.5 - 4 * distance * distance * distance
  return amount >= capacity ? LEAST_PRIOR : Math.min(1, Math.max(LEAST_PRIOR, chance))
}

/** {@link priorChance} after what `edge` taught. Bounds first, then faults. */
export function informedChance(
  amount: number,
  capacity: number,
  edge: EdgeExperience,
  weights: RoutingWeights,
  nowMs: number,
): number {
  const { liquidityHalfLifeMs: halfLifeMs } = weights
  const chance = belowHigh(amount, capacity, edge, halfLifeMs, nowMs)
  if (edge.fault === 0) return chance
  return chance * trustLeft(edge, weights, nowMs)
}

/** What a fault of an edge or node leaves of its chance. */
export function trustLeft(
  { fault, faultAtMs }: Pick<EdgeExperience, 'fault' | 'faultAtMs'>,
  weights: RoutingWeights,
  nowMs: number,
): number {
  return 1 - fault * weightLeft(faultAtMs, weights.faultHalfLifeMs, nowMs)
}

/** 1 at the time of the event and for what is dated later, halving with each half-life. */
export function weightLeft(atMs: number, halfLifeMs: number, nowMs: number): number {
  return nowMs <= atMs ? 1 : 2 ** ((atMs - nowMs) / halfLifeMs)
}

function aboveLow(
  amount: number,
  capacity: number,
  edge: EdgeExperience,
  halfLifeMs: number,
  nowMs: number,
): number {
  const chance = priorChance(amount, capacity)
  if (edge.lowAtMs === 0) return chance
  const weight = weightLeft(edge.lowAtMs, halfLifeMs, nowMs)
  const given = amount <= edge.low ? 1 : chance / priorChance(edge.low, capacity)
  return (1 - weight) * chance + weight * given
}

function belowHigh(
  amount: number,
  capacity: number,
  edge: EdgeExperience,
  halfLifeMs: number,
  nowMs: number,
): number {
  const chance = aboveLow(amount, capacity, edge, halfLifeMs, nowMs)
  if (edge.highAtMs === 0) return chance
  const weight = weightLeft(edge.highAtMs, halfLifeMs, nowMs)
  return (1 - weight) * chance + weight * givenBelow(amount, chance, capacity, edge, halfLifeMs, nowMs)
}

/** Chance of at least `amount`, given less than `edge.high`; `chance` is that without the condition. */
function givenBelow(
  amount: number,
  chance: number,
  capacity: number,
  edge: EdgeExperience,
  halfLifeMs: number,
  nowMs: number,
): number {
  if (amount >= edge.high) return 0
  const atHigh = aboveLow(edge.high, capacity, edge, halfLifeMs, nowMs)
  // Where the bounds are a tiny share of the capacity the curve tells nothing between them: a straight line does.
  if (atHigh > 0.999) return straightLine(amount, edge.lowAtMs === 0 ? 0 : edge.low, edge.high)
  return (chance - atHigh) / (1 - atHigh)
}

function straightLine(amount: number, low: number, high: number): number {
  return amount <= low ? 1 : (high - amount) / (high - low)
}
