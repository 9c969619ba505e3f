/**
 * Operations of a line: what one update does, in order (LN-3), and their canonical binary encoding (EN-80), which is at
 * once the leaf of the memo tree, the form on the wire and the form in the store. Every operation has one encoding, so
 * the same bytes always mean the same and the other way round.
 */

import { MAX_AMOUNT, MAX_OPERATION_BYTES, MAX_OPERATIONS, MAX_PAYLOAD } from '../constants.ts'
import {
  type Reader,
  readBytes,
  reader,
  readU8,
  readU16,
  readU64,
  readU128,
  type Writer,
  writeBytes,
  writer,
  writeU8,
  writeU16,
  writeU64,
  writeU128,
  written,
} from '../encoding/reader.ts'
import { type Refusal, refusal } from '../refusal.ts'

export interface Pay {
  readonly type: 'pay'
  /** Base units, 1 to 2^128 - 1. */
  readonly amount: bigint
  /** 32 bytes, chosen by the payer or given by the payee. */
  readonly reference: Uint8Array
}

export interface LockOperation {
  readonly type: 'lock'
  /** 0 to 511. */
  readonly slot: number
  readonly amount: bigint
  /** 32 bytes: the condition id (EN-21). */
  readonly condition: Uint8Array
  /** Unix seconds, good on that second. */
  readonly expiry: number
  /** At most MAX_PAYLOAD bytes for the receiver (an invoice, an onion); the core does not look inside. */
  readonly payload: Uint8Array
}

export interface Unlock {
  readonly type: 'unlock'
  readonly slot: number
  /** The encoded key that met the condition (locks/key.ts), for the receiver to use onward; may be empty. */
  readonly key: Uint8Array
}

export interface Drop {
  readonly type: 'drop'
  readonly slot: number
  /** 0 to 65535; 0: expired. The core gives no meaning to others. */
  readonly reason: number
}

export type Operation = Pay | LockOperation | Unlock | Drop

/** Operations with their encoding; `ends[i]` is where operation `i` ends in `bytes`. */
export interface EncodedOperations {
  readonly operations: readonly Operation[]
  readonly bytes: Uint8Array
  readonly ends: readonly number[]
}

export const NO_OPERATIONS: EncodedOperations = { operations: [], bytes: new Uint8Array(0), ends: [] }

const PAY = 1
const LOCK = 2
const UNLOCK = 3
const DROP = 4
const MAX_KEY_BYTES = 65_535

/** Refuses what has no encoding: amounts, lengths and numbers out of range, too many operations. */
export function encodeOperations(operations: readonly Operation[]): EncodedOperations | Refusal {
  if (operations.length === 0) return NO_OPERATIONS
  if (operations.length > MAX_OPERATIONS)
    return refusal('operations-too-many', 'operations', `at most ${MAX_OPERATIONS}`)
  const to = writer(operations.length * 49)
  const ends: number[] = []
  for (const [index, operation] of operations.entries()) {
    const wrong = encodeOne(to, operation, index)
    if (wrong !== undefined) return wrong
    ends.push(to.at)
  }
  if (to.at > MAX_OPERATION_BYTES)
    return refusal('operations-too-many', 'operations', `at most ${MAX_OPERATION_BYTES} bytes`)
  return { operations, bytes: written(to), ends }
}

/**
 * Strict: exactly `count` operations, every field in range, nothing left over. The operations' byte fields are windows on
 * `bytes`.
 */
export function decodeOperations(bytes: Uint8Array, count: number): EncodedOperations | Refusal {
  if (count > MAX_OPERATIONS || bytes.length > MAX_OPERATION_BYTES)
    return refusal('operations-too-many', 'operations', `at most ${MAX_OPERATIONS}`)
  const from = reader(bytes)
  const operations: Operation[] = []
  const ends: number[] = []
  for (let index = 0; index < count; index += 1) {
    const operation = decodeOne(from)
    if (from.fault !== undefined)
      return refusal('operations-malformed', `operations[${index}].${from.fault.field}`, from.fault.detail)
    if (operation === undefined)
      return refusal('operations-malformed', `operations[${index}].tag`, 'unknown operation')
    const wrong = outOfRange(operation, index)
    if (wrong !== undefined) return wrong
    operations.push(operation)
    ends.push(from.at)
  }
  if (from.at !== bytes.length) return refusal('operations-malformed', 'operations', 'trailing bytes')
  return { operations, bytes, ends }
}

