/**
 * Every message between two nodes. Binary forms: codec.ts. Source: docs/spec/encoding.md EN-90.
 * All ids, addresses, hashes and signatures are bytes; amounts are bigint base units; times are unix seconds.
 */

import type { ChannelParams } from '../channel/params.ts'
import type { Direction, Party } from '../encoding/signable.ts'
import type { JointRefusalCode } from '../joint/refusal.ts'
import type { SignedApproval } from '../locks/key.ts'
import type { RefusalCode } from '../refusal.ts'

/** First message of each side. */
export interface Hello {
  readonly type: 'hello'
  /** PROTOCOL_VERSION. */
  readonly version: number
  readonly chainId: bigint
  readonly bank: Uint8Array
  readonly registry: Uint8Array
  /** The signer and the owner that this node proposes for new channels. */
  readonly signer: Uint8Array
  readonly owner: Uint8Array
  /** Software name and version, at most 64 ASCII characters; for people. */
  readonly agent: string
  /** Random, of this process's life: a restart shows. */
  readonly session: Uint8Array
}

export interface Ping {
  readonly type: 'ping'
  readonly id: number
}

export interface Pong {
  readonly type: 'pong'
  readonly id: number
}

/** The last message before hanging up. */
export interface WireError {
  readonly type: 'error'
  /** A refusal code, or a code of the transport. At most 64 ASCII characters. */
  readonly code: string
  readonly field: string
  /** At most 256 ASCII characters. */
  readonly text: string
}

export interface ChannelProposal {
  readonly type: 'channel-proposal'
  readonly params: ChannelParams
  /** Which party the proposer is. */
  readonly party: Party
  /** Deposits asked for in one transaction (`fundJointly`); undefined: each side funds by itself, or not. */
  readonly joint: readonly [bigint, bigint] | undefined
  /** What the proposer itself will deposit, when not jointly; informative. */
  readonly deposit: bigint
}

export interface ChannelAccept {
  readonly type: 'channel-accept'
  readonly channelId: Uint8Array
}

/** Asks the other owner to authorise `fundJointly` (BK-12). The answer is a consent or a refusal. */
export interface JointRequest {
  readonly type: 'joint-request'
  readonly channelId: Uint8Array
  readonly amounts: readonly [bigint, bigint]
  /** The owner that will send the transaction. */
  readonly sender: Uint8Array
  readonly validUntil: number
}

export interface JointConsent {
  readonly type: 'joint-consent'
  readonly channelId: Uint8Array
  readonly amounts: readonly [bigint, bigint]
  readonly sender: Uint8Array
  readonly validUntil: number
  /** The owner's authorisation: 64 or 65 bytes, or an ERC-1271 blob of at most 1024. */
  readonly authorisation: Uint8Array
}

/** A line by hash with a signature that its claimer did not make: it proves itself. Nonce 0: no line, signature empty. */
export interface ProvenLine {
  readonly nonce: number
  readonly acked: number
  readonly contentHash: Uint8Array
  /** The signature of the one who is told. */
  readonly signature: Uint8Array
}

/** After a connection is made, for each channel (LN-50). */
export interface Sync {
  readonly type: 'sync'
  readonly channelId: Uint8Array
  /** The last line the teller accepted, with the told one's promise. */
  readonly accepted: ProvenLine
  /** The last nonce of it that the teller acknowledged. */
  readonly ackedNonce: number
  /** The teller's own newest agreed line, with the told one's ack. */
  readonly agreed: ProvenLine
  /** True when the teller lost data (CL-30). */
  readonly lost: boolean
}

/** One line: a promise with the operations that lead to it. */
export interface Update {
  readonly type: 'update'
  readonly channelId: Uint8Array
  readonly direction: Direction
  readonly nonce: number
  /** Nonce of the line that it continues. */
  readonly base: number
  readonly acked: number
  readonly operationCount: number
  /** The operations' canonical encodings, joined. */
  readonly operations: Uint8Array
  readonly signature: Uint8Array
}

export interface Acknowledgement {
  readonly type: 'ack'
  readonly channelId: Uint8Array
  readonly direction: Direction
  readonly nonce: number
  readonly signature: Uint8Array
}

export type RefusedMessage = 'update' | 'withdrawal' | 'close-together' | 'channel' | 'joint' | 'lock'

