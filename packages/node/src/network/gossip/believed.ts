/**
 * What is believed: channels that the chain shows, the newest policy of each direction, and their nodes (GO-30 to GO-45).
 * Every change goes out from here, to the graph, the store, the inventory and the other peers, so that these four agree.
 * A channel is told to others from its first policy on: one that nobody prices any more dies out everywhere.
 */

import {
  channelKey,
  decodeItem,
  type Hex,
  type NodeAnnouncement,
  nodeKey,
  type PolicyUpdate,
  policyKey,
  toHex,
} from '@tallystick/protocol'
import type { NodeId } from '../../transport/port.ts'
import { openAccount } from './account.ts'
import { tellNews } from './flood.ts'
import { keyText, putTold, removeTold } from './inventory.ts'
import {
  type Book,
  type KnownChannel,
  type KnownNode,
  type KnownPolicy,
  nodeText,
  type Pending,
  type Stem,
  termsOf,
} from './state.ts'
import type { GossipRow } from './store.ts'

/** An announced channel that the chain shows with `held` in it. */
export function believe(
  book: Book,
  announced: Pick<Pending, 'stem' | 'id' | 'channelId' | 'item' | 'bytes'>,
  held: bigint,
  since: { readonly addedAtMs: number; readonly checkedAtMs: number },
): KnownChannel {
  const { stem, id, channelId, item, bytes } = announced
  const { nodeIds } = item
  const { updates } = book.config
  const known: KnownChannel = {
    stem,
    id,
    channelId,
    nodeIds,
    nodes: [nodeText(nodeIds[0]), nodeText(nodeIds[1])],
    token: toHex(item.params.token),
    bytes,
    capacity: held,
    addedAtMs: since.addedAtMs,
    checkedAtMs: since.checkedAtMs,
    policies: [undefined, undefined],
    updates: [openAccount(updates, book.nowMs), openAccount(updates, book.nowMs)],
  }
  book.channels.set(stem, known)
  for (const nodeId of nodeIds) nodeOf(book, nodeId).channels += 1
  store(book, channelRow(known))
  tellAdded(book, known)
  wakeOwn(book, stem)
  return known
}

export function setCapacity(book: Book, known: KnownChannel, held: bigint): void {
  const changed = known.capacity !== held
  known.capacity = held
  known.checkedAtMs = book.nowMs
  store(book, channelRow(known))
  if (changed) tellAdded(book, known)
}

export function removeChannel(book: Book, known: KnownChannel, reason: 'closed' | 'stale'): void {
  const { channelId, id, token } = known
  book.channels.delete(known.stem)
  for (const key of [channelKey(channelId), policyKey(channelId, 0), policyKey(channelId, 1)])
    forget(book, key)
  for (const node of known.nodes) releaseNode(book, node)
  book.out.push({ type: 'graph', event: { type: 'channel-removed', channelId: id, token, reason } })
  wakeOwn(book, known.stem)
}

/** A genuine policy, newer than the one before. `bytes` are kept. */
export function setPolicy(
  book: Book,
  known: KnownChannel,
  item: PolicyUpdate,
  bytes: Uint8Array,
  from: NodeId | undefined,
): void {
  const { direction, sequence } = item
  const first = known.policies.every((policy) => policy === undefined)
  known.policies[direction] = { sequence, bytes }
  const keys = [policyKey(known.channelId, direction)]
  if (first) {
    const key = channelKey(known.channelId)
    keys.unshift(key)
    putTold(book.inventory, { key, sequence: 0, bytes: known.bytes })
  }
  keep(book, policyKey(known.channelId, direction), { sequence, bytes })
  tellPolicy(book, known, item)
  tellNews(book, from, keys, sequence)
  wakeOwn(book, known.stem)
}

