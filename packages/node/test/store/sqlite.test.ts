/** What is particular to the SQLite adapter: files, versions, damage, and the log that must not be missing. */
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DATABASE_FILE, openSqliteStore, type Store, StoreError } from '../../src/store/index.ts'
import { configureConnection, migrate, SCHEMA_VERSION } from '../../src/store/sqlite/schema.ts'
import { describeStore } from './conformance.ts'
import { killStoreProcesses, startStoreProcess } from './process.ts'
import { channelId, stampedBatch } from './stamped-batch.ts'
import { checkStampedBatches } from './stamped-checks.ts'

const adapter = {
  name: 'SQLite',
  url: new URL('../../src/store/index.ts', import.meta.url).href,
  open: 'openSqliteStore',
  openStore: openSqliteStore,
}

describeStore(adapter)

let directory: string
let path: string
const opened: Store[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tallystick-sqlite-'))
  path = join(directory, DATABASE_FILE)
})
afterEach(async () => {
  await killStoreProcesses()
  for (const store of opened.splice(0)) await store.close()
  rmSync(directory, { recursive: true, force: true })
})

async function open(options: { acceptLostData?: boolean; directory?: string } = {}): Promise<Store> {
  const store = await openSqliteStore({ directory, ...options })
  opened.push(store)
  return store
}

/** A closed store of `count` stamped batches. */
async function filled(count: number): Promise<void> {
  const store = await open()
  for (let stamp = 1; stamp <= count; stamp++) await store.commit(stampedBatch(stamp))
  await store.close()
}

/** Files of a store that was killed while it committed. */
async function killedStore(): Promise<number> {
  const child = startStoreProcess(adapter, directory, 'commit')
  expect(await child.line(30)).toBeDefined()
  await child.kill()
  return Math.max(...child.lines.filter((line) => /^\d+$/.test(line)).map(Number))
}

test('every connection flushes its log at every commit', () => {
  const db = new DatabaseSync(path)
  configureConnection(db)
  expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 })
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  expect(db.prepare('PRAGMA checkpoint_fullfsync').get()).toEqual({ checkpoint_fullfsync: 1 })
  db.close()
})

test.runIf(process.platform !== 'win32')('its files are for their owner only', async () => {
  const store = await open({ directory: join(directory, 'a', 'b') })
  await store.commit(stampedBatch(1))
  const mode = (name: string) => statSync(join(directory, 'a', 'b', name)).mode & 0o777
  expect(mode('.')).toBe(0o700)
  for (const name of [DATABASE_FILE, `${DATABASE_FILE}-wal`, `${DATABASE_FILE}-shm`, 'lease', 'lease.json']) {
    expect([name, mode(name)]).toEqual([name, 0o600])
  }
})

describe('what is not a store of this version is refused, unchanged', () => {
  test.each([
    ['text', 'not-a-store', () => Buffer.from('hello, I am no database. '.repeat(100))],
    ['another program’s database', 'not-a-store', foreignDatabase],
  ])('%s', async (_name, code, content) => {
    writeFileSync(path, content())
    const before = readFileSync(path)
    expect((await failure(open())).code).toBe(code)
    expect(readFileSync(path)).toEqual(before)
  })

  test('a newer schema', async () => {
    await filled(1)
    const db = new DatabaseSync(path)
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
    db.close()
    const error = await failure(open())
    expect(error.code).toBe('schema-newer')
    expect(error.message).toContain(`version ${SCHEMA_VERSION + 1}`)
  })

  test('a path that is a file, or under one', async () => {
    writeFileSync(join(directory, 'file'), '')
    expect((await failure(open({ directory: join(directory, 'file') }))).code).toBe('unreachable')
    expect((await failure(open({ directory: join(directory, 'file', 'x') }))).code).toBe('unreachable')
  })

  function foreignDatabase(): Buffer {
    const other = join(directory, 'other.db')
    const db = new DatabaseSync(other)
    db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
    db.close()
    return readFileSync(other)
  }
})

describe('migrations', () => {
  test('each step is whole: a failing one leaves the version before it', () => {
    const db = new DatabaseSync(path)
    const first = 'CREATE TABLE one (x); INSERT INTO one VALUES (1);'
    expect(() => migrate(db, [first, 'CREATE TABLE two (x); NOT SQL;'])).toThrow()
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE name = 'two'").get()).toBeUndefined()
    migrate(db, [first, 'CREATE TABLE two (x);'])
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 })
    expect(db.prepare('SELECT count(*) AS n FROM one').get()).toEqual({ n: 1 })
    db.close()
  })

  test('a kill before the first one leaves a file that opens as a new store', async () => {
    const db = new DatabaseSync(path)
    configureConnection(db)
    db.close()
    expect(await checkStampedBatches(await open())).toBe(0)
  })
})

