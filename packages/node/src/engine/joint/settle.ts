/**
 * Joint payments without an invoice: rebalancing a cycle of channels, and settling what n parties owe each other in one go
 * (docs/spec/joint.md JP-50). Every party agrees to its own net position beforehand, or nothing moves.
 */

import {
  equalBytes,
  fromHex,
  type JointOutcome,
  type JointTerms,
  jointIdsOf,
  makeTerms,
  netPositions,
  type Obligation,
  planNetting,
  toHex,
} from '@tallystick/protocol'
import { findRoute } from '../../network/routing/index.ts'
import { command } from '../command.ts'
import { chainNowSeconds } from '../context.ts'
import { ServiceError } from '../errors.ts'
import { canPlace, roomOf } from '../htlc/forward.ts'
import { ownChannels, routerFor } from '../htlc/routes.ts'
import { amountOf, channelOf } from '../input-checks.ts'
import { paramsOf, tokenOf } from '../network/network-view.ts'
import type { Group, Runtime } from '../runtime.ts'
import type { Hex } from '../service.ts'
import { agree } from './agreements.ts'
import { beginJoint } from './joint-messages.ts'
import { hopsOf } from './joint-pay.ts'

const MAX_ATTEMPTS = 8
const LEAST_LOCK = 1n
const NO_REFERENCE = new Uint8Array(32)

export interface RebalanceRequest {
  /** Money goes out by this own channel, and comes back by the other. */
  readonly from: Hex
  readonly into: Hex
  /** What comes back. */
  readonly amount: bigint
  readonly maxFee?: bigint
  readonly timeoutMs?: number
}

export interface RebalanceResult {
  readonly amount: bigint
  readonly fee: bigint
  readonly hops: readonly { readonly channelId: Hex; readonly to: string; readonly amount: bigint }[]
}

export interface ObligationRequest {
  /** Signers of nodes, as `status` prints them. */
  readonly from: Hex
  readonly to: Hex
  readonly amount: bigint
}

export interface NettingRequest {
  readonly token: Hex
  readonly obligations: readonly ObligationRequest[]
  readonly timeoutMs?: number
}

export interface NettingResult {
  /** Names the obligations: the same for every party. */
  readonly reference: Hex
  readonly positions: readonly { readonly party: Hex; readonly net: bigint }[]
}

/** @throws ServiceError NO_ROUTE, JOINT_FAILED, TIMED_OUT and those of the fields. */
export async function rebalance(rt: Runtime, request: RebalanceRequest): Promise<RebalanceResult> {
  const out = channelOf(rt, request.from)
  const back = channelOf(rt, request.into)
  const amount = amountOf(request.amount, 'amount')
  const token = tokenOf(out)
  if (tokenOf(back) !== token)
    throw new ServiceError('INVALID_REQUEST', { field: 'into', detail: 'Another token' })
  const { nodeId } = rt.ports.transport
  const found = findRoute(routerFor(rt, token), {
    payer: nodeId,
    payee: nodeId,
    amount,
    maxFee: request.maxFee ?? amount / 100n,
    own: ownChannels(rt, token).filter(({ channelId }) => channelId === out.id),
    into: new Set([back.id]),
    nowMs: rt.ports.nowMs(),
  })
  if (!found.ok)
    throw new ServiceError('NO_ROUTE', {
      field: found.fault.field,
      detail: `${found.fault.code}: ${found.fault.remedy}.`,
    })
  const hops = found.route.hops.map((hop) => ({
    channelId: hop.channelId as Hex,
    to: hop.to,
    amount: hop.amount,
  }))
  const jointHops = hopsOf(rt, hops)
  if (typeof jointHops === 'string')
    throw new ServiceError('NO_ROUTE', { detail: `channel-unknown ${jointHops}` })
  const own = rt.ports.signer.address
  const terms = newTerms(rt, { hops: jointHops, customer: own, payees: [], reference: NO_REFERENCE })
  const fee = found.route.totalFee
  failUnlessPaid(await runJoint(rt, terms, -fee, request.timeoutMs))
  return { amount, fee, hops }
}

/** Agrees to this node's net position: from now on it takes part when another party settles exactly these obligations. */
export async function agreeToNetting(rt: Runtime, request: NettingRequest): Promise<NettingResult> {
  const { reference, positions, own } = readNetting(rt, request)
  await command(rt, (group) => {
    agree(rt, group, reference, own)
  })
  return { reference, positions }
}

