/**
 * Looks after signed transactions until their block is final: sends them again when they were forgotten or dropped by a
 * reorganisation, raises their fee when nobody includes them, and notices when another transaction took their nonce: a
 * stranger's, or the empty one that gave the nonce up.
 */

import type { BlockRef, ChainCall, SubmissionResult } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { type Connection, isEndpointError, pause } from '../connection.ts'
import { revertError } from '../contract-errors.ts'
import { decodeLogs } from '../events.ts'
import { type Finality, finalPoint } from '../finality.ts'
import type { Header, Receipt, Rpc } from '../rpc.ts'
import { type Entry, report, seenAt } from './entry.ts'
import { givenUp } from './funds.ts'
import { isGivenUp, type Outcome, outcomeError, refusedOutcome, signedOf } from './record.ts'
import { latest, newest, recordOf, type Sender } from './sender.ts'

export interface TrackerOptions {
  readonly rpc: Rpc
  readonly connection: Connection
  readonly bank: Hex
  readonly registry: Hex
  readonly account: Hex
  readonly finality: Finality
  readonly pollIntervalMs: number
  /** A transaction that is not included after so many blocks, or so long, is replaced with a higher fee. */
  readonly resubmitAfterBlocks: bigint
  readonly resubmitAfterMs: number
  readonly signal: AbortSignal
  readonly sender: Sender
  /** Gives an entry whose nonce was taken by another transaction a new one. */
  readonly relaunch: (entry: Entry) => void
}

export interface Tracker {
  /** Looks until nothing is pending any more; call it after every launch. */
  wake(): void
  /** Resolves when no look is under way. */
  idle(): Promise<void>
}

/** What one look at the chain shows. */
interface View {
  readonly head: Header
  readonly finalNumber: bigint
  /** Transactions of the account in the chain, up to the head and up to the final block. */
  readonly count: number
  readonly finalCount: () => Promise<number>
}

/**
 * Calls that the contracts refuse the second time. Only these get a new nonce before the loss of the old one is final: if
 * a reorganisation brought the first transaction back, both would be included.
 */
const REPEATABLE: ReadonlySet<ChainCall['kind']> = new Set([
  'fundJointly',
  'withdraw',
  'closeTogether',
  'close',
  'closeFor',
  'closeBlind',
  'closeBlindFor',
  'update',
  'challenge',
  'settle',
  'claimLocks',
  'releaseLocks',
  'resolve',
])

export function createTracker(options: TrackerOptions): Tracker {
  const { rpc, sender, signal, connection } = options
  let isRunning = false
  let running: Promise<void> = Promise.resolve()

  const look = async (): Promise<void> => {
    const head = await rpc.head()
    const { number: finalNumber } = await finalPoint(rpc, options.finality, head)
    const count = await rpc.transactionCount(options.account)
    const view = {
      head,
      finalNumber,
      count,
      finalCount: () => rpc.transactionCount(options.account, finalNumber),
    }
    const byNonce = [...sender.pending].sort(([a], [b]) => a - b)
    for (const [, entry] of byNonce) await attend(options, entry, view)
  }

  const run = async (): Promise<void> => {
    let failures = 0
    try {
      while (sender.pending.size > 0 && !signal.aborted) {
        let waitMs = options.pollIntervalMs
        try {
          await connection.verified()
          await look()
          failures = 0
        } catch (error) {
          if (!isEndpointError(error)) throw error
          for (const entry of sender.pending.values()) report(entry, { stage: 'waiting', error })
          failures += 1
          waitMs = Math.min(options.pollIntervalMs * 2 ** failures, 10_000)
        }
        await pause(waitMs, signal)
      }
    } finally {
      // In the same turn as the last look at what is pending: a launch in between must not be forgotten.
      isRunning = false
    }
  }

  return {
    wake: () => {
      if (isRunning) return
      isRunning = true
      running = run().catch((error: unknown) => {
        // The journal failed: nothing can be promised any more for what is under way.
        for (const entry of sender.pending.values()) entry.finished.reject(error)
      })
    },
    idle: () => running,
  }
}

async function attend(options: TrackerOptions, entry: Entry, view: View): Promise<void> {
  const record = recordOf(entry)
  if (record.nonce < view.count || entry.seen !== undefined) {
    const found = await findIncluded(options.rpc, signedOf(record))
    // The only receipt is of a block that just left the chain: the next look shows where the transaction is.
    if (found === 'moving') return
    const isAttempt = record.attempts.some(({ hash }) => hash === found?.receipt.transactionHash)
    if (found !== undefined && isAttempt) return attendIncluded(options, entry, found, view)
    if (entry.seen !== undefined) {
      report(entry, { stage: 'dropped', transactionHash: entry.seen.transactionHash })
      entry.seen = undefined
      entry.attemptsTaken = 0
      entry.sentAtBlock = view.head.number
      entry.sentAtMs = performance.now()
      if (found === undefined) return options.sender.resend(entry)
    }
    if (found !== undefined) return attendGivenUp(options, entry, found, view)
  }
  if (record.nonce < view.count) return attendTaken(options, entry, view)
  return attendWaiting(options, entry, view)
}

interface Included {
  readonly receipt: Receipt
  readonly block: BlockRef
}

