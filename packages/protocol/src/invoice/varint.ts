/**
 * Numbers of few bytes: unsigned LEB128 in its shortest form, signed ones by zigzag (IV-12). One number, one encoding.
 * Source: DWARF 5, section 7.6 (LEB128); the shortest form is our rule.
 */

import { fail, type Reader, readU8, type Writer, writeU8 } from '../encoding/reader.ts'

/** `value` is not negative. */
export function writeVarint(to: Writer, value: bigint): void {
  let rest = value
  while (rest >= 0x80n) {
    writeU8(to, Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  writeU8(to, Number(rest))
}

/** A number up to `max`; a longer than the shortest form is a fault. */
export function readVarint(from: Reader, max: bigint, field: string): bigint {
  let value = 0n
  for (let shift = 0n; ; shift += 7n) {
    const byte = readU8(from, field)
    if (from.fault !== undefined) return 0n
    value |= BigInt(byte & 0x7f) << shift
    if (value > max) {
      fail(from, field, `above ${max}`)
      return 0n
    }
    if (byte >= 0x80) continue
    if (byte === 0 && shift > 0n) fail(from, field, NOT_SHORTEST)
    return value
  }
}

export const NOT_SHORTEST = 'not in its shortest form'

/** `readVarint` for numbers that are safe integers. */
export function readSafeVarint(from: Reader, max: number, field: string): number {
  return Number(readVarint(from, BigInt(max), field))
}

export function writeSigned(to: Writer, value: bigint): void {
  writeVarint(to, value < 0n ? -2n * value - 1n : 2n * value)
}

/** A number from `-limit` to `limit`. */
export function readSigned(from: Reader, limit: bigint, field: string): bigint {
  const folded = readVarint(from, 2n * limit, field)
  return folded & 1n ? -((folded + 1n) >> 1n) : folded >> 1n
}
