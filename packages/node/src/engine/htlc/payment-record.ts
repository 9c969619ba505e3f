/** A payment over the network, as it is stored: one record, rewritten in every commit that changes it. */

import type { Hex } from '../service.ts'

export interface NetworkPayment {
  /** The invoice's payment hash: the payment's name, so that one invoice is one payment (never paid twice). */
  readonly hash: Hex
  readonly condition: Hex
  readonly invoice: string
  readonly payee: string
  readonly token: Hex
  /** What the payee gets, base units. */
  readonly amount: bigint
  /** Fees beyond this are not paid, base units. */
  readonly maxFee: bigint
  readonly via: 'htlc' | 'joint'
  readonly createdAtMs: number
  state: 'pending' | 'succeeded' | 'failed'
  endedAtMs: number | undefined
  preimage: Hex | undefined
  /** Of a joint payment: every attempt, in order. */
  attempts: JointAttempt[]
  /** Of every part ever tried, in order. */
  parts: PaymentPart[]
  failure: PaymentFailure | undefined
}

export interface PaymentPart {
  readonly number: number
  /** What the payee gets of it. */
  readonly amount: bigint
  /** What the first lock holds: amount and fees. */
  readonly total: bigint
  readonly hops: readonly PartHop[]
  readonly expiry: number
  /** Of the onion: reads the failure. */
  readonly sessionKey: Hex
  /** `wanted`: no line carries it yet. */
  state: 'wanted' | 'pending' | 'paid' | 'failed'
  failure: PaymentFailure | undefined
}

export interface JointAttempt {
  /** Condition id of the terms. */
  readonly condition: Hex
  readonly hops: readonly PartHop[]
  readonly failure: PaymentFailure | undefined
}

export interface PartHop {
  readonly channelId: Hex
  /** Node id of the end that receives. */
  readonly to: string
  /** What the lock in this channel holds. */
  readonly amount: bigint
}

export interface PaymentFailure {
  /** A failure code of a hop (docs/spec/onion.md ON-60), or of this node. */
  readonly code: string
  /** Index of the hop that said so; undefined: this node. */
  readonly hop: number | undefined
  readonly nodeId: string | undefined
  readonly channelId: Hex | undefined
}
