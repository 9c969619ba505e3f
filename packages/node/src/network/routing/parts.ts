/**
 * A payment in several parts (RT-50 to RT-53). Parts are found one after the other, each beside what the earlier ones lock.
 * Where a part of some size finds no route, the size is halved; it never grows again, so the searches are bounded by the
 * number of parts and of halvings. If that fails, the same is tried with each part widened to what its route carries,
 * which uses narrow channels up before wide ones.
 */

import { ceilDiv, greater, lesser } from './amount.ts'
import { priceRoute } from './exact.ts'
import {
  type EdgeName,
  edgeName,
  MAX_PARTS,
  type Route,
  type RouteFault,
  type RouteRequest,
  requestFault,
  routeFault,
} from './request.ts'
import { type Router, type Sought, seekRoute } from './router.ts'
import type { Usage } from './terrain.ts'

export interface PartsRequest extends RouteRequest {
  /** 1 to {@link MAX_PARTS}. */
  readonly maxParts: number
  /** No part delivers less, unless the whole payment does; base units. */
  readonly minPart?: bigint
}

export interface Parts {
  /** Every route delivers its part to the payee; together the whole amount. */
  readonly routes: readonly Route[]
  readonly totalAmount: bigint
  readonly totalFee: bigint
  /** That all succeed. */
  readonly probability: number
}

export type PartsAnswer =
  | { readonly ok: true; readonly parts: Parts }
  | { readonly ok: false; readonly fault: RouteFault }

export function findParts(router: Router, request: PartsRequest): PartsAnswer {
  const fault = partsFault(request) ?? requestFault(request)
  if (fault !== undefined) return { ok: false, fault }
  const even = split(router, request, false)
  if (even.ok) return even
  const wide = even.found > 0 && request.maxParts > 1 ? split(router, request, true) : even
  return wide.ok ? wide : { ok: false, fault: even.fault }
}

function partsFault({ maxParts, minPart = 1n, amount }: PartsRequest): RouteFault | undefined {
  if (!Number.isInteger(maxParts) || maxParts < 1 || maxParts > MAX_PARTS)
    return routeFault('request-invalid', 'maxParts', `1 to ${MAX_PARTS}`)
  if (minPart < 1n) return routeFault('request-invalid', 'minPart', '1 or more')
  return amount < 1n ? routeFault('request-invalid', 'amount', '1 to 2^128 - 1') : undefined
}

/** `found` where it failed: how many parts it had. */
type Split =
  | { readonly ok: true; readonly parts: Parts }
  | { readonly ok: false; readonly fault: RouteFault; readonly found: number }

/** Sizes between the whole and the least are looked for lightly: a smaller one comes next anyway. */
function split(router: Router, request: PartsRequest, widen: boolean): Split {
  const { amount, maxParts, minPart = 1n } = request
  const routes: Route[] = []
  const usage = new Map<EdgeName, bigint>()
  let rest = amount
  let feeLeft = request.maxFee
  let size = amount
  while (rest > 0n) {
    // What must go now, so that the parts that are left suffice.
    const least = greater(ceilDiv(rest, BigInt(maxParts - routes.length)), lesser(minPart, rest))
    const part = nextPart(rest, size, minPart)
    const lightly = part !== amount && size > least
    const sought = seekRoute(router, { ...request, amount: part, maxFee: feeLeft }, usage, lightly)
    if (!sought.ok) {
      const fault = part === amount ? sought.fault : partial(sought.fault)
      if (size <= least) return { ok: false, fault, found: routes.length }
      size = greater(least, ceilDiv(lesser(part, size), 2n))
      continue
    }
    const route = widen ? widened(sought, { part, rest, minPart, feeLeft, usage }) : sought.route
    for (const { channelId, from, amount: locked } of route.hops) {
      const name = edgeName(channelId, from)
      usage.set(name, (usage.get(name) ?? 0n) + locked)
    }
    routes.push(route)
    rest -= deliveredBy(route)
    feeLeft -= route.totalFee
  }
  return { ok: true, parts: joined(routes) }
}

/** The greatest part of at most `size` that leaves nothing, or at least another part. */
function nextPart(rest: bigint, size: bigint, minPart: bigint): bigint {
  if (size >= rest) return rest
  if (rest - size >= minPart) return size
  return rest - minPart >= minPart ? rest - minPart : rest
}

interface Widening {
  readonly part: bigint
  readonly rest: bigint
  readonly minPart: bigint
  readonly feeLeft: bigint
  readonly usage: Usage
}

/** The most that the edges of a route carry, of what is still to be paid. */
function widened(
  { terrain, edges, route }: Extract<Sought, { ok: true }>,
  { part, rest, minPart, feeLeft, usage }: Widening,
): Route {
  const carrying = (delivered: bigint): Route | undefined => {
    const priced = priceRoute(terrain, edges, delivered, usage)
    return priced.ok && priced.route.totalFee <= feeLeft ? priced.route : undefined
  }
  const whole = carrying(rest)
  if (whole !== undefined) return whole
  let widest = route
  let low = part
  let high = rest - minPart
  while (low < high) {
    const middle = (low + high + 1n) / 2n
    const carried = carrying(middle)
    if (carried === undefined) high = middle - 1n
    else {
      low = middle
      widest = carried
    }
  }
  return widest
}

/** The fault of one part says nothing about the fee of the whole. */
function partial({ code, field, detail }: RouteFault): RouteFault {
  return routeFault(code, field, detail === undefined ? 'of one part' : `${detail} (of one part)`)
}

function joined(routes: readonly Route[]): Parts {
  let [totalAmount, totalFee, probability] = [0n, 0n, 1]
  for (const route of routes) {
    totalAmount += route.totalAmount
    totalFee += route.totalFee
    probability *= route.probability
  }
  return { routes, totalAmount, totalFee, probability }
}

export function deliveredBy({ totalAmount, totalFee }: Route): bigint {
  return totalAmount - totalFee
}
