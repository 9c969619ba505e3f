/** How the router weighs money against hope (RT-30, RT-40). */

export interface RoutingWeights {
  /** What one more hop is worth, parts per million of the amount it carries: each costs a signature and may stall. */
  readonly hopPpm: number
  /** What doubt is worth, parts per million of the amount, for each factor e by which success becomes less likely. */
  readonly doubtPpm: number
  /** An edge less likely than this is not used at all. */
  readonly leastChance: number
  readonly liquidityHalfLifeMs: number
  readonly faultHalfLifeMs: number
}

export const DEFAULT_WEIGHTS: RoutingWeights = {
  hopPpm: 50,
  doubtPpm: 2_000,
  leastChance: 0.01,
  liquidityHalfLifeMs: 2 * 3_600_000,
  faultHalfLifeMs: 3_600_000,
}

/** Nothing but fees counts, likely or not; negative ones as none, as always (RT-30). */
export const FEES_ONLY: RoutingWeights = { ...DEFAULT_WEIGHTS, hopPpm: 0, doubtPpm: 0, leastChance: 0 }
