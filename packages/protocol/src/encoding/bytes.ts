/** Bytes and hexadecimal text. Inside the core everything is bytes; hexadecimal is for the chain port and for people. */

export type Hex = `0x${string}`

export const ZERO32 = new Uint8Array(32)

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case, `0x` first. */
export function toHex(bytes: Uint8Array): Hex {
  let text = ''
  for (const byte of bytes) text += DIGITS[byte]
  return `0x${text}`
}

/**
 * Reads `0x` hexadecimal of an even number of digits, of exactly `length` bytes where it is given; undefined for anything
 * else. Upper-case digits are allowed.
 */
export function fromHex(text: string, length?: number): Uint8Array | undefined {
  if (!/^0x(?:[0-9a-fA-F]{2})*$/.test(text)) return undefined
  const bytes = new Uint8Array((text.length - 2) / 2)
  if (length !== undefined && bytes.length !== length) return undefined
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = Number.parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16)
  return bytes
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}

/** Negative, zero or positive, as unsigned big-endian numbers of equal length. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}

/** The bytes of ASCII text (type names, tags). */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i)
  return bytes
}
