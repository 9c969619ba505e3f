/**
 * What becomes of the payments of own lines. An acknowledgement pays those that its line contains; the end of a channel
 * decides the rest, by the line that counted.
 *
 * Invariant (LN-33): a payment is void, and its reference free, only when no line that may still count contains it. Which
 * line contains which is told by `base` (LN-17). A line may count while it is live (LN-32); from the mark until the end is
 * decided any line that was live may, whatever was acknowledged since (CL-2, BK-55).
 */

import type { Effect } from '@tallystick/protocol'
import { toHex } from '@tallystick/protocol'
import { type ChannelEnd, endOf, type NamedLine } from './end-facts.ts'
import { ServiceError } from './errors.ts'
import { abandon, advance, type PendingPayment, type SentLine } from './payment-book.ts'
import { countPayments, putPayment } from './payment-rows.ts'
import { amend, type Channel, type Group, type Runtime } from './runtime.ts'

/** The peer acknowledged. Answers the payments that became void, with the lines that carried them. */
export function takeAgreement(
  rt: Runtime,
  group: Group,
  channel: Channel,
  effect: Extract<Effect, { type: 'agreed' }>,
): readonly SentLine[] {
  const { record } = channel
  const paid = ancestry(channel, effect.included)
  for (const nonce of paid) payLine(rt, group, channel, nonce)
  const open = [...record.waived, ...effect.voided].filter((nonce) => channel.sent.has(nonce))
  const mayCount = stillCounting(channel, open)
  const waived = open.filter((nonce) => mayCount.has(nonce))
  if (waived.length > 0 || record.waived.length > 0) amend(group, channel, { waived })
  group.changes.push({
    type: 'update.prune',
    channelId: channel.idBytes,
    direction: effect.message.direction,
    belowNonce: Math.min(effect.message.nonce, ...waived),
  })
  return open.flatMap((nonce) => {
    const line = mayCount.has(nonce) ? undefined : channel.sent.get(nonce)
    if (line === undefined) return []
    channel.sent.delete(nonce)
    voidRows(group, channel, line)
    return [line]
  })
}

/** Of the waived lines, those that a line which may be shown contains. */
function stillCounting(channel: Channel, open: readonly number[]): ReadonlySet<number> {
  const { closing, out } = channel.core
  if (open.length === 0 || closing !== undefined) return new Set(open)
  const live = out.live.map(({ nonce }) => nonce)
  return ancestry(channel, live)
}

/**
 * Decides the own lines that are open, once final blocks told an end that nothing can change any more; in the commit that
 * holds the fact. What was told accepted or void before stays so, whatever counted.
 */
export function decideAtEnd(rt: Runtime, group: Group, channel: Channel): void {
  const end = endOf(channel.record.endFacts)
  if (!end.decided || channel.record.linesDecided) return
  warnOfUncounted(rt, group, channel, end)
  const counted = countedLines(channel, end)
  if (counted === undefined) {
    rt.ports.log.error(
      { channel: channel.id },
      'the channel ended on a line that is not known here: whether payments of open lines were made cannot be told',
    )
    return
  }
  const error = new ServiceError('PAYMENT_VOID', { field: 'reference', detail: channel.id })
  for (const [nonce, line] of [...channel.sent]) {
    if (counted.has(nonce)) {
      payLine(rt, group, channel, nonce)
      continue
    }
    channel.sent.delete(nonce)
    voidRows(group, channel, line)
    dropPayments(rt, group, line.payments, error)
  }
  amend(group, channel, { linesDecided: true, waived: [] })
  group.changes.push({
    type: 'update.prune',
    channelId: channel.idBytes,
    direction: channel.core.setup.party,
    belowNonce: channel.core.out.lastNonce + 1,
  })
}

