/**
 * Decodes batches (see encode.ts) and executes them with prepared statements, on the one connection that writes.
 * The caller owns the transaction around it.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { OP } from './encode.ts'

export type Apply = (batch: Uint8Array) => void

export function prepareApply(db: DatabaseSync): Apply {
  const sql = prepareWrites(db)
  const numberOf = channelNumbers(db)

  return (batch) => {
    const from = reader(batch)
    while (from.more()) execute(from, sql, numberOf)
  }
}

function execute(from: Reader, sql: Writes, numberOf: NumberOf): void {
  const op = from.byte()
  switch (op) {
    case OP.paymentPut: {
      const sequence = from.number()
      const statement = from.byte() === 1 ? sql.paymentOutPut : sql.paymentInPut
      const reference = from.bytes(32)
      const channel = numberOf(from.bytes(32))
      const amount = from.bytes(16)
      const state = from.byte()
      statement.run(sequence, reference, channel, amount, state, from.number(), from.number(), from.number())
      return
    }
    case OP.metaPut:
      runWithValue(sql.metaPut, [from.name()], from.value())
      return
    case OP.metaDelete:
      sql.metaDelete.run(from.name())
      return
    case OP.channelPut:
      runWithValue(sql.channelPut, [numberOf(from.bytes(32)), from.name()], from.value())
      return
    case OP.updatePut:
      runWithValue(sql.updatePut, from.line(numberOf), from.value())
      return
    case OP.updatePrune: {
      const line = from.line(numberOf)
      sql.updatePrune.run(...line)
      sql.ackPrune.run(...line)
      return
    }
    case OP.ackPut:
      runWithValue(sql.ackPut, from.line(numberOf), from.value())
      return
    case OP.outboxPut:
      runWithValue(sql.outboxPut, [from.name(), from.number()], from.value())
      return
    case OP.outboxDelete:
      sql.outboxDelete.run(from.name(), from.number())
      return
    case OP.outboxPrune:
      sql.outboxPrune.run(from.name(), from.number())
      return
    case OP.intentPut:
      runWithValue(sql.intentPut, [from.name(), from.byte()], from.value())
      return
    case OP.intentDelete:
      sql.intentDelete.run(from.name())
      return
    case OP.recordPut:
      runWithValue(sql.recordPut, [from.name(), from.value()], from.value())
      return
    case OP.recordDelete:
      sql.recordDelete.run(from.name(), from.value())
      return
    case OP.peerPut:
      runWithValue(sql.peerPut, [from.name()], from.value())
      return
    case OP.peerDelete:
      sql.peerDelete.run(from.name())
      return
    default:
      throw new Error(`store: unknown change ${op} between the threads of one process`)
  }
}

function runWithValue(
  statement: StatementSync,
  key: readonly (string | number | Uint8Array<ArrayBuffer>)[],
  value: Uint8Array<ArrayBuffer>,
): void {
  statement.run(...key, value, crc32(value))
}

type NumberOf = (channelId: Uint8Array<ArrayBuffer>) => number

type Writes = ReturnType<typeof prepareWrites>

function prepareWrites(db: DatabaseSync) {
  return {
    metaPut: db.prepare(
      'INSERT INTO meta VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes, crc = excluded.crc',
    ),
    metaDelete: db.prepare('DELETE FROM meta WHERE key = ?'),
    channelPut: db.prepare(
      'INSERT INTO channels VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET peer = excluded.peer, bytes = excluded.bytes, crc = excluded.crc',
    ),
    updatePut: db.prepare(
      'INSERT INTO updates VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes, crc = excluded.crc',
    ),
    updatePrune: db.prepare('DELETE FROM updates WHERE channel = ? AND direction = ? AND nonce < ?'),
    ackPrune: db.prepare('DELETE FROM acks WHERE channel = ? AND direction = ? AND nonce < ?'),
    ackPut: db.prepare(
      'INSERT INTO acks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes, crc = excluded.crc',
    ),
    paymentOutPut: db.prepare(paymentPut('payments_out')),
    paymentInPut: db.prepare(paymentPut('payments_in')),
    outboxPut: db.prepare(
      'INSERT INTO outbox VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes, crc = excluded.crc',
    ),
    outboxDelete: db.prepare('DELETE FROM outbox WHERE peer = ? AND sequence = ?'),
    outboxPrune: db.prepare('DELETE FROM outbox WHERE peer = ? AND sequence <= ?'),
    intentPut: db.prepare(
      'INSERT INTO intents VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open, bytes = excluded.bytes, crc = excluded.crc',
    ),
    intentDelete: db.prepare('DELETE FROM intents WHERE intent_id = ?'),
    recordPut: db.prepare(
      'INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes, crc = excluded.crc',
    ),
    recordDelete: db.prepare('DELETE FROM records WHERE space = ? AND key = ?'),
    peerPut: db.prepare(
      'INSERT INTO peers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes, crc = excluded.crc',
    ),
    peerDelete: db.prepare('DELETE FROM peers WHERE node_id = ?'),
  }
}

function paymentPut(table: string): string {
  return `INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    reference = excluded.reference, channel = excluded.channel, amount = excluded.amount,
    void = excluded.void, nonce = excluded.nonce, position = excluded.position, at_ms = excluded.at_ms`
}

/**
 * The number that stands for a channel id in every table, given at first use. The memory of it can be ahead of the
 * disk only after a rollback, and after one the store has failed for good.
 */
function channelNumbers(db: DatabaseSync): NumberOf {
  const select = db.prepare('SELECT number FROM channel_numbers WHERE channel_id = ?')
  const insert = db.prepare('INSERT INTO channel_numbers (channel_id) VALUES (?) RETURNING number')
  const known = new Map<string, number>()
  let last: Uint8Array = new Uint8Array(0)
  let lastNumber = 0

  return (channelId) => {
    if (Buffer.compare(last, channelId) === 0) return lastNumber
    const name = Buffer.from(channelId.buffer, channelId.byteOffset, 32).toString('latin1')
    let number = known.get(name)
    if (number === undefined) {
      number = Number((select.get(channelId) ?? insert.get(channelId))?.number)
      known.set(name, number)
    }
    last = channelId.slice()
    lastNumber = number
    return number
  }
}

interface Reader {
  more(): boolean
  byte(): number
  number(): number
  bytes(length: number): Uint8Array<ArrayBuffer>
  name(): string
  value(): Uint8Array<ArrayBuffer>
  line(numberOf: NumberOf): [number, number, number]
}

function reader(source: Uint8Array): Reader {
  const buffer = Buffer.from(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength)
  let at = 0
  const from: Reader = {
    more: () => at < buffer.length,
    byte: () => buffer.readUInt8(at++),
    number() {
      at += 8
      return buffer.readDoubleBE(at - 8)
    },
    bytes(length) {
      at += length
      return buffer.subarray(at - length, at)
    },
    name() {
      const length = buffer.readUInt8(at)
      at += 1 + length
      return buffer.toString('latin1', at - length, at)
    },
    value() {
      const length = buffer.readUInt32BE(at)
      at += 4 + length
      return buffer.subarray(at - length, at)
    },
    line: (numberOf) => [numberOf(from.bytes(32)), from.byte(), from.number()],
  }
  return from
}
