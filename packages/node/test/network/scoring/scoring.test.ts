/** Refusing to be used (RT-60 to RT-66): jammers, honest payers, newcomers and farmers, by name. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AskedLock,
  DEFAULT_SCORING,
  decodeScores,
  encodeScores,
  judgeLock,
  judgeOnward,
  leastValue,
  lifted,
  limitsOf,
  NO_LOAD,
  newScore,
  type PeerScore,
  type PendingLoad,
  placed,
  resolved,
  type ScoringPolicy,
  scoringFault,
  standing,
} from '../../../src/network/scoring/index.ts'

const NOW_MS = 1_800_000_000_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const policy: ScoringPolicy = { ...DEFAULT_SCORING, maxPendingValue: 1_000_000n, minAmount: 10n }

/** One peer, as an engine would keep it. */
interface Peer {
  score: PeerScore
  load: PendingLoad
  readonly pending: { amount: bigint; placedAtMs: number }[]
}

const newPeer = (): Peer => ({ score: newScore(NOW_MS), load: NO_LOAD, pending: [] })

function asked(amount: bigint, nowMs: number, seconds = 600): AskedLock {
  return { amount, expirySeconds: Math.floor(nowMs / 1_000) + seconds }
}

function place(peer: Peer, amount: bigint, nowMs: number): boolean {
  if (!judgeLock(policy, peer.score, peer.load, asked(amount, nowMs), nowMs).allow) return false
  peer.load = placed(policy, peer.load, amount, nowMs)
  peer.pending.push({ amount, placedAtMs: nowMs })
  return true
}

/** Resolves the oldest pending lock. */
function resolve(peer: Peer, paid: boolean, nowMs: number, feePpm = 1_000n): void {
  const lock = peer.pending.shift()
  if (lock === undefined) return
  const { amount, placedAtMs } = lock
  const fee = (amount * feePpm) / 1_000_000n
  peer.load = lifted(policy, peer.load, amount, placedAtMs)
  peer.score = resolved(policy, peer.score, { amount, fee, heldMs: nowMs - placedAtMs, paid }, nowMs)
}

/** As many locks of this amount as are allowed; answers how many. */
function fill(peer: Peer, amount: bigint, nowMs: number): number {
  let count = 0
  while (place(peer, amount, nowMs)) count += 1
  return count
}

describe('a newcomer', () => {
  test('has an eighth of the limits', () => {
    const peer = newPeer()
    expect(limitsOf(policy, peer.score, NO_LOAD, NOW_MS)).toEqual({ locks: 32, value: 125_000n })
    expect(fill(peer, 10n, NOW_MS)).toBe(32)
    expect(place(newPeer(), 125_000n, NOW_MS)).toBe(true)
    expect(place(newPeer(), 125_001n, NOW_MS)).toBe(false)
  })

  test('rises to the full limits by moving money for fees', () => {
    const peer = newPeer()
    let nowMs = NOW_MS
    for (let count = 0; count < 100; count += 1) {
      expect(place(peer, 20_000n, nowMs)).toBe(true)
      nowMs += 800
      resolve(peer, true, nowMs)
    }
    expect(limitsOf(policy, peer.score, peer.load, nowMs)).toEqual({ locks: 256, value: 1_000_000n })
  })
})

