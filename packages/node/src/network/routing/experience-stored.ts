/** The stored form of experience (RT-44): versioned JSON in UTF-8, read strictly. Losing it costs some failed attempts. */

import { createExperience, type EdgeExperience, type Experience, MAX_EXPERIENCES } from './experience.ts'
import { edgeName } from './request.ts'

const VERSION = 1

export interface ExperienceFault {
  readonly fault: string
  readonly remedy: 'start with no experience: it is learnt again'
}

export function encodeExperience(experience: Experience): Uint8Array {
  const edges = Array.from(experience.edges.values(), (edge) => [
    edge.channelId,
    edge.from,
    edge.low,
    edge.lowAtMs,
    edge.high,
    edge.highAtMs,
    edge.fault,
    edge.faultAtMs,
  ])
  const nodes = Array.from(experience.nodes, ([id, { fault, faultAtMs }]) => [id, fault, faultAtMs])
  return new TextEncoder().encode(JSON.stringify({ version: VERSION, edges, nodes }))
}

/** Never throws. */
export function decodeExperience(bytes: Uint8Array): Experience | ExperienceFault {
  let stored: unknown
  try {
    stored = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return faulty('not JSON in UTF-8')
  }
  if (typeof stored !== 'object' || stored === null) return faulty('not an object')
  const { version, edges, nodes } = stored as Record<string, unknown>
  if (version !== VERSION) return faulty(`version ${String(version)} is unknown`)
  const experience = createExperience()
  if (!Array.isArray(edges) || edges.length > MAX_EXPERIENCES) return faulty('edges')
  if (!Array.isArray(nodes) || nodes.length > MAX_EXPERIENCES) return faulty('nodes')
  for (const [index, row] of edges.entries()) {
    const edge = edgeOf(row)
    if (edge === undefined) return faulty(`edges[${index}]`)
    experience.edges.set(edgeName(edge.channelId, edge.from), edge)
  }
  for (const [index, row] of nodes.entries()) {
    const node = nodeOf(row)
    if (node === undefined) return faulty(`nodes[${index}]`)
    experience.nodes.set(...node)
  }
  return experience
}

function edgeOf(row: unknown): EdgeExperience | undefined {
  if (!Array.isArray(row) || row.length !== 8) return undefined
  const [channelId, from, ...numbers] = row as unknown[]
  if (!isId(channelId) || !isId(from) || !numbers.every(isQuantity)) return undefined
  const [low = 0, lowAtMs = 0, high = 0, highAtMs = 0, fault = 0, faultAtMs = 0] = numbers
  if (fault > 1) return undefined
  return { channelId, from, low, lowAtMs, high, highAtMs, fault, faultAtMs }
}

function nodeOf(row: unknown): [string, { fault: number; faultAtMs: number }] | undefined {
  if (!Array.isArray(row) || row.length !== 3) return undefined
  const [id, fault, faultAtMs] = row as unknown[]
  if (!isId(id) || !isQuantity(fault) || !isQuantity(faultAtMs) || fault > 1) return undefined
  return [id, { fault, faultAtMs }]
}

/** Ids have no slash: it joins them in a name. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 200 && !value.includes('/')
}

function isQuantity(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function faulty(fault: string): ExperienceFault {
  return { fault, remedy: 'start with no experience: it is learnt again' }
}
