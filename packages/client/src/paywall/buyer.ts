/**
 * Buys a file chunk by chunk: terms, payment through the buyer's own node, bytes, verification.
 *
 * Invariants: nothing is paid that the manifest and the buyer's limits do not cover; a chunk is paid under one reference
 * only, over crashes too; at most `chunksAhead` chunks are paid and not verified at any time, which is all that a
 * cheating seller can take. The file is never held in memory.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { ApiError } from '../api/error.ts'
import type { Hex, InvoiceMethod } from '../schema/index.ts'
import { PaywallError } from './error.ts'
import { assertExpected, assertTerms, type Expectations } from './expectations.ts'
import { createInvoicePayer } from './invoice-payer.ts'
import { dropDamaged, finish, isHere } from './output-file.ts'
import type { BuyerNode, Payer } from './payer.ts'
import { createPayer } from './payer.ts'
import type { PurchaseState } from './purchase-state.ts'
import { openPurchase, removeLeftovers } from './purchase-state.ts'
import { type ChunkAnswer, fetchManifest, requestChunk } from './seller-connection.ts'
import { chunkSize, type Manifest, type PaymentRequired } from './wire.ts'

export interface BuyOptions extends Expectations {
  /** The paywall's address. */
  readonly url: string
  readonly node: BuyerNode
  /** Where the file goes; it must not exist yet. Two files beside it carry an unfinished download. */
  readonly output: string
  /**
   * How each chunk is paid: over a channel with the seller (the default), or by its invoice over the network. A chunk whose
   * payment may still be made goes on as it began.
   */
  readonly via?: Via | ((chunk: number) => Via)
  /** What a chunk's payment over the network may cost beside the price, base units; absent: as the node does by default. */
  readonly maxFeePerChunk?: bigint
  /** How long a payment may take, and how long a paid chunk is asked for. */
  readonly paymentTimeoutMs?: number
  readonly deliveryTimeoutMs?: number
  readonly onProgress?: (progress: PurchaseProgress) => void
  readonly signal?: AbortSignal
}

export type Via = 'direct' | InvoiceMethod

export interface PurchaseProgress {
  readonly chunksDone: number
  readonly chunkCount: number
  readonly bytesDone: number
  readonly sizeBytes: number
  /** Payments made in this run. */
  readonly paidNow: number
}

export interface Purchase {
  readonly manifest: Manifest
  readonly output: string
  readonly sha256: Hex
  /** Paid in this run, and for the file over all runs, base units; both 0 when the file was here already. */
  readonly paidNow: bigint
  readonly paidTotal: bigint
  /** Of the payments made in this run, over the network, base units; negative where hops give. Beside the price. */
  readonly feesNow: bigint
  readonly elapsedMs: number
}

const CORRUPT_TRIES = 3
const RETRY_MS = 250
const DEFAULT_TIMEOUT_MS = 60_000

/** Buys the file, or goes on buying it. @throws {PaywallError}; running it again goes on where it stopped. */
export async function buy(options: BuyOptions): Promise<Purchase> {
  try {
    return await buyFile(options)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    throw new PaywallError(
      'node-unavailable',
      error.field ?? 'node',
      `Your node: ${error.message}`,
      error.remedy,
      {
        cause: error,
      },
    )
  }
}

async function buyFile(options: BuyOptions): Promise<Purchase> {
  const startedAtMs = performance.now()
  const manifest = await fetchManifest(options.url, options.signal)
  await assertExpected(manifest, options)
  const { sha256 } = manifest
  if (await isHere(options.output, manifest)) {
    await removeLeftovers(options.output)
    const elapsedMs = performance.now() - startedAtMs
    return { manifest, output: options.output, sha256, paidNow: 0n, paidTotal: 0n, feesNow: 0n, elapsedMs }
  }
  const state = await openPurchase(options.output, manifest)
  try {
    await dropDamaged(state, manifest)
    const purchase = new ChunkPurchase(options, manifest, state)
    await purchase.run()
    const paidNow = manifest.pricePerChunk * BigInt(purchase.paidNow)
    const paidTotal = manifest.pricePerChunk * BigInt(state.paidCount())
    await finish(options.output, manifest, state)
    return {
      manifest,
      output: options.output,
      sha256,
      paidNow,
      paidTotal,
      feesNow: purchase.feesNow,
      elapsedMs: performance.now() - startedAtMs,
    }
  } finally {
    await state.close()
  }
}

