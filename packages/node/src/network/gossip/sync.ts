/**
 * Comparing with a peer and fetching what is missing (GO-60 to GO-65). Whoever lacks something asks: digests are told, lists
 * and items are only ever answers, one question of a peer is out at a time, and each answer is paced. So nobody can push a
 * graph into a node faster than it asks for it, and losing any message costs one more comparison.
 */

import {
  differingBuckets,
  type GossipItems,
  gossipRefusal,
  MAX_ASKED_BUCKETS,
  MAX_WANTED_KEYS,
  packEntries,
  packItems,
  packKeys,
  unpackEntries,
} from '@tallystick/protocol'
import { charge, levelOf, take } from './account.ts'
import { chargeFlood, isMuted, isUnproven, refuse, roomForLookups } from './credit.ts'
import { digestOfInventory, entriesOf, keyText, toldAt } from './inventory.ts'
import { takeItems } from './items.ts'
import { wantsUpdate } from './policies.ts'
import type { Book, GossipPeer, Pull, Question } from './state.ts'

/** Keys waiting to be asked for from one peer; what is beyond is found by the next comparison. */
const MAX_WANTS = 8_192
/** However well it goes, others get their turn. */
const MAX_PULL_MS = 600_000

export function tellDigest(book: Book, peer: GossipPeer): void {
  peer.digestToldMs = book.nowMs
  const message = { type: 'gossip-digest', hashes: digestOfInventory(book.inventory) } as const
  book.out.push({ type: 'send', peer: peer.id, message })
}

export function takeDigest(book: Book, peer: GossipPeer, hashes: Uint8Array): void {
  if (book.nowMs - peer.digestTakenMs < book.config.digestLeastMs) {
    chargeFlood(book, peer)
    return
  }
  peer.digestTakenMs = book.nowMs
  if (peer.pull !== undefined) return
  const differing = differingBuckets(digestOfInventory(book.inventory), hashes)
  peer.waiting = differing.length === 0 ? undefined : differing
  startPulls(book)
}

/** Strangers wait for strangers, friends for friends. */
export function startPulls(book: Book): void {
  for (const friend of [true, false]) {
    let running = 0
    const waiting: GossipPeer[] = []
    for (const peer of book.peers.values()) {
      if (peer.friend !== friend) continue
      if (peer.pull !== undefined) running += 1
      else if (peer.waiting !== undefined) waiting.push(peer)
    }
    waiting.sort((a, b) => a.pulledMs - b.pulledMs)
    for (const peer of waiting.slice(0, Math.max(0, book.config.maxPulls - running))) startPull(book, peer)
  }
}

function startPull(book: Book, peer: GossipPeer): void {
  peer.pull = newPull(book, peer.waiting ?? [])
  peer.waiting = undefined
  peer.pulledMs = book.nowMs
  advancePull(book, peer)
}

/** Asks the next question, if none is out; gives up what stands still. */
export function advancePull(book: Book, peer: GossipPeer): void {
  const { pull } = peer
  if (pull === undefined) return
  const { answerMs } = book.config
  const tooLong =
    book.nowMs - pull.movedMs > answerMs ||
    book.nowMs - pull.gainedMs > 2 * answerMs ||
    book.nowMs - pull.startedMs > MAX_PULL_MS
  if (tooLong || isMuted(book, peer.id)) {
    peer.pull = undefined
    return
  }
  if (pull.out) return
  if (pull.wants.size > 0) {
    askForItems(book, peer, pull)
    return
  }
  if (pull.todo.length === 0 && !pull.secondPass && pull.again.size > 0) {
    // What hung on channels that the chain is being asked about can be taken once it has answered.
    if (peer.reputation.held > 0) return
    pull.secondPass = true
    pull.todo.push(...pull.again)
  }
  if (pull.todo.length === 0) {
    peer.pull = undefined
    return
  }
  const buckets = pull.todo.splice(0, MAX_ASKED_BUCKETS)
  for (const bucket of buckets) pull.asked.add(bucket)
  pull.out = true
  book.out.push({ type: 'send', peer: peer.id, message: { type: 'gossip-ask', buckets } })
}

