/**
 * Multilateral netting: from obligations among n parties to the hops that settle all of them in one joint payment
 * (docs/spec/joint.md JP-50 to JP-54).
 *
 * Algorithm. Each party's net position is what it is owed minus what it owes; debtors supply, creditors demand. A flow of least
 * cost over the channels, a unit of money over a hop costing one, carries supply to demand: successive shortest paths in the
 * residual network (Ford and Fulkerson; Ahuja, Magnanti and Orlin, Network Flows, section 9.7), never above what a direction
 * can spend. Then circulations of the least lock, which change no net position, are added so that every hop is at least the
 * least lock, and so that the customer reaches every party of an obligation: only who takes part signs, and only who signed
 * has agreed that its obligations are settled. So the plan always passes `checkTerms`.
 *
 * Invariants: each party's hops in minus hops out are exactly its net position; no direction carries more than it can spend.
 */

import { MAX_AMOUNT, MAX_KEYS } from '../constants.ts'
import { compareBytes, equalBytes, toHex } from '../encoding/bytes.ts'
import { leastCostFlow } from './flow.ts'
import { liftSmallHops, linkParties } from './links.ts'
import { type NettingChannel, type Network, networkOf, type Shortage } from './network.ts'
import { compareHops, type JointHop, jointKeys, MAX_JOINT_HOPS } from './terms.ts'

/** `from` owes `to`: signers, 20 bytes; `amount` in base units of the one token, above zero. */
export interface Obligation {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly amount: bigint
}

export interface NettingOptions {
  /** Signs last; undefined: who owes most. */
  readonly customer: Uint8Array | undefined
  /** The least lock that every party takes, above zero; also what circulates to link a party. Base units. */
  readonly leastLock: bigint
}

export interface NetPosition {
  readonly party: Uint8Array
  /** What it is owed minus what it owes. */
  readonly net: bigint
}

export interface NettingPlan {
  readonly customer: Uint8Array
  /** Who receives on balance, without the customer; ascending. */
  readonly payees: readonly Uint8Array[]
  /** In the order of terms. */
  readonly hops: readonly JointHop[]
  /** Of every party of an obligation, ascending by address. */
  readonly positions: readonly NetPosition[]
}

export type NettingRefusalCode = 'input-invalid' | 'nothing-owed' | 'no-capacity' | 'no-link' | 'too-large'

const REMEDIES = {
  'input-invalid':
    'give two different parties and an amount above zero in every obligation, and channels once each',
  'nothing-owed': 'give at least one obligation',
  'no-capacity': 'top the channels of this party up, open one towards the others, or net less',
  'no-link': 'give this party a channel with a little money in both directions, or leave it out',
  'too-large': 'net at most 32 parties and 64 hops at once: split the obligations',
} as const satisfies Record<NettingRefusalCode, string>

export interface NettingRefusal {
  readonly code: NettingRefusalCode
  readonly field: string
  readonly detail: string | undefined
  readonly remedy: string
  /** Who lacks a path or money; undefined when the input itself is at fault. */
  readonly party: Uint8Array | undefined
  /** How much of its net position finds no way. Base units. */
  readonly missing: bigint
}

/** What each party is owed minus what it owes, of every party that occurs, ascending; they add up to zero. */
export function netPositions(obligations: readonly Obligation[]): readonly NetPosition[] {
  const nets = new Map<string, { party: Uint8Array; net: bigint }>()
  const add = (party: Uint8Array, amount: bigint) => {
    const one = nets.get(toHex(party)) ?? { party, net: 0n }
    nets.set(toHex(party), { party, net: one.net + amount })
  }
  for (const { from, to, amount } of obligations) {
    add(from, -amount)
    add(to, amount)
  }
  return [...nets.values()].sort((a, b) => compareBytes(a.party, b.party))
}