function encodeOne(to: Writer, operation: Operation, index: number): Refusal | undefined {
  const wrong = outOfRange(operation, index)
  if (wrong !== undefined) return wrong
  switch (operation.type) {
    case 'pay':
      writeU8(to, PAY)
      writeU128(to, operation.amount)
      writeBytes(to, operation.reference)
      return undefined
    case 'lock':
      writeU8(to, LOCK)
      writeU16(to, operation.slot)
      writeU128(to, operation.amount)
      writeBytes(to, operation.condition)
      writeU64(to, operation.expiry)
      writeU16(to, operation.payload.length)
      writeBytes(to, operation.payload)
      return undefined
    case 'unlock':
      writeU8(to, UNLOCK)
      writeU16(to, operation.slot)
      writeU16(to, operation.key.length)
      writeBytes(to, operation.key)
      return undefined
    case 'drop':
      writeU8(to, DROP)
      writeU16(to, operation.slot)
      writeU16(to, operation.reason)
      return undefined
  }
}

function decodeOne(from: Reader): Operation | undefined {
  switch (readU8(from, 'tag')) {
    case PAY:
      return { type: 'pay', amount: readU128(from, 'amount'), reference: readBytes(from, 32, 'reference') }
    case LOCK:
      return {
        type: 'lock',
        slot: readU16(from, 'slot'),
        amount: readU128(from, 'amount'),
        condition: readBytes(from, 32, 'condition'),
        expiry: readU64(from, 'expiry'),
        payload: readBytes(from, readU16(from, 'payload'), 'payload'),
      }
    case UNLOCK:
      return {
        type: 'unlock',
        slot: readU16(from, 'slot'),
        key: readBytes(from, readU16(from, 'key'), 'key'),
      }
    case DROP:
      return { type: 'drop', slot: readU16(from, 'slot'), reason: readU16(from, 'reason') }
    default:
      return undefined
  }
}

function outOfRange(operation: Operation, index: number): Refusal | undefined {
  const field = (name: string) => `operations[${index}].${name}`
  if (operation.type === 'pay' || operation.type === 'lock') {
    const { amount } = operation
    if (typeof amount !== 'bigint' || amount <= 0n || amount > MAX_AMOUNT)
      return refusal('amount-invalid', field('amount'))
  }
  switch (operation.type) {
    case 'pay':
      return operation.reference.length === 32
        ? undefined
        : refusal('operations-malformed', field('reference'), 'not 32 bytes')
    case 'lock':
      if (!isUint(operation.slot, 511)) return refusal('slot-range', field('slot'))
      if (operation.condition.length !== 32)
        return refusal('operations-malformed', field('condition'), 'not 32 bytes')
      if (!isUint(operation.expiry, Number.MAX_SAFE_INTEGER))
        return refusal('operations-malformed', field('expiry'), 'not a unix time in seconds')
      return operation.payload.length > MAX_PAYLOAD
        ? refusal('payload-too-long', field('payload'))
        : undefined
    case 'unlock':
      if (!isUint(operation.slot, 511)) return refusal('slot-range', field('slot'))
      return operation.key.length > MAX_KEY_BYTES
        ? refusal('operations-malformed', field('key'), 'too long')
        : undefined
    case 'drop':
      if (!isUint(operation.slot, 511)) return refusal('slot-range', field('slot'))
      return isUint(operation.reason, 65_535)
        ? undefined
        : refusal('operations-malformed', field('reason'), 'not a uint16')
  }
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}
