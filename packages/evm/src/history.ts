/** Events of final blocks in ranges, as large as the endpoint allows. */

import type { BlockRef, ChainEvent } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { decodeLogs } from './events.ts'
import type { RawLog, Rpc } from './rpc.ts'
import { faultError, garbage, missingBlock } from './rpc-errors.ts'

export interface HistoryOptions {
  readonly rpc: Rpc
  readonly bank: Hex
  readonly registry: Hex
  readonly logRange: LogRange
}

/** How many blocks are asked for at once: halved when the endpoint refuses, doubled when it does not. */
export interface LogRange {
  blocks: bigint
  readonly maxBlocks: bigint
}

export interface HistoryChunk {
  /** The last block of the chunk. */
  readonly block: BlockRef
  readonly events: readonly ChainEvent[]
}

/**
 * The events of a first part of `from..upTo`, both final. `topics` as in eth_getLogs.
 * @throws ChainError when even a single block is refused.
 */
export async function readHistory(
  options: HistoryOptions,
  from: bigint,
  upTo: bigint,
  topics?: readonly (Hex | null)[],
): Promise<HistoryChunk> {
  const { logRange } = options
  for (;;) {
    const to = min(from + logRange.blocks - 1n, upTo)
    const logs = await tryRange(options, from, to, topics)
    if (logs === undefined) {
      logRange.blocks = (to - from + 1n) / 2n
      continue
    }
    logRange.blocks = min(logRange.blocks * 2n, logRange.maxBlocks)
    return { block: await finalBlock(options.rpc, to), events: await place(options, logs) }
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

/** Undefined when the endpoint refuses a range that can still be halved. */
async function tryRange(
  { rpc, bank, registry }: HistoryOptions,
  from: bigint,
  to: bigint,
  topics: readonly (Hex | null)[] | undefined,
): Promise<readonly RawLog[] | undefined> {
  const address = [bank, registry]
  try {
    return await rpc.logs({ address, blocks: { from, to }, ...(topics === undefined ? {} : { topics }) })
  } catch (error) {
    // Endpoints say "too many blocks", "too many results" or "too large" in a hundred ways: anything but silence is tried
    // again with half the range, and the single block shows whether it was something else.
    const refused =
      error instanceof Error && 'code' in error && error.code === 'rpc_unavailable' && isFault(error.cause)
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'rpc_garbage'
    if (to > from && (refused || tooLarge)) return undefined
    throw error
  }
}

function isFault(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && !(cause instanceof Error) && 'message' in cause
}

async function finalBlock(rpc: Rpc, number: bigint): Promise<BlockRef> {
  const header = await rpc.header(number)
  if (header === undefined) throw faultError('eth_getBlockByNumber', missingBlock(number))
  return { number: header.number, hash: header.hash, timestampSeconds: header.timestampSeconds }
}

/** Logs carry no time: each block with events is read once, by hash. */
async function place(options: HistoryOptions, logs: readonly RawLog[]): Promise<ChainEvent[]> {
  const blocks = new Map<Hex, BlockRef>()
  for (const { blockHash, blockNumber } of logs) {
    if (blocks.has(blockHash)) continue
    const header = await options.rpc.header({ blockHash })
    if (header?.number !== blockNumber)
      throw garbage('eth_getLogs', `a log in block ${blockNumber} that is not there`)
    blocks.set(blockHash, {
      number: header.number,
      hash: header.hash,
      timestampSeconds: header.timestampSeconds,
    })
  }
  return decodeLogs(options, logs, ({ blockHash }) => blocks.get(blockHash))
}