describe('Mallory, who only jams', () => {
  test('gets less every time, and in the end next to nothing', () => {
    const mallory = newPeer()
    let nowMs = NOW_MS
    const rounds: number[] = []
    const day = DAY_MS / (600 * 1_000)
    for (let round = 0; round < day; round += 1) {
      rounds.push(fill(mallory, 3_900n, nowMs))
      nowMs += 600 * 1_000
      while (mallory.pending.length > 0) resolve(mallory, false, nowMs)
    }
    for (const [index, count] of rounds.entries())
      expect(count).toBeLessThanOrEqual(rounds[index - 1] ?? count)
    expect(rounds[0]).toBe(32)
    expect(rounds[1]).toBeLessThan(16)
    expect(rounds.at(-1)).toBe(1)
    // Slots held through the day, against full limits held through it.
    const held = rounds.reduce((sum, count) => sum + count, 0) / (rounds.length * policy.maxPendingLocks)
    expect(held).toBeLessThan(0.02)
  })

  test('is throttled while locks are still pending, before any has failed', () => {
    const mallory = newPeer()
    expect(fill(mallory, 10n, NOW_MS)).toBe(32)
    for (let count = 0; count < 16; count += 1) resolve(mallory, true, NOW_MS)
    expect(fill(mallory, 10n, NOW_MS + 600_000)).toBe(0)
  })

  test('by failing at once, again and again, loses too', () => {
    const mallory = newPeer()
    const first = fill(mallory, 10n, NOW_MS)
    for (let count = 0; count < 20_000; count += 1) {
      place(mallory, 10n, NOW_MS + count)
      resolve(mallory, false, NOW_MS + count)
    }
    while (mallory.pending.length > 0) resolve(mallory, false, NOW_MS + 20_000)
    expect(fill(mallory, 10n, NOW_MS + 20_000)).toBeLessThan(first / 4)
  })

  test('RT-63: after any life of jamming, no jam ever gains', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ amount: fc.integer({ min: 10, max: 90_000 }), heldMs: fc.nat(HOUR_MS) }), {
          minLength: 1,
        }),
        (jams) => {
          let score = newScore(NOW_MS)
          let before = standing(policy, score, NO_LOAD, NOW_MS)
          for (const { amount, heldMs } of jams) {
            score = resolved(policy, score, { amount: BigInt(amount), fee: 0n, heldMs, paid: false }, NOW_MS)
            const after = standing(policy, score, NO_LOAD, NOW_MS)
            expect(after).toBeLessThan(before)
            before = after
          }
        },
      ),
    )
  })
})

const lives = fc.array(
  fc.record({
    amount: fc.integer({ min: 10, max: 1_000_000 }),
    feePpm: fc.integer({ min: -5_000, max: 50_000 }),
    heldMs: fc.nat(10 * HOUR_MS),
    paid: fc.boolean(),
    pauseMs: fc.nat(HOUR_MS),
  }),
  { maxLength: 60, size: 'max' },
)

function lived(life: typeof lives extends fc.Arbitrary<infer T> ? T : never) {
  let nowMs = NOW_MS
  let score = newScore(nowMs)
  for (const { amount, feePpm, heldMs, paid, pauseMs } of life) {
    nowMs += pauseMs
    const fee = (BigInt(amount) * BigInt(feePpm)) / 1_000_000n
    score = resolved(policy, score, { amount: BigInt(amount), fee, heldMs, paid }, nowMs)
  }
  return { score, nowMs }
}

describe('an honest payer', () => {
  test('RT-64: whatever it went through, may place a lock when none is pending', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const { score, nowMs } = lived(life)
        const lock = asked(leastValue(policy), nowMs)
        expect(judgeLock(policy, score, NO_LOAD, lock, nowMs)).toEqual({ allow: true })
        expect(judgeLock(policy, score, NO_LOAD, asked(10n, nowMs), nowMs)).toEqual({ allow: true })
      }),
    )
  })

  test('RT-64: whatever it went through, is a newcomer again in the end', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const { score, nowMs } = lived(life)
        const later = standing(policy, score, NO_LOAD, nowMs + 40 * DAY_MS)
        expect(later).toBeCloseTo(1, 3)
      }),
    )
  })

  test('whose payments sometimes fail or get stuck is better off than a newcomer', () => {
    const payer = newPeer()
    let nowMs = NOW_MS
    for (let count = 1; count <= 400; count += 1) {
      expect(place(payer, 5_000n, nowMs)).toBe(true)
      const stuck = count % 100 === 0
      nowMs += stuck ? 600_000 : 2_000
      resolve(payer, !stuck && count % 4 !== 0, nowMs)
      nowMs += 60_000
    }
    expect(standing(policy, payer.score, payer.load, nowMs)).toBeGreaterThan(1)
  })

  test('of tiny amounts that pay at once is never throttled below a newcomer', () => {
    const payer = newPeer()
    for (let count = 0; count < 5_000; count += 1) {
      expect(fill(payer, 10n, NOW_MS + count * 1_000)).toBeGreaterThanOrEqual(32)
      while (payer.pending.length > 0) resolve(payer, true, NOW_MS + count * 1_000 + 900, 0n)
    }
  })
})

