/**
 * Any order, repetition and loss of messages: once the network is quiet again, every connected node has the same graph, and
 * it is the true one (GO-65). Seeded: a failure prints what brings it back.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { GossipInput } from '../../../src/network/gossip/index.ts'
import {
  announcementOf,
  answerChain,
  type Chain,
  type Clock,
  channelOf,
  createParty,
  graphText,
  keysOf,
  news,
  nodeItemOf,
  ownChannel,
  type Party,
  policyOf,
  randomOf,
  START_MS,
  type TestChannel,
} from './world.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
const KEYS = NAMES.map((name) => keysOf(name))
/** As in the product, but for pace: comparisons every minute and not every five. */
const CONFIG = { digestEveryMs: 60_000, digestLeastMs: 5_000, unprovenMs: 10_000 }

interface Held {
  readonly channel: TestChannel
  /** What each end asks for now; undefined once the channel is closed. */
  fees: [number, number] | undefined
}

interface Network {
  readonly clock: Clock
  readonly chain: Chain
  readonly parties: Party[]
  readonly links: Set<string>
  readonly down: Set<string>
  /** In flight, and what the chain has yet to tell each node. */
  readonly mail: { to: Party; from: string; input: GossipInput }[]
  readonly facts: { to: Party; input: GossipInput }[]
  readonly held: Held[]
  readonly random: (below: number) => number
}

function networkOf(seed: number, size: number): Network {
  const random = randomOf(seed)
  const clock: Clock = { nowMs: START_MS }
  const chain: Chain = { channels: new Map() }
  const parties = KEYS.slice(0, size).map((keys) => createParty(keys, clock, undefined, CONFIG))
  const network: Network = {
    clock,
    chain,
    parties,
    links: new Set(),
    down: new Set(),
    mail: [],
    facts: [],
    held: [],
    random,
  }
  // A tree joins them all; a few more links make cycles.
  for (let i = 1; i < size; i += 1) connect(network, i, random(i))
  for (let i = 0; i < size / 2; i += 1) connect(network, random(size), random(size))
  for (const link of network.links) {
    for (let count = random(4); count > 0; count -= 1) openChannel(network, link)
    if (random(4) > 0) linkUp(network, link)
  }
  return network
}

function connect(network: Network, a: number, b: number): void {
  if (a === b) return
  network.links.add([a, b].sort().join('-'))
  network.down.add([a, b].sort().join('-'))
}

function endsOf(network: Network, link: string): [Party, Party] {
  const [one, other] = link.split('-').map((index) => network.parties[Number(index)])
  if (one === undefined || other === undefined) throw new Error(link)
  return [one, other]
}

function linkUp(network: Network, link: string): void {
  if (!network.down.delete(link)) return
  const [one, other] = endsOf(network, link)
  one.give({ type: 'connected', peer: other.keys.nodeId })
  other.give({ type: 'connected', peer: one.keys.nodeId })
  collect(network)
}

function linkDown(network: Network, link: string): void {
  if (network.down.has(link)) return
  network.down.add(link)
  const [one, other] = endsOf(network, link)
  one.give({ type: 'disconnected', peer: other.keys.nodeId })
  other.give({ type: 'disconnected', peer: one.keys.nodeId })
}

function openChannel(network: Network, link: string): void {
  const [one, other] = endsOf(network, link)
  const channel = channelOf([one.keys, other.keys], network.held.length)
  const held: Held = { channel, fees: [network.random(50), network.random(50) - 50] }
  network.held.push(held)
  network.chain.channels.set(channel.id, { status: 'open', held: BigInt(1 + network.random(9_999)) })
  tellOwn(network, held)
}

function tellOwn(network: Network, { channel, fees }: Held): void {
  for (const party of [0, 1] as const) {
    const owner = network.parties.find(({ keys }) => keys.nodeId === channel.ends[party].nodeId)
    if (fees !== undefined) owner?.give(ownChannel(channel, party, true, { feePpm: fees[party] }))
  }
  collect(network)
}

