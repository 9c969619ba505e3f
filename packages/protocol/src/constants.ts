/** Constants of the protocol (EN-1 to EN-9). Those of the contracts are the same numbers. */

/** Seconds (EN-1). */
export const MIN_LOCK_PERIOD = 600
/** Seconds (EN-2). */
export const MAX_LOCK_PERIOD = 7_776_000
/** Seconds (EN-3): furthest expiry of a new lock. */
export const MAX_LOCK = 2_592_000
/** Keys of a signed condition (EN-4). */
export const MAX_KEYS = 32
/** Pending locks in one direction (EN-5). */
export const LOCK_SLOTS = 512
export const LOCK_DEPTH = 9
/** How far above the last accepted nonce a receiver accepts (EN-6). */
export const NONCE_WINDOW = 1024
/** How far above the last nonce it knows accepted a payer sends operations (EN-7). */
export const PAYER_WINDOW = 512
/** How far `acked` may lag the acks delivered on this connection (EN-8): either limit refuses. */
export const ACK_LAG_LINES = 256
export const ACK_LAG_MS = 10_000
/** Largest amount and running total: uint128 (EN-9). */
export const MAX_AMOUNT = (1n << 128n) - 1n
/** A deposit, and the sum of both, stays below this (EN-9). */
export const DEPOSIT_LIMIT = 1n << 126n
/** Operations of one line, and the bytes they may take together. */
export const MAX_OPERATIONS = 8192
export const MAX_OPERATION_BYTES = 524_288
/** Bytes of a lock's payload: an onion (BOLT 4: 1366) with room beside it. */
export const MAX_PAYLOAD = 2048
/** Bytes that explain a failure to the payer of the whole payment, sealed for it. */
export const MAX_FAIL_DATA = 1024
/** Largest nonce: a safe integer, so that nonces are plain numbers. A peer reaches it only by lying. */
export const MAX_NONCE = Number.MAX_SAFE_INTEGER
