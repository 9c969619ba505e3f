/** The service: every call checked, put into the loop as a command, and answered with what is durable. */

import { ChainError, type FeePolicy } from '@tallystick/protocol'
import { policyFault } from '../network/routing/fee.ts'
import { chainFailure } from './chain-failure.ts'
import { command } from './command.ts'
import { chainNowSeconds } from './context.ts'
import { doctor } from './doctor.ts'
import { ServiceError } from './errors.ts'
import { driveFunding, fundingKey, giveUpDeposit } from './funding.ts'
import {
  createInvoice,
  findInvoice,
  type InvoiceRecord,
  listInvoices,
  settledInvoice,
} from './htlc/invoices.ts'
import { findNetworkPayment, listNetworkPayments, payInvoice } from './htlc/pay.ts'
import { amountOf, channelOf, referenceOf } from './input-checks.ts'
import { agreeToNetting, rebalance, settleNetting } from './joint/settle.ts'
import { run } from './machine.ts'
import { networkGraph, routeView } from './network/network-calls.ts'
import { tellOwnChannels } from './network/network-view.ts'
import { openChannel } from './open-channel.ts'
import { findPayment, listPayments, waitForPayment } from './payment-queries.ts'
import { payMany } from './payments.ts'
import { connectPeer } from './peers.ts'
import { announce, policyOf, setPolicy } from './policies.ts'
import { commandRefused, peerRefused } from './refusals.ts'
import { amend, type Channel, type Runtime } from './runtime.ts'
import type {
  ChannelStatus,
  ChannelView,
  CloseMode,
  Hex,
  NodeService,
  NodeStatus,
  WaitOptions,
} from './service.ts'
import { chainStatus, channelView, peerViews, reached, statusOf } from './views.ts'
import { requireOnline, withdraw } from './withdrawing.ts'

export const DEFAULT_WAIT_MS = 30_000
/** A transaction takes blocks, not milliseconds. */
const TRANSACTION_WAIT_MS = 180_000

export function createService(rt: Runtime, stop: () => Promise<void>): NodeService {
  return {
    status: async () => nodeStatus(rt),
    doctor: () => doctor(rt),
    connectPeer: (address, options) => connectPeer(rt, address, options?.timeoutMs ?? DEFAULT_WAIT_MS),
    listPeers: async () => peerViews(rt),
    openChannel: (request) => openChannel(rt, request),
    topUp: (channelId, amount) => topUp(rt, channelId, amount),
    withdraw: (channelId, amount, options) => withdraw(rt, channelId, amount, options),
    closeChannel: (channelId, mode, options) => closeChannel(rt, channelId, mode, options),
    listChannels: async () =>
      [...rt.channels.values()]
        .filter(({ record }) => record.abandoned === undefined)
        .sort((a, b) => a.record.createdAtMs - b.record.createdAtMs)
        .map((channel) => channelView(rt, channel)),
    getChannel: async (channelId) => channelView(rt, channelOf(rt, channelId)),
    waitForChannel: (channelId, status, options) => waitForChannel(rt, channelId, status, options),
    pay: async (request) => {
      const { amount, reference, ...rest } = request
      await payMany(rt, { ...rest, payments: [{ amount, reference }] })
      const found = await findPayment(rt, 'outgoing', referenceOf(reference, 'reference'), {})
      if (found === undefined) throw new ServiceError('INTERNAL', { field: 'reference' })
      return found
    },
    payBatch: async (request) => {
      const { channel, count, amount } = await payMany(rt, request)
      return { channelId: channel.id, count, amount, state: request.until ?? 'accepted' }
    },
    getPayment: async (direction, reference, filter) =>
      findPayment(rt, direction, referenceOf(reference, 'reference'), filter ?? {}),
    waitForPayment: (reference, options) =>
      waitForPayment(
        rt,
        referenceOf(reference, 'reference'),
        options ?? {},
        options?.timeoutMs ?? DEFAULT_WAIT_MS,
      ),
    listPayments: (query) => listPayments(rt, query ?? {}),
    createInvoice: (request) => createInvoice(rt, request),
    getInvoice: (hash) => getInvoice(rt, hash),
    listInvoices: () => listInvoices(rt),
    waitForInvoice: async (hash, options) => {
      await getInvoice(rt, hash)
      return settledInvoice(rt, hash, options?.timeoutMs ?? DEFAULT_WAIT_MS)
    },
    payInvoice: (request) => payInvoice(rt, request),
    getNetworkPayment: async (hash) => {
      const found = await findNetworkPayment(rt, referenceOf(hash, 'hash'))
      if (found === undefined) throw new ServiceError('UNKNOWN_PAYMENT', { field: 'hash' })
      return found
    },
    listNetworkPayments: () => listNetworkPayments(rt),
    getPolicy: async (channelId) => policyOf(rt, channelOf(rt, channelId)),
    setPolicy: (channelId, policy) => changePolicy(rt, channelId, policy),
    announceChannel: async (channelId) => {
      const channel = channelOf(rt, channelId)
      await command(rt, (group) => announce(rt, group, channel))
      tellOwnChannels(rt)
    },
    rebalance: (request) => rebalance(rt, request),
    agreeToNetting: (request) => agreeToNetting(rt, request),
    settleNetting: (request) => settleNetting(rt, request),
    networkGraph: async () => networkGraph(rt),
    findRoute: async (request) => routeView(rt, request),
    subscribe: (listener) => rt.events.subscribe(listener),
    stop,
  }
}