/** Settles obligations that every party has agreed to; this node signs last. */
export async function settleNetting(rt: Runtime, request: NettingRequest): Promise<NettingResult> {
  const { obligations, reference, positions, own } = readNetting(rt, request)
  const blocked = new Set<string>()
  for (let attempt = 0; ; attempt += 1) {
    const plan = planNetting(obligations, nettingChannels(rt, request.token, blocked), {
      customer: rt.ports.signer.address,
      leastLock: LEAST_LOCK,
    })
    if ('code' in plan)
      throw new ServiceError('NO_ROUTE', { field: plan.field, detail: `${plan.code}: ${plan.remedy}.` })
    const { hops, customer, payees } = plan
    const terms = newTerms(rt, { hops, customer, payees, reference: bytesOf(reference) })
    const outcome = await runJoint(rt, terms, own, request.timeoutMs)
    if (outcome.type === 'paid') return { reference, positions }
    const refused = outcome.complaint.code === 'lock-refused'
    const party = terms.hops.filter(({ payer }) =>
      equalBytes(
        payer,
        jointIdsOf(rt.ports.crypto, rt.registryDomain, terms).keys[outcome.complaint.party] ?? NO_REFERENCE,
      ),
    )
    // A direction that could not carry it: what others have is known only by trying.
    for (const { channelId, direction } of party) blocked.add(`${toHex(channelId)}/${direction}`)
    if (!refused || party.length === 0 || attempt + 1 >= MAX_ATTEMPTS) failUnlessPaid(outcome)
  }
}

function readNetting(rt: Runtime, { token, obligations: asked }: NettingRequest) {
  const obligations: Obligation[] = asked.map(({ from, to, amount }, index) => ({
    from: addressOf(from, `obligations[${index}].from`),
    to: addressOf(to, `obligations[${index}].to`),
    amount: amountOf(amount, `obligations[${index}].amount`),
  }))
  if (obligations.length === 0)
    throw new ServiceError('INVALID_REQUEST', { field: 'obligations', detail: 'None given' })
  const nets = netPositions(obligations)
  const own = nets.find(({ party }) => equalBytes(party, rt.ports.signer.address))
  if (own === undefined)
    throw new ServiceError('INVALID_REQUEST', {
      field: 'obligations',
      detail: 'This node is no party of them',
    })
  const lines = obligations.map(({ from, to, amount }) => `${toHex(from)} ${toHex(to)} ${amount}`).sort()
  const text = `Tallystick netting, version 1\n${token}\n${lines.join('\n')}`
  return {
    obligations,
    own: own.net,
    reference: toHex(rt.ports.crypto.keccak256(Buffer.from(text))),
    positions: nets.map(({ party, net }) => ({ party: toHex(party), net })),
  }
}

/** Own channels with what they can spend, and those of others with what they hold at most. */
function nettingChannels(rt: Runtime, token: Hex, blocked: ReadonlySet<string>) {
  const channels = new Map<
    Hex,
    { channelId: Uint8Array; signer: readonly [Uint8Array, Uint8Array]; spendable: [bigint, bigint] }
  >()
  const open = (id: Hex, direction: 0 | 1, amount: bigint) =>
    blocked.has(`${id}/${direction}`) ? 0n : amount
  for (const event of rt.network.gossip.graph()) {
    const params =
      event.type === 'channel-added' && event.token === token ? paramsOf(rt, event.channelId) : undefined
    if (event.type !== 'channel-added' || params === undefined) continue
    const { channelId: id, capacity } = event
    channels.set(id, {
      channelId: bytesOf(id),
      signer: params.signer,
      spendable: [open(id, 0, capacity), open(id, 1, capacity)],
    })
  }
  for (const channel of rt.channels.values()) {
    if (tokenOf(channel) !== token || !canPlace(channel)) continue
    const { params, party } = channel.core.setup
    const { deposits, withdrawn } = channel.core.chain
    const held = deposits[0] + deposits[1] - withdrawn[0] - withdrawn[1]
    const spendable: [bigint, bigint] = [open(channel.id, 0, held), open(channel.id, 1, held)]
    spendable[party] = open(channel.id, party, roomOf(channel))
    channels.set(channel.id, { channelId: channel.idBytes, signer: params.signer, spendable })
  }
  return [...channels.values()]
}

function newTerms(rt: Runtime, parts: Omit<JointTerms, 'expiry' | 'salt'>): JointTerms {
  const expiry = chainNowSeconds(rt) + rt.config.lockTimeSeconds
  return makeTerms({ ...parts, expiry, salt: rt.ports.randomBytes(32) })
}

async function runJoint(
  rt: Runtime,
  terms: JointTerms,
  leastNet: bigint,
  timeoutMs = 60_000,
): Promise<JointOutcome> {
  const condition = toHex(jointIdsOf(rt.ports.crypto, rt.registryDomain, terms).conditionId)
  const agreement = { leastNet, reference: terms.reference, asCustomer: true }
  await command(rt, (group: Group) => {
    const refused = beginJoint(rt, group, terms, agreement, undefined)
    if (refused !== undefined)
      throw new ServiceError('JOINT_FAILED', {
        detail: `${refused.refusal.code}: ${refused.refusal.remedy}.`,
      })
  })
  return rt.waits.until(`joint/${condition}`, timeoutMs, () => rt.jointPays.open.get(condition)?.outcome)
}

function failUnlessPaid(outcome: JointOutcome): void {
  if (outcome.type !== 'paid') throw new ServiceError('JOINT_FAILED', { detail: outcome.complaint.code })
}

function addressOf(text: Hex, field: string): Uint8Array {
  const bytes = fromHex(text, 20)
  if (bytes === undefined) throw new ServiceError('INVALID_ADDRESS', { field })
  return bytes
}

function bytesOf(hex: Hex): Uint8Array {
  return Buffer.from(hex.slice(2), 'hex')
}
