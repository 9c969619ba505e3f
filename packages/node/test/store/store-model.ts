/**
 * The store as plain maps: what any adapter must answer after any batches. It knows nothing of disks, and states in a
 * page what `src/store/port.ts` says in words.
 */
import type { Batch, Change, PaymentRow } from '../../src/store/index.ts'

type Row<Type extends Change['type']> = Extract<Change, { type: Type }> extends { row: infer R } ? R : never

export interface StoreModel {
  readonly meta: Map<string, Row<'meta.put'>>
  readonly channels: Map<string, Row<'channel.put'>>
  readonly updates: Map<string, Row<'update.put'>>
  readonly acks: Map<string, Row<'ack.put'>>
  readonly payments: Map<string, PaymentRow>
  readonly outbox: Map<string, Row<'outbox.put'>>
  readonly intents: Map<string, Row<'intent.put'>>
  readonly records: Map<string, Row<'record.put'>>
  readonly peers: Map<string, Row<'peer.put'>>
}

export function emptyModel(): StoreModel {
  return {
    meta: new Map(),
    channels: new Map(),
    updates: new Map(),
    acks: new Map(),
    payments: new Map(),
    outbox: new Map(),
    intents: new Map(),
    records: new Map(),
    peers: new Map(),
  }
}

export function applyToModel(model: StoreModel, batch: Batch): void {
  for (const change of batch) applyChange(model, change)
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function lineName(line: { channelId: Uint8Array; direction: 0 | 1; nonce: number }): string {
  return `${hex(line.channelId)}/${line.direction}/${line.nonce}`
}

function applyChange(model: StoreModel, change: Change): void {
  switch (change.type) {
    case 'meta.put':
      model.meta.set(change.row.key, change.row)
      break
    case 'meta.delete':
      model.meta.delete(change.key)
      break
    case 'channel.put':
      model.channels.set(hex(change.row.channelId), change.row)
      break
    case 'update.put':
      model.updates.set(lineName(change.row), change.row)
      break
    case 'update.prune':
      for (const lines of [model.updates, model.acks]) {
        for (const [name, row] of lines) {
          const sameLine = lineName({ ...row, nonce: 0 }) === lineName({ ...change, nonce: 0 })
          if (sameLine && row.nonce < change.belowNonce) lines.delete(name)
        }
      }
      break
    case 'ack.put':
      model.acks.set(lineName(change.row), change.row)
      break
    case 'payment.put':
      model.payments.set(`${change.row.direction}/${change.row.sequence}`, change.row)
      break
    case 'outbox.put':
      model.outbox.set(`${change.row.peer}/${change.row.sequence}`, change.row)
      break
    case 'outbox.delete':
      model.outbox.delete(`${change.peer}/${change.sequence}`)
      break
    case 'outbox.prune':
      for (const [name, row] of model.outbox) {
        if (row.peer === change.peer && row.sequence <= change.throughSequence) model.outbox.delete(name)
      }
      break
    case 'intent.put':
      model.intents.set(change.row.intentId, change.row)
      break
    case 'intent.delete':
      model.intents.delete(change.intentId)
      break
    case 'record.put':
      model.records.set(`${change.row.space}/${hex(change.row.key)}`, change.row)
      break
    case 'record.delete':
      model.records.delete(`${change.space}/${hex(change.key)}`)
      break
    case 'peer.put':
      model.peers.set(change.row.nodeId, change.row)
      break
    case 'peer.delete':
      model.peers.delete(change.nodeId)
      break
  }
}
