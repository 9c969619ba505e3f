/** Logs of the bank and the registry as the events of the chain port. */

import type { BlockRef, ChainEvent, ChainEventData } from '@tallystick/protocol'
import { decodeEventLog, type Hex } from 'viem'
import { bankAbi, registryAbi } from './abi.ts'
import type { RawLog } from './rpc.ts'
import { garbage } from './rpc-errors.ts'

/**
 * Decodes logs in their order. The code of both contracts was checked, so a log they cannot have made is an endpoint's
 * nonsense. @throws ChainError `rpc_garbage`
 */
export function decodeLogs(
  { bank, registry }: { readonly bank: Hex; readonly registry: Hex },
  logs: readonly RawLog[],
  blockOf: (log: RawLog) => BlockRef | undefined,
): ChainEvent[] {
  return logs.map((log) => {
    const block = blockOf(log)
    if (block === undefined || (log.address !== bank && log.address !== registry)) {
      throw garbage('eth_getLogs', 'a log of an unknown block or contract')
    }
    const data = decodeEvent(log.address === bank ? bankAbi : registryAbi, log)
    const { number, hash, timestampSeconds } = block
    return {
      ...data,
      block: { number, hash, timestampSeconds },
      transactionHash: log.transactionHash,
      logIndex: log.logIndex,
    }
  })
}

function decodeEvent(abi: typeof bankAbi | typeof registryAbi, log: RawLog): ChainEventData {
  const [signature, ...rest] = log.topics
  if (signature === undefined) throw garbage('eth_getLogs', 'a log without a name')
  let decoded: { eventName: string; args: unknown }
  try {
    decoded = decodeEventLog({ abi, data: log.data, topics: [signature, ...rest], strict: true })
  } catch (cause) {
    throw garbage(
      'eth_getLogs',
      `a log that does not decode (${cause instanceof Error ? cause.name : cause})`,
    )
  }
  const args = lowerCase(decoded.args) as Record<string, unknown>
  for (const side of ['party', 'direction']) {
    const value = args[side]
    if (value !== undefined && value !== 0 && value !== 1) throw garbage('eth_getLogs', `${side} ${value}`)
  }
  return { name: decoded.eventName, ...args } as ChainEventData
}

/** viem gives addresses with a checksum in their case; ours are lower-case everywhere. */
function lowerCase(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase()
  if (Array.isArray(value)) return value.map(lowerCase)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, lowerCase(member)]))
}
