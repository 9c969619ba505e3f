/** What a channel waits for: derived from durable state, the chain and what is running now; never stored. */

import { toHex } from '@tallystick/protocol'
import { fundingKey } from './funding.ts'
import type { Channel, Runtime } from './runtime.ts'
import type { Waiting } from './service.ts'

export function waitingFor(rt: Runtime, channel: Channel): readonly Waiting[] {
  if (channel.core.chain.status === 'closed') return []
  const waits: Waiting[] = []
  const add = (what: Waiting['what'], message: string, dueAtSeconds?: bigint | number) =>
    void waits.push({
      what,
      message,
      dueAtMs: dueAtSeconds === undefined ? undefined : Number(dueAtSeconds) * 1000,
    })
  opening(rt, channel, add)
  leaving(rt, channel, add)
  court(rt, channel, add)
  if (!rt.links.connected(channel.peer)) add('peer-connection', 'The peer is not connected.')
  else if (channel.core.out.live.length > 0)
    add('acknowledgement', 'The peer has lines of ours to acknowledge.')
  return waits
}

type Add = (what: Waiting['what'], message: string, dueAtSeconds?: bigint | number) => void

function opening(rt: Runtime, channel: Channel, add: Add): void {
  const { record, core } = channel
  if (core.closing !== undefined) return
  if (!record.agreed) add('peer-agreement', 'The peer has not agreed to the parameters yet.')
  for (const { number, state, detail } of record.fundings) {
    if (state === 'failed')
      add('deposit-transaction', `A deposit failed: ${detail ?? 'the chain refused it'}`)
    // The watch of the chain may tell a deposit before the transaction's own end is told.
    if (state !== 'wanted' || counts(channel, number)) continue
    const key = fundingKey(channel, number)
    if (rt.submissions.stage(key) === 'seen')
      add('deposit-final', 'A deposit is included; its block is not final yet.')
    else if (rt.submissions.stage(key) === 'failed')
      add(
        'deposit-transaction',
        `A deposit cannot be made now: ${rt.submissions.failure(key)?.message ?? ''}`,
      )
    else add('deposit-transaction', 'A deposit waits to be included in a block.')
  }
  if (core.chain.status !== 'none' || !record.agreed) return
  if (record.joint !== undefined && record.proposer && record.joint.authorisation === undefined)
    add('peer-agreement', 'The peer has not authorised its part of the joint deposit yet.')
  else if (record.fundings.length === 0) add('deposit-transaction', 'Nobody has paid in yet.')
}

/** True when final blocks show this deposit and all of ours before it. */
function counts({ core, record }: Channel, number: number): boolean {
  let expected = 0n
  for (const funding of record.fundings)
    if (funding.number <= number && funding.state !== 'failed') expected += funding.amount
  return core.chain.status === 'open' && core.chain.deposits[core.setup.party] >= expected
}

function leaving(rt: Runtime, channel: Channel, add: Add): void {
  const { withdrawals, together, setup, closing } = channel.core
  const own = withdrawals[setup.party]
  if (own !== undefined && closing === undefined) {
    const key = `withdraw/${channel.id}/${own.total}/${own.validUntil}`
    if (own.signatures.includes(undefined))
      add('withdraw-signature', 'The peer has not signed the withdrawal yet.', own.validUntil)
    else if (rt.submissions.stage(key) === 'seen')
      add('withdraw-final', 'The withdrawal is included; its block is not final yet.')
    else add('withdraw-transaction', 'The withdrawal waits to be included in a block.', own.validUntil)
  }
  if (together === undefined || closing !== undefined) return
  const { validUntil } = together
  if (together.signatures.includes(undefined))
    add('close-signature', 'The peer has not signed the common close yet.', validUntil)
  else if (channel.now.status === 'closed')
    add('finality', 'The common close is included; its block is not final yet.')
  else add('close-transaction', 'The common close waits to be included in a block.', validUntil)
}

function court(rt: Runtime, channel: Channel, add: Add): void {
  const { closing, setup, chain } = channel.core
  if (closing === undefined) return
  const { record, status } = channel.now
  if (record === undefined) {
    if (status === 'closed' || status === 'none') add('finality', 'The end of the channel is not final yet.')
    else if (closing.by === 'us' && status !== 'closing')
      add('close-transaction', 'Our close waits to be included in a block.')
    return
  }
  if (record.kind === 'closing') {
    const { endsAt, party } = record.closing
    if (party !== setup.party) {
      if (rt.submissions.running(`challenge/${channel.id}/`))
        add('challenge-transaction', 'The proof that the peer lied waits to be included.', endsAt)
      if (rt.submissions.running(`update/${channel.id}/`))
        add('update-transaction', 'A newer line of the peer waits to be included.', endsAt)
    }
    if (chain.status !== 'open' && chain.status !== 'closing') return
    const over = Number(rt.head?.timestampSeconds ?? 0n) >= Number(endsAt)
    if (over) add('settle-transaction', 'The channel waits to be settled.')
    else add('settle-time', 'The challenge period runs; then the channel is settled.', endsAt)
    return
  }
  const { settlement } = record
  const own = setup.party
  if (settlement.locked[own === 0 ? 1 : 0] > 0n)
    add('lock-claims', 'Locks in our favour may still be claimed.')
  if (settlement.locked[own] > 0n)
    add('lock-release', 'Our locks come back after the claim window.', settlement.releaseAfter[own])
  if (chain.status !== 'settled')
    add('finality', `The settlement of ${toHex(setup.channelId)} is not final yet.`)
}
