/**
 * The structured messages behind gossip's signatures, all under the bank's EIP-712 domain, so that nothing is replayed on
 * another chain or bank (GO-10, GO-11). Apart from `Signable`: whoever can be made to sign gossip signs no money by it.
 */

import { ascii, fromHex } from '../encoding/bytes.ts'
import type { Domain } from '../encoding/domain.ts'
import { putBig, putBytes32, putUint, putUint128, type Words, words } from '../encoding/words.ts'
import type { Crypto } from '../ports/crypto.ts'
import type { NodeAddress, NodeAnnouncement, PolicyUpdate } from './item.ts'

/** Signed by both channel signers and both nodes: the channel is public, and these are its nodes by party. */
export interface ChannelClaim {
  readonly type: 'ChannelAnnouncement'
  readonly domain: Domain
  readonly channelId: Uint8Array
  readonly nodeIds: readonly [Uint8Array, Uint8Array]
}

export interface PolicyClaim extends Omit<PolicyUpdate, 'kind' | 'signature'> {
  readonly type: 'PolicyUpdate'
  readonly domain: Domain
}

export interface NodeClaim extends Omit<NodeAnnouncement, 'kind' | 'signature'> {
  readonly type: 'NodeAnnouncement'
  readonly domain: Domain
}

/** What a node's identity key signs besides its proof of identity (TP-14). */
export type GossipClaim = ChannelClaim | PolicyClaim | NodeClaim

/** The channel signer's part of announcing; `@tallystick/crypto`'s `KeySigner` is one. */
export interface ChannelAnnouncer {
  /** 20 bytes. */
  readonly address: Uint8Array
  /** 64 bytes, EIP-2098, deterministic; the digest is computed from the message by the implementation. */
  announce(message: ChannelClaim): Uint8Array
}

/** The node identity's part; `@tallystick/crypto`'s `KeyIdentity` is one. */
export interface NodeAnnouncer {
  /** 66 lower-case hex digits. */
  readonly nodeId: string
  /** 64 bytes, EIP-2098, deterministic. */
  announce(message: GossipClaim): Uint8Array
}

/** Who signed, as a node id. Implemented beside `Crypto`. */
export interface NodeRecovery {
  /** The 33-byte compressed public key that signed `digest`, or undefined by the rules of `recoverAddress`. Never throws. */
  recoverNodeId(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined
}

/** Type name to its EIP-712 `encodeType`. */
export const GOSSIP_TYPE_STRINGS = {
  ChannelAnnouncement: 'ChannelAnnouncement(bytes32 channelId,bytes node0,bytes node1)',
  PolicyUpdate:
    'PolicyUpdate(bytes32 channelId,uint8 direction,uint64 sequence,int128 feeBase,int32 feePpm,uint128 minAmount,uint128 maxAmount,bool disabled)',
  NodeAnnouncement:
    'NodeAnnouncement(bytes nodeId,uint64 sequence,string alias,NodeAddress[] addresses)NodeAddress(string host,uint16 port)',
  NodeAddress: 'NodeAddress(string host,uint16 port)',
} as const

/** Type name to keccak256 of its type string. */
export const GOSSIP_TYPE_HASHES: Readonly<Record<keyof typeof GOSSIP_TYPE_STRINGS, Uint8Array>> = {
  ChannelAnnouncement: hash('0xaf56c45d2afe4e81daeb7a8ecde625e93641c5e718968eefc597c9bc322663b0'),
  PolicyUpdate: hash('0xa9a3723dfae41d7d4e9cc09804b6f5028555ed58b6fa6385255f2bca2848cdcd'),
  NodeAnnouncement: hash('0x8761fd45c00f904c419d74f03a8b2f321ec6b7ca7567c731d579bd001b709d5a'),
  NodeAddress: hash('0xcee4ebb5785e52f9de0ca13c60cec088c00d6fc89e5e9194c10aebfa5727c2e6'),
}

/** `keccak256(0x1901 ++ separator ++ hashStruct(message))`: 32 bytes. */
export function gossipDigest(crypto: Crypto, message: GossipClaim): Uint8Array {
  const envelope = new Uint8Array(66)
  envelope[0] = 0x19
  envelope[1] = 0x01
  envelope.set(message.domain.separator, 2)
  envelope.set(crypto.keccak256(encodeStruct(crypto, message)), 34)
  return crypto.keccak256(envelope)
}

function encodeStruct(crypto: Crypto, message: GossipClaim): Uint8Array {
  switch (message.type) {
    case 'ChannelAnnouncement': {
      const to = start('ChannelAnnouncement', 4)
      putBytes32(to, 1, message.channelId)
      putBytes32(to, 2, crypto.keccak256(message.nodeIds[0]))
      putBytes32(to, 3, crypto.keccak256(message.nodeIds[1]))
      return to.bytes
    }
    case 'PolicyUpdate': {
      const to = start('PolicyUpdate', 9)
      putBytes32(to, 1, message.channelId)
      putUint(to, 2, message.direction)
      putUint(to, 3, message.sequence)
      putBig(to, 4, message.feeBase)
      putBig(to, 5, BigInt(message.feePpm))
      putUint128(to, 6, message.minAmount)
      putUint128(to, 7, message.maxAmount)
      putUint(to, 8, message.disabled ? 1 : 0)
      return to.bytes
    }
    case 'NodeAnnouncement': {
      const to = start('NodeAnnouncement', 5)
      putBytes32(to, 1, crypto.keccak256(message.nodeId))
      putUint(to, 2, message.sequence)
      putBytes32(to, 3, crypto.keccak256(ascii(message.alias)))
      putBytes32(to, 4, hashAddresses(crypto, message.addresses))
      return to.bytes
    }
  }
}

/** EIP-712: an array of structs is the hash of its members' struct hashes, joined. */
function hashAddresses(crypto: Crypto, addresses: readonly NodeAddress[]): Uint8Array {
  const joined = words(addresses.length)
  for (const [index, { host, port }] of addresses.entries()) {
    const one = start('NodeAddress', 3)
    putBytes32(one, 1, crypto.keccak256(ascii(host)))
    putUint(one, 2, port)
    putBytes32(joined, index, crypto.keccak256(one.bytes))
  }
  return crypto.keccak256(joined.bytes)
}

function start(type: keyof typeof GOSSIP_TYPE_STRINGS, count: number): Words {
  const to = words(count)
  putBytes32(to, 0, GOSSIP_TYPE_HASHES[type])
  return to
}

function hash(text: string): Uint8Array {
  const bytes = fromHex(text, 32)
  if (bytes === undefined) throw new RangeError(text)
  return bytes
}