/** Drops what was not refreshed in time; the graph is told that nothing is forwarded there any more (GO-44). */
export function dropStale(book: Book, known: KnownChannel): void {
  const { staleAfterMs, unpricedMs } = book.config
  for (const direction of [0, 1] as const) {
    const policy = known.policies[direction]
    if (policy === undefined || policy.sequence >= book.nowMs - staleAfterMs) continue
    known.policies[direction] = undefined
    forget(book, policyKey(known.channelId, direction))
    const decoded = decodeItem(policy.bytes)
    if (!decoded.ok || decoded.item.kind !== 'policy') continue
    tellPolicy(book, known, { ...decoded.item, sequence: policy.sequence + 1, disabled: true })
  }
  if (known.policies.some((policy) => policy !== undefined)) return
  removeTold(book.inventory, channelKey(known.channelId))
  if (known.addedAtMs < book.nowMs - unpricedMs) removeChannel(book, known, 'stale')
}

export function setNode(
  book: Book,
  node: KnownNode,
  item: NodeAnnouncement,
  bytes: Uint8Array,
  from: NodeId | undefined,
): void {
  const { sequence, alias, addresses } = item
  node.announced = { sequence, bytes }
  keep(book, node.key, { sequence, bytes })
  const nodeId = nodeText(item.nodeId)
  book.out.push({ type: 'graph', event: { type: 'node', nodeId, sequence, alias, addresses } })
  tellNews(book, from, [node.key], sequence)
}

/** A node announcement that was not refreshed in time. */
export function dropStaleNode(book: Book, nodeId: NodeId): void {
  const node = book.nodes.get(nodeId)
  if (node?.announced === undefined) return
  if (node.announced.sequence >= book.nowMs - book.config.staleAfterMs) return
  node.announced = undefined
  forget(book, node.key)
  book.out.push({ type: 'graph', event: { type: 'node-removed', nodeId } })
}

export function tellAdded(book: Book, known: KnownChannel): void {
  const { id: channelId, token, nodes, capacity, addedAtMs } = known
  const event = { type: 'channel-added', channelId, token, nodes, capacity, addedAtMs } as const
  book.out.push({ type: 'graph', event })
}

export function tellPolicy(
  book: Book,
  about: { readonly id: Hex; readonly token: Hex },
  item: PolicyUpdate,
  type: 'policy' | 'private-policy' = 'policy',
): void {
  const { direction, sequence } = item
  const event = { type, channelId: about.id, token: about.token, direction, sequence, ...termsOf(item) }
  book.out.push({ type: 'graph', event })
}

function nodeOf(book: Book, nodeId: Uint8Array): KnownNode {
  const text = nodeText(nodeId)
  let node = book.nodes.get(text)
  if (node === undefined) {
    const key = nodeKey(book.crypto, nodeId)
    node = { key, channels: 0, announced: undefined, updates: openAccount(book.config.updates, book.nowMs) }
    book.nodes.set(text, node)
    book.nodeKeys.set(keyText(key), text)
  }
  return node
}

function releaseNode(book: Book, nodeId: NodeId): void {
  const node = book.nodes.get(nodeId)
  if (node === undefined) return
  node.channels -= 1
  if (node.channels > 0) return
  book.nodes.delete(nodeId)
  book.nodeKeys.delete(keyText(node.key))
  forget(book, node.key)
  if (node.announced !== undefined) book.out.push({ type: 'graph', event: { type: 'node-removed', nodeId } })
}

function keep(book: Book, key: Uint8Array, { sequence, bytes }: KnownPolicy): void {
  putTold(book.inventory, { key, sequence, bytes })
  store(book, { key, bytes, capacity: 0n, addedAtMs: book.nowMs, checkedAtMs: 0 })
}

function forget(book: Book, key: Uint8Array): void {
  removeTold(book.inventory, key)
  book.out.push({ type: 'store', change: { type: 'delete', key } })
}

function store(book: Book, row: GossipRow): void {
  book.out.push({ type: 'store', change: { type: 'put', row } })
}

function channelRow({ channelId, bytes, capacity, addedAtMs, checkedAtMs }: KnownChannel): GossipRow {
  return { key: channelKey(channelId), bytes, capacity, addedAtMs, checkedAtMs }
}

function wakeOwn(book: Book, stem: Stem): void {
  if (book.own.has(stem)) book.ownDue.add(stem)
}
