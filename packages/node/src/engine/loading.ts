/** What the store holds at start, read before the loop runs. */

import type { FeePolicy } from '@tallystick/protocol'
import { decodeMessage, decodeOperations } from '@tallystick/protocol'
import type { PaymentRow, Store } from '../store/port.ts'
import { MAX_PAGE_ROWS } from '../store/port.ts'
import type { Endpoint } from '../transport/port.ts'
import { decodeChannel, type StoredChannel } from './channel-record.ts'
import { type InvoiceBook, loadInvoices } from './htlc/invoices.ts'
import { loadNetworkPayments, type NetworkPaymentBook } from './htlc/pay.ts'
import { loadWanted } from './joint/agreements.ts'
import { type JointPayBook, loadJoints } from './joint/joint-book.ts'
import { loadUses, type StoredUses } from './locks/resume.ts'
import { loadAnnounced, loadPolicies } from './policies.ts'
import type { EnginePorts } from './ports.ts'
import { loadRegistry, type RegistryBook } from './registry-book.ts'
import type { Hex } from './service.ts'

const FORMAT_KEY = 'engine.format'
const FORMAT = '1'
const LOST_KEY = 'engine.lost-data-marked'

export interface LoadedChannel extends StoredChannel {
  readonly peer: string
  /** Own lines whose payments are open, ascending, with the rows of their payments in order. */
  readonly lines: readonly LoadedLine[]
}

export interface LoadedLine {
  readonly nonce: number
  readonly base: number
  readonly bytes: Uint8Array
  readonly payments: readonly PaymentRow[]
}

export interface Loaded {
  readonly channels: readonly LoadedChannel[]
  readonly peers: readonly { readonly nodeId: string; readonly endpoint: Endpoint | undefined }[]
  readonly lastSequence: number
  readonly registry: RegistryBook
  readonly uses: StoredUses
  readonly policies: Map<Hex, FeePolicy>
  readonly announced: Set<Hex>
  readonly invoices: InvoiceBook
  readonly netPayments: NetworkPaymentBook
  readonly jointPays: JointPayBook
  readonly wantedJoints: Map<Hex, bigint>
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
    registry: await loadRegistry(store),
    uses: await loadUses(store),
    policies: await loadPolicies(store),
    announced: await loadAnnounced(store),
    invoices: await loadInvoices(store),
    netPayments: await loadNetworkPayments(store),
    wantedJoints: await loadWanted(store),
    jointPays: await loadJoints(store, ports.crypto),
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

/** Live lines, and those that an acknowledgement waived and that may count all the same; none once the end decided. */
async function loadLines(
  store: Store,
  channelId: Uint8Array,
  { core, record }: StoredChannel,
): Promise<readonly LoadedLine[]> {
  const { out, setup } = core
  const wanted = new Set(record.linesDecided ? [] : [...record.waived, ...out.live.map(({ nonce }) => nonce)])
  const lines: LoadedLine[] = []
  let fromNonce = Math.min(...wanted)
  while (wanted.size > 0) {
    const page = {
      channelId,
      direction: setup.party,
      fromNonce,
      toNonce: out.lastNonce,
      limit: MAX_PAGE_ROWS,
    }
    const rows = await store.listUpdates(page)
    for (const { nonce, bytes } of rows)
      if (wanted.delete(nonce)) lines.push({ nonce, bytes, ...(await readLine(store, bytes)) })
    fromNonce = (rows.at(-1)?.nonce ?? out.lastNonce) + 1
    const [missing] = wanted
    if (rows.length < MAX_PAGE_ROWS && missing !== undefined)
      throw new Error(`the bytes of the open line ${missing} are not in the store`)
  }
  return lines
}

async function readLine(
  store: Store,
  bytes: Uint8Array,
): Promise<{ readonly base: number; readonly payments: readonly PaymentRow[] }> {
  const decoded = decodeMessage(bytes)
  if (!decoded.ok || decoded.message.type !== 'update') throw new Error('a stored line is not an update')
  const { base, operations, operationCount } = decoded.message
  const encoded = decodeOperations(operations, operationCount)
  if ('code' in encoded) throw new Error(`a stored line: ${encoded.code} ${encoded.field}`)
  const references = encoded.operations.flatMap((operation) =>
    operation.type === 'pay' ? [operation.reference] : [],
  )
  if (references.length === 0) return { base, payments: [] }
  const found = await store.findPayments('outgoing', references)
  const payments = found.map((row) => {
    if (row === undefined) throw new Error('a payment of a stored line is not in the store')
    return row
  })
  return { base, payments }
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
