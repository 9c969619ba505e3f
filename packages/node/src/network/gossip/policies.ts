/**
 * Judging policies and node announcements that somebody tells (GO-40 to GO-46): cheap checks first, the signature last, and
 * of each maker only a few an hour. A policy of a channel that waits for the chain's word waits with it, one a direction.
 */

import {
  decodeItem,
  type GossipRefusal,
  gossipRefusal,
  type NodeAnnouncement,
  type PolicyUpdate,
  verifyNode,
  verifyPolicy,
} from '@tallystick/protocol'
import { levelOf, take } from './account.ts'
import { setNode, setPolicy, tellPolicy } from './believed.ts'
import { refuse } from './credit.ts'
import { keyText } from './inventory.ts'
import {
  type Book,
  bound,
  type GossipPeer,
  type KnownChannel,
  nodeText,
  type Own,
  type Pending,
  stemOf,
  type Verdict,
} from './state.ts'

/** Why a sequence is not taken whatever it says; undefined when it may be. */
export function sequenceRefusal(book: Book, sequence: number, field: string): GossipRefusal | undefined {
  const { futureMs, staleAfterMs } = book.config
  if (sequence > book.nowMs + futureMs) return gossipRefusal('sequence-future', field)
  if (sequence < book.nowMs - staleAfterMs) return gossipRefusal('sequence-stale', field)
  return undefined
}

export function takePolicy(book: Book, from: GossipPeer, item: PolicyUpdate, bytes: Uint8Array): Verdict {
  const stem = stemOf(item.channelId)
  const known = book.channels.get(stem)
  const pending = known === undefined ? book.pending.get(stem) : undefined
  const own = known === undefined ? book.own.get(stem) : undefined
  const seen = known?.policies[item.direction]?.sequence ?? pending?.policies[item.direction]?.item.sequence
  // What is known already is no news and no fault: floods cross.
  if (seen !== undefined && item.sequence <= seen) return undefined
  const wrong = sequenceRefusal(book, item.sequence, 'policy/sequence')
  if (wrong !== undefined) return refuse(book, from.id, wrong)
  if (known !== undefined) return judgeKnown(book, from, known, item, bytes)
  if (pending !== undefined) return park(book, from, pending, item, bytes)
  if (own !== undefined && own.channel.peer === from.id) return takePrivate(book, from, own, item)
  return refuse(book, from.id, gossipRefusal('channel-unknown', 'policy/channelId'))
}

/** What waited for a channel which is now believed: its policies, and its nodes. */
export function takeParked(book: Book, known: KnownChannel, pending: Pending): void {
  for (const parked of pending.policies)
    if (parked !== undefined) setPolicy(book, known, parked.item, parked.bytes, pending.from)
  for (const nodeId of known.nodes) {
    const parked = book.parkedNodes.get(nodeId)
    if (parked === undefined) continue
    book.parkedNodes.delete(nodeId)
    const from = book.peers.get(parked.from)
    const decoded = decodeItem(parked.bytes)
    if (from !== undefined && decoded.ok && decoded.item.kind === 'node')
      takeNode(book, from, decoded.item, parked.bytes)
  }
}

export function takeNode(book: Book, from: GossipPeer, item: NodeAnnouncement, bytes: Uint8Array): Verdict {
  const nodeId = nodeText(item.nodeId)
  const node = book.nodes.get(nodeId)
  if (node === undefined) {
    if (from.reputation.held > 0) parkNode(book, from, nodeId, bytes)
    return refuse(book, from.id, gossipRefusal('node-unknown', 'node/nodeId'))
  }
  if (item.sequence <= (node.announced?.sequence ?? -1)) return undefined
  const { updates } = book.config
  const wrong =
    sequenceRefusal(book, item.sequence, 'node/sequence') ??
    (levelOf(node.updates, updates, book.nowMs) < 1 ? gossipRefusal('too-often', 'node') : undefined) ??
    verifyNode(book.crypto, book.domain, item)
  if (wrong !== undefined) return refuse(book, from.id, wrong)
  take(node.updates, updates, 1, book.nowMs)
  setNode(book, node, item, bytes.slice(), from.id)
  return undefined
}