describe('Felix, who pays himself through us to farm a score', () => {
  const rounds = fc.array(
    fc.record({
      amount: fc.integer({ min: 10, max: 1_000_000 }),
      feePpm: fc.integer({ min: -5_000, max: 5_000 }),
      heldMs: fc.nat(20_000),
    }),
    { maxLength: 200, size: 'max' },
  )

  test('RT-62: without fees gets to twice the newcomer at most, however much he moves', () => {
    fc.assert(
      fc.property(rounds, (farmed) => {
        let score = newScore(NOW_MS)
        for (const { amount, feePpm, heldMs } of farmed) {
          const fee = -(BigInt(amount) * BigInt(Math.abs(feePpm))) / 1_000_000n
          score = resolved(policy, score, { amount: BigInt(amount), fee, heldMs, paid: true }, NOW_MS)
        }
        expect(standing(policy, score, NO_LOAD, NOW_MS)).toBeLessThanOrEqual(2)
      }),
    )
    const { freeSeconds, startSeconds, trustedScore } = policy
    expect((startSeconds + freeSeconds) / startSeconds).toBeLessThan(trustedScore)
  })

  test('RT-62: every second of credit beyond costs its price in fees', () => {
    // The fee that moving the whole value limit once must pay buys `movedSeconds`.
    const price = (Number(policy.maxPendingValue) * policy.creditFeePpm) / 1e6 / policy.movedSeconds
    fc.assert(
      fc.property(rounds, (farmed) => {
        let score = newScore(NOW_MS)
        let fees = 0
        for (const { amount, feePpm, heldMs } of farmed) {
          const fee = (BigInt(amount) * BigInt(feePpm)) / 1_000_000n
          fees += Math.max(0, Number(fee))
          score = resolved(policy, score, { amount: BigInt(amount), fee, heldMs, paid: true }, NOW_MS)
        }
        expect(score.earned * price).toBeLessThanOrEqual(fees * (1 + 1e-9))
        expect(score.free).toBeLessThanOrEqual(policy.freeSeconds)
      }),
    )
  })

  test('and pays no more than the fee for more than the amount', () => {
    const with1000Ppm = { amount: 1_000_000n, fee: 1_000n, heldMs: 1_000, paid: true }
    const once = resolved(policy, newScore(NOW_MS), with1000Ppm, NOW_MS)
    expect(once.earned).toBeCloseTo(60, 9)
    const overpaid = resolved(policy, newScore(NOW_MS), { ...with1000Ppm, fee: 500_000n }, NOW_MS)
    expect(overpaid.earned).toBeCloseTo(60, 9)
    const cheap = resolved(policy, newScore(NOW_MS), { ...with1000Ppm, fee: 100n }, NOW_MS)
    expect(cheap).toMatchObject({ earned: 6, free: 10 })
    const anyFee = { ...policy, creditFeePpm: 0 }
    expect(resolved(anyFee, newScore(NOW_MS), { ...with1000Ppm, fee: -5n }, NOW_MS).earned).toBeCloseTo(60, 9)
  })
})

describe('RT-60: a lock is refused', () => {
  const fresh = newScore(NOW_MS)
  const now = Math.floor(NOW_MS / 1_000)

  test.each([
    [{ amount: 9n }, 'lock-too-small', 'amount'],
    [{ expirySeconds: now + policy.maxExpirySeconds + 1 }, 'lock-expiry-far', 'expirySeconds'],
    [{ expirySeconds: Number.NaN }, 'lock-expiry-far', 'expirySeconds'],
    [{ amount: 125_001n }, 'locks-too-much', 'amount'],
  ])('with %o: %s', (change, reason, field) => {
    const verdict = judgeLock(policy, fresh, NO_LOAD, { ...asked(10n, NOW_MS), ...change }, NOW_MS)
    expect(verdict).toMatchObject({ allow: false, reason, field })
    if (!verdict.allow) expect(`${verdict.detail} ${verdict.remedy}`.length).toBeGreaterThan(20)
  })

  test('when too many are pending, or too much', () => {
    let load = NO_LOAD
    for (let count = 0; count < 32; count += 1) load = placed(policy, load, 10n, NOW_MS)
    expect(judgeLock(policy, fresh, load, asked(10n, NOW_MS), NOW_MS)).toMatchObject({
      reason: 'locks-too-many',
    })
    const heavy = placed(policy, NO_LOAD, 124_991n, NOW_MS)
    expect(judgeLock(policy, fresh, heavy, asked(10n, NOW_MS), NOW_MS)).toMatchObject({
      reason: 'locks-too-much',
    })
    expect(judgeLock(policy, fresh, heavy, asked(9n, NOW_MS), NOW_MS)).toMatchObject({
      reason: 'lock-too-small',
    })
  })

  test('at the limit it is taken', () => {
    const lock = { amount: 125_000n, expirySeconds: now + policy.maxExpirySeconds }
    expect(judgeLock(policy, fresh, NO_LOAD, lock, NOW_MS)).toEqual({ allow: true })
  })
})

