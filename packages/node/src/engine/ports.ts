/** What the engine is given: ports it calls, and the configuration of this node. */

import type { ChainPort, Crypto, Policy, Signer } from '@tallystick/protocol'
import type { Store } from '../store/port.ts'
import type { Transport } from '../transport/port.ts'
import type { Hex } from './service.ts'

/** Structured log lines; pino fits. Never given a key, a signature that is not released yet, or an API token. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface EnginePorts {
  readonly store: Store
  readonly chain: ChainPort
  readonly transport: Transport
  readonly crypto: Crypto
  /** Signs lines of every channel of this node; its key is in no other process (CH-4). */
  readonly signer: Signer
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
  readonly policy: Policy
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
  policy: {
    safetyMarginSeconds: 120,
    minLockAmount: 1n,
    // Nothing in this node uses an incoming lock yet: none is accepted unless the configuration says otherwise.
    maxPendingLocks: 0,
    maxPendingLockAmount: 0n,
    maxValiditySeconds: 3_600,
    refuseOperations: false,
    refusesCondition: () => false,
  },
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
