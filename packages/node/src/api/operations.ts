/**
 * Work that outlives its request: opening, topping up, withdrawing, closing.
 *
 * An operation is durable before its work starts, and with its end. An idempotency key makes a repeated request find the
 * first one's operation, also after a restart: the work under a key is started at most once. Work that a stop interrupted
 * is not started again: what the engine had decided of it goes on, and the channel shows how far it is.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Hex, Operation } from '@tallystick/client/schema'
import type { ChannelView } from '../engine/service.ts'
import type { KeptOperation, OperationJournal } from './operation-journal.ts'
import { problem, problemOf, RequestError } from './problem.ts'

const MAX_RUNNING = 1000
const MAX_ENDED = 1000

export interface OperationRequest {
  readonly kind: Operation['kind']
  readonly channelId: Hex | undefined
  readonly idempotencyKey: string | undefined
  /** What was asked, for telling a repeated request from another one with the same key. */
  readonly body: unknown
  work(): Promise<ChannelView>
}

export interface Operations {
  /**
   * Starts the work once it is durable that it was started, or finds it by its key.
   * @throws {RequestError} `IDEMPOTENCY_CONFLICT`, `OVERLOADED`, `STORE_FAILED`
   */
  start(request: OperationRequest): Promise<Operation>
  /** @throws {RequestError} `NOT_FOUND` */
  get(operationId: string): Operation
  /** Newest first. */
  list(): readonly Operation[]
  /** The operation once it has ended, or as it is after `timeoutMs`. */
  ended(operationId: string, timeoutMs: number): Promise<Operation>
}

interface Entry {
  operation: Operation
  readonly idempotencyKey: string | undefined
  readonly fingerprint: string
  /** Resolves when it is durable that it was started; rejects when it was not started. */
  readonly started: Promise<void>
  end: Promise<void>
}

export interface OperationsOptions {
  readonly journal: OperationJournal
  /** Of earlier lives, oldest first. */
  readonly kept: readonly KeptOperation[]
  /** Faults of our own, for the log. */
  readonly onFault: (error: unknown) => void
  readonly nowMs: () => number
}

export function createOperations({ journal, kept, onFault, nowMs }: OperationsOptions): Operations {
  const entries = new Map<string, Entry>()
  const byKey = new Map<string, Entry>()
  let running = 0
  for (const one of kept) {
    const ended = Promise.resolve()
    add({ ...one, operation: afterRestart(one.operation), started: ended, end: ended })
  }

  function add(entry: Entry): void {
    entries.set(entry.operation.operationId, entry)
    if (entry.idempotencyKey !== undefined) byKey.set(entry.idempotencyKey, entry)
  }

  function remove({ operation, idempotencyKey }: Entry): void {
    entries.delete(operation.operationId)
    if (idempotencyKey !== undefined) byKey.delete(idempotencyKey)
  }

  function find(operationId: string): Entry {
    const entry = entries.get(operationId)
    if (entry === undefined)
      throw new RequestError('NOT_FOUND', {
        field: 'operationId',
        detail: `Only the last ${MAX_ENDED} operations are kept; \`channel show\` tells how far the work is.`,
      })
    return entry
  }

  function repeated(request: OperationRequest, fingerprint: string): Entry | undefined {
    const entry = request.idempotencyKey === undefined ? undefined : byKey.get(request.idempotencyKey)
    if (entry !== undefined && entry.fingerprint !== fingerprint)
      throw new RequestError('IDEMPOTENCY_CONFLICT', { field: 'Idempotency-Key' })
    return entry
  }

  function forgetOldest(): void {
    for (const [operationId, entry] of entries) {
      if (entries.size - running <= MAX_ENDED) return
      if (entry.operation.state === 'running') continue
      remove(entry)
      journal.forget(operationId).catch(onFault)
    }
  }

  async function work(entry: Entry, { work: start }: OperationRequest): Promise<void> {
    let outcome: Partial<Operation>
    try {
      const channel = await start()
      outcome = { state: 'done', channelId: channel.channelId, channel }
    } catch (error) {
      const found = problemOf(error)
      if (found.code === 'INTERNAL') onFault(error)
      outcome = { state: 'failed', problem: found }
    }
    const operation: Operation = { ...entry.operation, ...outcome, endedAtMs: nowMs() }
    // A stop is no end: the next life tells that this was interrupted.
    if (operation.problem?.code !== 'STOPPED') await journal.save({ ...entry, operation }).catch(onFault)
    running--
    entry.operation = operation
    forgetOldest()
  }

  return {
    async start(request) {
      const fingerprint = fingerprintOf(request)
      const first = repeated(request, fingerprint)
      if (first !== undefined) {
        await first.started.catch(() => {
          throw new RequestError('STORE_FAILED')
        })
        return first.operation
      }
      if (running >= MAX_RUNNING) throw new RequestError('OVERLOADED')
      const operation: Operation = {
        operationId: randomBytes(16).toString('hex'),
        kind: request.kind,
        ...(request.channelId === undefined ? {} : { channelId: request.channelId }),
        state: 'running',
        startedAtMs: nowMs(),
      }
      const { idempotencyKey } = request
      const started = journal.save({ operation, idempotencyKey, fingerprint })
      const entry: Entry = { operation, idempotencyKey, fingerprint, started, end: started }
      add(entry)
      running++
      try {
        await started
      } catch (error) {
        running--
        remove(entry)
        onFault(error)
        throw new RequestError('STORE_FAILED')
      }
      entry.end = work(entry, request)
      return operation
    },
    get: (operationId) => find(operationId).operation,
    list: () => [...entries.values()].map(({ operation }) => operation).reverse(),
    async ended(operationId, timeoutMs) {
      const entry = find(operationId)
      if (entry.operation.state === 'running') await firstOf(entry.end, timeoutMs)
      return entry.operation
    },
  }
}

function afterRestart(operation: Operation): Operation {
  if (operation.state !== 'running') return operation
  return { ...operation, state: 'failed', problem: problem('OPERATION_INTERRUPTED') }
}

function fingerprintOf({ kind, channelId, body }: OperationRequest): string {
  const text = JSON.stringify([kind, channelId, body], (_key, value) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  return createHash('sha256').update(text).digest('hex')
}

async function firstOf(end: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([end, timeout])
  clearTimeout(timer)
}
