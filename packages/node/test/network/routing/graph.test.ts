/** The graph against a plain model, through additions, removals, policies and pruning (RT-1 to RT-4). */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addChannel,
  type ChannelSeen,
  channelSeen,
  channelsOf,
  createGraph,
  type DatedPolicy,
  edgesInto,
  type Graph,
  nodeIdAt,
  pruneGraph,
  removeChannel,
  setCapacity,
  setPolicy,
  TERMS,
} from '../../../src/network/routing/graph.ts'

const MARKET = { chainId: 1n, bank: '0x1', token: '0x2' }
const policy: DatedPolicy = {
  feeBase: 0n,
  feePpm: 0,
  minAmount: 0n,
  maxAmount: 1n << 100n,
  disabled: false,
  sequence: 5,
}

type Step =
  | { type: 'add'; channel: number; ends: [number, number]; capacity: bigint; atMs: number }
  | { type: 'remove'; channel: number }
  | { type: 'policy'; channel: number; direction: 0 | 1; policy: DatedPolicy }
  | { type: 'capacity'; channel: number; capacity: bigint }
  | { type: 'prune'; beforeMs: number }

const channel = fc.nat(25)
const node = fc.nat(9)
const capacity = fc.bigInt(0n, (1n << 126n) - 1n)
const atMs = fc.integer({ min: 1, max: 100 })
const policies = fc.record({
  feeBase: fc.bigInt(-(1n << 126n) + 1n, (1n << 126n) - 1n),
  feePpm: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  minAmount: fc.bigInt(0n, 1n << 64n),
  maxAmount: fc.bigInt(1n << 64n, (1n << 128n) - 1n),
  disabled: fc.boolean(),
  sequence: atMs,
})
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('add'), channel, ends: fc.tuple(node, node), capacity, atMs }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('policy'),
      channel,
      direction: fc.constantFrom(0, 1),
      policy: policies,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('remove'), channel }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('capacity'), channel, capacity }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('prune'), beforeMs: fc.integer({ min: 0, max: 40 }) }),
  },
)

type Model = Map<string, ChannelSeen>

function take(graph: Graph, model: Model, step: Step): void {
  if (step.type === 'prune') {
    const stale = [...model.values()]
      .filter(
        ({ addedAtMs, policies }) =>
          Math.max(addedAtMs, ...policies.map((known) => known?.sequence ?? 0)) < step.beforeMs,
      )
      .map(({ channelId }) => channelId)
    expect(pruneGraph(graph, step.beforeMs).sort()).toEqual(stale.sort())
    for (const id of stale) model.delete(id)
    return
  }
  const channelId = `c${step.channel}`
  const known = model.get(channelId)
  switch (step.type) {
    case 'add': {
      const nodes = [`n${step.ends[0]}`, `n${step.ends[1]}`] as const
      const learnt = addChannel(graph, { channelId, nodes, capacity: step.capacity, addedAtMs: step.atMs })
      if (nodes[0] === nodes[1]) expect(learnt).toEqual({ fault: 'nodes' })
      else if (known === undefined) {
        expect(learnt).toBe('changed')
        model.set(channelId, {
          channelId,
          nodes,
          capacity: step.capacity,
          addedAtMs: step.atMs,
          policies: [undefined, undefined],
        })
      } else if (known.nodes[0] !== nodes[0] || known.nodes[1] !== nodes[1])
        expect(learnt).toEqual({ fault: 'nodes' })
      else model.set(channelId, { ...known, capacity: step.capacity })
      return
    }
    case 'remove':
      expect(removeChannel(graph, channelId)).toBe(model.delete(channelId))
      return
    case 'capacity':
      if (known === undefined) expect(setCapacity(graph, channelId, step.capacity)).toBe('unknown-channel')
      else {
        setCapacity(graph, channelId, step.capacity)
        model.set(channelId, { ...known, capacity: step.capacity })
      }
      return
    case 'policy': {
      const learnt = setPolicy(graph, channelId, step.direction, step.policy)
      if (known === undefined) {
        expect(learnt).toBe('unknown-channel')
        return
      }
      const newer = step.policy.sequence > (known.policies[step.direction]?.sequence ?? 0)
      expect(learnt).toBe(newer ? 'changed' : 'stale')
      if (!newer) return
      const both: [DatedPolicy | undefined, DatedPolicy | undefined] = [...known.policies]
      both[step.direction] = step.policy
      model.set(channelId, { ...known, policies: both })
    }
  }
}

