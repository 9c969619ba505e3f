/**
 * The stored form of a joint payment, which is its full record too: one version byte, then fixed fields, big-endian. As in
 * channel/stored.ts it is a format of its own, read for ever, and strict.
 */

import type { StoredFault } from '../channel/stored.ts'
import { readOptional, readSignature, writeFlag, writeOptional } from '../channel/stored-fields.ts'
import { domainOf } from '../encoding/domain.ts'
import {
  fail,
  type Reader,
  readBytes,
  readEnd,
  reader,
  readFlag,
  readU8,
  readU16,
  readU32,
  readU64,
  type Writer,
  writeBytes,
  writer,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
  written,
} from '../encoding/reader.ts'
import { MAX_BATCH_DEPTH } from '../locks/condition.ts'
import { encodeKey, type SignedApproval } from '../locks/key.ts'
import type { Crypto } from '../ports/crypto.ts'
import { checkTerms } from './check.ts'
import { graphOf } from './graph.ts'
import { JOINT_REFUSALS, jointRefusalOfWire } from './refusal.ts'
import type {
  Complaint,
  IncomingHop,
  JointFinality,
  JointOutcome,
  JointSetup,
  JointState,
  KnownKey,
  LockPlace,
  OutgoingHop,
} from './state.ts'
import { decodeTerms, encodeTerms, jointIdsOf } from './terms.ts'

/** Written first in every stored joint payment. */
export const JOINT_VERSION = 1

export function encodeJoint(state: JointState): Uint8Array {
  const to = writer(1024)
  const { setup } = state
  writeU8(to, JOINT_VERSION)
  writeU16(to, setup.encoded.length)
  writeBytes(to, setup.encoded)
  writeU64(to, Number(setup.registry.chainId))
  writeBytes(to, setup.registry.verifyingContract)
  writeU8(to, setup.self)
  writeU64(to, state.startedAtMs)
  writeU64(to, state.progressAtMs)
  for (const own of state.outgoing) {
    writeU8(to, OUTGOING.indexOf(own.status))
    writeOptional(to, own.at, writePlace)
  }
  for (const own of state.incoming) {
    writeU8(to, INCOMING.indexOf(own.status))
    writeOptional(to, own.at, writePlace)
    writeFlag(to, own.failing)
  }
  for (const approval of state.approvals) writeOptional(to, approval, writeApproval)
  writeOptional(to, state.key, (at, { inTime }) => writeFlag(at, inTime))
  writeFlag(to, state.givenUp)
  writeOptional(to, state.complaint, writeComplaint)
  writeOptional(to, state.abort, writeBytes)
  for (const receipt of state.receipts) writeOptional(to, receipt, writeBytes)
  writeFlag(to, state.posted)
  writeOptional(to, state.final, (at, final) => writeU64(at, final.type === 'met' ? final.atSeconds : 0))
  writeOptional(to, state.outcome, writeOutcome)
  return written(to)
}

/** `crypto` recomputes what is derived: terms hash, condition id, domain. */
export function decodeJoint(crypto: Crypto, bytes: Uint8Array): JointState | StoredFault {
  const from = reader(bytes)
  const version = readU8(from, 'version')
  if (version !== JOINT_VERSION)
    return { field: 'version', detail: `${version}, this program reads ${JOINT_VERSION}` }
  const setup = readSetup(from, crypto)
  if ('detail' in setup) return setup
  const state: JointState = {
    setup,
    startedAtMs: readU64(from, 'startedAtMs'),
    progressAtMs: readU64(from, 'progressAtMs'),
    outgoing: ownHops(setup, 'payer').map((hop) => readOutgoing(from, hop)),
    incoming: ownHops(setup, 'payee').map((hop) => readIncoming(from, hop)),
    approvals: setup.keys.map((_, index) =>
      readOptional(from, (at) => readApproval(at, `approvals[${index}]`)),
    ),
    key: undefined,
    givenUp: false,
    complaint: undefined,
    abort: undefined,
    receipts: [],
    posted: false,
    final: undefined,
    outcome: undefined,
  }
  const inTime = readOptional(from, (at) => readFlag(at, 'key.inTime'))
  const whole: JointState = {
    ...state,
    key: inTime === undefined ? undefined : keyOf(from, state, inTime),
    givenUp: readFlag(from, 'givenUp'),
    complaint: readOptional(from, (at) => readComplaint(at, setup)),
    abort: readOptional(from, readSignature),
    receipts: setup.terms.payees.map(() => readOptional(from, readSignature)),
    posted: readFlag(from, 'posted'),
    final: readOptional(from, readFinal),
    outcome: readOptional(from, (at) => readOutcome(at, setup)),
  }
  readEnd(from, 'joint')
  return from.fault ?? whole
}

