/**
 * Deposits of this node. Each is decided once and stored with the channel under a number; the number names the
 * transaction for ever, so deciding, crashing and starting again never deposits twice.
 */

import { type ChainCall, paramsToChain } from '@tallystick/protocol'
import { chainFailure } from './chain-failure.ts'
import type { Funding } from './channel-record.ts'
import { mayBeUsed } from './joint-limits.ts'
import { amend, type Channel, type Group, post, type Runtime } from './runtime.ts'
import type { Hex } from './service.ts'

/** Submits what is wanted and not submitted yet. Called after the decision is durable, and at start. */
export function driveFunding(rt: Runtime, channel: Channel): void {
  if (channel.record.abandoned !== undefined) return
  for (const funding of channel.record.fundings) {
    if (funding.state !== 'wanted') continue
    const call = callOf(channel, funding)
    if (call === undefined) continue
    const { number } = funding
    rt.submissions.submit(fundingKey(channel, number), call, {
      onSeen: () => rt.waits.poke(`funding/${channel.id}`),
      onFinal: () => post(rt, (group) => mark(rt, group, channel, number, 'final', undefined)),
      onFailed(error) {
        // An empty account can be filled: the deposit stays wanted. What the bank refuses, it refuses for good.
        const detail = error.consequence === 'final' ? chainFailure(error).message : undefined
        post(rt, (group) => {
          if (detail !== undefined) mark(rt, group, channel, number, 'failed', detail)
          group.effects.push(() => rt.waits.poke(`funding/${channel.id}`))
        })
      },
    })
  }
}

/** No longer wanted, because it failed just now; false when it is being tried again already. */
export function giveUpDeposit(rt: Runtime, group: Group, channel: Channel, number: number): boolean {
  const key = fundingKey(channel, number)
  const failure = rt.submissions.failure(key)
  if (rt.submissions.stage(key) !== 'failed' || failure === undefined) return false
  mark(rt, group, channel, number, 'failed', chainFailure(failure).message)
  return true
}

export function fundingKey(channel: Channel, number: number): string {
  return `fund/${channel.id}/${number}`
}

function callOf(channel: Channel, funding: Funding): ChainCall | undefined {
  const { params, party } = channel.core.setup
  const chainParams = paramsToChain(params)
  if (!funding.joint) return { kind: 'fund', params: chainParams, party, amount: funding.amount }
  const { joint } = channel.record
  if (joint?.authorisation === undefined) return undefined
  return {
    kind: 'fundJointly',
    params: chainParams,
    party,
    amounts: joint.amounts,
    validUntil: BigInt(joint.validUntil),
    authorisation: joint.authorisation,
  }
}

function mark(
  rt: Runtime,
  group: Group,
  channel: Channel,
  number: number,
  state: Funding['state'],
  detail: string | undefined,
): void {
  const fundings = channel.record.fundings.map((one) =>
    one.number === number ? { ...one, state, detail } : one,
  )
  amend(group, channel, { fundings })
  group.effects.push(() => rt.waits.poke(`funding/${channel.id}`))
}

/**
 * Lets the bank pull what we authorised: for this opening and for the others that are authorised and not executed yet. One
 * at a time for each token: else the allowance for one would replace the allowance for another.
 * @throws ChainError
 */
export function ensureAllowance(
  rt: Runtime,
  channel: Channel,
  amount: bigint,
  validUntil: number,
): Promise<void> {
  const { token } = paramsToChain(channel.core.setup.params)
  return rt.joint.inTurn(token, () => provideAllowance(rt, channel, token, amount, validUntil))
}

async function provideAllowance(
  rt: Runtime,
  channel: Channel,
  token: Hex,
  amount: bigint,
  validUntil: number,
): Promise<void> {
  const { chain, nowMs } = rt.ports
  let needed = amount
  for (const other of rt.channels.values()) {
    const { record, core } = other
    // A unit sent by anyone opens a channel (BK-13): only our own deposit shows that the authorisation was used.
    const isUsed = core.chain.deposits[core.setup.party] > 0n
    if (other === channel || isUsed || !mayBeUsed(rt, other)) continue
    if (paramsToChain(core.setup.params).token === token)
      needed += record.joint?.amounts[core.setup.party] ?? 0n
  }
  const { owner } = paramsToChain(channel.core.setup.params)
  if ((await chain.allowance(token, owner[channel.core.setup.party], 'head')) >= needed) return
  await new Promise<void>((resolve, reject) => {
    // The time makes it an intention of its own: an earlier one of this sum may have failed, or be used up.
    rt.submissions.submit(
      `approve/${channel.id}/${validUntil}/${needed}/${nowMs()}`,
      { kind: 'approve', token, amount: needed },
      { onSeen: resolve, onFinal: () => resolve(), onFailed: reject },
    )
  })
}
