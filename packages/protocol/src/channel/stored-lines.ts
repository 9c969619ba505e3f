/** The stored form of both directions (stored.ts): lines, their locks, and what was said of locks. */

import {
  fail,
  type Reader,
  readBytes,
  readFlag,
  readU8,
  readU16,
  readU64,
  readU128,
  type Writer,
  writeBytes,
  writeU8,
  writeU16,
  writeU64,
  writeU128,
} from '../encoding/reader.ts'
import { type LockTree, lockChanges, locksRoot, NO_LOCKS, removeLock, setLock } from '../locks/tree.ts'
import type { Crypto } from '../ports/crypto.ts'
import { contentHash, NO_CONTENT } from './content.ts'
import { NO_IN_LINE, NO_OUT_LINE } from './line.ts'
import { withTip } from './sender.ts'
import type { InLine, LockAnswer, OutLine, ReceiverState, SeenLine, SenderState } from './state.ts'
import { readOptional, readSignature, writeFlag, writeOptional } from './stored-fields.ts'

export function writeSender(to: Writer, out: SenderState): void {
  writeOutLine(to, out.agreed, NO_LOCKS)
  writeOptional(to, out.ack, writeBytes)
  writeLive(to, out.agreed, out.live)
  writeU64(to, out.lastNonce)
  writeU64(to, out.knownAccepted)
  writeAnswers(to, out.answers)
}

export function readSender(from: Reader, crypto: Crypto): SenderState {
  const agreed = readOutLine(from, crypto, 'out.agreed', new Map())
  const ack = readOptional(from, readSignature)
  const live = readLive(from, crypto, 'out.live', agreed)
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

/** Lines above `agreed`, ascending. */
export function writeLive(to: Writer, agreed: OutLine, live: readonly OutLine[]): void {
  writeU16(to, live.length)
  const known = new Map([[agreed.nonce, agreed.locks]])
  for (const line of live) {
    writeOutLine(to, line, known.get(line.base) ?? NO_LOCKS)
    known.set(line.nonce, line.locks)
  }
}

export function readLive(from: Reader, crypto: Crypto, field: string, agreed: OutLine): readonly OutLine[] {
  const count = readU16(from, field)
  const known = new Map([[agreed.nonce, agreed.locks]])
  const live: OutLine[] = []
  for (let i = 0; i < count && from.fault === undefined; i += 1) {
    const line = readOutLine(from, crypto, `${field}[${i}]`, known)
    if (line.nonce <= (live.at(-1)?.nonce ?? agreed.nonce))
      fail(from, `${field}[${i}].nonce`, 'not ascending')
    known.set(line.nonce, line.locks)
    live.push(line)
  }
  return live
}

export function writeOutLine(to: Writer, line: OutLine, baseLocks: LockTree): void {
  writeU64(to, line.nonce)
  if (line.nonce === 0) return
  writeU64(to, line.base)
  writeU64(to, line.acked)
  writeFlag(to, line.burnt)
  writeU128(to, line.content.sent)
  writeBytes(to, line.content.memoRoot)
  writeLocks(to, baseLocks, line.locks)
}

export function readOutLine(
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

export function writeReceiver(to: Writer, received: ReceiverState): void {
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

export function readReceiver(from: Reader, crypto: Crypto): ReceiverState {
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

export function writeInLine(to: Writer, line: InLine, baseLocks: LockTree): void {
  writeU64(to, line.nonce)
  if (line.nonce === 0) return
  writeU64(to, line.acked)
  writeBytes(to, line.promise)
  writeU128(to, line.content.sent)
  writeBytes(to, line.content.memoRoot)
  writeLocks(to, baseLocks, line.locks)
}

export function readInLine(from: Reader, crypto: Crypto, field: string, baseLocks: LockTree): InLine {
  const nonce = readU64(from, `${field}.nonce`)
  if (nonce === 0) return NO_IN_LINE
  const acked = readU64(from, `${field}.acked`)
  const promise = readSignature(from)
  return { nonce, acked, promise, ...readBody(from, crypto, field, baseLocks) }
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
      writeU16(to, answer.data.length)
      writeBytes(to, answer.data)
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
      const reason = readU16(from, `${field}[${i}].reason`)
      const data = readBytes(from, readU16(from, `${field}[${i}].data`), `${field}[${i}].data`).slice()
      answers.push({ slot, born, answer: { type: 'fail', reason, data } })
    } else {
      const key = readBytes(from, readU16(from, `${field}[${i}].key`), `${field}[${i}].key`).slice()
      answers.push({ slot, born, answer: { type: 'key', key, released: kind === 2 } })
    }
  }
  return answers
}