export interface RefusalMessage {
  readonly type: 'refusal'
  readonly channelId: Uint8Array
  readonly about: RefusedMessage
  /** Of an update: the nonce refused; else 0. */
  readonly nonce: number
  /** Of an update: the last nonce accepted in that direction (LN-31); else 0. */
  readonly lastAccepted: number
  readonly code: RefusalCode
  /** At most 64 ASCII characters. */
  readonly field: string
}

export interface WithdrawalRequest {
  readonly type: 'withdrawal-request'
  readonly channelId: Uint8Array
  readonly party: Party
  readonly total: bigint
  readonly validUntil: number
  readonly signature: Uint8Array
}

export interface WithdrawalConsent {
  readonly type: 'withdrawal-consent'
  readonly channelId: Uint8Array
  readonly party: Party
  readonly total: bigint
  readonly validUntil: number
  readonly signature: Uint8Array
}

export interface TogetherOffer {
  readonly type: 'together-offer'
  readonly channelId: Uint8Array
  readonly delta: bigint
  readonly validUntil: number
  readonly signature: Uint8Array
}

export interface TogetherConsent {
  readonly type: 'together-consent'
  readonly channelId: Uint8Array
  readonly delta: bigint
  readonly validUntil: number
  readonly signature: Uint8Array
}

/** Receiver to payer: the key of a pending lock. */
export interface LockKey {
  readonly type: 'lock-key'
  readonly channelId: Uint8Array
  readonly slot: number
  readonly born: number
  readonly key: Uint8Array
}

/** Receiver to payer: drop this lock. */
export interface LockFail {
  readonly type: 'lock-fail'
  readonly channelId: Uint8Array
  readonly slot: number
  readonly born: number
  readonly reason: number
  /** For the payer of the whole payment, sealed (an onion's failure); at most MAX_FAIL_DATA bytes, may be empty. */
  readonly data: Uint8Array
}

/** The terms of a joint payment, to every party that shares a hop with the sender (JP-20). */
export interface JointPayTerms {
  readonly type: 'jointpay-terms'
  /** joint/terms.ts, opaque here. */
  readonly terms: Uint8Array
}

/** Signatures of a joint payment: some on their way to the customer, or the whole set to everybody (JP-23, JP-25). */
export interface JointPaySignatures {
  readonly type: 'jointpay-signatures'
  readonly conditionId: Uint8Array
  readonly approvals: readonly JointPayApproval[]
}

export interface JointPayApproval extends SignedApproval {
  /** Number of the signer in the keys of the condition. */
  readonly signer: number
}

/** The customer gives a joint payment up that it has not signed, and never will (JP-30). */
export interface JointPayAbort {
  readonly type: 'jointpay-abort'
  readonly conditionId: Uint8Array
  readonly signature: Uint8Array
}

/** A payee was paid: relayed to the customer (JP-40). */
export interface JointPayReceipt {
  readonly type: 'jointpay-receipt'
  readonly conditionId: Uint8Array
  /** Number of the payee in the terms. */
  readonly payee: number
  readonly signature: Uint8Array
}

/** A party will never sign: relayed to the customer, believed no further than giving up needs (JP-33). */
export interface JointPayRefusal {
  readonly type: 'jointpay-refusal'
  readonly conditionId: Uint8Array
  /** Signer of the party that refuses, as told. */
  readonly party: Uint8Array
  readonly code: JointRefusalCode
}

/** What the machine of a joint payment takes and sends. */
export type JointPayMessage =
  | JointPayTerms
  | JointPaySignatures
  | JointPayAbort
  | JointPayReceipt
  | JointPayRefusal

/** What a channel's machine takes and sends. */
export type ChannelMessage =
  | Sync
  | Update
  | Acknowledgement
  | RefusalMessage
  | WithdrawalRequest
  | WithdrawalConsent
  | TogetherOffer
  | TogetherConsent
  | LockKey
  | LockFail

/** What the engine handles before or outside a channel's machine. */
export type NodeMessage =
  | Hello
  | Ping
  | Pong
  | WireError
  | ChannelProposal
  | ChannelAccept
  | JointRequest
  | JointConsent

export type Message = ChannelMessage | NodeMessage | JointPayMessage
export type MessageType = Message['type']

export const PROTOCOL_VERSION = 1
