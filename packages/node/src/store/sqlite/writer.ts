/**
 * The main thread's side of the writer: hands batches over, keeps their promises in order, and fails for good with the
 * first failure of the writer.
 */
import { Worker } from 'node:worker_threads'
import { StoreError, type StoreErrorCode } from '../port.ts'

/** What the writer is started with. */
export interface WriterData {
  readonly path: string
  /** Pages the database may grow to; SQLite reports disk-full beyond. */
  readonly maxPages: number | undefined
}

export type WriterRequest =
  | { readonly type: 'commit'; readonly id: number; readonly batch: Uint8Array<ArrayBuffer> }
  | { readonly type: 'close' }

export type WriterReport =
  | { readonly type: 'ready' }
  /** Every commit up to and including this id is durable. */
  | { readonly type: 'durable'; readonly through: number }
  | { readonly type: 'failed'; readonly code: StoreErrorCode; readonly message: string }

export interface Writer {
  /** Takes ownership of `batch`. */
  commit(batch: Uint8Array<ArrayBuffer>): Promise<void>
  /** Waits for what is under way, then ends the thread. */
  close(): Promise<void>
}

interface Waiting {
  readonly id: number
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

/** Starts the thread; rejects with the typed reason when it cannot open the database. */
export async function startWriter(data: WriterData): Promise<Writer> {
  const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), {
    workerData: data,
    name: 'tallystick-store-writer',
  })
  const waiting: Waiting[] = []
  let lastId = 0
  let failure: StoreError | undefined

  const ready = new Promise<void>((resolve, reject) => {
    waiting.push({ id: 0, resolve, reject })
  })
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))

  worker.on('message', (report: WriterReport) => {
    if (report.type === 'failed') {
      fail(new StoreError(report.code, report.message))
      send({ type: 'close' }, [])
    } else settleThrough(report.type === 'ready' ? 0 : report.through)
  })
  worker.on('error', (error) => fail(threadEnded(error)))
  worker.on('exit', () => fail(threadEnded(undefined)))

  try {
    await ready
  } catch (error) {
    await worker.terminate()
    throw error
  }

  return { commit, close }

  function commit(batch: Uint8Array<ArrayBuffer>): Promise<void> {
    if (failure !== undefined) return Promise.reject(afterFailure(failure))
    const id = ++lastId
    return new Promise((resolve, reject) => {
      waiting.push({ id, resolve, reject })
      send({ type: 'commit', id, batch }, [batch.buffer])
    })
  }

  async function close(): Promise<void> {
    // After a failure it was told already.
    if (failure === undefined) send({ type: 'close' }, [])
    await exited
  }

  /** Only a thread with work to do keeps the process alive. */
  function send(request: WriterRequest, transfer: ArrayBuffer[]): void {
    worker.ref()
    worker.postMessage(request, transfer)
  }

  function settleThrough(id: number): void {
    let count = 0
    for (const entry of waiting) {
      if (entry.id > id) break
      entry.resolve()
      count++
    }
    waiting.splice(0, count)
    if (waiting.length === 0) worker.unref()
  }

  function fail(error: StoreError): void {
    if (failure !== undefined) return
    failure = error
    const [first, ...rest] = waiting.splice(0)
    first?.reject(error)
    for (const entry of rest) entry.reject(afterFailure(error))
  }
}

function afterFailure(cause: StoreError): StoreError {
  return new StoreError('failed', `an earlier commit failed, nothing is written any more: ${cause.message}`, {
    cause,
  })
}

function threadEnded(cause: unknown): StoreError {
  return new StoreError('io', 'the writer thread of the store ended unexpectedly: start the node again', {
    cause,
  })
}