function closeChannel(network: Network, held: Held): void {
  const { id } = held.channel
  held.fees = undefined
  network.chain.channels.set(id, { status: 'closing', held: 0n })
  for (const to of network.parties) {
    network.facts.push({ to, input: { type: 'chain-changed', channelId: id, ended: true } })
    const own = held.channel.ends.some(({ nodeId }) => nodeId === to.keys.nodeId)
    if (own) network.facts.push({ to, input: { type: 'own-channel-gone', channelId: id } })
  }
}

/** Takes what the parties have sent into the air. */
function collect(network: Network): void {
  for (const from of network.parties) {
    for (const { to, message } of from.sent.splice(0)) {
      const receiver = network.parties.find(({ keys }) => keys.nodeId === to)
      if (receiver === undefined) continue
      const input = { type: 'message', peer: from.keys.nodeId, message } as const
      network.mail.push({ to: receiver, from: from.keys.nodeId, input })
    }
  }
}

/** One random thing happens; one message in five is lost, one in ten comes twice, and any may overtake any. */
function chaos(network: Network): void {
  const { random, mail, facts, parties, held, clock } = network
  const dice = random(100)
  if (dice < 60 && mail.length > 0) {
    const at = random(mail.length)
    const [one] = random(10) === 0 ? mail.slice(at, at + 1) : mail.splice(at, 1)
    if (one !== undefined && random(5) > 0) one.to.give(one.input)
  } else if (dice < 70) {
    const party = parties[random(parties.length)]
    if (party !== undefined) answerChain(party, network.chain)
  } else if (dice < 80) {
    clock.nowMs += random(3_000)
    for (const party of parties) party.give({ type: 'tick' })
  } else if (dice < 88) {
    const link = [...network.links][random(network.links.size)] ?? ''
    if (network.down.has(link)) linkUp(network, link)
    else if (random(12) === 0) linkDown(network, link)
  } else if (dice < 92) {
    const one = held[random(Math.max(1, held.length))]
    if (one?.fees !== undefined) {
      one.fees[random(2)] = random(100) - 50
      tellOwn(network, one)
    }
  } else if (dice < 93) {
    const one = held[random(Math.max(1, held.length))]
    if (random(3) > 0) openChannel(network, [...network.links][random(network.links.size)] ?? '')
    else if (one?.fees !== undefined) closeChannel(network, one)
  } else if (dice < 96 && facts.length > 0) {
    const [fact] = facts.splice(random(facts.length), 1)
    fact?.to.give(fact.input)
  } else if (dice === 99 && random(4) === 0) restart(network)
  collect(network)
}

/** A node comes back with its cache, or without; its peers see a new session. */
function restart(network: Network): void {
  const index = network.random(network.parties.length)
  const old = network.parties[index]
  if (old === undefined) return
  for (const link of network.links) if (link.split('-').includes(String(index))) linkDown(network, link)
  if (network.random(2) === 0) old.rows.clear()
  const reborn = old.restarted()
  network.parties[index] = reborn
  for (const kind of [network.mail, network.facts])
    for (const one of kind) if (one.to === old) one.to = reborn
  for (const held of network.held) tellOwn(network, held)
}

/** Everything is up, nothing is lost, and time passes. */
function calm(network: Network, minutes: number): void {
  for (const link of network.links) linkUp(network, link)
  for (const { to, input } of network.facts.splice(0)) to.give(input)
  for (let second = 0; second < minutes * 60; second += 2) {
    network.clock.nowMs += 2_000
    for (const party of network.parties) {
      party.give({ type: 'tick' })
      answerChain(party, network.chain)
    }
    collect(network)
    for (let round = 0; network.mail.length > 0; round += 1) {
      if (round > 10_000) throw new Error('they never stop talking')
      for (const { to, input } of network.mail.splice(0)) {
        to.give(input)
        answerChain(to, network.chain)
      }
      collect(network)
    }
  }
}

