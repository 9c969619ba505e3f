/**
 * Ways to this node over its own channels that nobody announced: what an invoice says of them, and whoever reads it learns
 * (docs/spec/invoice.md). What the peer asks for its side it has told this node alone.
 */

import { isUsable, MAX_INVOICE_ROUTES, type RouteHint, receivable } from '@tallystick/protocol'
import { ServiceError } from '../errors.ts'
import { tokenOf } from '../network/network-view.ts'
import type { Channel, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'

/** Each makes the invoice, and its QR code, larger. */
const MAX_PRIVATE_ROUTES = 3

/**
 * Those that can bring most first.
 * @throws ServiceError INVALID_REQUEST when there is none: an invoice without any could not be paid
 */
export function privateRoutes(rt: Runtime, token: Hex, given: number): readonly (readonly RouteHint[])[] {
  const usable = [...rt.channels.values()].filter(
    (channel) =>
      tokenOf(channel) === token &&
      channel.core.link.synced &&
      isUsable(channel.core) &&
      receivable(channel.core) > 0n &&
      rt.network.gossip.announcement(channel.id) === undefined,
  )
  const hints = usable
    .sort((a, b) => (receivable(a.core) < receivable(b.core) ? 1 : -1))
    .flatMap((channel) => hintOver(rt, channel))
  if (hints.length > 0) return hints.slice(0, Math.min(MAX_PRIVATE_ROUTES, MAX_INVOICE_ROUTES - given))
  throw new ServiceError('INVALID_REQUEST', {
    field: 'private',
    detail:
      usable.length === 0
        ? 'No private channel of this token can receive now: its peer must be connected and hold money in it.'
        : 'No peer has told yet what it asks for bringing payments here: wait until it is connected.',
  })
}

function hintOver(rt: Runtime, channel: Channel): readonly (readonly RouteHint[])[] {
  const policy = rt.network.privatePolicies.get(channel.id)
  if (policy === undefined || policy.disabled) return []
  const { feeBase, feePpm, minAmount, maxAmount } = policy
  const from = Buffer.from(channel.peer, 'hex')
  return [[{ channelId: channel.idBytes, from, feeBase, feePpm, minAmount, maxAmount }]]
}
