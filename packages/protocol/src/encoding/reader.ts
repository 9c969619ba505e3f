/**
 * Reading and writing packed big-endian bytes: the protocol's own hand-packed encodings (operations, keys, stored state).
 * A reader never throws on bad bytes: it goes on with zeros and remembers the first fault, which the caller asks for once
 * at the end. So a decoder is straight-line code, and nothing can read beyond its bytes.
 */

const EMPTY = new Uint8Array(0)

export interface Reader {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number
  /** What is wrong and where: set once. */
  fault: { readonly field: string; readonly detail: string } | undefined
}

export function reader(bytes: Uint8Array): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { bytes, view, at: 0, fault: undefined }
}

export function fail(from: Reader, field: string, detail: string): void {
  from.fault ??= { field, detail }
}

/** True when `count` bytes are there; else notes the fault. */
function have(from: Reader, count: number, field: string): boolean {
  if (from.fault !== undefined) return false
  if (from.bytes.length - from.at >= count) return true
  fail(from, field, 'truncated')
  return false
}

export function readU8(from: Reader, field: string): number {
  if (!have(from, 1, field)) return 0
  const value = from.view.getUint8(from.at)
  from.at += 1
  return value
}

export function readU16(from: Reader, field: string): number {
  if (!have(from, 2, field)) return 0
  const value = from.view.getUint16(from.at)
  from.at += 2
  return value
}

export function readU32(from: Reader, field: string): number {
  if (!have(from, 4, field)) return 0
  const value = from.view.getUint32(from.at)
  from.at += 4
  return value
}

/** A uint64 that must be a safe integer. */
export function readU64(from: Reader, field: string): number {
  if (!have(from, 8, field)) return 0
  const value = from.view.getUint32(from.at) * 0x1_0000_0000 + from.view.getUint32(from.at + 4)
  from.at += 8
  if (value <= Number.MAX_SAFE_INTEGER) return value
  fail(from, field, 'above 2^53 - 1')
  return 0
}

export function readU128(from: Reader, field: string): bigint {
  if (!have(from, 16, field)) return 0n
  const value = (from.view.getBigUint64(from.at) << 64n) | from.view.getBigUint64(from.at + 8)
  from.at += 16
  return value
}

/** 0 or 1; anything else is a fault. */
export function readFlag(from: Reader, field: string): boolean {
  const value = readU8(from, field)
  if (value > 1) fail(from, field, 'neither 0 nor 1')
  return value === 1
}

/** A window on the reader's own bytes: copy it when it outlives them. */
export function readBytes(from: Reader, count: number, field: string): Uint8Array {
  if (!have(from, count, field)) return EMPTY
  const value = from.bytes.subarray(from.at, from.at + count)
  from.at += count
  return value
}

/** Notes a fault when bytes are left over. */
export function readEnd(from: Reader, field: string): void {
  if (from.fault === undefined && from.at !== from.bytes.length) fail(from, field, 'trailing bytes')
}

export interface Writer {
  bytes: Uint8Array
  view: DataView
  at: number
}

export function writer(capacity: number): Writer {
  const bytes = new Uint8Array(capacity)
  return { bytes, view: new DataView(bytes.buffer), at: 0 }
}

/** Makes room for `count` more bytes and returns where they go. */
function room(to: Writer, count: number): number {
  const at = to.at
  const needed = at + count
  if (needed > to.bytes.length) {
    const grown = new Uint8Array(Math.max(needed, to.bytes.length * 2))
    grown.set(to.bytes.subarray(0, at))
    to.bytes = grown
    to.view = new DataView(grown.buffer)
  }
  to.at = needed
  return at
}

export function writeU8(to: Writer, value: number): void {
  const at = room(to, 1)
  to.view.setUint8(at, value)
}

/** @throws RangeError above 65,535: a length that wrapped would be read as another state. */
export function writeU16(to: Writer, value: number): void {
  if (value > 0xffff) throw new RangeError(`${value} does not fit 16 bits`)
  const at = room(to, 2)
  to.view.setUint16(at, value)
}

export function writeU32(to: Writer, value: number): void {
  const at = room(to, 4)
  to.view.setUint32(at, value)
}

/** A non-negative safe integer. */
export function writeU64(to: Writer, value: number): void {
  const at = room(to, 8)
  const high = Math.floor(value / 0x1_0000_0000)
  to.view.setUint32(at, high)
  to.view.setUint32(at + 4, value - high * 0x1_0000_0000)
}

export function writeU128(to: Writer, value: bigint): void {
  const at = room(to, 16)
  to.view.setBigUint64(at, value >> 64n)
  to.view.setBigUint64(at + 8, value & 0xffffffffffffffffn)
}

export function writeBytes(to: Writer, value: Uint8Array): void {
  const at = room(to, value.length)
  to.bytes.set(value, at)
}

/** What was written; a window, not a copy. */
export function written(to: Writer): Uint8Array {
  return to.bytes.subarray(0, to.at)
}
