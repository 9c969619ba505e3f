/** The work of the routes of payments over the network: decode, ask the engine, encode what may be shown. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import * as wire from '@tallystick/client/schema'
import { type InvoiceCrypto, parseInvoice, type SignedInvoice, toHex } from '@tallystick/protocol'
import type { InvoiceRequest } from '../engine/htlc/invoices.ts'
import type { NetworkPayment } from '../engine/htlc/payment-record.ts'
import type { ChannelView, NodeService } from '../engine/service.ts'
import { ServiceError } from '../engine/service.ts'
import { answer } from './handlers.ts'
import * as routes from './network-routes.ts'
import { invoiceState, invoiceView, networkPaymentView } from './network-views.ts'
import { pageOf } from './paging.ts'
import { RequestError } from './problem.ts'

type Hex = wire.Hex

export function invoiceRoutes(app: OpenAPIHono, service: NodeService, crypto: InvoiceCrypto): void {
  const page = (query: wire.InvoiceListQuery, records: Awaited<ReturnType<NodeService['listInvoices']>>) => {
    const nowMs = Date.now()
    const { state } = query
    const { rows, next } = pageOf(
      records,
      ({ hash }) => hash,
      (record) => state === undefined || invoiceState(record, nowMs) === state,
      query,
    )
    return {
      invoices: rows.map((record) => invoiceView(record, nowMs)),
      ...(next === undefined ? {} : { next }),
    }
  }
  app.openapi(routes.createInvoice, async (c) => {
    const record = await service.createInvoice(invoiceRequest(c.req.valid('json')))
    return answer(c, wire.InvoiceView, invoiceView(record, Date.now()))
  })
  app.openapi(routes.listInvoices, async (c) =>
    answer(c, wire.InvoicePage, page(c.req.valid('query'), await service.listInvoices())),
  )
  app.openapi(routes.getInvoice, async (c) => {
    const { paymentHash } = c.req.valid('param')
    const { timeoutMs } = c.req.valid('query')
    const record = await known(
      timeoutMs === undefined
        ? service.getInvoice(paymentHash)
        : service.waitForInvoice(paymentHash, { timeoutMs }),
    )
    return answer(c, wire.InvoiceView, invoiceView(record, Date.now()))
  })
  app.openapi(routes.decodeInvoice, (c) =>
    answer(c, wire.InvoiceDetails, wire.invoiceDetails(readInvoice(crypto, c.req.valid('json').invoice))),
  )
}

export function networkPaymentRoutes(app: OpenAPIHono, service: NodeService, crypto: InvoiceCrypto): void {
  app.openapi(routes.payInvoice, async (c) => {
    const request = c.req.valid('json')
    try {
      return answer(c, wire.NetworkPaymentView, networkPaymentView(await service.payInvoice(request)))
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'TIMED_OUT') throw error
      const hash = toHex(readInvoice(crypto, request.invoice).invoice.paymentHash)
      const payment = await service.getNetworkPayment(hash).catch(() => Promise.reject(error))
      c.header('location', `/v1/network-payments/${hash}`)
      const status = payment.state === 'pending' ? 202 : 200
      return answer(c, wire.NetworkPaymentView, networkPaymentView(payment), status)
    }
  })
  app.openapi(routes.listNetworkPayments, async (c) => {
    const query = c.req.valid('query')
    const { rows, next } = pageOf(
      await service.listNetworkPayments(),
      ({ hash }) => hash,
      ({ state }) => query.state === undefined || state === query.state,
      query,
    )
    const payments = rows.map(networkPaymentView)
    return answer(c, wire.NetworkPaymentPage, { payments, ...(next === undefined ? {} : { next }) })
  })
  app.openapi(routes.getNetworkPayment, async (c) => {
    const { paymentHash } = c.req.valid('param')
    const { timeoutMs } = c.req.valid('query')
    const payment = await known(
      timeoutMs === undefined
        ? service.getNetworkPayment(paymentHash)
        : endedPayment(service, paymentHash, timeoutMs),
    )
    return answer(c, wire.NetworkPaymentView, networkPaymentView(payment))
  })
}

export function policyRoutes(app: OpenAPIHono, service: NodeService): void {
  app.openapi(routes.listPolicies, async (c) => {
    const channels = (await service.listChannels()).filter(isStarting)
    const policies = await Promise.all(channels.map(({ channelId }) => policyOrNothing(service, channelId)))
    return answer(c, wire.PolicyList, { policies: policies.flat() })
  })
  app.openapi(routes.getPolicy, async (c) => {
    const { channelId } = c.req.valid('param')
    return answer(c, wire.ChannelPolicy, { channelId, ...(await service.getPolicy(channelId)) })
  })
  app.openapi(routes.setPolicy, async (c) => {
    const { channelId } = c.req.valid('param')
    const policy = await service.setPolicy(channelId, c.req.valid('json'))
    return answer(c, wire.ChannelPolicy, { channelId, ...policy })
  })
}

function invoiceRequest({
  methods,
  routes: ways,
  amount,
  ...rest
}: wire.CreateInvoiceRequest): InvoiceRequest {
  return {
    ...rest,
    amount,
    ...(methods === undefined
      ? {}
      : { methods: { htlc: methods.includes('htlc'), joint: methods.includes('joint') } }),
    ...(ways === undefined ? {} : { routes: ways.map((hops) => hops.map(routeHint)) }),
  }
}

function routeHint({ channelId, from, maxAmount, ...rest }: wire.RouteHint) {
  return {
    ...rest,
    channelId: Buffer.from(channelId.slice(2), 'hex'),
    from: Buffer.from(from, 'hex'),
    maxAmount,
  }
}

/** @throws {ServiceError} `INVALID_INVOICE` */
function readInvoice(crypto: InvoiceCrypto, text: string): SignedInvoice {
  const read = parseInvoice(crypto, text.replace(/^tally:/i, ''))
  if (read.ok) return read.signed
  const detail = `${read.code}: ${read.detail}. ${read.remedy}`
  throw new ServiceError('INVALID_INVOICE', { field: 'invoice', detail })
}

