import type { Hex } from '../../src/engine/service.ts'

/** How a payment is named: 24 bytes of the run, 8 bytes of the number. */
export function numbered(prefix: Hex, number: number): Hex {
  return `0x${prefix.slice(2, 50)}${number.toString(16).padStart(16, '0')}`
}