/** The peer's newest line can be shown until the end of the period (CL-8): who never looked at the chain lost it. */
function warnOfUncounted(rt: Runtime, group: Group, { id, core }: Channel, end: ChannelEnd): void {
  const counted = end.lines?.[core.setup.party === 0 ? 1 : 0].nonce
  if (counted === undefined || end.forfeited !== undefined || BigInt(core.in.accepted.nonce) <= counted)
    return
  const message = `${id}: ended on line ${counted} of the peer; what came after it, to line ${core.in.accepted.nonce}, is not paid out`
  const code = 'payments-not-counted'
  rt.ports.log.error({ channel: id, code }, message)
  group.effects.push(() => rt.events.emit({ type: 'warning', atMs: rt.ports.nowMs(), code, message }))
}

/** True when the end is decided and these lines are not: data was lost, and the line that counted is not known here. */
export function isUndecidable({ record }: Channel): boolean {
  return !record.linesDecided && endOf(record.endFacts).decided
}

/** Tells those who wait that the payments were not made. */
export function dropPayments(
  rt: Runtime,
  group: Group,
  payments: readonly PendingPayment[],
  error: ServiceError,
): void {
  group.effects.push(() => {
    for (const payment of payments) {
      rt.book.open.delete(payment.reference)
      abandon(payment, error)
    }
  })
}

/** The open lines that counted; undefined when that cannot be told. */
function countedLines(channel: Channel, end: ChannelEnd): ReadonlySet<number> | undefined {
  const { setup, lost } = channel.core
  const none: ReadonlySet<number> = new Set()
  // The side that lied got nothing of the channel, the other all of it.
  if (end.forfeited !== undefined)
    return end.forfeited.by === setup.party ? new Set(channel.sent.keys()) : none
  // Signed on the last agreed lines (CL-20); after lost data by the operator's judgement alone (CL-30).
  if (end.lines === undefined) return lost && channel.sent.size > 0 ? undefined : none
  const line = end.lines[setup.party]
  const nonce = Number(line.nonce)
  if (nonce === 0) return none
  if (isKnown(channel, line)) return ancestry(channel, [nonce])
  // What an older line holds was decided when that one was; only later ones are surely not in it.
  return [...channel.sent.keys()].every((open) => open > nonce) ? none : undefined
}

/** The line as it is known here; a nonce names one content for ever (LN-10), unless data was lost. */
function isKnown({ core, sent }: Channel, line: NamedLine): boolean {
  const nonce = Number(line.nonce)
  const { agreed, live } = core.out
  const marked = core.closing === undefined ? [] : [core.closing.out, ...core.closing.live]
  const own = [agreed, ...live, ...marked].find((one) => one.nonce === nonce)
  return own === undefined ? !core.lost && sent.has(nonce) : toHex(own.contentHash) === line.hash
}

/** The open lines whose operations the lines of these nonces contain, themselves included. */
function ancestry({ sent }: Channel, nonces: readonly number[]): ReadonlySet<number> {
  const found = new Set<number>()
  for (const from of nonces) {
    let line = sent.get(from)
    while (line !== undefined && !found.has(line.nonce)) {
      found.add(line.nonce)
      line = sent.get(line.base)
    }
  }
  return found
}

function payLine(rt: Runtime, group: Group, channel: Channel, nonce: number): void {
  const line = channel.sent.get(nonce)
  if (line === undefined) return
  channel.sent.delete(nonce)
  const { payments, amount } = line
  if (payments.length === 0) return
  channel.sentCount += payments.length
  rt.book.sentTotal += payments.length
  countPayments(group, channel, 'outgoing', 'accepted', payments.length, amount)
  group.effects.push(() => {
    for (const payment of payments) {
      rt.book.open.delete(payment.reference)
      advance(payment, 'accepted')
    }
  })
}

function voidRows(group: Group, channel: Channel, { payments, amount }: SentLine): void {
  if (payments.length === 0) return
  for (const payment of payments) putPayment(group, channel, payment, 'void')
  countPayments(group, channel, 'outgoing', 'refused', payments.length, amount)
}
