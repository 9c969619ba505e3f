/** What the operator asks about the network: the graph as this node knows it, and the way a payment would take. */

import type { FeePolicy } from '@tallystick/protocol'
import { ServiceError } from '../errors.ts'
import { findRoutes } from '../htlc/routes.ts'
import type { Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'

export interface GraphView {
  readonly nodes: readonly {
    readonly nodeId: string
    readonly alias: string
    readonly addresses: readonly string[]
  }[]
  readonly channels: readonly GraphChannel[]
}

export interface GraphChannel {
  readonly channelId: Hex
  readonly token: Hex
  /** By party. */
  readonly nodes: readonly [string, string]
  readonly capacity: bigint
  /** By direction. */
  readonly policies: readonly [FeePolicy | undefined, FeePolicy | undefined]
}

export interface RouteRequest {
  readonly payee: string
  readonly token: Hex
  readonly amount: bigint
  readonly maxFee?: bigint
}

export interface RouteView {
  readonly amount: bigint
  readonly fee: bigint
  readonly parts: readonly (readonly {
    readonly channelId: Hex
    readonly to: string
    readonly amount: bigint
  }[])[]
}

export function networkGraph(rt: Runtime): GraphView {
  const channels = new Map<Hex, { -readonly [K in keyof GraphChannel]: GraphChannel[K] }>()
  for (const event of rt.network.gossip.graph()) {
    if (event.type === 'channel-added') {
      const { channelId, token, nodes, capacity } = event
      channels.set(channelId, { channelId, token, nodes, capacity, policies: [undefined, undefined] })
    } else if (event.type === 'policy') {
      const channel = channels.get(event.channelId)
      if (channel === undefined) continue
      const { feeBase, feePpm, minAmount, maxAmount, disabled, direction } = event
      const policy = { feeBase, feePpm, minAmount, maxAmount, disabled }
      channel.policies = direction === 0 ? [policy, channel.policies[1]] : [channel.policies[0], policy]
    }
  }
  const nodes = [...rt.network.nodes.values()].map(({ nodeId, alias, addresses }) => ({
    nodeId,
    alias,
    addresses: addresses.map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    ),
  }))
  return { nodes, channels: [...channels.values()] }
}

/** @throws ServiceError NO_ROUTE, INVALID_REQUEST. */
export function routeView(rt: Runtime, { payee, token, amount, maxFee }: RouteRequest): RouteView {
  const nodeId = /^0[23][0-9a-f]{64}$/.test(payee) ? Buffer.from(payee, 'hex') : undefined
  if (nodeId === undefined)
    throw new ServiceError('INVALID_REQUEST', { field: 'payee', detail: 'Give a node id' })
  const found = findRoutes(rt, {
    invoice: { payee: nodeId, token: Buffer.from(token.slice(2), 'hex'), routes: [] },
    amount,
    maxFee: maxFee ?? amount,
    failures: [],
  })
  if (!found.ok) throw new ServiceError('NO_ROUTE', { detail: found.failure.code })
  const parts = found.routes.map(({ hops }) => hops)
  const total = parts.reduce((sum, hops) => sum + (hops[0]?.amount ?? 0n), 0n)
  return { amount, fee: total - amount, parts }
}
