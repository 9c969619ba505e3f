/**
 * One GET of JSON from a host that a stranger may have chosen: bounded in time and size, no redirect followed, no cookie
 * and no referrer sent.
 */
import type { z } from 'zod'
import { Problem } from '../schema/problem.ts'
import { AddressError } from './error.ts'

export interface AddressRequestOptions {
  /** Does the requests; `globalThis.fetch` where nothing else is wanted. */
  readonly fetch: typeof fetch
  /** For one request, body included; default 10,000. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 65_536
const MAX_SHOWN = 200

/** @throws {AddressError} for every failure */
export async function getJson<S extends z.ZodType>(
  url: URL,
  answer: S,
  options: AddressRequestOptions,
): Promise<z.output<S>> {
  const { status, text } = await get(url, options)
  if (status === 404)
    throw new AddressError(
      'name-unknown',
      'address',
      `${url.host} knows no such name.`,
      'Check the name and the host.',
    )
  if (status !== 200) throw refused(url, status, text)
  const parsed = answer.safeParse(parseJson(url, text))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw malformed(url, issue?.path.join('.') ?? '', issue?.message ?? 'malformed', parsed.error)
}

async function get(url: URL, options: AddressRequestOptions): Promise<{ status: number; text: string }> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout])
  try {
    const response = await options.fetch(url, {
      redirect: 'manual',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      headers: { accept: 'application/json, application/problem+json' },
      signal,
    })
    if (isRedirect(response)) {
      await response.body?.cancel()
      throw new AddressError(
        'redirected',
        'url',
        `${url.host} sends to another place.`,
        'Give the address at the host that answers itself.',
      )
    }
    return { status: response.status, text: await readText(url, response) }
  } catch (cause) {
    if (cause instanceof AddressError) throw cause
    throw failed(url, options.signal?.aborted === true, cause)
  }
}

function isRedirect(response: Response): boolean {
  const { status, type, redirected } = response
  return redirected || type === 'opaqueredirect' || (status >= 300 && status < 400)
}

async function readText(url: URL, response: Response): Promise<string> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    bytes += value.length
    if (bytes > MAX_ANSWER_BYTES) {
      await reader.cancel()
      throw new AddressError(
        'too-large',
        'url',
        `${url.host} answers with more than ${MAX_ANSWER_BYTES} bytes.`,
        'Tell the owner of the address: no such answer is that long.',
      )
    }
    text += decoder.decode(value, { stream: true })
  }
  return text + decoder.decode()
}

function parseJson(url: URL, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed(url, '', 'not JSON', cause)
  }
}

function malformed(url: URL, field: string, detail: string, cause: unknown): AddressError {
  return new AddressError(
    'answer-malformed',
    field === '' ? 'answer' : field,
    `${url.host} answers with something else than expected: ${shown(detail)}.`,
    'Tell the owner of the address, or check that the host has such addresses.',
    cause,
  )
}

function refused(url: URL, status: number, text: string): AddressError {
  const problem = Problem.safeParse(jsonOrNothing(text))
  const said = problem.success ? `: ${shown(problem.data.detail ?? problem.data.title)}` : ''
  return new AddressError(
    'answer-refused',
    problem.success ? shown(problem.data.field ?? 'answer') : 'answer',
    `${url.host} refuses with status ${status}${said}`,
    problem.success ? shown(problem.data.remedy) : 'Ask again later, or tell the owner of the address.',
  )
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failed(url: URL, aborted: boolean, cause: unknown): AddressError {
  if (aborted) return new AddressError('aborted', 'signal', 'The question was given up.', 'Ask again.', cause)
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const why = inner instanceof Error ? inner.message : String(inner)
  return new AddressError(
    'unreachable',
    'url',
    `${url.host} does not answer: ${shown(why)}.`,
    'Check the host, its certificate and the connection; ask again later.',
    cause,
  )
}

/** Words of a stranger, for people: short, and without what a terminal would act on. */
function shown(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
  return plain.length > MAX_SHOWN ? `${plain.slice(0, MAX_SHOWN)}...` : plain
}
