/**
 * What this node can tell others, by key and bucket (GO-60). Hashes of buckets are made when they are asked for and kept
 * until the bucket changes.
 */

import {
  bucketHash,
  bucketOf,
  type Crypto,
  GOSSIP_BUCKETS,
  GOSSIP_HASH_BYTES,
  type GossipEntry,
  MAX_LISTED_ENTRIES,
} from '@tallystick/protocol'

/** 32 hex digits: the key of an item. */
export type KeyText = string

export interface Told extends GossipEntry {
  readonly bytes: Uint8Array
}

export interface Inventory {
  readonly crypto: Crypto
  readonly buckets: readonly Map<KeyText, Told>[]
  readonly hashes: Uint8Array
  readonly changed: Set<number>
}

export function createInventory(crypto: Crypto): Inventory {
  return {
    crypto,
    buckets: Array.from({ length: GOSSIP_BUCKETS }, () => new Map()),
    hashes: new Uint8Array(GOSSIP_BUCKETS * GOSSIP_HASH_BYTES),
    changed: new Set(),
  }
}

export function keyText(key: Uint8Array): KeyText {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex')
}

export function putTold(to: Inventory, told: Told): void {
  const bucket = bucketOf(told.key)
  to.buckets[bucket]?.set(keyText(told.key), told)
  to.changed.add(bucket)
}

export function removeTold(from: Inventory, key: Uint8Array): void {
  const bucket = bucketOf(key)
  if (from.buckets[bucket]?.delete(keyText(key))) from.changed.add(bucket)
}

export function toldAt(from: Inventory, key: Uint8Array): Told | undefined {
  return from.buckets[bucketOf(key)]?.get(keyText(key))
}

/** Ascending by key; the first MAX_LISTED_ENTRIES of a bucket that has more. */
export function entriesOf(from: Inventory, bucket: number): readonly GossipEntry[] {
  const items = from.buckets[bucket]
  const keys = [...(items?.keys() ?? [])].sort().slice(0, MAX_LISTED_ENTRIES)
  return keys.map((key) => items?.get(key)).filter((told) => told !== undefined)
}

/** The hashes of all buckets, joined; a copy. */
export function digestOfInventory(from: Inventory): Uint8Array {
  for (const bucket of from.changed)
    from.hashes.set(bucketHash(from.crypto, entriesOf(from, bucket)), bucket * GOSSIP_HASH_BYTES)
  from.changed.clear()
  return from.hashes.slice()
}
