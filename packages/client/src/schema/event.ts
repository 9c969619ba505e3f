/** What the node tells its listeners, in order, after it is durable. */
import { z } from 'zod'
import { ChannelView } from './channel.ts'
import { ChainStatus } from './node.ts'
import { PaymentDirection, PaymentState } from './payment.ts'
import { ChannelId, Integer, Reference, TimeMs } from './primitives.ts'

export const NodeEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('peer'), atMs: TimeMs, nodeId: z.string(), connected: z.boolean() }),
    z.object({ type: z.literal('channel'), atMs: TimeMs, channel: ChannelView }),
    z.object({
      type: z.literal('payments'),
      atMs: TimeMs,
      channelId: ChannelId,
      direction: PaymentDirection,
      state: PaymentState,
      count: z.number(),
      amount: Integer,
    }),
    z.object({ type: z.literal('invoice'), atMs: TimeMs, hash: Reference, received: Integer }),
    z.object({
      type: z.literal('network-payment'),
      atMs: TimeMs,
      hash: Reference,
      state: z.enum(['pending', 'succeeded', 'failed']),
      parts: z.number(),
      pending: z.number(),
    }),
    z.object({ type: z.literal('chain'), atMs: TimeMs, chain: ChainStatus }),
    z.object({ type: z.literal('warning'), atMs: TimeMs, code: z.string(), message: z.string() }),
    /** Events were missed (the node restarted, or the listener was away too long): read the state again. */
    z.object({
      type: z.literal('reset'),
      atMs: TimeMs,
      reason: z.enum(['restarted', 'too-old', 'too-slow']),
    }),
  ])
  .meta({ id: 'Event' })
export type NodeEvent = z.output<typeof NodeEvent>
