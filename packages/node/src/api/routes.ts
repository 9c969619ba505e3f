/** Every route of the API with its schemas: what is documented at /openapi.json is what is checked. */
import { createRoute, z } from '@hono/zod-openapi'
import * as wire from '@tallystick/client/schema'

export const channelId = z.strictObject({ channelId: wire.ChannelId })
const idempotencyKey = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: 'While the node runs, the same key and request never start the work twice.' }),
})

/**
 * The library types a handler's answer by what a schema decodes to, but an answer carries what it encodes to. One response
 * without a schema (401) makes it accept plain responses; `answer` in handlers.ts encodes with the route's schema.
 */
export const problems = {
  401: { description: 'The token is missing or wrong' },
  default: {
    description: 'A refusal: RFC 9457 problem details with the field at fault and the remedy.',
    content: { 'application/problem+json': { schema: wire.Problem } },
  },
} as const

export function answers<S extends z.ZodType>(schema: S, description: string) {
  return { 200: { description, content: { 'application/json': { schema } } }, ...problems }
}

export function body<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } }
}

const operation = {
  200: { description: 'Done', content: { 'application/json': { schema: wire.Operation } } },
  202: {
    description: 'Started: poll the address in Location, or listen to the events',
    content: { 'application/json': { schema: wire.Operation } },
  },
  ...problems,
} as const

export const health = createRoute({
  method: 'get',
  path: '/v1/health',
  summary: 'Is the node up? Needs no token.',
  security: [],
  responses: {
    200: { description: 'It runs', content: { 'application/json': { schema: wire.Health } } },
    503: { description: 'It does not', content: { 'application/json': { schema: wire.Health } } },
  },
})
export const status = createRoute({
  method: 'get',
  path: '/v1/status',
  summary: 'Identity, chain, limits and totals',
  responses: answers(wire.NodeStatus, 'The status'),
})
export const doctor = createRoute({
  method: 'get',
  path: '/v1/doctor',
  summary: 'What is healthy and what needs the operator',
  responses: answers(wire.DoctorReport, 'The findings, worst first'),
})
export const listPeers = createRoute({
  method: 'get',
  path: '/v1/peers',
  summary: 'Known peers',
  responses: answers(wire.PeerList, 'The peers'),
})
export const connectPeer = createRoute({
  method: 'post',
  path: '/v1/peers',
  summary: 'Dial a peer, and keep dialling it from now on',
  request: { body: body(wire.ConnectPeerRequest) },
  responses: answers(wire.PeerView, 'Connected'),
})
export const listChannels = createRoute({
  method: 'get',
  path: '/v1/channels',
  summary: 'All channels',
  responses: answers(wire.ChannelList, 'The channels'),
})
export const getChannel = createRoute({
  method: 'get',
  path: '/v1/channels/{channelId}',
  summary: 'One channel; with `until`, once it has reached that status',
  request: { params: channelId, query: wire.ChannelQuery },
  responses: answers(wire.ChannelView, 'The channel'),
})
export const openChannel = createRoute({
  method: 'post',
  path: '/v1/channels',
  summary: 'Open a channel; done when the peer has agreed and the funding is durably intended',
  request: { headers: idempotencyKey, body: body(wire.OpenChannelRequest) },
  responses: operation,
})
export const topUp = createRoute({
  method: 'post',
  path: '/v1/channels/{channelId}/topups',
  summary: "Add to this node's deposit; done when the transaction is included",
  request: { params: channelId, headers: idempotencyKey, body: body(wire.TopUpRequest) },
  responses: operation,
})
export const withdraw = createRoute({
  method: 'post',
  path: '/v1/channels/{channelId}/withdrawals',
  summary: 'Take out of an open channel; done when the transaction is included',
  request: { params: channelId, headers: idempotencyKey, body: body(wire.WithdrawRequest) },
  responses: operation,
})
export const closeChannel = createRoute({
  method: 'post',
  path: '/v1/channels/{channelId}/close',
  summary: 'Close; done when the decision is durable',
  request: { params: channelId, headers: idempotencyKey, body: body(wire.CloseRequest) },
  responses: operation,
})
export const listOperations = createRoute({
  method: 'get',
  path: '/v1/operations',
  summary: 'Operations since the node started, newest first',
  responses: answers(wire.OperationList, 'The operations'),
})
export const getOperation = createRoute({
  method: 'get',
  path: '/v1/operations/{operationId}',
  summary: 'One operation; with `timeoutMs`, once it has ended',
  request: { params: z.strictObject({ operationId: wire.OperationId }), query: wire.OperationQuery },
  responses: answers(wire.Operation, 'The operation'),
})
export const pay = createRoute({
  method: 'post',
  path: '/v1/payments',
  summary: 'Pay once; idempotent by reference',
  request: { body: body(wire.PayRequest) },
  responses: {
    200: { description: 'The payment', content: { 'application/json': { schema: wire.PaymentView } } },
    202: {
      description:
        'Not acknowledged in time; it may still be. Repeat with the same reference, or poll Location',
      content: { 'application/json': { schema: wire.PaymentView } },
    },
    ...problems,
  },
})
export const payBatch = createRoute({
  method: 'post',
  path: '/v1/payments/batch',
  summary: 'Pay many over one channel: all are queued or none; each idempotent by reference',
  request: { body: body(wire.PayBatchRequest) },
  responses: answers(wire.PayBatchResult, 'The batch'),
})
export const listPayments = createRoute({
  method: 'get',
  path: '/v1/payments',
  summary: 'Payments, newest first',
  request: { query: wire.PaymentListQuery },
  responses: answers(wire.PaymentPage, 'One page'),
})
export const getPayment = createRoute({
  method: 'get',
  path: '/v1/payments/{direction}/{reference}',
  summary: 'One payment; with `timeoutMs`, once an incoming one is durable',
  request: {
    params: z.strictObject({ direction: wire.PaymentDirection, reference: wire.Reference }),
    query: wire.PaymentFilter,
  },
  responses: answers(wire.PaymentView, 'The payment'),
})
export const events = createRoute({
  method: 'get',
  path: '/v1/events',
  summary: 'Server-sent events; resumes after Last-Event-ID (header, or the query `lastEventId`)',
  request: { query: z.strictObject({ lastEventId: z.string().max(64).optional() }) },
  responses: {
    200: {
      description: 'Events, one JSON object each',
      content: { 'text/event-stream': { schema: wire.NodeEvent } },
    },
    ...problems,
  },
})
export const metrics = createRoute({
  method: 'get',
  path: '/v1/metrics',
  summary: 'Prometheus metrics',
  responses: {
    200: { description: 'Prometheus text format', content: { 'text/plain': { schema: z.string() } } },
    ...problems,
  },
})
