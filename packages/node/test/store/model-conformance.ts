/** Any batches, in any order: the store answers every read as the model does, before and after a reopen. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type {
  Change,
  ChannelRow,
  IntentRow,
  OutboxRow,
  PaymentRow,
  PeerRow,
  RecordRow,
  Store,
} from '../../src/store/index.ts'
import { applyToModel, emptyModel, hex, lineName, type StoreModel } from './store-model.ts'

/* Few keys, so that changes meet each other. */
const channelIds = fc.constantFrom(...[1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)))
const references = fc.constantFrom(...[7, 8, 9].map((byte) => new Uint8Array(32).fill(byte)))
const names = fc.constantFrom('a', 'b', 'peer/2')
const recordKeys = fc.constantFrom(
  ...['00', '01', '0100', 'ff'].map((key) => new Uint8Array(Buffer.from(key, 'hex'))),
)
const values = fc.uint8Array({ maxLength: 40 })
const numbers = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(Number.MAX_SAFE_INTEGER))
const directions = fc.constantFrom<0 | 1>(0, 1)
const lines = { channelId: channelIds, direction: directions, nonce: numbers }

const payments: fc.Arbitrary<PaymentRow> = fc.record({
  sequence: numbers,
  direction: fc.constantFrom('outgoing', 'incoming'),
  reference: references,
  channelId: channelIds,
  amount: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  state: fc.constantFrom('live', 'void'),
  nonce: numbers,
  index: fc.nat(),
  atMs: fc.nat(),
})

function put<Type extends Change['type'], Row>(type: Type, row: fc.Arbitrary<Row>) {
  return fc.record({ type: fc.constant(type), row })
}

const changes: fc.Arbitrary<Change> = fc.oneof(
  put('meta.put', fc.record({ key: names, bytes: values })),
  fc.record({ type: fc.constant('meta.delete' as const), key: names }),
  put('channel.put', fc.record({ channelId: channelIds, peer: names, bytes: values })),
  put('update.put', fc.record({ ...lines, bytes: values })),
  put('ack.put', fc.record({ ...lines, bytes: values })),
  fc.record({
    type: fc.constant('update.prune' as const),
    channelId: channelIds,
    direction: directions,
    belowNonce: numbers,
  }),
  put('payment.put', payments),
  put('outbox.put', fc.record({ peer: names, sequence: numbers, bytes: values })),
  fc.record({ type: fc.constant('outbox.delete' as const), peer: names, sequence: numbers }),
  fc.record({ type: fc.constant('outbox.prune' as const), peer: names, throughSequence: numbers }),
  put('intent.put', fc.record({ intentId: names, open: fc.boolean(), bytes: values })),
  fc.record({ type: fc.constant('intent.delete' as const), intentId: names }),
  put('record.put', fc.record({ space: names, key: recordKeys, bytes: values })),
  fc.record({ type: fc.constant('record.delete' as const), space: names, key: recordKeys }),
  put('peer.put', fc.record({ nodeId: names, bytes: values })),
  fc.record({ type: fc.constant('peer.delete' as const), nodeId: names }),
)

/** `withStore` opens a fresh store, and `reopen` closes and opens it again. */
export async function checkAgainstModel(
  withStore: (work: (store: Store, reopen: () => Promise<Store>) => Promise<void>) => Promise<void>,
): Promise<void> {
  const batches = fc.array(fc.array(changes, { maxLength: 12 }), { maxLength: 10 })
  await fc.assert(
    fc.asyncProperty(batches, fc.integer({ min: 1, max: 4 }), async (all, limit) => {
      await withStore(async (store, reopen) => {
        const model = emptyModel()
        for (const batch of all) {
          await store.commit(batch)
          applyToModel(model, batch)
        }
        await expectSame(store, model, limit)
        await expectSame(await reopen(), model, limit)
      })
    }),
    { numRuns: 12 },
  )
}

