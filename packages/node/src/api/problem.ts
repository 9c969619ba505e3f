/** Every failure of the API as RFC 9457 problem details: the engine's table, and what only HTTP knows. */
import type { Problem } from '@tallystick/client/schema'
import { HTTPException } from 'hono/http-exception'
import type { z } from 'zod'
import type { ErrorCode } from '../engine/service.ts'
import { ERRORS, ServiceError } from '../engine/service.ts'

/** What HTTP itself can get wrong. */
const HTTP_ERRORS = {
  HOST_REFUSED: {
    status: 421,
    message: 'The Host header does not name this API.',
    remedy: 'Use a loopback address, or add the name to the allowed hosts of the API in the configuration.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    message: 'This address does not take this method.',
    remedy: 'The OpenAPI document lists the methods.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    message: 'The request is larger than the node takes.',
    remedy: 'Send at most 2 MiB; split a batch.',
  },
  MEDIA_TYPE: {
    status: 415,
    message: 'The body is not declared as JSON.',
    remedy: 'Send `Content-Type: application/json`.',
  },
  IDEMPOTENCY_CONFLICT: {
    status: 422,
    message: 'This Idempotency-Key was used for another request.',
    remedy: 'Use a fresh key for a new request; repeat the same request to ask about the old one.',
  },
  OPERATION_INTERRUPTED: {
    status: 409,
    message: 'The node stopped while this ran, and cannot tell how far it came.',
    remedy:
      'What was decided before goes on by itself: look at the channel. If nothing of it is there, ask again under a fresh Idempotency-Key.',
  },
  OUTCOME_UNKNOWN: {
    status: 408,
    message: 'The joint payment has not ended in the time given; it may still be made.',
    remedy: 'Look at the channels before you ask again: asking again makes another.',
  },
  HTTP_MALFORMED: {
    status: 400,
    message: 'The request is not valid HTTP.',
    remedy: 'Use an HTTP/1.1 client.',
  },
} as const

type HttpErrorCode = keyof typeof HTTP_ERRORS
export type ProblemCode = ErrorCode | HttpErrorCode

/** A refusal made by the API before the engine is asked. */
export class RequestError extends Error {
  readonly code: ProblemCode
  readonly field: string | undefined
  readonly detail: string | undefined

  constructor(code: ProblemCode, options: { field?: string; detail?: string } = {}) {
    super(code)
    this.code = code
    this.field = options.field
    this.detail = options.detail
  }
}

export function problem(
  code: ProblemCode,
  options: { field?: string | undefined; detail?: string | undefined } = {},
): Problem {
  const entry = code in HTTP_ERRORS ? HTTP_ERRORS[code as HttpErrorCode] : ERRORS[code as ErrorCode]
  return {
    type: `urn:tallystick:problem:${code}`,
    title: entry.message,
    status: entry.status,
    code,
    ...(options.field === undefined ? {} : { field: options.field }),
    ...(options.detail === undefined ? {} : { detail: options.detail }),
    remedy: entry.remedy,
  }
}

/** The problem for whatever was thrown. What nobody foresaw is `INTERNAL`, without a word of its insides. */
export function problemOf(error: unknown): Problem {
  if (error instanceof RequestError || error instanceof ServiceError) return problem(error.code, error)
  if (error instanceof HTTPException && error.status < 500)
    return problem(error.status === 413 ? 'BODY_TOO_LARGE' : 'INVALID_REQUEST', { detail: error.message })
  return problem('INTERNAL')
}

/** The first thing wrong with an input. Issues whose message is a code of the table become that code. */
export function problemOfInput(where: string, error: z.core.$ZodError): Problem {
  const issue = error.issues[0]
  if (issue === undefined) return problem('INVALID_REQUEST')
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') path.push(issue.keys[0] ?? '')
  const field = path.length === 0 ? where : path.join('.')
  if (issue.message in ERRORS) {
    const missing = issue.code === 'invalid_type' && issue.input === undefined
    return problem(issue.message as ErrorCode, {
      field,
      ...(missing ? { detail: 'It is missing or not text.' } : {}),
    })
  }
  const detail = issue.code === 'unrecognized_keys' ? 'There is no such field.' : issue.message
  return problem('INVALID_REQUEST', { field, detail })
}
