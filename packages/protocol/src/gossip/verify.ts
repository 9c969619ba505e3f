/**
 * What makes an item genuine, the chain's word excepted (GO-20 to GO-22): it is of this chain and bank, and every key that
 * it names signed it. Signatures are recovered and compared (EN-61), dearest checks last.
 */

import { channelIdOf, checkParams } from '../channel/params.ts'
import { equalBytes } from '../encoding/bytes.ts'
import type { Domain } from '../encoding/domain.ts'
import type { Crypto } from '../ports/crypto.ts'
import { sameNode } from './codec.ts'
import type { ChannelAnnouncement, NodeAnnouncement, PolicyUpdate } from './item.ts'
import { type GossipRefusal, gossipRefusal } from './refusal.ts'
import { type ChannelClaim, type GossipClaim, gossipDigest, type NodeRecovery } from './signable.ts'

export type GossipCrypto = Crypto & NodeRecovery

/** The id of the channel that an announcement is about (EN-20). */
export function announcedId(crypto: Crypto, item: ChannelAnnouncement): Uint8Array {
  return channelIdOf(crypto, item.chainId, item.bank, item.params)
}

/** Without signatures, and cheap: chain, bank, parameters, ends. Undefined when all is well. */
export function checkChannelAnnouncement(
  domain: Domain,
  item: ChannelAnnouncement,
): GossipRefusal | undefined {
  if (item.chainId !== domain.chainId)
    return gossipRefusal('chain-differs', 'channel/chainId', String(item.chainId))
  if (!equalBytes(item.bank, domain.verifyingContract)) return gossipRefusal('bank-differs', 'channel/bank')
  const wrong = checkParams(item.params)
  if (wrong !== undefined) return gossipRefusal('params-invalid', `channel/${wrong.field}`, wrong.detail)
  if (sameNode(item)) return gossipRefusal('node-ids-equal', 'channel/nodeIds')
  return undefined
}

/** All four signatures, over one digest. `channelId` is `announcedId`'s. */
export function verifyChannelAnnouncement(
  crypto: GossipCrypto,
  domain: Domain,
  channelId: Uint8Array,
  item: ChannelAnnouncement,
): GossipRefusal | undefined {
  const claim: ChannelClaim = { type: 'ChannelAnnouncement', domain, channelId, nodeIds: item.nodeIds }
  for (const party of [0, 1] as const) {
    const refusal = verifyConsent(crypto, claim, item.params.signer[party], party, {
      signerSignature: item.signerSignatures[party],
      nodeSignature: item.nodeSignatures[party],
    })
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** What one side adds to an announcement. */
export interface AnnouncementConsent {
  readonly signerSignature: Uint8Array
  readonly nodeSignature: Uint8Array
}

/** One side's two signatures: its channel signer's and its node's. */
export function verifyConsent(
  crypto: GossipCrypto,
  claim: ChannelClaim,
  signer: Uint8Array,
  party: 0 | 1,
  consent: AnnouncementConsent,
): GossipRefusal | undefined {
  const digest = gossipDigest(crypto, claim)
  const address = crypto.recoverAddress(digest, consent.signerSignature)
  if (address === undefined || !equalBytes(address, signer))
    return gossipRefusal('signature-wrong', `channel/signerSignatures[${party}]`)
  const nodeId = crypto.recoverNodeId(digest, consent.nodeSignature)
  if (nodeId === undefined || !equalBytes(nodeId, claim.nodeIds[party]))
    return gossipRefusal('signature-wrong', `channel/nodeSignatures[${party}]`)
  return undefined
}

/** `nodeId`: of the node of party `item.direction`, from the channel's announcement. */
export function verifyPolicy(
  crypto: GossipCrypto,
  domain: Domain,
  item: PolicyUpdate,
  nodeId: Uint8Array,
): GossipRefusal | undefined {
  const { kind: _, signature, ...fields } = item
  return verifySigner(crypto, { type: 'PolicyUpdate', domain, ...fields }, signature, nodeId, 'policy')
}

export function verifyNode(
  crypto: GossipCrypto,
  domain: Domain,
  item: NodeAnnouncement,
): GossipRefusal | undefined {
  const { kind: _, signature, ...fields } = item
  return verifySigner(crypto, { type: 'NodeAnnouncement', domain, ...fields }, signature, item.nodeId, 'node')
}

function verifySigner(
  crypto: GossipCrypto,
  claim: GossipClaim,
  signature: Uint8Array,
  nodeId: Uint8Array,
  kind: string,
): GossipRefusal | undefined {
  const signed = crypto.recoverNodeId(gossipDigest(crypto, claim), signature)
  if (signed !== undefined && equalBytes(signed, nodeId)) return undefined
  return gossipRefusal('signature-wrong', `${kind}/signature`)
}
