/**
 * Follows one chain: turns what an endpoint shows, block by block, into the ordered facts of the chain port.
 *
 * Invariants:
 * - Every block above the last final one is linked to its parent by hash before its events are believed, and its events
 *   are asked for by its hash (EIP-234), so a reorganisation between two requests or a lagging endpoint cannot hide one.
 * - An event is in `final` only when its block is final, and in exactly one `final` of one stay on the chain.
 * - State changes only together with the facts that tell it; a failed request changes nothing and `tick` is called again.
 */

import type { BlockRef, ChainEvent, ChainFact } from '@tallystick/protocol'
import { ChainError } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { decodeLogs } from './events.ts'
import { type Finality, finalPoint } from './finality.ts'
import { type LogRange, readHistory } from './history.ts'
import type { Header, Rpc } from './rpc.ts'

export interface FollowOptions {
  readonly rpc: Rpc
  readonly bank: Hex
  readonly registry: Hex
  readonly finality: Finality
  /** The block the bank was deployed in: there is nothing of ours below it. */
  readonly fromBlock: bigint
  readonly logRange: LogRange
}

export interface Follower {
  /** Brings the facts up to the present head. Rejects with a ChainError when the endpoint fails; call it again. */
  tick(): Promise<void>
  readonly head: BlockRef | undefined
  readonly final: BlockRef | undefined
}

type Emit = (fact: ChainFact) => Promise<void>

interface Block extends BlockRef {
  readonly events: readonly ChainEvent[]
}

/** Below this distance to the final block, history is read block by block with its links; above it, in ranges. */
const LINKED_BLOCKS = 64n
/** Requests under way at once while catching up. */
const CONCURRENCY = 16n
/** How often one tick looks again at a chain that moves while it is read. */
const MAX_LOOKS = 8
/** Final blocks remembered, to find how far a broken finality goes back. */
const REMEMBERED_FINALS = 256

