/** Checks of what batches of stamped-batch.ts left in a store. */
import { expect } from 'vitest'
import type { Store } from '../../src/store/index.ts'
import { channelId, OUTBOX_WINDOW, PAYMENTS_PER_BATCH, peer } from './stamped-batch.ts'

/** The last stamp stored, 0 when there is none; fails unless all batches up to it are whole and nothing is beyond. */
export async function checkStampedBatches(store: Store): Promise<number> {
  const last = numberOf(await store.getMeta('stamp'))
  if (last === 0) {
    expect(await store.listPayments({ limit: 1 })).toEqual([])
    expect(await store.listChannels({ limit: 1 })).toEqual([])
    return 0
  }
  expect(numberOf((await store.getChannel(channelId))?.bytes)).toBe(last)
  expect(numberOf((await store.getPeer(peer))?.bytes)).toBe(last)
  expect(numberOf((await store.getIntent(`intent-${last % 7}`))?.bytes)).toBe(last)
  expect(numberOf((await store.getAck({ channelId, direction: 0, nonce: last }))?.bytes)).toBe(last)
  expect(await store.getAck({ channelId, direction: 0, nonce: last + 1 })).toBeUndefined()
  expect(await store.lastPaymentSequence()).toBe(last * PAYMENTS_PER_BATCH)
  await checkUpdates(store, last)
  await checkPayments(store, last)
  const waiting = await store.listOutbox({ peer, limit: 100 })
  const oldest = last <= OUTBOX_WINDOW ? Math.min(2, last) : last - OUTBOX_WINDOW + 1
  if (last > 1) expect(waiting.map(({ sequence }) => sequence)).toEqual(range(oldest, last))
  return last
}

async function checkUpdates(store: Store, last: number): Promise<void> {
  for (let from = 1; from <= last + 1; from += 1_000) {
    const to = Math.min(from + 999, last + 1)
    const updates = await store.listUpdates({
      channelId,
      direction: 0,
      fromNonce: from,
      toNonce: to,
      limit: 1_000,
    })
    expect(updates.map(({ nonce }) => nonce)).toEqual(range(from, Math.min(to, last)))
    expect(updates.every(({ nonce, bytes }) => numberOf(bytes) === nonce)).toBe(true)
  }
}

async function checkPayments(store: Store, last: number): Promise<void> {
  let expected = last * PAYMENTS_PER_BATCH
  let before: number | undefined
  for (;;) {
    const page = await store.listPayments({ limit: 10_000, ...(before === undefined ? {} : { before }) })
    for (const { sequence, nonce, index, amount } of page) {
      if (sequence !== expected || sequence !== (nonce - 1) * PAYMENTS_PER_BATCH + index + 1) {
        expect({ sequence, nonce, index }).toEqual({ sequence: expected })
      }
      if (amount !== BigInt(nonce)) expect({ sequence, amount }).toEqual({ sequence, amount: BigInt(nonce) })
      expected--
    }
    before = page.at(-1)?.sequence
    if (before === undefined) break
  }
  expect(expected).toBe(0)
}

function numberOf(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
}
