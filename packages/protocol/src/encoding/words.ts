/**
 * The 32-byte words of Solidity's `abi.encode`, written in place into a preallocated buffer: big-endian, numbers padded on
 * the left. No hexadecimal strings and no intermediate arrays, because every line passes through here twice.
 */

const WORD = 32
const U64 = 0xffffffffffffffffn

/** A buffer of `count` words with the view that the writers below need. */
export interface Words {
  readonly bytes: Uint8Array
  readonly view: DataView
}

export function words(count: number): Words {
  const bytes = new Uint8Array(count * WORD)
  return { bytes, view: new DataView(bytes.buffer) }
}

/** `value` is 32 bytes. */
export function putBytes32(to: Words, index: number, value: Uint8Array): void {
  to.bytes.set(value, index * WORD)
}

/** `value` is 20 bytes. */
export function putAddress(to: Words, index: number, value: Uint8Array): void {
  to.bytes.set(value, index * WORD + 12)
}

/** A non-negative safe integer: `uint8` to `uint64`. */
export function putUint(to: Words, index: number, value: number): void {
  const at = index * WORD + 24
  const high = Math.floor(value / 0x1_0000_0000)
  to.view.setUint32(at, high)
  to.view.setUint32(at + 4, value - high * 0x1_0000_0000)
}

/** 0 to 2^128 - 1. */
export function putUint128(to: Words, index: number, value: bigint): void {
  const at = index * WORD + 16
  to.view.setBigUint64(at, value >> 64n)
  to.view.setBigUint64(at + 8, value & U64)
}

/** Any `uint256`, and any `int256` in two's complement. */
export function putBig(to: Words, index: number, value: bigint): void {
  const at = index * WORD
  const word = BigInt.asUintN(256, value)
  to.view.setBigUint64(at, word >> 192n)
  to.view.setBigUint64(at + 8, (word >> 128n) & U64)
  to.view.setBigUint64(at + 16, (word >> 64n) & U64)
  to.view.setBigUint64(at + 24, word & U64)
}
