/** A submission in this process: its record, who listens, and the promises its callers wait for. */

import type { BlockRef, ChainCall, SubmissionProgress, SubmissionResult } from '@tallystick/protocol'
import type { Hex } from 'viem'
import type { EncodedCall } from '../calls.ts'
import type { SubmissionRecord } from './record.ts'

export interface Entry {
  readonly key: string
  readonly call: { readonly kind: ChainCall['kind'] }
  readonly callDigest: Hex
  readonly encoded: EncodedCall
  readonly listeners: Set<(progress: SubmissionProgress) => void>
  /** The last progress, for those who join later. */
  progress: SubmissionProgress | undefined
  /** Undefined until it is signed. */
  record: SubmissionRecord | undefined
  /** Where it is included now, final or not. */
  seen: { readonly transactionHash: Hex; readonly blockHash: Hex } | undefined
  /** Attempts that an endpoint has taken, as far as was told. */
  attemptsTaken: number
  /**
   * Head number when the last attempt was made (undefined after a restart: counted from the first look), and the time by a
   * clock that never goes back.
   */
  sentAtBlock: bigint | undefined
  sentAtMs: number
  /** The endpoint refused the fee: replace it at the next look instead of waiting. */
  feeRefused: boolean
  /** Looks in a row at which another transaction had taken the nonce. */
  looksWithoutReceipt: number
  /** Hash of the head at which the endpoint was last asked whether it still knows the transaction. */
  checkedAtHead: Hex | undefined
  /** Stops it before it is signed. */
  readonly abandoned: AbortController
  waiters: number
  /** Resolves at the first inclusion, or when the submission ends without one. */
  readonly included: PromiseWithResolvers<void>
  readonly finished: PromiseWithResolvers<SubmissionResult>
}

export function createEntry(
  key: string,
  kind: ChainCall['kind'],
  encoded: EncodedCall,
  callDigest: Hex,
  record?: SubmissionRecord,
): Entry {
  const included = Promise.withResolvers<void>()
  const finished = Promise.withResolvers<SubmissionResult>()
  // Nobody may be waiting: a submission goes on for its own sake.
  finished.promise.catch(() => undefined).finally(included.resolve)
  return {
    key,
    call: { kind },
    callDigest,
    encoded,
    listeners: new Set(),
    progress: undefined,
    record,
    seen: undefined,
    attemptsTaken: 0,
    sentAtBlock: undefined,
    sentAtMs: performance.now(),
    feeRefused: false,
    looksWithoutReceipt: 0,
    checkedAtHead: undefined,
    abandoned: new AbortController(),
    waiters: 0,
    included,
    finished,
  }
}

/** Tells everybody; the same waiting reason is told once. */
export function report(entry: Entry, progress: SubmissionProgress): void {
  const last = entry.progress
  const isRepeated =
    progress.stage === 'waiting' && last?.stage === 'waiting' && last.error.message === progress.error.message
  entry.progress = progress
  if (isRepeated) return
  for (const listener of entry.listeners) listener(progress)
}

export function seenAt(entry: Entry, transactionHash: Hex, block: BlockRef, reverted: boolean): void {
  entry.seen = { transactionHash, blockHash: block.hash }
  report(entry, { stage: 'seen', transactionHash, block, reverted })
  entry.included.resolve()
}
