/**
 * The gossip store in SQLite: a file of its own, apart from the money's, because it may be lost. Writes are not flushed to
 * the disk one by one; a file that is damaged, of another chain, bank or version is emptied and begun again.
 */

import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { GossipChange, GossipRow, GossipStore } from './store.ts'

export const GOSSIP_FILE = 'gossip.db'

/** "TLGO": tells this cache from any other SQLite file (PRAGMA application_id). */
const APPLICATION_ID = 0x544c474f
/** Another number empties the cache: there are no migrations. */
const VERSION = 1

const TABLES = `
  CREATE TABLE gossip_about (domain BLOB NOT NULL) STRICT;
  CREATE TABLE gossip_items (
    key BLOB PRIMARY KEY CHECK (length(key) = 16),
    kind INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    capacity BLOB NOT NULL,
    added_at_ms INTEGER NOT NULL,
    checked_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`

export interface GossipStoreOptions {
  /** Created with mode 0700 when absent. */
  readonly directory: string
  /** The EIP-712 separator of chain and bank: items of another are of no use. */
  readonly domain: Uint8Array
}

/** @throws when the directory cannot be written even after the old file was removed. */
export function openGossipStore({ directory, domain }: GossipStoreOptions): GossipStore {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, GOSSIP_FILE)
  try {
    return storeOf(open(path, domain))
  } catch {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true })
    return storeOf(open(path, domain))
  }
}

function open(path: string, domain: Uint8Array): DatabaseSync {
  closeSync(openSync(path, 'a', 0o600))
  const db = new DatabaseSync(path, { timeout: 1_000 })
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF')
    if (db.prepare('PRAGMA quick_check(1)').get()?.quick_check !== 'ok') throw new Error('damaged')
    if (!isOurs(db, domain)) begin(db, domain)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function isOurs(db: DatabaseSync, domain: Uint8Array): boolean {
  if (pragma(db, 'application_id') !== APPLICATION_ID || pragma(db, 'user_version') !== VERSION) return false
  const stored = db.prepare('SELECT domain FROM gossip_about').get()?.domain
  return stored instanceof Uint8Array && Buffer.from(stored).equals(domain)
}

function begin(db: DatabaseSync, domain: Uint8Array): void {
  db.exec('BEGIN IMMEDIATE')
  for (const { name } of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all())
    db.exec(`DROP TABLE "${String(name)}"`)
  db.exec(TABLES)
  db.prepare('INSERT INTO gossip_about VALUES (?)').run(domain)
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}; COMMIT`)
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
}

function storeOf(db: DatabaseSync): GossipStore {
  const put = db.prepare('INSERT OR REPLACE INTO gossip_items VALUES (?, ?, ?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM gossip_items WHERE key = ?')
  const all = db.prepare(
    'SELECT key, bytes, capacity, added_at_ms, checked_at_ms FROM gossip_items ORDER BY kind, key',
  )

  function execute(change: GossipChange): void {
    if (change.type === 'delete') {
      remove.run(change.key)
      return
    }
    const { key, bytes, capacity, addedAtMs, checkedAtMs } = change.row
    put.run(
      key,
      key[15] ?? 0,
      bytes,
      Buffer.from(capacity.toString(16).padStart(32, '0'), 'hex'),
      addedAtMs,
      checkedAtMs,
    )
  }

  return {
    *load() {
      for (const row of all.iterate()) yield rowOf(row)
    },
    apply(changes) {
      db.exec('BEGIN IMMEDIATE')
      try {
        for (const change of changes) execute(change)
        db.exec('COMMIT')
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    close() {
      if (db.isOpen) db.close()
    },
  }
}

function rowOf(row: Record<string, unknown>): GossipRow {
  const { key, bytes, capacity } = row
  return {
    key: key as Uint8Array,
    bytes: bytes as Uint8Array,
    capacity: BigInt(`0x${Buffer.from(capacity as Uint8Array).toString('hex')}`),
    addedAtMs: Number(row.added_at_ms),
    checkedAtMs: Number(row.checked_at_ms),
  }
}
