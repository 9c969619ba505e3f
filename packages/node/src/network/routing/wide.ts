/** Columns of exact 128-bit integers in typed arrays: sixteen bytes each instead of a heap object. */

export interface WideColumn {
  words: BigUint64Array
}

export function wideColumn(length: number): WideColumn {
  return { words: new BigUint64Array(2 * length) }
}

/** @param value -2^127 to 2^127 - 1 for {@link signedAt}, 0 to 2^128 - 1 for {@link unsignedAt}. */
export function putWide(column: WideColumn, index: number, value: bigint): void {
  column.words[2 * index] = BigInt.asUintN(64, value)
  column.words[2 * index + 1] = BigInt.asUintN(64, value >> 64n)
}

export function unsignedAt(column: WideColumn, index: number): bigint {
  return ((column.words[2 * index + 1] ?? 0n) << 64n) | (column.words[2 * index] ?? 0n)
}

export function signedAt(column: WideColumn, index: number): bigint {
  return BigInt.asIntN(128, unsignedAt(column, index))
}

export function growWide(column: WideColumn, length: number): void {
  const grown = new BigUint64Array(2 * length)
  grown.set(column.words)
  column.words = grown
}
