/** Payments over channels: requests are idempotent by reference. */
import { z } from 'zod'
import {
  Address,
  Amount,
  ChannelId,
  Integer,
  NodeId,
  PositiveAmount,
  Reference,
  TimeMs,
  TimeoutMs,
  TimeoutMsText,
} from './primitives.ts'

export const PaymentDirection = z.enum(['outgoing', 'incoming'])
export type PaymentDirection = z.output<typeof PaymentDirection>

export const PaymentState = z.enum(['queued', 'sent', 'accepted', 'refused'])
export type PaymentState = z.output<typeof PaymentState>

export const PaymentView = z
  .object({
    direction: PaymentDirection,
    reference: Reference,
    channelId: ChannelId,
    peer: z.string(),
    token: Address,
    amount: Integer,
    state: PaymentState,
    nonce: Integer.optional(),
    index: z.number().optional(),
    atMs: TimeMs,
  })
  .meta({ id: 'Payment' })
export type PaymentView = z.output<typeof PaymentView>

const payRoute = {
  channelId: ChannelId.exactOptional(),
  peer: NodeId.exactOptional(),
  until: z.enum(['sent', 'accepted']).exactOptional(),
  timeoutMs: TimeoutMs.exactOptional(),
}

export const PayRequest = z
  .strictObject({ ...payRoute, amount: PositiveAmount, reference: Reference })
  .meta({ id: 'PayRequest' })
export type PayRequest = z.output<typeof PayRequest>

/** The engine's own limit on a batch (`limits.maxBatch`) may be lower. */
const LONGEST_BATCH = 10_000

export const PayBatchRequest = z
  .strictObject({
    ...payRoute,
    payments: z
      .array(z.strictObject({ amount: PositiveAmount, reference: Reference }))
      .min(1, 'BATCH_EMPTY')
      .max(LONGEST_BATCH, 'BATCH_TOO_LARGE'),
  })
  .meta({ id: 'PayBatchRequest' })
export type PayBatchRequest = z.output<typeof PayBatchRequest>

export const PayBatchResult = z
  .object({ channelId: ChannelId, count: z.number(), amount: Integer, state: PaymentState })
  .meta({ id: 'PayBatchResult' })
export type PayBatchResult = z.output<typeof PayBatchResult>

/**
 * Query of one payment. `token` and `atLeast` say what a payee asked for, because payers choose references;
 * with `timeoutMs` (incoming only) the answer waits for the payment.
 */
export const PaymentFilter = z.strictObject({
  token: Address.exactOptional(),
  atLeast: Amount.exactOptional(),
  timeoutMs: TimeoutMsText.exactOptional(),
})
export type PaymentFilter = z.output<typeof PaymentFilter>

export const PaymentListQuery = z.strictObject({
  direction: PaymentDirection.exactOptional(),
  channelId: ChannelId.exactOptional(),
  cursor: z.string().max(512).exactOptional(),
  limit: z
    .codec(
      z
        .string()
        .regex(/^[0-9]{1,4}$/)
        .meta({ description: 'At most 1000; default 100', example: '100' }),
      z.int().min(1).max(1000),
      { decode: (digits) => Number(digits), encode: (value) => String(value) },
    )
    .exactOptional(),
})
export type PaymentListQuery = z.output<typeof PaymentListQuery>

export const PaymentPage = z
  .object({ payments: z.array(PaymentView).readonly(), next: z.string().optional() })
  .meta({ id: 'PaymentPage' })
export type PaymentPage = z.output<typeof PaymentPage>
