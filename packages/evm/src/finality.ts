/**
 * When a block counts as final. `tag`: the chain's own word (proof of stake: cannot be undone without a third of the stake
 * being lost). `depth`: so many blocks on top, for chains without the tag and for development; 0 trusts every block.
 */

import { ChainError } from '@tallystick/protocol'
import type { Header, Rpc } from './rpc.ts'
import { faultError, missingBlock } from './rpc-errors.ts'

export type Finality =
  | { readonly kind: 'tag'; readonly tag: 'finalized' | 'safe' }
  | { readonly kind: 'depth'; readonly blocks: number }

export interface FinalPoint {
  readonly number: bigint
  /** Known when the chain itself named the block. */
  readonly hash: string | undefined
}

/** The newest final block as seen from `head`; block 0 at the least. */
export async function finalPoint(rpc: Rpc, finality: Finality, head: Header): Promise<FinalPoint> {
  if (finality.kind === 'depth') {
    const number = head.number - BigInt(finality.blocks)
    return number >= 0n ? { number, hash: undefined } : { number: 0n, hash: undefined }
  }
  const header = await rpc.header(finality.tag)
  if (header === undefined) {
    throw new ChainError('state_unavailable', `the endpoint knows no ${finality.tag} block`, {
      field: 'finality',
      remedy: 'Wait until the chain has finalised its first block, or configure a finality depth in blocks.',
      consequence: 'retry',
    })
  }
  return { number: header.number, hash: header.hash }
}

/** @throws ChainError `invalid_argument` */
export function checkFinality(finality: Finality): void {
  if (finality.kind === 'tag') return
  if (Number.isSafeInteger(finality.blocks) && finality.blocks >= 0) return
  throw new ChainError('invalid_argument', `a finality depth of ${finality.blocks} blocks is not possible`, {
    field: 'finality.blocks',
    remedy: 'Give a whole number of blocks, 0 or more.',
    consequence: 'fix',
  })
}

/** The newest final block itself. */
export async function finalHeader(rpc: Rpc, finality: Finality): Promise<Header> {
  const point = await finalPoint(rpc, finality, await rpc.head())
  const header = await rpc.header(point.number)
  if (header === undefined) throw faultError('eth_getBlockByNumber', missingBlock(point.number))
  return header
}
