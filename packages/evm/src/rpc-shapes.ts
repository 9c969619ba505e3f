/** The few JSON shapes of the Ethereum execution API that are read here, checked by hand. */

import type { Hex } from 'viem'
import { garbage } from './rpc-errors.ts'

export function shape(method: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw garbage(method, 'not an object')
  return value as Record<string, unknown>
}

/** A `0x` number of at most 32 bytes. */
export function quantity(method: string, value: unknown): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) throw garbage(method, 'not a number')
  return BigInt(value)
}

export function isBytes(value: unknown): value is Hex {
  return typeof value === 'string' && /^0x(?:[0-9a-fA-F]{2})*$/.test(value)
}

/** Lower case, as every node writes hashes. */
export function isHash(value: unknown): value is Hex {
  return typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value)
}

export function isAddress20(value: unknown): value is Hex {
  return typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value)
}
