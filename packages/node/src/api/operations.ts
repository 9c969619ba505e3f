/**
 * Work that outlives its request: opening, topping up, withdrawing, closing.
 *
 * The record lives as long as the process; the work itself is durable in the engine, so after a restart the channel shows
 * how far it is. An idempotency key makes a repeated request find the first one's operation while the process lives.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Hex, Operation } from '@tallystick/client/schema'
import type { ChannelView } from '../engine/service.ts'
import { problemOf, RequestError } from './problem.ts'

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
  /** Starts the work, or finds it by its key. @throws {RequestError} `IDEMPOTENCY_CONFLICT`, `OVERLOADED` */
  start(request: OperationRequest): Operation
  /** @throws {RequestError} `NOT_FOUND` */
  get(operationId: string): Operation
  /** Newest first. */
  list(): readonly Operation[]
  /** The operation once it has ended, or as it is after `timeoutMs`. */
  ended(operationId: string, timeoutMs: number): Promise<Operation>
}

interface Entry {
  operation: Operation
  readonly key: string | undefined
  readonly fingerprint: string
  readonly end: Promise<void>
}

export function createOperations(
  onFault: (error: unknown) => void,
  nowMs: () => number = Date.now,
): Operations {
  const entries = new Map<string, Entry>()
  const byKey = new Map<string, Entry>()
  let running = 0

  function find(operationId: string): Entry {
    const entry = entries.get(operationId)
    if (entry === undefined)
      throw new RequestError('NOT_FOUND', {
        field: 'operationId',
        detail: 'Operations are forgotten when the node restarts; `channel show` tells how far the work is.',
      })
    return entry
  }

  function repeated(request: OperationRequest, fingerprint: string): Operation | undefined {
    const entry = request.idempotencyKey === undefined ? undefined : byKey.get(request.idempotencyKey)
    if (entry !== undefined && entry.fingerprint !== fingerprint)
      throw new RequestError('IDEMPOTENCY_CONFLICT', { field: 'Idempotency-Key' })
    return entry?.operation
  }

  function forgetOldest(): void {
    if (entries.size - running <= MAX_ENDED) return
    for (const [operationId, entry] of entries) {
      if (entry.operation.state === 'running') continue
      entries.delete(operationId)
      if (entry.key !== undefined) byKey.delete(entry.key)
      return
    }
  }

  return {
    start(request) {
      const fingerprint = fingerprintOf(request)
      const first = repeated(request, fingerprint)
      if (first !== undefined) return first
      if (running >= MAX_RUNNING) throw new RequestError('OVERLOADED')
      const operation: Operation = {
        operationId: randomBytes(16).toString('hex'),
        kind: request.kind,
        ...(request.channelId === undefined ? {} : { channelId: request.channelId }),
        state: 'running',
        startedAtMs: nowMs(),
      }
      running++
      const settle = (outcome: Partial<Operation>) => {
        running--
        entry.operation = { ...operation, ...outcome, endedAtMs: nowMs() }
        forgetOldest()
      }
      const end = Promise.resolve()
        .then(request.work)
        .then(
          (channel) => settle({ state: 'done', channelId: channel.channelId, channel }),
          (error: unknown) => {
            const problem = problemOf(error)
            if (problem.code === 'INTERNAL') onFault(error)
            settle({ state: 'failed', problem })
          },
        )
      const entry: Entry = { operation, key: request.idempotencyKey, fingerprint, end }
      entries.set(operation.operationId, entry)
      if (entry.key !== undefined) byKey.set(entry.key, entry)
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
