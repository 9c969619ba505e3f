/**
 * This node's own part: which channels it announces, at what price, and how it presents itself (GO-70 to GO-74). A channel
 * becomes public only when both ends want it: each adds its two signatures, and whoever has all four may tell. What is
 * signed here is derived from the intention and from what is known, so doing it again changes nothing.
 */

import {
  type AnnounceConsent,
  type AnnouncementConsent,
  type AnnounceOffer,
  type ChannelClaim,
  decodeItem,
  encodeItem,
  gossipRefusal,
  type Hex,
  type PolicyUpdate,
  packItems,
  policyFault,
  verifyConsent,
} from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import { setNode, setPolicy } from './believed.ts'
import { takeChannel } from './channels.ts'
import { isUnproven, refuse } from './credit.ts'
import {
  type Book,
  type GossipPeer,
  type KnownChannel,
  type KnownPolicy,
  type Own,
  stemOf,
  stemOfId,
  termsOf,
  type Verdict,
} from './state.ts'
import type { NodeProfile, OwnChannel } from './types.ts'

/** How often everything of our own is looked at, and told again to the other end while it is not public. */
const OWN_EVERY_MS = 30_000

/** Announcing is told to the peer at once. @throws RangeError for a policy that cannot be announced: check it with `policyFault` before. */
export function setOwnChannel(book: Book, channel: OwnChannel): void {
  const fault = policyFault(channel.policy)
  if (fault !== undefined) throw new RangeError(`${fault.field}: ${fault.remedy}`)
  const stem = stemOf(channel.channelId)
  const own = book.own.get(stem)
  if (own !== undefined) {
    if (channel.announce !== own.channel.announce) own.toldMs = Number.NEGATIVE_INFINITY
    own.channel = channel
  } else {
    const id: Hex = `0x${Buffer.from(channel.channelId).toString('hex')}`
    const fresh = {
      theirs: undefined,
      toldMs: Number.NEGATIVE_INFINITY,
      privatePolicy: undefined,
      theirSequence: -1,
    }
    book.own.set(stem, { stem, id, channel, ...fresh })
  }
  book.ownDue.add(stem)
  const peer = book.peers.get(channel.peer)
  if (peer !== undefined) peer.friend = true
}

export function forgetOwnChannel(book: Book, channelId: Hex): void {
  const stem = stemOfId(channelId)
  const id = book.own.get(stem)?.channel.peer
  book.own.delete(stem)
  const peer = book.peers.get(id ?? '')
  if (peer !== undefined) peer.friend = isFriend(book, peer.id)
}

/** Has an open channel with us. One that is only proposed costs nothing and does not count: it is not told to the book. */
export function isFriend(book: Book, peer: NodeId): boolean {
  for (const { channel } of book.own.values()) if (channel.peer === peer) return true
  return false
}

/** @throws RangeError for a profile that cannot be announced. */
export function setProfile(book: Book, profile: NodeProfile | undefined): void {
  if (profile !== undefined) nodeBytes(book, profile, 0)
  book.profile = profile
  book.nextOwnMs = 0
}

/** To a peer that has just come, everything between the two of us is told again. */
export function greetOwn(book: Book, peer: GossipPeer): void {
  for (const own of book.own.values()) {
    if (own.channel.peer !== peer.id) continue
    own.toldMs = Number.NEGATIVE_INFINITY
    book.ownDue.add(own.stem)
  }
}

/** Does what is due: at once for what changed, and for all of it now and then. */
export function driveOwn(book: Book): void {
  if (book.nowMs >= book.nextOwnMs) {
    book.nextOwnMs = book.nowMs + OWN_EVERY_MS
    for (const stem of book.own.keys()) book.ownDue.add(stem)
    refreshNode(book)
  }
  while (book.ownDue.size > 0) {
    const due = [...book.ownDue]
    book.ownDue.clear()
    for (const stem of due) {
      const own = book.own.get(stem)
      if (own !== undefined) drive(book, own)
    }
    refreshNode(book)
  }
}

/** The other side's two signatures. An offer is answered with ours if this node wants the channel public too. */
export function takeConsent(book: Book, from: GossipPeer, message: AnnounceOffer | AnnounceConsent): Verdict {
  const own = book.own.get(stemOf(message.channelId))
  if (own === undefined || own.channel.peer !== from.id)
    return refuse(book, from.id, gossipRefusal('not-a-party', `${message.type}/channelId`))
  const { params, party, announce } = own.channel
  const other = party === 0 ? 1 : 0
  const known = own.theirs !== undefined
  if (!known) {
    const forged = verifyConsent(book.crypto, claimOf(book, own), params.signer[other], other, message)
    if (forged !== undefined) return refuse(book, from.id, forged)
    const { signerSignature, nodeSignature } = message
    own.theirs = { signerSignature: signerSignature.slice(), nodeSignature: nodeSignature.slice() }
  }
  if (announce) {
    if (message.type === 'announce-offer') sendConsent(book, own, 'announce-consent')
    book.ownDue.add(own.stem)
  } else if (!known) book.out.push({ type: 'announce-asked', peer: from.id, channelId: own.id })
  return undefined
}

function drive(book: Book, own: Own): void {
  const known = book.channels.get(own.stem)
  if (known === undefined && book.pending.has(own.stem)) return
  refreshPolicy(book, own, known)
  if (known !== undefined) return
  if (book.nowMs - own.toldMs >= OWN_EVERY_MS && book.peers.has(own.channel.peer)) tellPeer(book, own)
  if (own.channel.announce && own.theirs !== undefined && !isUnproven(book, own.stem))
    announce(book, own, own.theirs)
}

