/** The vector files and what belongs into each. */

import { invoiceVectors } from '../invoice/vectors.ts'
import {
  channelVectors,
  conditionVectors,
  digestVectors,
  lockVectors,
  memoVectors,
  wireVectors,
} from './build.ts'
import { gossipVectors } from './gossip.ts'
import { jointVectors } from './joint.ts'

const BUILDERS = {
  channel: channelVectors,
  digests: digestVectors,
  locks: lockVectors,
  conditions: conditionVectors,
  memo: memoVectors,
  wire: wireVectors,
  invoices: invoiceVectors,
  gossip: gossipVectors,
  joint: jointVectors,
} as const

type VectorName = keyof typeof BUILDERS

export const VECTOR_FILES = Object.keys(BUILDERS) as readonly VectorName[]

export function vectorUrl(name: VectorName): URL {
  return new URL(`../../../../vectors/${name}.json`, import.meta.url)
}

export function vectorText(name: VectorName): string {
  return `${JSON.stringify(BUILDERS[name](), undefined, 2)}\n`
}
