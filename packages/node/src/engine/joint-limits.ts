/**
 * What this node puts into joint openings that others propose: in each, for one peer, and for all peers together; and how
 * often it is asked. A request costs the proposer nothing, and this node tokens that wait in a channel and the gas of an
 * approval. Nothing of it is stored: the sums are derived from the channels, open or authorised.
 */

import { paramsToChain, type Refusal, refusal } from '@tallystick/protocol'
import type { NodeId } from '../transport/port.ts'
import type { Channel, Runtime } from './runtime.ts'
import type { Hex } from './service.ts'

/** Where the configuration sets no sum: so many times what one opening may take. */
const OPENINGS_OF_PEER = 4n
const OPENINGS = 16n

const REQUESTS_OF_PEER = 8
const REQUESTS = 32
const HOUR_MS = 3_600_000

export interface JointBook {
  /** Counts the request; false when this peer, or all of them together, asked too often in the last hour. */
  admit(peer: NodeId): boolean
  /** Work on one token, one at a time: an allowance is a sum over all that is authorised. */
  inTurn<T>(token: Hex, work: () => Promise<T>): Promise<T>
}

export function createJointBook(nowMs: () => number): JointBook {
  let recent: { readonly peer: NodeId; readonly atMs: number }[] = []
  const turns = new Map<Hex, Promise<unknown>>()
  return {
    admit(peer) {
      const since = nowMs() - HOUR_MS
      recent = recent.filter(({ atMs }) => atMs > since)
      const ofPeer = recent.filter((one) => one.peer === peer)
      if (ofPeer.length >= REQUESTS_OF_PEER || recent.length >= REQUESTS) return false
      recent.push({ peer, atMs: nowMs() })
      return true
    },
    inTurn(token, work) {
      const turn = (turns.get(token) ?? Promise.resolve()).then(work)
      turns.set(
        token,
        turn.catch(() => undefined),
      )
      return turn
    },
  }
}

/** Whether another `amount` is within what this node puts in; `except` is the channel that it is for. Base units. */
export function jointLimitRefusal(
  rt: Runtime,
  peer: NodeId,
  token: Hex,
  amount: bigint,
  field: string,
  except?: Channel,
): Refusal | undefined {
  const { maxJointDeposit, maxJointDepositOfPeer, maxJointDepositTotal } = rt.config
  const one = maxJointDeposit[token] ?? 0n
  if (amount > one) return refusal('params-unacceptable', field, 'more than this node puts in')
  const others = [...rt.channels.values()].filter(
    (channel) => channel !== except && tokenOf(channel) === token,
  )
  const sum = (channels: readonly Channel[]) =>
    channels.reduce((total, channel) => total + committed(rt, channel), amount)
  if (
    sum(others.filter((channel) => channel.peer === peer)) >
    (maxJointDepositOfPeer[token] ?? one * OPENINGS_OF_PEER)
  )
    return refusal('policy', field, 'more than this node puts in for one peer')
  if (sum(others) > (maxJointDepositTotal[token] ?? one * OPENINGS))
    return refusal('policy', field, 'more than this node puts in for all peers')
  return undefined
}

/** What this node has in the channel, or may be made to put in, because the peer proposed it jointly. Base units. */
function committed(rt: Runtime, channel: Channel): bigint {
  const { record, core } = channel
  const { joint } = record
  if (joint === undefined || record.proposer || record.abandoned !== undefined) return 0n
  const { party } = core.setup
  const { status, deposits } = core.chain
  if (status === 'settled' || status === 'closed') return 0n
  return deposits[party] > 0n || mayBeUsed(rt, channel) ? joint.amounts[party] : 0n
}

/** Our part of the joint opening is authorised, or about to be, and not past in a final block. */
export function mayBeUsed(rt: Runtime, { record, authorising }: Channel): boolean {
  const { joint, proposer } = record
  if (joint === undefined || proposer) return false
  const isGood =
    joint.authorisation !== undefined && joint.validUntil >= Number(rt.final?.timestampSeconds ?? 0n)
  return authorising || isGood
}

function tokenOf({ core }: Channel): Hex {
  return paramsToChain(core.setup.params).token
}
