/** Checks of what callers give; each refusal names the field. */

import { DEPOSIT_LIMIT } from '@tallystick/protocol'
import type { Endpoint, NodeId } from '../transport/port.ts'
import { ServiceError } from './errors.ts'
import type { Channel, Runtime } from './runtime.ts'
import type { Hex } from './service.ts'

export function amountOf(value: unknown, field: string): bigint {
  if (typeof value !== 'bigint' || value <= 0n || value >= DEPOSIT_LIMIT)
    throw new ServiceError('INVALID_AMOUNT', { field })
  return value
}

/** As `amountOf`, and zero is allowed. */
export function amountOrZeroOf(value: unknown, field: string): bigint {
  return value === 0n ? 0n : amountOf(value, field)
}

export function referenceOf(value: unknown, field: string): Hex {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(value))
    throw new ServiceError('INVALID_REFERENCE', { field })
  return value.toLowerCase() as Hex
}

export function addressOf(value: unknown, field: string): Hex {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(value))
    throw new ServiceError('INVALID_ADDRESS', { field })
  return value.toLowerCase() as Hex
}

export function channelOf(rt: Runtime, value: unknown): Channel {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(value))
    throw new ServiceError('INVALID_CHANNEL_ID', { field: 'channelId' })
  const channel = rt.channels.get(value.toLowerCase() as Hex)
  if (channel === undefined || channel.record.abandoned !== undefined)
    throw new ServiceError('UNKNOWN_CHANNEL', { field: 'channelId' })
  return channel
}

/** `nodeId@host:port`, or a node id alone. */
export function peerAddressOf(value: unknown): { nodeId: NodeId; endpoint: Endpoint | undefined } {
  const found = typeof value === 'string' && value.length <= 400 ? ADDRESS.exec(value) : null
  const [, nodeId, named, bracketed, portText] = found ?? []
  if (nodeId === undefined) throw new ServiceError('INVALID_PEER', { field: 'peer' })
  if (portText === undefined) return { nodeId: nodeId.toLowerCase(), endpoint: undefined }
  const port = Number(portText)
  const host = bracketed ?? named
  if (host === undefined || port < 1 || port > 65_535)
    throw new ServiceError('INVALID_PEER', { field: 'peer' })
  return { nodeId: nodeId.toLowerCase(), endpoint: { host, port } }
}

export function peerIdOf(value: unknown): NodeId {
  return peerAddressOf(value).nodeId
}

const ADDRESS = /^(0[23][0-9a-fA-F]{64})(?:@(?:([^\s@[\]:]+)|\[([0-9a-fA-F:.]+)\]):(\d{1,5}))?$/
