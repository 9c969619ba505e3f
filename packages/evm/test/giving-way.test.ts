import fc from 'fast-check'
import { expect, test } from 'vitest'
import { givesWay } from '../src/submit/giving-way.ts'

const PRICE = 10n
const blocked = (kind: 'fund' | 'challenge', cost: bigint) => ({ kind, cost })
const answer = { kind: 'challenge', cost: 50n } as const
const canWait = { kind: 'approve', cost: 50n } as const

test('a deposit that cannot be paid for at all gives way to whatever can', () => {
  expect(givesWay(blocked('fund', 500n), [canWait], 100n, PRICE)).toBe(true)
  expect(givesWay(blocked('fund', 500n), [answer], 100n, PRICE)).toBe(true)
})

test('an answer that cannot be paid for at all gives way to an answer, and not to what can wait', () => {
  expect(givesWay(blocked('challenge', 500n), [answer], 100n, PRICE)).toBe(true)
  expect(givesWay(blocked('challenge', 500n), [canWait, canWait], 100n, PRICE)).toBe(false)
})

test('what may still be included as it is gives way only if it can wait, and only to an answer', () => {
  expect(givesWay(blocked('fund', 100n), [answer], 100n, PRICE)).toBe(true)
  expect(givesWay(blocked('fund', 100n), [canWait], 100n, PRICE)).toBe(false)
  expect(givesWay(blocked('challenge', 100n), [answer], 100n, PRICE)).toBe(false)
})

test('nothing is given up when that helps nobody: the balance does not pay for the price and one more', () => {
  const kind = fc.constantFrom('fund', 'approve', 'settle', 'challenge', 'withdraw')
  const sum = fc.bigInt({ min: 0n, max: 1_000n })
  const waiting = fc.record({ kind, cost: sum })
  fc.assert(
    fc.property(waiting, fc.array(waiting), sum, sum, (first, behind, balance, price) => {
      if (!givesWay(first, behind, balance, price)) return
      expect(behind.some(({ cost }) => cost + price <= balance)).toBe(true)
    }),
  )
})
