/** The routes of payments over the network, with their schemas. */
import { createRoute, z } from '@hono/zod-openapi'
import * as wire from '@tallystick/client/schema'
import { answers, body, channelId, problems } from './routes.ts'

const paymentHash = z.strictObject({ paymentHash: wire.Hash })

export const createInvoice = createRoute({
  method: 'post',
  path: '/v1/invoices',
  summary: 'Ask for a payment over the network',
  request: { body: body(wire.CreateInvoiceRequest) },
  responses: answers(wire.InvoiceView, 'The invoice, durable'),
})
export const listInvoices = createRoute({
  method: 'get',
  path: '/v1/invoices',
  summary: 'Invoices of this node, newest first',
  request: { query: wire.InvoiceListQuery },
  responses: answers(wire.InvoicePage, 'One page'),
})
export const getInvoice = createRoute({
  method: 'get',
  path: '/v1/invoices/{paymentHash}',
  summary: 'One invoice of this node; with `timeoutMs`, once it is settled (or its time is over)',
  request: { params: paymentHash, query: wire.InvoiceQuery },
  responses: answers(wire.InvoiceView, 'The invoice'),
})
export const decodeInvoice = createRoute({
  method: 'post',
  path: '/v1/invoices/decode',
  summary: 'What somebody’s invoice says; its signature is checked',
  request: { body: body(wire.DecodeInvoiceRequest) },
  responses: answers(wire.InvoiceDetails, 'What it says'),
})
export const payInvoice = createRoute({
  method: 'post',
  path: '/v1/network-payments',
  summary: 'Pay an invoice over the network; the same invoice is never paid twice',
  request: { body: body(wire.PayInvoiceRequest) },
  responses: {
    200: {
      description: 'The payment, ended: look at `state`',
      content: { 'application/json': { schema: wire.NetworkPaymentView } },
    },
    202: {
      description:
        'Not ended in time; it may still be made. Ask again with the same invoice, or poll Location',
      content: { 'application/json': { schema: wire.NetworkPaymentView } },
    },
    ...problems,
  },
})
export const listNetworkPayments = createRoute({
  method: 'get',
  path: '/v1/network-payments',
  summary: 'Payments of this node over the network, newest first',
  request: { query: wire.NetworkPaymentListQuery },
  responses: answers(wire.NetworkPaymentPage, 'One page'),
})
export const getNetworkPayment = createRoute({
  method: 'get',
  path: '/v1/network-payments/{paymentHash}',
  summary: 'One payment over the network; with `timeoutMs`, once it has ended',
  request: { params: paymentHash, query: wire.NetworkPaymentQuery },
  responses: answers(wire.NetworkPaymentView, 'The payment'),
})
export const listPolicies = createRoute({
  method: 'get',
  path: '/v1/policies',
  summary: 'What this node asks for forwarding, by channel',
  responses: answers(wire.PolicyList, 'The policies of channels that are open, or being opened'),
})
export const getPolicy = createRoute({
  method: 'get',
  path: '/v1/channels/{channelId}/policy',
  summary: 'What this node asks for forwarding over its side of the channel',
  request: { params: channelId },
  responses: answers(wire.ChannelPolicy, 'The policy'),
})
export const setPolicy = createRoute({
  method: 'put',
  path: '/v1/channels/{channelId}/policy',
  summary: 'Ask for another fee from now on; durable',
  request: { params: channelId, body: body(wire.FeePolicy) },
  responses: answers(wire.ChannelPolicy, 'The policy'),
})
export const announceChannel = createRoute({
  method: 'post',
  path: '/v1/channels/{channelId}/announcement',
  summary: 'Make the channel public as soon as the peer wants it too; never private again',
  request: { params: channelId, body: body(wire.AnnounceRequest) },
  responses: answers(wire.ChannelAnnouncement, 'It is wanted, durably'),
})
export const getGraph = createRoute({
  method: 'get',
  path: '/v1/graph',
  summary: 'What this node knows of the network',
  responses: answers(wire.GraphView, 'Nodes and channels'),
})
export const getRoute = createRoute({
  method: 'get',
  path: '/v1/route',
  summary: 'A way that a payment could take now; nothing is locked',
  request: { query: wire.RouteQuery },
  responses: answers(wire.RouteView, 'The way'),
})
export const rebalance = createRoute({
  method: 'post',
  path: '/v1/rebalances',
  summary:
    'Move own money from one channel to another over a cycle: all hops or none. Each request is a new one',
  request: { body: body(wire.RebalanceRequest) },
  responses: answers(wire.RebalanceResult, 'Done'),
})
export const agreeToNetting = createRoute({
  method: 'post',
  path: '/v1/nettings/agreements',
  summary: 'Agree that another party settles these obligations; durable',
  request: { body: body(wire.NettingAgreement) },
  responses: answers(wire.NettingResult, 'Net positions of all parties'),
})
export const settleNetting = createRoute({
  method: 'post',
  path: '/v1/nettings',
  summary: 'Settle obligations that every other party has agreed to, in one joint payment',
  request: { body: body(wire.NettingRequest) },
  responses: answers(wire.NettingResult, 'Settled'),
})
