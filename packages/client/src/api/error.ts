/** The one error of the API client. */
import type { Problem } from '../schema/index.ts'

/**
 * A request that did not succeed. `code` is the node's (its OpenAPI document lists them), or one of the client's own:
 * `UNREACHABLE` (no answer: whether the node acted is unknown; payments may be repeated with the same reference),
 * `BAD_ANSWER` (an answer that is not this API's), `INVALID_REQUEST` (refused here, nothing was sent).
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: string
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly field: string | undefined
  readonly detail: string | undefined
  readonly remedy: string

  constructor(problem: Omit<Problem, 'type'>, options?: ErrorOptions) {
    const where = problem.field === undefined ? '' : `${problem.field}: `
    super(`${where}${problem.title}${problem.detail === undefined ? '' : ` ${problem.detail}`}`, options)
    this.code = problem.code
    this.status = problem.status
    this.field = problem.field
    this.detail = problem.detail
    this.remedy = problem.remedy
  }
}

export function unreachable(baseUrl: string, cause: unknown): ApiError {
  const detail = describe(cause)
  return new ApiError(
    {
      title: `The node at ${baseUrl} does not answer.`,
      status: 0,
      code: 'UNREACHABLE',
      detail,
      remedy: 'Start the node, or correct the address; a payment may be repeated with the same reference.',
    },
    { cause },
  )
}

export function badAnswer(status: number, detail: string, cause?: unknown): ApiError {
  return new ApiError(
    {
      title: "The answer is not of this node's API.",
      status,
      code: 'BAD_ANSWER',
      detail,
      remedy:
        'Check that the address is that of a tallystick node, and that client and node are of one version.',
    },
    cause === undefined ? undefined : { cause },
  )
}

export function invalidRequest(field: string, detail: string, cause: unknown): ApiError {
  return new ApiError(
    {
      title: 'The request does not have the expected form.',
      status: 0,
      code: 'INVALID_REQUEST',
      field,
      detail,
      remedy: 'Correct the named field; nothing was sent.',
    },
    { cause },
  )
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const inner = cause.cause
  return inner instanceof Error && inner.message !== '' ? `${cause.message}: ${inner.message}` : cause.message
}
