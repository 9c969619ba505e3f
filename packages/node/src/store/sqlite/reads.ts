/** The reads of the store, on a connection of their own: each is one short look at the last durable state. */
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import {
  type AckRow,
  type ChannelRow,
  type IntentRow,
  MAX_PAGE_ROWS,
  type OutboxRow,
  type PaymentRow,
  type PaymentRowQuery,
  type PeerRow,
  type RecordRow,
  StoreError,
  type UpdateKey,
  type UpdateRange,
  type UpdateRow,
} from '../port.ts'
import { assertBytes32, assertName, assertRecordKey, assertWhole, refuse } from './encode.ts'

type Row = Record<string, SQLOutputValue>

export function prepareReads(db: DatabaseSync) {
  const prepared = new Map<string, StatementSync>()

  return {
    getMeta(key: string): Uint8Array | undefined {
      assertName('key', key)
      const row = one('SELECT * FROM meta WHERE key = ?', key)
      return row && checkedBytes(row, 'meta', key)
    },

    getChannel(channelId: Uint8Array): ChannelRow | undefined {
      assertBytes32('channelId', channelId)
      const row = one(`${CHANNELS} WHERE channel_id = ?`, channelId)
      return row && toChannel(row)
    },

    listChannels(page: { readonly after?: Uint8Array; readonly limit: number }): ChannelRow[] {
      if (page.after !== undefined) assertBytes32('after', page.after)
      const after = page.after ?? new Uint8Array(0)
      return many(`${CHANNELS} WHERE channel_id > ? ORDER BY channel_id`, page.limit, after).map(toChannel)
    },

    getUpdate(key: UpdateKey): UpdateRow | undefined {
      assertLine(key)
      const row = one(`${UPDATES} AND nonce = ?`, key.channelId, key.direction, key.nonce)
      return row && toLine(row, key, 'updates')
    },

    listUpdates(range: UpdateRange): UpdateRow[] {
      assertLine({ ...range, nonce: 1 })
      assertWhole('fromNonce', range.fromNonce)
      assertWhole('toNonce', range.toNonce)
      const { channelId, direction, fromNonce, toNonce } = range
      return many(
        `${UPDATES} AND nonce >= ? AND nonce <= ? ORDER BY nonce`,
        range.limit,
        channelId,
        direction,
        fromNonce,
        toNonce,
      ).map((row) => toLine(row, range, 'updates'))
    },

    getAck(key: UpdateKey): AckRow | undefined {
      assertLine(key)
      const row = one(`${ACKS} AND nonce = ?`, key.channelId, key.direction, key.nonce)
      return row && toLine(row, key, 'acks')
    },

    findPayments(
      direction: PaymentRow['direction'],
      references: readonly Uint8Array[],
    ): (PaymentRow | undefined)[] {
      if (references.length > MAX_PAGE_ROWS) refuse('references', `must be at most ${MAX_PAGE_ROWS}`)
      for (const reference of references) assertBytes32('reference', reference)
      const find = statement(`${paymentsOf(direction)} WHERE reference = ? ORDER BY sequence LIMIT 1`)
      return inOneLook(() =>
        references.map((reference) => {
          const row = find.get(reference)
          return row && toPayment(row, direction)
        }),
      )
    },

    listPayments(query: PaymentRowQuery): PaymentRow[] {
      assertLimit(query.limit)
      if (query.direction !== undefined) return listOneDirection(query.direction, query)
      const [outgoing, incoming] = inOneLook(() => [
        listOneDirection('outgoing', query),
        listOneDirection('incoming', query),
      ])
      return [...(outgoing ?? []), ...(incoming ?? [])]
        .sort((a, b) => b.sequence - a.sequence)
        .slice(0, query.limit)
    },

    lastPaymentSequence(): number {
      const row = one(
        'SELECT max(ifnull((SELECT max(sequence) FROM payments_out), 0), ifnull((SELECT max(sequence) FROM payments_in), 0)) AS last',
      )
      return Number(row?.last)
    },

    listOutbox(page: {
      readonly peer: string
      readonly after?: number
      readonly limit: number
    }): OutboxRow[] {
      assertName('peer', page.peer)
      const after = page.after ?? 0
      assertWhole('after', after)
      return many(
        'SELECT * FROM outbox WHERE peer = ? AND sequence > ? ORDER BY sequence',
        page.limit,
        page.peer,
        after,
      ).map((row) => ({
        peer: page.peer,
        sequence: Number(row.sequence),
        bytes: checkedBytes(row, 'outbox', page.peer),
      }))
    },

    listOutboxPeers(): { peer: string; lastSequence: number }[] {
      return statement('SELECT peer, max(sequence) AS last FROM outbox GROUP BY peer ORDER BY peer')
        .all()
        .map((row) => ({ peer: String(row.peer), lastSequence: Number(row.last) }))
    },

    getIntent(intentId: string): IntentRow | undefined {
      assertName('intentId', intentId)
      const row = one('SELECT * FROM intents WHERE intent_id = ?', intentId)
      return row && toIntent(row)
    },

    listIntents(page: {
      readonly open?: boolean
      readonly after?: string
      readonly limit: number
    }): IntentRow[] {
      const after = page.after ?? ''
      if (page.after !== undefined) assertName('after', page.after)
      const rows =
        page.open === undefined
          ? many('SELECT * FROM intents WHERE intent_id > ? ORDER BY intent_id', page.limit, after)
          : many(
              'SELECT * FROM intents WHERE open = ? AND intent_id > ? ORDER BY intent_id',
              page.limit,
              page.open ? 1 : 0,
              after,
            )
      return rows.map(toIntent)
    },

    getRecord(space: string, key: Uint8Array): RecordRow | undefined {
      assertName('space', space)
      assertRecordKey('key', key)
      const row = one('SELECT * FROM records WHERE space = ? AND key = ?', space, key)
      return row && toRecord(row)
    },

    listRecords(page: {
      readonly space: string
      readonly after?: Uint8Array
      readonly limit: number
    }): RecordRow[] {
      assertName('space', page.space)
      if (page.after !== undefined) assertRecordKey('after', page.after)
      return many(
        'SELECT * FROM records WHERE space = ? AND key > ? ORDER BY key',
        page.limit,
        page.space,
        page.after ?? new Uint8Array(0),
      ).map(toRecord)
    },

    getPeer(nodeId: string): PeerRow | undefined {
      assertName('nodeId', nodeId)
      const row = one('SELECT * FROM peers WHERE node_id = ?', nodeId)
      return row && toPeer(row)
    },

    listPeers(page: { readonly after?: string; readonly limit: number }): PeerRow[] {
      if (page.after !== undefined) assertName('after', page.after)
      return many('SELECT * FROM peers WHERE node_id > ? ORDER BY node_id', page.limit, page.after ?? '').map(
        toPeer,
      )
    },
  }

  function statement(sql: string): StatementSync {
    let found = prepared.get(sql)
    if (found === undefined) {
      found = db.prepare(sql)
      prepared.set(sql, found)
    }
    return found
  }

  function one(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return statement(sql).get(...values)
  }

  function many(sql: string, limit: number, ...values: SQLInputValue[]): Row[] {
    assertLimit(limit)
    return statement(`${sql} LIMIT ?`).all(...values, limit)
  }

  function listOneDirection(direction: PaymentRow['direction'], query: PaymentRowQuery): PaymentRow[] {
    const { channelId, reference, before } = query
    const conditions: string[] = []
    const values: SQLInputValue[] = []
    if (channelId !== undefined) {
      assertBytes32('channelId', channelId)
      conditions.push(`channel = (${CHANNEL_NUMBER})`)
      values.push(channelId)
    }
    if (reference !== undefined) {
      assertBytes32('reference', reference)
      conditions.push('reference = ?')
      values.push(reference)
    }
    if (before !== undefined) {
      assertWhole('before', before)
      conditions.push('sequence < ?')
      values.push(before)
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
    return many(`${paymentsOf(direction)} ${where} ORDER BY sequence DESC`, query.limit, ...values).map(
      (row) => toPayment(row, direction),
    )
  }

  /** Many statements, one state of the database. */
  function inOneLook<T>(look: () => T): T {
    db.exec('BEGIN')
    try {
      return look()
    } finally {
      db.exec('COMMIT')
    }
  }
}

const CHANNELS = 'SELECT channel_id, peer, bytes, crc FROM channels JOIN channel_numbers ON number = channel'
const CHANNEL_NUMBER = 'SELECT number FROM channel_numbers WHERE channel_id = ?'
const UPDATES = `SELECT nonce, bytes, crc FROM updates WHERE channel = (${CHANNEL_NUMBER}) AND direction = ?`
const ACKS = `SELECT nonce, bytes, crc FROM acks WHERE channel = (${CHANNEL_NUMBER}) AND direction = ?`

function paymentsOf(direction: PaymentRow['direction']): string {
  if (direction !== 'outgoing' && direction !== 'incoming') {
    refuse('direction', 'must be outgoing or incoming')
  }
  const table = direction === 'outgoing' ? 'payments_out' : 'payments_in'
  return `SELECT ${table}.*, (SELECT channel_id FROM channel_numbers WHERE number = channel) AS channel_id FROM ${table}`
}

function toPayment(row: Row, direction: PaymentRow['direction']): PaymentRow {
  const amount = bytesOf(row.amount)
  const view = new DataView(amount.buffer, amount.byteOffset, 16)
  return {
    sequence: Number(row.sequence),
    direction,
    reference: bytesOf(row.reference),
    channelId: bytesOf(row.channel_id),
    amount: (view.getBigUint64(0) << 64n) | view.getBigUint64(8),
    state: row.void === 0 ? 'live' : 'void',
    nonce: Number(row.nonce),
    index: Number(row.position),
    atMs: Number(row.at_ms),
  }
}

function toChannel(row: Row): ChannelRow {
  const channelId = bytesOf(row.channel_id)
  return { channelId, peer: String(row.peer), bytes: checkedBytes(row, 'channels', hexOf(channelId)) }
}

function toLine(row: Row, key: Pick<UpdateKey, 'channelId' | 'direction'>, table: string): UpdateRow {
  const name = `${hexOf(key.channelId)}/${key.direction}/${String(row.nonce)}`
  return {
    channelId: key.channelId,
    direction: key.direction,
    nonce: Number(row.nonce),
    bytes: checkedBytes(row, table, name),
  }
}

function toIntent(row: Row): IntentRow {
  const intentId = String(row.intent_id)
  return { intentId, open: row.open === 1, bytes: checkedBytes(row, 'intents', intentId) }
}

function toRecord(row: Row): RecordRow {
  const space = String(row.space)
  const key = bytesOf(row.key)
  return { space, key, bytes: checkedBytes(row, 'records', `${space}/${hexOf(key)}`) }
}

function toPeer(row: Row): PeerRow {
  const nodeId = String(row.node_id)
  return { nodeId, bytes: checkedBytes(row, 'peers', nodeId) }
}

function checkedBytes(row: Row, table: string, name: string): Uint8Array {
  const bytes = bytesOf(row.bytes)
  if (crc32(bytes) !== row.crc) {
    throw new StoreError(
      'corrupt',
      `${table}: the row ${name} is damaged (checksum): do not repair it in place; keep a copy of the data directory`,
      { field: table },
    )
  }
  return bytes
}

function bytesOf(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new StoreError('corrupt', 'a column that must hold bytes does not: keep a copy of the data directory')
}

function assertLine(key: UpdateKey): void {
  assertBytes32('channelId', key.channelId)
  if (key.direction !== 0 && key.direction !== 1) refuse('direction', 'must be 0 or 1')
  assertWhole('nonce', key.nonce)
}

function assertLimit(limit: number): void {
  assertWhole('limit', limit, 1)
  if (limit > MAX_PAGE_ROWS) refuse('limit', `must be at most ${MAX_PAGE_ROWS}`)
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
