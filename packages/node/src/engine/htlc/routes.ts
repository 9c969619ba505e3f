/** Ways for a payment: over this node's own channels first, then over what the invoice says and what the network is known to hold. */

import { type Invoice, type RouteHint, toHex } from '@tallystick/protocol'
import { amountInto } from '../../network/routing/fee.ts'
import type { Channel, Runtime } from '../runtime.ts'
import { canPlace, roomOf } from './forward.ts'
import type { PartHop, PaymentFailure } from './payment-record.ts'

export interface RouteQuery {
  readonly invoice: Invoice
  /** What the payee is to get. */
  readonly amount: bigint
  readonly maxFee: bigint
  /** Of earlier parts: what they blame is left out. */
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
  const blamed = new Set(
    query.failures.flatMap(({ channelId }) => (channelId === undefined ? [] : [channelId])),
  )
  let best: PlannedRoute | undefined
  for (const hints of [[], ...query.invoice.routes]) {
    const route = routeOver(rt, query, hints, blamed)
    const total = route?.hops[0]?.amount
    if (route === undefined || total === undefined || total - query.amount > query.maxFee) continue
    if (best === undefined || total < (best.hops[0]?.amount ?? 0n)) best = route
  }
  if (best !== undefined) return { ok: true, routes: [best] }
  const failure = { code: 'no-route', hop: undefined, nodeId: undefined, channelId: undefined }
  return { ok: false, failure: query.failures.at(-1) ?? failure }
}

function routeOver(
  rt: Runtime,
  { invoice, amount }: RouteQuery,
  hints: readonly RouteHint[],
  blamed: ReadonlySet<string>,
): PlannedRoute | undefined {
  const hops: PartHop[] = []
  let carried = amount
  let to = nodeIdText(invoice.payee)
  for (const hint of [...hints].reverse()) {
    const channelId = toHex(hint.channelId)
    if (blamed.has(channelId) || carried < hint.minAmount || carried > (hint.maxAmount ?? carried))
      return undefined
    hops.unshift({ channelId, to, amount: carried })
    const more = amountInto(hint, carried)
    if (more === undefined) return undefined
    carried = more
    to = nodeIdText(hint.from)
  }
  const channel = firstChannel(rt, to, toHex(invoice.token), carried, blamed)
  return channel && { channel, hops: [{ channelId: channel.id, to, amount: carried }, ...hops] }
}

function firstChannel(
  rt: Runtime,
  nodeId: string,
  token: string,
  amount: bigint,
  blamed: ReadonlySet<string>,
): Channel | undefined {
  let best: Channel | undefined
  for (const channel of rt.peers.get(nodeId)?.channels ?? []) {
    if (toHex(channel.core.setup.params.token) !== token || blamed.has(channel.id)) continue
    if (!canPlace(channel) || roomOf(channel) < amount) continue
    if (best === undefined || roomOf(channel) > roomOf(best)) best = channel
  }
  return best
}