export function takeList(book: Book, peer: GossipPeer, bucket: number, packed: Uint8Array): void {
  const { pull } = peer
  if (pull === undefined || !pull.asked.delete(bucket)) {
    countUnasked(book, peer)
    return
  }
  const entries = unpackEntries(packed, bucket)
  if (entries === undefined) {
    refuse(book, peer.id, gossipRefusal('item-malformed', 'gossip-list/entries'))
    return
  }
  for (const { key, sequence } of entries) {
    if (pull.wants.size >= MAX_WANTS) break
    noteEntry(book, pull, bucket, key, sequence)
  }
  if (pull.asked.size === 0) moveOn(book, peer, pull)
}

/** Items, asked for or not. */
export function takeTold(book: Book, peer: GossipPeer, message: GossipItems): void {
  const { pull } = peer
  const asked = message.answer ? pull?.wanted : undefined
  if (asked === undefined) countUnasked(book, peer)
  const gained = takeItems(book, peer, message, asked)
  if (pull === undefined || asked === undefined) return
  pull.wanted = undefined
  if (gained) pull.gainedMs = book.nowMs
  moveOn(book, peer, pull)
}

/** A question of the peer's: answered when its answers of late allow it. One at a time. */
export function takeQuestion(book: Book, peer: GossipPeer, question: Question): void {
  if (peer.question !== undefined) {
    countUnasked(book, peer)
    return
  }
  peer.question = question
  answer(book, peer)
}

export function answer(book: Book, peer: GossipPeer): void {
  const { question } = peer
  const { serving } = book.config
  if (question === undefined || levelOf(peer.serving, serving, book.nowMs) <= 0) return
  peer.question = undefined
  let bytes = 0
  for (const bucket of new Set(question.buckets)) {
    const entries = packEntries(entriesOf(book.inventory, bucket))
    bytes += entries.length + 64
    book.out.push({ type: 'send', peer: peer.id, message: { type: 'gossip-list', bucket, entries } })
  }
  if (question.keys !== undefined) {
    const told = question.keys.map((key) => toldAt(book.inventory, key)?.bytes)
    const items = packItems(told.filter((item) => item !== undefined))
    bytes += items.length + 64
    book.out.push({ type: 'send', peer: peer.id, message: { type: 'gossip-items', answer: true, items } })
  }
  charge(peer.serving, serving, bytes, book.nowMs)
}

/** A message that nobody asked for: a few are news, many are a flood. */
export function countUnasked(book: Book, peer: GossipPeer): void {
  if (!take(peer.messagesIn, book.config.messagesIn, 1, book.nowMs)) chargeFlood(book, peer)
}

function newPull(book: Book, todo: number[]): Pull {
  return {
    startedMs: book.nowMs,
    movedMs: book.nowMs,
    gainedMs: book.nowMs,
    out: false,
    todo,
    asked: new Set(),
    wants: new Map(),
    wanted: undefined,
    again: new Set(),
    secondPass: false,
  }
}

function moveOn(book: Book, peer: GossipPeer, pull: Pull): void {
  pull.movedMs = book.nowMs
  pull.out = false
  advancePull(book, peer)
}

/** Channels before what hangs on them: keys are in that order, and only as many as the chain may be asked about. */
function askForItems(book: Book, peer: GossipPeer, pull: Pull): void {
  let room = roomForLookups(book, peer)
  const keys: Uint8Array[] = []
  for (const [text, key] of pull.wants) {
    if (keys.length >= MAX_WANTED_KEYS) break
    if (key[15] === 0 && !book.channels.has(text.slice(0, 30))) {
      if (room === 0) break
      room -= 1
    }
    pull.wants.delete(text)
    keys.push(key)
  }
  if (keys.length === 0) return
  pull.wanted = new Set(keys.map(keyText))
  pull.out = true
  book.out.push({ type: 'send', peer: peer.id, message: { type: 'gossip-want', keys: packKeys(keys) } })
}

function noteEntry(book: Book, pull: Pull, bucket: number, key: Uint8Array, sequence: number): void {
  const text = keyText(key)
  const stem = text.slice(0, 30)
  const tag = key[15]
  if (tag === 3) {
    if (!book.nodeKeys.has(text)) pull.again.add(bucket)
    else if (wantsUpdate(book, key, sequence)) pull.wants.set(text, key.slice())
    return
  }
  if (isUnproven(book, stem)) return
  if (tag === 0) {
    if (book.channels.has(stem) || book.pending.has(stem)) return
    pull.again.add(bucket)
    pull.wants.set(text, key.slice())
  } else if (wantsUpdate(book, key, sequence)) pull.wants.set(text, key.slice())
}
