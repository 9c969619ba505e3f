/** What this node asks for forwarding over its own channels: durable, one policy a channel, the configured one by default. */

import type { FeePolicy } from '@tallystick/protocol'
import { MAX_PAGE_ROWS, type Store } from '../store/port.ts'
import type { Channel, Group, Runtime } from './runtime.ts'
import type { Hex } from './service.ts'

const SPACE = 'policy'

export function policyOf(rt: Runtime, channel: Channel): FeePolicy {
  return rt.policies.get(channel.id) ?? rt.config.forwardPolicy
}

export function setPolicy(rt: Runtime, group: Group, channel: Channel, policy: FeePolicy): void {
  rt.policies.set(channel.id, policy)
  const { feeBase, minAmount, maxAmount, ...rest } = policy
  const stored = { ...rest, feeBase: `${feeBase}`, minAmount: `${minAmount}`, maxAmount: `${maxAmount}` }
  group.changes.push({
    type: 'record.put',
    row: { space: SPACE, key: channel.idBytes, bytes: Buffer.from(JSON.stringify(stored)) },
  })
}

export async function loadPolicies(store: Store): Promise<Map<Hex, FeePolicy>> {
  const policies = new Map<Hex, FeePolicy>()
  for (const { key, bytes } of await store.listRecords({ space: SPACE, limit: MAX_PAGE_ROWS })) {
    const stored = JSON.parse(Buffer.from(bytes).toString()) as Record<
      'feeBase' | 'minAmount' | 'maxAmount',
      string
    > & {
      feePpm: number
      disabled: boolean
    }
    policies.set(`0x${Buffer.from(key).toString('hex')}`, {
      feeBase: BigInt(stored.feeBase),
      feePpm: stored.feePpm,
      minAmount: BigInt(stored.minAmount),
      maxAmount: BigInt(stored.maxAmount),
      disabled: stored.disabled,
    })
  }
  return policies
}

const ANNOUNCED = 'announced'

export async function loadAnnounced(store: Store): Promise<Set<Hex>> {
  const rows = await store.listRecords({ space: ANNOUNCED, limit: MAX_PAGE_ROWS })
  return new Set(rows.map(({ key }): Hex => `0x${Buffer.from(key).toString('hex')}`))
}

/** For ever: what others know of a channel cannot be taken back. */
export function announce(rt: Runtime, group: Group, channel: Channel): void {
  rt.announced.add(channel.id)
  group.changes.push({
    type: 'record.put',
    row: { space: ANNOUNCED, key: channel.idBytes, bytes: new Uint8Array(0) },
  })
}
