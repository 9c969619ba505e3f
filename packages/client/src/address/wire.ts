/**
 * What an address `name@host` says over HTTPS: a document at `/.well-known/tally/<name>`, and an invoice from the callback
 * that it names. Source: docs/spec/invoice.md IV-50 to IV-59; RFC 8615 (well-known URIs); LUD-06 and LUD-16 for the idea.
 */
import { MAX_INVOICE_DESCRIPTION_BYTES, parseHost, plainTextFault } from '@tallystick/protocol'
import { z } from 'zod'
import { Address, Integer, NodeId, PositiveAmount } from '../schema/primitives.ts'

export const WELL_KNOWN_PATH = '/.well-known/tally/'

const MAX_OFFERS = 16
const MAX_ADDRESSES = 4
const MAX_URL_CHARACTERS = 2048
const MAX_INVOICE_TEXT = 4296

/** One line of at most `maxBytes` of UTF-8 that nothing in a terminal would act on. */
const plainText = (maxBytes: number) =>
  z.string().superRefine((text, context) => {
    const wrong = plainTextFault(text, maxBytes)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })

export const Comment = plainText(MAX_INVOICE_DESCRIPTION_BYTES)

/** What is taken, of which token where. */
export const AddressOffer = z
  .object({
    chainId: Integer,
    bank: Address,
    registry: Address,
    /** Zero is the native coin. */
    token: Address,
    minAmount: PositiveAmount,
    maxAmount: PositiveAmount,
  })
  .refine(({ minAmount, maxAmount }) => minAmount <= maxAmount, {
    path: ['maxAmount'],
    message: 'below minAmount',
  })
export type AddressOffer = z.output<typeof AddressOffer>

const NodeListener = z.object({
  host: z.string().refine((text) => {
    const host = parseHost(text)
    return typeof host === 'object' && host.text === text
  }, 'not a host in its one form'),
  port: z.int().min(1).max(65_535),
})

export const AddressDocument = z.object({
  version: z.literal(1),
  /** The node whose key signs the invoices. */
  payee: NodeId,
  description: plainText(MAX_INVOICE_DESCRIPTION_BYTES),
  /** Where the payee's node listens. */
  addresses: z.array(NodeListener).max(MAX_ADDRESSES).readonly(),
  /** The longest comment that is taken, bytes of UTF-8; 0: none. */
  commentBytes: z.int().min(0).max(MAX_INVOICE_DESCRIPTION_BYTES),
  accepts: z.array(AddressOffer).min(1).max(MAX_OFFERS).readonly(),
  /** Of the same origin as the document. */
  callback: z.url({ protocol: /^https?$/ }).max(MAX_URL_CHARACTERS),
})
export type AddressDocument = z.output<typeof AddressDocument>

/** Query of the callback. */
export const InvoiceQuery = z.strictObject({
  chainId: Integer,
  bank: Address,
  token: Address,
  amount: PositiveAmount,
  comment: Comment.exactOptional(),
})
export type InvoiceQuery = z.output<typeof InvoiceQuery>

/** What the callback answers. */
export const InvoiceAnswer = z.object({ invoice: z.string().min(1).max(MAX_INVOICE_TEXT) })
