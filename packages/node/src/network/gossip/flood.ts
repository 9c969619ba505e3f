/**
 * News: an item that has just been believed is told to every other peer, once, in small lots at a bounded rate (GO-66).
 * Queues hold keys and not items, so that the newest form goes out; what does not fit is found by the next comparison.
 */

import { MAX_PACKED_ITEMS, packItems } from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import { levelOf, take } from './account.ts'
import { keyText, toldAt } from './inventory.ts'
import type { Book, GossipPeer } from './state.ts'

const MAX_NEWS = 1_000
/** Older than this is no news: whoever lacks it finds it by comparing. */
const NEWS_MS = 3_600_000

/** `sequence`: of what makes it news. `from`: who told us, and need not be told. */
export function tellNews(
  book: Book,
  from: NodeId | undefined,
  keys: readonly Uint8Array[],
  sequence: number,
): void {
  if (sequence < book.nowMs - NEWS_MS) return
  for (const peer of book.peers.values()) {
    if (peer.id === from) continue
    for (const key of keys) if (peer.news.size < MAX_NEWS) peer.news.set(keyText(key), key)
  }
}

/** One lot for each peer that has news waiting. */
export function sendNews(book: Book): void {
  for (const peer of book.peers.values()) if (peer.news.size > 0) sendLot(book, peer)
}

function sendLot(book: Book, peer: GossipPeer): void {
  const { newsOut } = book.config
  const most = Math.min(MAX_PACKED_ITEMS, Math.floor(levelOf(peer.newsOut, newsOut, book.nowMs)))
  const items: Uint8Array[] = []
  for (const [text, key] of peer.news) {
    if (items.length >= most) break
    peer.news.delete(text)
    const told = toldAt(book.inventory, key)
    if (told !== undefined) items.push(told.bytes)
  }
  if (items.length === 0) return
  take(peer.newsOut, newsOut, items.length, book.nowMs)
  const message = { type: 'gossip-items', answer: false, items: packItems(items) } as const
  book.out.push({ type: 'send', peer: peer.id, message })
}
