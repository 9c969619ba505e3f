/** Payments over the network: an invoice is one payment, however often it is asked for. */
import { z } from 'zod'
import { InvoiceMethod, InvoiceText } from './invoice.ts'
import { PaymentListQuery } from './payment.ts'
import {
  Address,
  Amount,
  ChannelId,
  Hash,
  Integer,
  NodeId,
  PositiveAmount,
  TimeMs,
  TimeoutMs,
  TimeoutMsText,
} from './primitives.ts'

export const PayInvoiceRequest = z
  .strictObject({
    invoice: InvoiceText,
    /** For an invoice that leaves it open; else absent, or the invoice's own. */
    amount: PositiveAmount.exactOptional(),
    /** Fees beyond this are not paid. Absent: 1 % of the amount, at least 10. */
    maxFee: Amount.exactOptional(),
    /** Absent: htlc. */
    via: InvoiceMethod.exactOptional(),
    timeoutMs: TimeoutMs.exactOptional(),
  })
  .meta({ id: 'PayInvoiceRequest' })
export type PayInvoiceRequest = z.output<typeof PayInvoiceRequest>

/** `pending`: it may still be made. `succeeded`: the payee has it. `failed`: no lock of it can pay any more; it may be paid again. */
export const NetworkPaymentState = z.enum(['pending', 'succeeded', 'failed'])
export type NetworkPaymentState = z.output<typeof NetworkPaymentState>

/** One channel of a path, in the order of the payment. */
export const PathHop = z
  .object({
    channelId: ChannelId,
    /** The node that receives over it. */
    to: NodeId,
    /** What is locked in it: what the payee gets, and the fees of the hops after it. */
    amount: Integer,
  })
  .meta({ id: 'PathHop' })
export type PathHop = z.output<typeof PathHop>

export const NetworkPaymentFailure = z
  .object({
    code: z.string(),
    /** Which hop of the path said so, from 0; absent: this node. */
    hop: z.number().optional(),
    nodeId: NodeId.optional(),
    channelId: ChannelId.optional(),
    message: z.string(),
    remedy: z.string(),
  })
  .meta({ id: 'NetworkPaymentFailure' })
export type NetworkPaymentFailure = z.output<typeof NetworkPaymentFailure>

/** Some of the amount over one path (htlc), or all of it over one path in a joint payment. */
export const NetworkPaymentAttempt = z
  .object({
    /** What the payee gets of it. */
    amount: Integer,
    /** What the hops keep of it; negative where they give. */
    fee: Integer,
    /** `wanted`: nothing is locked yet. `pending`: locked, or being agreed. */
    state: z.enum(['wanted', 'pending', 'paid', 'failed']),
    path: z.array(PathHop).readonly(),
    failure: NetworkPaymentFailure.optional(),
  })
  .meta({ id: 'NetworkPaymentAttempt' })
export type NetworkPaymentAttempt = z.output<typeof NetworkPaymentAttempt>

export const NetworkPaymentView = z
  .object({
    paymentHash: Hash,
    invoice: z.string(),
    payee: NodeId,
    token: Address,
    amount: Integer,
    maxFee: Integer,
    /** Of the attempts that paid or may still pay. */
    fee: Integer,
    via: InvoiceMethod,
    state: NetworkPaymentState,
    /** Shows that it was paid: hashes to `paymentHash`. A joint payment has none: its payees sign receipts. */
    preimage: Hash.optional(),
    /** In order, failed ones included. */
    attempts: z.array(NetworkPaymentAttempt).readonly(),
    /** Why it failed; while it is pending, why no more is tried. */
    failure: NetworkPaymentFailure.optional(),
    createdAtMs: TimeMs,
    endedAtMs: TimeMs.optional(),
  })
  .meta({ id: 'NetworkPayment' })
export type NetworkPaymentView = z.output<typeof NetworkPaymentView>

/** Query of one payment: with `timeoutMs`, the answer waits until it has ended. */
export const NetworkPaymentQuery = z.strictObject({ timeoutMs: TimeoutMsText.exactOptional() })
export type NetworkPaymentQuery = z.output<typeof NetworkPaymentQuery>

export const NetworkPaymentListQuery = z.strictObject({
  state: NetworkPaymentState.exactOptional(),
  cursor: PaymentListQuery.shape.cursor,
  limit: PaymentListQuery.shape.limit,
})
export type NetworkPaymentListQuery = z.output<typeof NetworkPaymentListQuery>

export const NetworkPaymentPage = z
  .object({ payments: z.array(NetworkPaymentView).readonly(), next: z.string().optional() })
  .meta({ id: 'NetworkPaymentPage' })
export type NetworkPaymentPage = z.output<typeof NetworkPaymentPage>
