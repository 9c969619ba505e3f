/** The rules that terms must meet before any lock is placed on their id (JP-5, JP-10 to JP-13). */

import { MAX_KEYS } from '../constants.ts'
import { compareBytes, equalBytes, isZero } from '../encoding/bytes.ts'
import { graphOf, hasParty, type JointGraph, partyOf, reachedFrom } from './graph.ts'
import { type JointRefusal, jointRefusal } from './refusal.ts'
import { compareHops, isEncodable, type JointTerms, jointKeys, MAX_JOINT_HOPS } from './terms.ts'

/** Undefined when the terms are such that everybody who agrees with its own hops is safe in signing them. */
export function checkTerms(terms: JointTerms): JointRefusal | undefined {
  const { hops } = terms
  if (hops.length === 0 || hops.length > MAX_JOINT_HOPS)
    return jointRefusal('too-many', 'hops', `1 to ${MAX_JOINT_HOPS}`)
  if (!isEncodable(terms)) return jointRefusal('terms-malformed', 'terms', 'a field out of range')
  const wrong = checkHops(terms)
  if (wrong !== undefined) return wrong
  if (jointKeys(hops).length > MAX_KEYS)
    return jointRefusal('too-many', 'keys', `at most ${MAX_KEYS} signers`)
  const graph = graphOf(terms)
  return checkSources(graph) ?? checkPayees(terms, graph)
}

function checkHops({ hops }: JointTerms): JointRefusal | undefined {
  for (const [index, hop] of hops.entries()) {
    const field = `hops[${index}]`
    const before = hops[index - 1]
    if (before !== undefined && compareHops(before, hop) >= 0) return jointRefusal('hops-order', field)
    if (hop.amount <= 0n) return jointRefusal('hop-invalid', `${field}.amount`)
    if (isZero(hop.payer)) return jointRefusal('hop-invalid', `${field}.payer`)
    if (isZero(hop.payee)) return jointRefusal('hop-invalid', `${field}.payee`)
    if (equalBytes(hop.payer, hop.payee)) return jointRefusal('hop-invalid', `${field}.payee`, 'pays itself')
    // Two directions of one channel join the same two signers.
    if (before !== undefined && equalBytes(before.channelId, hop.channelId)) {
      const turned = equalBytes(before.payer, hop.payee) && equalBytes(before.payee, hop.payer)
      if (!turned) return jointRefusal('signer-differs', field, 'not the signers of the other direction')
    }
  }
  return undefined
}

/** The customer pays, nobody else pays without being paid, and everybody is reached from the customer. */
function checkSources(graph: JointGraph): JointRefusal | undefined {
  const { customer } = graph
  if (customer === -1 || graph.pays[customer] === 0) return jointRefusal('customer-invalid', 'customer')
  const reached = reachedFrom(graph, customer)
  for (let party = 0; party < graph.keys.length; party += 1) {
    if (party === customer) continue
    if (graph.paidBy[party] === 0) return jointRefusal('second-source', 'hops', `party ${party}`)
    if (!hasParty(reached, party)) return jointRefusal('unreachable', 'hops', `party ${party}`)
  }
  return undefined
}

function checkPayees(terms: JointTerms, graph: JointGraph): JointRefusal | undefined {
  for (const [index, payee] of terms.payees.entries()) {
    const field = `payees[${index}]`
    const before = terms.payees[index - 1]
    if (before !== undefined && compareBytes(before, payee) >= 0) return jointRefusal('payee-invalid', field)
    const party = partyOf(graph, payee)
    if (party === -1 || party === graph.customer) return jointRefusal('payee-invalid', field)
    if ((graph.nets[party] ?? 0n) <= 0n) return jointRefusal('payee-invalid', field, 'receives nothing')
  }
  return undefined
}

/** What a party receives minus what it pays: base units, negative for who pays. Zero for strangers. */
export function netOf(terms: JointTerms, address: Uint8Array): bigint {
  let net = 0n
  for (const { payer, payee, amount } of terms.hops) {
    if (equalBytes(payee, address)) net += amount
    if (equalBytes(payer, address)) net -= amount
  }
  return net
}
