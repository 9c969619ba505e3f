/** Buying what `tally sell` offers, through this data directory's node. */
import { resolve } from 'node:path'
import type { NodeClient } from '@tallystick/client'
import type { BuyOptions, Purchase, PurchaseProgress } from '@tallystick/client/paywall'
import { buy, fetchManifest } from '@tallystick/client/paywall'
import { explainSale } from './failures.ts'

export type PurchaseOptions = {
  readonly api: NodeClient
  readonly uri: string
  /** Default: the name that the seller gives the file, in the working directory. */
  readonly out?: string | undefined
  /** For the whole file, base units. */
  readonly maxPrice: bigint
  /** How each chunk is paid; default: over a channel with the seller. */
  readonly via?: BuyOptions['via']
  /** What a chunk may cost beside its price when it is paid over the network; base units. */
  readonly maxFeePerChunk?: bigint | undefined
  /** How long the payment of one chunk is waited for. */
  readonly paymentTimeoutMs?: number
  readonly onProgress?: (progress: PurchaseProgress) => void
  readonly signal?: AbortSignal
}

/** @throws {Failure}; buying the same again goes on where it stopped and pays nothing twice. */
export async function purchase(options: PurchaseOptions): Promise<Purchase> {
  const { api, uri, maxPrice, via, maxFeePerChunk, paymentTimeoutMs, onProgress, signal } = options
  try {
    const out = options.out ?? (await fetchManifest(uri, signal)).name
    return await buy({
      url: uri,
      node: api,
      output: resolve(out),
      maxPricePerChunk: maxPrice,
      maxTotal: maxPrice,
      ...(paymentTimeoutMs !== undefined && { paymentTimeoutMs }),
      ...(maxFeePerChunk !== undefined && { maxFeePerChunk }),
      ...(via !== undefined && { via }),
      ...(onProgress !== undefined && { onProgress }),
      ...(signal !== undefined && { signal }),
    })
  } catch (thrown) {
    throw explainSale(thrown)
  }
}
