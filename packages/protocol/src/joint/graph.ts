/** The hops of a joint payment as a graph of parties: who pays whom, nets, and the order of signing (JP-5, JP-22). */

import { equalBytes } from '../encoding/bytes.ts'
import { type JointTerms, jointKeys } from './terms.ts'

/** Parties by their number in `keys`. Sets of parties are bit masks: there are at most 32. */
export interface JointGraph {
  readonly keys: readonly Uint8Array[]
  /** -1 when the customer is no end of a hop. */
  readonly customer: number
  /** Party numbers of the ends of each hop, in the order of the terms. */
  readonly hops: readonly { readonly payer: number; readonly payee: number }[]
  /** For each party those that it pays, and those that pay it. */
  readonly pays: readonly number[]
  readonly paidBy: readonly number[]
  /** For each party what it receives minus what it pays. */
  readonly nets: readonly bigint[]
}

/** Of terms with at most 32 signers. */
export function graphOf(terms: JointTerms): JointGraph {
  const keys = jointKeys(terms.hops)
  const numberOf = (address: Uint8Array) => keys.findIndex((key) => equalBytes(key, address))
  const pays = keys.map(() => 0)
  const paidBy = keys.map(() => 0)
  const nets = keys.map(() => 0n)
  const hops = terms.hops.map((hop) => {
    const payer = numberOf(hop.payer)
    const payee = numberOf(hop.payee)
    pays[payer] = withParty(pays[payer] ?? 0, payee)
    paidBy[payee] = withParty(paidBy[payee] ?? 0, payer)
    nets[payer] = (nets[payer] ?? 0n) - hop.amount
    nets[payee] = (nets[payee] ?? 0n) + hop.amount
    return { payer, payee }
  })
  return { keys, customer: numberOf(terms.customer), hops, pays, paidBy, nets }
}

export function hasParty(set: number, party: number): boolean {
  return ((set >>> party) & 1) === 1
}

export function withParty(set: number, party: number): number {
  return (set | (1 << party)) >>> 0
}

/** All parties of the set, ascending. */
export function partiesOf(set: number): readonly number[] {
  const parties: number[] = []
  for (let party = 0; party < 32; party += 1) if (hasParty(set, party)) parties.push(party)
  return parties
}

/** Those reached from `from` along the hops, itself included; paths do not go through `except`. */
export function reachedFrom(graph: JointGraph, from: number, except = -1): number {
  let reached = withParty(0, from)
  const waiting = [from]
  for (let party = waiting.pop(); party !== undefined; party = waiting.pop())
    for (const next of partiesOf(graph.pays[party] ?? 0)) {
      if (next === except || hasParty(reached, next)) continue
      reached = withParty(reached, next)
      waiting.push(next)
    }
  return reached
}

/**
 * Those whose signature comes before that of `party`: everybody for the customer; for another all that lie strictly
 * downstream, towards the payees. Parties on one cycle that leaves the customer out sign side by side.
 */
export function signsAfter(graph: JointGraph, party: number): number {
  let before = 0
  if (party === graph.customer) {
    for (let other = 0; other < graph.keys.length; other += 1)
      if (other !== party) before = withParty(before, other)
    return before
  }
  for (const other of partiesOf(reachedFrom(graph, party, graph.customer)))
    if (!hasParty(reachedFrom(graph, other, graph.customer), party)) before = withParty(before, other)
  return before
}

/** Those that share a hop with `party`. */
export function neighboursOf(graph: JointGraph, party: number): number {
  return ((graph.pays[party] ?? 0) | (graph.paidBy[party] ?? 0)) >>> 0
}

export function partyOf(graph: JointGraph, address: Uint8Array): number {
  return graph.keys.findIndex((key) => equalBytes(key, address))
}
