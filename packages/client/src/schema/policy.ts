/** What a node asks for forwarding payments over its side of a channel. */
import { z } from 'zod'
import { ChannelId, Integer } from './primitives.ts'

const fields = {
  /** Base units for each payment; negative: the node pays for being used. */
  feeBase: Integer,
  /** Parts per million of the amount forwarded, besides; may be negative. */
  feePpm: z.int(),
  /** Least and greatest amount of one lock that is forwarded, base units. */
  minAmount: Integer,
  maxAmount: Integer,
  /** True: nothing is forwarded this way now. */
  disabled: z.boolean(),
}

/** Ranges are the node's to judge (`INVALID_POLICY`). */
export const FeePolicy = z.strictObject(fields).meta({ id: 'FeePolicy' })
export type FeePolicy = z.output<typeof FeePolicy>

export const ChannelPolicy = z.object({ channelId: ChannelId, ...fields }).meta({ id: 'ChannelPolicy' })
export type ChannelPolicy = z.output<typeof ChannelPolicy>

export const PolicyList = z.object({ policies: z.array(ChannelPolicy).readonly() }).meta({ id: 'PolicyList' })
