/**
 * The end of a channel as final blocks told it: a list of facts, kept durably with the cursor of the chain, so that a
 * crash between two of them loses and repeats none, and blocks that leave the chain take their facts with them. What
 * they come to is derived (`endOf`), never stored.
 */

import type { BlockRef, ChainEvent, ClosingRecord } from '@tallystick/protocol'
import type { Hex } from './service.ts'

type Party = 0 | 1

/** A line as the bank names it; nonce 0 is "no line" (BK-42). */
export interface NamedLine {
  readonly nonce: bigint
  readonly hash: Hex
}

export type EndFact = EndFactData & {
  /** Number of the block that tells it. */
  readonly block: bigint
  readonly transaction: Hex
}

type EndFactData =
  | { readonly what: 'together'; readonly paid: readonly [bigint, bigint] }
  | {
      readonly what: 'closed'
      readonly by: Party
      readonly blind: boolean
      readonly endsAtSeconds: bigint
      readonly paidToPeer: bigint
      /** By party: deposit less what was withdrawn. */
      readonly base: readonly [bigint, bigint]
      readonly lines: readonly [NamedLine, NamedLine]
    }
  | { readonly what: 'updated'; readonly lines: readonly [NamedLine, NamedLine] }
  | { readonly what: 'forfeited'; readonly by: Party; readonly amount: bigint }
  | { readonly what: 'settled'; readonly paid: readonly [bigint, bigint] }
  /** Locks of the settled line, claimed or released. */
  | { readonly what: 'paid'; readonly party: Party; readonly amount: bigint }

export interface ChannelEnd {
  readonly mode: 'together' | 'alone' | 'blind' | undefined
  readonly by: Party | undefined
  readonly endsAtSeconds: bigint | undefined
  readonly forfeited: { readonly by: Party; readonly amount: bigint } | undefined
  /** By party, claimable balances included. */
  readonly paid: readonly [bigint, bigint]
  readonly transactions: readonly Hex[]
  /** By direction: the lines that count as far as it is told; undefined unless it was closed alone. */
  readonly lines: readonly [NamedLine, NamedLine] | undefined
  /** By party, when it was closed alone: deposit less what was withdrawn (BK-50). */
  readonly base: readonly [bigint, bigint] | undefined
  /** Nothing that could still come changes which lines count: `update` and `challenge` are over (BK-55, BK-60). */
  readonly decided: boolean
}

/** What the event tells of the end of its channel; undefined when it tells nothing of it. */
export function endFactOf(event: ChainEvent): EndFact | undefined {
  const data = dataOf(event)
  return data && { ...data, block: event.block.number, transaction: event.transactionHash }
}

/** Without what is told above `to`: those blocks left the chain. The same array when nothing is. */
export function endFactsUpTo(
  facts: readonly EndFact[],
  to: Pick<BlockRef, 'number'> | undefined,
): readonly EndFact[] {
  const kept = facts.filter(({ block }) => to !== undefined && block <= to.number)
  return kept.length === facts.length ? facts : kept
}

export function endOf(facts: readonly EndFact[]): ChannelEnd {
  let end = NO_END
  for (const fact of facts) end = withFact(end, fact)
  return end
}

const NO_END: ChannelEnd = {
  mode: undefined,
  by: undefined,
  endsAtSeconds: undefined,
  forfeited: undefined,
  paid: [0n, 0n],
  transactions: [],
  lines: undefined,
  base: undefined,
  decided: false,
}

function dataOf(event: ChainEvent): EndFactData | undefined {
  switch (event.name) {
    case 'ClosedTogether':
      return { what: 'together', paid: [event.paid0, event.paid1] }
    case 'Closed': {
      const { party, blind, endsAt, paidToPeer, base } = event.closing
      const lines = linesOf(event.closing)
      return { what: 'closed', by: party, blind, endsAtSeconds: endsAt, paidToPeer, base, lines }
    }
    case 'Updated':
      return { what: 'updated', lines: linesOf(event.closing) }
    case 'Challenged':
      return { what: 'forfeited', by: event.party, amount: event.forfeited }
    case 'Settled':
      return { what: 'settled', paid: [event.paid0, event.paid1] }
    case 'LocksClaimed':
      return { what: 'paid', party: event.direction === 0 ? 1 : 0, amount: event.paid }
    case 'LocksReleased':
      return { what: 'paid', party: event.direction, amount: event.paid }
    default:
      return undefined
  }
}

/** By direction: the closer's own is `out` (CL-3). */
function linesOf({ party, outNonce, outHash, inNonce, inHash }: ClosingRecord): [NamedLine, NamedLine] {
  const out = { nonce: outNonce, hash: outHash }
  const into = { nonce: inNonce, hash: inHash }
  return party === 0 ? [out, into] : [into, out]
}

function withFact(before: ChannelEnd, fact: EndFact): ChannelEnd {
  const { transactions } = before
  const known = transactions.includes(fact.transaction)
  const end = known ? before : { ...before, transactions: [...transactions, fact.transaction] }
  switch (fact.what) {
    case 'together':
      return { ...end, mode: 'together', paid: fact.paid, decided: true }
    case 'closed':
      return {
        ...end,
        mode: fact.blind ? 'blind' : 'alone',
        by: fact.by,
        endsAtSeconds: fact.endsAtSeconds,
        paid: paidTo(end, fact.by === 0 ? 1 : 0, fact.paidToPeer),
        lines: fact.lines,
        base: fact.base,
      }
    case 'updated':
      return { ...end, lines: fact.lines }
    case 'forfeited':
      return {
        ...end,
        forfeited: { by: fact.by, amount: fact.amount },
        paid: paidTo(end, fact.by === 0 ? 1 : 0, fact.amount),
        decided: true,
      }
    case 'settled':
      return { ...end, paid: [end.paid[0] + fact.paid[0], end.paid[1] + fact.paid[1]], decided: true }
    case 'paid':
      return { ...end, paid: paidTo(end, fact.party, fact.amount) }
  }
}

function paidTo(end: ChannelEnd, party: Party, amount: bigint): readonly [bigint, bigint] {
  return party === 0 ? [end.paid[0] + amount, end.paid[1]] : [end.paid[0], end.paid[1] + amount]
}
