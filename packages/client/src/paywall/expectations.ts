/** What a buyer holds a seller to, before anything is paid: its own wishes, and the seller's own manifest. */

import type { Hex } from '../schema/index.ts'
import { PaywallError } from './error.ts'
import type { BuyerNode } from './payer.ts'
import type { Intent } from './purchase-state.ts'
import type { Manifest, Terms } from './wire.ts'

const MAX_CHUNKS_AHEAD = 64

export interface Expectations {
  readonly node: Pick<BuyerNode, 'status'>
  /** What the buyer knows beforehand; anything else is refused before the first payment. */
  readonly expect?: { readonly sha256?: Hex; readonly sellerNodeId?: string }
  /** Base units. */
  readonly maxPricePerChunk: bigint
  /** For the whole file, base units. */
  readonly maxTotal?: bigint
  /**
   * How many chunks may be paid and not verified: 1 (the default) risks one price and takes turns; more overlaps paying
   * and downloading, and risks that many prices.
   */
  readonly chunksAhead?: number
}

/** @throws {PaywallError} `not-as-expected`, `too-expensive` */
export async function assertExpected(manifest: Manifest, wanted: Expectations): Promise<void> {
  const { node, expect = {}, maxPricePerChunk, maxTotal, chunksAhead = 1 } = wanted
  if (!Number.isInteger(chunksAhead) || chunksAhead < 1 || chunksAhead > MAX_CHUNKS_AHEAD)
    throw new PaywallError(
      'not-as-expected',
      'chunksAhead',
      `${chunksAhead} is not a number of chunks to be ahead.`,
      `Give 1 to ${MAX_CHUNKS_AHEAD}.`,
    )
  const { chainId, bank } = await node.status()
  const compared: readonly [field: string, offered: unknown, known: unknown][] = [
    ['sha256', manifest.sha256, expect.sha256?.toLowerCase()],
    ['seller.nodeId', manifest.seller.nodeId, expect.sellerNodeId],
    ['chainId', manifest.chainId, chainId],
    ['bank', manifest.bank, bank],
  ]
  for (const [field, offered, known] of compared) {
    if (known === undefined || known === offered) continue
    throw new PaywallError(
      'not-as-expected',
      `manifest.${field}`,
      `The seller offers ${field} ${offered}, expected was ${known}.`,
      'Nothing was paid; check the address and what you know of the seller.',
    )
  }
  const total = manifest.pricePerChunk * BigInt(manifest.chunks.length)
  if (manifest.pricePerChunk > maxPricePerChunk)
    throw tooExpensive('pricePerChunk', manifest.pricePerChunk, maxPricePerChunk)
  if (maxTotal !== undefined && total > maxTotal) throw tooExpensive('total', total, maxTotal)
}

/**
 * The terms of a chunk must be the manifest's, and their reference this chunk's alone: `intents` are the payments that
 * were made or may be.
 * @throws {PaywallError} `terms-changed`
 */
export function assertTerms(
  terms: Terms,
  index: number,
  manifest: Manifest,
  intents: ReadonlyMap<number, Intent>,
): void {
  const stated: readonly [field: string, terms: unknown, manifest: unknown][] = [
    ['chunk', terms.chunk, index],
    ['amount', terms.amount, manifest.pricePerChunk],
    ['token', terms.token, manifest.token],
    ['chainId', terms.chainId, manifest.chainId],
    ['bank', terms.bank, manifest.bank],
    ['seller.nodeId', terms.seller.nodeId, manifest.seller.nodeId],
    ['sha256', terms.sha256, manifest.chunks[index]],
  ]
  for (const [field, asked, offered] of stated) {
    if (asked === offered) continue
    throw termsChanged(field, `the manifest says ${offered}, the terms of chunk ${index} say ${asked}`)
  }
  const remembered = intents.get(index)
  if (remembered !== undefined && remembered.reference !== terms.reference)
    throw termsChanged(
      'reference',
      `chunk ${index} was to be paid under ${remembered.reference}, now ${terms.reference}`,
    )
  for (const [other, { reference }] of intents)
    if (other !== index && reference === terms.reference)
      throw termsChanged('reference', `chunks ${other} and ${index} have the same one`)
}

function tooExpensive(field: string, asked: bigint, limit: bigint): PaywallError {
  return new PaywallError(
    'too-expensive',
    `manifest.${field}`,
    `The seller asks ${asked}; your limit is ${limit}.`,
    'Nothing was paid; raise the limit if you want it at this price.',
  )
}

export function termsChanged(field: string, detail: string): PaywallError {
  return new PaywallError(
    'terms-changed',
    `terms.${field}`,
    `The seller asks for something else than its manifest says: ${detail}.`,
    'Nothing was paid for this chunk; what is already here is kept. Ask the seller.',
  )
}
