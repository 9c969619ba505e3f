/**
 * Signs and releases transactions of one account, in the order of their nonces.
 *
 * Invariants: no signed transaction leaves before the journal holds it; a nonce is used for one submission only, until
 * another transaction is known to have taken it; a submission that was given up signs nothing but empty transactions with
 * its nonce any more.
 */

import { ChainError, type SubmissionJournal } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { keccak256 } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import type { EncodedCall } from '../calls.ts'
import { type FeeCaps, type Fees, marketFees, replacementFees } from '../fees.ts'
import type { Header, Rpc } from '../rpc.ts'
import { faultError, type RpcFault } from '../rpc-errors.ts'
import { type Entry, report } from './entry.ts'
import { givenUp, saysUnaffordable, unaffordable } from './funds.ts'
import { givesWay } from './giving-way.ts'
import { type Attempt, encodeRecord, isGivenUp, type SubmissionRecord, signedOf } from './record.ts'

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
  /**
   * Sends the same intention with the same nonce and a higher fee, or, where the account cannot pay for that and others wait
   * behind it, gives the nonce up to an empty transaction. False (and reported) when neither is possible now.
   */
  replace(entry: Entry, head: Header): Promise<boolean>
  /** Sends what stands for the nonce now again as it is. */
  resend(entry: Entry): Promise<void>
  save(entry: Entry, record: SubmissionRecord): Promise<void>
  /** As `save`, and `idle` waits for it. */
  saveInTurn(entry: Entry, record: SubmissionRecord): Promise<void>
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
    { to, data, value }: EncodedCall,
    gas: bigint,
    nonce: number,
    { maxFeePerGas, maxPriorityFeePerGas }: Fees,
  ) => {
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
      if (balance < needed) throw unaffordable(account.address, { needed, balance })
      return
    }
    // Both of one block: what is included in between would be counted twice or not at all.
    const at = { blockHash: head.hash }
    const balance = await rpc.balance(account.address, at)
    const count = await rpc.transactionCount(account.address, at)
    const promised = [...pending]
      .filter(([nonce]) => nonce >= count)
      .reduce((sum, [, entry]) => sum + dearestCost(recordOf(entry)), 0n)
    if (balance < promised + needed) throw unaffordable(account.address, { needed, balance, promised })
  }

  /** Hands what stands for the nonce to the endpoint, and tells when an attempt was taken. */
  const release = async (entry: Entry): Promise<void> => {
    const record = recordOf(entry)
    const attempt = latest(record)
    const answer = await rpc.send(attempt.raw)
    if ('fault' in answer && !isTaken(answer.fault)) {
      refused(entry, answer.fault, account.address)
      return
    }
    if (isGivenUp(record) || entry.attemptsTaken >= record.attempts.length) return
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
      const attempt = await sign(entry.encoded, gas, nonce, offer)
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
      if (isGivenUp(record)) return giveUp(entry, head)
      const offer = replacementFees(newest(record), await fees(head), feeCaps)
      const { maxFeePerGas } = offer ?? newest(record)
      const needed = record.gas * maxFeePerGas + record.value
      const balance = await rpc.balance(account.address, 'latest')
      if (balance < needed) {
        report(entry, { stage: 'waiting', error: unaffordable(account.address, { needed, balance }) })
        return giveUp(entry, head)
      }
      if (offer === undefined) {
        report(entry, { stage: 'waiting', error: capped(feeCaps) })
        return false
      }
      const attempt = await sign(entry.encoded, record.gas, record.nonce, offer)
      await save(entry, { ...record, attempts: [...record.attempts, attempt] })
      await announce(entry, head.number)
      return true
    })

  /** Replaces it with an empty transaction; the first time only if that helps another. The tracker sees which is included. */
  const giveUp = async (entry: Entry, head: Header): Promise<boolean> => {
    const record = recordOf(entry)
    const { cancellations = [], nonce } = record
    const behind = [...pending.values()].map(recordOf).filter((other) => other.nonce > nonce)
    if (!isGivenUp(record) && behind.length === 0) return false
    const market = await fees(head)
    // Endpoints forget what cannot be paid for, so that the market's fee may do where the caps allow no higher one.
    const atMarket = isGivenUp(record) ? undefined : market
    const offer = replacementFees(latest(record), market, feeCaps) ?? atMarket
    if (offer === undefined) {
      report(entry, { stage: 'waiting', error: capped(feeCaps) })
      return false
    }
    const empty: EncodedCall = { to: account.address, data: '0x', value: 0n }
    const gas = await emptyGas(rpc, account.address)
    const price = gas * offer.maxFeePerGas
    const balance = await rpc.balance(account.address, 'latest')
    const isWorthIt = isGivenUp(record) || givesWay(waiting(record), behind.map(waiting), balance, price)
    if (!isWorthIt || balance < price) return false
    const cancellation = await sign(empty, gas, nonce, offer)
    await save(entry, { ...record, cancellations: [...cancellations, cancellation] })
    report(entry, { stage: 'waiting', error: givenUp(account.address, record.kind, nonce) })
    await announce(entry, head.number)
    return true
  }

  return {
    launch,
    replace,
    resend: (entry) => inTurn(() => release(entry)),
    save,
    saveInTurn: (entry, record) => inTurn(() => save(entry, record)),
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

/** What stands for its nonce now: the newest attempt, or the newest cancellation. */
export function latest(record: SubmissionRecord): Attempt {
  return signedOf(record).at(-1) ?? newest(record)
}

function waiting(record: SubmissionRecord) {
  return { kind: record.kind, cost: dearestCost(record) }
}

/** 21,000 on Ethereum; more on chains that count data as gas, and for accounts with code (EIP-7702). */
async function emptyGas(rpc: Rpc, account: Hex): Promise<bigint> {
  const least = 21_000n
  const answer = await rpc.estimateGas({ from: account, to: account, data: '0x', value: 0n })
  if ('fault' in answer || typeof answer.result !== 'string' || !/^0x[0-9a-f]{1,12}$/i.test(answer.result))
    return least
  const estimated = BigInt(answer.result)
  return estimated > least ? (estimated * 5n) / 4n : least
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
  const error = saysUnaffordable(fault) ? unaffordable(account) : faultError('eth_sendRawTransaction', fault)
  report(entry, { stage: 'waiting', error })
}

function capped(caps: FeeCaps): ChainError {
  return new ChainError('fee_capped', 'a higher fee is needed than the configuration allows', {
    field: 'feeCaps',
    remedy: `Wait until fees fall, or raise feeCaps (now ${caps.maxFeePerGas} wei per gas, ${caps.maxPriorityFeePerGas} of it priority).`,
    consequence: 'retry',
  })
}
