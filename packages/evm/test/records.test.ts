import type { ChainEventData, ClosingRecord, SettlementRecord } from '@tallystick/protocol'
import fc from 'fast-check'
import { type Hex, zeroHash } from 'viem'
import { expect, test } from 'vitest'
import {
  closingCommitment,
  foldEvent,
  foldLocks,
  NO_CONTENT,
  NO_HISTORY,
  settlementCommitment,
} from '../src/index.ts'

const channelId: Hex = `0x${'c1'.repeat(32)}`
const closing: ClosingRecord = {
  party: 1,
  blind: false,
  closedAt: 1n,
  endsAt: 2n,
  statedOut: 3n,
  outNonce: 3n,
  outHash: zeroHash,
  inNonce: 4n,
  inHash: zeroHash,
  base: [5n, -6n],
  held: 7n,
  paidToPeer: 8n,
}

const settlement: SettlementRecord = {
  owed: [0n, -20n],
  held: 80n,
  locked: [60n, 40n],
  locksRoot: [zeroHash, zeroHash],
  releaseAfter: [1n, 2n],
  claimed: [
    [0n, 0n],
    [0n, 0n],
  ],
}

const balance = ({ owed, locked }: SettlementRecord) => owed[0] + owed[1] + locked[0] + locked[1]

test('whatever is claimed and released, owed and locked together stay what is held', () => {
  const amounts = fc.tuple(fc.bigInt({ min: 0n, max: 1000n }), fc.bigInt({ min: 0n, max: 1000n }))
  const steps = fc.array(
    fc.record({
      claim: fc.boolean(),
      direction: fc.constantFrom(0 as const, 1 as const),
      part: fc.nat(1000),
    }),
    { maxLength: 10 },
  )
  fc.assert(
    fc.property(amounts, steps, (locked, all) => {
      let record: SettlementRecord = { ...settlement, locked, held: locked[0] + locked[1] - 20n }
      if (record.held < 0n) return
      for (const { claim, direction, part } of all) {
        const amount = (record.locked[direction] * BigInt(part)) / 1000n
        // clamp(due - paid, 0, held), as the bank pays (BK-51).
        const party = claim ? 1 - direction : direction
        const due = (party === 0 ? record.owed[0] : record.owed[1]) + amount
        const paid = due <= 0n ? 0n : due < record.held ? due : record.held
        const shared = { channelId, direction, amount, paid }
        const event: Parameters<typeof foldLocks>[1] = claim
          ? { name: 'LocksClaimed', ...shared, claimed: [1n, 2n] }
          : { name: 'LocksReleased', ...shared }
        record = foldLocks(record, event)
        expect(balance(record)).toBe(record.held)
        expect(record.held).toBeGreaterThanOrEqual(0n)
        if (claim) expect(record.claimed[direction]).toEqual([1n, 2n])
      }
    }),
  )
})

test('a claim is owed to the receiver of the direction, a release to its payer', () => {
  const shared = { channelId, amount: 40n, paid: 30n }
  const claimed = [7n, 0n] as const
  const claim = (direction: 0 | 1) =>
    foldLocks(settlement, { name: 'LocksClaimed', ...shared, direction, claimed })
  const release = (direction: 0 | 1) => foldLocks(settlement, { name: 'LocksReleased', ...shared, direction })
  expect(claim(0)).toMatchObject({
    owed: [0n, -10n],
    locked: [20n, 40n],
    held: 50n,
    claimed: [claimed, [0n, 0n]],
  })
  expect(claim(1)).toMatchObject({
    owed: [10n, -20n],
    locked: [60n, 0n],
    held: 50n,
    claimed: [[0n, 0n], claimed],
  })
  expect(release(0)).toMatchObject({ owed: [10n, -20n], locked: [20n, 40n], held: 50n })
  expect(release(1)).toMatchObject({ owed: [0n, -10n], locked: [60n, 0n], held: 50n })
  expect(release(1).claimed).toEqual(settlement.claimed)
})

test('contents are told by direction, and an update that opens nothing makes the stated one unknown', () => {
  const out = { ...NO_CONTENT, sent: 1n }
  const incoming = { ...NO_CONTENT, sent: 2n }
  const closed: ChainEventData = { name: 'Closed', channelId, closing, outContent: out, inContent: incoming }
  // Party 1 closed: its own direction is 1.
  const afterClose = foldEvent(NO_HISTORY, closed)
  expect(afterClose.state).toMatchObject({ kind: 'closing', contents: [incoming, out] })
  const newer = { ...closing, outNonce: 9n }
  const updated: ChainEventData = { name: 'Updated', channelId, closing: newer, content: NO_CONTENT }
  expect(foldEvent(afterClose, updated).state).toMatchObject({
    closing: newer,
    contents: [incoming, undefined],
  })
  const blind: ChainEventData = { ...closed, closing: { ...closing, blind: true } }
  const opened: ChainEventData = { ...updated, closing: { ...newer, blind: true }, content: out }
  expect(foldEvent(foldEvent(NO_HISTORY, blind), opened).state).toMatchObject({ contents: [incoming, out] })
})

test('with nothing held there is no record any more', () => {
  const settled: ChainEventData = {
    name: 'Settled',
    channelId,
    paid0: 0n,
    paid1: 0n,
    settlement: { ...settlement, held: 0n },
  }
  expect(foldEvent(NO_HISTORY, settled).state).toEqual({ kind: 'closed' })
})

test('commitments tell every field apart, and leave the two top bits to the bank', () => {
  const changes: Partial<ClosingRecord>[] = [
    { party: 0 },
    { blind: true },
    { closedAt: 9n },
    { endsAt: 9n },
    { statedOut: 9n },
    { outNonce: 9n },
    { outHash: channelId },
    { inNonce: 9n },
    { inHash: channelId },
    { base: [5n, 6n] },
    { held: 9n },
    { paidToPeer: 9n },
  ]
  expect(changes).toHaveLength(Object.keys(closing).length)
  const commitments = [closing, ...changes.map((change) => ({ ...closing, ...change }))].map(
    closingCommitment,
  )
  expect(new Set(commitments).size).toBe(commitments.length)
  for (const commitment of [...commitments, settlementCommitment(settlement)]) {
    expect(BigInt(commitment) >> 254n).toBe(0n)
    expect(commitment).toHaveLength(66)
  }
})