/** The engine names its own parameter; a caller gave the payment hash in the address. */
async function known<T>(found: Promise<T>): Promise<T> {
  try {
    return await found
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'UNKNOWN_PAYMENT')
      throw new RequestError('UNKNOWN_PAYMENT', { field: 'paymentHash' })
    throw error
  }
}

/** @throws {ServiceError} `UNKNOWN_PAYMENT`, `TIMED_OUT` (it goes on; nothing is asked again here, which could pay anew) */
async function endedPayment(service: NodeService, hash: Hex, timeoutMs: number): Promise<NetworkPayment> {
  let wake: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    wake = resolve
  })
  const timer = setTimeout(wake, timeoutMs)
  const unsubscribe = service.subscribe((event) => {
    if (event.type === 'network-payment' && event.hash === hash && event.state !== 'pending') wake()
  })
  try {
    // Asked only now that its end cannot be missed any more.
    const payment = await service.getNetworkPayment(hash)
    if (payment.state !== 'pending') return payment
    await ended
    const later = await service.getNetworkPayment(hash)
    if (later.state !== 'pending') return later
    throw new ServiceError('TIMED_OUT', { detail: 'The payment is still under way, and may still be made.' })
  } finally {
    clearTimeout(timer)
    unsubscribe()
  }
}

function isStarting({ status }: ChannelView): boolean {
  return status === 'opening' || status === 'open'
}

/** A channel whose opening was given up meanwhile has none. */
async function policyOrNothing(service: NodeService, channelId: Hex): Promise<wire.ChannelPolicy[]> {
  try {
    return [{ channelId, ...(await service.getPolicy(channelId)) }]
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'UNKNOWN_CHANNEL') return []
    throw error
  }
}
