/** Arithmetic of amounts. */

export function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a
  return b
}

export function greater(a: bigint, b: bigint): bigint {
  if (a > b) return a
  return b
}

/** Of non-negative values, rounded up. */
export function ceilDiv(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by
}
