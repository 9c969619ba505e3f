/**
 * Where operations survive a restart: each is durable before its work starts, and again with its end. A life that finds one
 * without an end cannot know how far its work came, and says so instead of starting it again.
 */
import { Operation } from '@tallystick/client/schema'
import { z } from 'zod'
import { MAX_PAGE_ROWS, type Store } from '../store/port.ts'

/** An operation, and what makes a repeated request find it. */
export interface KeptOperation {
  readonly operation: Operation
  readonly idempotencyKey: string | undefined
  readonly fingerprint: string
}

export interface OperationJournal {
  /** Oldest first. */
  load(): Promise<readonly KeptOperation[]>
  /** Durable on return. */
  save(kept: KeptOperation): Promise<void>
  forget(operationId: string): Promise<void>
}

const SPACE = 'operation'

const Kept = z.object({
  version: z.literal(1),
  operation: Operation,
  idempotencyKey: z.string().optional(),
  fingerprint: z.string(),
})

export function storeOperationJournal(store: Store): OperationJournal {
  return {
    async load() {
      const found: KeptOperation[] = []
      for (let after: Uint8Array | undefined; ; ) {
        const page = await store.listRecords({
          space: SPACE,
          limit: MAX_PAGE_ROWS,
          ...(after === undefined ? {} : { after }),
        })
        for (const { bytes } of page) found.push(decode(bytes))
        after = page.at(-1)?.key
        if (page.length < MAX_PAGE_ROWS) break
      }
      return found.sort((a, b) => a.operation.startedAtMs - b.operation.startedAtMs)
    },
    save: (kept) =>
      store.commit([
        {
          type: 'record.put',
          row: { space: SPACE, key: keyOf(kept.operation.operationId), bytes: encode(kept) },
        },
      ]),
    forget: (operationId) => store.commit([{ type: 'record.delete', space: SPACE, key: keyOf(operationId) }]),
  }
}

/** Forgets everything when the process ends: for tests of what else the API does. */
export function createMemoryOperationJournal(): OperationJournal {
  const kept = new Map<string, Uint8Array>()
  return {
    load: async () => [...kept.values()].map(decode),
    save: async (one) => void kept.set(one.operation.operationId, encode(one)),
    forget: async (operationId) => void kept.delete(operationId),
  }
}

function keyOf(operationId: string): Uint8Array {
  return Buffer.from(operationId, 'hex')
}

function encode(kept: KeptOperation): Uint8Array {
  // Without the channel as it was then: it has a place of its own, and its form may change.
  const { channel: _, ...operation } = kept.operation
  return Buffer.from(JSON.stringify(z.encode(Kept, { version: 1, ...kept, operation })))
}

/** @throws ZodError when this software did not write it: guessing could start the same work twice. */
function decode(bytes: Uint8Array): KeptOperation {
  const { operation, idempotencyKey, fingerprint } = z.decode(Kept, JSON.parse(Buffer.from(bytes).toString()))
  return { operation, idempotencyKey, fingerprint }
}