/** What only the other end hears. Again and again: it may not know the channel yet, and repeating it changes nothing. */
function tellPeer(book: Book, own: Own): void {
  own.toldMs = book.nowMs
  if (own.channel.announce)
    sendConsent(book, own, own.theirs === undefined ? 'announce-offer' : 'announce-consent')
  if (own.privatePolicy === undefined) return
  const items = packItems([own.privatePolicy.bytes])
  book.out.push({
    type: 'send',
    peer: own.channel.peer,
    message: { type: 'gossip-items', answer: false, items },
  })
}

function announce(book: Book, own: Own, theirs: AnnouncementConsent): void {
  const { params, party } = own.channel
  const ours = consentOf(book, own)
  const [first, second] = party === 0 ? [ours, theirs] : [theirs, ours]
  const item = {
    kind: 'channel',
    chainId: book.domain.chainId,
    bank: book.domain.verifyingContract,
    params,
    nodeIds: claimOf(book, own).nodeIds,
    signerSignatures: [first.signerSignature, second.signerSignature],
    nodeSignatures: [first.nodeSignature, second.nodeSignature],
  } as const
  takeChannel(book, undefined, item, encodeItem(item))
}

function sendConsent(book: Book, own: Own, type: 'announce-offer' | 'announce-consent'): void {
  const message = { type, channelId: own.channel.channelId, ...consentOf(book, own) }
  book.out.push({ type: 'send', peer: own.channel.peer, message })
}

function consentOf(book: Book, own: Own): AnnouncementConsent {
  const claim = claimOf(book, own)
  return { signerSignature: book.signer.announce(claim), nodeSignature: book.identity.announce(claim) }
}

function claimOf(book: Book, { channel }: Own): ChannelClaim {
  const { channelId, party, peer } = channel
  const theirs = Uint8Array.from(Buffer.from(peer, 'hex'))
  const nodeIds = party === 0 ? ([book.nodeId, theirs] as const) : ([theirs, book.nodeId] as const)
  return { type: 'ChannelAnnouncement', domain: book.domain, channelId, nodeIds }
}

/** Signs our price again when it is another than what is known, or a day old. */
function refreshPolicy(book: Book, own: Own, known: KnownChannel | undefined): void {
  const { channelId, party, policy } = own.channel
  const current = known === undefined ? own.privatePolicy : known.policies[party]
  if (current !== undefined && !isOld(book, current) && samePolicy(current.bytes, own.channel)) return
  const last = Math.max(current?.sequence ?? 0, own.privatePolicy?.sequence ?? 0)
  const fields = {
    channelId,
    direction: party,
    sequence: Math.max(book.nowMs, last + 1),
    ...termsOf(policy),
  } as const
  const signature = book.identity.announce({ type: 'PolicyUpdate', domain: book.domain, ...fields })
  const item: PolicyUpdate = { kind: 'policy', ...fields, signature }
  const bytes = encodeItem(item)
  if (known !== undefined) {
    setPolicy(book, known, item, bytes, undefined)
    return
  }
  own.privatePolicy = { sequence: fields.sequence, bytes }
  own.toldMs = Number.NEGATIVE_INFINITY
}

/** Announces this node once a channel of it is believed: nobody listens to it before. */
function refreshNode(book: Book): void {
  const node = book.nodes.get(book.identity.nodeId)
  if (node === undefined || book.profile === undefined) return
  const { announced } = node
  if (announced !== undefined && !isOld(book, announced) && sameProfile(announced.bytes, book.profile)) return
  const sequence = Math.max(book.nowMs, (announced?.sequence ?? 0) + 1)
  const bytes = nodeBytes(book, book.profile, sequence)
  const decoded = decodeItem(bytes)
  if (decoded.ok && decoded.item.kind === 'node') setNode(book, node, decoded.item, bytes, undefined)
}

function nodeBytes(book: Book, { alias, addresses }: NodeProfile, sequence: number): Uint8Array {
  const fields = { nodeId: book.nodeId, sequence, alias, addresses }
  const signature = book.identity.announce({ type: 'NodeAnnouncement', domain: book.domain, ...fields })
  return encodeItem({ kind: 'node', ...fields, signature })
}

function isOld(book: Book, { sequence }: KnownPolicy): boolean {
  return sequence <= book.nowMs - book.config.refreshMs
}

function samePolicy(bytes: Uint8Array, { policy }: OwnChannel): boolean {
  const decoded = decodeItem(bytes)
  if (!decoded.ok || decoded.item.kind !== 'policy') return false
  const { item } = decoded
  return (
    item.feeBase === policy.feeBase &&
    item.feePpm === policy.feePpm &&
    item.minAmount === policy.minAmount &&
    item.maxAmount === policy.maxAmount &&
    item.disabled === policy.disabled
  )
}

function sameProfile(bytes: Uint8Array, { alias, addresses }: NodeProfile): boolean {
  const decoded = decodeItem(bytes)
  if (!decoded.ok || decoded.item.kind !== 'node' || decoded.item.alias !== alias) return false
  const known = decoded.item.addresses
  return (
    known.length === addresses.length &&
    known.every(({ host, port }, index) => host === addresses[index]?.host && port === addresses[index]?.port)
  )
}
