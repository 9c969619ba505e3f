/**
 * What is remembered of one submission, and its text in the journal. Written before the transaction is released, so that
 * after a crash the same signed bytes are sent again instead of a second transaction.
 */

import {
  type ChainCall,
  ChainError,
  type ChainErrorConsequence,
  type SubmissionJournal,
  type SubmissionResult,
} from '@tallystick/protocol'
import type { Hex } from 'viem'

/** One signed transaction; all attempts of a submission share its nonce, so at most one of them is ever included. */
export interface Attempt {
  readonly hash: Hex
  readonly raw: Hex
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

export type Outcome =
  | { readonly kind: 'done'; readonly result: SubmissionResult }
  | {
      readonly kind: 'reverted'
      readonly message: string
      readonly field: string
      readonly remedy: string
      readonly consequence: ChainErrorConsequence
      readonly contractError: { readonly name: string; readonly args: readonly unknown[] } | undefined
    }

export interface SubmissionRecord {
  readonly key: string
  readonly kind: ChainCall['kind']
  /** keccak256 of receiver, value and data: what the key stands for. */
  readonly callDigest: Hex
  readonly to: Hex
  readonly data: Hex
  /** Wei. */
  readonly value: bigint
  readonly gas: bigint
  readonly nonce: number
  /** Oldest first; never empty. */
  readonly attempts: readonly Attempt[]
  readonly outcome: Outcome | undefined
}

const VERSION = 1

export function encodeRecord(record: SubmissionRecord): string {
  return JSON.stringify({ version: VERSION, record }, (_, value) =>
    typeof value === 'bigint' ? { $bigint: value.toString() } : value,
  )
}

/** @throws ChainError `invalid_argument` for a text that `encodeRecord` did not write. */
export function decodeRecord(key: string, text: string): SubmissionRecord {
  const parsed = parse(text) as { version?: unknown; record?: SubmissionRecord } | undefined
  if (parsed?.version !== VERSION || parsed.record?.key !== key || !isComplete(parsed.record)) {
    throw new ChainError('invalid_argument', `the journal's record of submission ${key} cannot be read`, {
      field: 'journal',
      remedy:
        'Restore the database from before it was changed, or use the version of the program that wrote it.',
      consequence: 'final',
    })
  }
  return parsed.record
}

/** Forgets everything when the process ends: for tests and tools that do not restart. */
export function createMemoryJournal(): SubmissionJournal {
  const records = new Map<string, string>()
  return {
    load: async () => [...records].map(([key, record]) => ({ key, record })),
    save: async (key, record) => {
      records.set(key, record)
    },
  }
}

export function outcomeError(outcome: Extract<Outcome, { kind: 'reverted' }>): ChainError {
  const { message, field, remedy, consequence, contractError } = outcome
  return new ChainError('reverted', message, {
    field,
    remedy,
    consequence,
    ...(contractError === undefined ? {} : { contractError }),
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text, (_, value) => {
      const digits = (value as { $bigint?: unknown } | null)?.$bigint
      return typeof digits === 'string' ? BigInt(digits) : value
    })
  } catch {
    return undefined
  }
}

function isComplete(record: SubmissionRecord): boolean {
  return (
    Number.isSafeInteger(record.nonce) &&
    typeof record.gas === 'bigint' &&
    typeof record.value === 'bigint' &&
    Array.isArray(record.attempts) &&
    record.attempts.length > 0 &&
    record.attempts.every(({ hash, raw }) => typeof hash === 'string' && typeof raw === 'string')
  )
}
