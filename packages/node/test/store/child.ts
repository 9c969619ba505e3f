/**
 * A process that opens a store and, told to, commits stamped batches at full speed until it is killed. Each line it
 * prints is a promise: `opened`, `refused <code>`, and one number for each batch that was told durable.
 */
import { writeSync } from 'node:fs'
import type { OpenStoreOptions, Store } from '../../src/store/index.ts'
import { stampedBatch } from './stamped-batch.ts'

const [moduleUrl = '', exportName = '', directory = '', mode = ''] = process.argv.slice(2)
const IN_FLIGHT = 4

const open: (options: OpenStoreOptions) => Promise<Store> = (await import(moduleUrl))[exportName]
const say = (line: string | number) => writeSync(1, `${line}\n`)

try {
  const store = await open({ directory })
  say('opened')
  if (mode === 'commit') await commitForever(store)
  else setInterval(() => {}, 1_000_000)
} catch (error) {
  say(`refused ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`)
}

async function commitForever(store: Store): Promise<void> {
  const stored = await store.getMeta('stamp')
  let stamp = stored === undefined ? 0 : new DataView(stored.buffer, stored.byteOffset).getFloat64(0)
  const workers = Array.from({ length: IN_FLIGHT }, async () => {
    for (;;) {
      const mine = ++stamp
      await store.commit(stampedBatch(mine))
      say(mine)
    }
  })
  await Promise.all(workers)
}
