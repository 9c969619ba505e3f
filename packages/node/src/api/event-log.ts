/**
 * The newest events with ids that a listener can resume from: `<start of the log>-<number>`.
 *
 * Readers pull, so a slow one costs nothing: it is told to read the state again when it fell out of the log. The log
 * listens to the engine only while somebody reads, and for a while after the last reader left, so that it can come back.
 */
import { randomBytes } from 'node:crypto'
import type { NodeEvent as WireEvent } from '@tallystick/client/schema'
import type { NodeEvent, NodeService } from '../engine/service.ts'
import { RequestError } from './problem.ts'

export interface LoggedEvent {
  readonly id: string
  readonly event: NodeEvent | Extract<WireEvent, { type: 'reset' }>
}

export interface EventReader {
  /** The next event; undefined when nothing happened for `quietMs`. */
  next(quietMs: number): Promise<LoggedEvent | undefined>
  close(): void
}

export interface EventLog {
  /** @throws {RequestError} when the id is malformed, or too many read at once. */
  read(lastEventId: string | undefined): EventReader
  close(): void
}

export interface EventLogOptions {
  readonly capacity?: number
  readonly maxReaders?: number
  /** How long the log goes on without readers. */
  readonly lingerMs?: number
}

type Reset = 'restarted' | 'too-old' | 'too-slow'

export function createEventLog(
  service: Pick<NodeService, 'subscribe'>,
  options: EventLogOptions = {},
): EventLog {
  const { capacity = 5000, maxReaders = 64, lingerMs = 60_000 } = options
  const events: NodeEvent[] = []
  let run = ''
  let firstNumber = 1
  let readers = 0
  let unsubscribe: (() => void) | undefined
  let linger: NodeJS.Timeout | undefined
  let wake: Set<() => void> = new Set()

  const nextNumber = () => firstNumber + events.length

  function listen(): void {
    clearTimeout(linger)
    if (unsubscribe !== undefined) return
    run = randomBytes(8).toString('hex')
    unsubscribe = service.subscribe((event) => {
      events.push(event)
      if (events.length > capacity) {
        events.shift()
        firstNumber++
      }
      const waiting = wake
      wake = new Set()
      for (const resolve of waiting) resolve()
    })
  }

  function stop(): void {
    clearTimeout(linger)
    unsubscribe?.()
    unsubscribe = undefined
    events.length = 0
    firstNumber = 1
  }

  function happened(quietMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        wake.delete(done)
        resolve()
      }
      const timer = setTimeout(done, quietMs)
      wake.add(done)
    })
  }

  function startAt(last: EventId | undefined): { number: number; reset: Reset | undefined } {
    if (last === undefined) return { number: nextNumber(), reset: undefined }
    if (last.run !== run || last.number >= nextNumber()) return { number: nextNumber(), reset: 'restarted' }
    if (last.number + 1 < firstNumber) return { number: nextNumber(), reset: 'too-old' }
    return { number: last.number + 1, reset: undefined }
  }

  return {
    read(lastEventId) {
      if (readers >= maxReaders)
        throw new RequestError('OVERLOADED', { detail: 'Too many listeners for events.' })
      const last = lastEventId === undefined ? undefined : parseEventId(lastEventId)
      listen()
      let { number, reset } = startAt(last)
      readers++
      let closed = false
      const take = (): LoggedEvent | undefined => {
        if (number < firstNumber) {
          number = nextNumber()
          reset = 'too-slow'
        }
        if (reset !== undefined) {
          const event = { type: 'reset', atMs: Date.now(), reason: reset } as const
          reset = undefined
          return { id: `${run}-${number - 1}`, event }
        }
        const event = events[number - firstNumber]
        return event === undefined ? undefined : { id: `${run}-${number++}`, event }
      }
      return {
        async next(quietMs) {
          const ready = take()
          if (ready !== undefined) return ready
          await happened(quietMs)
          return take()
        },
        close() {
          if (closed) return
          closed = true
          readers--
          if (readers === 0) linger = setTimeout(stop, lingerMs).unref()
        },
      }
    },
    close: stop,
  }
}

interface EventId {
  readonly run: string
  readonly number: number
}

function parseEventId(text: string): EventId {
  const [, run, number] = /^([0-9a-f]{16})-([0-9]{1,15})$/.exec(text) ?? []
  if (run !== undefined && number !== undefined) return { run, number: Number(number) }
  throw new RequestError('INVALID_REQUEST', {
    field: 'Last-Event-ID',
    detail: 'It is not an id of this API.',
  })
}
