/** The routes' work: decode, ask the engine, encode. No decision about money is made here. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Hex, Operation } from '@tallystick/client/schema'
import * as wire from '@tallystick/client/schema'
import type { Context } from 'hono'
import { z } from 'zod'
import type { NodeService } from '../engine/service.ts'
import { ServiceError } from '../engine/service.ts'
import type { Operations } from './operations.ts'
import { problem, RequestError } from './problem.ts'
import * as routes from './routes.ts'

/** How long a request waits for its operation before it answers 202. */
const OPERATION_GRACE_MS = 1_000

export function nodeRoutes(app: OpenAPIHono, service: NodeService): void {
  app.openapi(routes.health, async (c) => {
    const { running } = await service.status()
    return running ? c.json({ ok: true }, 200) : c.json({ ok: false }, 503)
  })
  app.openapi(routes.status, async (c) => answer(c, wire.NodeStatus, await service.status()))
  app.openapi(routes.doctor, async (c) => answer(c, wire.DoctorReport, await service.doctor()))
  app.openapi(routes.listPeers, async (c) => answer(c, wire.PeerList, { peers: await service.listPeers() }))
  app.openapi(routes.connectPeer, async (c) => {
    const { peer, ...options } = c.req.valid('json')
    return answer(c, wire.PeerView, await service.connectPeer(peer, options))
  })
}

export function channelRoutes(app: OpenAPIHono, service: NodeService, operations: Operations): void {
  app.openapi(routes.listChannels, async (c) =>
    answer(c, wire.ChannelList, { channels: await service.listChannels() }),
  )
  app.openapi(routes.getChannel, async (c) => {
    const { channelId } = c.req.valid('param')
    const { until, ...options } = c.req.valid('query')
    if (until === undefined && options.timeoutMs !== undefined)
      throw new RequestError('INVALID_REQUEST', { field: 'timeoutMs', detail: 'It needs `until`.' })
    const channel =
      until === undefined
        ? await service.getChannel(channelId)
        : await service.waitForChannel(channelId, until, options)
    return answer(c, wire.ChannelView, channel)
  })
  const start = async (
    c: Context,
    request: {
      kind: Operation['kind']
      channelId: Hex | undefined
      body: unknown
      idempotencyKey: string | undefined
    },
    work: () => ReturnType<NodeService['getChannel']>,
  ) => {
    const { operationId } = await operations.start({ ...request, work })
    const operation = await operations.ended(operationId, OPERATION_GRACE_MS)
    return operationAnswer(c, operation)
  }
  app.openapi(routes.openChannel, (c) => {
    const body = c.req.valid('json')
    const idempotencyKey = c.req.valid('header')['idempotency-key']
    const request = { kind: 'open', channelId: undefined, body, idempotencyKey } as const
    return start(c, request, () => service.openChannel(body))
  })
  app.openapi(routes.topUp, (c) => {
    const { channelId } = c.req.valid('param')
    const body = c.req.valid('json')
    const idempotencyKey = c.req.valid('header')['idempotency-key']
    return start(c, { kind: 'topup', channelId, body, idempotencyKey }, () =>
      service.topUp(channelId, body.amount),
    )
  })
  app.openapi(routes.withdraw, (c) => {
    const { channelId } = c.req.valid('param')
    const body = c.req.valid('json')
    const { amount, ...options } = body
    const idempotencyKey = c.req.valid('header')['idempotency-key']
    return start(c, { kind: 'withdraw', channelId, body, idempotencyKey }, () =>
      service.withdraw(channelId, amount, options),
    )
  })
  app.openapi(routes.closeChannel, (c) => {
    const { channelId } = c.req.valid('param')
    const body = c.req.valid('json')
    const { mode, ...options } = body
    const idempotencyKey = c.req.valid('header')['idempotency-key']
    return start(c, { kind: 'close', channelId, body, idempotencyKey }, () =>
      service.closeChannel(channelId, mode, options),
    )
  })
}

export function operationRoutes(app: OpenAPIHono, operations: Operations): void {
  app.openapi(routes.listOperations, (c) => answer(c, wire.OperationList, { operations: operations.list() }))
  app.openapi(routes.getOperation, async (c) => {
    const { operationId } = c.req.valid('param')
    const { timeoutMs = 0 } = c.req.valid('query')
    return answer(c, wire.Operation, await operations.ended(operationId, timeoutMs))
  })
}

export function paymentRoutes(app: OpenAPIHono, service: NodeService): void {
  app.openapi(routes.pay, async (c) => {
    const request = c.req.valid('json')
    try {
      return answer(c, wire.PaymentView, await service.pay(request))
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'TIMED_OUT') throw error
      const payment = await service.getPayment('outgoing', request.reference)
      if (payment === undefined) throw error
      c.header('location', `/v1/payments/outgoing/${request.reference}`)
      return answer(c, wire.PaymentView, payment, 202)
    }
  })
  app.openapi(routes.payBatch, async (c) =>
    answer(c, wire.PayBatchResult, await service.payBatch(c.req.valid('json'))),
  )
  app.openapi(routes.listPayments, async (c) =>
    answer(c, wire.PaymentPage, await service.listPayments(c.req.valid('query'))),
  )
  app.openapi(routes.getPayment, async (c) => {
    const { direction, reference } = c.req.valid('param')
    const { timeoutMs, ...filter } = c.req.valid('query')
    if (timeoutMs === undefined) {
      const payment = await service.getPayment(direction, reference, filter)
      if (payment === undefined) throw new RequestError('UNKNOWN_PAYMENT', { field: 'reference' })
      return answer(c, wire.PaymentView, payment)
    }
    if (direction === 'outgoing')
      throw new RequestError('INVALID_REQUEST', {
        field: 'timeoutMs',
        detail: 'Waiting is for incoming payments.',
      })
    return answer(c, wire.PaymentView, await service.waitForPayment(reference, { ...filter, timeoutMs }))
  })
}

export function answer<S extends z.ZodType>(
  c: Context,
  schema: S,
  value: z.output<S>,
  status: 200 | 202 = 200,
): Response {
  return c.body(JSON.stringify(z.encode(schema, value)), status, { 'content-type': 'application/json' })
}

function operationAnswer(c: Context, operation: Operation) {
  c.header('location', `/v1/operations/${operation.operationId}`)
  if (operation.problem !== undefined) return problemAnswer(c, operation.problem)
  return answer(c, wire.Operation, operation, operation.state === 'done' ? 200 : 202)
}

export function problemAnswer(c: Context, given: wire.Problem = problem('INTERNAL')): Response {
  return new Response(JSON.stringify(given), {
    status: given.status,
    headers: { ...Object.fromEntries(c.res.headers), 'content-type': 'application/problem+json' },
  })
}