describe('damage', () => {
  test('a page overwritten anywhere in the file is found at open, or the contents are whole', async () => {
    await filled(60)
    const good = readFileSync(path)
    let foundAtOpen = 0
    for (let page = 0; page * 4096 < good.length; page++) {
      const damaged = Buffer.from(good)
      damaged.fill(0xdb, page * 4096 + (page === 0 ? 200 : 0), (page + 1) * 4096)
      writeFileSync(path, damaged)
      const store = await open().catch((error: unknown) => error)
      if (store instanceof StoreError) {
        expect(store.code).toBe('corrupt')
        foundAtOpen++
      } else {
        const outcome = await checkStampedBatches(store as Store).catch((error: unknown) => error)
        await (store as Store).close()
        if (outcome instanceof StoreError) expect(outcome.code).toBe('corrupt')
        else expect(outcome).toBe(60)
      }
    }
    expect(foundAtOpen).toBeGreaterThan(20)
  })

  test('a bit changed within a row is found when the row is read', async () => {
    await filled(3)
    const db = new DatabaseSync(path)
    const { bytes } = db.prepare('SELECT bytes FROM channels').get() as { bytes: Uint8Array }
    bytes[7] = (bytes[7] ?? 0) ^ 1
    db.prepare('UPDATE channels SET bytes = ?').run(bytes)
    db.close()
    const store = await open()
    const error = await failure(store.getChannel(channelId))
    expect(error).toMatchObject({ code: 'corrupt', field: 'channels' })
    expect((await failure(store.listChannels({ limit: 1 }))).code).toBe('corrupt')
  })

  test('a log cut or damaged anywhere, as by a loss of power, leaves whole batches', async () => {
    const told = await killedStore()
    const database = readFileSync(path)
    const log = readFileSync(`${path}-wal`)
    expect(told).toBeGreaterThan(0)
    const seen = new Set<number>()
    for (let i = 0; i < 25; i++) {
      const at = 33 + Math.floor(Math.random() * (log.length - 33))
      const damaged = Buffer.from(log)
      if (i % 2 === 0) damaged[at] = (damaged[at] ?? 0) ^ 0x10
      writeFileSync(path, database)
      writeFileSync(`${path}-wal`, damaged)
      rmSync(`${path}-shm`, { force: true })
      if (i % 2 === 1) truncateSync(`${path}-wal`, at)
      const store = await open()
      seen.add(await checkStampedBatches(store))
      await store.close()
    }
    expect(seen.size).toBeGreaterThan(1)
  })

  test('a write that fails for any other reason fails the store for good', async () => {
    const store = await open()
    await store.commit(stampedBatch(1))
    const intruder = new DatabaseSync(path)
    intruder.exec('DROP TABLE outbox')
    intruder.close()
    const failing = failure(store.commit(stampedBatch(2)))
    // Too large to share a transaction with the failing one, and good by itself: still it must not be written.
    const large = { key: 'k', bytes: new Uint8Array(9_000_000) }
    const waiting = failure(store.commit([{ type: 'meta.put', row: large }]))
    expect((await failing).code).toBe('io')
    expect((await waiting).code).toBe('failed')
    expect((await failure(store.commit([{ type: 'meta.put', row: large }]))).code).toBe('failed')
    await store.close()
    const after = new DatabaseSync(path)
    expect(after.prepare('SELECT key FROM meta').all()).toEqual([{ key: 'stamp' }])
    expect(after.prepare('SELECT max(nonce) AS last FROM updates').get()).toEqual({ last: 1 })
    after.close()
  })
})

describe('a log that is missing is lost data', () => {
  test('a killed store without its log is refused, and with it opens', async () => {
    const told = await killedStore()
    copyFileSync(`${path}-wal`, join(directory, 'kept'))
    rmSync(`${path}-wal`)
    rmSync(`${path}-shm`)
    const error = await failure(open())
    expect(error.code).toBe('log-missing')
    expect(error.message).toContain(`${path}-wal`)
    expect((await failure(open())).code).toBe('log-missing')
    copyFileSync(join(directory, 'kept'), `${path}-wal`)
    const store = await open()
    expect(store.lostData).toBe(false)
    expect(await checkStampedBatches(store)).toBeGreaterThanOrEqual(told)
  })

  test('a copy of the database of a running store, without its log, is refused', async () => {
    const store = await open()
    await store.commit(stampedBatch(1))
    const copy = join(directory, 'backup')
    await (await openSqliteStore({ directory: copy })).close()
    copyFileSync(path, join(copy, DATABASE_FILE))
    expect((await failure(open({ directory: copy }))).code).toBe('log-missing')
  })

  test('accepted, it opens, and is marked for ever', async () => {
    await killedStore()
    rmSync(`${path}-wal`)
    rmSync(`${path}-shm`)
    const first = await open({ acceptLostData: true })
    expect(first.lostData).toBe(true)
    await checkStampedBatches(first)
    await first.close()
    const second = await open()
    expect(second.lostData).toBe(true)
  })

  test('an accepted loss is not invented: a whole store stays unmarked', async () => {
    await killedStore()
    const store = await open({ acceptLostData: true })
    expect(store.lostData).toBe(false)
  })

  test('a kill right after opening, before any commit, is no loss', async () => {
    for (let i = 0; i < 3; i++) {
      const child = startStoreProcess(adapter, directory, 'hold')
      expect(await child.line(1)).toBe('opened')
      await child.kill()
    }
    expect((await open()).lostData).toBe(false)
  })
})

async function failure(work: Promise<unknown>): Promise<StoreError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(StoreError)
  if (!(error instanceof StoreError)) throw error
  return error
}
