/** What a step of a joint payment may look at beside state and input, as in channel/context.ts. */

import type { Crypto, Signer } from '../ports/crypto.ts'

export interface JointContext {
  readonly crypto: Crypto
  /** Its address is the party of this node in the terms. */
  readonly signer: Signer
  /** The local clock. */
  readonly nowMs: number
  /** Timestamp of the newest block seen; 0 when none. Time limits count from the later of this and the clock. */
  readonly headTimeSeconds: number
  readonly policy: JointPolicy
}

export interface JointPolicy {
  /** T (SEC-1). Seconds. */
  readonly safetyMarginSeconds: number
  /** delta: nobody signs unless T + delta is left, so that every hop can still be unlocked by message. Seconds. */
  readonly signingMarginSeconds: number
  /** Furthest expiry that is agreed to. Seconds from now. */
  readonly maxExpirySeconds: number
  /** The customer aborts after so long without progress, if it has not signed (JP-30): 3000 by default. */
  readonly abortAfterMs: number
  /** Another party that has not signed gives up after so long without progress (JP-32). */
  readonly patienceMs: number
  /**
   * How much more this node now locks for the payee (20 bytes) ahead of its own incoming locks of this payment, above what
   * it agreed to pay itself: 0 for a peer that is not in good standing. Base units (JP-21).
   */
  aheadLimit(payee: Uint8Array): bigint
}

/** What this node agreed to, outside the machine: the price of a user, the price of an invoice, the fee of a forwarder. */
export interface JointAgreement {
  /**
   * Least that this party receives minus pays: negative for who pays, a fee (also negative or zero) for who forwards, the
   * amount of the invoice for who is paid.
   */
  readonly leastNet: bigint
  /** The reference that the terms must have; undefined: any. */
  readonly reference: Uint8Array | undefined
  /** True when this node's user wants this payment: else it never acts as the customer. */
  readonly asCustomer: boolean
}

/** An own channel that may carry a hop. */
export interface JointChannel {
  /** By party. */
  readonly signer: readonly [Uint8Array, Uint8Array]
  /** 20 bytes. */
  readonly token: Uint8Array
}
