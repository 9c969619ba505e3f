/**
 * Turns calls into transactions in final blocks: one intention a key, whatever happens in between.
 *
 * Invariants: a key makes at most one included transaction (plus allowances); a call that is refused before it is signed
 * leaves no trace; RPC loss delays and never loses.
 */

import {
  type AbortSignalLike,
  type ChainCall,
  ChainError,
  type SubmissionJournal,
  type SubmissionResult,
  type SubmitOptions,
} from '@tallystick/protocol'
import { encodeAbiParameters, type Hex, keccak256 } from 'viem'
import { type Contracts, type EncodedCall, encodeCall } from '../calls.ts'
import { type Connection, isEndpointError, pause } from '../connection.ts'
import { isRevert, revertError } from '../contract-errors.ts'
import type { Rpc } from '../rpc.ts'
import { faultError, garbage, type RpcFault, stoppedError } from '../rpc-errors.ts'
import { createAllowances } from './allowance.ts'
import { createEntry, type Entry, report } from './entry.ts'
import { saysUnaffordable, unaffordable } from './funds.ts'
import { withPayoutReserve } from './gas.ts'
import { decodeRecord, outcomeError, refusedOutcome } from './record.ts'
import { recordOf, type Sender } from './sender.ts'
import { createTracker, type TrackerOptions } from './tracker.ts'

export interface SubmitterOptions extends Omit<TrackerOptions, 'relaunch'> {
  readonly contracts: Contracts
  readonly rpc: Rpc
  readonly connection: Connection
  readonly sender: Sender
  readonly journal: SubmissionJournal
  readonly allowanceOf: (token: Hex) => Promise<bigint>
  readonly tokenBalanceOf: (token: Hex) => Promise<bigint>
}

export interface Submitter {
  simulate(call: ChainCall): Promise<void>
  submit(call: ChainCall, options: SubmitOptions): Promise<SubmissionResult>
  /** Rejects everything that waits; resolves when nothing uses the journal any more. */
  stop(): Promise<void>
}

export function createSubmitter(options: SubmitterOptions): Submitter {
  const { rpc, connection, sender, signal, contracts } = options
  const entries = new Map<string, Entry>()

  const simulateEncoded = async (kind: ChainCall['kind'], encoded: EncodedCall): Promise<void> => {
    await requireValue(rpc, options.account, encoded)
    const answer = await rpc.call({ from: options.account, ...encoded }, 'latest')
    if ('fault' in answer) throw faultOf('eth_call', options.account, kind, encoded, answer.fault)
  }

  /** Simulates and sends, waiting for the endpoint as long as it takes. */
  const prepare = async (entry: Entry): Promise<void> => {
    const stop = AbortSignal.any([signal, entry.abandoned.signal])
    const before = entry.record
    for (let failures = 0; ; failures += 1) {
      try {
        await connection.verified()
        await simulateEncoded(entry.call.kind, entry.encoded)
        const gas = await estimate(rpc, options.account, entry)
        if (stop.aborted) throw endedError(entry)
        await launchWithin(sender, entry, withPayoutReserve(entry.call.kind, gas), gas)
        return
      } catch (error) {
        if (entry.record !== before || stop.aborted || !isEndpointError(error)) throw error
        report(entry, { stage: 'waiting', error })
        await pause(Math.min(options.pollIntervalMs * 2 ** failures, 10_000), stop)
        if (stop.aborted) throw endedError(entry)
      }
    }
  }

  const endedError = (entry: Entry): ChainError => (signal.aborted ? stoppedError() : abortedError(entry.key))

  const relaunch = (entry: Entry): void => {
    const lost = recordOf(entry)
    prepare(entry)
      .then(tracker.wake, async (error: unknown) => {
        if (entry.record !== lost) return tracker.wake()
        if (!signal.aborted && error instanceof ChainError) {
          // Callers are told that it did not happen: neither this process nor the next may send it once more.
          await sender.saveInTurn(entry, { ...lost, outcome: refusedOutcome(error) })
        }
        entry.finished.reject(error)
      })
      .catch(entry.finished.reject)
  }

  /** Forgets an intention that was never signed; what was signed stays with the tracker. */
  const refuse = (entry: Entry, error: unknown): void => {
    if (entry.record !== undefined) {
      tracker.wake()
      return
    }
    entries.delete(entry.key)
    entry.finished.reject(error)
  }

  const tracker = createTracker({ ...options, relaunch })

  /** The record of an earlier life: finished ones answer at once, the others go on. */
  const ready = options.journal.load().then((records) => {
    for (const { key, record: text } of records) {
      const record = decodeRecord(key, text)
      const entry = createEntry(key, record.kind, record, record.callDigest, record)
      entries.set(key, entry)
      if (record.outcome === undefined) sender.adopt(entry)
      else if (record.outcome.kind === 'done') entry.finished.resolve(record.outcome.result)
      else entry.finished.reject(outcomeError(record.outcome))
    }
    tracker.wake()
  })
  ready.catch(() => undefined)

  const begin = (call: ChainCall, key: string, encoded: EncodedCall, digest: Hex): Entry => {
    const entry = createEntry(key, call.kind, encoded, digest)
    entries.set(key, entry)
    allowances
      .around(call, key, async () => {
        await prepare(entry)
        tracker.wake()
        return entry.included.promise
      })
      .catch((error: unknown) => refuse(entry, error))
    return entry
  }

  /** What reverted in a final block, or lost its nonce and was refused, did nothing and never will: its key is free again. */
  const known = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    const outcome = entry?.record?.outcome
    return outcome === undefined || outcome.kind === 'done' ? entry : undefined
  }

  const submit = async (call: ChainCall, submitOptions: SubmitOptions): Promise<SubmissionResult> => {
    await ready
    if (signal.aborted) throw stoppedError()
    const encoded = encodeCall(contracts, call)
    const digest = digestOf(encoded)
    const entry = known(submitOptions.key) ?? begin(call, submitOptions.key, encoded, digest)
    if (entry.callDigest !== digest) throw keyInUse(submitOptions.key, entry.call.kind)
    return wait(entry, submitOptions)
  }

  const wait = async (
    entry: Entry,
    { onProgress, signal: abort }: SubmitOptions,
  ): Promise<SubmissionResult> => {
    if (abort?.aborted === true) throw abortedError(entry.key)
    entry.waiters += 1
    if (onProgress !== undefined) {
      if (entry.progress !== undefined) onProgress(entry.progress)
      entry.listeners.add(onProgress)
    }
    const aborted = whenAborted(abort, () => abortedError(entry.key))
    try {
      return await Promise.race([entry.finished.promise, aborted.promise])
    } finally {
      aborted.release()
      entry.waiters -= 1
      if (onProgress !== undefined) entry.listeners.delete(onProgress)
      if (entry.waiters === 0 && entry.record === undefined) entry.abandoned.abort()
    }
  }

  const allowances = createAllowances({
    allowanceOf: options.allowanceOf,
    tokenBalanceOf: options.tokenBalanceOf,
    account: options.account,
    simulate: async (call) => simulateEncoded(call.kind, encodeCall(contracts, call)),
    /** Resolves when the allowance is in the chain (final or not): what follows has a higher nonce. */
    approve: async (call, key) => {
      const encoded = encodeCall(contracts, call)
      const digest = digestOf(encoded)
      const known = entries.get(key)
      const entry = known?.callDigest === digest ? known : begin(call, key, encoded, digest)
      await Promise.race([entry.included.promise, entry.finished.promise])
    },
    isKeyFree: (key) => !entries.has(key),
    patiently: async (work) => {
      for (let failures = 0; ; failures += 1) {
        try {
          await connection.verified()
          return await work()
        } catch (error) {
          if (signal.aborted || !isEndpointError(error)) throw error
          await pause(Math.min(options.pollIntervalMs * 2 ** failures, 10_000), signal)
        }
      }
    },
  })

  return {
    simulate: async (call) => simulateEncoded(call.kind, encodeCall(contracts, call)),
    submit,
    stop: async () => {
      for (const entry of entries.values()) entry.finished.reject(stoppedError())
      await Promise.all([ready.catch(() => undefined), tracker.idle(), sender.idle()])
    },
  }
}

