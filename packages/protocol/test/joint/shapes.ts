/** Joint payments of every kind that the machine serves. */

import type { JointTerms } from '../../src/index.ts'
import { type NamedHop, termsOf } from './world.ts'

export interface Shape {
  readonly name: string
  readonly parties: readonly string[]
  readonly customer: string
  readonly terms: (change?: Partial<JointTerms>) => JointTerms
}

function shape(name: string, hops: readonly NamedHop[], customer: string, payees: readonly string[]): Shape {
  const parties = [...new Set(hops.flatMap(([, payer, payee]) => [payer, payee]))]
  return { name, parties, customer, terms: (change) => termsOf(hops, customer, payees, change) }
}

/** Seed 000: A pays D through two forwarders, one with a fee of 2, one that adds 1. */
export const PATH = shape(
  'a path',
  [
    ['A-B', 'A', 'B', 102n],
    ['B-C', 'B', 'C', 100n],
    ['C-D', 'C', 'D', 101n],
  ],
  'A',
  ['D'],
)

export const SINGLE = shape('one hop', [['A-B', 'A', 'B', 50n]], 'A', ['B'])

export const CYCLE = shape(
  'a rebalancing cycle',
  [
    ['A-B', 'A', 'B', 70n],
    ['B-C', 'B', 'C', 70n],
    ['C-A', 'C', 'A', 70n],
  ],
  'A',
  [],
)

/** 收付平账: two channels of one pair. */
export const PAIR = shape(
  'two channels of one pair',
  [
    ['A-B', 'A', 'B', 30n],
    ['A=B', 'B', 'A', 30n],
  ],
  'A',
  [],
)

export const DIAMOND = shape(
  'two parts',
  [
    ['A-B', 'A', 'B', 41n],
    ['A-C', 'A', 'C', 31n],
    ['B-D', 'B', 'D', 40n],
    ['C-D', 'C', 'D', 30n],
  ],
  'A',
  ['D'],
)

/** D owes too, so it is paid one unit and pays more: the cycle C, D leaves the customer out. */
export const NETTING = shape(
  'netting with a cycle beside the customer',
  [
    ['A-B', 'A', 'B', 60n],
    ['B-C', 'B', 'C', 25n],
    ['C-D', 'C', 'D', 1n],
    ['C-D', 'D', 'C', 21n],
  ],
  'A',
  ['B', 'C'],
)

export const SHAPES: readonly Shape[] = [PATH, SINGLE, CYCLE, PAIR, DIAMOND, NETTING]
