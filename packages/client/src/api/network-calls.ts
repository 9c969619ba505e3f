/** Payments over the network: invoices, paying them, and what this node asks for forwarding. */
import type { z } from 'zod'
import type {
  ChannelPolicy,
  CreateInvoiceRequest,
  FeePolicy,
  Hex,
  InvoiceDetails,
  InvoiceListQuery,
  InvoicePage,
  InvoiceQuery,
  InvoiceView,
  NetworkPaymentListQuery,
  NetworkPaymentPage,
  NetworkPaymentQuery,
  NetworkPaymentView,
  PayInvoiceRequest,
} from '../schema/index.ts'
import * as wire from '../schema/index.ts'
import { ApiError } from './error.ts'
import { type CallOptions, type Connection, encode, request } from './request.ts'

export interface NetworkCalls {
  createInvoice(invoice: CreateInvoiceRequest, options?: CallOptions): Promise<InvoiceView>
  invoices(query?: InvoiceListQuery, options?: CallOptions): Promise<InvoicePage>
  /** The invoice of this node, or undefined. With `timeoutMs` it waits until it is settled; `TIMED_OUT` otherwise. */
  invoice(paymentHash: Hex, query?: InvoiceQuery, options?: CallOptions): Promise<InvoiceView | undefined>
  /** What somebody's invoice says, its signature checked. */
  decodeInvoice(invoice: string, options?: CallOptions): Promise<InvoiceDetails>

  /**
   * Pays an invoice over the network; the same invoice is never paid twice. Resolves with the payment as it is after at
   * most `timeoutMs` (default 60,000): while its `state` is `pending` it may still be made; repeat to go on waiting. What
   * was paid is told, never paid again; what failed is paid anew.
   */
  payInvoice(payment: PayInvoiceRequest, options?: CallOptions): Promise<NetworkPaymentView>
  networkPayments(query?: NetworkPaymentListQuery, options?: CallOptions): Promise<NetworkPaymentPage>
  /** The payment, or undefined. With `timeoutMs` it waits until it has ended; `TIMED_OUT` otherwise. */
  networkPayment(
    paymentHash: Hex,
    query?: NetworkPaymentQuery,
    options?: CallOptions,
  ): Promise<NetworkPaymentView | undefined>

  policies(options?: CallOptions): Promise<readonly ChannelPolicy[]>
  policy(channelId: Hex, options?: CallOptions): Promise<ChannelPolicy>
  /** Replaces the whole policy. */
  setPolicy(channelId: Hex, policy: FeePolicy, options?: CallOptions): Promise<ChannelPolicy>
}

/** The engine's default when a request to pay an invoice gives no `timeoutMs`. */
const DEFAULT_PAY_WAIT_MS = 60_000

export function networkCalls(on: Connection): NetworkCalls {
  const get = <S extends z.ZodType>(
    path: string,
    answer: S,
    options: CallOptions | undefined,
    query: object = {},
    waitMs = 0,
  ) => request(on, { method: 'GET', path, query, waitMs, signal: options?.signal }, answer)
  const policyOf = (channelId: Hex) => `/v1/channels/${encode(wire.ChannelId, channelId)}/policy`
  return {
    createInvoice: async (invoice, options) =>
      request(
        on,
        {
          method: 'POST',
          path: '/v1/invoices',
          body: encode(wire.CreateInvoiceRequest, invoice),
          signal: options?.signal,
        },
        wire.InvoiceView,
      ),
    invoices: async (query = {}, options = {}) =>
      get('/v1/invoices', wire.InvoicePage, options, encode(wire.InvoiceListQuery, query)),
    invoice: async (paymentHash, query = {}, options = {}) => {
      const path = `/v1/invoices/${encode(wire.Hash, paymentHash)}`
      const encoded = encode(wire.InvoiceQuery, query)
      return unlessUnknown(get(path, wire.InvoiceView, options, encoded, query.timeoutMs))
    },
    decodeInvoice: async (invoice, options) =>
      request(
        on,
        {
          method: 'POST',
          path: '/v1/invoices/decode',
          body: encode(wire.DecodeInvoiceRequest, { invoice }),
          signal: options?.signal,
        },
        wire.InvoiceDetails,
      ),
    payInvoice: async (payment, options) =>
      request(
        on,
        {
          method: 'POST',
          path: '/v1/network-payments',
          body: encode(wire.PayInvoiceRequest, payment),
          waitMs: payment.timeoutMs ?? DEFAULT_PAY_WAIT_MS,
          signal: options?.signal,
        },
        wire.NetworkPaymentView,
      ),
    networkPayments: async (query = {}, options = {}) =>
      get(
        '/v1/network-payments',
        wire.NetworkPaymentPage,
        options,
        encode(wire.NetworkPaymentListQuery, query),
      ),
    networkPayment: async (paymentHash, query = {}, options = {}) => {
      const path = `/v1/network-payments/${encode(wire.Hash, paymentHash)}`
      const encoded = encode(wire.NetworkPaymentQuery, query)
      return unlessUnknown(get(path, wire.NetworkPaymentView, options, encoded, query.timeoutMs))
    },
    policies: async (options) => (await get('/v1/policies', wire.PolicyList, options)).policies,
    policy: async (channelId, options) => get(policyOf(channelId), wire.ChannelPolicy, options),
    setPolicy: async (channelId, policy, options) =>
      request(
        on,
        {
          method: 'PUT',
          path: policyOf(channelId),
          body: encode(wire.FeePolicy, policy),
          signal: options?.signal,
        },
        wire.ChannelPolicy,
      ),
  }
}

async function unlessUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiError && error.code === 'UNKNOWN_PAYMENT') return undefined
    throw error
  }
}
