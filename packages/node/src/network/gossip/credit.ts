/**
 * What peers pay for being wrong, in credit that grows back slowly (GO-50 to GO-55). Honest nodes pass on only what they
 * believe, so a forged item costs half of everything at once; a channel that the chain does not show costs a little, because
 * chains differ for a moment. Credit for a look-up is held before the chain is asked, so that no burst outruns it.
 */

import { type GossipRefusal, type GossipRefusalCode, gossipRefusal } from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import { charge, giveBack, levelOf, openAccount, take } from './account.ts'
import { type Book, bound, type GossipPeer, type Pending, type Reputation } from './state.ts'

/** Held for each look-up, and lost when the chain does not show the channel. */
export const LOOKUP_COST = 5
/** Everything else is free: it happens between honest nodes. */
const COSTS: Partial<Record<GossipRefusalCode, number>> = {
  'signature-wrong': 50,
  'item-malformed': 50,
  'item-too-long': 50,
  'chain-differs': 50,
  'bank-differs': 50,
  'params-invalid': 50,
  'node-ids-equal': 50,
  'fee-range': 50,
  'amount-range': 50,
}
/** For each unasked message or lot of items above the rates. */
const FLOOD_COST = 1
/** Peers that are remembered after they left, as long as their credit is not whole. */
const MAX_REPUTATIONS = 4_096

export function reputationOf(book: Book, peer: NodeId): Reputation {
  let reputation = book.reputations.get(peer)
  if (reputation === undefined) {
    reputation = { credit: openAccount(book.config.credit, book.nowMs), held: 0, mutedUntilMs: 0 }
    book.reputations.set(peer, reputation)
    if (book.reputations.size > MAX_REPUTATIONS) forgetWhole(book)
  }
  return reputation
}

/** Who is whole or was longest ago is forgotten first; who is connected keeps its own. */
function forgetWhole(book: Book): void {
  const { credit } = book.config
  for (const [peer, reputation] of book.reputations) {
    if (book.peers.has(peer) || reputation.held > 0 || reputation.mutedUntilMs > book.nowMs) continue
    if (levelOf(reputation.credit, credit, book.nowMs) >= credit.most) book.reputations.delete(peer)
  }
  for (const peer of book.reputations.keys()) {
    if (book.reputations.size <= MAX_REPUTATIONS) return
    if (!book.peers.has(peer)) book.reputations.delete(peer)
  }
}

export function isMuted(book: Book, peer: NodeId): boolean {
  return (book.reputations.get(peer)?.mutedUntilMs ?? 0) > book.nowMs
}

/** Tells the log, and takes what the refusal costs. `peer` undefined: it was our own. */
export function refuse(book: Book, peer: NodeId | undefined, refusal: GossipRefusal): GossipRefusal {
  if (peer === undefined) return refusal
  const cost = COSTS[refusal.code] ?? 0
  const muted = cost > 0 && lose(book, peer, cost)
  book.out.push({ type: 'refused', peer, refusal, muted })
  return refusal
}

/** One unasked message, or lot of items, too many. */
export function chargeFlood(book: Book, peer: GossipPeer): void {
  const muted = lose(book, peer.id, FLOOD_COST)
  if (muted)
    book.out.push({
      type: 'refused',
      peer: peer.id,
      refusal: gossipRefusal('too-often', 'message'),
      muted,
    })
}

/** Look-ups that this peer, and all strangers together, still have credit for. */
export function roomForLookups(book: Book, peer: GossipPeer): number {
  const { credit, strangers } = book.config
  const own = levelOf(peer.reputation.credit, credit, book.nowMs)
  const shared = peer.friend ? own : levelOf(book.strangers, strangers, book.nowMs)
  return Math.max(0, Math.floor(Math.min(own, shared) / LOOKUP_COST))
}

/** Holds the credit of one look-up, for which there is room. */
export function holdLookup(book: Book, peer: GossipPeer): void {
  take(peer.reputation.credit, book.config.credit, LOOKUP_COST, book.nowMs)
  if (!peer.friend) take(book.strangers, book.config.strangers, LOOKUP_COST, book.nowMs)
  peer.reputation.held += LOOKUP_COST
}

/** The chain has answered, or will not: the held credit comes back unless the channel was not there. */
export function settleLookup(book: Book, pending: Pending, spent: boolean): void {
  const { from } = pending
  if (from === undefined) return
  const reputation = book.reputations.get(from)
  if (reputation === undefined) return
  reputation.held = Math.max(0, reputation.held - LOOKUP_COST)
  if (spent) {
    const refusal = gossipRefusal('channel-unproven', 'channel', pending.id)
    const muted = mutedByLoss(book, from, reputation)
    book.out.push({ type: 'refused', peer: from, refusal, muted })
    return
  }
  giveBack(reputation.credit, book.config.credit, LOOKUP_COST)
  if (pending.shared) giveBack(book.strangers, book.config.strangers, LOOKUP_COST)
}

/** True when this loss mutes the peer. */
function lose(book: Book, peer: NodeId, cost: number): boolean {
  const reputation = reputationOf(book, peer)
  charge(reputation.credit, book.config.credit, cost, book.nowMs)
  return mutedByLoss(book, peer, reputation)
}

function mutedByLoss(book: Book, peer: NodeId, reputation: Reputation): boolean {
  if (reputation.mutedUntilMs > book.nowMs) return false
  const left = levelOf(reputation.credit, book.config.credit, book.nowMs) + reputation.held
  if (left >= LOOKUP_COST) return false
  reputation.mutedUntilMs = book.nowMs + book.config.muteMs
  dropQueued(book, peer)
  return true
}

/** What a muted peer wanted to be asked about is not asked about. */
function dropQueued(book: Book, peer: NodeId): void {
  for (const stem of book.queues.get(peer) ?? []) {
    const pending = book.pending.get(stem)
    if (pending === undefined) continue
    book.pending.delete(stem)
    settleLookup(book, pending, false)
  }
  book.queues.delete(peer)
}

/** Channels that the chain did not show, or shows closing, remembered for a while. */
export function rememberUnproven(book: Book, stem: string, forMs = book.config.unprovenMs): void {
  book.unproven.delete(stem)
  book.unproven.set(stem, book.nowMs + forMs)
  bound(book.unproven, MAX_UNPROVEN)
}

export function isUnproven(book: Book, stem: string): boolean {
  return (book.unproven.get(stem) ?? 0) > book.nowMs
}

const MAX_UNPROVEN = 20_000
