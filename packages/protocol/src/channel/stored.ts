/**
 * The stored form of a channel's state: one version byte, then fixed fields in this order, big-endian. It is a format of
 * its own, not the machine's types: the machine may change freely, a stored version is read for ever. Strict: anything
 * that this version does not write is refused by name.
 *
 * The locks of a live line are stored as what changed from its base line, so that a long pipeline stays small. `link` is
 * not stored: a connection does not outlive the process.
 */

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
  readU128,
  type Writer,
  writeBytes,
  writer,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
  writeU128,
  written,
} from '../encoding/reader.ts'
import type { Party } from '../encoding/signable.ts'
import { type LockTree, lockChanges, locksRoot, NO_LOCKS, removeLock, setLock } from '../locks/tree.ts'
import type { Crypto } from '../ports/crypto.ts'
import { contentHash, NO_CONTENT } from './content.ts'
import { NO_IN_LINE, NO_OUT_LINE } from './line.ts'
import { channelIdOf, checkParams } from './params.ts'
import { withTip } from './sender.ts'
import type {
  ChainView,
  ChannelSetup,
  ChannelState,
  ClosingMark,
  InLine,
  LockAnswer,
  OutLine,
  PendingTogether,
  PendingWithdrawal,
  ReceiverState,
  SeenLine,
  SenderState,
} from './state.ts'
import { NO_LINK } from './sync.ts'

/** Written first in every stored state. */
export const STATE_VERSION = 1

/** Why stored bytes are not a state of this version. The channel must not be used: this is lost or foreign data. */
export interface StoredFault {
  readonly field: string
  readonly detail: string
}

export function encodeState(state: ChannelState): Uint8Array {
  const to = writer(1024)
  writeU8(to, STATE_VERSION)
  writeSetup(to, state.setup)
  writeView(to, state.chain)
  for (const pending of state.withdrawals) writeOptional(to, pending, writeWithdrawal)
  writeOptional(to, state.together, writeTogether)
  writeFlag(to, state.lost)
  writeSender(to, state.out)
  writeReceiver(to, state.in)
  writeOptional(to, state.closing, writeMark)
  return written(to)
}

/** The state, with no connection. `crypto` recomputes what is derived: ids, separators, roots and hashes. */
export function decodeState(crypto: Crypto, bytes: Uint8Array): ChannelState | StoredFault {
  const from = reader(bytes)
  const version = readU8(from, 'version')
  if (version !== STATE_VERSION)
    return { field: 'version', detail: `${version}, this program reads ${STATE_VERSION}` }
  const setup = readSetup(from, crypto)
  const state: ChannelState = {
    setup,
    chain: readView(from),
    withdrawals: [readOptional(from, readWithdrawal), readOptional(from, readWithdrawal)],
    together: readOptional(from, readTogether),
    lost: readFlag(from, 'lost'),
    out: readSender(from, crypto),
    in: readReceiver(from, crypto),
    closing: readOptional(from, (at) => readMark(at, crypto)),
    link: NO_LINK,
  }
  readEnd(from, 'state')
  return from.fault ?? state
}

function writeSetup(to: Writer, setup: ChannelSetup): void {
  const { params, domain, registry } = setup
  writeU8(to, setup.party)
  writeU64(to, Number(domain.chainId))
  writeBytes(to, domain.verifyingContract)
  writeBytes(to, registry.verifyingContract)
  for (const address of [...params.owner, ...params.signer, params.token]) writeBytes(to, address)
  writeU32(to, params.lockPeriod)
  writeU128(to, params.salt)
}

function readSetup(from: Reader, crypto: Crypto): ChannelSetup {
  const party: Party = readFlag(from, 'party') ? 1 : 0
  const chainId = BigInt(readU64(from, 'chainId'))
  const address = (field: string) => {
    const bytes = readBytes(from, 20, field)
    return bytes.length === 20 ? bytes.slice() : new Uint8Array(20)
  }
  const domain = domainOf(crypto, chainId, address('bank'))
  const registry = domainOf(crypto, chainId, address('registry'))
  const params = {
    owner: [address('owner[0]'), address('owner[1]')],
    signer: [address('signer[0]'), address('signer[1]')],
    token: address('token'),
    lockPeriod: readU32(from, 'lockPeriod'),
    salt: readU128(from, 'salt'),
  } as const
  const wrong = checkParams(params)
  if (wrong !== undefined) fail(from, wrong.field, wrong.code)
  const channelId = channelIdOf(crypto, chainId, domain.verifyingContract, {
    ...params,
    salt: BigInt.asUintN(64, params.salt),
  })
  return { params, channelId, party, domain, registry }
}

