/**
 * The lease: proof that this process is the only writer of a data directory.
 *
 * It is an operating-system file lock, taken through SQLite on a file of its own and held for life, so a killed holder
 * leaves nothing behind: the kernel drops the lock with the process. The note beside it only makes the refusal
 * readable and is never trusted. File locks do not work on every network file system: keep the data on a local disk.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../port.ts'
import { sqliteCode, toStoreError } from './faults.ts'

export interface Lease {
  release(): void
}

export const LEASE_FILE = 'lease'

const SQLITE_BUSY = 5

/** Throws `StoreError` `locked` at once when another open holds the lease; never waits. */
export function takeLease(directory: string): Lease {
  const path = join(directory, LEASE_FILE)
  const note = join(directory, 'lease.json')
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { timeout: 0 })
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    writeFileSync(note, JSON.stringify({ pid: process.pid, host: hostname(), sinceMs: Date.now() }), {
      mode: 0o600,
    })
  } catch (error) {
    db?.close()
    if (sqliteCode(error) !== SQLITE_BUSY) throw toStoreError(error, path)
    throw new StoreError(
      'locked',
      `${directory} is in use by ${holder(note)}: stop that node, or give this one a data directory of its own`,
      { field: 'directory', cause: error },
    )
  }
  const held = db
  return {
    release() {
      if (held.isOpen) held.close()
    },
  }
}

function holder(note: string): string {
  try {
    const { pid, host, sinceMs } = JSON.parse(readFileSync(note, 'utf8'))
    return `process ${Number(pid)} on ${String(host)} since ${new Date(Number(sinceMs)).toISOString()}`
  } catch {
    return 'another process'
  }
}
