import { describe, expect, it } from 'vitest'
import { maxAmount, parseAddress, parseAmount, parseEndpoint, parseWhole } from '../src/arguments.ts'
import { exitCodes, Failure } from '../src/failure.ts'

function failureOf(read: () => unknown): Failure {
  try {
    read()
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown
    throw thrown
  }
  throw new Error('was accepted')
}

describe('amounts', () => {
  it.each([
    ['1', 1n],
    ['0001', 1n],
    ['1000000', 1_000_000n],
    [maxAmount.toString(), maxAmount],
  ])('accepts %s', (text, amount) => {
    expect(parseAmount(text, 'amount')).toBe(amount)
  })

  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['0', 'zero'],
    ['000', 'zero'],
    ['-1', 'negative'],
    ['1.5', 'decimals'],
    ['1,5', 'decimals'],
    ['.5', 'decimals'],
    ['1.', 'decimals'],
    ['1e18', 'not a whole number'],
    ['0x10', 'not a whole number'],
    ['1_000', 'not a whole number'],
    ['+1', 'not a whole number'],
    [' 1', 'not a whole number'],
    ['١٢', 'not a whole number'],
    ['NaN', 'not a whole number'],
    ['Infinity', 'not a whole number'],
    ['ten', 'not a whole number'],
    [(maxAmount + 1n).toString(), 'too large'],
    ['9'.repeat(1_000_000), 'too large'],
  ])('refuses %.20s and says that it is %s', (text, reason) => {
    const failure = failureOf(() => parseAmount(text, 'deposit'))
    expect(exitCodes[failure.kind]).toBe(2)
    expect(failure.detail).toMatchObject({ code: 'bad-amount', field: 'deposit' })
    expect(failure.message).toContain(reason)
    expect(failure.message.length).toBeLessThan(200)
    expect(failure.detail.remedy).toMatch(/^Give /)
  })
})

describe('other arguments', () => {
  it('keeps whole numbers within their bounds', () => {
    expect(parseWhole('100', '--chunks', 1, 100)).toBe(100)
    for (const text of ['0', '101', '-1', '1.0', '', '9'.repeat(40)])
      expect(failureOf(() => parseWhole(text, '--chunks', 1, 100)).detail.field).toBe('--chunks')
  })

  it('reads endpoints, IPv6 in brackets', () => {
    expect(parseEndpoint('127.0.0.1:9735', '--listen')).toEqual({ host: '127.0.0.1', port: 9735 })
    expect(parseEndpoint('[::1]:0', '--listen')).toEqual({ host: '::1', port: 0 })
    for (const text of ['9735', 'host', 'host:', 'host:65536', 'a b:1', '::1:9', 'u@h:1'])
      expect(failureOf(() => parseEndpoint(text, '--listen')).detail.field).toBe('--listen')
  })

  it('reads addresses in any case, and writes them in one', () => {
    expect(parseAddress(`0x${'Ab'.repeat(20)}`, '--bank')).toBe(`0x${'ab'.repeat(20)}`)
    for (const text of ['0x', `0x${'ab'.repeat(19)}`, 'ab'.repeat(20), `0x${'zz'.repeat(20)}`])
      expect(failureOf(() => parseAddress(text, '--bank')).detail.field).toBe('--bank')
  })
})
