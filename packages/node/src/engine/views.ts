/** What callers see: derived from state at the moment of asking, never stored. */

import { receivable, spendable } from '@tallystick/protocol'
import type { PaymentRow } from '../store/port.ts'
import { endOf } from './end-facts.ts'
import { type PendingPayment, stateOf } from './payment-book.ts'
import type { Channel, Group, Runtime } from './runtime.ts'
import type {
  ChainStatus,
  ChannelStatus,
  ChannelView,
  CloseView,
  Hex,
  LineView,
  PaymentState,
  PaymentView,
  PeerView,
} from './service.ts'
import { waitingFor } from './waiting.ts'

export function statusOf(channel: Channel): ChannelStatus {
  const { status } = channel.core.chain
  if (status === 'closed' || status === 'settled') return status
  if (channel.core.closing !== undefined || channel.core.together !== undefined || status === 'closing')
    return 'closing'
  return status === 'none' ? 'opening' : 'open'
}

const ORDER: readonly ChannelStatus[] = ['opening', 'open', 'closing', 'settled', 'closed']

export function reached(channel: Channel, status: ChannelStatus): boolean {
  return ORDER.indexOf(statusOf(channel)) >= ORDER.indexOf(status)
}

export function channelView(rt: Runtime, channel: Channel): ChannelView {
  const { core } = channel
  const { params, party } = core.setup
  const other = party === 0 ? 1 : 0
  const { deposits, withdrawn } = core.chain
  const outgoing = core.out.tip.content
  const incoming = core.in.accepted.content
  const free = spendable(core) - channel.queued
  const usable =
    core.closing === undefined && core.together === undefined && core.chain.status === 'open' && !core.lost
  return {
    channelId: channel.id,
    peer: channel.peer,
    peerConnected: rt.links.connected(channel.peer),
    party,
    token: hex(params.token),
    lockPeriodSeconds: params.lockPeriod,
    status: statusOf(channel),
    waitingFor: waitingFor(rt, channel),
    depositMine: deposits[party],
    depositTheirs: deposits[other],
    withdrawnMine: withdrawn[party],
    withdrawnTheirs: withdrawn[other],
    mine: shareOf(channel, party),
    theirs: shareOf(channel, other),
    spendable: usable && free > 0n ? free : 0n,
    receivable: usable ? receivable(core) : 0n,
    pending: pendingOf(channel),
    lockedMine: outgoing.locked,
    lockedTheirs: incoming.locked,
    outgoing: lineView(core.out.tip, core.out.agreed),
    incoming: lineView(core.in.accepted, core.in.acked),
    close: closeView(channel),
  }
}

/**
 * What would be this party's if the channel settled now. The bank tells deposits while it is open only; from then on the
 * close itself does, and of a channel that is paid out nothing is left.
 */
function shareOf({ core, record }: Channel, party: 0 | 1): bigint {
  const { status, deposits, withdrawn } = core.chain
  if (status === 'settled' || status === 'closed') return 0n
  const other = party === 0 ? 1 : 0
  const base = endOf(record.endFacts).base ?? [deposits[0] - withdrawn[0], deposits[1] - withdrawn[1]]
  const ours = party === core.setup.party
  const [out, into] = [core.out.tip.content, core.in.accepted.content]
  const [paid, got] = ours ? [out, into] : [into, out]
  const due = base[party] + got.sent - paid.sent - paid.locked
  const held = base[party] + base[other]
  if (due < 0n) return 0n
  if (due > held) return held
  return due
}

function lineView(
  newest: { readonly nonce: number; readonly content: { readonly sent: bigint } },
  agreed: { readonly nonce: number; readonly content: { readonly sent: bigint } },
): LineView {
  return {
    nonce: BigInt(newest.nonce),
    ackedNonce: BigInt(agreed.nonce),
    sent: newest.content.sent,
    ackedSent: agreed.content.sent,
  }
}

function pendingOf(channel: Channel): bigint {
  let pending = channel.queued
  for (const line of channel.sent.values()) pending += line.amount
  return pending
}

function closeView(channel: Channel): CloseView | undefined {
  const { core, record } = channel
  const end = endOf(record.endFacts)
  const { party } = core.setup
  const other = party === 0 ? 1 : 0
  const mode = end.mode ?? modeOf(channel)
  if (mode === undefined) return undefined
  const closing = channel.now.record?.kind === 'closing' ? channel.now.record.closing : undefined
  const told = end.mode !== undefined
  return {
    mode,
    by: mode === 'together' ? undefined : closerOf(channel, end.by ?? closing?.party),
    endsAtSeconds: end.endsAtSeconds ?? closing?.endsAt,
    forfeited: end.forfeited && {
      by: end.forfeited.by === party ? 'us' : 'peer',
      amount: end.forfeited.amount,
    },
    paidMine: told ? end.paid[party] : undefined,
    paidTheirs: told ? end.paid[other] : undefined,
    transactions: end.transactions,
  }
}

