/**
 * What every store adapter must keep, whatever it is built on (the invariants in `src/store/port.ts`). An adapter's
 * own test file calls `describeStore` and adds what is particular to it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Batch,
  MAX_PAGE_ROWS,
  type OpenStoreOptions,
  type PaymentRow,
  type Store,
  StoreError,
} from '../../src/store/index.ts'
import { checkAgainstModel } from './model-conformance.ts'
import { type AdapterModule, killStoreProcesses, startStoreProcess } from './process.ts'
import { stampedBatch } from './stamped-batch.ts'
import { checkStampedBatches } from './stamped-checks.ts'

export interface StoreAdapter extends AdapterModule {
  readonly name: string
  openStore(options: OpenStoreOptions): Promise<Store>
}

/** How long the kill test goes on, milliseconds: `TALLY_KILL_TEST_MS` for a long night. */
const KILL_TEST_MS = Number(process.env.TALLY_KILL_TEST_MS ?? 8_000)

const A = new Uint8Array(32).fill(0xaa)
const B = new Uint8Array(32).fill(0xbb)

export function describeStore(adapter: StoreAdapter): void {
  describe(`store conformance: ${adapter.name}`, () => {
    let directory: string
    let store: Store
    const opened: Store[] = []

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'tallystick-store-'))
      store = await open()
    })
    afterEach(async () => {
      await killStoreProcesses()
      for (const one of opened.splice(0)) await one.close()
      rmSync(directory, { recursive: true, force: true })
    })

    async function open(options: Partial<OpenStoreOptions> = {}): Promise<Store> {
      const one = await adapter.openStore({ directory, ...options })
      opened.push(one)
      return one
    }

    async function reopen(options: Partial<OpenStoreOptions> = {}): Promise<Store> {
      await store.close()
      store = await open(options)
      return store
    }

    describe('rows', () => {
      test('a new store is empty and has lost nothing', async () => {
        expect(store.lostData).toBe(false)
        expect(await store.getMeta('any')).toBeUndefined()
        expect(await store.getChannel(A)).toBeUndefined()
        expect(await store.listChannels({ limit: 10 })).toEqual([])
        expect(await store.getUpdate({ channelId: A, direction: 0, nonce: 1 })).toBeUndefined()
        expect(await store.getAck({ channelId: A, direction: 0, nonce: 1 })).toBeUndefined()
        expect(await store.findPayment('outgoing', A)).toBeUndefined()
        expect(await store.findPayments('incoming', [A, B])).toEqual([undefined, undefined])
        expect(await store.listPayments({ limit: 10 })).toEqual([])
        expect(await store.lastPaymentSequence()).toBe(0)
        expect(await store.listOutbox({ peer: 'p', limit: 10 })).toEqual([])
        expect(await store.listOutboxPeers()).toEqual([])
        expect(await store.listIntents({ limit: 10 })).toEqual([])
        expect(await store.listPeers({ limit: 10 })).toEqual([])
      })

      test('the largest values come back as they went in, also after a reopen', async () => {
        const row = payment({
          sequence: Number.MAX_SAFE_INTEGER,
          amount: 2n ** 128n - 1n,
          nonce: Number.MAX_SAFE_INTEGER,
          index: Number.MAX_SAFE_INTEGER,
          atMs: Number.MAX_SAFE_INTEGER,
          state: 'void',
        })
        const update = {
          channelId: A,
          direction: 1 as const,
          nonce: Number.MAX_SAFE_INTEGER,
          bytes: new Uint8Array(3_000_000).fill(7),
        }
        const key = '~'.repeat(200)
        await store.commit([
          { type: 'payment.put', row },
          { type: 'update.put', row: update },
          { type: 'meta.put', row: { key, bytes: new Uint8Array(0) } },
        ])
        for (const again of [false, true]) {
          if (again) await reopen()
          expect(await store.findPayment('outgoing', row.reference)).toEqual(row)
          expect(await store.getUpdate(update)).toEqual(update)
          expect(await store.getMeta(key)).toEqual(new Uint8Array(0))
        }
      })

      test('later changes of a key win, within a batch and between batches', async () => {
        const put = (value: number) =>
          ({ type: 'meta.put', row: { key: 'k', bytes: Uint8Array.of(value) } }) as const
        await store.commit([put(1), put(2)])
        expect(await store.getMeta('k')).toEqual(Uint8Array.of(2))
        await store.commit([put(3), { type: 'meta.delete', key: 'k' }])
        expect(await store.getMeta('k')).toBeUndefined()
        await store.commit([{ type: 'meta.delete', key: 'k' }, put(4)])
        expect(await store.getMeta('k')).toEqual(Uint8Array.of(4))
      })

      test('one reference paid several times: the oldest payment of the direction is found, all are listed', async () => {
        const rows = [
          payment({ sequence: 5, direction: 'incoming', channelId: B }),
          payment({ sequence: 3, direction: 'incoming' }),
          payment({ sequence: 4, direction: 'outgoing' }),
        ]
        await store.commit(rows.map((row) => ({ type: 'payment.put', row })))
        expect((await store.findPayment('incoming', A))?.sequence).toBe(3)
        expect((await store.findPayment('outgoing', A))?.sequence).toBe(4)
        const listed = await store.listPayments({ reference: A, limit: 10 })
        expect(listed.map(({ sequence }) => sequence)).toEqual([5, 4, 3])
      })
    })

    test('any batches: every read answers as the model does, before and after a reopen', async () => {
      await checkAgainstModel(async (work) => {
        const place = mkdtempSync(join(tmpdir(), 'tallystick-model-'))
        let current = await adapter.openStore({ directory: place })
        try {
          await work(current, async () => {
            await current.close()
            current = await adapter.openStore({ directory: place })
            return current
          })
        } finally {
          await current.close()
          rmSync(place, { recursive: true, force: true })
        }
      })
    })

    describe('whole or not at all', () => {
      const bad: [string, string, Batch[number]][] = [
        ['an amount below zero', 'payment.amount', { type: 'payment.put', row: payment({ amount: -1n }) }],
        [
          'an amount of 129 bits',
          'payment.amount',
          { type: 'payment.put', row: payment({ amount: 2n ** 128n }) },
        ],
        ['a sequence of zero', 'payment.sequence', { type: 'payment.put', row: payment({ sequence: 0 }) }],
        [
          'a nonce above 2^53 - 1',
          'payment.nonce',
          { type: 'payment.put', row: payment({ nonce: 2 ** 53 }) },
        ],
        ['a nonce that is no number', 'payment.nonce', { type: 'payment.put', row: payment({ nonce: NaN }) }],
        [
          'a reference of 31 bytes',
          'payment.reference',
          { type: 'payment.put', row: payment({ reference: A.subarray(1) }) },
        ],
        [
          'a direction of 2',
          'update.direction',
          {
            type: 'update.put',
            row: { channelId: A, direction: 2 as 0, nonce: 1, bytes: A },
          },
        ],
        ['an empty key', 'meta.key', { type: 'meta.put', row: { key: '', bytes: A } }],
        ['a key with a space', 'meta.key', { type: 'meta.put', row: { key: 'a b', bytes: A } }],
        ['a key beyond ASCII', 'meta.key', { type: 'meta.put', row: { key: 'é', bytes: A } }],
        ['a key of 201', 'meta.key', { type: 'meta.put', row: { key: 'x'.repeat(201), bytes: A } }],
        ['text for bytes', 'meta.bytes', { type: 'meta.put', row: { key: 'k', bytes: 'text' as never } }],
        ['an unknown change', 'type', { type: 'meta.forge' as 'meta.delete', key: 'k' }],
      ]

      test.each(bad)('%s refuses the whole batch and names the field', async (_name, field, change) => {
        const good = { type: 'meta.put', row: { key: 'good', bytes: A } } as const
        const error = await failure(store.commit([good, change, good]))
        expect(error).toMatchObject({ code: 'invalid-row', field })
        expect(await store.getMeta('good')).toBeUndefined()
        await store.commit([good])
        expect(await store.getMeta('good')).toEqual(A)
      })

      test('a reader beside the writer never sees a part', async () => {
        const commits = Array.from({ length: 60 }, (_, i) => store.commit(stampedBatch(i + 1)))
        let done = false
        const all = Promise.all(commits).finally(() => {
          done = true
        })
        while (!done) {
          const rows = await store.listPayments({ limit: MAX_PAGE_ROWS })
          expect(rows.length % 20).toBe(0)
          await new Promise(setImmediate)
        }
        await all
        expect(await checkStampedBatches(store)).toBe(60)
      })

      test('bytes are copied when commit is called', async () => {
        const bytes = Uint8Array.of(1, 2, 3)
        const reference = A.slice()
        const committed = store.commit([
          { type: 'meta.put', row: { key: 'k', bytes } },
          { type: 'payment.put', row: payment({ reference }) },
        ])
        bytes.fill(9)
        reference.fill(9)
        await committed
        expect(await store.getMeta('k')).toEqual(Uint8Array.of(1, 2, 3))
        expect((await store.findPayment('outgoing', A))?.reference).toEqual(A)
      })
    })

    describe('order', () => {
      test('commits that were not awaited take effect, and are told, in their order', async () => {
        const told: number[] = []
        const commits = Array.from({ length: 200 }, (_, i) =>
          store.commit(i % 10 === 9 ? [] : stampedBatch(i + 1 - Math.floor(i / 10))).then(() => {
            told.push(i)
          }),
        )
        await Promise.all(commits)
        expect(told).toEqual(Array.from({ length: 200 }, (_, i) => i))
        expect(await checkStampedBatches(store)).toBe(180)
      })

      test('an empty batch is told after everything before it', async () => {
        let before = false
        store.commit(stampedBatch(1)).then(() => {
          before = true
        })
        await store.commit([])
        expect(before).toBe(true)
      })

      test('an invalid batch between others disturbs neither', async () => {
        const first = store.commit(stampedBatch(1))
        const second = store.commit([{ type: 'meta.delete', key: '' }])
        const third = store.commit(stampedBatch(2))
        expect((await failure(second)).code).toBe('invalid-row')
        await first
        await third
        expect(await checkStampedBatches(store)).toBe(2)
      })
    })

    describe('life', () => {
      test('close waits for what is under way, and everything is there again', async () => {
        const committed = store.commit(stampedBatch(1))
        await store.close()
        await committed
        await store.close()
        expect(await checkStampedBatches(await reopen())).toBe(1)
        expect(store.lostData).toBe(false)
      })

      test('a closed store refuses everything', async () => {
        await store.close()
        expect((await failure(store.commit([]))).code).toBe('closed')
        expect((await failure(store.getMeta('k'))).code).toBe('closed')
      })

      test('a second open in this process is refused, and harms nothing', async () => {
        await store.commit(stampedBatch(1))
        const error = await failure(open())
        expect(error.code).toBe('locked')
        expect(error.message).toContain(String(process.pid))
        await store.commit(stampedBatch(2))
        expect(await checkStampedBatches(store)).toBe(2)
      })

      test('a second process is refused; killed, it blocks nobody', async () => {
        const refused = startStoreProcess(adapter, directory, 'hold')
        expect(await refused.line(1)).toBe('refused locked')
        await refused.kill()
        await store.close()
        const holder = startStoreProcess(adapter, directory, 'hold')
        expect(await holder.line(1)).toBe('opened')
        expect((await failure(open())).code).toBe('locked')
        await holder.kill()
        store = await open()
        expect(store.lostData).toBe(false)
      })

      test.each([0, -1, 1.5, MAX_PAGE_ROWS + 1, Number.NaN])(
        'a page of %d rows is refused',
        async (limit) => {
          for (const page of [
            store.listPayments({ limit }),
            store.listPayments({ limit, direction: 'outgoing' }),
            store.listChannels({ limit }),
            store.listOutbox({ peer: 'p', limit }),
            store.listIntents({ limit }),
            store.listPeers({ limit }),
            store.listRecords({ space: 's', limit }),
            store.listUpdates({ channelId: A, direction: 0, fromNonce: 1, toNonce: 2, limit }),
          ]) {
            expect(await failure(page)).toMatchObject({ code: 'invalid-row', field: 'limit' })
          }
        },
      )
    })

    test('a full disk fails the store for good; what was told durable stays, the rest is absent', async () => {
      await reopen({ maxBytes: 1_000_000 })
      let told = 0
      let error: StoreError | undefined
      while (error === undefined) {
        try {
          await store.commit(stampedBatch(told + 1))
          told++
        } catch (thrown) {
          if (!(thrown instanceof StoreError)) throw thrown
          error = thrown
        }
      }
      expect(error.code).toBe('disk-full')
      expect(told).toBeGreaterThan(10)
      const later = await failure(store.commit([{ type: 'meta.delete', key: 'small' }]))
      expect(later).toMatchObject({ code: 'failed', cause: error })
      expect(await checkStampedBatches(store)).toBe(told)
      expect(await checkStampedBatches(await reopen())).toBe(told)
      await store.commit(stampedBatch(told + 1))
    })

    test('commits waiting behind a failed one fail with it, none is told durable', async () => {
      await reopen({ maxBytes: 1_000_000 })
      const told: number[] = []
      const outcomes = await Promise.all(
        Array.from({ length: 1_000 }, (_, i) =>
          store.commit(stampedBatch(i + 1)).then(
            () => {
              told.push(i + 1)
              return 'durable'
            },
            (error: StoreError) => error.code,
          ),
        ),
      )
      const failed = outcomes.slice(told.length)
      expect(failed.length).toBeGreaterThan(1)
      expect(failed[0]).toBe('disk-full')
      expect(new Set(failed.slice(1))).toEqual(new Set(['failed']))
      expect(await checkStampedBatches(await reopen())).toBe(told.length)
    })

    test('closing while a commit fails ends, and every commit has its answer', async () => {
      await reopen({ maxBytes: 1_000_000 })
      const outcomes = Promise.allSettled(
        Array.from({ length: 400 }, (_, i) => store.commit(stampedBatch(i + 1))),
      )
      await store.close().catch((error: unknown) => expect(error).toBeInstanceOf(StoreError))
      const told = (await outcomes).filter(({ status }) => status === 'fulfilled').length
      expect(told).toBeLessThan(400)
      expect(await checkStampedBatches(await open())).toBe(told)
    })

    test('a kill at any moment loses no batch that was told durable, and leaves none in part', async () => {
      await store.close()
      const endMs = performance.now() + KILL_TEST_MS
      let last = 0
      let kills = 0
      while (performance.now() < endMs || kills < 3) {
        const child = startStoreProcess(adapter, directory, 'commit')
        // The first is killed when it is surely under way, so that the test cannot pass for want of commits.
        if (kills === 0) await child.line(2)
        // A random moment: while opening, at the first commits, or well under way.
        await new Promise((resolve) => setTimeout(resolve, Math.random() ** 2 * 500))
        await child.kill()
        kills++
        const told = Math.max(last, ...child.lines.filter((line) => /^\d+$/.test(line)).map(Number))
        expect(child.lines.filter((line) => line.startsWith('refused'))).toEqual([])
        store = await open()
        expect(store.lostData).toBe(false)
        last = await checkStampedBatches(store)
        expect(last).toBeGreaterThanOrEqual(told)
        await store.close()
      }
      expect(last).toBeGreaterThan(0)
    })
  })
}

function payment(changes: Partial<PaymentRow> = {}): PaymentRow {
  return {
    sequence: 1,
    direction: 'outgoing',
    reference: A,
    channelId: A,
    amount: 1n,
    state: 'live',
    nonce: 1,
    index: 0,
    atMs: 1,
    ...changes,
  }
}

async function failure(work: Promise<unknown>): Promise<StoreError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(StoreError)
  if (!(error instanceof StoreError)) throw error
  return error
}
