/**
 * Signs and releases transactions of one account, in the order of their nonces.
 *
 * Invariant: no signed transaction leaves before the journal holds it, and a nonce is used for one submission only, until
 * another transaction is known to have taken it.
 */

import { ChainError, type SubmissionJournal } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { keccak256 } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { type FeeCaps, type Fees, marketFees, replacementFees } from '../fees.ts'
import type { Header, Rpc } from '../rpc.ts'
import { faultError, type RpcFault } from '../rpc-errors.ts'
import { type Entry, report } from './entry.ts'
import { type Attempt, encodeRecord, type SubmissionRecord } from './record.ts'

export interface SenderOptions {
  readonly rpc: Rpc
  readonly chainId: bigint
  readonly account: PrivateKeyAccount
  readonly journal: SubmissionJournal
  readonly feeCaps: FeeCaps
}

export interface Sender {
  /** Gives the entry a nonce and sends it. `gas` is the limit. @throws ChainError `insufficient_gas_funds` */
  launch(entry: Entry, gas: bigint): Promise<void>
  /** Sends the same intention with the same nonce and a higher fee; false (and reported) when that is not possible now. */
  replace(entry: Entry, head: Header): Promise<boolean>
  /** Sends the newest attempt again as it is. */
  resend(entry: Entry): Promise<void>
  save(entry: Entry, record: SubmissionRecord): Promise<void>
  /** Signed submissions without an outcome, by nonce. */
  readonly pending: ReadonlyMap<number, Entry>
  /** Resolves when nothing is being signed or sent. */
  idle(): Promise<void>
  adopt(entry: Entry): void
  release(entry: Entry): void
}

export function createSender({ rpc, chainId, account, journal, feeCaps }: SenderOptions): Sender {
  const pending = new Map<number, Entry>()
  let turn: Promise<unknown> = Promise.resolve()

  /** One at a time: the order of nonces is the order of release. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }

  const fees = async (head: Header): Promise<Fees> =>
    marketFees(head.baseFeePerGas ?? 0n, await rpc.maxPriorityFeePerGas(), feeCaps)

  const sign = async (
    entry: Entry,
    gas: bigint,
    nonce: number,
    { maxFeePerGas, maxPriorityFeePerGas }: Fees,
  ) => {
    const { to, data, value } = entry.encoded
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: Number(chainId),
      nonce,
      gas,
      maxFeePerGas,
      maxPriorityFeePerGas,
      to,
      data,
      value,
    })
    return { hash: keccak256(raw), raw, maxFeePerGas, maxPriorityFeePerGas }
  }

  const save = async (entry: Entry, record: SubmissionRecord): Promise<void> => {
    await journal.save(entry.key, encodeRecord(record))
    entry.record = record
  }

  const nextNonce = async (): Promise<number> => {
    const counted = await countWithWaiting(rpc, account.address)
    return Math.max(counted, ...[...pending.keys()].map((nonce) => nonce + 1))
  }

  /**
   * A transaction with value must leave what those before it may still cost: else it would keep its nonce and never be
   * included, and everything behind it, answers with a deadline too, would wait for ever. One without value is not held
   * back: it costs its gas only, and may be such an answer.
   */
  const requireFunds = async (gasCost: bigint, value: bigint, head: Header): Promise<void> => {
    const needed = gasCost + value
    if (value === 0n) {
      const balance = await rpc.balance(account.address, 'latest')
      if (balance < needed) throw unaffordable(account.address, needed, balance)
      return
    }
    // Both of one block: what is included in between would be counted twice or not at all.
    const at = { blockHash: head.hash }
    const balance = await rpc.balance(account.address, at)
    const count = await rpc.transactionCount(account.address, at)
    const promised = [...pending]
      .filter(([nonce]) => nonce >= count)
      .reduce((sum, [, entry]) => sum + dearestCost(recordOf(entry)), 0n)
    if (balance < promised + needed) throw unaffordable(account.address, needed, balance, promised)
  }

  /** Hands the newest attempt to the endpoint, and tells when it was taken. */
  const release = async (entry: Entry): Promise<void> => {
    const record = recordOf(entry)
    const attempt = newest(record)
    const answer = await rpc.send(attempt.raw)
    if ('fault' in answer && !isTaken(answer.fault)) {
      refused(entry, answer.fault, account.address)
      return
    }
    if (entry.attemptsTaken >= record.attempts.length) return
    entry.attemptsTaken = record.attempts.length
    report(entry, {
      stage: 'sent',
      transactionHash: attempt.hash,
      nonce: record.nonce,
      maxFeePerGas: attempt.maxFeePerGas,
      attempt: record.attempts.length,
    })
  }

  const launch = (entry: Entry, gas: bigint) =>
    inTurn(async () => {
      const head = await rpc.head()
      const offer = await fees(head)
      await requireFunds(gas * offer.maxFeePerGas, entry.encoded.value, head)
      const nonce = await nextNonce()
      const attempt = await sign(entry, gas, nonce, offer)
      const { key, callDigest, encoded, call } = entry
      await save(entry, {
        key,
        kind: call.kind,
        callDigest,
        ...encoded,
        gas,
        nonce,
        attempts: [attempt],
        outcome: undefined,
      })
      entry.attemptsTaken = 0
      pending.set(nonce, entry)
      await announce(entry, head.number)
    })

  /** From here on the tracker answers for it: a failure to send is only a delay. */
  const announce = async (entry: Entry, headNumber: bigint): Promise<void> => {
    entry.sentAtBlock = headNumber
    entry.sentAtMs = performance.now()
    entry.feeRefused = false
    entry.looksWithoutReceipt = 0
    try {
      await release(entry)
    } catch (error) {
      if (!(error instanceof ChainError)) throw error
      report(entry, { stage: 'waiting', error })
    }
  }

  const replace = (entry: Entry, head: Header) =>
    inTurn(async () => {
      const record = recordOf(entry)
      const previous = newest(record)
      const offer = replacementFees(previous, await fees(head), feeCaps)
      if (offer === undefined) {
        report(entry, { stage: 'waiting', error: capped(feeCaps) })
        return false
      }
      const needed = record.gas * offer.maxFeePerGas + record.value
      const balance = await rpc.balance(account.address, 'latest')
      if (balance < needed) {
        report(entry, { stage: 'waiting', error: unaffordable(account.address, needed, balance) })
        return false
      }
      const attempt = await sign(entry, record.gas, record.nonce, offer)
      await save(entry, { ...record, attempts: [...record.attempts, attempt] })
      await announce(entry, head.number)
      return true
    })

  return {
    launch,
    replace,
    resend: (entry) => inTurn(() => release(entry)),
    save,
    pending,
    idle: async () => {
      await turn
    },
    adopt: (entry) => pending.set(recordOf(entry).nonce, entry),
    release: (entry) => {
      const { nonce } = recordOf(entry)
      if (pending.get(nonce) === entry) pending.delete(nonce)
    },
  }
}

