/** Small random networks, and the one honest judge of routes: trying every loop-free path, in exact numbers. */

import type { FeePolicy } from '@tallystick/protocol'
import fc from 'fast-check'
import {
  addChannel,
  createExperience,
  createGraph,
  createRouter,
  type Graph,
  type OwnChannel,
  type Route,
  type RouteRequest,
  type Router,
  type RoutingWeights,
  setPolicy,
} from '../../../src/network/routing/index.ts'

export const NOW_MS = 1_800_000_000_000
export const PAYER = 'payer'

export interface Terms extends Omit<FeePolicy, 'disabled'> {
  readonly disabled?: boolean
}

/** One channel between two of the nodes `n0`, `n1`, ... and what each of them asks. */
export interface ChannelSketch {
  readonly ends: readonly [number, number]
  readonly capacity: bigint
  readonly policies: readonly [Terms, Terms]
}

export interface World {
  readonly channels: readonly ChannelSketch[]
  /** The payer's own: to which node, and what it can send. */
  readonly own: readonly { readonly peer: number; readonly spendable: bigint }[]
  readonly amount: bigint
  readonly maxFee: bigint
}

export interface WorldKind {
  /** Least base and ppm. */
  readonly feeBase: number
  readonly feePpm: number
  /** Greatest least amount, in a hundredth of what is usually paid. */
  readonly minAmount: number
  readonly scales: readonly bigint[]
}

export const FRIENDLY: WorldKind = { feeBase: 0, feePpm: 0, minAmount: 0, scales: [1n, 1_000_003n] }
export const WILD: WorldKind = {
  feeBase: -40,
  feePpm: -200_000,
  minAmount: 60,
  scales: [1n, 10n ** 15n + 1n, (1n << 100n) + 1n],
}

export const NODES = 6

export function worlds(kind: WorldKind): fc.Arbitrary<World> {
  return fc.constantFrom(...kind.scales).chain((scale) => {
    const sized = (most: number, least = 0) =>
      fc.integer({ min: least, max: most }).map((value) => BigInt(value) * scale)
    const terms: fc.Arbitrary<Terms> = fc
      .record({
        feeBase: fc.integer({ min: kind.feeBase, max: 60 }),
        feePpm: fc.integer({ min: kind.feePpm, max: 250_000 }),
        least: sized(kind.minAmount),
        span: sized(900, 100),
        disabled: fc.integer({ min: 0, max: 19 }).map((value) => value === 0),
      })
      .map(({ feeBase, feePpm, least, span, disabled }) => ({
        feeBase: (BigInt(feeBase) * scale) / 2n,
        feePpm,
        minAmount: least,
        maxAmount: least + span,
        disabled,
      }))
    const node = fc.integer({ min: 0, max: NODES - 1 })
    const channel = fc.record({
      ends: fc.tuple(node, node).filter(([a, b]) => a !== b),
      capacity: sized(1_000, 100),
      policies: fc.tuple(terms, terms),
    })
    return fc.record({
      channels: fc.array(channel, { minLength: 4, maxLength: 14 }),
      own: fc.array(fc.record({ peer: node, spendable: sized(900, 100) }), { minLength: 1, maxLength: 3 }),
      amount: sized(300).map((value) => value + 1n),
      maxFee: sized(200),
    })
  })
}

/** @param order in which gossip tells of the channels, by index */
export function graphOf(
  { channels }: Pick<World, 'channels'>,
  order: Iterable<number> = channels.keys(),
): Graph {
  const graph = createGraph({ chainId: 1n, bank: '0x', token: '0x' }, { nodes: 1, channels: 1 })
  for (const index of order) {
    const sketch = channels[index]
    if (sketch === undefined) continue
    const { ends, capacity, policies } = sketch
    const channelId = channelIdOf(index)
    addChannel(graph, { channelId, nodes: [`n${ends[0]}`, `n${ends[1]}`], capacity, addedAtMs: NOW_MS })
    for (const direction of [0, 1] as const)
      setPolicy(graph, channelId, direction, { disabled: false, ...policies[direction], sequence: 1 })
  }
  return graph
}

