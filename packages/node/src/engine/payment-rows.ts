/** Payments as the store and the listeners are told of them. */

import type { PendingPayment } from './payment-book.ts'
import type { Channel, Group } from './runtime.ts'
import type { PaymentDirection, PaymentState } from './service.ts'

export function putPayment(
  group: Group,
  channel: Channel,
  payment: PendingPayment,
  state: 'live' | 'void',
): void {
  group.changes.push({
    type: 'payment.put',
    row: {
      sequence: payment.sequence,
      direction: 'outgoing',
      reference: payment.referenceBytes,
      channelId: channel.idBytes,
      amount: payment.amount,
      state,
      nonce: payment.nonce,
      index: payment.index,
      atMs: payment.atMs,
    },
  })
}

/** Adds to what the group tells listeners: totals, not single payments. */
export function countPayments(
  group: Group,
  channel: Channel,
  direction: PaymentDirection,
  state: PaymentState,
  added: number,
  amount: bigint,
): void {
  const key = `${channel.id}/${direction}/${state}`
  const total = group.totals.get(key)
  if (total === undefined) {
    group.totals.set(key, { channel, direction, state, count: added, amount })
    return
  }
  total.count += added
  total.amount += amount
}