/** What searches read, put back into words. */
function expectSame(graph: Graph, model: Model): void {
  let negative = 0
  for (const [channelId, seen] of model) {
    expect(channelSeen(graph, channelId)).toEqual(seen)
    const number = graph.channelNumbers.get(channelId) ?? -1
    for (const direction of [0, 1] as const) {
      const known = seen.policies[direction]
      const terms = [...graph.terms.subarray(TERMS * (2 * number + direction)).slice(0, TERMS)]
      const usable = known !== undefined && !known.disabled
      const least = known === undefined || known.maxAmount < seen.capacity ? known?.maxAmount : seen.capacity
      expect(terms[3]).toBe(usable ? Number(least) : -1)
      if (usable)
        expect(terms.slice(0, 3)).toEqual([known.feeBase, known.feePpm, known.minAmount].map(Number))
      if (usable && (known.feeBase < 0n || known.feePpm < 0)) negative += 1
    }
  }
  expect(graph.negativeEdges).toBe(negative)
  expect(graph.channelNumbers.size).toBe(model.size)
  const nodes = new Set([...model.values()].flatMap((seen) => seen.nodes))
  expect([...graph.nodeNumbers.keys()].sort()).toEqual([...nodes].sort())
  for (const [nodeId, number] of graph.nodeNumbers) {
    const mine = [...model.values()]
      .filter((seen) => seen.nodes.includes(nodeId))
      .map((seen) => seen.channelId)
    expect(channelsOf(graph, nodeId).sort()).toEqual(mine.sort())
    for (const edge of edgesInto(graph, number)) expect(nodeIdAt(graph, graph.origin[edge ^ 1])).toBe(nodeId)
    const start = graph.into.start[number] ?? 0
    for (const [index, edge] of edgesInto(graph, number).entries())
      expect(graph.into.from[start + index]).toBe(graph.origin[edge])
  }
}

describe('a graph', () => {
  test('is what it was told, whatever came and went', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 60, maxLength: 200, size: 'max' }), (told) => {
        const graph = createGraph(MARKET, { nodes: 1, channels: 1 })
        const model: Model = new Map()
        for (const step of told) take(graph, model, step)
        expectSame(graph, model)
      }),
      { numRuns: 60 },
    )
  })

  test('RT-3: takes only a higher sequence', () => {
    const graph = withOne()
    expect(setPolicy(graph, 'c', 0, policy)).toBe('changed')
    expect(setPolicy(graph, 'c', 0, { ...policy, feeBase: 9n })).toBe('stale')
    expect(setPolicy(graph, 'c', 0, { ...policy, feeBase: 9n, sequence: 4 })).toBe('stale')
    expect(channelSeen(graph, 'c')?.policies[0]?.feeBase).toBe(0n)
    expect(setPolicy(graph, 'c', 1, { ...policy, feeBase: 9n, sequence: 1 })).toBe('changed')
  })

  test.each([
    [{ sequence: 0 }, 'sequence'],
    [{ sequence: 1.5 }, 'sequence'],
    [{ feePpm: 2_000_000 }, 'feePpm'],
    [{ minAmount: 5n, maxAmount: 4n }, 'maxAmount'],
  ])('refuses a policy with %o', (change, fault) => {
    const graph = withOne()
    expect(setPolicy(graph, 'c', 0, { ...policy, ...change })).toEqual({ fault })
    expect(channelSeen(graph, 'c')?.policies).toEqual([undefined, undefined])
  })

  test.each([
    [{ capacity: -1n }, 'capacity'],
    [{ capacity: 1n << 126n }, 'capacity'],
    [{ addedAtMs: Number.NaN }, 'addedAtMs'],
    [{ nodes: ['a', 'a'] as const }, 'nodes'],
  ])('refuses a channel with %o', (change, fault) => {
    const graph = createGraph(MARKET)
    const fact = { channelId: 'c', nodes: ['a', 'b'] as const, capacity: 1n, addedAtMs: 1, ...change }
    expect(addChannel(graph, fact)).toEqual({ fault })
    expect(graph.channelNumbers.size).toBe(0)
  })

  test('RT-2: never moves a channel to other nodes', () => {
    const graph = withOne()
    const fact = { channelId: 'c', capacity: 2n, addedAtMs: 1 }
    expect(addChannel(graph, { ...fact, nodes: ['b', 'a'] })).toEqual({ fault: 'nodes' })
    expect(addChannel(graph, { ...fact, nodes: ['a', 'b'] })).toBe('changed')
    expect(addChannel(graph, { ...fact, nodes: ['a', 'b'] })).toBe('known')
  })

  test('holds a channel of fifteen thousand nodes in less than half a kilobyte', () => {
    const graph = createGraph(MARKET)
    for (let at = 0; at < 60_000; at += 1)
      addChannel(graph, {
        channelId: `c${at}`,
        nodes: [`n${at % 15_000}`, `n${(at * 7 + 1 + (at % 13)) % 15_000}`],
        capacity: 5n,
        addedAtMs: 1,
      })
    const arrays = [graph, graph.into, ...Object.values(graph.exact)].flatMap((part) => Object.values(part))
    const bytes = arrays.reduce<number>(
      (sum, value) => sum + (ArrayBuffer.isView(value) ? value.byteLength : 0),
      0,
    )
    expect(bytes / graph.channelNumbers.size).toBeLessThan(512)
  })
})

function withOne(): Graph {
  const graph = createGraph(MARKET)
  addChannel(graph, { channelId: 'c', nodes: ['a', 'b'], capacity: 1n << 90n, addedAtMs: 1 })
  return graph
}
