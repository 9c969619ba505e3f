/** `openChannel`: agrees the parameters with the peer and intends the funding, both durably. */

import { type ChannelParams, checkParams, fromHex } from '@tallystick/protocol'
import { chainFailure } from './chain-failure.ts'
import { command } from './command.ts'
import { ServiceError } from './errors.ts'
import { addressOf, amountOrZeroOf } from './input-checks.ts'
import { askPeer, createChannel } from './opening.ts'
import { findPeer } from './peers.ts'
import { commandRefused } from './refusals.ts'
import { amend, type Channel, type Peer, post, type Runtime } from './runtime.ts'
import type { ChannelView, Hex, OpenChannelRequest } from './service.ts'
import { channelView } from './views.ts'

const DEFAULT_TIMEOUT_MS = 60_000
const NATIVE: Hex = `0x${'00'.repeat(20)}`

interface Plan {
  readonly token: Hex
  readonly deposit: bigint
  readonly peerDeposit: bigint
  readonly lockPeriod: number
}

export async function openChannel(rt: Runtime, request: OpenChannelRequest): Promise<ChannelView> {
  const plan = planOf(rt, request)
  const deadlineMs = rt.ports.nowMs() + (request.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  const left = () => Math.max(1, deadlineMs - rt.ports.nowMs())
  const peer = await findPeer(rt, request.peer, left())
  await checkAccount(rt, plan)
  const channel = await command(rt, (group) => {
    const created = createChannel(rt, group, peer.nodeId, paramsOf(rt, peer, plan), 0, {
      proposer: true,
      agreed: false,
      joint:
        plan.peerDeposit === 0n
          ? undefined
          : { amounts: [plan.deposit, plan.peerDeposit], validUntil: 0, authorisation: undefined },
      proposedDeposit: plan.deposit,
      fundings: [],
    })
    askPeer(rt, group, created)
    return created
  })
  try {
    return await rt.waits.until(`channel/${channel.id}`, left(), () => agreement(rt, channel))
  } catch (error) {
    giveUp(rt, channel)
    throw error
  }
}

function planOf(rt: Runtime, request: OpenChannelRequest): Plan {
  const { config } = rt
  const token = addressOf(request.token, 'token')
  const deposit = amountOrZeroOf(request.deposit, 'deposit')
  const peerDeposit =
    request.peerDeposit === undefined ? 0n : amountOrZeroOf(request.peerDeposit, 'peerDeposit')
  const lockPeriod = request.lockPeriodSeconds ?? config.defaultLockPeriodSeconds
  const { minLockPeriodSeconds: least, maxLockPeriodSeconds: most } = config
  if (!Number.isInteger(lockPeriod) || lockPeriod < least || lockPeriod > most)
    throw new ServiceError('INVALID_LOCK_PERIOD', {
      field: 'lockPeriodSeconds',
      detail: `${least} to ${most}.`,
    })
  if (peerDeposit > 0n && deposit === 0n) throw new ServiceError('INVALID_AMOUNT', { field: 'deposit' })
  if (peerDeposit > 0n && token === NATIVE) throw new ServiceError('TOKEN_UNSUPPORTED', { field: 'token' })
  return { token, deposit, peerDeposit, lockPeriod }
}

async function checkAccount(rt: Runtime, { token, deposit }: Plan): Promise<void> {
  const { chain } = rt.ports
  let held: bigint
  try {
    if (token !== NATIVE) await chain.token(token)
    held = await chain.balance(token, chain.account, 'head')
  } catch (error) {
    throw chainFailure(error)
  }
  if (held < deposit)
    throw new ServiceError('INSUFFICIENT_FUNDS', { field: 'deposit', detail: `The account holds ${held}.` })
}

function paramsOf(rt: Runtime, { hello }: Peer, plan: Plan): ChannelParams {
  if (hello === undefined) throw new ServiceError('PEER_OFFLINE', { field: 'peer' })
  const { chain, signer, randomBytes } = rt.ports
  const params: ChannelParams = {
    owner: [bytes(chain.account), hello.owner],
    signer: [signer.address, hello.signer],
    token: bytes(plan.token),
    lockPeriod: plan.lockPeriod,
    salt: Buffer.from(randomBytes(8)).readBigUInt64BE(),
  }
  const wrong = checkParams(params)
  if (wrong !== undefined) throw commandRefused(wrong)
  return params
}

function agreement(rt: Runtime, channel: Channel): ChannelView | undefined {
  const { abandoned, agreed, joint } = channel.record
  if (abandoned !== undefined) throw new ServiceError('PEER_REFUSED', { field: 'peer', detail: abandoned })
  const ready = agreed && (joint === undefined || joint.authorisation !== undefined)
  return ready ? channelView(rt, channel) : undefined
}

/** Nobody waits for the answer any more: a late one must not deposit anything. */
function giveUp(rt: Runtime, channel: Channel): void {
  if (!rt.running) return
  post(rt, (group) => {
    const { record } = channel
    if (record.abandoned !== undefined || record.fundings.length > 0) return
    if (record.agreed && record.joint === undefined) return
    amend(group, channel, { abandoned: 'no answer in time' })
  })
}

function bytes(hex: Hex): Uint8Array {
  const found = fromHex(hex, 20)
  if (found === undefined) throw new ServiceError('INVALID_ADDRESS', { field: 'token' })
  return found
}
