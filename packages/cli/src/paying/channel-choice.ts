/** A payment to a peer: over the channel named, or one with it; of the token that a URI asks for. */
import type { Hex, NodeClient } from '@tallystick/client'
import { Failure } from '../failure.ts'
import type { PayTarget } from './target.ts'

/** @throws {Failure} when the URI asks for a token in which no channel with the peer is open */
export async function directTarget(
  api: NodeClient,
  target: Extract<PayTarget, { kind: 'channel' | 'peer' }>,
): Promise<{ channelId: Hex } | { peer: string }> {
  if (target.kind === 'channel') return { channelId: target.channelId }
  const { nodeId, token } = target
  if (token === undefined) return { peer: nodeId }
  const open = (await api.channels()).filter(
    (channel) => channel.peer === nodeId && channel.token === token && channel.status === 'open',
  )
  const [widest] = open.toSorted((a, b) => (a.spendable < b.spendable ? 1 : -1))
  if (widest !== undefined) return { channelId: widest.channelId }
  throw new Failure('refused', {
    code: 'no-channel',
    field: 'to',
    message: `no channel with this peer is open in the token ${token}`,
    remedy:
      'Open one with `tally channel open`, or ask the payee for an invoice: it is paid over the network.',
  })
}
