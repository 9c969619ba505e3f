/** What the terminal shows is read back by a QR reader, from the characters alone. */
import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import decodeQR from 'qr/decode.js'
import { describe, expect, test } from 'vitest'
import { terminalQr } from '../src/qr.ts'

const vectors: { valid: { name: string; text: string }[] } = JSON.parse(
  readFileSync(new URL('../../../vectors/invoices.json', import.meta.url), 'utf8'),
)
const SCALE = 4

/** The picture a camera would see: each character is two modules, one above the other. */
function read(text: string, inColour: boolean): string {
  const rows = text
    .trimEnd()
    .split('\n')
    .map((line) => [...stripVTControlCharacters(line)])
  const [width, height] = [(rows[0]?.length ?? 0) * SCALE, rows.length * 2 * SCALE]
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const character = rows[Math.floor(y / SCALE / 2)]?.[Math.floor(x / SCALE)] ?? ' '
      const upper = Math.floor(y / SCALE) % 2 === 0
      const inked = character === '█' || character === (upper ? '▀' : '▄')
      data.fill(inked === inColour ? 0 : 255, 3 * (y * width + x), 3 * (y * width + x) + 3)
    }
  return decodeQR({ width, height, data })
}

describe.each([true, false])('in colour: %s', (inColour) => {
  test.each(vectors.valid)('the invoice $name is read back', ({ text }) => {
    const shown = terminalQr(`tally:${text}`, { inColour })
    expect(read(shown.text, inColour)).toBe(`TALLY:${text.toUpperCase()}`)
  })

  test('a node’s URI keeps its case and is read back', () => {
    const uri = `tally:02${'5a'.repeat(32)}@node.example:9735?token=0x${'ab'.repeat(20)}&amount=5`
    expect(read(terminalQr(uri, { inColour }).text, inColour)).toBe(uri)
  })
})

test('IV-24: the longest invoice there can be still has a code', () => {
  const longest = `tally:tally1${'q'.repeat(4284)}`
  const { columns, text } = terminalQr(longest, { inColour: false })
  expect(columns).toBe(177 + 8)
  expect(read(text, false)).toBe(longest.toUpperCase())
})

test('a usual invoice is narrower than 80 columns, and every line is as wide as said', () => {
  const [plain] = vectors.valid
  for (const inColour of [true, false]) {
    const { text, columns } = terminalQr(`tally:${plain?.text ?? ''}`, { inColour })
    expect(columns).toBeLessThan(80)
    for (const line of text.trimEnd().split('\n'))
      expect(stripVTControlCharacters(line)).toHaveLength(columns)
  }
})
