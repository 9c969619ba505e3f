/** The channels of a netting as a network: one edge for each direction (netting.ts). */

import { compareBytes, equalBytes, toHex } from '../encoding/bytes.ts'
import type { Direction } from '../encoding/signable.ts'

/** A channel in that token that may carry hops. */
export interface NettingChannel {
  readonly channelId: Uint8Array
  /** By party. */
  readonly signer: readonly [Uint8Array, Uint8Array]
  /** What each party can lock in it now, by direction. Base units. */
  readonly spendable: readonly [bigint, bigint]
}

/** An edge of the network: one direction of one channel. `flow` is what the plan puts on it. */
export interface Edge {
  readonly channelId: Uint8Array
  readonly direction: Direction
  /** Numbers of parties. */
  readonly from: number
  readonly to: number
  readonly capacity: bigint
  flow: bigint
}

export interface Network {
  /** Ascending addresses; parties of obligations and of channels. */
  readonly parties: readonly Uint8Array[]
  readonly edges: readonly Edge[]
  /** Edges that leave each party. */
  readonly leaving: readonly (readonly Edge[])[]
  readonly entering: readonly (readonly Edge[])[]
}

/** Who finds no way, and how much of its money. */
export interface Shortage {
  readonly party: number
  readonly missing: bigint
  readonly detail: string
}

/** `obliged`: parties that take part even without a channel. */
export function networkOf(obliged: readonly Uint8Array[], channels: readonly NettingChannel[]): Network {
  const all = [...obliged, ...channels.flatMap(({ signer }) => signer)].sort(compareBytes)
  const parties = all.filter((party, index) => index === 0 || !equalBytes(party, all[index - 1] ?? party))
  const numbers = new Map(parties.map((party, index) => [toHex(party), index]))
  const edges = channels.flatMap(({ channelId, signer, spendable }) =>
    ([0, 1] as const).map((direction): Edge => {
      const from = numbers.get(toHex(signer[direction])) ?? 0
      const to = numbers.get(toHex(signer[direction === 0 ? 1 : 0])) ?? 0
      return { channelId, direction, from, to, capacity: spendable[direction], flow: 0n }
    }),
  )
  const leaving = parties.map((_, party) => edges.filter(({ from }) => from === party))
  const entering = parties.map((_, party) => edges.filter(({ to }) => to === party))
  return { parties, edges, leaving, entering }
}
