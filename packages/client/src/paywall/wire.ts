/**
 * What seller and buyer of a file say to each other over HTTP.
 *
 * The manifest states everything once; each chunk's terms repeat what is paid for it, so that the buyer can hold the
 * seller to the manifest before it pays.
 */
import { z } from 'zod'
import {
  Address,
  Hash,
  type Hex,
  Integer,
  InvoiceText,
  NodeId,
  PositiveAmount,
  Reference,
} from '../schema/index.ts'

/** Chosen by the buyer, secret: who knows it can fetch what was paid under it. 32 bytes. */
export const SESSION_HEADER = 'tally-session'
/** The reference the buyer has paid. */
export const REFERENCE_HEADER = 'tally-reference'
/** `invoice`: the terms shall carry an invoice, to be paid over the network. */
export const METHOD_HEADER = 'tally-method'
/** The payment hash of the invoice that the buyer has paid; in the place of a reference. */
export const PAYMENT_HASH_HEADER = 'tally-payment-hash'

const MAX_CHUNKS = 65_536
export const MAX_CHUNK_BYTES = 256 * 1024 * 1024

export const Session = Reference

const Seller = z.strictObject({
  nodeId: NodeId,
  /** Where its node listens. */
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
})

/** A plain file name: no path, nothing that a terminal or a file system would interpret. */
const FileName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}/\\:*?"<>|]+$/u)
  .refine((name) => name !== '.' && name !== '..' && !name.startsWith('-'))

export const Manifest = z
  .strictObject({
    version: z.literal(1),
    name: FileName,
    sizeBytes: z.int().min(1),
    /** Every chunk but the last has this size. */
    chunkBytes: z.int().min(1).max(MAX_CHUNK_BYTES),
    /** SHA-256 of each chunk, in order. */
    chunks: z.array(Hash).min(1).max(MAX_CHUNKS),
    sha256: Hash,
    pricePerChunk: PositiveAmount,
    token: Address,
    chainId: Integer,
    bank: Address,
    seller: Seller,
  })
  .refine(({ sizeBytes, chunkBytes, chunks }) => Math.ceil(sizeBytes / chunkBytes) === chunks.length, {
    path: ['chunks'],
    message: 'sizeBytes, chunkBytes and the number of chunks do not agree',
  })
export type Manifest = z.output<typeof Manifest>

export const Terms = z.strictObject({
  chunk: z.int().min(0),
  amount: PositiveAmount,
  token: Address,
  chainId: Integer,
  bank: Address,
  reference: Reference,
  seller: Seller,
  sha256: Hash,
  /** Only where it was asked for: pays the same, over the network. Its description is {@link invoiceDescription}. */
  invoice: InvoiceText.exactOptional(),
})
export type Terms = z.output<typeof Terms>

/** The body of 402: what to pay, and why what was presented is not enough. */
export const PaymentRequired = z.strictObject({
  reason: z.enum(['unpaid', 'underpaid', 'reference-mismatch']),
  detail: z.string(),
  remedy: z.string(),
  terms: Terms,
})
export type PaymentRequired = z.output<typeof PaymentRequired>

/** Binds an invoice to one buyer's session and one chunk: signed by the seller, checked by both. */
export function invoiceDescription(chunk: number, reference: Hex): string {
  return `Chunk ${chunk}, ${reference}`
}

/** Size of chunk `index` in bytes. */
export function chunkSize({ sizeBytes, chunkBytes }: Manifest, index: number): number {
  return Math.min(chunkBytes, sizeBytes - index * chunkBytes)
}
