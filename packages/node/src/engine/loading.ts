/** What the store holds at start, read before the loop runs. */

import { decodeMessage, decodeOperations } from '@tallystick/protocol'
import type { PaymentRow, Store } from '../store/port.ts'
import { MAX_PAGE_ROWS } from '../store/port.ts'
import type { Endpoint } from '../transport/port.ts'
import { decodeChannel, type StoredChannel } from './channel-record.ts'
import type { EnginePorts } from './ports.ts'

const FORMAT_KEY = 'engine.format'
const FORMAT = '1'
const LOST_KEY = 'engine.lost-data-marked'

export interface LoadedChannel extends StoredChannel {
  readonly peer: string
  /** Own lines that the peer has not acknowledged, ascending, with the rows of their payments in order. */
  readonly lines: readonly LoadedLine[]
}

export interface LoadedLine {
  readonly nonce: number
  readonly bytes: Uint8Array
  readonly payments: readonly PaymentRow[]
}

export interface Loaded {
  readonly channels: readonly LoadedChannel[]
  readonly peers: readonly { readonly nodeId: string; readonly endpoint: Endpoint | undefined }[]
  readonly lastSequence: number
  /** Every channel here must be marked lost before anything is signed (CL-30). */
  readonly markLost: boolean
}

export async function load(ports: EnginePorts, acceptedLostData: boolean): Promise<Loaded> {
  const { store } = ports
  const format = await store.getMeta(FORMAT_KEY)
  if (format !== undefined && Buffer.from(format).toString() !== FORMAT)
    throw new Error(
      `the data directory was written by another version (format ${Buffer.from(format).toString()})`,
    )
  const marked = (await store.getMeta(LOST_KEY)) !== undefined
  const channels: LoadedChannel[] = []
  let after: Uint8Array | undefined
  for (;;) {
    const page = await store.listChannels({ limit: 1_000, ...(after === undefined ? {} : { after }) })
    for (const row of page) {
      const stored = decodeChannel(ports.crypto, row.bytes)
      channels.push({ ...stored, peer: row.peer, lines: await loadLines(store, row.channelId, stored) })
    }
    const last = page.at(-1)
    if (last === undefined || page.length < 1_000) break
    after = last.channelId
  }
  return {
    channels,
    peers: await loadPeers(store),
    lastSequence: await store.lastPaymentSequence(),
    markLost: store.lostData && (acceptedLostData || !marked),
  }
}

/** Committed with the marks themselves, before anything else. */
export function loadedMarks(
  markLost: boolean,
): readonly { type: 'meta.put'; row: { key: string; bytes: Uint8Array } }[] {
  const format = { type: 'meta.put', row: { key: FORMAT_KEY, bytes: Buffer.from(FORMAT) } } as const
  return markLost ? [format, { type: 'meta.put', row: { key: LOST_KEY, bytes: Buffer.from('1') } }] : [format]
}

async function loadLines(
  store: Store,
  channelId: Uint8Array,
  stored: StoredChannel,
): Promise<readonly LoadedLine[]> {
  const { out, setup } = stored.core
  if (out.live.length === 0) return []
  const rows = await store.listUpdates({
    channelId,
    direction: setup.party,
    fromNonce: out.agreed.nonce + 1,
    toNonce: out.lastNonce,
    limit: MAX_PAGE_ROWS,
  })
  const lines: LoadedLine[] = []
  for (const { nonce, bytes } of rows)
    lines.push({ nonce, bytes, payments: await loadPayments(store, bytes) })
  const missing = out.live.find(({ nonce }) => !lines.some((line) => line.nonce === nonce))
  if (missing !== undefined)
    throw new Error(`the bytes of the live line ${missing.nonce} are not in the store`)
  return lines
}

async function loadPayments(store: Store, bytes: Uint8Array): Promise<readonly PaymentRow[]> {
  const decoded = decodeMessage(bytes)
  if (!decoded.ok || decoded.message.type !== 'update') throw new Error('a stored line is not an update')
  const encoded = decodeOperations(decoded.message.operations, decoded.message.operationCount)
  if ('code' in encoded) throw new Error(`a stored line: ${encoded.code} ${encoded.field}`)
  const references = encoded.operations.flatMap((operation) =>
    operation.type === 'pay' ? [operation.reference] : [],
  )
  if (references.length === 0) return []
  const found = await store.findPayments('outgoing', references)
  return found.map((row) => {
    if (row === undefined) throw new Error('a payment of a stored line is not in the store')
    return row
  })
}

async function loadPeers(store: Store): Promise<Loaded['peers']> {
  const peers: { nodeId: string; endpoint: Endpoint | undefined }[] = []
  let after: string | undefined
  for (;;) {
    const page = await store.listPeers({ limit: 1_000, ...(after === undefined ? {} : { after }) })
    for (const { nodeId, bytes } of page) {
      const { host, port } = JSON.parse(Buffer.from(bytes).toString()) as { host?: string; port?: number }
      peers.push({ nodeId, endpoint: host === undefined || port === undefined ? undefined : { host, port } })
    }
    const last = page.at(-1)
    if (last === undefined || page.length < 1_000) return peers
    after = last.nodeId
  }
}