async function attendIncluded(
  options: TrackerOptions,
  entry: Entry,
  { receipt, block }: Included,
  view: View,
): Promise<void> {
  entry.looksWithoutReceipt = 0
  if (entry.seen?.blockHash !== block.hash || entry.seen.transactionHash !== receipt.transactionHash) {
    seenAt(entry, receipt.transactionHash, block, !receipt.succeeded)
  }
  if (block.number > view.finalNumber) return
  const outcome = receipt.succeeded
    ? ({ kind: 'done', result: resultOf(options, entry, receipt, block) } as const)
    : await revertedOutcome(options, entry, block)
  await finish(options, entry, outcome)
}

/** The empty transaction has the nonce; until that is final a reorganisation may still bring an attempt in its place. */
async function attendGivenUp(
  options: TrackerOptions,
  entry: Entry,
  { block }: Included,
  view: View,
): Promise<void> {
  entry.looksWithoutReceipt = 0
  if (block.number > view.finalNumber) return
  await finish(options, entry, givenUpOutcome(options, entry))
}

function givenUpOutcome({ account }: TrackerOptions, entry: Entry): Outcome {
  return refusedOutcome(givenUp(account, entry.call.kind, recordOf(entry).nonce))
}

async function finish(options: TrackerOptions, entry: Entry, outcome: Outcome): Promise<void> {
  await options.sender.save(entry, { ...recordOf(entry), outcome })
  options.sender.release(entry)
  if (outcome.kind === 'done') entry.finished.resolve(outcome.result)
  else entry.finished.reject(outcomeError(outcome))
}

function resultOf(
  options: TrackerOptions,
  entry: Entry,
  receipt: Receipt,
  block: BlockRef,
): SubmissionResult {
  const ours = receipt.logs.filter(({ address }) => address === options.bank || address === options.registry)
  return {
    key: entry.key,
    transactionHash: receipt.transactionHash,
    block,
    events: decodeLogs(options, ours, () => block),
    gasUsed: receipt.gasUsed,
    feePaid: receipt.gasUsed * receipt.effectiveGasPrice,
  }
}

/** Why it reverted, as far as the state of that block still shows it. */
async function revertedOutcome(options: TrackerOptions, entry: Entry, block: BlockRef): Promise<Outcome> {
  const { kind } = entry.call
  const message = `${kind} was included in block ${block.number} and reverted`
  const again = await options.rpc.call({ from: options.account, ...entry.encoded }, { blockHash: block.hash })
  if (!('fault' in again)) {
    const remedy = 'It would succeed now: submit it again under a new key.'
    return {
      kind: 'reverted',
      message,
      field: 'call',
      remedy,
      consequence: 'retry',
      contractError: undefined,
    }
  }
  const reason = revertError(kind, again.fault)
  const { field, remedy, consequence, contractError } = reason
  return {
    kind: 'reverted',
    message: `${message} (${reason.message})`,
    field,
    remedy,
    consequence,
    contractError,
  }
}

/** Another transaction of the account was included with our nonce, and it is none of ours. */
async function attendTaken(options: TrackerOptions, entry: Entry, view: View): Promise<void> {
  entry.looksWithoutReceipt += 1
  const record = recordOf(entry)
  const isFinal = record.nonce < (await view.finalCount())
  const isGone = isGivenUp(record)
  // An endpoint may show the count before the receipt: one look is not enough.
  if (entry.looksWithoutReceipt < 2 || !(isFinal || (REPEATABLE.has(entry.call.kind) && !isGone))) return
  // Nor is a receipt that the endpoint does not have (yet, or any more) proof that it was not included.
  for (const { hash } of signedOf(record)) if (await options.rpc.showsIncluded(hash)) return
  if (isGone) return finish(options, entry, givenUpOutcome(options, entry))
  report(entry, { stage: 'dropped', transactionHash: newest(record).hash })
  options.sender.release(entry)
  options.relaunch(entry)
}

async function attendWaiting(options: TrackerOptions, entry: Entry, view: View): Promise<void> {
  const { sender, rpc } = options
  const record = recordOf(entry)
  const isNext = record.nonce === view.count
  entry.sentAtBlock ??= view.head.number
  const isDue =
    entry.feeRefused ||
    view.head.number - entry.sentAtBlock >= options.resubmitAfterBlocks ||
    performance.now() - entry.sentAtMs >= options.resubmitAfterMs
  // Those behind it wait for it, not for a higher fee.
  if (isNext && isDue && (await sender.replace(entry, view.head))) return
  // By hash: a reorganisation may drop it and leave the height as it was.
  if (entry.checkedAtHead === view.head.hash) return
  entry.checkedAtHead = view.head.hash
  if (!(await rpc.knowsTransaction(latest(record).hash))) await sender.resend(entry)
}

/** Which of the transactions is in the chain now; `moving` when the endpoint shows it in a block that is not (any more). */
async function findIncluded(
  rpc: Rpc,
  signed: readonly { readonly hash: Hex }[],
): Promise<Included | 'moving' | undefined> {
  let isMoving = false
  for (const { hash } of signed.toReversed()) {
    const receipt = await rpc.receipt(hash)
    if (receipt === undefined) continue
    const header = await rpc.header(receipt.blockNumber)
    if (header?.hash === receipt.blockHash) {
      const { number, timestampSeconds } = header
      return { receipt, block: { number, hash: header.hash, timestampSeconds } }
    }
    isMoving = true
  }
  return isMoving ? 'moving' : undefined
}
