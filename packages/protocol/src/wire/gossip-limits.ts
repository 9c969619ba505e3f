/** Limits of gossip on the wire (docs/spec/gossip.md GO-60 to GO-63). */

/** Buckets of an inventory, and bytes of a bucket's hash, key and entry. */
export const GOSSIP_BUCKETS = 1_024
export const GOSSIP_HASH_BYTES = 8
export const GOSSIP_KEY_BYTES = 16
export const GOSSIP_ENTRY_BYTES = 24
/** Buckets of one question, entries of one bucket that are told, keys of one request, items of one message. */
export const MAX_ASKED_BUCKETS = 8
export const MAX_LISTED_ENTRIES = 4_096
export const MAX_WANTED_KEYS = 128
export const MAX_PACKED_ITEMS = 128
/** MAX_PACKED_ITEMS of the longest. */
export const MAX_PACKED_BYTES = 280_320
