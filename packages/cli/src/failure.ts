/**
 * What `tally` can end with. A failure carries everything its reader needs (which field, what is
 * wrong, what to do), and its kind decides the exit code, so scripts need not parse text.
 */

import { ApiError } from '@tallystick/client'

/** Documented in `tally --help`; scripts rely on them, so a number never changes its meaning. */
export const exitCodes = {
  ok: 0,
  refused: 1,
  usage: 2,
  unreachable: 3,
  notReady: 4,
  checkFailed: 5,
  internal: 70,
  interrupted: 130,
} as const

export type FailureKind = Exclude<keyof typeof exitCodes, 'ok'>

export const exitCodeMeanings: ReadonlyArray<readonly [FailureKind | 'ok', string]> = [
  ['ok', 'done'],
  ['refused', 'refused by the node, the peer or the chain; the message says whether anything changed'],
  ['usage', 'the command line or the configuration is wrong; nothing was tried'],
  ['unreachable', 'the node, the peer or the chain cannot be reached, or did not answer in time'],
  ['notReady', 'the data directory is missing, already taken, or does not open with this passphrase'],
  ['checkFailed', 'doctor or demo found something that does not agree'],
  ['internal', 'a defect in tally; please report it'],
  ['interrupted', 'stopped by a signal'],
]

export type FailureDetail = {
  /** Stable machine-readable name, kebab-case. */
  readonly code: string
  readonly message: string
  /** The argument, option, file or configuration field that is wrong. */
  readonly field?: string | undefined
  /** What the reader can do about it. */
  readonly remedy: string
  /** What a script needs in order to go on safely, for example the reference of a payment under way. */
  readonly facts?: { readonly [name: string]: string } | undefined
}

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly kind: FailureKind
  readonly detail: FailureDetail

  constructor(kind: FailureKind, detail: FailureDetail, cause?: unknown) {
    super(detail.message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.detail = detail
  }
}

export function usage(field: string, message: string, remedy: string, code = 'bad-argument'): Failure {
  return new Failure('usage', { code, field, message, remedy })
}

/** Turns whatever was thrown into a Failure. An unknown throw is a defect, and is reported as one. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  if (thrown instanceof ApiError) {
    const { code, field, remedy } = thrown
    return new Failure(kindOfApiError(thrown), { code, field, message: thrown.message, remedy }, thrown)
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new Failure(
    'internal',
    {
      code: 'internal',
      message: `unexpected: ${message}`,
      remedy: 'Run the command again with TALLY_DEBUG=1 and report the output.',
    },
    thrown,
  )
}

const unreachableCodes = new Set([
  'UNREACHABLE',
  'BAD_ANSWER',
  'CHAIN_UNREACHABLE',
  'PEER_OFFLINE',
  'TIMED_OUT',
  'OUTCOME_UNKNOWN',
  'STOPPED',
])

function kindOfApiError({ code, status }: ApiError): FailureKind {
  if (unreachableCodes.has(code)) return 'unreachable'
  if (code === 'UNAUTHORISED') return 'notReady'
  if (code === 'INVALID_REQUEST' || status === 400) return 'usage'
  return code === 'INTERNAL' ? 'internal' : 'refused'
}