async function getInvoice(rt: Runtime, hash: Hex): Promise<InvoiceRecord> {
  const found = await findInvoice(rt, referenceOf(hash, 'hash'))
  if (found === undefined) throw new ServiceError('UNKNOWN_PAYMENT', { field: 'hash' })
  return found
}

async function changePolicy(rt: Runtime, channelId: Hex, policy: FeePolicy): Promise<FeePolicy> {
  const channel = channelOf(rt, channelId)
  const fault = policyFault(policy)
  if (fault !== undefined) throw new ServiceError('INVALID_POLICY', { field: fault })
  await command(rt, (group) => setPolicy(rt, group, channel, policy))
  tellOwnChannels(rt)
  return policy
}

function nodeStatus(rt: Runtime): NodeStatus {
  const { chain, transport, signer } = rt.ports
  const { config } = rt
  const channels = [...rt.channels.values()].filter(({ record }) => record.abandoned === undefined)
  const peers = rt.links.list()
  return {
    nodeId: transport.nodeId,
    address: config.publicAddress && `${transport.nodeId}@${config.publicAddress}`,
    signer: `0x${Buffer.from(signer.address).toString('hex')}`,
    account: chain.account,
    chainId: chain.chainId,
    bank: chain.bank,
    registry: chain.registry,
    chain: chainStatus(rt),
    peers: { known: peers.length, connected: peers.filter(({ connected }) => connected).length },
    channels: {
      open: channels.filter((channel) => statusOf(channel) === 'open').length,
      total: channels.length,
    },
    payments: { sent: BigInt(rt.book.sentTotal), received: BigInt(rt.book.receivedTotal) },
    limits: {
      minLockPeriodSeconds: config.minLockPeriodSeconds,
      maxLockPeriodSeconds: config.maxLockPeriodSeconds,
      defaultLockPeriodSeconds: config.defaultLockPeriodSeconds,
      maxBatch: config.maxBatch,
      maxJointDeposit: config.maxJointDeposit,
    },
    startedAtMs: rt.startedAtMs,
    running: rt.running,
  }
}

async function topUp(rt: Runtime, channelId: Hex, given: bigint): Promise<ChannelView> {
  const amount = amountOf(given, 'amount')
  const channel = channelOf(rt, channelId)
  await checkFunds(rt, channel, amount)
  const number = await command(rt, (group) => {
    const { core, record } = channel
    const open = core.chain.status === 'open' || core.chain.status === 'none'
    if (core.closing !== undefined || core.together !== undefined)
      throw new ServiceError('CHANNEL_CLOSING', { field: 'channelId' })
    if (!open || !record.agreed) throw new ServiceError('CHANNEL_NOT_OPEN', { field: 'channelId' })
    const next = record.fundings.length + 1
    const funding = { number: next, amount, joint: false, state: 'wanted' as const, detail: undefined }
    amend(group, channel, { fundings: [...record.fundings, funding] })
    group.effects.push(() => driveFunding(rt, channel))
    return next
  })
  const deadlineMs = rt.ports.nowMs() + TRANSACTION_WAIT_MS
  for (;;) {
    const leftMs = Math.max(1, deadlineMs - rt.ports.nowMs())
    const end = await rt.waits.until(`funding/${channel.id}`, leftMs, () => deposited(rt, channel, number))
    if (!(end instanceof ChainError)) return end
    // Who is told that it failed may ask again: it must not be made later, when the account can pay.
    if (await command(rt, (group) => giveUpDeposit(rt, group, channel, number))) throw chainFailure(end)
  }
}

/** The channel once the deposit is included, or why it cannot be made now. */
function deposited(rt: Runtime, channel: Channel, number: number): ChannelView | ChainError | undefined {
  const funding = channel.record.fundings.find((one) => one.number === number)
  if (funding?.state === 'failed')
    throw new ServiceError('TRANSACTION_FAILED', { field: 'amount', detail: funding.detail ?? '' })
  const key = fundingKey(channel, number)
  const stage = rt.submissions.stage(key)
  const included = funding?.state === 'final' || stage === 'seen' || stage === 'done'
  if (included) return channelView(rt, channel)
  const failure = stage === 'failed' ? rt.submissions.failure(key) : undefined
  return failure?.consequence === 'retry' ? undefined : failure
}

