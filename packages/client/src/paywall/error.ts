/** Why a sale or a purchase did not go on. */

export type PaywallErrorCode =
  /** The seller's file: missing, empty, too many chunks, or changed since it was read. */
  | 'file-unusable'
  | 'file-changed'
  /** What the seller wants to offer is not possible. */
  | 'offer-invalid'
  /** The seller cannot be reached, or what it says is not this protocol. Nothing was paid for what it refers to. */
  | 'seller-unreachable'
  | 'manifest-malformed'
  /** The manifest is not the one this download began with. */
  | 'manifest-changed'
  /** The manifest is not what the buyer asked for (pinned hash, seller, chain, price limit). Nothing was paid. */
  | 'not-as-expected'
  | 'too-expensive'
  /** The seller asks for something else than its manifest says. Nothing was paid for that chunk. */
  | 'terms-changed'
  /** The buyer's own node refused or did not answer. */
  | 'node-unavailable'
  | 'no-channel'
  /** The seller gives no invoice (now), so it cannot be paid over the network. Nothing was paid. */
  | 'no-invoice'
  | 'payment-failed'
  /** It may still be made; the next run goes on with it and pays nothing twice. */
  | 'payment-pending'
  /** Paid and not delivered, or delivered wrong. */
  | 'not-delivered'
  | 'chunk-corrupt'
  | 'file-corrupt'
  | 'output-exists'
  | 'state-unusable'
  | 'aborted'

export class PaywallError extends Error {
  override readonly name = 'PaywallError'
  readonly code: PaywallErrorCode
  /** What is wrong: a field of the manifest or terms, an option, a path. */
  readonly field: string
  readonly remedy: string
  /** Paid for chunks that were not delivered intact, base units: what the buyer loses if the seller never delivers. */
  readonly atRisk: bigint

  constructor(
    code: PaywallErrorCode,
    field: string,
    message: string,
    remedy: string,
    options: { cause?: unknown; atRisk?: bigint } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.field = field
    this.remedy = remedy
    this.atRisk = options.atRisk ?? 0n
  }
}
