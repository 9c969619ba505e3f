/**
 * The one thread that writes. It takes every batch that is waiting, executes them in one transaction, and reports them
 * durable once SQLite has flushed the log: while it waits for the disk the main thread goes on signing and hashing.
 * A failure is reported once, and nothing is written after it.
 */
import { DatabaseSync } from 'node:sqlite'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type Apply, prepareApply } from './apply.ts'
import { toStoreError } from './faults.ts'
import { configureConnection } from './schema.ts'
import type { WriterData, WriterReport, WriterRequest } from './writer.ts'

/** Bounds one transaction, so that the first of many waiting batches is not kept waiting for all of them. */
const MAX_GROUP_BYTES = 8 * 1024 * 1024
/** Pages of log after which a commit also copies the log into the database (SQLite's checkpoint). */
const CHECKPOINT_PAGES = 4_000

if (parentPort !== null) run(parentPort, workerData)

function run(port: MessagePort, data: WriterData): void {
  let db: DatabaseSync
  let apply: Apply
  try {
    db = openConnection(data)
    apply = prepareApply(db)
  } catch (error) {
    reportFailure(error)
    // Waits to be ended: see below.
    port.on('message', () => port.close())
    return
  }
  report({ type: 'ready' })
  let failed = false

  port.on('message', (first: WriterRequest) => {
    // A report is lost when the thread ends right behind it, so after a failure the thread stays until it is told to close.
    let waiting: WriterRequest | undefined = failed && first.type === 'commit' ? undefined : first
    try {
      while (waiting?.type === 'commit') {
        const group = takeGroup(waiting)
        commitGroup(group.batches)
        report({ type: 'durable', through: group.through })
        waiting = group.next
      }
    } catch (error) {
      failed = true
      reportFailure(error)
      return
    }
    if (waiting?.type === 'close') end()
  })

  /** The thread exits with its last handle; what still waits in the port is never looked at. */
  function end(): void {
    port.close()
    db.close()
  }

  function takeGroup(first: Extract<WriterRequest, { type: 'commit' }>) {
    const batches = [first.batch]
    let through = first.id
    let bytes = first.batch.length
    let next = receive()
    while (next?.type === 'commit' && bytes + next.batch.length <= MAX_GROUP_BYTES) {
      batches.push(next.batch)
      through = next.id
      bytes += next.batch.length
      next = receive()
    }
    return { batches, through, next }
  }

  function commitGroup(batches: readonly Uint8Array[]): void {
    db.exec('BEGIN IMMEDIATE')
    try {
      for (const batch of batches) apply(batch)
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  function receive(): WriterRequest | undefined {
    return receiveMessageOnPort(port)?.message
  }

  function reportFailure(error: unknown): void {
    const { code, message } = toStoreError(error, data.path)
    report({ type: 'failed', code, message })
  }

  function report(message: WriterReport): void {
    port.postMessage(message)
  }
}

function openConnection(data: WriterData): DatabaseSync {
  const db = new DatabaseSync(data.path, { timeout: 5_000 })
  configureConnection(db)
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -32768`)
  if (data.maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${data.maxPages}`)
  return db
}