export function createFollower(options: FollowOptions, cursor: BlockRef | undefined, emit: Emit): Follower {
  const { rpc, fromBlock } = options
  const addresses = [options.bank, options.registry]
  const finals: BlockRef[] = cursor === undefined ? [] : [cursor]
  /** Linked blocks above the last final one, oldest first. */
  let blocks: Block[] = []
  let head: BlockRef | undefined
  /** What the endpoint showed in the place of our last final block, when it last did. */
  let suspect: Hex | undefined

  const lastFinal = () => finals.at(-1)
  const anchorNumber = () => lastFinal()?.number ?? fromBlock - 1n
  const top = (): { number: bigint; hash: Hex | undefined } =>
    blocks.at(-1) ?? lastFinal() ?? { number: anchorNumber(), hash: undefined }

  const rememberFinal = (block: BlockRef) => {
    finals.push({ number: block.number, hash: block.hash, timestampSeconds: block.timestampSeconds })
    if (finals.length > REMEMBERED_FINALS) finals.shift()
  }

  /** Takes back blocks that left the chain. Returns when the top block is on the chain. */
  const rollBack = async (): Promise<void> => {
    for (let block = blocks.at(-1); block !== undefined; block = blocks.at(-1)) {
      if ((await rpc.header(block.number))?.hash === block.hash) return
      blocks.pop()
      for (const event of block.events.toReversed()) await emit({ kind: 'retracted', event })
    }
    await checkAnchor()
  }

  /** The last final block must still be there; where it is not, goes back to one that is, or to the very beginning. */
  const checkAnchor = async (): Promise<void> => {
    const from = lastFinal()
    if (from === undefined) return
    const found = await rpc.header(from.number)
    if (found === undefined) throw behind(from.number)
    if (found.hash === from.hash) {
      suspect = undefined
      return
    }
    // One answer of one machine behind a shared endpoint is not enough to declare finality broken.
    if (suspect !== found.hash) {
      suspect = found.hash
      throw otherFinal(from.number)
    }
    suspect = undefined
    for (let final = lastFinal(); final !== undefined; final = lastFinal()) {
      if ((await rpc.header(final.number))?.hash === final.hash) break
      finals.pop()
    }
    await emit({ kind: 'rewound', from, to: lastFinal() })
  }

  /** Reads and links the blocks after the top one; false when the chain moved under us. */
  const extend = async (newest: Header): Promise<boolean> => {
    const base = top()
    const last = min(newest.number, base.number + CONCURRENCY)
    const headers = await Promise.all(
      numbers(base.number + 1n, last).map((n) => (n === newest.number ? newest : rpc.header(n))),
    )
    const linked = linkedPrefix(base.hash, headers)
    const events = await Promise.all(
      linked.map(async (block) => {
        const logs = await rpc.logs({ address: addresses, blocks: { blockHash: block.hash } })
        return decodeLogs(options, logs, () => block)
      }),
    )
    for (const [i, header] of linked.entries()) {
      const block = { ...refOf(header), events: events[i] ?? [] }
      blocks.push(block)
      for (const event of block.events) await emit({ kind: 'seen', event })
      head = refOf(header)
      await emit({ kind: 'head', block: head })
    }
    return linked.length === headers.length
  }

  const finalise = async (target: bigint): Promise<void> => {
    const done = blocks.filter((block) => block.number <= target)
    const newest = done.at(-1)
    if (newest === undefined) return
    blocks = blocks.slice(done.length)
    rememberFinal(newest)
    await emit({ kind: 'final', block: refOf(newest), events: done.flatMap((block) => block.events) })
  }

  /** Final blocks far behind: their events in ranges, without heads. */
  const catchUp = async (target: bigint): Promise<void> => {
    if (target - top().number <= LINKED_BLOCKS) return
    await rollBack()
    await finalise(target)
    if (blocks.length > 0) return
    await checkAnchor()
    const upTo = target - LINKED_BLOCKS
    while (anchorNumber() < upTo) {
      const chunk = await readHistory(options, anchorNumber() + 1n, upTo)
      rememberFinal(chunk.block)
      await emit({ kind: 'final', block: chunk.block, events: chunk.events })
    }
  }

  /** One look at the chain; false when it moved while we looked. */
  const look = async (): Promise<boolean> => {
    const newest = await rpc.head()
    if (newest.number < anchorNumber()) throw behind(anchorNumber())
    const target = await finalPoint(rpc, options.finality, newest)
    await catchUp(target.number)
    while (top().number < newest.number) {
      if (!(await extend(newest))) {
        await rollBack()
        return false
      }
    }
    if (differs(newest) || differs(target)) {
      await rollBack()
      return false
    }
    if (head?.hash !== newest.hash && top().number === newest.number) {
      head = refOf(newest)
      await emit({ kind: 'head', block: head })
    }
    await finalise(target.number)
    return true
  }

  /** Whether we hold another block at this height than the endpoint shows. */
  const differs = ({ number, hash }: { number: bigint; hash: string | undefined }): boolean => {
    const ours =
      blocks.find((block) => block.number === number) ?? finals.findLast((block) => block.number === number)
    return ours !== undefined && hash !== undefined && ours.hash !== hash
  }

  const tick = async (): Promise<void> => {
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) if (await look()) return
    throw new ChainError('state_unavailable', 'the endpoint shows a different chain each time it is asked', {
      field: 'rpcUrl',
      remedy: 'Wait until the chain is calm, or use an endpoint that is a single node.',
      consequence: 'retry',
    })
  }

  return {
    tick,
    get head() {
      return head
    },
    get final() {
      return lastFinal()
    },
  }
}

/** The headers that follow each other and `hash`, up to the first that does not (or is missing). */
function linkedPrefix(hash: Hex | undefined, headers: readonly (Header | undefined)[]): Header[] {
  const linked: Header[] = []
  let parent = hash
  for (const header of headers) {
    if (header === undefined || (parent !== undefined && header.parentHash !== parent)) break
    linked.push(header)
    parent = header.hash
  }
  return linked
}

function refOf({ number, hash, timestampSeconds }: BlockRef): BlockRef {
  return { number, hash, timestampSeconds }
}

function numbers(from: bigint, to: bigint): bigint[] {
  return Array.from({ length: Number(to - from + 1n) }, (_, i) => from + BigInt(i))
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function otherFinal(number: bigint): ChainError {
  return new ChainError(
    'state_unavailable',
    `the endpoint has another block ${number} than the final one we know`,
    {
      field: 'rpcUrl',
      remedy:
        'It is asked once more; if it stays so, raise the finality depth, or check that it serves the right chain.',
      consequence: 'retry',
    },
  )
}

function behind(needed: bigint): ChainError {
  return new ChainError('state_unavailable', `the endpoint does not have block ${needed} that we have seen`, {
    field: 'rpcUrl',
    remedy:
      'Wait until the endpoint has caught up; if the chain was reset, start with an empty data directory.',
    consequence: 'retry',
  })
}
