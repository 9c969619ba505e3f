/** Operations across restarts: a life of the process is a set of operations on the same journal. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMemoryOperationJournal, storeOperationJournal } from '../../src/api/operation-journal.ts'
import { createOperations, type OperationRequest } from '../../src/api/operations.ts'
import { ServiceError } from '../../src/engine/service.ts'
import { openSqliteStore } from '../../src/store/index.ts'
import { CHANNEL, channelView } from './paper-node.ts'

async function sqliteJournal() {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-operations-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const open = () => openSqliteStore({ directory: join(directory, 'store') })
  let store = await open()
  onTestFinished(() => store.close())
  return {
    journal: () => storeOperationJournal(store),
    async reopen() {
      await store.close()
      store = await open()
    },
  }
}

const live = async (journal: ReturnType<typeof storeOperationJournal>) => {
  const faults: unknown[] = []
  const onFault = (error: unknown) => void faults.push(error)
  return { faults, ...createOperations({ journal, kept: await journal.load(), onFault, nowMs: Date.now }) }
}

/** A top-up, and how often its work was started. */
function topUp(outcome: () => ReturnType<OperationRequest['work']>, amount = 5n) {
  const asked = { times: 0 }
  const request: OperationRequest = {
    kind: 'topup',
    channelId: CHANNEL,
    idempotencyKey: 'k',
    body: { amount },
    work() {
      asked.times += 1
      return outcome()
    },
  }
  return { asked, request }
}

const never = () => new Promise<never>(() => {})

test('what was done is found by its key and its id after a restart, and not done again', async () => {
  const disk = await sqliteJournal()
  const { asked, request } = topUp(async () => channelView)
  const first = await live(disk.journal())
  const { operationId } = await first.start(request)
  expect(await first.ended(operationId, 60_000)).toMatchObject({
    state: 'done',
    channel: { channelId: CHANNEL },
  })
  await disk.reopen()
  const next = await live(disk.journal())
  expect(await next.start(request)).toMatchObject({ operationId, state: 'done', channelId: CHANNEL })
  expect(next.get(operationId).state).toBe('done')
  expect(asked.times).toBe(1)
  const other = topUp(async () => channelView, 6n)
  await expect(next.start(other.request)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  expect(other.asked.times).toBe(0)
})

test('what a restart interrupted is not started again under its key, and says so', async () => {
  const disk = await sqliteJournal()
  const { asked, request } = topUp(never)
  const { operationId } = await (await live(disk.journal())).start(request)
  await disk.reopen()
  const next = await live(disk.journal())
  expect(await next.start(request)).toMatchObject({
    operationId,
    state: 'failed',
    problem: { code: 'OPERATION_INTERRUPTED' },
  })
  expect(asked.times).toBe(1)
})

test('a stop in good order is no end either: the work may have been decided', async () => {
  const journal = createMemoryOperationJournal()
  const { request } = topUp(async () => {
    throw new ServiceError('STOPPED')
  })
  const first = await live(journal)
  const { operationId } = await first.start(request)
  expect(await first.ended(operationId, 60_000)).toMatchObject({ problem: { code: 'STOPPED' } })
  expect((await live(journal)).get(operationId).problem?.code).toBe('OPERATION_INTERRUPTED')
})

test('why it failed is kept', async () => {
  const journal = createMemoryOperationJournal()
  const { request } = topUp(async () => {
    throw new ServiceError('INSUFFICIENT_FUNDS', { field: 'amount', detail: 'The account holds 3.' })
  })
  const first = await live(journal)
  const { operationId } = await first.start(request)
  const failed = await first.ended(operationId, 60_000)
  expect((await live(journal)).get(operationId)).toEqual(failed)
})

test('nothing is started that is not durable first; the same key twice at once is one', async () => {
  const kept = createMemoryOperationJournal()
  const { promise: disk, resolve: written } = Promise.withResolvers<void>()
  const { asked, request } = topUp(async () => channelView)
  const slow = await live({ ...kept, save: () => disk })
  const both = [slow.start(request), slow.start(request)]
  expect(asked.times).toBe(0)
  written()
  const [first, second] = await Promise.all(both)
  expect(first?.operationId).toBe(second?.operationId)
  expect(asked.times).toBe(1)

  const full = await live({ ...kept, save: () => Promise.reject(new Error('disk full')) })
  const refused = topUp(async () => channelView)
  await expect(full.start(refused.request)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(refused.asked.times).toBe(0)
  expect(full.list()).toEqual([])
  expect(full.faults).toMatchObject([{ message: 'disk full' }])
})

test('only so many are kept, also on the disk', async () => {
  const journal = createMemoryOperationJournal()
  const operations = await live(journal)
  for (let n = 0; n < 1_005; n += 1) {
    const { request } = topUp(async () => channelView)
    const { operationId } = await operations.start({ ...request, idempotencyKey: `${n}` })
    await operations.ended(operationId, 60_000)
  }
  expect(operations.list()).toHaveLength(1_000)
  await expect.poll(async () => (await journal.load()).length).toBe(1_000)
  expect((await live(journal)).list()).toHaveLength(1_000)
})
