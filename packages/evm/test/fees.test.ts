import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FeeCaps, marketFees, replacementFees } from '../src/fees.ts'

const wei = fc.bigInt({ min: 0n, max: 10n ** 13n })
const caps: fc.Arbitrary<FeeCaps> = fc.record({
  maxFeePerGas: fc.bigInt({ min: 1n, max: 10n ** 13n }),
  maxPriorityFeePerGas: fc.bigInt({ min: 1n, max: 10n ** 12n }),
})

test('no fee is ever above the caps, and the priority fee never above the whole', () => {
  fc.assert(
    fc.property(wei, wei, caps, (base, tip, limit) => {
      const fees = marketFees(base, tip, limit)
      expect(fees.maxFeePerGas).toBeLessThanOrEqual(limit.maxFeePerGas)
      expect(fees.maxPriorityFeePerGas).toBeLessThanOrEqual(limit.maxPriorityFeePerGas)
      expect(fees.maxPriorityFeePerGas).toBeLessThanOrEqual(fees.maxFeePerGas)
    }),
  )
})

test('a replacement is an eighth above in both, at the market, within the caps, or not made', () => {
  fc.assert(
    fc.property(wei, wei, wei, wei, caps, (base, tip, laterBase, laterTip, limit) => {
      const first = marketFees(base, tip, limit)
      const market = marketFees(laterBase, laterTip, limit)
      const second = replacementFees(first, market, limit)
      if (second === undefined) {
        const isPriorityAtCap = first.maxPriorityFeePerGas * 9n > limit.maxPriorityFeePerGas * 8n - 9n
        const isFeeAtCap = first.maxFeePerGas * 9n > limit.maxFeePerGas * 8n - 9n
        expect(isPriorityAtCap || isFeeAtCap).toBe(true)
        return
      }
      expect(second.maxFeePerGas * 8n).toBeGreaterThanOrEqual(first.maxFeePerGas * 9n)
      expect(second.maxPriorityFeePerGas * 8n).toBeGreaterThanOrEqual(first.maxPriorityFeePerGas * 9n)
      expect(second.maxFeePerGas).toBeGreaterThanOrEqual(market.maxFeePerGas)
      expect(second.maxFeePerGas).toBeLessThanOrEqual(limit.maxFeePerGas)
      expect(second.maxPriorityFeePerGas).toBeLessThanOrEqual(limit.maxPriorityFeePerGas)
    }),
  )
})
