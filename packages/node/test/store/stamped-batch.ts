/**
 * Batches that can be checked for wholeness: batch `i` writes its number into every table at once, so any part that
 * is missing, or is there too early, shows.
 */
import type { Batch } from '../../src/store/index.ts'

export const PAYMENTS_PER_BATCH = 20
export const OUTBOX_WINDOW = 5
export const channelId = new Uint8Array(32).fill(0xc4)
export const peer = `02${'ab'.repeat(32)}`

export function stampedBatch(stamp: number): Batch {
  const bytes = numberBytes(stamp)
  return [
    { type: 'meta.put', row: { key: 'stamp', bytes } },
    ...Array.from({ length: PAYMENTS_PER_BATCH }, (_, index) => ({
      type: 'payment.put' as const,
      row: {
        sequence: (stamp - 1) * PAYMENTS_PER_BATCH + index + 1,
        direction: stamp % 2 === 0 ? ('outgoing' as const) : ('incoming' as const),
        reference: reference(stamp, index),
        channelId,
        amount: BigInt(stamp),
        state: 'live' as const,
        nonce: stamp,
        index,
        atMs: stamp,
      },
    })),
    { type: 'update.put', row: { channelId, direction: 0, nonce: stamp, bytes } },
    { type: 'ack.put', row: { channelId, direction: 0, nonce: stamp, bytes } },
    { type: 'outbox.put', row: { peer, sequence: stamp, bytes } },
    { type: 'outbox.prune', peer, throughSequence: Math.max(1, stamp - OUTBOX_WINDOW) },
    { type: 'intent.put', row: { intentId: `intent-${stamp % 7}`, open: stamp % 2 === 0, bytes } },
    { type: 'peer.put', row: { nodeId: peer, bytes } },
    { type: 'channel.put', row: { channelId, peer, bytes } },
  ]
}

function reference(stamp: number, index: number): Uint8Array {
  const bytes = new Uint8Array(32)
  // Scattered, so that a batch touches many pages of the index.
  new DataView(bytes.buffer).setUint32(0, Math.imul(stamp * 64 + index, 0x9e3779b1) >>> 0)
  new DataView(bytes.buffer).setUint32(28, stamp)
  return bytes
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}
