/** The node itself: status, health, findings, peers. */
import { z } from 'zod'
import { Address, Integer, NodeId, PeerAddress, TimeMs, TimeoutMs } from './primitives.ts'

export const Health = z.object({ ok: z.boolean() }).meta({ id: 'Health' })
export type Health = z.output<typeof Health>

export const ChainStatus = z
  .object({
    reachable: z.boolean(),
    headBlock: Integer.optional(),
    finalBlock: Integer.optional(),
    headTimeSeconds: Integer.optional(),
  })
  .meta({ id: 'ChainStatus' })
export type ChainStatus = z.output<typeof ChainStatus>

export const NodeStatus = z
  .object({
    nodeId: z.string(),
    address: z.string().optional(),
    signer: Address,
    account: Address,
    chainId: Integer,
    bank: Address,
    registry: Address,
    chain: ChainStatus,
    peers: z.object({ known: z.number(), connected: z.number() }),
    channels: z.object({ open: z.number(), total: z.number() }),
    payments: z.object({ sent: Integer, received: Integer }),
    limits: z.object({
      minLockPeriodSeconds: z.number(),
      maxLockPeriodSeconds: z.number(),
      defaultLockPeriodSeconds: z.number(),
      maxBatch: z.number(),
      maxJointDeposit: z.record(z.string(), Integer),
    }),
    startedAtMs: TimeMs,
    running: z.boolean(),
  })
  .meta({ id: 'NodeStatus' })
export type NodeStatus = z.output<typeof NodeStatus>

export const DoctorReport = z
  .object({
    ok: z.boolean(),
    findings: z
      .array(
        z.object({
          check: z.string(),
          level: z.enum(['ok', 'warning', 'error']),
          message: z.string(),
          remedy: z.string().optional(),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'DoctorReport' })
export type DoctorReport = z.output<typeof DoctorReport>

export const PeerView = z
  .object({
    nodeId: NodeId,
    address: z.string().optional(),
    connected: z.boolean(),
    channels: z.number(),
    nextDialInMs: z.number().optional(),
  })
  .meta({ id: 'Peer' })
export type PeerView = z.output<typeof PeerView>

export const PeerList = z.object({ peers: z.array(PeerView).readonly() }).meta({ id: 'PeerList' })

export const ConnectPeerRequest = z
  .strictObject({ peer: PeerAddress, timeoutMs: TimeoutMs.exactOptional() })
  .meta({ id: 'ConnectPeerRequest' })
export type ConnectPeerRequest = z.output<typeof ConnectPeerRequest>