/** One run over the chunks that are missing. */
class ChunkPurchase {
  paidNow = 0
  feesNow = 0n
  readonly #options: BuyOptions
  readonly #manifest: Manifest
  readonly #state: PurchaseState
  readonly #payers: Readonly<Record<Via, Payer>>
  readonly #deliveryTimeoutMs: number
  readonly #failed = new AbortController()
  /** The caller's wish to stop, or another chunk's failure. */
  readonly #signal: AbortSignal

  constructor(options: BuyOptions, manifest: Manifest, state: PurchaseState) {
    this.#options = options
    this.#manifest = manifest
    this.#state = state
    const timeoutMs = options.paymentTimeoutMs ?? DEFAULT_TIMEOUT_MS
    const { node, maxFeePerChunk: maxFee } = options
    const byInvoice = (via: InvoiceMethod) =>
      createInvoicePayer({ node, manifest, state, via, maxFee, timeoutMs })
    this.#payers = {
      direct: createPayer(node, manifest, state, timeoutMs),
      htlc: byInvoice('htlc'),
      joint: byInvoice('joint'),
    }
    this.#deliveryTimeoutMs = options.deliveryTimeoutMs ?? DEFAULT_TIMEOUT_MS
    const { signal } = options
    this.#signal = signal === undefined ? this.#failed.signal : AbortSignal.any([signal, this.#failed.signal])
  }

  /** The first failure stops every worker before its next payment, and is thrown once all have stopped. */
  async run(): Promise<void> {
    const missing = this.#missing()
    const failures: unknown[] = []
    const work = async () => {
      for (
        let index = missing.shift();
        index !== undefined && !this.#signal.aborted;
        index = missing.shift()
      ) {
        await this.#buyChunk(index)
        this.#report()
      }
    }
    const workers = Array.from({ length: this.#options.chunksAhead ?? 1 }, () =>
      work().catch((error: unknown) => {
        failures.push(error)
        this.#failed.abort()
      }),
    )
    await Promise.all(workers)
    if (failures.length > 0) throw withAllAtRisk(failures)
    if (this.#signal.aborted) throw aborted()
  }

  /** Chunks that an earlier run meant to pay come first: with them nothing more is put at risk. */
  #missing(): number[] {
    const { have, intents } = this.#state
    const missing = this.#manifest.chunks.map((_, index) => index).filter((index) => !have.has(index))
    return [
      ...missing.filter((index) => intents.has(index)),
      ...missing.filter((index) => !intents.has(index)),
    ]
  }

  async #buyChunk(index: number): Promise<void> {
    const remembered = this.#state.intents.get(index)
    const standing =
      remembered === undefined ? 'none' : await this.#payers[this.#via(index)].standing(remembered)
    if (standing === 'none') this.#state.forget(index)
    if (standing === 'accepted') return this.#collect(index, true)
    const first = await this.#collectOrTerms(index, standing === 'pending')
    if (first === 'delivered') return
    assertTerms(first.terms, index, this.#manifest, this.#state.intents)
    if (this.#signal.aborted) throw aborted()
    const fee = await this.#payers[this.#via(index)].pay(first.terms, this.#signal)
    this.feesNow += fee
    this.paidNow++
    await this.#collect(index, true)
  }

  /** How the chunk's payment began, or shall begin. */
  #via(index: number): Via {
    const intent = this.#state.intents.get(index)
    if (intent !== undefined) return 'invoice' in intent ? intent.via : 'direct'
    const { via = 'direct' } = this.#options
    return typeof via === 'function' ? via(index) : via
  }

  /** The seller's first answer for a chunk that is not known to be paid: mostly its terms. */
  async #collectOrTerms(index: number, paid: boolean): Promise<PaymentRequired | 'delivered'> {
    const deadlineMs = Date.now() + this.#deliveryTimeoutMs
    for (;;) {
      const answer = await this.#ask(index)
      if (answer.kind === 'payment-required') return answer.required
      if (answer.kind !== 'unavailable') return this.#collect(index, paid, answer).then(() => 'delivered')
      if (this.#signal.aborted) throw aborted()
      if (Date.now() >= deadlineMs) throw sellerSilent(index, answer.detail)
      await this.#rest()
    }
  }

  /** Fetches what is paid, until it is here or the seller has had its time. */
  async #collect(index: number, paid: boolean, before?: ChunkAnswer): Promise<void> {
    const deadlineMs = Date.now() + this.#deliveryTimeoutMs
    let corrupt = 0
    for (let answer = before ?? (await this.#ask(index)); ; answer = await this.#ask(index)) {
      if (answer.kind === 'delivered') return this.#state.keep(index, paid)
      if (answer.kind === 'corrupt' && ++corrupt >= CORRUPT_TRIES)
        throw this.#cheated('chunk-corrupt', index, answer)
      if (this.#options.signal?.aborted === true) throw aborted()
      if (Date.now() >= deadlineMs || this.#signal.aborted)
        throw this.#cheated('not-delivered', index, answer)
      await this.#rest()
    }
  }

  #ask(index: number): Promise<ChunkAnswer> {
    const sha256 = this.#manifest.chunks[index]
    if (sha256 === undefined) throw new RangeError(`no chunk ${index}`)
    return requestChunk(this.#options.url, {
      index,
      session: this.#state.session,
      intent: this.#state.intents.get(index),
      wantsInvoice: this.#via(index) !== 'direct',
      sizeBytes: chunkSize(this.#manifest, index),
      sha256,
      part: this.#state.part,
      offset: index * this.#manifest.chunkBytes,
      timeoutMs: this.#deliveryTimeoutMs,
      // Not the failure of another chunk: what is paid for is still taken.
      signal: this.#options.signal,
    })
  }

  async #rest(): Promise<void> {
    await delay(RETRY_MS, undefined, { signal: this.#signal }).catch(() => undefined)
  }

  #report(): void {
    const { chunks, sizeBytes } = this.#manifest
    let bytesDone = 0
    for (const index of this.#state.have) bytesDone += chunkSize(this.#manifest, index)
    this.#options.onProgress?.({
      chunksDone: this.#state.have.size,
      chunkCount: chunks.length,
      bytesDone,
      sizeBytes,
      paidNow: this.paidNow,
    })
  }

  #cheated(code: 'chunk-corrupt' | 'not-delivered', index: number, answer: ChunkAnswer): PaywallError {
    const why = 'detail' in answer ? answer.detail : 'it asks for payment again'
    const intent = this.#state.intents.get(index)
    const paid =
      intent === undefined
        ? 'Nothing was paid for it.'
        : `Paid for it: ${intent.amount}, ${'invoice' in intent ? `payment hash ${intent.paymentHash}` : `reference ${intent.reference}`}.`
    return new PaywallError(
      code,
      `chunks.${index}`,
      `The seller did not deliver chunk ${index}: ${why}. ${paid} Nothing more is paid to this seller.`,
      'Buy again later: paid chunks are asked for again and not paid again. The reference proves the payment.',
      { atRisk: intent?.amount ?? 0n },
    )
  }
}

/** The first failure, with what all of them put at risk. */
function withAllAtRisk(failures: readonly unknown[]): unknown {
  const [first] = failures
  if (!(first instanceof PaywallError)) return first
  const atRisk = failures.reduce<bigint>(
    (sum, failure) => sum + (failure instanceof PaywallError ? failure.atRisk : 0n),
    0n,
  )
  return new PaywallError(first.code, first.field, first.message, first.remedy, { cause: first, atRisk })
}

function sellerSilent(index: number, detail: string): PaywallError {
  return new PaywallError(
    'seller-unreachable',
    `chunks.${index}`,
    `The seller does not answer for chunk ${index}: ${detail}.`,
    'Buy again later: it goes on where it stopped, and nothing is paid twice.',
  )
}

function aborted(): PaywallError {
  return new PaywallError(
    'aborted',
    'signal',
    'The purchase was stopped.',
    'Buy again: it goes on where it stopped.',
  )
}
