/** Payments over the network: invoices, paying them, and what this node asks for forwarding. */
import type { z } from 'zod'
import type {
  ChannelAnnouncement,
  ChannelPolicy,
  CreateInvoiceRequest,
  FeePolicy,
  GraphView,
  Hex,
  InvoiceDetails,
  InvoiceListQuery,
  InvoicePage,
  InvoiceQuery,
  InvoiceView,
  NettingAgreement,
  NettingRequest,
  NettingResult,
  NetworkPaymentListQuery,
  NetworkPaymentPage,
  NetworkPaymentQuery,
  NetworkPaymentView,
  PayInvoiceRequest,
  RebalanceRequest,
  RebalanceResult,
  RouteQuery,
  RouteView,
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

  /** Makes the channel public as soon as the peer wants it too; never private again. */
  announceChannel(channelId: Hex, options?: CallOptions): Promise<ChannelAnnouncement>
  /** What the node knows of the network. */
  graph(options?: CallOptions): Promise<GraphView>
  /** A way that a payment could take now; nothing is locked. `NO_ROUTE` when there is none. */
  route(query: RouteQuery, options?: CallOptions): Promise<RouteView>
  /**
   * Moves own money over a cycle of channels: all hops or none. Each call is a new one: after `OUTCOME_UNKNOWN` or
   * `UNREACHABLE` look at the channels first.
   */
  rebalance(request: RebalanceRequest, options?: CallOptions): Promise<RebalanceResult>
  /** Agrees that another party settles these obligations. */
  agreeToNetting(agreement: NettingAgreement, options?: CallOptions): Promise<NettingResult>
  /** Settles obligations that every other party has agreed to. After `OUTCOME_UNKNOWN` look at the channels first. */
  settleNetting(request: NettingRequest, options?: CallOptions): Promise<NettingResult>
}

/** The engine's default when a request to pay an invoice gives no `timeoutMs`. */
const DEFAULT_PAY_WAIT_MS = 60_000

type Get = <S extends z.ZodType>(
  path: string,
  answer: S,
  options: CallOptions | undefined,
  query?: object,
  waitMs?: number,
) => Promise<z.output<S>>
type Post = <S extends z.ZodType>(
  path: string,
  body: object,
  answer: S,
  options: CallOptions | undefined,
  waitMs?: number,
) => Promise<z.output<S>>

export function networkCalls(on: Connection): NetworkCalls {
  const get: Get = (path, answer, options, query = {}, waitMs = 0) =>
    request(on, { method: 'GET', path, query, waitMs, signal: options?.signal }, answer)
  const post: Post = (path, body, answer, options, waitMs = 0) =>
    request(on, { method: 'POST', path, body, waitMs, signal: options?.signal }, answer)
  return { ...invoiceCalls(get, post), ...policyCalls(on, get), ...graphCalls(get, post) }
}

function invoiceCalls(get: Get, post: Post) {
  return {
    createInvoice: async (invoice, options) =>
      post('/v1/invoices', encode(wire.CreateInvoiceRequest, invoice), wire.InvoiceView, options),
    invoices: async (query = {}, options = {}) =>
      get('/v1/invoices', wire.InvoicePage, options, encode(wire.InvoiceListQuery, query)),
    invoice: async (paymentHash, query = {}, options = {}) => {
      const path = `/v1/invoices/${encode(wire.Hash, paymentHash)}`
      const encoded = encode(wire.InvoiceQuery, query)
      return unlessUnknown(get(path, wire.InvoiceView, options, encoded, query.timeoutMs))
    },
    decodeInvoice: async (invoice, options) =>
      post(
        '/v1/invoices/decode',
        encode(wire.DecodeInvoiceRequest, { invoice }),
        wire.InvoiceDetails,
        options,
      ),
    payInvoice: async (payment, options) =>
      post(
        '/v1/network-payments',
        encode(wire.PayInvoiceRequest, payment),
        wire.NetworkPaymentView,
        options,
        payment.timeoutMs ?? DEFAULT_PAY_WAIT_MS,
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
  } satisfies Partial<NetworkCalls>
}

function policyCalls(on: Connection, get: Get) {
  const at = (channelId: Hex) => `/v1/channels/${encode(wire.ChannelId, channelId)}/policy`
  return {
    policies: async (options) => (await get('/v1/policies', wire.PolicyList, options)).policies,
    policy: async (channelId, options) => get(at(channelId), wire.ChannelPolicy, options),
    setPolicy: async (channelId, policy, options) => {
      const body = encode(wire.FeePolicy, policy)
      const call = { method: 'PUT', path: at(channelId), body, signal: options?.signal } as const
      return request(on, call, wire.ChannelPolicy)
    },
  } satisfies Partial<NetworkCalls>
}

function graphCalls(get: Get, post: Post) {
  return {
    announceChannel: async (channelId, options) => {
      const path = `/v1/channels/${encode(wire.ChannelId, channelId)}/announcement`
      return post(path, {}, wire.ChannelAnnouncement, options)
    },
    graph: (options) => get('/v1/graph', wire.GraphView, options),
    route: async (query, options) =>
      get('/v1/route', wire.RouteView, options, encode(wire.RouteQuery, query)),
    rebalance: async (given, options) =>
      post(
        '/v1/rebalances',
        encode(wire.RebalanceRequest, given),
        wire.RebalanceResult,
        options,
        given.timeoutMs ?? DEFAULT_PAY_WAIT_MS,
      ),
    agreeToNetting: async (agreement, options) =>
      post('/v1/nettings/agreements', encode(wire.NettingAgreement, agreement), wire.NettingResult, options),
    settleNetting: async (given, options) =>
      post(
        '/v1/nettings',
        encode(wire.NettingRequest, given),
        wire.NettingResult,
        options,
        given.timeoutMs ?? DEFAULT_PAY_WAIT_MS,
      ),
  } satisfies Partial<NetworkCalls>
}

async function unlessUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiError && error.code === 'UNKNOWN_PAYMENT') return undefined
    throw error
  }
}
