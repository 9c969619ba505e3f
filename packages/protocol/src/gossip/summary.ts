/**
 * Comparing what two nodes know without telling all of it (GO-60 to GO-63): every item has a short key and a sequence, keys
 * fall into 1,024 buckets, and a bucket is compared by a hash of its entries. Also how entries, keys and items are packed.
 */

import { compareBytes } from '../encoding/bytes.ts'
import {
  readBytes,
  reader,
  readU16,
  readU64,
  writeBytes,
  writer,
  writeU16,
  writeU64,
  written,
} from '../encoding/reader.ts'
import type { Direction } from '../encoding/signable.ts'
import type { Crypto } from '../ports/crypto.ts'
import {
  GOSSIP_BUCKETS,
  GOSSIP_ENTRY_BYTES,
  GOSSIP_HASH_BYTES,
  GOSSIP_KEY_BYTES,
  MAX_PACKED_ITEMS,
} from '../wire/gossip-limits.ts'

/** One line of an inventory. */
export interface GossipEntry {
  /** 16 bytes. */
  readonly key: Uint8Array
  /** Of a policy or node; 0 of a channel, which has one form for ever. */
  readonly sequence: number
}

const ID_BYTES = GOSSIP_KEY_BYTES - 1

/** First 15 bytes of the channel's id, then 0. Policies have 1 and 2 there: a channel and its policies are neighbours. */
export function channelKey(channelId: Uint8Array): Uint8Array {
  return tagged(channelId, 0)
}

export function policyKey(channelId: Uint8Array, direction: Direction): Uint8Array {
  return tagged(channelId, 1 + direction)
}

/** First 15 bytes of keccak256 of the node id, then 3. */
export function nodeKey(crypto: Crypto, nodeId: Uint8Array): Uint8Array {
  return tagged(crypto.keccak256(nodeId), 3)
}

/** The first 10 bits of the key. */
export function bucketOf(key: Uint8Array): number {
  return (((key[0] ?? 0) << 8) | (key[1] ?? 0)) >> 6
}

/**
 * First 8 bytes of keccak256 of the packed entries; zero for an empty bucket. Of all entries at once and not a sum of
 * hashes, which who chooses its own items could steer.
 */
export function bucketHash(crypto: Crypto, entries: readonly GossipEntry[]): Uint8Array {
  if (entries.length === 0) return new Uint8Array(GOSSIP_HASH_BYTES)
  return crypto.keccak256(packEntries(entries)).slice(0, GOSSIP_HASH_BYTES)
}

/** The buckets whose hashes differ, ascending. Both are GOSSIP_BUCKETS hashes, joined. */
export function differingBuckets(ours: Uint8Array, theirs: Uint8Array): number[] {
  const differing: number[] = []
  for (let bucket = 0; bucket < GOSSIP_BUCKETS; bucket += 1) {
    const at = bucket * GOSSIP_HASH_BYTES
    for (let i = at; i < at + GOSSIP_HASH_BYTES; i += 1) {
      if (ours[i] === theirs[i]) continue
      differing.push(bucket)
      break
    }
  }
  return differing
}

/** `entries` ascending by key. */
export function packEntries(entries: readonly GossipEntry[]): Uint8Array {
  const to = writer(entries.length * GOSSIP_ENTRY_BYTES)
  for (const { key, sequence } of entries) {
    writeBytes(to, key)
    writeU64(to, sequence)
  }
  return written(to)
}

/** Undefined unless they are whole entries of `bucket`, keys strictly ascending. */
export function unpackEntries(packed: Uint8Array, bucket: number): readonly GossipEntry[] | undefined {
  const from = reader(packed)
  const entries: GossipEntry[] = []
  let last: Uint8Array | undefined
  while (from.at < packed.length) {
    const key = readBytes(from, GOSSIP_KEY_BYTES, 'entries')
    const sequence = readU64(from, 'entries')
    if (from.fault !== undefined || bucketOf(key) !== bucket) return undefined
    if (last !== undefined && compareBytes(last, key) >= 0) return undefined
    entries.push({ key, sequence })
    last = key
  }
  return entries
}

export function packKeys(keys: readonly Uint8Array[]): Uint8Array {
  const to = writer(keys.length * GOSSIP_KEY_BYTES)
  for (const key of keys) writeBytes(to, key)
  return written(to)
}

/** Windows on `packed`, whose length the codec has checked. */
export function unpackKeys(packed: Uint8Array): readonly Uint8Array[] {
  const keys: Uint8Array[] = []
  for (let at = 0; at + GOSSIP_KEY_BYTES <= packed.length; at += GOSSIP_KEY_BYTES)
    keys.push(packed.subarray(at, at + GOSSIP_KEY_BYTES))
  return keys
}

/** Items as `u16 length ++ bytes`, joined. At most MAX_PACKED_ITEMS. */
export function packItems(items: readonly Uint8Array[]): Uint8Array {
  const to = writer(items.reduce((sum, { length }) => sum + 2 + length, 0))
  for (const item of items) {
    writeU16(to, item.length)
    writeBytes(to, item)
  }
  return written(to)
}

/** Windows on `packed`; undefined when it is not a list of at most MAX_PACKED_ITEMS lengths and bytes. */
export function unpackItems(packed: Uint8Array): readonly Uint8Array[] | undefined {
  const from = reader(packed)
  const items: Uint8Array[] = []
  while (from.at < packed.length) {
    items.push(readBytes(from, readU16(from, 'items'), 'items'))
    if (from.fault !== undefined || items.length > MAX_PACKED_ITEMS) return undefined
  }
  return items
}

function tagged(id: Uint8Array, tag: number): Uint8Array {
  const key = new Uint8Array(GOSSIP_KEY_BYTES)
  key.set(id.subarray(0, ID_BYTES))
  key[ID_BYTES] = tag
  return key
}
