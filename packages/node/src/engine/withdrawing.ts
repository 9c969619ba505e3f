/** `withdraw`: takes money out of an open channel with the peer's signature (WD-1 to WD-4). */

import { chainFailure } from './chain-failure.ts'
import { withdrawalKey } from './closing.ts'
import { command } from './command.ts'
import { chainNowSeconds } from './context.ts'
import { ServiceError } from './errors.ts'
import { amountOf, channelOf } from './input-checks.ts'
import { run } from './machine.ts'
import { commandRefused, peerRefused } from './refusals.ts'
import type { Channel, Runtime } from './runtime.ts'
import type { ChannelView, Hex, WaitOptions } from './service.ts'
import { channelView } from './views.ts'

/** A transaction takes blocks, not milliseconds. */
const DEFAULT_WAIT_MS = 180_000
/** The peer may see a final block a moment after us: until then it holds an earlier withdrawal for pending. */
const ASK_AGAIN_MS = 250

interface Wanted {
  readonly total: bigint
  readonly validUntil: number
}

export async function withdraw(
  rt: Runtime,
  channelId: Hex,
  given: bigint,
  options: WaitOptions | undefined,
): Promise<ChannelView> {
  const amount = amountOf(given, 'amount')
  const channel = channelOf(rt, channelId)
  requireOnline(rt, channel)
  const deadlineMs = rt.ports.nowMs() + (options?.timeoutMs ?? DEFAULT_WAIT_MS)
  let wanted = await ask(rt, channel, () => ({
    total: channel.core.chain.withdrawn[channel.core.setup.party] + amount,
    validUntil: chainNowSeconds(rt) + rt.config.validitySeconds,
  }))
  for (;;) {
    const leftMs = Math.max(1, deadlineMs - rt.ports.nowMs())
    const outcome = await rt.waits.until(`channel/${channel.id}`, leftMs, () => look(rt, channel, wanted))
    if (outcome !== 'ask again') return outcome
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
    const same = wanted
    wanted = await ask(rt, channel, () => same)
  }
}

/** Signs and sends the request; for the same total and time it is the same request. */
function ask(rt: Runtime, channel: Channel, of: () => Wanted): Promise<Wanted> {
  return command(rt, (group) => {
    if (channel.queued > 0n) throw new ServiceError('PENDING_OPERATION', { field: 'channelId' })
    const wanted = of()
    const refused = run(rt, group, channel, { type: 'withdraw', ...wanted })
    if (refused !== undefined) throw commandRefused(refused.refusal)
    channel.peerRefusal = undefined
    return wanted
  })
}

function look(
  rt: Runtime,
  channel: Channel,
  { total, validUntil }: Wanted,
): ChannelView | 'ask again' | undefined {
  const { core, peerRefusal } = channel
  if (core.chain.withdrawn[core.setup.party] >= total) return channelView(rt, channel)
  if (core.closing !== undefined) throw new ServiceError('CHANNEL_CLOSING', { field: 'channelId' })
  if (peerRefusal?.code === 'withdrawal-pending') return 'ask again'
  if (peerRefusal !== undefined) throw peerRefused(peerRefusal)
  const failure = rt.submissions.failure(withdrawalKey(channel, total, validUntil))
  if (failure !== undefined) throw chainFailure(failure)
  return undefined
}

export function requireOnline(rt: Runtime, channel: Channel): void {
  if (rt.links.connected(channel.peer) && channel.core.link.synced) return
  throw new ServiceError('PEER_OFFLINE', { field: 'channelId' })
}
