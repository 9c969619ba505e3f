/** Fee arithmetic: RT-10 to RT-14. */

import { type FeePolicy, MAX_FEE_PPM } from '@tallystick/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  amountInto,
  approximateFee,
  feeOf,
  forwardFault,
  policyFault,
} from '../../../src/network/routing/fee.ts'

const open = { minAmount: 0n, maxAmount: (1n << 128n) - 1n, disabled: false }

const amounts = fc.oneof(fc.bigInt(1n, 100_000n), fc.bigInt(1n, 1n << 126n))
const policies = fc.record({
  feeBase: fc.oneof(fc.bigInt(-1_000n, 1_000n), fc.bigInt(-(1n << 125n), 1n << 125n)),
  feePpm: fc.oneof(
    fc.integer({ min: -1_000, max: 1_000 }),
    fc.integer({ min: -MAX_FEE_PPM, max: MAX_FEE_PPM }),
  ),
})

describe('RT-10: one rounding, towards positive infinity', () => {
  test.each([
    [0n, 1, 1n, 1n],
    [0n, 1, 1_000_000n, 1n],
    [0n, 1, 1_000_001n, 2n],
    [0n, -1, 1n, 0n],
    [0n, -1, 999_999n, 0n],
    [0n, -1, 1_000_000n, -1n],
    [0n, -1, 1_999_999n, -1n],
    [5n, 0, 7n, 5n],
    [-5n, 0, 7n, -5n],
    [-5n, 2_500, 1_000n, -2n],
    [3n, -2_500, 1_000n, 1n],
    [0n, 1_000_000, 123n, 123n],
    [0n, -1_000_000, 123n, -123n],
  ])('base %d, ppm %d, amount %d: fee %d', (feeBase, feePpm, amount, fee) => {
    expect(feeOf({ feeBase, feePpm }, amount)).toBe(fee)
  })

  test('is the least whole number not below the exact fee', () => {
    fc.assert(
      fc.property(policies, amounts, (policy, amount) => {
        const millionths = (feeOf(policy, amount) - policy.feeBase) * 1_000_000n
        const exact = amount * BigInt(policy.feePpm)
        expect(millionths >= exact && millionths - exact < 1_000_000n).toBe(true)
      }),
    )
  })

  test('in float64 it is the same wherever float64 holds the product, and near it elsewhere', () => {
    fc.assert(
      fc.property(policies, amounts, ({ feeBase, feePpm }, amount) => {
        const exact = feeOf({ feeBase, feePpm }, amount)
        const near = approximateFee(Number(feeBase), feePpm, Number(amount))
        const product = amount * BigInt(feePpm)
        const held = [product, exact, feeBase].every((value) => value < 1n << 53n && value > -(1n << 53n))
        if (held) expect(near).toBe(Number(exact))
        else
          expect(Math.abs(near - Number(exact))).toBeLessThanOrEqual(
            (Number(amount) + Math.abs(Number(feeBase))) * 2 ** -48,
          )
      }),
    )
  })
})

describe('RT-13: amounts in', () => {
  test('never fall when the amount out grows', () => {
    fc.assert(
      fc.property(policies, amounts, fc.bigInt(0n, 1n << 100n), (policy, amount, more) => {
        const [less, greater] = [amountInto(policy, amount), amountInto(policy, amount + more)]
        if (less !== undefined) expect(greater !== undefined && greater >= less).toBe(true)
      }),
    )
  })

  test('are at least one unit, or there is no such lock', () => {
    expect(amountInto({ feeBase: -4n, feePpm: 0 }, 5n)).toBe(1n)
    expect(amountInto({ feeBase: -5n, feePpm: 0 }, 5n)).toBeUndefined()
    expect(amountInto({ feeBase: 0n, feePpm: -1_000_000 }, 5n)).toBeUndefined()
    expect(amountInto({ feeBase: 2n, feePpm: -1_000_000 }, 5n)).toBe(2n)
  })
})

describe('RT-14: what a forwarder carries', () => {
  test('exactly what the payer computed, and not a unit less', () => {
    fc.assert(
      fc.property(policies, amounts, (terms, amount) => {
        const policy: FeePolicy = { ...open, ...terms }
        const amountIn = amountInto(policy, amount)
        if (amountIn === undefined) return
        expect(forwardFault(policy, amountIn, amount)).toBeUndefined()
        expect(forwardFault(policy, amountIn + 1n, amount)).toBeUndefined()
        expect(forwardFault(policy, amountIn - 1n, amount)).toEqual({
          code: 'fee-low',
          fee: feeOf(policy, amount),
        })
      }),
    )
  })

  test('nothing when disabled, and nothing outside its amounts', () => {
    const policy = { ...open, feeBase: 0n, feePpm: 0, minAmount: 10n, maxAmount: 20n }
    expect(forwardFault(policy, 10n, 10n)).toBeUndefined()
    expect(forwardFault(policy, 20n, 20n)).toBeUndefined()
    expect(forwardFault(policy, 100n, 9n)).toEqual({ code: 'amount-low', minAmount: 10n })
    expect(forwardFault(policy, 100n, 21n)).toEqual({ code: 'amount-high', maxAmount: 20n })
    expect(forwardFault({ ...policy, disabled: true }, 10n, 10n)).toEqual({ code: 'disabled' })
    expect(forwardFault({ ...policy, minAmount: 0n }, 5n, 0n)?.code).toBe('amount-low')
    expect(forwardFault({ ...policy, feeBase: -9n }, 0n, 10n)).toEqual({ code: 'fee-low', fee: -9n })
    expect(forwardFault({ ...policy, feeBase: -10n }, 0n, 10n)?.code).toBe('fee-low')
  })
})

describe('RT-11: policies that no graph takes', () => {
  const good: FeePolicy = { ...open, feeBase: 0n, feePpm: 0 }
  test.each([
    [{}, undefined],
    [{ feeBase: (1n << 126n) - 1n }, undefined],
    [{ feeBase: 1n << 126n }, 'feeBase'],
    [{ feeBase: -(1n << 126n) }, 'feeBase'],
    [{ feePpm: 1_000_001 }, 'feePpm'],
    [{ feePpm: -1_000_001 }, 'feePpm'],
    [{ feePpm: 0.5 }, 'feePpm'],
    [{ feePpm: Number.NaN }, 'feePpm'],
    [{ minAmount: -1n }, 'minAmount'],
    [{ minAmount: 5n, maxAmount: 4n }, 'maxAmount'],
    [{ maxAmount: 1n << 128n }, 'maxAmount'],
  ])('%o: %s', (change, field) => {
    expect(policyFault({ ...good, ...change })).toBe(field)
  })
})
