/**
 * What the chain must be told, derived from the state and from what the chain shows; nothing of it is stored. Answers are
 * calls of the chain port. Source: docs/spec/channel.md CL-3 to CL-8, bank.md BK-40 to BK-86, locks.md LK-13, LK-60.
 */

import { toHex, ZERO32 } from '../encoding/bytes.ts'
import type { Direction } from '../encoding/signable.ts'
import { decodeKey, keyToChain } from '../locks/key.ts'
import { type Lock, type LockTree, lockPath, locksOf } from '../locks/tree.ts'
import type {
  ChainCall,
  ChainContent,
  ChainEvidence,
  ChainLock,
  ChainResolution,
  ChainStatement,
  ChainUpdate,
  ChannelRecord,
  ClosingRecord,
  SettlementRecord,
} from '../ports/chain.ts'
import type { Crypto } from '../ports/crypto.ts'
import { contentToChain, NO_CONTENT } from './content.ts'
import { type Context, nowSeconds } from './context.ts'
import { resolvedInTime } from './lock-rules.ts'
import { paramsToChain } from './params.ts'
import { isRefusal, peerOf } from './result.ts'
import type { ChannelState, InLine, OutLine } from './state.ts'

/** A call that is due, or will be: submit from `fromSeconds` on, and have it included before `beforeSeconds`. */
export interface Duty {
  readonly call: ChainCall
  /** Block time, unix seconds; 0: at once. */
  readonly fromSeconds: number
  /** Too late at this block time; undefined: never. */
  readonly beforeSeconds: number | undefined
}

/** The statement that the mark fixed (CL-3); undefined before the freeze and in a blind close. */
export function statementOf(state: ChannelState): ChainStatement | undefined {
  const { closing } = state
  if (closing === undefined || closing.blind) return undefined
  return {
    outNonce: BigInt(closing.out.nonce),
    outAcked: BigInt(closing.out.acked),
    outContent: contentToChain(closing.out.content),
    outAck: signatureHex(closing.outAck),
    inNonce: BigInt(closing.in.nonce),
    inAcked: BigInt(closing.in.acked),
    inContent: contentToChain(closing.in.content),
    inPromise: signatureHex(closing.in.nonce === 0 ? undefined : closing.in.promise),
  }
}

/** Our own close by our account; undefined before the freeze, and after the peer's close. */
export function closeCall(state: ChannelState): ChainCall | undefined {
  const { closing, setup } = state
  if (closing === undefined || closing.by === 'peer') return undefined
  const params = paramsToChain(setup.params)
  const statement = statementOf(state)
  return statement === undefined
    ? { kind: 'closeBlind', params, party: setup.party }
    : { kind: 'close', params, party: setup.party, statement }
}

/**
 * What to submit now and later for a channel that is closing or settled on chain, most pressing first. The record is the
 * chain's newest. Before this, `flush` once: the newest accepted line must carry our acknowledgement to be shown.
 */
export function duties(state: ChannelState, record: ChannelRecord, ctx: Context): readonly Duty[] {
  return record.kind === 'closing'
    ? closingDuties(state, record.closing, record.contents)
    : settledDuties(state, record.settlement, ctx)
}

/**
 * Keys of live incoming locks that must go to the registry (LK-13), each from `expiry - T` until its expiry. The same key
 * twice is harmless.
 */
export function keysToPost(state: ChannelState, ctx: Context): readonly Duty[] {
  const found: Duty[] = []
  if (!state.in.answers.some(({ answer }) => answer.type === 'key')) return found
  const pending = [...locksOf(state.in.acked.locks), ...locksOf(state.in.accepted.locks)]
  const byLife = new Map(pending.map((lock) => [`${lock.slot}/${lock.born}`, lock]))
  for (const said of state.in.answers) {
    if (said.answer.type !== 'key') continue
    const lock = byLife.get(`${said.slot}/${said.born}`)
    if (lock === undefined || resolvedInTime(lock, ctx) || nowSeconds(ctx) > lock.expiry) continue
    const key = decodeKey(said.answer.key)
    if (isRefusal(key)) continue
    const resolutions: readonly ChainResolution[] = [keyToChain(key)]
    found.push({
      call: { kind: 'resolve', resolutions },
      fromSeconds: lock.expiry - ctx.policy.safetyMarginSeconds,
      beforeSeconds: lock.expiry + 1,
    })
  }
  return found
}

/** The peer's own signature that contradicts its statement (CL-4, BK-60); undefined when it told the truth. */
export function evidenceAgainst(state: ChannelState, closing: ClosingRecord): ChainEvidence | undefined {
  const peer = peerOf(state)
  if (closing.party !== peer || closing.blind) return undefined
  const { agreed, ack } = state.out
  if (ack !== undefined) {
    const above = BigInt(agreed.nonce) > closing.inNonce
    const other = BigInt(agreed.nonce) === closing.inNonce && toHex(agreed.contentHash) !== closing.inHash
    if (above || other) return evidence(state.setup.party, agreed, ack)
  }
  const { accepted } = state.in
  if (BigInt(accepted.acked) > closing.statedOut) return evidence(peer, accepted, accepted.promise)
  return undefined
}

