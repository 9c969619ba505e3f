/**
 * The structured messages that a signer signs, one for each EIP-712 type of EN-63 and EN-64. Every one carries the domain
 * it is valid in, so that nothing is replayed on another chain or contract.
 */

import type { Domain } from './domain.ts'

/** A party of a channel: index into owners, signers, deposits. */
export type Party = 0 | 1

/** 0: party 0 pays party 1; 1: the other way (EN-32). So the payer of direction `d` is party `d`. */
export type Direction = 0 | 1

/** A promise (signed by the payer) or an acknowledgement (signed by the receiver): the same digest (EN-65). */
export interface BalanceProof {
  readonly type: 'BalanceProof'
  readonly domain: Domain
  readonly channelId: Uint8Array
  readonly direction: Direction
  readonly nonce: number
  readonly acked: number
  /** 32 bytes (EN-30). */
  readonly contentHash: Uint8Array
}

export interface Withdrawal {
  readonly type: 'Withdrawal'
  readonly domain: Domain
  readonly channelId: Uint8Array
  readonly party: Party
  /** Cumulative, base units. */
  readonly total: bigint
  /** Unix seconds, good on that second. */
  readonly validUntil: number
}

export interface CloseTogether {
  readonly type: 'CloseTogether'
  readonly domain: Domain
  readonly channelId: Uint8Array
  /** Base units, signed: party 0 gets deposit[0] - withdrawn[0] + delta. */
  readonly delta: bigint
  readonly validUntil: number
}

export interface CloseStatement {
  readonly type: 'CloseStatement'
  readonly domain: Domain
  readonly channelId: Uint8Array
  readonly party: Party
  readonly blind: boolean
  readonly outNonce: number
  readonly outAcked: number
  readonly outContentHash: Uint8Array
  readonly inNonce: number
  readonly inAcked: number
  readonly inContentHash: Uint8Array
  readonly validUntil: number
}

export interface JointFunding {
  readonly type: 'JointFunding'
  readonly domain: Domain
  readonly channelId: Uint8Array
  readonly amounts: readonly [bigint, bigint]
  /** The owner that sends the transaction, 20 bytes. */
  readonly sender: Uint8Array
  readonly validUntil: number
}

export interface AckDelegate {
  readonly type: 'AckDelegate'
  readonly domain: Domain
  readonly channelId: Uint8Array
  readonly direction: Direction
  /** 20 bytes. */
  readonly key: Uint8Array
  readonly validUntil: number
}

/** Registry domain. */
export interface ConditionApproval {
  readonly type: 'Condition'
  readonly domain: Domain
  readonly conditionId: Uint8Array
}

/** Registry domain: one signature over many condition ids. */
export interface ConditionBatch {
  readonly type: 'ConditionBatch'
  readonly domain: Domain
  readonly root: Uint8Array
}

/** Registry domain: the customer never signs this condition (JP-30). Signed by the customer of the joint payment. */
export interface JointAbort {
  readonly type: 'JointAbort'
  readonly domain: Domain
  readonly conditionId: Uint8Array
}

/** Registry domain: a payee of the joint payment was paid by it (JP-40). */
export interface JointReceipt {
  readonly type: 'JointReceipt'
  readonly domain: Domain
  readonly conditionId: Uint8Array
  /** 32 bytes: the reference of the terms. (`reference` alone is a reserved word of Solidity.) */
  readonly paymentReference: Uint8Array
}

export type Signable =
  | BalanceProof
  | Withdrawal
  | CloseTogether
  | CloseStatement
  | JointFunding
  | AckDelegate
  | ConditionApproval
  | ConditionBatch
  | JointAbort
  | JointReceipt
