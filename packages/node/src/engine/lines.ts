/**
 * What a channel does once a group: acknowledge the newest accepted line, then sign lines that carry what is queued. Many
 * payments share a line and many lines share a commit; this is where the speed comes from.
 */

import type { Operation, Refusal } from '@tallystick/protocol'
import { clear, clearingDue, waitsForPeer } from './clearing.ts'
import { ServiceError } from './errors.ts'
import { drainLockNotes } from './locks/lock-events.ts'
import { hasLockWork, signLocks } from './locks/lock-lines.ts'
import { run, runSending } from './machine.ts'
import type { PendingPayment } from './payment-book.ts'
import { discard } from './payments.ts'
import type { Channel, Group, Runtime } from './runtime.ts'

/** Bytes of own lines that the peer has not acknowledged; more are not made until it does. */
const MAX_UNACKED_BYTES = 8 * 1024 * 1024

/** Called for every group, before its rows are written. Channels that cannot go on now stay due. */
export function sealChannels(rt: Runtime, group: Group): void {
  drainLockNotes(rt, group)
  for (const channel of rt.due) {
    if (channel.flushDue) {
      channel.flushDue = false
      run(rt, group, channel, { type: 'flush' })
    }
    signLines(rt, group, channel)
    if (channel.queue.length === 0 && !hasLockWork(channel) && !clearingDue(channel)) rt.due.delete(channel)
  }
}

function signLines(rt: Runtime, group: Group, channel: Channel): void {
  if (!channel.core.link.synced || !rt.links.writable(channel.peer)) return
  if (waitsForPeer(rt, group, channel)) return
  if (hasLockWork(channel)) signLocks(rt, group, channel)
  for (let lines = 0; lines < rt.config.maxLinesPerGroup && channel.queue.length > 0; lines += 1) {
    if (unackedBytes(channel) > MAX_UNACKED_BYTES) break
    if (!signPayments(rt, group, channel)) break
  }
  // Also when payments wait: money or nonces may be what they wait for.
  clear(rt, group, channel)
}

/** Answers false when the channel can sign no more now. */
function signPayments(rt: Runtime, group: Group, channel: Channel): boolean {
  const taken = channel.queue.slice(0, rt.config.maxOperationsPerLine)
  const operations: Operation[] = new Array(taken.length)
  let amount = 0n
  for (const [index, payment] of taken.entries()) {
    operations[index] = { type: 'pay', amount: payment.amount, reference: payment.referenceBytes }
    amount += payment.amount
  }
  const refused = runSending(rt, group, channel, { type: 'send', operations }, taken)
  if (refused?.refusal.code === 'window-full') return false
  channel.queue.splice(0, taken.length)
  channel.queued -= amount
  if (refused === undefined) return true
  refuseTaken(rt, taken, refused.refusal)
  return refused.refusal.code === 'insufficient'
}

/** Money that was free when the payments were queued is not any more, or the channel stopped meanwhile. */
function refuseTaken(rt: Runtime, taken: readonly PendingPayment[], refusal: Refusal): void {
  const error =
    refusal.code === 'insufficient'
      ? new ServiceError('INSUFFICIENT_BALANCE', { field: 'amount', detail: refusal.detail ?? '' })
      : new ServiceError('CHANNEL_NOT_OPEN', {
          field: 'channelId',
          detail: `${refusal.code}: ${refusal.remedy}.`,
        })
  discard(rt, taken, error)
}

function unackedBytes(channel: Channel): number {
  let bytes = 0
  for (const line of channel.sent.values()) bytes += line.bytes.length
  return bytes
}