const OUTGOING = ['none', 'asked', 'placed', 'void', 'folded'] as const
const INCOMING = ['none', 'held', 'dropped', 'folded'] as const
const PROOFS = ['receipts', 'folded', 'registry'] as const

function readSetup(from: Reader, crypto: Crypto): JointSetup | StoredFault {
  const terms = decodeTerms(readBytes(from, readU16(from, 'terms'), 'terms'))
  const chainId = BigInt(readU64(from, 'chainId'))
  const address = readBytes(from, 20, 'registry')
  const self = readU8(from, 'self')
  if (from.fault !== undefined) return from.fault
  if ('code' in terms) return { field: terms.field, detail: terms.code }
  const wrong = checkTerms(terms)
  if (wrong !== undefined) return { field: wrong.field, detail: wrong.code }
  const registry = domainOf(crypto, chainId, address)
  const graph = graphOf(terms)
  if (self >= graph.keys.length) return { field: 'self', detail: 'no party of the terms' }
  return { ...jointIdsOf(crypto, registry, terms), terms, encoded: encodeTerms(terms), registry, graph, self }
}

function ownHops(setup: JointSetup, end: 'payer' | 'payee'): readonly number[] {
  return setup.graph.hops.flatMap((hop, index) => (hop[end] === setup.self ? [index] : []))
}

function writePlace(to: Writer, { slot, born }: LockPlace): void {
  writeU16(to, slot)
  writeU64(to, born)
}

function readPlace(from: Reader): LockPlace {
  return { slot: readU16(from, 'at.slot'), born: readU64(from, 'at.born') }
}

function readOutgoing(from: Reader, hop: number): OutgoingHop {
  const status = readName(from, OUTGOING, `outgoing ${hop}`)
  return { hop, status, at: readOptional(from, readPlace) }
}

function readIncoming(from: Reader, hop: number): IncomingHop {
  const status = readName(from, INCOMING, `incoming ${hop}`)
  return { hop, status, at: readOptional(from, readPlace), failing: readFlag(from, 'failing') }
}

function readName<T extends string>(from: Reader, names: readonly [T, ...T[]], field: string): T {
  const name = names[readU8(from, field)]
  if (name === undefined) fail(from, field, 'unknown')
  return name ?? names[0]
}

function writeApproval(to: Writer, { signature, index, path }: SignedApproval): void {
  writeBytes(to, signature)
  writeU32(to, index)
  writeU8(to, path.length)
  for (const sibling of path) writeBytes(to, sibling)
}

function readApproval(from: Reader, field: string): SignedApproval {
  const signature = readSignature(from)
  const index = readU32(from, `${field}.index`)
  const depth = readU8(from, `${field}.path`)
  if (depth > MAX_BATCH_DEPTH) fail(from, `${field}.path`, `deeper than ${MAX_BATCH_DEPTH}`)
  const path: Uint8Array[] = []
  for (let i = 0; i < depth && from.fault === undefined; i += 1)
    path.push(readBytes(from, 32, `${field}.path`).slice())
  return { signature, index, path }
}

function keyOf(from: Reader, { setup, approvals }: JointState, inTime: boolean): KnownKey | undefined {
  const known = approvals.filter((approval) => approval !== undefined)
  if (known.length !== setup.keys.length) fail(from, 'key', 'without every approval')
  if (from.fault !== undefined) return undefined
  const { keys, termsHash } = setup
  return { bytes: encodeKey({ kind: 'signed', keys, termsHash, approvals: known }), inTime }
}

function writeComplaint(to: Writer, { code, party }: Complaint): void {
  writeU16(to, JOINT_REFUSALS[code].wire)
  writeU8(to, party)
}

function readComplaint(from: Reader, setup: JointSetup): Complaint {
  const code = jointRefusalOfWire(readU16(from, 'complaint.code'))
  const party = readU8(from, 'complaint.party')
  if (code === undefined) fail(from, 'complaint.code', 'unknown')
  if (party >= setup.keys.length) fail(from, 'complaint.party', 'no party of the terms')
  return { code: code ?? 'given-up', party }
}

function readFinal(from: Reader): JointFinality {
  const atSeconds = readU64(from, 'final')
  return atSeconds === 0 ? { type: 'expired' } : { type: 'met', atSeconds }
}

function writeOutcome(to: Writer, outcome: JointOutcome): void {
  writeFlag(to, outcome.type === 'paid')
  if (outcome.type === 'paid') writeU8(to, PROOFS.indexOf(outcome.proof))
  else writeComplaint(to, outcome.complaint)
}

function readOutcome(from: Reader, setup: JointSetup): JointOutcome {
  return readFlag(from, 'outcome')
    ? { type: 'paid', proof: readName(from, PROOFS, 'outcome.proof') }
    : { type: 'failed', complaint: readComplaint(from, setup) }
}
