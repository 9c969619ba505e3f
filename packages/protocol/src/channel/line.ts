/** What one line makes of another: operations applied in order to a content (LN-3), the same for payer and receiver. */

import { MAX_AMOUNT } from '../constants.ts'
import { ZERO32 } from '../encoding/bytes.ts'
import { digestOf } from '../encoding/digest.ts'
import type { Direction } from '../encoding/signable.ts'
import { type Lock, type LockTree, lockAt, locksRoot, NO_LOCKS, removeLock, setLock } from '../locks/tree.ts'
import { memoRoot } from '../payment/memo.ts'
import type { EncodedOperations, Operation } from '../payment/operation.ts'
import type { Crypto } from '../ports/crypto.ts'
import { type Refusal, refusal } from '../refusal.ts'
import { type Content, contentHash, NO_CONTENT } from './content.ts'
import type { ChannelSetup, InLine, OutLine } from './state.ts'

/** "No line" of the own direction. */
export const NO_OUT_LINE: OutLine = {
  nonce: 0,
  base: 0,
  acked: 0,
  content: NO_CONTENT,
  contentHash: ZERO32,
  locks: NO_LOCKS,
  burnt: false,
}

/** "No line" of the peer's direction. */
export const NO_IN_LINE: InLine = {
  nonce: 0,
  acked: 0,
  content: NO_CONTENT,
  contentHash: ZERO32,
  locks: NO_LOCKS,
  promise: new Uint8Array(0),
}

/** What both kinds of line have. */
export interface LineHeader {
  readonly nonce: number
  readonly acked: number
  readonly contentHash: Uint8Array
}

/** The digest that promise and acknowledgement of this line sign (EN-65). */
export function lineDigest(
  crypto: Crypto,
  setup: ChannelSetup,
  direction: Direction,
  line: LineHeader,
): Uint8Array {
  return digestOf(crypto, balanceProof(setup, direction, line))
}

export function balanceProof(setup: ChannelSetup, direction: Direction, line: LineHeader) {
  return {
    type: 'BalanceProof',
    domain: setup.domain,
    channelId: setup.channelId,
    direction,
    nonce: line.nonce,
    acked: line.acked,
    contentHash: line.contentHash,
  } as const
}

/** `sent + locked`: what a line takes from the payer's money. */
export function committed(content: Content): bigint {
  return content.sent + content.locked
}

/** What operations lead to; `check` adds the rules of one side and sees the lock that an operation touches. */
export interface NextContent {
  readonly content: Content
  readonly contentHash: Uint8Array
  readonly locks: LockTree
}

/** A rule of one side for one operation; `locks` are those before it, `lock` the one in its slot. */
export type OperationRule = (
  operation: Exclude<Operation, { type: 'pay' }>,
  field: string,
  lock: Lock | undefined,
  locks: LockTree,
) => Refusal | undefined

export function applyOperations(
  crypto: Crypto,
  base: { readonly content: Content; readonly locks: LockTree },
  encoded: EncodedOperations,
  nonce: number,
  rule: OperationRule,
): NextContent | Refusal {
  let sent = base.content.sent
  let locks = base.locks
  for (const [index, operation] of encoded.operations.entries()) {
    if (operation.type === 'pay') {
      sent += operation.amount
      continue
    }
    const field = `operations[${index}]`
    const lock = lockAt(locks, operation.slot)
    const wrong = slotRule(operation, field, lock) ?? rule(operation, field, lock, locks)
    if (wrong !== undefined) return wrong
    if (operation.type === 'lock') {
      const { slot, amount, condition, expiry } = operation
      locks = setLock(locks, { slot, amount, condition: condition.slice(), expiry, born: nonce })
    } else {
      locks = removeLock(locks, operation.slot)
      if (operation.type === 'unlock') sent += lock?.amount ?? 0n
    }
  }
  if (sent + locks.amount > MAX_AMOUNT) return refusal('amount-overflow', 'sent')
  const content: Content = {
    sent,
    locked: locks.amount,
    lockedUntil: locks.lockedUntil,
    locksRoot: locksRoot(crypto, locks),
    memoRoot: memoRoot(crypto, encoded),
  }
  return { content, contentHash: contentHash(crypto, content), locks }
}

/** LK-1, and its counterpart: a lock needs a free slot, unlock and drop a taken one. */
function slotRule(
  operation: Exclude<Operation, { type: 'pay' }>,
  field: string,
  lock: Lock | undefined,
): Refusal | undefined {
  if (operation.type === 'lock')
    return lock === undefined ? undefined : refusal('slot-taken', `${field}.slot`)
  return lock === undefined ? refusal('slot-empty', `${field}.slot`) : undefined
}
