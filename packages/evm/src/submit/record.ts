/**
 * What is remembered of one submission, and its text in the journal. Written before the transaction is released, so that
 * after a crash the same signed bytes are sent again instead of a second transaction.
 */

import {
  type ChainCall,
  ChainError,
  type ChainErrorCode,
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

interface Failure {
  readonly message: string
  readonly field: string
  readonly remedy: string
  readonly consequence: ChainErrorConsequence
  readonly contractError: { readonly name: string; readonly args: readonly unknown[] } | undefined
}

export type FailedOutcome =
  /** It was included and did nothing. */
  | ({ readonly kind: 'reverted' } & Failure)
  /** Another transaction has its nonce, so it never happens: it was given up, or could not be sent with another nonce. */
  | ({ readonly kind: 'refused'; readonly code: ChainErrorCode } & Failure)

export type Outcome = { readonly kind: 'done'; readonly result: SubmissionResult } | FailedOutcome

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
  /**
   * Empty transactions to the account itself with the same nonce, oldest first: once there is one, the intention is given
   * up, unless one of the attempts is included all the same.
   */
  readonly cancellations?: readonly Attempt[]
  readonly outcome: Outcome | undefined
}

/** 2 added cancellations and the outcome `refused`; a program that knows only 1 would send again what was given up. */
const VERSION = 2
const READABLE: ReadonlySet<unknown> = new Set([1, VERSION])

export function encodeRecord(record: SubmissionRecord): string {
  return JSON.stringify({ version: VERSION, record }, (_, value) =>
    typeof value === 'bigint' ? { $bigint: value.toString() } : value,
  )
}

/** @throws ChainError `invalid_argument` for a text that `encodeRecord` did not write. */
export function decodeRecord(key: string, text: string): SubmissionRecord {
  const parsed = parse(text) as { version?: unknown; record?: SubmissionRecord } | undefined
  if (!READABLE.has(parsed?.version) || parsed?.record?.key !== key || !isComplete(parsed.record)) {
    throw new ChainError('invalid_argument', `the journal's record of submission ${key} cannot be read`, {
      field: 'journal',
      remedy:
        'Restore the database from before it was changed, or use the version of the program that wrote it.',
      consequence: 'final',
    })
  }
  return parsed.record
}

/** All transactions signed for it, the one that stands for its nonce now last: an attempt, or a cancellation. */
export function signedOf({ attempts, cancellations = [] }: SubmissionRecord): readonly Attempt[] {
  return [...attempts, ...cancellations]
}

export function isGivenUp({ cancellations = [] }: SubmissionRecord): boolean {
  return cancellations.length > 0
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

export function refusedOutcome(error: ChainError): FailedOutcome {
  const { code, message, field, remedy, consequence, contractError } = error
  return { kind: 'refused', code, message, field, remedy, consequence, contractError }
}

export function outcomeError(outcome: FailedOutcome): ChainError {
  const { message, field, remedy, consequence, contractError } = outcome
  return new ChainError(outcome.kind === 'refused' ? outcome.code : 'reverted', message, {
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
    areAttempts(record.attempts) &&
    record.attempts.length > 0 &&
    areAttempts(record.cancellations ?? [])
  )
}

function areAttempts(attempts: unknown): boolean {
  return (
    Array.isArray(attempts) &&
    attempts.every(({ hash, raw }) => typeof hash === 'string' && typeof raw === 'string')
  )
}