export function channelIdOf(index: number): string {
  return `c${String(index).padStart(3, '0')}`
}

export function routerOf(
  world: Pick<World, 'channels'>,
  weights?: RoutingWeights,
  order?: Iterable<number>,
): Router {
  return createRouter(graphOf(world, order), createExperience(), weights)
}

/** The payee is node 0. */
export function requestOf(world: World, rest: Partial<RouteRequest> = {}): RouteRequest {
  const own: OwnChannel[] = world.own.map(({ peer, spendable }, index) => ({
    channelId: `own${index}`,
    peer: `n${peer}`,
    spendable,
  }))
  const { amount, maxFee } = world
  return { payer: PAYER, payee: 'n0', amount, maxFee, own, nowMs: NOW_MS, ...rest }
}

export interface Judged {
  readonly amounts: readonly bigint[]
  readonly fee: bigint
  readonly cost: number
}

/** Every loop-free path that keeps every limit but the fee limit, priced exactly. */
export function everyPath(world: World, weights: RoutingWeights): Judged[] {
  const found: Judged[] = []
  const go = (at: number, amount: bigint, cost: number, amounts: bigint[], seen: Set<number>): void => {
    for (const { peer, spendable } of world.own)
      if (peer === at && amount <= spendable)
        found.push({
          amounts: [amount, ...amounts],
          fee: amount - world.amount,
          cost: cost + hopCost(world, weights, 0n, amount, 1),
        })
    for (const { ends, capacity, policies } of world.channels)
      for (const side of [0, 1] as const) {
        const [from, to] = side === 0 ? ends : [ends[1], ends[0]]
        const policy = policies[side]
        if (to !== at || seen.has(from) || policy.disabled === true) continue
        if (amount < policy.minAmount || amount > policy.maxAmount || amount > capacity) continue
        const fee = policy.feeBase + ceiling(amount * BigInt(policy.feePpm), 1_000_000n)
        if (amount + fee < 1n) continue
        const more = hopCost(world, weights, fee, amount, chanceOf(amount, capacity))
        go(from, amount + fee, cost + more, [amount, ...amounts], new Set(seen).add(from))
      }
  }
  go(0, world.amount, 0, [], new Set([0]))
  return found
}

/** RT-30, written a second time. */
export function hopCost(
  { amount: delivered }: World,
  weights: RoutingWeights,
  fee: bigint,
  amount: bigint,
  chance: number,
): number {
  const doubt = weights.hopPpm + weights.doubtPpm * Math.log(1 / chance)
  return Math.max(
    Number(fee) + (Number(amount) * doubt) / 1e6,
    Math.max(1 / 1024, Number(delivered) / 2 ** 40),
  )
}

/** RT-40, written a second time: the integral of 12 (x - 1/2)^2 from the amount's share to the whole. */
export function chanceOf(amount: bigint, capacity: bigint): number {
  if (amount >= capacity) return 0.02
  const share = Number(amount) / Number(capacity)
  return Math.max(0.02, 1 - (4 * (share - 0.5) ** 3 + 0.5))
}

/** Rounded up, whatever the sign. */
function ceiling(value: bigint, by: bigint): bigint {
  const rest = ((value % by) + by) % by
  return rest === 0n ? value / by : (value - rest) / by + 1n
}

export function costOf(world: World, weights: RoutingWeights, route: Route): number {
  return route.hops.reduceRight((cost, { channelId, amount, fee }) => {
    const channel = world.channels[Number(channelId.slice(1))]
    const chance = channel === undefined ? 1 : chanceOf(amount, channel.capacity)
    return cost + hopCost(world, weights, fee, amount, chance)
  }, 0)
}