async function checkFunds(rt: Runtime, channel: Channel, amount: bigint): Promise<void> {
  const { chain } = rt.ports
  const token = channelView(rt, channel).token
  let held: bigint
  try {
    held = await chain.balance(token, chain.account, 'head')
  } catch (error) {
    throw chainFailure(error)
  }
  if (held < amount)
    throw new ServiceError('INSUFFICIENT_FUNDS', { field: 'amount', detail: `The account holds ${held}.` })
}

async function closeChannel(
  rt: Runtime,
  channelId: Hex,
  mode: CloseMode,
  options: WaitOptions | undefined,
): Promise<ChannelView> {
  const channel = channelOf(rt, channelId)
  const { status } = channel.core.chain
  if (status === 'none')
    throw new ServiceError('CHANNEL_NOT_OPEN', { field: 'channelId', detail: 'Nothing is deposited.' })
  if (mode === 'cooperative') return closeTogether(rt, channel, options?.timeoutMs ?? DEFAULT_WAIT_MS)
  if (mode !== 'alone' && mode !== 'blind') throw new ServiceError('INVALID_REQUEST', { field: 'mode' })
  await command(rt, (group) => {
    const { core } = channel
    if (core.chain.status !== 'open' && core.closing === undefined)
      throw new ServiceError('CHANNEL_NOT_OPEN', { field: 'channelId' })
    const refused = run(rt, group, channel, { type: 'freeze', blind: mode === 'blind' })
    if (refused !== undefined) throw commandRefused(refused.refusal)
  })
  return channelView(rt, channel)
}

/** Lets what is under way settle, offers, and waits for the peer's signature. */
async function closeTogether(rt: Runtime, channel: Channel, timeoutMs: number): Promise<ChannelView> {
  if (channel.core.chain.status === 'closed') return channelView(rt, channel)
  requireOnline(rt, channel)
  const deadlineMs = rt.ports.nowMs() + timeoutMs
  const left = () => Math.max(1, deadlineMs - rt.ports.nowMs())
  channel.draining = true
  try {
    for (;;) {
      if (await offer(rt, channel)) break
      const before = channel.core
      await rt.waits.until(`channel/${channel.id}`, left(), () =>
        channel.core === before ? undefined : true,
      )
    }
    return await rt.waits.until(`channel/${channel.id}`, left(), () => agreedTogether(rt, channel))
  } catch (error) {
    if (channel.core.together === undefined) channel.draining = false
    if (!(error instanceof ServiceError) || error.code !== 'TIMED_OUT') throw error
    throw new ServiceError('TIMED_OUT', { detail: 'The peer did not sign in time: close the channel alone.' })
  }
}

/** False while lines are not settled yet. */
function offer(rt: Runtime, channel: Channel): Promise<boolean> {
  return command(rt, (group) => {
    const { core } = channel
    if (core.closing !== undefined) throw new ServiceError('CHANNEL_CLOSING', { field: 'channelId' })
    if (channel.queued > 0n || channel.flushDue) return false
    channel.peerRefusal = undefined
    if (core.together?.signatures.includes(undefined) === false) return true
    const validUntil = core.together?.validUntil ?? chainNowSeconds(rt) + rt.config.validitySeconds
    const refused = run(rt, group, channel, { type: 'close-together', validUntil })
    if (refused?.refusal.code === 'lines-unsettled') return false
    if (refused !== undefined) throw commandRefused(refused.refusal)
    return true
  })
}

function agreedTogether(rt: Runtime, channel: Channel): ChannelView | undefined {
  const { core } = channel
  if (channel.peerRefusal !== undefined) throw peerRefused(channel.peerRefusal)
  const agreed = core.together?.signatures.includes(undefined) === false
  return agreed || core.chain.status === 'closed' || core.closing !== undefined
    ? channelView(rt, channel)
    : undefined
}

function waitForChannel(
  rt: Runtime,
  channelId: Hex,
  status: ChannelStatus,
  options: WaitOptions | undefined,
): Promise<ChannelView> {
  const channel = channelOf(rt, channelId)
  return rt.waits.until(`channel/${channel.id}`, options?.timeoutMs ?? DEFAULT_WAIT_MS, () => {
    if (reached(channel, status)) return channelView(rt, channel)
    const { fundings } = channel.record
    const failed = fundings.find(({ state }) => state === 'failed')
    const hopeless = channel.core.chain.status === 'none' && fundings.every(({ state }) => state === 'failed')
    if (status !== 'opening' && failed !== undefined && hopeless)
      throw new ServiceError('TRANSACTION_FAILED', { field: 'deposit', detail: failed.detail ?? '' })
    return undefined
  })
}