/** Who closed alone; before the chain shows it, what our own mark says. */
function closerOf({ core }: Channel, by: 0 | 1 | undefined): CloseView['by'] {
  if (by === undefined) return core.closing?.by
  return by === core.setup.party ? 'us' : 'peer'
}

function modeOf({ core }: Channel): CloseView['mode'] | undefined {
  if (core.closing !== undefined) return core.closing.blind ? 'blind' : 'alone'
  return core.together === undefined ? undefined : 'together'
}

export function paymentView(rt: Runtime, row: PaymentRow): PaymentView {
  const channelId = hex(row.channelId)
  const channel = rt.channels.get(channelId)
  if (channel === undefined) throw new Error(`a payment of the unknown channel ${channelId}`)
  return {
    direction: row.direction,
    reference: hex(row.reference),
    channelId,
    peer: channel.peer,
    token: hex(channel.core.setup.params.token),
    amount: row.amount,
    state: row.direction === 'outgoing' ? outgoingState(rt, row) : incomingState(channel, row),
    nonce: BigInt(row.nonce),
    index: row.index,
    atMs: row.atMs,
  }
}

/** A payment is in the book until its outcome is durable (payment-book.ts). */
function outgoingState(rt: Runtime, row: PaymentRow): PaymentState {
  if (row.state === 'void') return 'refused'
  return rt.book.open.get(hex(row.reference))?.sequence === row.sequence ? 'sent' : 'accepted'
}

/** What we accepted stays so, unless the channel ended on an earlier line of the peer: then it was never paid out. */
function incomingState({ record, core }: Channel, row: PaymentRow): PaymentState {
  const end = endOf(record.endFacts)
  if (!end.decided || end.lines === undefined || end.forfeited !== undefined) return 'accepted'
  return BigInt(row.nonce) > end.lines[core.setup.party === 0 ? 1 : 0].nonce ? 'refused' : 'accepted'
}

export function pendingView(payment: PendingPayment, nowMs: number): PaymentView {
  const { channel } = payment
  const signed = payment.nonce !== 0
  return {
    direction: 'outgoing',
    reference: payment.reference,
    channelId: channel.id,
    peer: channel.peer,
    token: hex(channel.core.setup.params.token),
    amount: payment.amount,
    state: stateOf(payment),
    nonce: signed ? BigInt(payment.nonce) : undefined,
    index: signed ? payment.index : undefined,
    atMs: signed ? payment.atMs : nowMs,
  }
}

export function peerViews(rt: Runtime): readonly PeerView[] {
  return rt.links.list().map(({ nodeId, endpoint, connected, nextDialInMs }) => ({
    nodeId,
    address:
      endpoint && `${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`,
    connected,
    channels: [...(rt.peers.get(nodeId)?.channels ?? [])].filter(
      ({ record }) => record.abandoned === undefined,
    ).length,
    nextDialInMs,
  }))
}

export function chainStatus(rt: Runtime): ChainStatus {
  const { chainHealth, head, final } = rt
  const live = chainHealth.state === 'live' ? chainHealth : undefined
  const newest = live !== undefined && live.head.number > (head?.number ?? -1n) ? live.head : head
  return {
    reachable: live !== undefined,
    headBlock: newest?.number,
    finalBlock: final?.number ?? live?.final?.number,
    headTimeSeconds: newest?.timestampSeconds,
  }
}

/** After a group is durable: those who listen and those who wait hear of what changed. */
export function tellChanges(rt: Runtime, group: Group): void {
  const heard = rt.events.heard()
  const atMs = rt.ports.nowMs()
  for (const channel of group.touched) {
    rt.waits.poke(`channel/${channel.id}`)
    if (heard && channel.record.abandoned === undefined)
      rt.events.emit({ type: 'channel', atMs, channel: channelView(rt, channel) })
  }
  if (!heard) return
  for (const { channel, direction, state, count, amount } of group.totals.values())
    rt.events.emit({ type: 'payments', atMs, channelId: channel.id, direction, state, count, amount })
}

export function tellPeer(rt: Runtime, group: Group, nodeId: string, connected: boolean): void {
  group.effects.push(() => {
    rt.waits.poke(`peer/${nodeId}`)
    rt.events.emit({ type: 'peer', atMs: rt.ports.nowMs(), nodeId, connected })
  })
}

function hex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
}
