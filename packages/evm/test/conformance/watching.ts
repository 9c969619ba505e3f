/** What every chain port must keep about facts: order, finality, reorganisations, restart from a cursor. */

import type { BlockRef, ChainEvent } from '@tallystick/protocol'
import { describe, expect, test } from 'vitest'
import { deposit, isLost, isSeen, salts } from '../support/deposits.ts'
import { describeFact, isFinalOf, isHeadOf, type Recorder, record } from '../support/recorder.ts'
import type { Fate } from '../support/rpc-proxy.ts'
import { NATIVE, type World } from '../support/world.ts'

/** Several deposits, one block each, all final. Gives the events as one watch from the beginning tells them. */
async function history(world: World, count: number): Promise<ChainEvent[]> {
  const funder = world.port()
  for (let salt = 1; salt <= count; salt += 1) await deposit(funder, world, BigInt(salt))
  const { number } = await funder.block('head')
  await world.anvil.mine(2)
  const recorder = record(funder)
  await recorder.until('history', isFinalOf(number))
  await funder.stop()
  return recorder.finalEvents()
}

export function watchingConformance(makeWorld: () => Promise<World>): void {
  describe('facts', () => {
    test('seen, then head, then final: a deposit counts only when its block is final', async () => {
      const world = await makeWorld()
      const port = world.port()
      const base = (await port.block('head')).number
      const recorder = record(port)
      await recorder.until('head', isHeadOf(base))
      await deposit(port, world, 1n)
      await recorder.until('deposit', isSeen)
      await recorder.until('its head', isHeadOf(base + 1n))
      expect(recorder.finalEvents()).toEqual([])
      await world.anvil.mine()
      await recorder.until('one more block', isHeadOf(base + 2n))
      expect(recorder.finalEvents()).toEqual([])
      await world.anvil.mine()
      await recorder.until('finality', isFinalOf(base + 1n))
      const [event] = recorder.finalEvents()
      expect(event).toMatchObject({ name: 'Funded', party: 0, amount: 5n, params: world.params(1n, NATIVE) })
      const sequence = recorder.facts.map(describeFact)
      const at = (text: string) => sequence.indexOf(text)
      expect(at(`seen Funded@${base + 1n}`)).toBeGreaterThanOrEqual(0)
      expect(at(`seen Funded@${base + 1n}`)).toBeLessThan(at(`head ${base + 1n}`))
      expect(at(`head ${base + 3n}`)).toBeLessThan(at(`final ${base + 1n} [Funded@${base + 1n}]`))
      expect(recorder.facts.filter(({ kind }) => kind === 'retracted' || kind === 'rewound')).toEqual([])
    })

    test('several events of one block keep their order', async () => {
      const world = await makeWorld()
      const port = world.port()
      const recorder = record(port)
      await world.anvil.setAutomine(false)
      const deposits = [1n, 2n, 3n].map((salt) => deposit(port, world, salt))
      const { proxy } = world
      await expect
        .poll(() => proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction').length, {
          timeout: 30_000,
        })
        .toBe(3)
      await world.anvil.mine(3)
      await Promise.all(deposits)
      await recorder.when('all deposits', () => recorder.finalEvents().length === 3)
      const events = recorder.finalEvents()
      expect(new Set(events.map(({ block }) => block.hash)).size).toBe(1)
      expect(events.map(({ logIndex }) => logIndex)).toEqual([0, 1, 2])
    })

    test('the final tag of the chain decides where it is configured', async () => {
      const world = await makeWorld()
      const port = world.port({ finality: { kind: 'tag', tag: 'finalized' } })
      const recorder = record(port)
      await deposit(port, world, 1n)
      const { number } = await port.block('head')
      await world.anvil.mine(10)
      await recorder.until('ten more blocks', isHeadOf(number + 10n))
      expect(recorder.finalEvents()).toEqual([])
      await world.anvil.mine(70)
      await recorder.until('two epochs', isFinalOf(number))
      expect(salts(recorder.finalEvents())).toEqual([1n])
    })

    test('history is told as final only, also in ranges that the endpoint refuses and across many blocks', async () => {
      const world = await makeWorld()
      const funder = world.port()
      for (const salt of [1n, 2n, 3n]) {
        await deposit(funder, world, salt)
        await world.anvil.mine(60)
      }
      await funder.stop()
      const { number } = await world.port().block('final')
      world.proxy.onCall(({ method, params }): Fate => {
        const [filter] = params as [{ fromBlock?: string; toBlock?: string }]
        const isWide = method === 'eth_getLogs' && Number(filter.toBlock) - Number(filter.fromBlock) > 10
        return isWide
          ? { error: { code: -32005, message: 'query returned more than 10000 results' } }
          : 'pass'
      })
      const recorder = record(world.port({ maxLogRangeBlocks: 1_000n }))
      await recorder.until('history', isFinalOf(number))
      expect(salts(recorder.finalEvents())).toEqual([1n, 2n, 3n])
      expect(
        recorder.finalEvents().map(({ block }) => block.timestampSeconds > 1_600_000_000n),
      ).not.toContain(false)
      const finals = recorder.facts.flatMap((fact) => (fact.kind === 'final' ? [fact.block.number] : []))
      expect(finals).toEqual(finals.toSorted((a, b) => Number(a - b)))
      expect(recorder.facts.some(({ kind }) => kind === 'retracted' || kind === 'rewound')).toBe(false)
    })

    test('what deliver throws ends the watch, and a new one from the cursor goes on', async () => {
      const world = await makeWorld()
      const events = await history(world, 2)
      const port = world.port()
      const failure = new Error('disk full')
      const watch = port.watch(undefined, (fact) => {
        if (fact.kind === 'final') throw failure
      })
      await expect(watch.done).rejects.toBe(failure)
      const recorder = record(port)
      await recorder.when('all events', () => recorder.finalEvents().length === 2)
      expect(recorder.finalEvents()).toEqual(events)
    })
  })

  describe('restart', () => {
    test('from any cursor: every event is final exactly once over both lives', async () => {
      const world = await makeWorld()
      const events = await history(world, 4)
      const port = world.port()
      const whole = record(port)
      const last = (await port.block('final')).number
      await whole.until('history', isFinalOf(last))
      await whole.watch.stop()
      const blocks: BlockRef[] = []
      for (let n = world.fromBlock; n <= last; n += 1n) {
        const found = (await world.anvil.request('eth_getBlockByNumber', [`0x${n.toString(16)}`, false])) as {
          hash: `0x${string}`
          timestamp: string
        }
        blocks.push({ number: n, hash: found.hash, timestampSeconds: BigInt(found.timestamp) })
      }
      for (const cursor of blocks) {
        const second = record(port, cursor)
        await second.when('head', (facts) => facts.some(({ kind }) => kind === 'health'))
        if (cursor.number < last) await second.until('the rest', isFinalOf(last))
        await second.watch.stop()
        const before = events.filter(({ block }) => block.number <= cursor.number)
        expect([...before, ...second.finalEvents()]).toEqual(events)
      }
    })

    test('while deposits keep coming, killed after every single fact', async () => {
      const world = await makeWorld()
      const funder = world.port()
      const port = world.port()
      const told: ChainEvent[] = []
      let cursor: BlockRef | undefined
      for (let life = 1; life <= 12; life += 1) {
        await deposit(funder, world, BigInt(life))
        const { promise, resolve } = Promise.withResolvers<void>()
        let facts = 0
        const watch = port.watch(cursor, (fact) => {
          facts += 1
          // A fact that was not persisted whole was never delivered.
          if (facts > life) throw new Error('killed')
          if (fact.kind === 'final') {
            told.push(...fact.events)
            cursor = fact.block
          }
          if (facts === life) resolve()
        })
        await Promise.race([promise, world.anvil.mine().then(() => promise)])
        await watch.stop()
      }
      await world.anvil.mine(3)
      const last = record(port, cursor)
      await last.when('all twelve', () => told.length + last.finalEvents().length >= 12)
      expect(salts([...told, ...last.finalEvents()])).toEqual(
        Array.from({ length: 12 }, (_, i) => BigInt(i + 1)),
      )
    })

    test('a cursor on a block that is not on the chain: rewound, and told again from the start', async () => {
      const world = await makeWorld()
      const events = await history(world, 3)
      const port = world.port()
      const orphan: BlockRef = {
        number: events[1]?.block.number ?? 0n,
        hash: `0x${'ab'.repeat(32)}`,
        timestampSeconds: 1n,
      }
      const recorder = record(port, orphan)
      await recorder.when('all events', () => recorder.finalEvents().length === 3)
      const rewound = recorder.facts.findIndex(({ kind }) => kind === 'rewound')
      expect(recorder.facts[rewound]).toMatchObject({ kind: 'rewound', from: orphan, to: undefined })
      expect(recorder.facts.slice(0, rewound).some(({ kind }) => kind === 'final')).toBe(false)
      expect(recorder.finalEvents()).toEqual(events)
    })

    test('a cursor above the head is an endpoint that lags: nothing is told, and it goes on when the block comes', async () => {
      const world = await makeWorld()
      const port = world.port()
      await world.anvil.mine(4)
      const cursor = await port.block('head')
      world.proxy.onResult(({ method, params }, result) => {
        if (method !== 'eth_getBlockByNumber' || params[0] !== 'latest') return result
        return { ...(result as object), number: `0x${(cursor.number - 2n).toString(16)}` }
      })
      const recorder = record(port, cursor)
      const lost = await recorder.until('lag', isLost)
      expect(lost).toMatchObject({ health: { error: { code: 'state_unavailable', field: 'rpcUrl' } } })
      expect(recorder.facts.map(({ kind }) => kind)).toEqual(['health'])
      world.proxy.onResult(undefined)
      await recorder.until('return', (fact) => fact.kind === 'health' && fact.health.state === 'live')
      expect(recorder.facts.some(({ kind }) => kind === 'rewound')).toBe(false)
    })
  })

  describe('reorganisations', () => {
    test('a deposit that disappears is retracted, newest first, and never final', async () => {
      const world = await makeWorld()
      const funder = world.port({ privateKey: world.owners[1].privateKey })
      const port = world.port({ finality: { kind: 'depth', blocks: 4 } })
      const recorder = record(port)
      for (const salt of [1n, 2n, 3n]) await deposit(funder, world, salt)
      await recorder.when('three deposits', (facts) => facts.filter(isSeen).length === 3)
      await funder.stop()
      await world.anvil.reorg(2)
      await world.anvil.mine(6)
      const { number } = await port.block('final')
      await recorder.until('finality', isFinalOf(number))
      const retracted = recorder.facts.flatMap((fact) => (fact.kind === 'retracted' ? [fact.event] : []))
      expect(salts(retracted)).toEqual([3n, 2n])
      expect(salts(recorder.finalEvents())).toEqual([1n])
      const id = port.channelIdOf(world.params(3n, NATIVE))
      expect(await port.channel(id, 'final')).toMatchObject({ status: 'none', deposits: [0n, 0n] })
    })

    test('a shorter chain that grows past the old one', async () => {
      const world = await makeWorld()
      const funder = world.port({ privateKey: world.owners[1].privateKey })
      const port = world.port({ finality: { kind: 'depth', blocks: 6 } })
      const recorder = record(port)
      await deposit(funder, world, 1n)
      const snapshot = await world.anvil.snapshot()
      await deposit(funder, world, 2n)
      await world.anvil.mine(3)
      const { number } = await port.block('head')
      await recorder.until('the old head', isHeadOf(number))
      await funder.stop()
      await world.anvil.revert(snapshot)
      await world.anvil.increaseTime(100)
      await recorder.until('retraction', ({ kind }) => kind === 'retracted')
      await world.anvil.mine(10)
      await recorder.until('finality', isFinalOf(number))
      expect(salts(recorder.finalEvents())).toEqual([1n])
      expect(recorder.facts.some(({ kind }) => kind === 'rewound')).toBe(false)
    })

    test('deeper than finality: rewound to a block that still stands, and what is true is told again', async () => {
      const world = await makeWorld()
      const funder = world.port({ privateKey: world.owners[1].privateKey })
      const port = world.port({ finality: { kind: 'depth', blocks: 1 } })
      const recorder = record(port)
      await deposit(funder, world, 1n)
      await deposit(funder, world, 2n)
      await world.anvil.mine(2)
      await recorder.when('both final', () => recorder.finalEvents().length === 2)
      await funder.stop()
      await world.anvil.reorg(3)
      await world.anvil.mine(4)
      const rewound = await recorder.until('rewind', ({ kind }) => kind === 'rewound')
      await recorder.until('finality', isFinalOf((await port.block('final')).number))
      if (rewound.kind !== 'rewound' || rewound.to === undefined) throw new Error('rewound to nothing')
      expect(rewound.to.number).toBeLessThan(rewound.from.number)
      expect(effectiveEvents(recorder)).toEqual([1n])
    })
  })
}

/** The salts of final deposits when everything above a rewind is forgotten. */
function effectiveEvents(recorder: Recorder): (bigint | undefined)[] {
  let events: ChainEvent[] = []
  for (const fact of recorder.facts) {
    if (fact.kind === 'final') events.push(...fact.events)
    if (fact.kind === 'rewound') {
      const { to } = fact
      events = to === undefined ? [] : events.filter(({ block }) => block.number <= to.number)
    }
  }
  return salts(events)
}
