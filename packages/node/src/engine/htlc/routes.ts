/**
 * Ways for a payment: over this node's own channels first, then over what the network is known to hold and what the
 * invoice says. What an attempt taught is remembered beyond the payment.
 */

import { FAILURES, type FailureCode, type Invoice, toHex } from '@tallystick/protocol'
import {
  createGraph,
  createRouter,
  findParts,
  findRoute,
  type HintedHop,
  learn,
  type Outcome,
  type OwnChannel,
  type Route,
  type RouteFault,
  type Router,
} from '../../network/routing/index.ts'
import { tokenOf } from '../network/network-view.ts'
import type { Channel, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import { canPlace, roomOf } from './forward.ts'
import type { PartHop, PaymentFailure } from './payment-record.ts'

const MAX_HOPS = 14
/** Parts of one plan. */
const MAX_PARTS = 16

export interface RouteQuery {
  readonly invoice: Pick<Invoice, 'payee' | 'token' | 'routes'>
  /** What the payee is to get. */
  readonly amount: bigint
  readonly maxFee: bigint
  /** Of earlier attempts: what they blame is left out. */
  readonly failures: readonly PaymentFailure[]
  /** One route for all of it. */
  readonly whole?: boolean
}

export interface PlannedRoute {
  readonly channel: Channel
  readonly hops: readonly PartHop[]
}

export type RoutesFound =
  | { readonly ok: true; readonly routes: readonly PlannedRoute[] }
  | { readonly ok: false; readonly failure: PaymentFailure }

/** As the transport writes it. */
export function nodeIdText(nodeId: Uint8Array): string {
  return Buffer.from(nodeId).toString('hex')
}

export function findRoutes(rt: Runtime, query: RouteQuery): RoutesFound {
  const token = toHex(query.invoice.token)
  const router = routerFor(rt, token)
  const request = {
    payer: rt.ports.transport.nodeId,
    payee: nodeIdText(query.invoice.payee),
    amount: query.amount,
    maxFee: query.maxFee,
    own: ownChannels(rt, token),
    hints: hintsOf(query.invoice),
    // As many as the payloads of an onion leave room for (ADR 0020); joint terms hold more.
    maxHops: MAX_HOPS,
    avoid: { channels: blamedChannels(query.failures), nodes: blamedNodes(query) },
    nowMs: rt.ports.nowMs(),
  }
  if (query.whole === true) {
    const found = findRoute(router, request)
    return found.ok ? planned(rt, [found.route]) : notFound(query, found.fault)
  }
  const found = findParts(router, { ...request, maxParts: MAX_PARTS })
  return found.ok ? planned(rt, found.parts.routes) : notFound(query, found.fault)
}

/** Tells the router how an attempt ended. */
export function learnFrom(
  rt: Runtime,
  hops: readonly PartHop[],
  amount: bigint,
  failure: PaymentFailure | undefined,
): void {
  const outcome = failure === undefined ? ({ kind: 'success' } as const) : outcomeOf(hops, failure)
  if (outcome !== undefined)
    learn(rt.network.experience, routeOf(rt, hops, amount), outcome, rt.ports.nowMs())
}

function outcomeOf(hops: readonly PartHop[], { code, hop }: PaymentFailure): Outcome | undefined {
  if (hop === undefined || !(code in FAILURES)) return undefined
  if (code === 'failure-garbled') return hops.length > 1 ? { kind: 'failure', reason: 'unknown' } : undefined
  const { blame } = FAILURES[code as FailureCode]
  if (blame === 'payment') return undefined
  const reason = blame === 'node' ? 'node' : code === 'channel-unavailable' ? 'liquidity' : 'channel'
  if (reason !== 'node' && hop + 1 >= hops.length) return undefined
  return { kind: 'failure', hop: hop + 1, reason }
}

function routeOf(rt: Runtime, hops: readonly PartHop[], amount: bigint): Route {
  let from = rt.ports.transport.nodeId
  let before = hops[0]?.amount ?? amount
  const walked = hops.map((hop) => {
    const step = { channelId: hop.channelId, from, to: hop.to, amount: hop.amount, fee: before - hop.amount }
    from = hop.to
    before = hop.amount
    return step
  })
  const totalAmount = hops[0]?.amount ?? amount
  return { hops: walked, totalAmount, totalFee: totalAmount - amount, probability: 1 }
}

function planned(rt: Runtime, routes: readonly Route[]): RoutesFound {
  const plans: PlannedRoute[] = []
  for (const { hops } of routes) {
    const channel = rt.channels.get(hops[0]?.channelId as Hex)
    if (channel === undefined) throw new Error('a route that begins in no own channel')
    plans.push({
      channel,
      hops: hops.map(({ channelId, to, amount }) => ({ channelId: channelId as Hex, to, amount })),
    })
  }
  return { ok: true, routes: plans }
}

function notFound({ failures }: RouteQuery, fault: RouteFault): RoutesFound {
  const own = { code: fault.code, hop: undefined, nodeId: undefined, channelId: undefined }
  return { ok: false, failure: failures.at(-1) ?? own }
}

export function routerFor(rt: Runtime, token: Hex): Router {
  const { chain } = rt.ports
  return (
    rt.network.routers.get(token) ??
    createRouter(createGraph({ chainId: chain.chainId, bank: chain.bank, token }), rt.network.experience)
  )
}

export function ownChannels(rt: Runtime, token: Hex): readonly OwnChannel[] {
  const own: OwnChannel[] = []
  for (const channel of rt.channels.values()) {
    if (tokenOf(channel) !== token || !canPlace(channel)) continue
    const room = roomOf(channel)
    if (room > 0n) own.push({ channelId: channel.id, peer: channel.peer, spendable: room })
  }
  return own
}

function hintsOf({ payee, routes }: RouteQuery['invoice']): readonly HintedHop[] {
  return routes.flatMap((route) =>
    route.map((hint, index) => {
      const next = route[index + 1]?.from ?? payee
      const { feeBase, feePpm, minAmount, maxAmount } = hint
      return {
        channelId: toHex(hint.channelId),
        from: nodeIdText(hint.from),
        to: nodeIdText(next),
        policy: { feeBase, feePpm, minAmount, maxAmount: maxAmount ?? (1n << 126n) - 1n, disabled: false },
      }
    }),
  )
}

function blamedChannels(failures: readonly PaymentFailure[]): ReadonlySet<string> {
  return new Set(failures.flatMap(({ channelId }) => (channelId === undefined ? [] : [channelId])))
}

function blamedNodes({ failures, invoice }: RouteQuery): ReadonlySet<string> {
  const payee = nodeIdText(invoice.payee)
  return new Set(
    failures.flatMap(({ code, nodeId }) => {
      const blame = code in FAILURES ? FAILURES[code as FailureCode].blame : undefined
      return blame === 'node' && nodeId !== undefined && nodeId !== payee ? [nodeId] : []
    }),
  )
}