/** True when an entry of a list is worth asking for: newer than ours, of something we listen to, and not too often. */
export function wantsUpdate(book: Book, key: Uint8Array, sequence: number): boolean {
  if (sequenceRefusal(book, sequence, 'sequence') !== undefined) return false
  const { updates } = book.config
  const tag = key[15] ?? 0
  const text = keyText(key)
  if (tag === 3) {
    const node = book.nodes.get(book.nodeKeys.get(text) ?? '')
    return (
      node !== undefined &&
      sequence > (node.announced?.sequence ?? -1) &&
      levelOf(node.updates, updates, book.nowMs) >= 1
    )
  }
  if (tag !== 1 && tag !== 2) return false
  const direction = tag === 1 ? 0 : 1
  const known = book.channels.get(text.slice(0, 30))
  if (known === undefined) return true
  const ours = known.policies[direction]?.sequence ?? -1
  return sequence > ours && levelOf(known.updates[direction], updates, book.nowMs) >= 1
}

function judgeKnown(
  book: Book,
  from: GossipPeer,
  known: KnownChannel,
  item: PolicyUpdate,
  bytes: Uint8Array,
): Verdict {
  const { direction } = item
  const { updates } = book.config
  // An honest peer passes on what the maker sends too often: that is no fault of the peer's.
  if (levelOf(known.updates[direction], updates, book.nowMs) < 1)
    return refuse(book, from.id, gossipRefusal('too-often', 'policy'))
  const forged = verifyPolicy(book.crypto, book.domain, item, known.nodeIds[direction])
  if (forged !== undefined) return refuse(book, from.id, forged)
  take(known.updates[direction], updates, 1, book.nowMs)
  setPolicy(book, known, item, bytes.slice(), from.id)
  return undefined
}

function park(
  book: Book,
  from: GossipPeer,
  pending: Pending,
  item: PolicyUpdate,
  bytes: Uint8Array,
): Verdict {
  const { direction } = item
  const forged = verifyPolicy(book.crypto, book.domain, item, pending.item.nodeIds[direction])
  if (forged !== undefined) return refuse(book, from.id, forged)
  const kept = bytes.slice()
  const decoded = decodeItem(kept)
  if (decoded.ok && decoded.item.kind === 'policy')
    pending.policies[direction] = { item: decoded.item, bytes: kept }
  return undefined
}

/** The peer told of channels that the chain is being asked about: this may be a node of one. Judged when it is. */
function parkNode(book: Book, from: GossipPeer, nodeId: string, bytes: Uint8Array): void {
  book.parkedNodes.delete(nodeId)
  book.parkedNodes.set(nodeId, { from: from.id, bytes: bytes.slice() })
  bound(book.parkedNodes, MAX_PARKED_NODES)
}

const MAX_PARKED_NODES = 256

/** Our peer's policy in a channel that is not public: told between its two ends only (GO-47). */
function takePrivate(book: Book, from: GossipPeer, own: Own, item: PolicyUpdate): Verdict {
  const { party, peer, params } = own.channel
  if (item.direction === party || item.sequence <= own.theirSequence) return undefined
  const forged = verifyPolicy(book.crypto, book.domain, item, Uint8Array.from(Buffer.from(peer, 'hex')))
  if (forged !== undefined) return refuse(book, from.id, forged)
  if (own.theirSequence < 0) {
    // It knows the channel by now: what we told it before it did is told again.
    own.toldMs = Number.NEGATIVE_INFINITY
    book.ownDue.add(own.stem)
  }
  own.theirSequence = item.sequence
  tellPolicy(book, { id: own.id, token: tokenOf(params.token) }, item, 'private-policy')
  return undefined
}

function tokenOf(token: Uint8Array): `0x${string}` {
  return `0x${Buffer.from(token).toString('hex')}`
}
