/**
 * Finding a way through a network as large as Lightning's: 15,000 nodes and 60,000 channels, grown by preferential
 * attachment (Barabási and Albert 1999), so that node degrees follow a power law. Capacities and fees are spread as widely
 * as theirs, one policy in twenty is negative, one in twenty disabled. Everything comes from one seed.
 */
import type { Graph, OwnChannel, RouteRequest } from '@tallystick/node/routing'
import {
  addChannel,
  channelSeen,
  channelsOf,
  createExperience,
  createGraph,
  createRouter,
  findRoute,
  setPolicy,
} from '@tallystick/node/routing'
import type { Figure } from './measure.ts'
import { rounded } from './measure.ts'

export const pathGraph = { nodes: 15_000, channels: 60_000, seed: 20_261_120 }
const warmUpQueries = 300
const queriesPerRun = 1_000
const runs = 5
const nowMs = 1_800_000_000_000

export interface PathFigure extends Figure {
  /** Of all queries of all runs. */
  readonly p50: number
  readonly p99: number
}

/** Milliseconds of one query: a random payer pays a random payee a random amount. */
export function findingPaths(): PathFigure {
  const random = randomOf(pathGraph.seed)
  const graph = powerLawGraph(random)
  const router = createRouter(graph, createExperience())
  const nodeIds = Array.from({ length: pathGraph.nodes }, (_, index) => nodeIdOf(index))
  let found = 0
  const query = () => {
    const request = randomRequest(graph, nodeIds, random)
    const startedMs = performance.now()
    const processor = process.cpuUsage()
    const answer = findRoute(router, request)
    const { user, system } = process.cpuUsage(processor)
    if (answer.ok) found += 1
    return { wallMs: performance.now() - startedMs, processorMs: (user + system) / 1_000 }
  }
  for (let count = 0; count < warmUpQueries; count += 1) query()
  found = 0
  const taken = Array.from({ length: runs }, () => Array.from({ length: queriesPerRun }, query))
  const of = (times: readonly { wallMs: number; processorMs: number }[], what: 'wallMs' | 'processorMs') =>
    times.map((time) => time[what]).sort((a, b) => a - b)
  const wall = of(taken.flat(), 'wallMs')
  const processor = of(taken.flat(), 'processorMs')
  const [p50, p99] = [rounded(percentile(wall, 0.5)), rounded(percentile(wall, 0.99))]
  return {
    name: 'path.find',
    unit: 'ms',
    median: p50,
    runs: taken.map((times) => rounded(percentile(of(times, 'wallMs'), 0.5))),
    p50,
    p99,
    note: [
      `p99 ${p99.toFixed(1)} ms (${percentile(processor, 0.99).toFixed(1)} ms of processor time)`,
      `${pathGraph.nodes} nodes, ${pathGraph.channels} channels`,
      `${found} of ${wall.length} payments found a way`,
    ].join('; '),
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The payer knows what its own channels hold: a random share of each. */
function randomRequest(graph: Graph, nodeIds: readonly string[], random: () => number): RouteRequest {
  const [payer = '', payee = ''] = [pick(nodeIds, random), pick(nodeIds, random)]
  if (payer === payee) return randomRequest(graph, nodeIds, random)
  const own: OwnChannel[] = []
  for (const channelId of channelsOf(graph, payer)) {
    const seen = channelSeen(graph, channelId)
    if (seen === undefined) continue
    const peer = seen.nodes[0] === payer ? seen.nodes[1] : seen.nodes[0]
    own.push({ channelId, peer, spendable: (seen.capacity * BigInt(Math.floor(random() * 1_000))) / 1_000n })
  }
  const amount = BigInt(Math.floor(10 ** (1 + 6 * random())))
  return { payer, payee, amount, maxFee: amount / 20n + 10_000n, own, nowMs }
}

/** Each new node opens channels to nodes chosen by how many they have. */
function powerLawGraph(random: () => number): Graph {
  const { nodes, channels } = pathGraph
  const graph = createGraph({ chainId: 31_337n, bank: '0xba', token: '0x70' }, pathGraph)
  const perNode = channels / nodes
  // Every channel end is in here: a random one is a node chosen by its degree.
  const ends: number[] = Array.from({ length: perNode + 1 }, (_, index) => index)
  let channel = 0
  const open = (from: number, to: number): void => {
    addRandomChannel(graph, channel++, nodeIdOf(from), nodeIdOf(to), random)
    ends.push(from, to)
  }
  for (let node = perNode + 1; node < nodes; node += 1) {
    const chosen = new Set<number>()
    while (chosen.size < perNode) chosen.add(pick(ends, random))
    for (const other of chosen) open(node, other)
  }
  // The first few nodes have had no turn: their channels go anywhere.
  while (channel < channels) {
    const [from, to] = [pick(ends, random), pick(ends, random)]
    if (from !== to) open(from, to)
  }
  return graph
}

function addRandomChannel(
  graph: Graph,
  channel: number,
  from: string,
  to: string,
  random: () => number,
): void {
  const channelId = `0x${channel.toString(16).padStart(64, '0')}`
  const capacity = BigInt(Math.floor(10 ** (5 + 4 * random())))
  addChannel(graph, { channelId, nodes: [from, to], capacity, addedAtMs: nowMs })
  for (const direction of [0, 1] as const) {
    const sign = random() < 0.05 ? -1 : 1
    setPolicy(graph, channelId, direction, {
      feeBase: BigInt(sign * Math.floor(random() * 1_000)),
      feePpm: sign * Math.floor(10 ** (3.5 * random())),
      minAmount: 1n,
      maxAmount: capacity,
      disabled: random() < 0.05,
      sequence: nowMs,
    })
  }
}

function nodeIdOf(node: number): string {
  return `02${node.toString(16).padStart(64, '0')}`
}

function pick<T>(from: readonly T[], random: () => number): T {
  const chosen = from[Math.floor(random() * from.length)]
  if (chosen === undefined) throw new RangeError('nothing to choose from')
  return chosen
}

/** Repeatable choices: mulberry32, a number from 0 to below 1 at each call. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
