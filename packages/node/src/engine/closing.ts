/**
 * Leaving: withdrawals in place, common closes, closing alone, and the answers to a peer's close. What to submit is
 * derived from the durable state and the chain, again after every change and every start; nothing of it is remembered.
 */

import {
  type ChainCall,
  closeCall,
  duties,
  type Effect,
  keysToPost,
  paramsToChain,
  toHex,
} from '@tallystick/protocol'
import { chainNowSeconds, contextOf } from './context.ts'
import { type Channel, type Group, post, type Runtime } from './runtime.ts'
import type { Hex } from './service.ts'

/** Effects of the core that concern the chain or the operator. */
export function courtEffect(rt: Runtime, group: Group, channel: Channel, effect: Effect): void {
  group.touched.add(channel)
  switch (effect.type) {
    case 'withdrawal-ready':
    case 'close-together-ready':
    case 'frozen':
      group.effects.push(() => drive(rt, channel))
      return
    case 'peer-refused':
      channel.peerRefusal = effect.refusal
      return
    case 'released':
      rt.ports.log.info(
        { channel: channel.id, what: effect.what, executed: effect.executed },
        'no longer pending',
      )
      if (effect.what === 'close-together') channel.draining = false
      return
    case 'peer-lost-data':
      warn(
        rt,
        group,
        channel,
        'peer-lost-data',
        'the peer is below an acknowledgement that it gave: close the channel alone',
      )
      return
    case 'data-loss-proved':
      warn(
        rt,
        group,
        channel,
        'data-loss-proved',
        'this node lost data of the channel and signs nothing in it again',
      )
      return
    case 'offer-to-judge':
      warn(
        rt,
        group,
        channel,
        'offer-to-judge',
        `the peer offers to close together with a difference of ${effect.delta}`,
      )
      return
    default:
  }
}

function warn(rt: Runtime, group: Group, channel: Channel, code: string, message: string): void {
  rt.ports.log.error({ channel: channel.id, code }, message)
  group.effects.push(() =>
    rt.events.emit({ type: 'warning', atMs: rt.ports.nowMs(), code, message: `${channel.id}: ${message}` }),
  )
}

/** Submits everything that durable state and chain ask for now. Called after commits, chain facts and ticks only. */
export function drive(rt: Runtime, channel: Channel): void {
  if (!rt.running || channel.record.abandoned !== undefined) return
  const { core, now } = channel
  if ((now.status ?? core.chain.status) === 'open') driveOpen(rt, channel)
  if (now.record !== undefined) {
    rt.submissions.withdraw(`withdraw/${channel.id}/`)
    rt.submissions.withdraw(`together/${channel.id}/`)
    if (now.record.kind === 'settled' || now.record.closing.party !== core.setup.party)
      rt.submissions.withdraw(`close/${channel.id}`)
  }
  submitDuties(rt, channel)
}

/** True while time alone may make something due. */
export function hasCourtWork(channel: Channel): boolean {
  const { core, now, record } = channel
  if (record.abandoned !== undefined || core.chain.status === 'closed') return false
  const leaving = core.closing !== undefined || core.together !== undefined
  const keyed = core.in.answers.some(({ answer }) => answer.type === 'key')
  return leaving || keyed || now.record !== undefined || core.withdrawals[core.setup.party] !== undefined
}

function driveOpen(rt: Runtime, channel: Channel): void {
  const { core } = channel
  const { party } = core.setup
  const withdrawal = core.withdrawals[party]
  const [first, second] = withdrawal?.signatures ?? []
  if (withdrawal !== undefined && first !== undefined && second !== undefined && core.closing === undefined) {
    const { total, validUntil } = withdrawal
    submit(rt, channel, withdrawalKey(channel, total, validUntil), {
      kind: 'withdraw',
      params: paramsToChain(core.setup.params),
      party,
      total,
      validUntil: BigInt(validUntil),
      signatures: [toHex(first), toHex(second)],
    })
  }
  driveTogether(rt, channel)
  const close = closeCall(core)
  if (close !== undefined) submit(rt, channel, `close/${channel.id}`, close)
}

export function withdrawalKey(channel: Channel, total: bigint, validUntil: number): string {
  return `withdraw/${channel.id}/${total}/${validUntil}`
}

function driveTogether(rt: Runtime, channel: Channel): void {
  const { together, setup, closing } = channel.core
  const [first, second] = together?.signatures ?? []
  if (together === undefined || first === undefined || second === undefined || closing !== undefined) return
  // The one that offered submits; the other does when half of the time is over and nothing has happened.
  const late = together.validUntil - chainNowSeconds(rt) < rt.config.validitySeconds / 2
  if (!together.offeredByUs && !late) return
  submit(rt, channel, `together/${channel.id}/${together.validUntil}`, {
    kind: 'closeTogether',
    params: paramsToChain(setup.params),
    delta: together.delta,
    validUntil: BigInt(together.validUntil),
    signatures: [toHex(first), toHex(second)],
  })
}

function submitDuties(rt: Runtime, channel: Channel): void {
  const { core, now } = channel
  const ctx = contextOf(rt)
  const due = keysToPost(core, ctx)
  const all =
    now.record === undefined || core.closing === undefined ? due : [...due, ...duties(core, now.record, ctx)]
  const seconds = chainNowSeconds(rt)
  for (const { call, fromSeconds, beforeSeconds } of all) {
    // Too late only by the chain's own time: a clock that is ahead must not keep us from answering.
    const late = beforeSeconds !== undefined && Number(rt.head?.timestampSeconds ?? 0n) >= beforeSeconds
    if (seconds < fromSeconds || late) continue
    if (call.kind === 'settle' && notOurTurn(rt, channel)) continue
    submit(rt, channel, dutyKey(rt, channel, call), call)
  }
}

/** Either side can settle: the closer does at once, the other when it has not. */
function notOurTurn(rt: Runtime, channel: Channel): boolean {
  const { record } = channel.now
  if (record?.kind !== 'closing' || record.closing.party === channel.core.setup.party) return false
  return chainNowSeconds(rt) < Number(record.closing.endsAt) + rt.config.settleGraceSeconds
}

/**
 * Names the transaction: by all of the record that the call passes back, so that the same duty on another record, be it
 * of the same second and the same nonces after a reorganisation, is another transaction.
 */
function dutyKey(rt: Runtime, channel: Channel, call: ChainCall): string {
  if (call.kind === 'resolve') return `resolve/${hashOf(rt, call.resolutions)}`
  const { record } = channel.now
  const passed = record?.kind === 'closing' ? record.closing : record?.settlement
  const direction = 'direction' in call ? call.direction : undefined
  const slots = call.kind === 'claimLocks' ? call.locks.map(({ slot }) => slot) : []
  return `${call.kind}/${channel.id}/${hashOf(rt, [passed, direction, slots])}`
}

function hashOf(rt: Runtime, value: unknown): Hex {
  const text = JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `${part}` : part))
  return toHex(rt.ports.crypto.keccak256(Buffer.from(text)))
}

function submit(rt: Runtime, channel: Channel, key: string, call: ChainCall): void {
  rt.submissions.submit(key, call, {
    onSeen: () => post(rt, (group) => group.touched.add(channel)),
    onFinal: () => post(rt, (group) => group.touched.add(channel)),
    onFailed: (error) =>
      post(rt, (group) => {
        group.touched.add(channel)
        const message = `${channel.id}: ${call.kind}: ${error.message} ${error.remedy}`
        group.effects.push(() =>
          rt.events.emit({ type: 'warning', atMs: rt.ports.nowMs(), code: error.code, message }),
        )
      }),
  })
}
