/**
 * The core's shell: runs `step` on a channel and puts its effects into the group. The effects leave the process when the
 * group is durable, never before (INV-3).
 */

import {
  type ChannelInput,
  type Effect,
  encodeMessage,
  isUsable,
  type Message,
  type Operation,
  type Refusal,
  type RefusalCode,
  refusal,
  type Step,
  type StepRefused,
  step,
  toHex,
  type Update,
  wantsClearing,
} from '@tallystick/protocol'
import { encodeChannel, encodeRecord } from './channel-record.ts'
import { courtEffect } from './closing.ts'
import { contextOf } from './context.ts'
import { ServiceError } from './errors.ts'
import { hold, queueAgain } from './held-payments.ts'
import { dropPayments, takeAgreement } from './outcomes.ts'
import { advance, type PendingPayment, type SentLine } from './payment-book.ts'
import { countPayments, putPayment } from './payment-rows.ts'
import { discardQueue } from './payments.ts'
import { type Channel, type Group, peerOf, type Runtime } from './runtime.ts'

/** Runs one input. A refusal has changed nothing. */
export function run(
  rt: Runtime,
  group: Group,
  channel: Channel,
  input: ChannelInput,
): StepRefused | undefined {
  return runSending(rt, group, channel, input, [])
}

/** As `run`; `payments` are those that a `send` input carries, in the order of its operations. */
export function runSending(
  rt: Runtime,
  group: Group,
  channel: Channel,
  input: ChannelInput,
  payments: readonly PendingPayment[],
): StepRefused | undefined {
  const done = stepOf(rt, channel, input)
  if (!done.ok) return done
  if (done.state !== channel.core) {
    channel.core = done.state
    group.dirty.add(channel)
    group.touched.add(channel)
    // Lines are burnt by refusals, and by acknowledgements and syncs that show what the peer accepted instead.
    if (wantsClearing(done.state)) rt.due.add(channel)
  }
  for (const effect of done.effects) perform(rt, group, channel, effect, payments)
  return undefined
}

/**
 * The core must not throw; should a message of a peer find a way, it is that peer's trouble and not the node's: the state
 * is as before, because the step is pure, and the peer is hung up on.
 */
function stepOf(rt: Runtime, channel: Channel, input: ChannelInput): Step {
  if (input.type !== 'message') return step(channel.core, input, contextOf(rt))
  try {
    return step(channel.core, input, contextOf(rt))
  } catch (error) {
    const fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
    rt.ports.log.error({ channel: channel.id, message: input.message.type, fault }, 'the core threw')
    return { ok: false, refusal: refusal('operations-malformed', input.message.type), reply: undefined }
  }
}

/** Sends once the group is durable, on the connection that is live now and on no other. */
export function sendAfter(rt: Runtime, group: Group, nodeId: string, message: Message): Uint8Array {
  const bytes = encodeMessage(message)
  sendBytesAfter(rt, group, nodeId, bytes)
  return bytes
}

export function sendBytesAfter(rt: Runtime, group: Group, nodeId: string, bytes: Uint8Array): void {
  const { session } = peerOf(rt, nodeId)
  if (session !== 0) group.effects.push(() => rt.links.send(nodeId, session, bytes))
}

/** Writes the rows of the channels that changed: called when the group is sealed. */
export function writeDirty(group: Group): void {
  for (const channel of group.dirty) {
    channel.recordBytes ??= encodeRecord(channel.record)
    const bytes = encodeChannel(channel, channel.recordBytes)
    group.changes.push({
      type: 'channel.put',
      row: { channelId: channel.idBytes, peer: channel.peer, bytes },
    })
  }
}

function perform(
  rt: Runtime,
  group: Group,
  channel: Channel,
  effect: Effect,
  payments: readonly PendingPayment[],
): void {
  switch (effect.type) {
    case 'send':
      send(rt, group, channel, effect, payments)
      return
    case 'resend':
      for (const nonce of effect.nonces) {
        const line = channel.sent.get(nonce)
        if (line === undefined)
          throw new Error(`${channel.id}: line ${nonce} is live but its bytes are not kept`)
        sendBytesAfter(rt, group, channel.peer, line.bytes)
      }
      return
    case 'accepted':
      accept(rt, group, channel, effect.nonce, effect.operations)
      if (effect.operations.some(({ type }) => type !== 'pay')) rt.lockNotes.push({ channel, effect })
      return
    case 'agreed':
      agree(rt, group, channel, effect)
      if (channel.leaving.size > 0) rt.lockNotes.push({ channel, effect })
      return
    case 'burnt':
      for (const nonce of effect.nonces) {
        const line = channel.sent.get(nonce)
        if (line === undefined) continue
        line.refusal ??= effect.refusal
        for (const { completions } of line.payments)
          for (const waiting of completions)
            waiting.hint = `The peer refused so far: ${reasonOf(effect.refusal)}`
      }
      rt.ports.log.warn({ channel: channel.id, code: effect.refusal.code }, 'the peer refused a line')
      rt.due.add(channel)
      if (channel.outgoingLocks.size > 0) rt.lockNotes.push({ channel, effect })
      return
    case 'key-shown':
    case 'fail-asked':
      rt.lockNotes.push({ channel, effect })
      return
    case 'frozen':
      discardQueue(rt, channel, new ServiceError('CHANNEL_CLOSING', { field: 'channelId' }))
      rt.lockNotes.push({ channel, effect })
      // What was accepted before the mark must carry our acknowledgement to be shown to the bank (CL-2).
      channel.flushDue = true
      rt.due.add(channel)
      courtEffect(rt, group, channel, effect)
      return
    default:
      courtEffect(rt, group, channel, effect)
  }
}

