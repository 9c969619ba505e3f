/** How a channel is shown to people and to machines. */

import type { ChannelView } from '@tallystick/client'
import type { JsonValue } from '../output.ts'
import { table } from '../output.ts'

export function channelJson(channel: ChannelView): { readonly [key: string]: JsonValue } {
  return channel as unknown as { readonly [key: string]: JsonValue }
}

export function listChannels(channels: readonly ChannelView[]): string[][] {
  return [
    ['channel', 'status', 'peer', 'mine', 'theirs', 'can send', 'can receive'],
    ...channels.map((channel) => [
      channel.channelId,
      channel.status,
      `${channel.peer.slice(0, 12)}...${channel.peerConnected ? '' : ' (away)'}`,
      String(channel.mine),
      String(channel.theirs),
      String(channel.spendable),
      String(channel.receivable),
    ]),
  ]
}

export function describeChannel(channel: ChannelView): string {
  const { close } = channel
  const rows = [
    ['channel', channel.channelId],
    ['status', channel.status],
    ['peer', `${channel.peer}${channel.peerConnected ? '' : ' (not connected)'}`],
    ['token', channel.token],
    ['lock period', `${channel.lockPeriodSeconds} s`],
    ['deposits', `${channel.depositMine} mine, ${channel.depositTheirs} theirs`],
    ['withdrawn', `${channel.withdrawnMine} mine, ${channel.withdrawnTheirs} theirs`],
    ['mine', String(channel.mine)],
    ['theirs', String(channel.theirs)],
    ['can send', String(channel.spendable)],
    ['can receive', String(channel.receivable)],
    ['on its way', String(channel.pending)],
    [
      'paid',
      `${channel.outgoing.sent} out (line ${channel.outgoing.nonce}), ${channel.incoming.sent} in (line ${channel.incoming.nonce})`,
    ],
  ]
  if (close !== undefined) {
    rows.push(['closed', close.by === undefined ? close.mode : `${close.mode}, by ${close.by}`])
    if (close.endsAtSeconds !== undefined)
      rows.push(['disputes until', new Date(Number(close.endsAtSeconds) * 1000).toISOString()])
    if (close.forfeited !== undefined)
      rows.push(['forfeited', `${close.forfeited.amount} by ${close.forfeited.by}`])
    if (close.paidMine !== undefined)
      rows.push(['paid out', `${close.paidMine} mine, ${close.paidTheirs ?? 0n} theirs`])
  }
  for (const waiting of channel.waitingFor) rows.push(['waits for', waiting.message])
  return table(rows)
}
