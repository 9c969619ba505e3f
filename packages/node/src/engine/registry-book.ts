/**
 * What the condition registry has said, from the events that the chain watch delivers: so no lock costs a question to the
 * chain. The watch starts at the bank's first block and misses nothing; what final blocks said is durable with the
 * cursor, the rest is read again after a restart. A condition without an event has not been met.
 */

import { type BlockRef, type ChainEvent, fromHex } from '@tallystick/protocol'
import type { Store } from '../store/port.ts'
import { MAX_PAGE_ROWS } from '../store/port.ts'
import type { Change, Group } from './runtime.ts'
import type { Hex } from './service.ts'

type Resolved = Extract<ChainEvent, { name: 'Resolved' }>

/** Unix seconds of the block that met it; 0: not met there. */
export interface Resolution {
  readonly final: number
  readonly latest: number
}

export interface RegistryBook {
  /** By condition id, of those that were met. */
  readonly met: Map<Hex, Resolution>
}

const SPACE = 'resolved'
const NOT_MET: Resolution = { final: 0, latest: 0 }

export async function loadRegistry(store: Store): Promise<RegistryBook> {
  const met = new Map<Hex, Resolution>()
  let after: Uint8Array | undefined
  for (;;) {
    const page = await store.listRecords({
      space: SPACE,
      limit: MAX_PAGE_ROWS,
      ...(after === undefined ? {} : { after }),
    })
    for (const { key, bytes } of page) {
      const seconds = Buffer.from(bytes).readDoubleBE(0)
      met.set(`0x${Buffer.from(key).toString('hex')}`, { final: seconds, latest: seconds })
    }
    after = page.at(-1)?.key
    if (page.length < MAX_PAGE_ROWS) return { met }
  }
}

export function resolutionOf(book: RegistryBook, condition: Hex): Resolution {
  return book.met.get(condition) ?? NOT_MET
}

export function seeResolved(book: RegistryBook, event: Resolved): void {
  const known = resolutionOf(book, event.conditionId)
  book.met.set(event.conditionId, { final: known.final, latest: Number(event.block.timestampSeconds) })
}

export function retractResolved(book: RegistryBook, event: Resolved): void {
  const { final } = resolutionOf(book, event.conditionId)
  if (final === 0) book.met.delete(event.conditionId)
  else book.met.set(event.conditionId, { final, latest: final })
}

/** In the group that commits the cursor. */
export function settleResolved(book: RegistryBook, group: Group, event: Resolved): void {
  const key = fromHex(event.conditionId, 32)
  if (key === undefined) return
  const seconds = Number(event.block.timestampSeconds)
  book.met.set(event.conditionId, { final: seconds, latest: seconds })
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleBE(seconds)
  group.changes.push({ type: 'record.put', row: { space: SPACE, key, bytes } })
}

/** Final blocks above `to` left the chain: what they said was never said. */
export function rewindResolved(book: RegistryBook, group: Group, to: BlockRef | undefined): void {
  const last = Number(to?.timestampSeconds ?? -1n)
  for (const [condition, { final }] of book.met) {
    if (final !== 0 && final <= last) continue
    book.met.delete(condition)
    const key = fromHex(condition, 32)
    const gone: Change | undefined =
      key === undefined || final === 0 ? undefined : { type: 'record.delete', space: SPACE, key }
    if (gone !== undefined) group.changes.push(gone)
  }
}
