/** The text of an invoice: what a person or a camera gets wrong is named (docs/spec/invoice.md IV-21 to IV-24, IV-40). */

import { readFileSync } from 'node:fs'
import { bech32, bech32m } from '@scure/base'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeInvoice,
  formatInvoice,
  INVOICE_FAULTS,
  MAX_INVOICE_CHARACTERS,
  parseInvoice,
} from '../../src/index.ts'
import { anyTerms, crypto, fullTerms, issued, terms } from './sample.ts'

const text = formatInvoice(issued(terms()))
const long = formatInvoice(issued(fullTerms()))
const START = 'tally1'.length
const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

function fault(wrong: string) {
  const result = parseInvoice(crypto, wrong)
  if (result.ok) throw new Error(`it was taken: ${wrong}`)
  expect(result.remedy).toBe(INVOICE_FAULTS[result.code])
  for (const at of result.positions) expect(at).toBeLessThan(wrong.length)
  return result
}

/** The text with another character of the alphabet at `at`. */
function substituted(of: string, at: number, by = 1): string {
  const other = ALPHABET[(ALPHABET.indexOf(of.charAt(at)) + by) % 32] ?? ''
  return of.slice(0, at) + other + of.slice(at + 1)
}

describe('a wrong character', () => {
  test('IV-40: anywhere in a text of this length is found, and named', () => {
    for (const of of [text, long.slice(0)])
      for (let at = START; at < of.length; at += 1) {
        const found = fault(substituted(of, at, 1 + (at % 31)))
        expect(found.code).toBe('checksum-wrong')
        expect(found.positions).toContain(at)
        if (of.length < 1023) expect(found.positions).toEqual([at])
      }
  })

  test('IV-40: two neighbours swapped are found', () => {
    for (let at = START; at + 1 < text.length; at += 1) {
      if (text.charAt(at) === text.charAt(at + 1)) continue
      const swapped = text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2)
      expect(fault(swapped)).toMatchObject({ code: 'checksum-wrong', positions: [at, at + 1] })
    }
  })

  test('IV-40: several are refused without a guess at where, or with a wrong one, but never taken', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: START, max: text.length - 1 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 31 }),
        (places, by) => {
          let wrong = text
          for (const at of places) wrong = substituted(wrong, at, by)
          expect(['checksum-wrong', 'truncated']).toContain(fault(wrong).code)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('characters that no invoice has are named by place and shape', () => {
    const wrong = `${text.slice(0, 20)}b ${text.slice(22, 30)}І${text.slice(31)}`
    expect(fault(wrong)).toMatchObject({ code: 'character-invalid', positions: [21, 30] })
    expect(fault(`${text.slice(0, 20)}b${text.slice(21)}`)).toMatchObject({
      code: 'character-invalid',
      detail: 'character 21 (b)',
      positions: [20],
    })
    expect(fault(` ${text}`).detail).toBe('character 1 (a space)')
    expect(fault(text.replace('k', '\u212a')).code).toBe('character-invalid')
    expect(fault(`${text}\n`)).toMatchObject({
      code: 'character-invalid',
      detail: expect.stringContaining('U+000A'),
    })
  })

  test('mixed case names the first that differs', () => {
    const at = [...text].findIndex((character, i) => i > 100 && /[a-z]/.test(character))
    const mixed = text.slice(0, at) + text.charAt(at).toUpperCase() + text.slice(at + 1)
    expect(fault(mixed)).toMatchObject({ code: 'case-mixed', positions: [at] })
    expect(fault(`TALLY1${text.slice(START)}`)).toMatchObject({ code: 'case-mixed', positions: [6] })
  })
})

describe('the whole', () => {
  test('IV-40: a text that was cut is said to be cut, wherever', () => {
    for (let length = 1; length < text.length; length += 1)
      expect(fault(text.slice(0, length)).code, `cut at ${length}`).toBe('truncated')
  })

  test('other things are told apart', () => {
    expect(fault('')).toMatchObject({ code: 'prefix-wrong', detail: 'it is empty' })
    expect(fault('lnbc1pvjluezpp5qqqsyq')).toMatchObject({
      code: 'prefix-wrong',
      detail: 'it begins like an invoice of the Lightning network',
    })
    expect(fault(`tally:${text}`).detail).toBe('it is a URI: leave the tally: away')
    expect(fault('0x1234').detail).toBe('it begins with 0x1234')
    expect(fault('tallyho')).toMatchObject({ code: 'prefix-wrong' })
    expect(fault('q'.repeat(MAX_INVOICE_CHARACTERS + 1)).code).toBe('too-long')
  })

  test('IV-21: the older bech32 is refused as that', () => {
    const words = bech32m.decode(text as `${string}1${string}`, false).words
    expect(fault(bech32.encode('tally', words, false))).toMatchObject({
      code: 'checksum-wrong',
      detail: 'it is bech32, not bech32m',
    })
  })

  test('IV-21: another prefix with a good checksum is refused', () => {
    const words = bech32m.decode(text as `${string}1${string}`, false).words
    for (const prefix of ['tall', 'tallyx', 'tally1', 'tb'])
      expect(['prefix-wrong', 'character-invalid', 'checksum-wrong']).toContain(
        fault(bech32m.encode(prefix, words, false)).code,
      )
  })

  test('IV-16, IV-21: one text only: neither padding bits nor a word more', () => {
    fc.assert(
      fc.property(anyTerms, fc.integer({ min: 1, max: 31 }), (some, bits) => {
        const words = bech32m.toWords(encodeInvoice(issued(some)))
        const free = words.length * 5 - encodeInvoice(issued(some)).length * 8
        for (const longer of [
          [...words, 0],
          [...words, bits],
          [...words.slice(0, -1), (words.at(-1) ?? 0) | (bits & ((1 << free) - 1))],
        ]) {
          const result = parseInvoice(crypto, bech32m.encode('tally', longer, false))
          if (longer.length === words.length && longer.at(-1) === words.at(-1)) continue
          expect(result).toMatchObject({ ok: false, code: 'not-canonical' })
        }
      }),
      { numRuns: 60 },
    )
  })

  test('IV-40: nothing throws, and what is taken is the one text', () => {
    const alike = fc
      .string({ unit: fc.constantFrom(...ALPHABET, 'b', '1', ' ', 'Q', ':'), maxLength: 500 })
      .map((rest) => `tally1${rest}`)
    const checked = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => bech32m.encode('tally', bech32m.toWords(Uint8Array.of(1, ...bytes)), false))
    const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), alike, checked)
    fc.assert(
      fc.property(anything, (some) => {
        const result = parseInvoice(crypto, some)
        if (result.ok) expect(formatInvoice(result.signed)).toBe(some.toLowerCase())
        else expect(INVOICE_FAULTS[result.code]).toBe(result.remedy)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('vectors/invoices.json', () => {
  const vectors: {
    valid: { text: string }[]
    invalid: { name: string; text: string; code: string; field: string }[]
  } = JSON.parse(readFileSync(new URL('../../../../vectors/invoices.json', import.meta.url), 'utf8'))

  test.each(vectors.valid)('$name is read, and written as it was', ({ text: valid }) => {
    const result = parseInvoice(crypto, valid)
    if (!result.ok) throw new Error(`${result.code} ${result.field}: ${result.detail}`)
    expect(formatInvoice(result.signed)).toBe(valid)
  })

  test.each(vectors.invalid)('$name is refused: $code', ({ text: invalid, code, field }) => {
    expect(parseInvoice(crypto, invalid)).toMatchObject({ ok: false, code, field })
  })
})
