/** Items that a peer tells, asked for or not: decoded, counted, and given to whoever judges their kind (GO-50, GO-63). */

import {
  announcedId,
  channelKey,
  decodeItem,
  type GossipItem,
  type GossipItems,
  gossipRefusal,
  nodeKey,
  policyKey,
  unpackItems,
} from '@tallystick/protocol'
import { take } from './account.ts'
import { takeChannel } from './channels.ts'
import { chargeFlood, isMuted, refuse } from './credit.ts'
import { type KeyText, keyText } from './inventory.ts'
import { takeNode, takePolicy } from './policies.ts'
import type { Book, GossipPeer } from './state.ts'

/**
 * `asked`: keys of the request that this answers; anything else in it is news, and counted as such. True when something
 * that was asked for came.
 */
export function takeItems(
  book: Book,
  from: GossipPeer,
  message: GossipItems,
  asked: ReadonlySet<KeyText> | undefined,
): boolean {
  const items = unpackItems(message.items)
  if (items === undefined) {
    refuse(book, from.id, gossipRefusal('item-malformed', 'gossip-items/items'))
    return false
  }
  let flooded = false
  let answered = false
  for (const bytes of items) {
    if (isMuted(book, from.id)) return false
    const decoded = decodeItem(bytes)
    if (!decoded.ok) {
      refuse(book, from.id, decoded.refusal)
      continue
    }
    const isAsked = asked?.has(keyText(keyOf(book, decoded.item))) === true
    answered ||= isAsked
    if (isAsked || take(from.newsIn, book.config.newsIn, 1, book.nowMs))
      judge(book, from, decoded.item, bytes)
    else flooded = true
  }
  if (flooded) chargeFlood(book, from)
  return answered
}

function judge(book: Book, from: GossipPeer, item: GossipItem, bytes: Uint8Array): void {
  if (item.kind === 'channel') takeChannel(book, from, item, bytes)
  else if (item.kind === 'policy') takePolicy(book, from, item, bytes)
  else takeNode(book, from, item, bytes)
}

function keyOf(book: Book, item: GossipItem): Uint8Array {
  if (item.kind === 'channel') return channelKey(announcedId(book.crypto, item))
  if (item.kind === 'policy') return policyKey(item.channelId, item.direction)
  return nodeKey(book.crypto, item.nodeId)
}