export function recordOf(entry: Entry): SubmissionRecord {
  if (entry.record === undefined) throw new Error(`submission ${entry.key} is not signed yet`)
  return entry.record
}

export function newest({ attempts }: SubmissionRecord): Attempt {
  const attempt = attempts.at(-1)
  if (attempt === undefined) throw new Error('a submission without attempts')
  return attempt
}

/** Wei that the account must hold for the newest attempt, which is the dearest: each one replaced a cheaper one. */
function dearestCost(record: SubmissionRecord): bigint {
  return record.gas * newest(record).maxFeePerGas + record.value
}

/** Counts what waits in the endpoint's pool too: another life of this account may have sent it. */
async function countWithWaiting(rpc: Rpc, account: Hex): Promise<number> {
  const latest = await rpc.transactionCount(account)
  const answer = await rpc.ask('eth_getTransactionCount', [account, 'pending'])
  if ('fault' in answer || typeof answer.result !== 'string' || !/^0x[0-9a-f]{1,8}$/i.test(answer.result))
    return latest
  return Math.max(latest, Number(answer.result))
}

/**
 * Whether the endpoint has the transaction already, or its nonce is in the chain (receipts will tell whose). These words
 * and those below are of go-ethereum, Nethermind, Besu, Erigon, Reth and anvil.
 */
function isTaken(fault: RpcFault): boolean {
  const text = fault.message.toLowerCase()
  return /already known|known transaction|already imported|already in mempool|nonce.*too low|nonce too small|old nonce|nonce has already/.test(
    text,
  )
}

/** Why the endpoint does not take a signed transaction. */
function refused(entry: Entry, fault: RpcFault, account: Hex): void {
  const text = fault.message.toLowerCase()
  if (/underpriced|fee.*too low|less than block base fee|max fee per gas|gas price/.test(text))
    entry.feeRefused = true
  const error = /insufficient funds|insufficient balance/.test(text)
    ? unaffordable(account, undefined, undefined)
    : faultError('eth_sendRawTransaction', fault)
  report(entry, { stage: 'waiting', error })
}

/** All in wei; `promised` is what transactions that wait to be included may still cost. */
function unaffordable(
  account: Hex,
  needed: bigint | undefined,
  balance: bigint | undefined,
  promised = 0n,
): ChainError {
  const address = account.toLowerCase()
  const waiting = promised === 0n ? '' : `, ${promised} of it for transactions that are not included yet`
  const sums = needed === undefined ? '' : `: it needs ${needed} wei and has ${balance}${waiting}`
  return new ChainError(
    'insufficient_gas_funds',
    `account ${address} cannot pay for the transaction${sums}`,
    {
      field: 'account',
      remedy:
        needed === undefined || balance === undefined
          ? `Send native coin to ${address}.`
          : `Send at least ${needed + promised - balance} wei of the native coin to ${address}.`,
      consequence: 'fix',
    },
  )
}

function capped(caps: FeeCaps): ChainError {
  return new ChainError('fee_capped', 'a higher fee is needed than the configuration allows', {
    field: 'feeCaps',
    remedy: `Wait until fees fall, or raise feeCaps (now ${caps.maxFeePerGas} wei per gas, ${caps.maxPriorityFeePerGas} of it priority).`,
    consequence: 'retry',
  })
}
