/** Invoices: asking this node for one, this node's own, and what somebody's invoice says. */
import {
  invoiceExpiresAt,
  MAX_INVOICE_DESCRIPTION_BYTES,
  MAX_INVOICE_EXPIRY_SECONDS,
  MAX_INVOICE_ROUTES,
  MAX_ROUTE_HOPS,
  MAX_URI_CHARACTERS,
  plainTextFault,
  type SignedInvoice,
  toHex,
} from '@tallystick/protocol'
import { z } from 'zod'
import { PaymentListQuery } from './payment.ts'
import {
  Address,
  ChannelId,
  Hash,
  Integer,
  NodeId,
  PositiveAmount,
  TimeMs,
  TimeoutMsText,
} from './primitives.ts'

export const InvoiceMethod = z.enum(['htlc', 'joint'])
export type InvoiceMethod = z.output<typeof InvoiceMethod>

/** The text of an invoice, with or without `tally:`. Whether it is one, and signed, the node says. */
export const InvoiceText = z
  .string('INVALID_INVOICE')
  .max(MAX_URI_CHARACTERS, 'INVALID_INVOICE')
  .regex(/^(?:tally:)?tally1[0-9a-z]+$/i, 'INVALID_INVOICE')
  .meta({ description: 'Invoice (docs/spec/invoice.md)', example: 'tally1q...' })

const Description = z.string('INVALID_REQUEST').superRefine((text, context) => {
  const wrong = plainTextFault(text, MAX_INVOICE_DESCRIPTION_BYTES)
  if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
})

const routeHint = {
  channelId: ChannelId,
  /** The end that forwards into the channel. */
  from: NodeId,
  feeBase: Integer,
  feePpm: z.int(),
  minAmount: Integer,
}

/** One channel on a way to this node, for payers who cannot see it. */
export const RouteHint = z
  .strictObject({ ...routeHint, maxAmount: Integer.exactOptional() })
  .meta({ id: 'RouteHint' })
export type RouteHint = z.output<typeof RouteHint>

export const CreateInvoiceRequest = z
  .strictObject({
    token: Address,
    /** Absent: the payer chooses. */
    amount: PositiveAmount.exactOptional(),
    description: Description.exactOptional(),
    expirySeconds: z.int().min(1).max(MAX_INVOICE_EXPIRY_SECONDS).exactOptional(),
    /** Absent: all. */
    methods: z
      .array(InvoiceMethod)
      .min(1)
      .max(InvoiceMethod.options.length)
      .refine((methods) => new Set(methods).size === methods.length, 'a method stands twice')
      .exactOptional(),
    /** Ways over channels that are not announced, best first, each in the order of the payment. */
    routes: z.array(z.array(RouteHint).min(1).max(MAX_ROUTE_HOPS)).max(MAX_INVOICE_ROUTES).exactOptional(),
    /** Also ways over this node's own channels that are not announced, as many as fit: who reads the invoice learns of them. */
    private: z.boolean().exactOptional(),
  })
  .meta({ id: 'CreateInvoiceRequest' })
export type CreateInvoiceRequest = z.output<typeof CreateInvoiceRequest>

/**
 * `settled`: paid. `expired`: its time is over and it is not paid; only a payment that was under way in time can still
 * settle it.
 */
export const InvoiceState = z.enum(['open', 'settled', 'expired'])
export type InvoiceState = z.output<typeof InvoiceState>

/** An invoice of this node. What shows that it was paid, the preimage, is the payer's alone. */
export const InvoiceView = z
  .object({
    paymentHash: Hash,
    text: z.string(),
    token: Address,
    amount: Integer.optional(),
    description: z.string(),
    state: InvoiceState,
    /** What was paid, base units; 0 until it is settled. */
    received: Integer,
    createdAtMs: TimeMs,
    expiresAtMs: TimeMs,
    settledAtMs: TimeMs.optional(),
  })
  .meta({ id: 'Invoice' })
export type InvoiceView = z.output<typeof InvoiceView>

/** Query of one invoice: with `timeoutMs`, the answer waits until it is settled. */
export const InvoiceQuery = z.strictObject({ timeoutMs: TimeoutMsText.exactOptional() })
export type InvoiceQuery = z.output<typeof InvoiceQuery>

export const InvoiceListQuery = z.strictObject({
  state: InvoiceState.exactOptional(),
  cursor: PaymentListQuery.shape.cursor,
  limit: PaymentListQuery.shape.limit,
})
export type InvoiceListQuery = z.output<typeof InvoiceListQuery>

export const InvoicePage = z
  .object({ invoices: z.array(InvoiceView).readonly(), next: z.string().optional() })
  .meta({ id: 'InvoicePage' })
export type InvoicePage = z.output<typeof InvoicePage>

export const DecodeInvoiceRequest = z
  .strictObject({ invoice: InvoiceText })
  .meta({ id: 'DecodeInvoiceRequest' })
export type DecodeInvoiceRequest = z.output<typeof DecodeInvoiceRequest>

const RouteHintView = z.object({ ...routeHint, maxAmount: Integer.optional() })

/** What somebody's invoice says; its signature is good. The payment secret is for payer and payee alone and not in it. */
export const InvoiceDetails = z
  .object({
    payee: NodeId,
    chainId: Integer,
    bank: Address,
    registry: Address,
    token: Address,
    amount: Integer.optional(),
    paymentHash: Hash,
    description: z.string(),
    methods: z.array(InvoiceMethod).readonly(),
    createdAtMs: TimeMs,
    expiresAtMs: TimeMs,
    lockMarginSeconds: z.number(),
    addresses: z.array(z.object({ host: z.string(), port: z.number() })).readonly(),
    routes: z.array(z.array(RouteHintView).readonly()).readonly(),
    features: Integer,
  })
  .meta({ id: 'InvoiceDetails' })
export type InvoiceDetails = z.output<typeof InvoiceDetails>

export function invoiceDetails({ invoice }: SignedInvoice): InvoiceDetails {
  const { payee, chainId, bank, registry, token, amount, paymentHash, methods, routes, features } = invoice
  return {
    payee: toHex(payee).slice(2),
    chainId,
    bank: toHex(bank),
    registry: toHex(registry),
    token: toHex(token),
    ...(amount === undefined ? {} : { amount }),
    paymentHash: toHex(paymentHash),
    description: invoice.description,
    methods: InvoiceMethod.options.filter((method) => methods[method]),
    createdAtMs: invoice.createdAt * 1000,
    expiresAtMs: invoiceExpiresAt(invoice) * 1000,
    lockMarginSeconds: invoice.lockMarginSeconds,
    addresses: invoice.addresses,
    routes: routes.map((route) =>
      route.map(({ channelId, from, feeBase, feePpm, minAmount, maxAmount }) => ({
        channelId: toHex(channelId),
        from: toHex(from).slice(2),
        feeBase,
        feePpm,
        minAmount,
        ...(maxAmount === undefined ? {} : { maxAmount }),
      })),
    ),
    features,
  }
}