/** The hops that settle all obligations at once, or who lacks what. */
export function planNetting(
  obligations: readonly Obligation[],
  channels: readonly NettingChannel[],
  options: NettingOptions,
): NettingPlan | NettingRefusal {
  const wrong = checkInput(obligations, channels, options)
  if (wrong !== undefined) return wrong
  const positions = netPositions(obligations)
  const network = networkOf(
    positions.map(({ party }) => party),
    channels,
  )
  const numberOf = (party: Uint8Array) => network.parties.findIndex((one) => equalBytes(one, party))
  const nets = network.parties.map(() => 0n)
  for (const { party, net } of positions) nets[numberOf(party)] = net
  const short = leastCostFlow(network, nets)
  if (short !== undefined) return nettingRefusal('no-capacity', 'channels', short.detail, network, short)
  const customer = options.customer ?? greatestDebtor(positions)
  const obliged = positions.map(({ party }) => numberOf(party))
  const apart =
    liftSmallHops(network, options.leastLock) ??
    linkParties(network, numberOf(customer), obliged, options.leastLock)
  if (apart !== undefined) return nettingRefusal('no-link', 'channels', apart.detail, network, apart)
  const hops = hopsOf(network)
  if (hops.length > MAX_JOINT_HOPS || jointKeys(hops).length > MAX_KEYS)
    return nettingRefusal(
      'too-large',
      'obligations',
      `${hops.length} hops, ${jointKeys(hops).length} parties`,
    )
  const payees = positions.filter(({ party, net }) => net > 0n && !equalBytes(party, customer))
  return { customer, payees: payees.map(({ party }) => party), hops, positions }
}

function nettingRefusal(
  code: NettingRefusalCode,
  field: string,
  detail?: string,
  network?: Network,
  short?: Shortage,
): NettingRefusal {
  const party = short && network?.parties[short.party]
  return { code, field, detail, remedy: REMEDIES[code], party, missing: short?.missing ?? 0n }
}

function checkInput(
  obligations: readonly Obligation[],
  channels: readonly NettingChannel[],
  { customer, leastLock }: NettingOptions,
): NettingRefusal | undefined {
  if (obligations.length === 0) return nettingRefusal('nothing-owed', 'obligations')
  for (const [index, { from, to, amount }] of obligations.entries()) {
    const field = `obligations[${index}]`
    if (from.length !== 20 || to.length !== 20 || equalBytes(from, to))
      return nettingRefusal('input-invalid', `${field}.to`)
    if (amount <= 0n || amount > MAX_AMOUNT) return nettingRefusal('input-invalid', `${field}.amount`)
  }
  const ids = new Set<string>()
  for (const [index, { channelId, signer, spendable }] of channels.entries()) {
    const field = `channels[${index}]`
    const id = toHex(channelId)
    if (channelId.length !== 32 || ids.has(id)) return nettingRefusal('input-invalid', `${field}.channelId`)
    if (signer.some(({ length }) => length !== 20) || equalBytes(signer[0], signer[1]))
      return nettingRefusal('input-invalid', `${field}.signer`)
    if (spendable.some((amount) => amount < 0n || amount > MAX_AMOUNT))
      return nettingRefusal('input-invalid', `${field}.spendable`)
    ids.add(id)
  }
  if (leastLock <= 0n) return nettingRefusal('input-invalid', 'leastLock')
  const owing =
    customer && obligations.some(({ from, to }) => equalBytes(from, customer) || equalBytes(to, customer))
  return owing === false
    ? nettingRefusal('input-invalid', 'customer', 'no party of an obligation')
    : undefined
}

function greatestDebtor(positions: readonly NetPosition[]): Uint8Array {
  const [first] = [...positions].sort((a, b) => (a.net < b.net ? -1 : a.net > b.net ? 1 : 0))
  return first?.party ?? new Uint8Array(20)
}

function hopsOf({ parties, edges }: Network): readonly JointHop[] {
  const hops = edges.flatMap(({ channelId, direction, from, to, flow }): JointHop[] => {
    const payer = parties[from]
    const payee = parties[to]
    if (flow === 0n || payer === undefined || payee === undefined) return []
    return [{ channelId, direction, payer, payee, amount: flow }]
  })
  return hops.sort(compareHops)
}
