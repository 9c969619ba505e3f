/** What is asked of the router, and what it answers. */

import { type FeePolicy, MAX_AMOUNT } from '@tallystick/protocol'
import { policyFault } from './fee.ts'
import type { ChannelId, NodeId } from './graph.ts'

/** Hops of a route at most, the payer's own one included (RT-20; as many as the onion has room for). */
export const MAX_HOPS = 20
/** Parts of one payment at most (RT-50). */
export const MAX_PARTS = 32
/** Own channels, and hinted hops, looked at for one request at most. */
const MAX_EXTRA_EDGES = 20_000

/** A channel of the payer that can be used now. Its capacity and policy do not matter: what it can send is known. */
export interface OwnChannel {
  readonly channelId: ChannelId
  readonly peer: NodeId
  /** Greatest amount of a lock that can be placed in it now. */
  readonly spendable: bigint
}

/** A hop the payee (or a failure message) told of. What gossip knows of the same edge goes before it (RT-24). */
export interface HintedHop {
  readonly channelId: ChannelId
  readonly from: NodeId
  readonly to: NodeId
  readonly policy: FeePolicy
}

/** A directed edge by name: a channel, and the node that pays in it. */
export type EdgeName = `${ChannelId}/${NodeId}`

export function edgeName(channelId: ChannelId, from: NodeId): EdgeName {
  return `${channelId}/${from}`
}

/** What must not be used, whatever it costs. */
export interface Avoided {
  readonly channels?: ReadonlySet<ChannelId>
  /** One direction of a channel: {@link edgeName}. */
  readonly edges?: ReadonlySet<EdgeName>
  readonly nodes?: ReadonlySet<NodeId>
}

export interface RouteRequest {
  readonly payer: NodeId
  /** May be the payer: a cycle, for rebalancing; then `own` and `into` share no channel. */
  readonly payee: NodeId
  /** What the payee receives; base units, 1 or more. */
  readonly amount: bigint
  /** Greatest total fee; may be negative for a payer that wants to earn. */
  readonly maxFee: bigint
  readonly own: readonly OwnChannel[]
  readonly hints?: readonly HintedHop[]
  readonly avoid?: Avoided
  /** Channels of the payee by which it wants to be paid; every one where absent. */
  readonly into?: ReadonlySet<ChannelId>
  /** 1 to {@link MAX_HOPS}, which is the default. */
  readonly maxHops?: number
  readonly nowMs: number
  /**
   * `quick` (the default) looks thoroughly, within bounds, only where it finds nothing (RT-31, RT-32). `thorough` may take
   * some tenths of a second in a graph of tens of thousands of channels.
   */
  readonly effort?: 'quick' | 'thorough'
}

/** In the order of payment. */
export interface Hop {
  readonly channelId: ChannelId
  readonly from: NodeId
  readonly to: NodeId
  /** Of the lock that `from` places. */
  readonly amount: bigint
  /** What `from` keeps for forwarding (RT-10): the amount before this hop minus this amount. 0 on the first hop. */
  readonly fee: bigint
}

export interface Route {
  readonly hops: readonly Hop[]
  /** Of the first lock: what the payer gives. */
  readonly totalAmount: bigint
  /** `totalAmount` minus what the payee receives. */
  readonly totalFee: bigint
  /** Estimated, 0 to 1 (RT-40). */
  readonly probability: number
}

/** Why there is no route, from the one that is wrong before any search to the one that only the limit forbids. */
export const ROUTE_FAULTS = {
  'request-invalid': 'correct the named field',
  'own-balance': 'no usable channel can send this amount: pay less, in more parts, or top up a channel',
  'payee-unknown':
    'the graph has no channel of the payee: ask for an invoice with route hints, or wait for gossip',
  'no-route': 'no route can carry this amount now: pay less, in more parts, or later',
  'fee-limit': 'raise the fee limit to at least the fee named, or pay later',
} as const

export type RouteFaultCode = keyof typeof ROUTE_FAULTS

export interface RouteFault {
  readonly code: RouteFaultCode
  /** Of the request. */
  readonly field: string
  readonly detail: string | undefined
  readonly remedy: string
  /** With `fee-limit`: a fee for which a route was found. */
  readonly fee?: bigint
}

export type RouteAnswer =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly fault: RouteFault }

export function routeFault(code: RouteFaultCode, field: string, detail?: string): RouteFault {
  return { code, field, detail, remedy: ROUTE_FAULTS[code] }
}

/** The first fault that needs no graph, or undefined. */
export function requestFault(request: RouteRequest): RouteFault | undefined {
  const { amount, maxFee, own, hints = [], maxHops = MAX_HOPS, nowMs } = request
  const invalid = (field: string, detail: string) => routeFault('request-invalid', field, detail)
  if (amount < 1n || amount > MAX_AMOUNT) return invalid('amount', '1 to 2^128 - 1')
  if (maxFee < -MAX_AMOUNT || maxFee > MAX_AMOUNT) return invalid('maxFee', 'at most 2^128 - 1, either sign')
  if (!Number.isInteger(maxHops) || maxHops < 1 || maxHops > MAX_HOPS)
    return invalid('maxHops', `1 to ${MAX_HOPS}`)
  if (!Number.isFinite(nowMs)) return invalid('nowMs', 'unix milliseconds')
  if (request.avoid?.nodes?.has(request.payee)) return invalid('avoid.nodes', 'the payee is among them')
  if (own.length > MAX_EXTRA_EDGES) return invalid('own', `at most ${MAX_EXTRA_EDGES}`)
  if (hints.length > MAX_EXTRA_EDGES) return invalid('hints', `at most ${MAX_EXTRA_EDGES}`)
  for (const [index, { spendable }] of own.entries())
    if (spendable < 0n || spendable > MAX_AMOUNT) return invalid(`own[${index}].spendable`, 'a uint128')
  for (const [index, hint] of hints.entries()) {
    const fault = hint.from === hint.to ? 'to' : policyFault(hint.policy)
    if (fault !== undefined) return invalid(`hints[${index}].${fault}`, 'out of range')
  }
  if (request.payer === request.payee) return cycleFault(request)
  return undefined
}

function cycleFault({ own, into }: RouteRequest): RouteFault | undefined {
  const field = 'into'
  if (into === undefined)
    return routeFault('request-invalid', field, 'a cycle names the channels by which it comes back')
  for (const { channelId } of own)
    if (into.has(channelId))
      return routeFault('request-invalid', field, `${channelId} is in own too: a cycle does not turn back`)
  return undefined
}
