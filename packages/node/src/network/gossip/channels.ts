/**
 * Announcements of channels: judged with what costs nothing, then by their signatures, then by the chain, for which the
 * teller's credit is held (GO-20, GO-30, GO-51).
 */

import {
  announcedId,
  type ChannelAnnouncement,
  checkChannelAnnouncement,
  decodeItem,
  gossipRefusal,
  type Hex,
  toHex,
  verifyChannelAnnouncement,
} from '@tallystick/protocol'
import { believe, removeChannel } from './believed.ts'
import { holdLookup, isUnproven, refuse, rememberUnproven, roomForLookups, settleLookup } from './credit.ts'
import { queueLookup } from './lookups.ts'
import { type Book, type GossipPeer, type Pending, stemOf, stemOfId, type Verdict } from './state.ts'
import type { GossipRow } from './store.ts'

/** Longer than a close takes to become final. */
const CLOSE_FINAL_MS = 1_800_000

/** Told by a peer, or (`from` undefined) made by this node. `bytes` are copied where they are kept. */
export function takeChannel(
  book: Book,
  from: GossipPeer | undefined,
  item: ChannelAnnouncement,
  bytes: Uint8Array,
): Verdict {
  const wrong = checkChannelAnnouncement(book.domain, item)
  if (wrong !== undefined) return refuse(book, from?.id, wrong)
  const channelId = announcedId(book.crypto, item)
  const stem = stemOf(channelId)
  if (book.channels.has(stem) || book.pending.has(stem)) return undefined
  if (isUnproven(book, stem)) return refuse(book, from?.id, gossipRefusal('channel-unproven', 'channel'))
  const room = book.channels.size + book.pending.size < book.config.maxChannels
  if (!room || (from !== undefined && roomForLookups(book, from) < 1))
    return refuse(book, from?.id, gossipRefusal('no-room', 'channel'))
  const forged = verifyChannelAnnouncement(book.crypto, book.domain, channelId, item)
  if (forged !== undefined) return refuse(book, from?.id, forged)
  const announced = announcedBy(book, bytes.slice())
  if (announced === undefined) return undefined
  if (from !== undefined) holdLookup(book, from)
  const policies: Pending['policies'] = [undefined, undefined]
  const shared = from?.friend === false
  queueLookup(book, { ...announced, from: from?.id, shared, policies, tries: 0 })
  return undefined
}

/** The chain said something of a channel. `ended`: a close was seen, final or not. */
export function takeChainChange(book: Book, channelId: Hex, ended: boolean): void {
  const stem = stemOfId(channelId)
  const known = book.channels.get(stem)
  const pending = book.pending.get(stem)
  if (known === undefined && pending === undefined) return
  if (!ended) {
    book.recheck.add(stem)
    return
  }
  if (known !== undefined) removeChannel(book, known, 'closed')
  // An answer that is under way may be older than the close: nobody waits for it any more.
  if (pending !== undefined && book.pending.delete(stem)) settleLookup(book, pending, false)
  // Until the close is final the chain still shows it open, and peers still tell of it.
  rememberUnproven(book, stem, CLOSE_FINAL_MS)
}

/** A stored announcement that was believed before; its signatures were checked then. False when it is of no use here. */
export function restoreChannel(book: Book, row: GossipRow): boolean {
  const announced = announcedBy(book, row.bytes)
  if (announced === undefined || row.capacity <= 0n || book.channels.has(announced.stem)) return false
  if (checkChannelAnnouncement(book.domain, announced.item) !== undefined) return false
  believe(book, announced, row.capacity, row)
  return true
}

/** Its parts, as windows on `bytes`. */
function announcedBy(book: Book, bytes: Uint8Array) {
  const decoded = decodeItem(bytes)
  if (!decoded.ok || decoded.item.kind !== 'channel') return undefined
  const { item } = decoded
  const channelId = announcedId(book.crypto, item)
  return { stem: stemOf(channelId), id: toHex(channelId), channelId, item, bytes }
}