function send(
  rt: Runtime,
  group: Group,
  channel: Channel,
  { message, transmit }: Extract<Effect, { type: 'send' }>,
  payments: readonly PendingPayment[],
): void {
  const bytes = encodeMessage(message)
  if (message.type === 'update') keepLine(rt, group, channel, message, bytes, payments)
  if (transmit) sendBytesAfter(rt, group, channel.peer, bytes)
}

/** A line of ours: its bytes and its payments go into the commit that lets it out. */
function keepLine(
  rt: Runtime,
  group: Group,
  channel: Channel,
  message: Update,
  bytes: Uint8Array,
  payments: readonly PendingPayment[],
): void {
  const { nonce, base, direction } = message
  const atMs = rt.ports.nowMs()
  let amount = 0n
  for (const payment of payments) amount += payment.amount
  const line: SentLine = { nonce, base, bytes, payments, amount, refusal: undefined }
  channel.sent.set(nonce, line)
  group.changes.push({
    type: 'update.put',
    row: { channelId: channel.idBytes, direction, nonce, bytes },
  })
  if (payments.length === 0) return
  for (const [index, payment] of payments.entries()) {
    if (payment.sequence === 0) payment.sequence = rt.book.nextSequence++
    payment.nonce = nonce
    payment.index = index
    payment.atMs = atMs
    putPayment(group, channel, payment, 'live')
  }
  rt.book.queuedCount -= payments.length
  countPayments(group, channel, 'outgoing', 'sent', payments.length, amount)
  group.effects.push(() => {
    for (const payment of payments) {
      payment.released = true
      advance(payment, 'sent')
    }
  })
}

function accept(
  rt: Runtime,
  group: Group,
  channel: Channel,
  nonce: number,
  operations: readonly Operation[],
): void {
  channel.flushDue = true
  rt.due.add(channel)
  const atMs = rt.ports.nowMs()
  const references: Uint8Array[] = []
  let amount = 0n
  for (const [index, operation] of operations.entries()) {
    if (operation.type !== 'pay') continue
    const sequence = rt.book.nextSequence++
    const { reference } = operation
    amount += operation.amount
    references.push(reference)
    group.changes.push({
      type: 'payment.put',
      row: {
        sequence,
        direction: 'incoming',
        reference,
        channelId: channel.idBytes,
        amount: operation.amount,
        state: 'live',
        nonce,
        index,
        atMs,
      },
    })
  }
  if (references.length === 0) return
  channel.receivedCount += references.length
  rt.book.receivedTotal += references.length
  countPayments(group, channel, 'incoming', 'accepted', references.length, amount)
  group.effects.push(() => {
    if (rt.waits.any('incoming'))
      for (const reference of references) rt.waits.poke(`incoming/${toHex(reference)}`)
  })
}

function agree(
  rt: Runtime,
  group: Group,
  channel: Channel,
  effect: Extract<Effect, { type: 'agreed' }>,
): void {
  for (const line of takeAgreement(rt, group, channel, effect)) takeVoid(rt, group, channel, line)
  if (channel.queue.length > 0) rt.due.add(channel)
}

/**
 * A line is void. Where its payments are not at fault they are signed anew: it was behind what the peer had sent meanwhile,
 * or the peer behind the chain. Only while somebody waits, so that a peer that refuses for ever is not paid at for ever.
 * The others end.
 */
function takeVoid(rt: Runtime, group: Group, channel: Channel, { payments, refusal }: SentLine): void {
  const after = refusal && isUsable(channel.core) && !channel.draining ? RETRY[refusal.code] : undefined
  const again = payments.filter((payment) => after !== undefined && payment.completions.length > 0)
  const kept = new Set(again)
  const detail = refusal === undefined ? 'no reason given' : reasonOf(refusal)
  const dropped = payments.filter((payment) => !kept.has(payment))
  dropPayments(rt, group, dropped, new ServiceError('PAYMENT_REFUSED', { detail }))
  if (after === 'a pause') hold(rt, channel, again)
  else queueAgain(rt, channel, again)
}

/**
 * Refusals that say nothing against the payments, and when they may be signed again. When a later line is acknowledged the
 * channel is open there, and the line is not behind any more; a deposit that the peer does not count yet takes its time.
 */
const RETRY: Partial<Readonly<Record<RefusalCode, 'at once' | 'a pause'>>> = {
  'acked-lags': 'at once',
  'wrong-base': 'at once',
  'not-open': 'at once',
  insufficient: 'a pause',
}

function reasonOf({ code, field, remedy }: Refusal): string {
  return `${code} (${field}): ${remedy}.`
}
