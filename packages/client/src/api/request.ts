/** One request to the node: encode, send, decode; every failure is an {@link ApiError}. */
import { z } from 'zod'
import { Problem } from '../schema/index.ts'
import { ApiError, badAnswer, invalidRequest, unreachable } from './error.ts'

export interface Connection {
  /** The node's API, for example `http://127.0.0.1:9780`; without the version path. */
  readonly baseUrl: string
  /** The bearer token, from the file `api.token` in the node's directory. */
  readonly token: string
  /** Replaces the runtime's `fetch`. */
  readonly fetch?: typeof fetch
}

export interface CallOptions {
  readonly signal?: AbortSignal
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly query?: object
  readonly body?: object
  readonly idempotencyKey?: string | undefined
  /** How long the node itself may wait before it answers. */
  readonly waitMs?: number
  readonly signal?: AbortSignal | undefined
  /** A stream: no time limit. */
  readonly endless?: boolean
}

/** What an answer may take beyond the time the node was asked to wait. */
const ANSWER_MS = 30_000
const LONGEST_ANSWER_BYTES = 64 * 1024 * 1024

/**
 * Sends one call and decodes its answer.
 * @throws {ApiError} for every failure, an aborted signal included (`UNREACHABLE`).
 */
export async function request<S extends z.ZodType>(
  on: Connection,
  call: Call,
  answer: S,
): Promise<z.output<S>> {
  const response = await send(on, call)
  const text = await readText(on, response)
  const json = parseJson(response.status, text)
  if (!response.ok) throw problemOf(response.status, json)
  const parsed = answer.safeParse(json)
  if (!parsed.success) throw badAnswer(response.status, z.prettifyError(parsed.error), parsed.error)
  return parsed.data
}

export async function send(on: Connection, call: Call): Promise<Response> {
  const url = address(on.baseUrl, call.path)
  for (const [name, value] of Object.entries(call.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value))
  const signals = call.endless === true ? [] : [AbortSignal.timeout((call.waitMs ?? 0) + ANSWER_MS)]
  if (call.signal !== undefined) signals.push(call.signal)
  const init: RequestInit = {
    method: call.method,
    headers: {
      authorization: `Bearer ${on.token}`,
      accept: 'application/json, application/problem+json',
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
    },
    redirect: 'error',
    signal: AbortSignal.any(signals),
  }
  if (call.body !== undefined) init.body = JSON.stringify(call.body)
  try {
    return await (on.fetch ?? fetch)(url, init)
  } catch (cause) {
    throw unreachable(on.baseUrl, cause)
  }
}

function address(baseUrl: string, path: string): URL {
  try {
    return new URL(path.replace(/^\//, ''), baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
  } catch (cause) {
    throw invalidRequest('baseUrl', `${baseUrl} is not a URL.`, cause)
  }
}

/** Encodes what the caller gave with the request's schema. @throws {ApiError} `INVALID_REQUEST` naming the field. */
export function encode<S extends z.ZodType>(schema: S, value: z.output<S>): z.input<S> {
  const encoded = z.safeEncode(schema, value)
  if (encoded.success) return encoded.data
  const issue = encoded.error.issues[0]
  throw invalidRequest(issue?.path.join('.') ?? '', issue?.message ?? 'malformed', encoded.error)
}

export async function throwProblem(on: Connection, response: Response): Promise<never> {
  throw problemOf(response.status, parseJson(response.status, await readText(on, response)))
}

function problemOf(status: number, json: unknown): ApiError {
  const problem = Problem.safeParse(json)
  return problem.success
    ? new ApiError(problem.data)
    : badAnswer(status, `HTTP status ${status}`, problem.error)
}

function parseJson(status: number, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw badAnswer(status, `HTTP status ${status}, not JSON`, cause)
  }
}

async function readText(on: Connection, response: Response): Promise<string> {
  const length = Number(response.headers.get('content-length') ?? 0)
  if (length > LONGEST_ANSWER_BYTES) throw badAnswer(response.status, `an answer of ${length} bytes`)
  try {
    return await response.text()
  } catch (cause) {
    throw unreachable(on.baseUrl, cause)
  }
}
