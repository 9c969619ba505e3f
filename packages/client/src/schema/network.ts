/** The network as this node knows it, and joint payments without an invoice: rebalancing and netting. */
import { z } from 'zod'
import { PathHop } from './network-payment.ts'
import { FeePolicy } from './policy.ts'
import {
  Address,
  Amount,
  ChannelId,
  Integer,
  NodeId,
  PositiveAmount,
  Reference,
  TimeoutMs,
} from './primitives.ts'

const GraphPolicy = z.object(FeePolicy.shape)

export const GraphNode = z
  .object({
    nodeId: NodeId,
    /** What the node calls itself; proves nothing. */
    alias: z.string(),
    addresses: z.array(z.string()).readonly(),
  })
  .meta({ id: 'GraphNode' })
export type GraphNode = z.output<typeof GraphNode>

export const GraphChannel = z
  .object({
    channelId: ChannelId,
    token: Address,
    /** By party. */
    nodes: z.tuple([NodeId, NodeId]).readonly(),
    /** What the channel holds, base units. */
    capacity: Integer,
    /** What each of the nodes asks for forwarding over it; null: not known. */
    policies: z.tuple([GraphPolicy.nullable(), GraphPolicy.nullable()]).readonly(),
  })
  .meta({ id: 'GraphChannel' })
export type GraphChannel = z.output<typeof GraphChannel>

export const GraphView = z
  .object({ nodes: z.array(GraphNode).readonly(), channels: z.array(GraphChannel).readonly() })
  .meta({ id: 'Graph' })
export type GraphView = z.output<typeof GraphView>

/** Query of a way to a node. */
export const RouteQuery = z.strictObject({
  payee: NodeId,
  token: Address,
  amount: PositiveAmount,
  /** Absent: as much as the amount. */
  maxFee: Amount.exactOptional(),
})
export type RouteQuery = z.output<typeof RouteQuery>

export const RouteView = z
  .object({
    amount: Integer,
    fee: Integer,
    /** Several when no single way carries all of it. */
    parts: z.array(z.array(PathHop).readonly()).readonly(),
  })
  .meta({ id: 'Route' })
export type RouteView = z.output<typeof RouteView>

export const AnnounceRequest = z.strictObject({}).meta({ id: 'AnnounceRequest' })

/** The channel becomes public as soon as the peer wants it too, and never private again. */
export const ChannelAnnouncement = z
  .object({ channelId: ChannelId, announced: z.literal(true) })
  .meta({ id: 'ChannelAnnouncement' })
export type ChannelAnnouncement = z.output<typeof ChannelAnnouncement>

export const RebalanceRequest = z
  .strictObject({
    /** Money goes out by this own channel, and comes back by the other. */
    from: ChannelId,
    into: ChannelId,
    /** What comes back. */
    amount: PositiveAmount,
    /** Absent: 1 % of the amount. */
    maxFee: Amount.exactOptional(),
    timeoutMs: TimeoutMs.exactOptional(),
  })
  .meta({ id: 'RebalanceRequest' })
export type RebalanceRequest = z.output<typeof RebalanceRequest>

export const RebalanceResult = z
  .object({ amount: Integer, fee: Integer, path: z.array(PathHop).readonly() })
  .meta({ id: 'RebalanceResult' })
export type RebalanceResult = z.output<typeof RebalanceResult>

const MAX_OBLIGATIONS = 1_000

const netting = {
  token: Address,
  /** Who owes whom: signers of nodes, as `status` prints them. */
  obligations: z
    .array(z.strictObject({ from: Address, to: Address, amount: PositiveAmount }))
    .min(1)
    .max(MAX_OBLIGATIONS),
}

export const NettingAgreement = z.strictObject(netting).meta({ id: 'NettingAgreement' })
export type NettingAgreement = z.output<typeof NettingAgreement>

export const NettingRequest = z
  .strictObject({ ...netting, timeoutMs: TimeoutMs.exactOptional() })
  .meta({ id: 'NettingRequest' })
export type NettingRequest = z.output<typeof NettingRequest>

export const NettingResult = z
  .object({
    /** Names the obligations: the same for every party. */
    reference: Reference,
    positions: z.array(z.object({ party: Address, net: Integer })).readonly(),
  })
  .meta({ id: 'NettingResult' })
export type NettingResult = z.output<typeof NettingResult>
