/**
 * What nodes tell each other about the network: signed, self-contained items that anyone may pass on. An item says who
 * signed it and nothing about who sent it. Source: docs/spec/gossip.md GO-1 to GO-16; BOLT 7 for the shape.
 *
 * Ids, addresses and signatures are bytes; amounts are bigint base units; sequences are unix milliseconds.
 */

import type { ChannelParams } from '../channel/params.ts'
import { DEPOSIT_LIMIT } from '../constants.ts'
import type { Direction } from '../encoding/signable.ts'

type Pair<T> = readonly [T, T]

/** "This channel exists, and these two nodes hold it": by index, the party. Believed when the chain shows it (GO-30). */
export interface ChannelAnnouncement {
  readonly kind: 'channel'
  readonly chainId: bigint
  /** 20 bytes. The bank fixes its registry. */
  readonly bank: Uint8Array
  readonly params: ChannelParams
  /** Transport identities: compressed public keys, 33 bytes. */
  readonly nodeIds: Pair<Uint8Array>
  /** Of the channel's signers, over the `ChannelAnnouncement` of GO-11. */
  readonly signerSignatures: Pair<Uint8Array>
  /** Of the nodes' identity keys, over the same digest. */
  readonly nodeSignatures: Pair<Uint8Array>
}

/** What the payer of one direction asks for forwarding `amount` through it: `feeBase + amount * feePpm / 10^6`. */
export interface FeePolicy {
  /** Base units of the channel's token; zero and negative allowed. |feeBase| below 2^126. */
  readonly feeBase: bigint
  /** Parts per million of the amount forwarded; zero and negative allowed. |feePpm| at most 1,000,000. */
  readonly feePpm: number
  /** Least and greatest amount of one lock that is forwarded. */
  readonly minAmount: bigint
  readonly maxAmount: bigint
  /** True: nothing is forwarded this way now. */
  readonly disabled: boolean
}

/** Signed by the node that pays in this direction (the node of party `direction`: EN-32). */
export interface PolicyUpdate extends FeePolicy {
  readonly kind: 'policy'
  readonly channelId: Uint8Array
  readonly direction: Direction
  /** Unix milliseconds, growing with every update: the newest wins (GO-40). */
  readonly sequence: number
  readonly signature: Uint8Array
}

/** Where a node listens. */
export interface NodeAddress {
  /** A DNS name or IP literal without brackets: 1 to 253 characters of `0-9 a-z A-Z . : _ -`. */
  readonly host: string
  /** 1 to 65,535. */
  readonly port: number
}

export interface NodeAnnouncement {
  readonly kind: 'node'
  readonly nodeId: Uint8Array
  readonly sequence: number
  /** For people: at most 32 printable ASCII characters; proves nothing. */
  readonly alias: string
  /** At most MAX_NODE_ADDRESSES. */
  readonly addresses: readonly NodeAddress[]
  readonly signature: Uint8Array
}

export type GossipItem = ChannelAnnouncement | PolicyUpdate | NodeAnnouncement

export const NODE_ID_LENGTH = 33
export const MAX_ALIAS = 32
export const MAX_HOST = 253
export const MAX_NODE_ADDRESSES = 8
/** |feePpm| at most: a fee above the amount itself is a mistake. */
export const MAX_FEE_PPM = 1_000_000
/** |feeBase| below this. */
export const FEE_BASE_LIMIT = DEPOSIT_LIMIT
/** Exact lengths of the two kinds without text, and the longest node announcement (GO-13 to GO-15). */
export const CHANNEL_ITEM_BYTES = 487
export const POLICY_ITEM_BYTES = 159
export const MAX_GOSSIP_ITEM_BYTES = 2_188