const STATUSES = ['none', 'open', 'closing', 'settled', 'closed'] as const

function writeView(to: Writer, view: ChainView): void {
  writeU8(to, STATUSES.indexOf(view.status))
  writeU64(to, view.timeSeconds)
  for (const amount of [...view.deposits, ...view.withdrawn]) writeU128(to, amount)
}

function readView(from: Reader): ChainView {
  const status = STATUSES[readU8(from, 'chain.status')]
  if (status === undefined) fail(from, 'chain.status', 'unknown')
  return {
    status: status ?? 'none',
    timeSeconds: readU64(from, 'chain.timeSeconds'),
    deposits: [readU128(from, 'chain.deposits[0]'), readU128(from, 'chain.deposits[1]')],
    withdrawn: [readU128(from, 'chain.withdrawn[0]'), readU128(from, 'chain.withdrawn[1]')],
  }
}

function writeWithdrawal(to: Writer, pending: PendingWithdrawal): void {
  writeU128(to, pending.total)
  writeU64(to, pending.validUntil)
  for (const signature of pending.signatures) writeOptional(to, signature, writeBytes)
}

function readWithdrawal(from: Reader): PendingWithdrawal {
  return {
    total: readU128(from, 'withdrawal.total'),
    validUntil: readU64(from, 'withdrawal.validUntil'),
    signatures: [readOptional(from, readSignature), readOptional(from, readSignature)],
  }
}

function writeTogether(to: Writer, pending: PendingTogether): void {
  writeFlag(to, pending.delta < 0n)
  writeU128(to, pending.delta < 0n ? -pending.delta : pending.delta)
  writeU64(to, pending.validUntil)
  writeU64(to, pending.holdUntil)
  writeFlag(to, pending.offeredByUs)
  for (const signature of pending.signatures) writeOptional(to, signature, writeBytes)
}

function readTogether(from: Reader): PendingTogether {
  const negative = readFlag(from, 'together.delta')
  const size = readU128(from, 'together.delta')
  return {
    delta: negative ? -size : size,
    validUntil: readU64(from, 'together.validUntil'),
    holdUntil: readU64(from, 'together.holdUntil'),
    offeredByUs: readFlag(from, 'together.offeredByUs'),
    signatures: [readOptional(from, readSignature), readOptional(from, readSignature)],
  }
}

function writeSender(to: Writer, out: SenderState): void {
  writeOutLine(to, out.agreed, NO_LOCKS)
  writeOptional(to, out.ack, writeBytes)
  writeU16(to, out.live.length)
  const known = new Map([[out.agreed.nonce, out.agreed.locks]])
  for (const line of out.live) {
    writeOutLine(to, line, known.get(line.base) ?? NO_LOCKS)
    known.set(line.nonce, line.locks)
  }
  writeU64(to, out.lastNonce)
  writeU64(to, out.knownAccepted)
  writeAnswers(to, out.answers)
}

function readSender(from: Reader, crypto: Crypto): SenderState {
  const agreed = readOutLine(from, crypto, 'out.agreed', new Map())
  const ack = readOptional(from, readSignature)
  const count = readU16(from, 'out.live')
  const known = new Map([[agreed.nonce, agreed.locks]])
  const live: OutLine[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1) {
    const line = readOutLine(from, crypto, `out.live[${i}]`, known)
    if (line.nonce <= (live.at(-1)?.nonce ?? agreed.nonce))
      fail(from, `out.live[${i}].nonce`, 'not ascending')
    known.set(line.nonce, line.locks)
    live.push(line)
  }
  const lastNonce = readU64(from, 'out.lastNonce')
  if (lastNonce < (live.at(-1) ?? agreed).nonce) fail(from, 'out.lastNonce', 'below a signed nonce')
  const knownAccepted = readU64(from, 'out.knownAccepted')
  const answers = readAnswers(from, 'out.answers')
  return withTip({
    agreed,
    ack,
    live,
    tip: agreed,
    lastNonce,
    knownAccepted,
    leastSent: 0n,
    mostCommitted: 0n,
    answers,
  })
}