/** With a reserve for payouts where the account can afford it, else without. */
async function launchWithin(sender: Sender, entry: Entry, generous: bigint, bare: bigint): Promise<void> {
  const before = entry.record
  try {
    await sender.launch(entry, generous)
  } catch (error) {
    const isTooDear = error instanceof ChainError && error.code === 'insufficient_gas_funds'
    if (!isTooDear || entry.record !== before || generous === bare) throw error
    await sender.launch(entry, bare)
  }
}

async function estimate(rpc: Rpc, from: Hex, entry: Entry): Promise<bigint> {
  const answer = await rpc.estimateGas({ from, ...entry.encoded })
  if ('fault' in answer) {
    throw faultOf('eth_estimateGas', from, entry.call.kind, entry.encoded, answer.fault)
  }
  if (typeof answer.result !== 'string' || !/^0x[0-9a-f]{1,12}$/i.test(answer.result)) {
    throw garbage('eth_estimateGas', 'not an amount of gas')
  }
  // The state may have moved a little until it is included.
  return (BigInt(answer.result) * 5n) / 4n
}

/** An endpoint does not simulate a value that the account does not have, and each says so in its own words. */
async function requireValue(rpc: Rpc, account: Hex, { value }: EncodedCall): Promise<void> {
  if (value === 0n) return
  const balance = await rpc.balance(account, 'latest')
  if (balance < value) throw unaffordable(account, { needed: value, balance })
}

function faultOf(
  method: string,
  account: Hex,
  kind: ChainCall['kind'],
  { value }: EncodedCall,
  fault: RpcFault,
): ChainError {
  if (isRevert(fault)) return revertError(kind, fault)
  // The balance fell in between, or does not pay for the gas on top; an endpoint that is at fault would not say this.
  return value > 0n && saysUnaffordable(fault) ? unaffordable(account) : faultError(method, fault)
}

function digestOf({ to, data, value }: EncodedCall): Hex {
  const types = [{ type: 'address' }, { type: 'uint256' }, { type: 'bytes' }] as const
  return keccak256(encodeAbiParameters(types, [to, value, data]))
}

function whenAborted(signal: AbortSignalLike | undefined, error: () => ChainError) {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  const listener = () => reject(error())
  signal?.addEventListener('abort', listener)
  return { promise, release: () => signal?.removeEventListener('abort', listener) }
}

function abortedError(key: string): ChainError {
  return new ChainError('aborted', `the caller stopped waiting for submission ${key}`, {
    field: 'signal',
    remedy: 'Submit again with the same key to learn what became of it.',
    consequence: 'retry',
  })
}

function keyInUse(key: string, kind: ChainCall['kind']): ChainError {
  return new ChainError('invalid_argument', `key ${key} already stands for another ${kind}`, {
    field: 'key',
    remedy: 'Give each intention a key of its own, and the same call for the same key.',
    consequence: 'fix',
  })
}
