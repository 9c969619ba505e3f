/**
 * The store on SQLite (`node:sqlite`): write-ahead log, flushed at every commit, one writer thread, reads beside it.
 *
 * The life of a data directory: the lease is taken, the file is checked and brought to this version, then it is marked
 * open in the database file itself. A store that is marked open and has no log was copied without it, or had it
 * deleted: commits that were told durable are gone, and the open is refused. A clean close removes mark and log.
 *
 * Source: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous, sqlite.org/howtocorrupt.html.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type OpenStoreOptions, type Store, StoreError } from '../port.ts'
import { encodeBatch } from './encode.ts'
import { toStoreError } from './faults.ts'
import { LEASE_FILE, type Lease, takeLease } from './lease.ts'
import { prepareReads } from './reads.ts'
import { assertOurs, configureConnection, migrate } from './schema.ts'
import { startWriter, type Writer } from './writer.ts'

/** The database file in the data directory; `-wal` and `-shm` beside it belong to it. */
export const DATABASE_FILE = 'store.db'

export async function openSqliteStore(options: OpenStoreOptions): Promise<Store> {
  const directory = resolve(options.directory)
  const path = join(directory, DATABASE_FILE)
  makeDirectory(directory)
  makePrivateFile(path)
  makePrivateFile(join(directory, LEASE_FILE))
  const lease = takeLease(directory)
  let db: DatabaseSync | undefined
  try {
    const hadLog = sizeOf(`${path}-wal`) > 0
    db = new DatabaseSync(path, { timeout: 5_000 })
    assertOurs(db, path)
    assertIntact(db, path)
    configureConnection(db)
    migrate(db)
    const lostData = markOpen(db, { path, hadLog, acceptLostData: options.acceptLostData === true })
    const writer = await startWriter({ path, maxPages: maxPages(db, options.maxBytes) })
    db.exec('PRAGMA query_only = ON; PRAGMA cache_size = -8192')
    return storeOf(db, writer, lease, lostData, path)
  } catch (error) {
    db?.close()
    lease.release()
    throw toStoreError(error, path)
  }
}

function storeOf(db: DatabaseSync, writer: Writer, lease: Lease, lostData: boolean, path: string): Store {
  const reads = prepareReads(db)
  let closing: Promise<void> | undefined

  return {
    lostData,
    async commit(batch) {
      assertNotClosed()
      await writer.commit(encodeBatch(batch))
    },
    getMeta: async (key) => read(() => reads.getMeta(key)),
    getChannel: async (channelId) => read(() => reads.getChannel(channelId)),
    listChannels: async (page) => read(() => reads.listChannels(page)),
    getUpdate: async (key) => read(() => reads.getUpdate(key)),
    listUpdates: async (range) => read(() => reads.listUpdates(range)),
    getAck: async (key) => read(() => reads.getAck(key)),
    findPayment: async (direction, reference) => read(() => reads.findPayments(direction, [reference])[0]),
    findPayments: async (direction, references) => read(() => reads.findPayments(direction, references)),
    listPayments: async (query) => read(() => reads.listPayments(query)),
    lastPaymentSequence: async () => read(() => reads.lastPaymentSequence()),
    listOutbox: async (page) => read(() => reads.listOutbox(page)),
    listOutboxPeers: async () => read(() => reads.listOutboxPeers()),
    getIntent: async (intentId) => read(() => reads.getIntent(intentId)),
    listIntents: async (page) => read(() => reads.listIntents(page)),
    getRecord: async (space, key) => read(() => reads.getRecord(space, key)),
    listRecords: async (page) => read(() => reads.listRecords(page)),
    getPeer: async (nodeId) => read(() => reads.getPeer(nodeId)),
    listPeers: async (page) => read(() => reads.listPeers(page)),
    close() {
      closing ??= shutDown()
      return closing
    },
  }

  function read<T>(look: () => T): T {
    assertNotClosed()
    try {
      return look()
    } catch (error) {
      throw toStoreError(error, path)
    }
  }

  function assertNotClosed(): void {
    if (closing !== undefined) {
      throw new StoreError('closed', `${path} is closed: open the store again`)
    }
  }

  /** The mark goes last, by the last connection: until then the log stays, so a kill in here loses nothing. */
  async function shutDown(): Promise<void> {
    try {
      await writer.close()
      db.exec('PRAGMA query_only = OFF; UPDATE store_state SET open = 0; PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      throw toStoreError(error, path)
    } finally {
      db.close()
      lease.release()
    }
  }
}

/** Marks the store open, in the database file and not only in the log, and tells whether data was ever lost. */
function markOpen(
  db: DatabaseSync,
  found: { readonly path: string; readonly hadLog: boolean; readonly acceptLostData: boolean },
): boolean {
  const state = db.prepare('SELECT open, lost_data FROM store_state').get()
  const logMissing = state?.open === 1 && !found.hadLog
  if (logMissing && !found.acceptLostData) {
    throw new StoreError(
      'log-missing',
      `${found.path} was not closed and its log (${found.path}-wal) is gone, so commits are lost: put the log back; if it cannot be found, open the store as lost data, and every channel in it can only be closed`,
      { field: 'directory' },
    )
  }
  const lostData = state?.lost_data === 1 || logMissing
  db.prepare('UPDATE store_state SET open = 1, lost_data = ?').run(lostData ? 1 : 0)
  db.exec('PRAGMA wal_checkpoint(FULL)')
  return lostData
}

function assertIntact(db: DatabaseSync, path: string): void {
  const finding = db.prepare('PRAGMA quick_check(1)').get()?.quick_check
  if (finding === 'ok') return
  throw new StoreError(
    'corrupt',
    `${path} is damaged (${String(finding)}): do not repair it in place; keep a copy of the data directory`,
    { field: 'directory' },
  )
}

function maxPages(db: DatabaseSync, maxBytes: number | undefined): number | undefined {
  if (maxBytes === undefined) return undefined
  if (!Number.isSafeInteger(maxBytes) || maxBytes <= 0) {
    throw new StoreError('invalid-row', 'maxBytes must be a positive whole number', { field: 'maxBytes' })
  }
  return Math.max(1, Math.floor(maxBytes / Number(db.prepare('PRAGMA page_size').get()?.page_size)))
}

/** A new directory is itself made durable: the entry lives in its parent. */
function makeDirectory(directory: string): void {
  try {
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) === undefined) return
    const parent = openSync(dirname(directory), 'r')
    try {
      fsyncSync(parent)
    } finally {
      closeSync(parent)
    }
  } catch (error) {
    throw toStoreError(error, directory)
  }
}

/** Readable by this user only, also where the directory is not; SQLite gives its log the same mode. */
function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch (error) {
    throw toStoreError(error, path)
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