function writeOutLine(to: Writer, line: OutLine, baseLocks: LockTree): void {
  writeU64(to, line.nonce)
  if (line.nonce === 0) return
  writeU64(to, line.base)
  writeU64(to, line.acked)
  writeFlag(to, line.burnt)
  writeU128(to, line.content.sent)
  writeBytes(to, line.content.memoRoot)
  writeLocks(to, baseLocks, line.locks)
}

function readOutLine(
  from: Reader,
  crypto: Crypto,
  field: string,
  known: ReadonlyMap<number, LockTree>,
): OutLine {
  const nonce = readU64(from, `${field}.nonce`)
  if (nonce === 0) return NO_OUT_LINE
  const base = readU64(from, `${field}.base`)
  const acked = readU64(from, `${field}.acked`)
  const burnt = readFlag(from, `${field}.burnt`)
  const body = readBody(from, crypto, field, known.get(base) ?? NO_LOCKS)
  return { nonce, base, acked, burnt, ...body }
}

function writeReceiver(to: Writer, received: ReceiverState): void {
  writeInLine(to, received.accepted, NO_LOCKS)
  writeInLine(to, received.acked, received.accepted.locks)
  writeOptional(to, received.ack, writeBytes)
  writeU16(to, received.seen.length)
  for (const seen of received.seen) {
    writeU64(to, seen.nonce)
    writeU64(to, seen.base)
    writeU64(to, seen.acked)
    writeBytes(to, seen.memoRoot)
    writeBytes(to, seen.promise)
  }
  writeAnswers(to, received.answers)
}

function readReceiver(from: Reader, crypto: Crypto): ReceiverState {
  const accepted = readInLine(from, crypto, 'in.accepted', NO_LOCKS)
  const acked = readInLine(from, crypto, 'in.acked', accepted.locks)
  const ack = readOptional(from, readSignature)
  const count = readU16(from, 'in.seen')
  const seen: SeenLine[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1)
    seen.push({
      nonce: readU64(from, `in.seen[${i}].nonce`),
      base: readU64(from, `in.seen[${i}].base`),
      acked: readU64(from, `in.seen[${i}].acked`),
      memoRoot: readBytes(from, 32, `in.seen[${i}].memoRoot`).slice(),
      promise: readSignature(from),
    })
  return { accepted, acked, ack, seen, answers: readAnswers(from, 'in.answers') }
}

function writeInLine(to: Writer, line: InLine, baseLocks: LockTree): void {
  writeU64(to, line.nonce)
  if (line.nonce === 0) return
  writeU64(to, line.acked)
  writeBytes(to, line.promise)
  writeU128(to, line.content.sent)
  writeBytes(to, line.content.memoRoot)
  writeLocks(to, baseLocks, line.locks)
}

function readInLine(from: Reader, crypto: Crypto, field: string, baseLocks: LockTree): InLine {
  const nonce = readU64(from, `${field}.nonce`)
  if (nonce === 0) return NO_IN_LINE
  const acked = readU64(from, `${field}.acked`)
  const promise = readSignature(from)
  return { nonce, acked, promise, ...readBody(from, crypto, field, baseLocks) }
}

function writeMark(to: Writer, mark: ClosingMark): void {
  writeFlag(to, mark.by === 'peer')
  writeFlag(to, mark.blind)
  writeOutLine(to, mark.out, NO_LOCKS)
  writeOptional(to, mark.outAck, writeBytes)
  writeInLine(to, mark.in, NO_LOCKS)
}

