/** What the engine is given: ports it calls, and the configuration of this node. */

import type {
  ChainPort,
  ChannelAnnouncer,
  FeePolicy,
  GossipCrypto,
  InvoiceSigner,
  NodeAnnouncer,
  OnionCrypto,
  OnionKey,
  Policy,
  Signer,
} from '@tallystick/protocol'
import { LOCK_SLOTS, MAX_AMOUNT } from '@tallystick/protocol'
import type { GossipStore } from '../network/gossip/index.ts'
import type { Store } from '../store/port.ts'
import type { Transport } from '../transport/port.ts'
import type { Hex } from './service.ts'

/** Structured log lines; pino fits. Never given a key, a signature that is not released yet, or an API token. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface OnionPort {
  readonly crypto: OnionCrypto
  readonly key: OnionKey
}

export interface EnginePorts {
  readonly store: Store
  readonly chain: ChainPort
  readonly transport: Transport
  readonly crypto: GossipCrypto
  /** Signs lines of every channel of this node; its key is in no other process (CH-4). */
  readonly signer: Signer & ChannelAnnouncer
  /** Onions and invoices: what this node's identity key does beside the transport. */
  readonly onion: OnionPort
  readonly invoices: InvoiceSigner
  readonly identity: NodeAnnouncer
  /** What gossip keeps over a restart: a cache. */
  readonly gossipStore: GossipStore
  readonly log: Log
  /** Unix milliseconds. */
  readonly nowMs: () => number
  /** Cryptographic randomness: salts of channels. */
  readonly randomBytes: (length: number) => Uint8Array
  /** Free bytes where the store lives; absent when it cannot be told. */
  readonly freeBytes?: () => Promise<number>
}

export interface EngineConfig {
  /** Name and version, told to peers; at most 64 ASCII characters. */
  readonly agent: string
  /** Where others reach us, `host:port`; absent when the node does not listen. */
  readonly publicAddress?: string
  readonly minLockPeriodSeconds: number
  readonly maxLockPeriodSeconds: number
  readonly defaultLockPeriodSeconds: number
  /** What this node puts in at most when a peer proposes a joint opening, by token; absent tokens: nothing. */
  readonly maxJointDeposit: Readonly<Record<Hex, bigint>>
  /** The same over all channels with one peer that are open or may still be opened; absent tokens: four openings. */
  readonly maxJointDepositOfPeer: Readonly<Record<Hex, bigint>>
  /** The same over all peers; absent tokens: sixteen openings. */
  readonly maxJointDepositTotal: Readonly<Record<Hex, bigint>>
  readonly policy: Policy
  /** True: every channel is announced when its peer wants it too; else only those named (`announceChannel`). */
  readonly announceChannels: boolean
  /** For people, told to the network with the public address; at most 32 ASCII characters. */
  readonly alias: string
  /** For channels without a policy of their own. */
  readonly forwardPolicy: FeePolicy
  /** Beyond T: what a lock must leave before it is carried onward, or its preimage shown. Seconds. */
  readonly forwardMarginSeconds: number
  /** From now to the expiry of the locks of own payments. Seconds. */
  readonly lockTimeSeconds: number
  /** Furthest expiry of a joint payment that this node takes part in. Seconds from now. */
  readonly maxLockTimeSeconds: number
  /** A customer gives a joint payment up after so long without progress. */
  readonly jointAbortMs: number
  /** Payments that one line carries at most. */
  readonly maxOperationsPerLine: number
  /** Lines that one channel signs in one group commit at most. */
  readonly maxLinesPerGroup: number
  /** Payments waiting for a line, over all channels; more are refused with OVERLOADED. */
  readonly maxQueuedPayments: number
  /** Payments of one `payBatch`. */
  readonly maxBatch: number
  /** How long a co-signed withdrawal, common close or joint authorisation is good for. */
  readonly validitySeconds: number
  /** How long after the end of the period the side that did not close waits for the closer to settle. */
  readonly settleGraceSeconds: number
  readonly minRedialMs: number
  readonly maxRedialMs: number
  /** True when the operator accepted at this very start that data was lost (`OpenStoreOptions.acceptLostData`). */
  readonly acceptedLostData: boolean
}

export const DEFAULT_CONFIG: EngineConfig = {
  agent: 'tallystick',
  minLockPeriodSeconds: 600,
  maxLockPeriodSeconds: 7_776_000,
  defaultLockPeriodSeconds: 86_400,
  maxJointDeposit: {},
  maxJointDepositOfPeer: {},
  maxJointDepositTotal: {},
  policy: {
    safetyMarginSeconds: 120,
    minPaymentAmount: 1n,
    minLockAmount: 1n,
    maxPendingLocks: LOCK_SLOTS,
    maxPendingLockAmount: MAX_AMOUNT,
    maxValiditySeconds: 3_600,
    refuseOperations: false,
    refusesCondition: () => false,
  },
  announceChannels: false,
  alias: '',
  forwardPolicy: { feeBase: 0n, feePpm: 0, minAmount: 1n, maxAmount: MAX_AMOUNT, disabled: false },
  forwardMarginSeconds: 30,
  lockTimeSeconds: 900,
  maxLockTimeSeconds: 86_400,
  jointAbortMs: 3_000,
  maxOperationsPerLine: 1_000,
  maxLinesPerGroup: 64,
  maxQueuedPayments: 200_000,
  maxBatch: 10_000,
  validitySeconds: 1_800,
  settleGraceSeconds: 60,
  minRedialMs: 200,
  maxRedialMs: 30_000,
  acceptedLostData: false,
}
