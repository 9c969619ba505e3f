/**
 * The node's events as an async iterator: reads server-sent events (WHATWG HTML, section 9.2), and after a lost
 * connection goes on from the last id it saw, so that nothing is missed or seen twice while the node keeps its log.
 */
import { NodeEvent } from '../schema/index.ts'
import { ApiError, badAnswer } from './error.ts'
import type { CallOptions, Connection } from './request.ts'
import { send, throwProblem } from './request.ts'

export interface EventOptions extends CallOptions {
  /** Go on after this event; without it, from now. */
  readonly lastEventId?: string
  /** End with an error instead of connecting again when the connection is lost. Default: connect again. */
  readonly once?: boolean
  /** Called each time the stream is established: events from here on are not missed. */
  readonly onOpen?: () => void
}

export interface ReceivedEvent {
  /** For {@link EventOptions.lastEventId}. */
  readonly id: string
  readonly event: NodeEvent
}

const LONGEST_EVENT_CHARACTERS = 1024 * 1024
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 10_000

/** Yields events until `signal` is aborted (then it returns) or the node refuses (then it throws an ApiError). */
export async function* events(
  on: Connection,
  options: EventOptions = {},
): AsyncGenerator<ReceivedEvent, void> {
  let lastId = options.lastEventId
  let retryMs = FIRST_RETRY_MS
  const ended = () => options.signal?.aborted === true
  while (!ended()) {
    try {
      for await (const message of readStream(on, lastId, options)) {
        retryMs = FIRST_RETRY_MS
        lastId = message.id
        yield message
      }
      if (options.once === true) return
    } catch (error) {
      if (ended()) return
      const lost = error instanceof ApiError && error.code === 'UNREACHABLE'
      if (!lost || options.once === true) throw error
    }
    await pause(retryMs, options.signal)
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
  }
}

async function* readStream(
  on: Connection,
  lastId: string | undefined,
  options: EventOptions,
): AsyncGenerator<ReceivedEvent, void> {
  const aborted = new AbortController()
  const stop = () => aborted.abort()
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const response = await send(on, {
      method: 'GET',
      path: '/v1/events',
      query: { lastEventId: lastId },
      signal: aborted.signal,
      endless: true,
    })
    if (!response.ok) await throwProblem(on, response)
    if (response.body === null) throw badAnswer(response.status, 'an event stream without a body')
    options.onOpen?.()
    yield* parseEvents(response.body)
  } finally {
    options.signal?.removeEventListener('abort', stop)
    aborted.abort()
  }
}

/** Splits a byte stream into events. A cut stream simply ends; an incomplete last event is dropped, as the standard says. */
async function* parseEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ReceivedEvent, void> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  for (;;) {
    const chunk = await readChunk(reader)
    if (chunk === undefined) return
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const message = parseEvent(text.slice(0, end))
      text = text.slice(end + 2)
      if (message !== undefined) yield message
    }
    if (text.length > LONGEST_EVENT_CHARACTERS) throw badAnswer(200, 'an event that does not end')
  }
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return (await reader.read()).value
  } catch {
    return undefined
  }
}

function parseEvent(block: string): ReceivedEvent | undefined {
  let id = ''
  const data: string[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith('id:')) id = line.slice(3).trimStart()
    else if (line.startsWith('data:')) data.push(line.slice(5).trimStart())
  }
  if (data.length === 0) return undefined
  try {
    return { id, event: NodeEvent.parse(JSON.parse(data.join('\n'))) }
  } catch (cause) {
    throw badAnswer(200, 'an event of unknown form', cause)
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', done, { once: true })
  })
}
