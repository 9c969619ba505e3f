/** The work of the routes about the network itself, and of joint payments without an invoice. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import * as wire from '@tallystick/client/schema'
import type { NodeService } from '../engine/service.ts'
import { ServiceError } from '../engine/service.ts'
import { answer } from './handlers.ts'
import * as routes from './network-routes.ts'
import { RequestError } from './problem.ts'

export function graphRoutes(app: OpenAPIHono, service: NodeService): void {
  app.openapi(routes.getGraph, async (c) => {
    const { nodes, channels } = await service.networkGraph()
    const shown = channels.map(({ policies: [first, second], ...channel }) => ({
      ...channel,
      policies: [first ?? null, second ?? null] as const,
    }))
    return answer(c, wire.GraphView, { nodes, channels: shown })
  })
  app.openapi(routes.getRoute, async (c) =>
    answer(c, wire.RouteView, await service.findRoute(c.req.valid('query'))),
  )
  app.openapi(routes.announceChannel, async (c) => {
    const { channelId } = c.req.valid('param')
    await service.announceChannel(channelId)
    return answer(c, wire.ChannelAnnouncement, { channelId, announced: true })
  })
}

export function jointRoutes(app: OpenAPIHono, service: NodeService): void {
  app.openapi(routes.rebalance, async (c) => {
    const { amount, fee, hops } = await joint(service.rebalance(c.req.valid('json')))
    return answer(c, wire.RebalanceResult, { amount, fee, path: hops })
  })
  app.openapi(routes.agreeToNetting, async (c) =>
    answer(c, wire.NettingResult, await service.agreeToNetting(c.req.valid('json'))),
  )
  app.openapi(routes.settleNetting, async (c) =>
    answer(c, wire.NettingResult, await joint(service.settleNetting(c.req.valid('json')))),
  )
}

/** Other waits may simply be repeated; repeating this would pay again. */
async function joint<T>(outcome: Promise<T>): Promise<T> {
  try {
    return await outcome
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'TIMED_OUT') throw new RequestError('OUTCOME_UNKNOWN')
    throw error
  }
}
