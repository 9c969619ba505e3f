/**
 * Carrying a payment of strangers: an incoming lock with an onion becomes an outgoing lock on the same condition with the
 * same expiry, for a fee (LK-40). This node never pays without being paid: the key that takes the outgoing lock also takes
 * the incoming one, and a failure goes back only when the outgoing lock can pay nobody any more (LK-30, LK-42).
 */

import type { FeePolicy } from '@tallystick/protocol'
import {
  decodeHopPayload,
  type ForwardPayload,
  fromHex,
  isUsable,
  peelOnion,
  spendable,
  toHex,
} from '@tallystick/protocol'
import { forwardFault } from '../../network/routing/fee.ts'
import { chainNowSeconds } from '../context.ts'
import type { IncomingLock, OutgoingLock, Placement } from '../locks/lock-book.ts'
import { place } from '../locks/lock-lines.ts'
import { policyOf } from '../policies.ts'
import type { Channel, Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import { failWith, handBack } from './failing.ts'
import { takePart } from './invoices.ts'

/** First byte of a lock's payload: what the rest is. */
export const ONION_PAYLOAD = 1

/** A lock with an onion: opens it, and forwards, receives or refuses. */
export function takeOnion(rt: Runtime, group: Group, lock: IncomingLock, packet: Uint8Array): void {
  const { crypto, key } = rt.ports.onion
  const associatedData = fromHex(lock.condition, 32) ?? new Uint8Array(32)
  const peeled = peelOnion(crypto, { nodeKey: key, packet, associatedData })
  if ('code' in peeled) {
    failWith(rt, group, lock, undefined, { code: 'payload-refused' })
    return
  }
  const secret = toHex(peeled.sharedSecret)
  if (!isFresh(rt, toHex(peeled.replayTag), lock.expiry)) {
    failWith(rt, group, lock, secret, { code: 'payload-refused' })
    return
  }
  const payload = decodeHopPayload(peeled.payload, { final: peeled.nextPacket === undefined })
  if ('code' in payload) {
    failWith(rt, group, lock, secret, { code: 'payload-refused' })
    return
  }
  if (payload.expiry !== lock.expiry) {
    failWith(rt, group, lock, secret, { code: 'lock-differs' })
    return
  }
  if (payload.type === 'final') takePart(rt, group, lock, secret, payload)
  else if (peeled.nextPacket !== undefined) forward(rt, group, lock, secret, payload, peeled.nextPacket)
}

/** ON-26: the same onion again would tell a prober where it goes. Of this process's life: a restart forgets, money does not. */
function isFresh(rt: Runtime, tag: Hex, expiry: number): boolean {
  if (rt.seenOnions.has(tag)) return false
  rt.seenOnions.set(tag, expiry)
  return true
}

/** Tags are kept while a lock with that expiry could be accepted. */
export function forgetOnions(rt: Runtime): void {
  const now = chainNowSeconds(rt)
  for (const [tag, expiry] of rt.seenOnions) if (expiry < now) rt.seenOnions.delete(tag)
}

function forward(
  rt: Runtime,
  group: Group,
  lock: IncomingLock,
  secret: Hex,
  payload: ForwardPayload,
  packet: Uint8Array,
): void {
  const { channelId, amount } = payload
  const named = rt.channels.get(toHex(channelId))
  const token = toHex(lock.channel.core.setup.params.token)
  if (named === undefined || toHex(named.core.setup.params.token) !== token) {
    failWith(rt, group, lock, secret, { code: 'channel-unknown', channelId: channelId.slice() })
    return
  }
  const fault = faultOf(policyOf(rt, named), lock.amount, amount)
  if (fault !== undefined) {
    failWith(rt, group, lock, secret, { code: fault, channelId: channelId.slice() })
    return
  }
  if (
    lock.expiry - chainNowSeconds(rt) <
    rt.config.policy.safetyMarginSeconds + rt.config.forwardMarginSeconds
  ) {
    failWith(rt, group, lock, secret, { code: 'expiry-near' })
    return
  }
  const channel = chooseOnward(rt, named, amount)
  if (channel === undefined) {
    failWith(rt, group, lock, secret, { code: 'channel-unavailable', channelId: channelId.slice() })
    return
  }
  lock.use = { kind: 'forward', secret }
  const onion = new Uint8Array(1 + packet.length)
  onion[0] = ONION_PAYLOAD
  onion.set(packet, 1)
  place(rt, {
    channel,
    amount,
    condition: fromHex(lock.condition, 32) ?? new Uint8Array(32),
    expiry: lock.expiry,
    payload: onion,
    use: { kind: 'forward', from: lock.id },
    from: lock,
  })
}

function faultOf(policy: FeePolicy, amountIn: bigint, amountOut: bigint) {
  switch (forwardFault(policy, amountIn, amountOut)?.code) {
    case undefined:
      return undefined
    case 'disabled':
      return 'channel-unavailable'
    case 'amount-low':
      return 'amount-too-small'
    case 'amount-high':
      return 'amount-too-large'
    case 'fee-low':
      return 'fee-insufficient'
  }
}

/** The channel that the payer named, or another with the same peer and token that has the money: to the payee it is the same. */
function chooseOnward(rt: Runtime, named: Channel, amount: bigint): Channel | undefined {
  const peer = rt.peers.get(named.peer)
  if (peer === undefined || peer.session === 0) return undefined
  const token = toHex(named.core.setup.params.token)
  return [named, ...peer.channels].find(
    (channel) =>
      toHex(channel.core.setup.params.token) === token && canPlace(channel) && roomOf(channel) >= amount,
  )
}

export function canPlace(channel: Channel): boolean {
  const { core, record, draining } = channel
  return core.link.synced && isUsable(core) && !draining && record.abandoned === undefined
}

/** What new locks may take: neither spent, nor queued, nor promised to locks that wait for a line. */
export function roomOf(channel: Channel): bigint {
  const waiting = channel.placements.reduce((sum, { amount }) => sum + amount, 0n)
  return spendable(channel.core) - channel.queued - waiting
}

/** The onward lock was never made: the incoming one may be failed at once. */
export function forwardNotPlaced(rt: Runtime, group: Group, placement: Placement): void {
  const { from, channel } = placement
  if (from === undefined || from.use.kind !== 'forward' || !rt.locks.incoming.has(from.id)) return
  failWith(rt, group, from, from.use.secret, { code: 'channel-unavailable', channelId: channel.idBytes })
}

/** The onward lock left every line. Paid, or its condition met: the key settles the incoming one. */
export function forwardGone(rt: Runtime, group: Group, lock: OutgoingLock, paid: boolean): void {
  const { from, channel } = lock
  if (from === undefined || from.use.kind !== 'forward' || !rt.locks.incoming.has(from.id)) return
  if (paid) return
  handBack(rt, group, from, from.use.secret, lock.failure, channel.idBytes)
}

/** After a restart: an onward lock that no line carries was never made. */
export function resumeForward(rt: Runtime, group: Group, lock: IncomingLock, secret: Hex): void {
  if (lock.onward.size > 0) return
  failWith(rt, group, lock, secret, { code: 'node-busy' })
}
