/**
 * How a channel comes about between two nodes: proposal, acceptance, and for a joint opening the other owner's
 * authorisation. The channel id commits to all parameters, so agreeing to an id is agreeing to everything.
 */

import {
  type ChannelAccept,
  type ChannelParams,
  type ChannelProposal,
  type ChannelState,
  channelIdOf,
  channelSetup,
  checkParams,
  equalBytes,
  type JointConsent,
  type JointRequest,
  newChannel,
  paramsToChain,
  type Refusal,
  type RefusalMessage,
  type RefusedMessage,
  refusal,
  toHex,
} from '@tallystick/protocol'
import { chainFailure } from './chain-failure.ts'
import type { ChannelRecord, JointPlan } from './channel-record.ts'
import { chainNowSeconds } from './context.ts'
import { driveFunding, ensureAllowance } from './funding.ts'
import { jointLimitRefusal } from './joint-limits.ts'
import { run, sendAfter } from './machine.ts'
import { amend, type Channel, type Group, type Peer, peerOf, post, type Runtime } from './runtime.ts'

/** Channels agreed and never funded, younger than a day: more are refused, because agreeing costs the proposer nothing. */
const MAX_UNFUNDED_OF_PEER = 128
const MAX_UNFUNDED = 1_024
const DAY_MS = 86_400_000

/** A channel of ours, in memory and in the group. */
export function createChannel(
  rt: Runtime,
  group: Group,
  nodeId: string,
  params: ChannelParams,
  party: 0 | 1,
  origin: Pick<ChannelRecord, 'proposer' | 'agreed' | 'joint' | 'proposedDeposit' | 'fundings'>,
): Channel {
  const setup = channelSetup(rt.ports.crypto, params, party, rt.bankDomain, rt.registryDomain)
  if ('code' in setup) throw new Error(`parameters were checked before: ${setup.field}`)
  const core = newChannel(setup)
  const record: ChannelRecord = {
    ...origin,
    createdAtMs: rt.ports.nowMs(),
    abandoned: undefined,
    endFacts: [],
    waived: [],
    linesDecided: false,
  }
  const channel = adoptChannel(rt, nodeId, core, record)
  group.dirty.add(channel)
  group.touched.add(channel)
  return channel
}

/** Puts a channel, new or loaded, into the runtime. */
export function adoptChannel(
  rt: Runtime,
  nodeId: string,
  core: ChannelState,
  record: ChannelRecord,
): Channel {
  const channel: Channel = {
    id: toHex(core.setup.channelId),
    idBytes: core.setup.channelId,
    peer: nodeId,
    record,
    recordBytes: undefined,
    core,
    sentCount: 0,
    receivedCount: 0,
    queue: [],
    queued: 0n,
    placements: [],
    locksDue: core.out.tip.locks.count > 0,
    incomingLocks: new Map(),
    outgoingLocks: new Set(),
    leaving: new Set(),
    sent: new Map(),
    asked: undefined,
    flushDue: false,
    draining: false,
    authorising: false,
    peerRefusal: undefined,
    now: { status: undefined, record: undefined, lookup: 'none' },
  }
  rt.channels.set(channel.id, channel)
  peerOf(rt, nodeId).channels.add(channel)
  rt.links.know(nodeId, undefined, true)
  return channel
}

export function takeProposal(rt: Runtime, group: Group, peer: Peer, message: ChannelProposal): void {
  const { params, party, joint } = message
  const { crypto, chain } = rt.ports
  const id = channelIdOf(crypto, chain.chainId, Buffer.from(chain.bank.slice(2), 'hex'), params)
  const known = rt.channels.get(toHex(id))
  if (
    known !== undefined &&
    known.peer === peer.nodeId &&
    !known.record.proposer &&
    known.record.abandoned === undefined
  ) {
    acceptProposal(rt, group, known)
    return
  }
  const wrong =
    known === undefined ? proposalRefusal(rt, peer, message) : refusal('params-unacceptable', 'channelId')
  if (wrong !== undefined) {
    refuse(rt, group, peer, id, 'channel', wrong)
    return
  }
  const created = createChannel(rt, group, peer.nodeId, params, party === 0 ? 1 : 0, {
    proposer: false,
    agreed: true,
    joint: joint && { amounts: joint, validUntil: 0, authorisation: undefined },
    proposedDeposit: message.deposit,
    fundings: [],
  })
  acceptProposal(rt, group, created)
}

/** Acceptance first, then our sync: the proposer takes nothing of a channel before it is accepted. */
function acceptProposal(rt: Runtime, group: Group, channel: Channel): void {
  sendAfter(rt, group, channel.peer, { type: 'channel-accept', channelId: channel.idBytes })
  run(rt, group, channel, { type: 'connected' })
}