function readMark(from: Reader, crypto: Crypto): ClosingMark {
  return {
    by: readFlag(from, 'closing.by') ? 'peer' : 'us',
    blind: readFlag(from, 'closing.blind'),
    out: readOutLine(from, crypto, 'closing.out', new Map()),
    outAck: readOptional(from, readSignature),
    in: readInLine(from, crypto, 'closing.in', NO_LOCKS),
  }
}

function readBody(from: Reader, crypto: Crypto, field: string, baseLocks: LockTree) {
  const sent = readU128(from, `${field}.sent`)
  const memoRoot = readBytes(from, 32, `${field}.memoRoot`).slice()
  const locks = readLocks(from, `${field}.locks`, baseLocks)
  if (from.fault !== undefined)
    return { content: NO_CONTENT, contentHash: NO_CONTENT.memoRoot, locks: NO_LOCKS }
  const { amount: locked, lockedUntil } = locks
  const content = { sent, locked, lockedUntil, locksRoot: locksRoot(crypto, locks), memoRoot }
  return { content, contentHash: contentHash(crypto, content), locks }
}

/** What changed from `base` to `tree`. */
function writeLocks(to: Writer, base: LockTree, tree: LockTree): void {
  const changes = lockChanges(base, tree)
  writeU16(to, changes.length)
  for (const { slot, lock } of changes) {
    writeU16(to, slot)
    writeOptional(to, lock, (at, held) => {
      writeU128(at, held.amount)
      writeBytes(at, held.condition)
      writeU64(at, held.expiry)
      writeU64(at, held.born)
    })
  }
}

function readLocks(from: Reader, field: string, base: LockTree): LockTree {
  const count = readU16(from, field)
  let tree = base
  for (let i = 0; i < count && from.fault === undefined; i += 1) {
    const slot = readU16(from, `${field}[${i}].slot`)
    const lock = readOptional(from, (at) => ({
      slot,
      amount: readU128(at, `${field}[${i}].amount`),
      condition: readBytes(at, 32, `${field}[${i}].condition`).slice(),
      expiry: readU64(at, `${field}[${i}].expiry`),
      born: readU64(at, `${field}[${i}].born`),
    }))
    if (slot > 511) fail(from, `${field}[${i}].slot`, 'above 511')
    if (from.fault === undefined) tree = lock === undefined ? removeLock(tree, slot) : setLock(tree, lock)
  }
  return tree
}

function writeAnswers(to: Writer, answers: readonly LockAnswer[]): void {
  writeU16(to, answers.length)
  for (const { slot, born, answer } of answers) {
    writeU16(to, slot)
    writeU64(to, born)
    writeU8(to, answer.type === 'fail' ? 0 : answer.released ? 2 : 1)
    if (answer.type === 'fail') {
      writeU16(to, answer.reason)
    } else {
      writeU16(to, answer.key.length)
      writeBytes(to, answer.key)
    }
  }
}

function readAnswers(from: Reader, field: string): readonly LockAnswer[] {
  const count = readU16(from, field)
  const answers: LockAnswer[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1) {
    const slot = readU16(from, `${field}[${i}].slot`)
    const born = readU64(from, `${field}[${i}].born`)
    const kind = readU8(from, `${field}[${i}].kind`)
    if (kind > 2) fail(from, `${field}[${i}].kind`, 'unknown')
    if (kind === 0) {
      answers.push({ slot, born, answer: { type: 'fail', reason: readU16(from, `${field}[${i}].reason`) } })
    } else {
      const key = readBytes(from, readU16(from, `${field}[${i}].key`), `${field}[${i}].key`).slice()
      answers.push({ slot, born, answer: { type: 'key', key, released: kind === 2 } })
    }
  }
  return answers
}

function readSignature(from: Reader): Uint8Array {
  return readBytes(from, 64, 'signature').slice()
}

function writeFlag(to: Writer, value: boolean): void {
  writeU8(to, value ? 1 : 0)
}

function writeOptional<T>(to: Writer, value: T | undefined, write: (to: Writer, value: T) => void): void {
  writeFlag(to, value !== undefined)
  if (value !== undefined) write(to, value)
}

function readOptional<T>(from: Reader, read: (from: Reader) => T): T | undefined {
  return readFlag(from, 'optional') ? read(from) : undefined
}