/** A newer agreed line of the peer's own direction than its close shows (CL-5, BK-55). */
export function updateFor(state: ChannelState, closing: ClosingRecord): ChainUpdate | undefined {
  const { acked, ack } = state.in
  if (closing.party !== peerOf(state) || ack === undefined || BigInt(acked.nonce) <= closing.outNonce)
    return undefined
  const line = {
    nonce: BigInt(acked.nonce),
    acked: BigInt(acked.acked),
    contentHash: toHex(acked.contentHash),
  }
  const update = { line, promise: toHex(acked.promise), ack: toHex(ack) }
  return closing.blind ? { ...update, content: contentToChain(acked.content) } : update
}

function closingDuties(
  state: ChannelState,
  closing: ClosingRecord,
  shown: readonly [ChainContent | undefined, ChainContent | undefined],
): readonly Duty[] {
  const params = paramsToChain(state.setup.params)
  const endsAt = Number(closing.endsAt)
  const due: Duty[] = []
  const contrary = evidenceAgainst(state, closing)
  const newer = contrary === undefined ? updateFor(state, closing) : undefined
  if (contrary !== undefined)
    due.push({
      call: { kind: 'challenge', params, closing, evidence: contrary },
      fromSeconds: 0,
      beforeSeconds: endsAt,
    })
  if (newer !== undefined)
    due.push({
      call: { kind: 'update', params, closing, update: newer },
      fromSeconds: 0,
      beforeSeconds: endsAt,
    })
  // Also when the period went by without the answer: what is left is not left in the bank (CL-8).
  const first = openedContent(state, closing, 0, shown[0])
  const second = openedContent(state, closing, 1, shown[1])
  if (first !== undefined && second !== undefined)
    due.push({
      call: { kind: 'settle', params, closing, contents: [first, second] },
      fromSeconds: endsAt,
      beforeSeconds: undefined,
    })
  return due
}

function settledDuties(state: ChannelState, settlement: SettlementRecord, ctx: Context): readonly Duty[] {
  const params = paramsToChain(state.setup.params)
  const found: Duty[] = []
  const incoming = peerOf(state)
  const locks = claimable(state, settlement, incoming, ctx)
  if (locks.length > 0)
    found.push({
      call: { kind: 'claimLocks', params, settlement, direction: incoming, locks },
      fromSeconds: 0,
      beforeSeconds: Number(settlement.releaseAfter[incoming]) + 1,
    })
  const own = state.setup.party
  if (settlement.locked[own] > 0n)
    found.push({
      call: { kind: 'releaseLocks', params, settlement, direction: own },
      // Strictly after its second (BK-85).
      fromSeconds: Number(settlement.releaseAfter[own]) + 1,
      beforeSeconds: undefined,
    })
  return found
}

/** The content behind the final line of a direction: shown on chain, or known to us. */
function openedContent(
  state: ChannelState,
  closing: ClosingRecord,
  direction: Direction,
  shown: ChainContent | undefined,
): ChainContent | undefined {
  const own = direction === closing.party
  const nonce = own ? closing.outNonce : closing.inNonce
  if (nonce === 0n) return contentToChain(NO_CONTENT)
  const hash = own ? closing.outHash : closing.inHash
  const known = linesOf(state, direction).find((line) => toHex(line.contentHash) === hash)
  return known === undefined ? shown : contentToChain(known.content)
}

function linesOf(state: ChannelState, direction: Direction): readonly (OutLine | InLine)[] {
  const { out, in: received, closing } = state
  if (direction === state.setup.party)
    return [out.agreed, ...out.live, ...(closing === undefined ? [] : [closing.out, ...closing.live])]
  return [received.accepted, received.acked, ...(closing === undefined ? [] : [closing.in])]
}

/** Our incoming locks of the settled line that were met in time and are not claimed, with their paths (LK-60). */
function claimable(
  state: ChannelState,
  settlement: SettlementRecord,
  direction: Direction,
  ctx: Context,
): readonly ChainLock[] {
  const root = settlement.locksRoot[direction]
  if (settlement.locked[direction] === 0n || root === toHex(ZERO32)) return []
  const line = linesOf(state, direction).find(({ content }) => toHex(content.locksRoot) === root)
  if (line === undefined) return []
  const [low, high] = settlement.claimed[direction]
  const claimed = low | (high << 256n)
  return locksOf(line.locks)
    .filter((lock) => resolvedInTime(lock, ctx) && ((claimed >> BigInt(lock.slot)) & 1n) === 0n)
    .map((lock) => lockToChain(ctx.crypto, line.locks, lock))
}

/** A lock as `claimLocks` takes it. */
function lockToChain(crypto: Crypto, tree: LockTree, lock: Lock): ChainLock {
  return {
    slot: lock.slot,
    amount: lock.amount,
    condition: toHex(lock.condition),
    expiry: BigInt(lock.expiry),
    path: lockPath(crypto, tree, lock.slot).map(toHex),
  }
}

function evidence(direction: Direction, line: OutLine | InLine, signature: Uint8Array): ChainEvidence {
  return {
    direction,
    nonce: BigInt(line.nonce),
    acked: BigInt(line.acked),
    contentHash: toHex(line.contentHash),
    signature: toHex(signature),
  }
}

function signatureHex(signature: Uint8Array | undefined) {
  return toHex(signature ?? new Uint8Array(64))
}
