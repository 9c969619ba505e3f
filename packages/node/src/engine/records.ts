/** Records of the engine as JSON: bigints as decimal text behind a mark. */

import { MAX_PAGE_ROWS, type Store } from '../store/port.ts'
import type { Group } from './runtime.ts'

export function putRecord(group: Group, space: string, key: Uint8Array, value: object): void {
  group.changes.push({ type: 'record.put', row: { space, key, bytes: encodeJson(value) } })
}

export function encodeJson(value: object): Uint8Array {
  return Buffer.from(
    JSON.stringify(value, (_key, held) => (typeof held === 'bigint' ? { '#': `${held}` } : held)),
  )
}

export function decodeJson<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString(), (_key, held) =>
    typeof held === 'object' && held !== null && '#' in held ? BigInt(held['#']) : held,
  ) as T
}

/** Every record of a space, page by page. */
export async function* recordsOf<T>(store: Store, space: string): AsyncGenerator<T> {
  let after: Uint8Array | undefined
  for (;;) {
    const page = await store.listRecords({
      space,
      limit: MAX_PAGE_ROWS,
      ...(after === undefined ? {} : { after }),
    })
    for (const { bytes } of page) yield decodeJson<T>(bytes)
    after = page.at(-1)?.key
    if (page.length < MAX_PAGE_ROWS) return
  }
}