function proposalRefusal(rt: Runtime, peer: Peer, message: ChannelProposal): Refusal | undefined {
  const { params, joint } = message
  const { config } = rt
  const ours = message.party === 0 ? 1 : 0
  const wrong = checkParams(params)
  if (wrong !== undefined) return wrong
  if (!equalBytes(params.signer[ours], rt.ports.signer.address))
    return refusal('params-unacceptable', `signer[${ours}]`, 'not the signer of this node')
  if (toHex(params.owner[ours]) !== rt.ports.chain.account)
    return refusal('params-unacceptable', `owner[${ours}]`, 'not the account of this node')
  if (params.lockPeriod < config.minLockPeriodSeconds || params.lockPeriod > config.maxLockPeriodSeconds)
    return refusal('params-unacceptable', 'lockPeriod')
  if (joint !== undefined) {
    const token = toHex(params.token)
    if (/^0x0+$/.test(token))
      return refusal('params-unacceptable', 'token', 'a joint opening takes ERC-20 only')
    if (joint[0] === 0n || joint[1] === 0n) return refusal('params-unacceptable', 'joint')
    const tooMuch = jointLimitRefusal(rt, peer.nodeId, token, joint[ours], `joint[${ours}]`)
    if (tooMuch !== undefined) return tooMuch
  }
  return tooManyUnfunded(rt, peer)
    ? refusal('policy', 'channelId', 'too many channels wait for a deposit')
    : undefined
}

function tooManyUnfunded(rt: Runtime, peer: Peer): boolean {
  const since = rt.ports.nowMs() - DAY_MS
  const unfunded = (channel: Channel) =>
    channel.core.chain.status === 'none' && !channel.record.proposer && channel.record.createdAtMs > since
  if ([...peer.channels].filter(unfunded).length >= MAX_UNFUNDED_OF_PEER) return true
  if (rt.channels.size < MAX_UNFUNDED) return false
  return [...rt.channels.values()].filter(unfunded).length >= MAX_UNFUNDED
}

/** Sends what an opening of ours waits for an answer to; called when the peer is there, and when we start one. */
export function askPeer(rt: Runtime, group: Group, channel: Channel): void {
  const { record, core } = channel
  if (!record.proposer || record.abandoned !== undefined || record.fundings.length > 0) return
  if (core.closing !== undefined) return
  const { params, party } = core.setup
  if (!record.agreed) {
    sendAfter(rt, group, channel.peer, {
      type: 'channel-proposal',
      params,
      party,
      joint: record.joint?.amounts,
      deposit: record.proposedDeposit,
    })
    return
  }
  const { joint } = record
  if (joint === undefined || joint.authorisation !== undefined) return
  const asked = withValidity(rt, joint)
  if (asked !== joint) amend(group, channel, { joint: asked })
  sendAfter(rt, group, channel.peer, {
    type: 'joint-request',
    channelId: channel.idBytes,
    amounts: asked.amounts,
    sender: params.owner[party],
    validUntil: asked.validUntil,
  })
}

function withValidity(rt: Runtime, joint: JointPlan): JointPlan {
  const nowSeconds = chainNowSeconds(rt)
  if (joint.validUntil > nowSeconds + rt.config.policy.safetyMarginSeconds) return joint
  return { ...joint, validUntil: nowSeconds + rt.config.validitySeconds }
}

export function resumeOpenings(rt: Runtime, group: Group, peer: Peer): void {
  for (const channel of peer.channels) askPeer(rt, group, channel)
}

export function takeAccept(rt: Runtime, group: Group, peer: Peer, message: ChannelAccept): void {
  const channel = ownOpening(rt, peer, message.channelId)
  if (channel === undefined || channel.record.agreed) return
  const { joint, proposedDeposit } = channel.record
  const fundings =
    joint === undefined && proposedDeposit > 0n
      ? [{ number: 1, amount: proposedDeposit, joint: false, state: 'wanted' as const, detail: undefined }]
      : []
  amend(group, channel, { agreed: true, fundings })
  run(rt, group, channel, { type: 'connected' })
  group.effects.push(() => driveFunding(rt, channel))
  askPeer(rt, group, channel)
}

export function takeProposalRefusal(rt: Runtime, group: Group, peer: Peer, message: RefusalMessage): void {
  const channel = ownOpening(rt, peer, message.channelId)
  const text = `${message.code} (${message.field})`
  if (channel === undefined || channel.core.chain.status !== 'none' || channel.record.fundings.length > 0) {
    rt.ports.log.warn(
      { peer: peer.nodeId, channel: toHex(message.channelId), code: message.code },
      'the peer does not take this channel',
    )
    return
  }
  amend(group, channel, { abandoned: text })
}