async function expectSame(store: Store, model: StoreModel, limit: number): Promise<void> {
  for (const key of ['a', 'b', 'peer/2']) {
    expect(await store.getMeta(key)).toEqual(model.meta.get(key)?.bytes)
    expect(await store.getPeer(key)).toEqual(model.peers.get(key))
    expect(await store.getIntent(key)).toEqual(model.intents.get(key))
    const waiting = sorted(model.outbox.values(), (row) => row.sequence).filter(({ peer }) => peer === key)
    expect(
      await paged<OutboxRow, number>(
        (after) => store.listOutbox({ peer: key, limit, ...after }),
        ({ sequence }) => sequence,
      ),
    ).toEqual(waiting)
    expect(
      await paged<RecordRow, Uint8Array>(
        (after) => store.listRecords({ space: key, limit, ...after }),
        (row) => row.key,
      ),
    ).toEqual(sorted(model.records.values(), (row) => hex(row.key)).filter(({ space }) => space === key))
    for (const row of model.records.values())
      if (row.space === key) expect(await store.getRecord(key, row.key)).toEqual(row)
    const last = waiting.at(-1)?.sequence
    const listed = (await store.listOutboxPeers()).find(({ peer }) => peer === key)
    expect(listed?.lastSequence).toBe(last)
  }
  expect(
    await paged<ChannelRow, Uint8Array>(
      (after) => store.listChannels({ limit, ...after }),
      ({ channelId }) => channelId,
    ),
  ).toEqual(sorted(model.channels.values(), ({ channelId }) => hex(channelId)))
  expect(
    await paged<PeerRow, string>(
      (after) => store.listPeers({ limit, ...after }),
      ({ nodeId }) => nodeId,
    ),
  ).toEqual(sorted(model.peers.values(), ({ nodeId }) => nodeId))
  for (const open of [true, false, undefined]) {
    const wanted: { open?: boolean } = open === undefined ? {} : { open }
    expect(
      await paged<IntentRow, string>(
        (after) => store.listIntents({ limit, ...wanted, ...after }),
        ({ intentId }) => intentId,
      ),
    ).toEqual(
      sorted(model.intents.values(), ({ intentId }) => intentId).filter(
        (row) => open === undefined || row.open === open,
      ),
    )
  }
  await expectSameLines(store, model, limit)
  await expectSamePayments(store, model, limit)
}

async function expectSameLines(store: Store, model: StoreModel, limit: number): Promise<void> {
  for (const byte of [1, 2, 3]) {
    for (const direction of [0, 1] as const) {
      const channelId = new Uint8Array(32).fill(byte)
      for (const nonce of [1, 4, Number.MAX_SAFE_INTEGER]) {
        const key = { channelId, direction, nonce }
        expect(await store.getUpdate(key)).toEqual(model.updates.get(lineName(key)))
        expect(await store.getAck(key)).toEqual(model.acks.get(lineName(key)))
      }
      const range = { channelId, direction, fromNonce: 2, toNonce: Number.MAX_SAFE_INTEGER, limit }
      expect(await store.listUpdates(range)).toEqual(
        sorted(model.updates.values(), ({ nonce }) => nonce)
          .filter((row) => hex(row.channelId) === hex(channelId) && row.direction === direction)
          .filter(({ nonce }) => nonce >= 2)
          .slice(0, limit),
      )
    }
  }
}

async function expectSamePayments(store: Store, model: StoreModel, limit: number): Promise<void> {
  const all = sorted(model.payments.values(), ({ sequence }) => -sequence)
  expect(await store.lastPaymentSequence()).toBe(all[0]?.sequence ?? 0)
  const wanted = [7, 8, 9].map((byte) => new Uint8Array(32).fill(byte))
  for (const direction of ['outgoing', 'incoming'] as const) {
    const oldest = wanted.map((reference) =>
      all.findLast((row) => row.direction === direction && hex(row.reference) === hex(reference)),
    )
    expect(await store.findPayments(direction, wanted)).toEqual(oldest)
    expect(await store.findPayment(direction, new Uint8Array(32).fill(7))).toEqual(oldest[0])
    const filters: Filter[] = [
      {},
      { channelId: new Uint8Array(32).fill(1) },
      { reference: new Uint8Array(32).fill(8) },
    ]
    for (const filter of filters) {
      expect(await store.listPayments({ limit: 100, direction, ...filter })).toEqual(
        all.filter((row) => row.direction === direction && matches(row, filter)),
      )
    }
  }
  const both = await store.listPayments({ limit })
  expect(both.map(({ sequence }) => sequence)).toEqual(all.slice(0, limit).map(({ sequence }) => sequence))
  expect(await store.listPayments({ limit: 100, before: 4 })).toHaveLength(
    all.filter(({ sequence }) => sequence < 4).length,
  )
}

interface Filter {
  readonly channelId?: Uint8Array
  readonly reference?: Uint8Array
}

function matches(row: PaymentRow, query: Filter): boolean {
  if (query.channelId !== undefined && hex(row.channelId) !== hex(query.channelId)) return false
  return query.reference === undefined || hex(row.reference) === hex(query.reference)
}

/** All rows, page by page. */
async function paged<Row, Key>(
  page: (after: { readonly after?: Key }) => Promise<readonly Row[]>,
  keyOf: (row: Row) => Key,
): Promise<Row[]> {
  const rows: Row[] = []
  let next = await page({})
  for (let last = next.at(-1); last !== undefined; last = next.at(-1)) {
    rows.push(...next)
    next = await page({ after: keyOf(last) })
  }
  return rows
}

function sorted<Row>(rows: Iterable<Row>, by: (row: Row) => string | number): Row[] {
  return [...rows].sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0))
}