describe('RT-65: a direction that newcomers have half filled', () => {
  const outgoing = { locks: 128, value: 10n, maxLocks: 256, maxValue: 1_000n }
  const trusted = { ...newScore(NOW_MS), earned: 20 }

  test.each([
    ['slots', outgoing, 1n],
    ['value', { ...outgoing, locks: 1 }, 491n],
  ])('is closed to newcomers and open to the trusted (%s)', (_, load, amount) => {
    expect(judgeOnward(policy, newScore(NOW_MS), NO_LOAD, load, amount, NOW_MS)).toMatchObject({
      allow: false,
      reason: 'outgoing-crowded',
    })
    expect(judgeOnward(policy, trusted, NO_LOAD, load, amount, NOW_MS)).toEqual({ allow: true })
  })

  test('is open to newcomers below that, and to nobody when it is full', () => {
    const judge = (score: PeerScore, load: typeof outgoing) =>
      judgeOnward(policy, score, NO_LOAD, load, 490n, NOW_MS).allow
    expect(judge(newScore(NOW_MS), { ...outgoing, locks: 127 })).toBe(true)
    expect(judge(trusted, { ...outgoing, locks: 256 })).toBe(false)
    expect(judge(trusted, { ...outgoing, value: 511n })).toBe(false)
  })
})

describe('the record', () => {
  test('of pending locks comes back to nothing, whatever came and went', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            amount: fc.bigInt(1n, 1n << 100n),
            atMs: fc.integer({ min: NOW_MS, max: NOW_MS + DAY_MS }),
          }),
        ),
        fc.array(fc.nat()),
        (locks, order) => {
          let load = locks.reduce((sum, { amount, atMs }) => placed(policy, sum, amount, atMs), NO_LOAD)
          const leaving = locks
            .map((lock, index) => ({ ...lock, key: order[index] ?? 0 }))
            .sort((a, b) => a.key - b.key)
          for (const [index, { amount, atMs }] of leaving.entries()) {
            expect(load.locks).toBe(locks.length - index)
            expect(load.value).toBe(leaving.slice(index).reduce((sum, lock) => sum + lock.amount, 0n))
            load = lifted(policy, load, amount, atMs)
          }
          expect(load).toEqual(NO_LOAD)
        },
      ),
    )
  })

  test('does not change when the clock goes back', () => {
    const lock = { amount: 100n, fee: 1n, heldMs: -5_000, paid: false }
    const score = resolved(policy, newScore(NOW_MS), lock, NOW_MS - DAY_MS)
    expect(score.asOfMs).toBe(NOW_MS)
    expect(score.occupied).toBeGreaterThan(0)
    const late = placed(policy, NO_LOAD, 100n, NOW_MS + DAY_MS)
    expect(standing(policy, newScore(NOW_MS), late, NOW_MS)).toBe(1)
  })

  test('is the same after it was stored, but for what has faded', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const { score, nowMs } = lived(life)
        const scores = new Map([
          ['peer', score],
          ['new', newScore(nowMs)],
        ])
        const read = decodeScores(encodeScores(policy, scores, nowMs))
        if ('fault' in read) throw new Error(read.fault)
        expect(read.has('new')).toBe(false)
        expect(standing(policy, read.get('peer') ?? newScore(nowMs), NO_LOAD, nowMs)).toBeCloseTo(
          standing(policy, score, NO_LOAD, nowMs),
          2,
        )
      }),
    )
  })

  test.each([
    '',
    '[]',
    'null',
    '{"version":2,"scores":[]}',
    '{"version":1,"scores":{}}',
    '{"version":1,"scores":[["a",1,1,1]]}',
    '{"version":1,"scores":[["a",1,-1,1,1]]}',
    '{"version":1,"scores":[[1,1,1,1,1]]}',
  ])('that is %s is refused', (text) => {
    expect(decodeScores(new TextEncoder().encode(text))).toHaveProperty('fault')
  })

  test.each([
    [{}, undefined],
    [{ maxPendingLocks: 0 }, 'maxPendingLocks'],
    [{ maxPendingLocks: 513 }, 'maxPendingLocks'],
    [{ minAmount: 0n }, 'minAmount'],
    [{ maxPendingValue: 9n }, 'maxPendingValue'],
    [{ newcomerShare: 0 }, 'newcomerShare'],
    [{ startSeconds: Number.NaN }, 'startSeconds'],
    [{ maxExpirySeconds: 2_592_001 }, 'maxExpirySeconds'],
  ])('of a policy with %o names %s', (change, field) => {
    expect(scoringFault({ ...policy, ...change })).toBe(field)
  })
})