/** The proposer asks for our part of `fundJointly`. */
export function takeJointRequest(rt: Runtime, group: Group, peer: Peer, message: JointRequest): void {
  const channel = rt.channels.get(toHex(message.channelId))
  const known = channel !== undefined && channel.peer === peer.nodeId ? channel : undefined
  const wrong = known === undefined ? refusal('wrong-channel', 'channelId') : jointRefusal(rt, known, message)
  if (wrong !== undefined || known === undefined) {
    refuse(rt, group, peer, message.channelId, 'joint', wrong ?? refusal('wrong-channel', 'channelId'))
    return
  }
  const { joint } = known.record
  if (joint?.authorisation !== undefined && joint.validUntil === message.validUntil) {
    consent(rt, group, known, message, joint.authorisation)
    return
  }
  if (known.authorising) return
  if (!rt.joint.admit(peer.nodeId)) {
    refuse(rt, group, peer, message.channelId, 'joint', refusal('policy', 'validUntil', 'asked too often'))
    return
  }
  known.authorising = true
  void authorise(rt, known, message).then(
    (authorisation) =>
      post(rt, (later) => {
        known.authorising = false
        const plan = { amounts: message.amounts, validUntil: message.validUntil, authorisation }
        amend(later, known, { joint: plan })
        consent(rt, later, known, message, authorisation)
      }),
    (error: unknown) =>
      post(rt, (later) => {
        known.authorising = false
        const failure = chainFailure(error)
        rt.ports.log.warn({ channel: known.id, code: failure.code }, failure.message)
        refuse(
          rt,
          later,
          peer,
          message.channelId,
          'joint',
          refusal('params-unacceptable', 'amounts', failure.code),
        )
      }),
  )
}

function jointRefusal(rt: Runtime, channel: Channel, message: JointRequest): Refusal | undefined {
  const { record, core } = channel
  const { params, party } = core.setup
  if (record.proposer || record.joint === undefined)
    return refusal('params-unacceptable', 'amounts', 'not proposed')
  const [amount0, amount1] = record.joint.amounts
  if (message.amounts[0] !== amount0 || message.amounts[1] !== amount1)
    return refusal('params-unacceptable', 'amounts')
  if (!equalBytes(message.sender, params.owner[party === 0 ? 1 : 0]))
    return refusal('params-unacceptable', 'sender')
  // A unit sent by anyone must not block the opening (BK-13), so only our own deposit ends it.
  const open = core.chain.status === 'none' || core.chain.status === 'open'
  if (!open || core.closing !== undefined || core.chain.deposits[party] > 0n)
    return refusal('params-unacceptable', 'channelId')
  const now = chainNowSeconds(rt)
  // An earlier authorisation that may still be used would put our deposit in twice.
  const earlier = record.joint.authorisation === undefined ? 0 : record.joint.validUntil
  if (earlier !== message.validUntil && earlier >= Number(rt.final?.timestampSeconds ?? 0n) && earlier > 0)
    return refusal('policy', 'validUntil', 'an earlier authorisation is still good')
  if (message.validUntil <= now) return refusal('validity-past', 'validUntil')
  if (message.validUntil > now + rt.config.policy.maxValiditySeconds)
    return refusal('validity-long', 'validUntil')
  // Agreeing ties up nothing yet: what counts is what other openings hold when this one is to be paid for.
  const token = paramsToChain(params).token
  return jointLimitRefusal(rt, channel.peer, token, message.amounts[party], `amounts[${party}]`, channel)
}

async function authorise(rt: Runtime, channel: Channel, message: JointRequest): Promise<`0x${string}`> {
  const { params, party } = channel.core.setup
  await ensureAllowance(rt, channel, message.amounts[party], message.validUntil)
  return rt.ports.chain.authoriseJointFunding({
    params: paramsToChain(params),
    amounts: message.amounts,
    sender: toHex(message.sender),
    validUntil: BigInt(message.validUntil),
  })
}

function consent(
  rt: Runtime,
  group: Group,
  channel: Channel,
  message: JointRequest,
  authorisation: string,
): void {
  sendAfter(rt, group, channel.peer, {
    type: 'joint-consent',
    channelId: message.channelId,
    amounts: message.amounts,
    sender: message.sender,
    validUntil: message.validUntil,
    authorisation: Buffer.from(authorisation.slice(2), 'hex'),
  })
}

export function takeJointConsent(rt: Runtime, group: Group, peer: Peer, message: JointConsent): void {
  const channel = ownOpening(rt, peer, message.channelId)
  const joint = channel?.record.joint
  if (channel === undefined || joint === undefined || joint.authorisation !== undefined) return
  const [amount0, amount1] = joint.amounts
  const same = message.amounts[0] === amount0 && message.amounts[1] === amount1
  if (!same || message.validUntil !== joint.validUntil) return
  const { party } = channel.core.setup
  amend(group, channel, {
    joint: { ...joint, authorisation: toHex(message.authorisation) },
    fundings: [{ number: 1, amount: joint.amounts[party], joint: true, state: 'wanted', detail: undefined }],
  })
  group.effects.push(() => driveFunding(rt, channel))
}

function ownOpening(rt: Runtime, peer: Peer, channelId: Uint8Array): Channel | undefined {
  const channel = rt.channels.get(toHex(channelId))
  if (channel === undefined || channel.peer !== peer.nodeId) return undefined
  return channel.record.proposer && channel.record.abandoned === undefined ? channel : undefined
}

function refuse(
  rt: Runtime,
  group: Group,
  peer: Peer,
  channelId: Uint8Array,
  about: RefusedMessage,
  why: Refusal,
): void {
  rt.ports.log.warn({ peer: peer.nodeId, about, code: why.code, field: why.field }, why.detail ?? why.remedy)
  sendAfter(rt, group, peer.nodeId, {
    type: 'refusal',
    channelId,
    about,
    nonce: 0,
    lastAccepted: 0,
    code: why.code,
    field: why.field.slice(0, 64),
  })
}