/** What everybody should know: the open channels with the newest terms of both ends. */
function truth(network: Network): Record<string, readonly [number, number]> {
  const open = network.held.filter(({ fees }) => fees !== undefined)
  return Object.fromEntries(open.map(({ channel, fees }) => [channel.id, fees ?? [0, 0]]))
}

function seenBy(party: Party): Record<string, unknown> {
  const feeOf = (policy: unknown) => (policy as { feePpm: number } | undefined)?.feePpm
  return Object.fromEntries(
    [...party.graph.channels].map(([id, { policies }]) => [id, [feeOf(policies[0]), feeOf(policies[1])]]),
  )
}

test('GO-65: whatever was lost, repeated, reordered, cut or restarted, all connected nodes end with the true graph', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 2, max: KEYS.length }),
      fc.integer({ min: 0, max: 1_500 }),
      (seed, size, steps) => {
        const network = networkOf(seed, size)
        for (let step = 0; step < steps; step += 1) chaos(network)
        calm(network, 15)
        for (const party of network.parties) {
          expect(seenBy(party)).toEqual(truth(network))
          for (const peer of network.parties)
            expect(party.book.muted(peer.keys.nodeId, network.clock.nowMs)).toBe(false)
          expect(party.book.stats(network.clock.nowMs)).toMatchObject({ pending: 0, lookupsInFlight: 0 })
        }
        const [first = '', ...rest] = network.parties.map(({ graph }) => graphText(graph))
        for (const other of rest) expect(other).toBe(first)
      },
    ),
    { numRuns: 25 },
  )
})

test('GO-65: a graph of many channels and nodes comes over one link, whole, with the chain asked once about each', () => {
  const clock: Clock = { nowMs: START_MS }
  const chain: Chain = { channels: new Map() }
  const makers = Array.from({ length: 40 }, (_, i) => keysOf(`maker ${i}`))
  const [teacher, pupil] = [createParty(keysOf('a'), clock, chain), createParty(keysOf('b'), clock, chain)]
  const channels = makers.flatMap((maker, i) =>
    makers.slice(0, 8).flatMap((other, j) => (i === j ? [] : [channelOf([maker, other], i * 100 + j)])),
  )
  for (const { id } of channels) chain.channels.set(id, { status: 'open', held: 7n })
  const peer = makers[0]?.nodeId ?? ''
  teacher.give({ type: 'connected', peer })
  for (const [index, channel] of channels.entries()) {
    clock.nowMs += 1_000
    const prices = ([0, 1] as const).map((direction) =>
      policyOf(channel, direction, clock.nowMs, { feePpm: index }),
    )
    teacher.give({ type: 'message', peer, message: news(announcementOf(channel), ...prices) })
  }
  for (const [index, maker] of makers.entries()) {
    const message = news(nodeItemOf(maker, clock.nowMs, `maker ${index}`))
    teacher.give({ type: 'message', peer, message })
  }
  expect(teacher.graph.nodes.size).toBe(makers.length)
  clock.nowMs += 4_000_000
  teacher.give({ type: 'disconnected', peer })
  expect(teacher.graph.channels.size).toBe(channels.length)
  teacher.give({ type: 'connected', peer: pupil.keys.nodeId })
  pupil.give({ type: 'connected', peer: teacher.keys.nodeId })
  for (let i = 0; i < 400; i += 1) {
    clock.nowMs += 250
    for (const [from, to] of [
      [teacher, pupil],
      [pupil, teacher],
    ] as const) {
      for (const message of from.mail(to.keys.nodeId))
        to.give({ type: 'message', peer: from.keys.nodeId, message })
      to.give({ type: 'tick' })
    }
  }
  expect(graphText(pupil.graph)).toBe(graphText(teacher.graph))
  expect(pupil.lookups).toBe(channels.length)
})
