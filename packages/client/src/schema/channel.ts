/** Channels as the API shows them, and what can be asked of them. */
import { z } from 'zod'
import {
  Address,
  Amount,
  ChannelId,
  Hash,
  Integer,
  Peer,
  PositiveAmount,
  TimeMs,
  TimeoutMs,
  TimeoutMsText,
} from './primitives.ts'

export const ChannelStatus = z.enum(['opening', 'open', 'closing', 'settled', 'closed'])
export type ChannelStatus = z.output<typeof ChannelStatus>

const LineView = z
  .object({ nonce: Integer, ackedNonce: Integer, sent: Integer, ackedSent: Integer })
  .meta({ id: 'Line', description: 'One direction: newest and newest agreed line' })

const CloseView = z
  .object({
    mode: z.enum(['together', 'alone', 'blind']),
    by: z.enum(['us', 'peer']).optional(),
    endsAtSeconds: Integer.optional(),
    forfeited: z.object({ by: z.enum(['us', 'peer']), amount: Integer }).optional(),
    paidMine: Integer.optional(),
    paidTheirs: Integer.optional(),
    transactions: z.array(Hash).readonly(),
  })
  .meta({ id: 'Close' })

export const ChannelView = z
  .object({
    channelId: ChannelId,
    peer: z.string(),
    peerConnected: z.boolean(),
    party: z.union([z.literal(0), z.literal(1)]),
    token: Address,
    lockPeriodSeconds: z.number(),
    status: ChannelStatus,
    waitingFor: z
      .array(z.object({ what: z.string(), message: z.string(), dueAtMs: TimeMs.optional() }))
      .readonly(),
    depositMine: Integer,
    depositTheirs: Integer,
    withdrawnMine: Integer,
    withdrawnTheirs: Integer,
    mine: Integer,
    theirs: Integer,
    spendable: Integer,
    receivable: Integer,
    pending: Integer,
    lockedMine: Integer,
    lockedTheirs: Integer,
    outgoing: LineView,
    incoming: LineView,
    close: CloseView.optional(),
  })
  .meta({ id: 'Channel' })
export type ChannelView = z.output<typeof ChannelView>

export const ChannelList = z.object({ channels: z.array(ChannelView).readonly() }).meta({ id: 'ChannelList' })

export const OpenChannelRequest = z
  .strictObject({
    peer: Peer,
    token: Address,
    deposit: Amount,
    peerDeposit: Amount.exactOptional(),
    lockPeriodSeconds: z.int('INVALID_LOCK_PERIOD').min(1, 'INVALID_LOCK_PERIOD').exactOptional(),
    timeoutMs: TimeoutMs.exactOptional(),
  })
  .meta({ id: 'OpenChannelRequest' })
export type OpenChannelRequest = z.output<typeof OpenChannelRequest>

export const TopUpRequest = z.strictObject({ amount: PositiveAmount }).meta({ id: 'TopUpRequest' })
export type TopUpRequest = z.output<typeof TopUpRequest>

export const WithdrawRequest = z
  .strictObject({ amount: PositiveAmount, timeoutMs: TimeoutMs.exactOptional() })
  .meta({ id: 'WithdrawRequest' })
export type WithdrawRequest = z.output<typeof WithdrawRequest>

export const CloseRequest = z
  .strictObject({ mode: z.enum(['cooperative', 'alone', 'blind']), timeoutMs: TimeoutMs.exactOptional() })
  .meta({ id: 'CloseRequest' })
export type CloseRequest = z.output<typeof CloseRequest>

/** Query of one channel: with `until`, the answer waits for that status. */
export const ChannelQuery = z.strictObject({
  until: ChannelStatus.exactOptional(),
  timeoutMs: TimeoutMsText.exactOptional(),
})
export type ChannelQuery = z.output<typeof ChannelQuery>
