/** Fields that every part of the stored form uses. */

import { type Reader, readBytes, readFlag, type Writer, writeU8 } from '../encoding/reader.ts'

export function readSignature(from: Reader): Uint8Array {
  return readBytes(from, 64, 'signature').slice()
}

export function writeFlag(to: Writer, value: boolean): void {
  writeU8(to, value ? 1 : 0)
}

export function writeOptional<T>(
  to: Writer,
  value: T | undefined,
  write: (to: Writer, value: T) => void,
): void {
  writeFlag(to, value !== undefined)
  if (value !== undefined) write(to, value)
}

export function readOptional<T>(from: Reader, read: (from: Reader) => T): T | undefined {
  return readFlag(from, 'optional') ? read(from) : undefined
}
