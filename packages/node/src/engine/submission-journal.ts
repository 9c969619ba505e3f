/**
 * Where the chain adapter keeps its signed transactions: the node's own store. A transaction is durable here before it is
 * sent, so a crash between the two never pays twice.
 */

import type { SubmissionJournal } from '@tallystick/protocol'
import type { Store } from '../store/port.ts'

const PREFIX = 'tx/'
const PAGE = 1_000

export function storeJournal(store: Store): SubmissionJournal {
  return {
    async load() {
      const found: { key: string; record: string }[] = []
      let after: string | undefined
      for (;;) {
        const page = await store.listIntents({ limit: PAGE, ...(after === undefined ? {} : { after }) })
        for (const { intentId, bytes } of page) {
          if (!intentId.startsWith(PREFIX)) continue
          found.push({ key: intentId.slice(PREFIX.length), record: Buffer.from(bytes).toString() })
        }
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) return found
        after = last.intentId
      }
    },
    save: (key, record) =>
      store.commit([
        { type: 'intent.put', row: { intentId: `${PREFIX}${key}`, open: true, bytes: Buffer.from(record) } },
      ]),
  }
}
