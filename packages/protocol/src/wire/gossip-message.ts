/**
 * The family of messages about the network (types 64 to 79), apart from those of a channel: they carry no money, nothing
 * of them must be durable before it is answered, and losing any of them loses nothing (GO-64).
 * Source: docs/spec/gossip.md GO-60 to GO-72.
 */

/** What the sender knows, in short: the hash of every bucket of its inventory. */
export interface GossipDigest {
  readonly type: 'gossip-digest'
  /** GOSSIP_BUCKETS hashes of GOSSIP_HASH_BYTES, joined. */
  readonly hashes: Uint8Array
}

/** Asks for the entries of these buckets; each is answered by a `gossip-list`. */
export interface GossipAsk {
  readonly type: 'gossip-ask'
  /** 1 to MAX_ASKED_BUCKETS of them, 0 to GOSSIP_BUCKETS - 1. */
  readonly buckets: readonly number[]
}

export interface GossipList {
  readonly type: 'gossip-list'
  readonly bucket: number
  /** Packed entries, ascending by key, at most MAX_LISTED_ENTRIES. */
  readonly entries: Uint8Array
}

/** Asks for the items behind these keys; answered by one `gossip-items` with those that the other still has. */
export interface GossipWant {
  readonly type: 'gossip-want'
  /** Packed keys, 1 to MAX_WANTED_KEYS. */
  readonly keys: Uint8Array
}

export interface GossipItems {
  readonly type: 'gossip-items'
  /** True for the answer to a `gossip-want`; false for news. */
  readonly answer: boolean
  /** Packed items, at most MAX_PACKED_ITEMS. */
  readonly items: Uint8Array
}

interface Consent {
  readonly channelId: Uint8Array
  /** The sender's channel signer's, and its node's, over the `ChannelAnnouncement` of GO-11. */
  readonly signerSignature: Uint8Array
  readonly nodeSignature: Uint8Array
}

/** "Announce our channel with me": the sender's half of the announcement. */
export interface AnnounceOffer extends Consent {
  readonly type: 'announce-offer'
}

/** The other half. */
export interface AnnounceConsent extends Consent {
  readonly type: 'announce-consent'
}

export type GossipMessage =
  | GossipDigest
  | GossipAsk
  | GossipList
  | GossipWant
  | GossipItems
  | AnnounceOffer
  | AnnounceConsent
