/** The book by itself and between two: what is believed, when it goes, and what is told to whom (GO-30 to GO-47, GO-70). */

import { domainOf, encodeGossip, encodeItem, toHex } from '@tallystick/protocol'
import { expect, test } from 'vitest'
import type { ChainAnswer } from '../../../src/network/gossip/index.ts'
import {
  type AnyItem,
  announcementOf,
  BANK,
  type Chain,
  type Clock,
  channelOf,
  createParty,
  crypto,
  graphText,
  keysOf,
  news,
  nodeItemOf,
  ownChannel,
  type Party,
  policyOf,
  START_MS,
} from './world.ts'

const anna = keysOf('anna')
const bruno = keysOf('bruno')
const carla = keysOf('carla')
const dora = keysOf('dora')
const DAY = 86_400_000
const OPEN: ChainAnswer = { status: 'open', held: 1_000n }

function scene(...open: readonly ReturnType<typeof channelOf>[]) {
  const clock: Clock = { nowMs: START_MS }
  const chain: Chain = { channels: new Map(open.map(({ id }) => [id, OPEN])) }
  return { clock, chain }
}

/** A listener that is connected with `dora`, who tells it things. */
function listener(clock: Clock, chain: Chain | undefined): Party {
  const party = createParty(carla, clock, chain)
  party.give({ type: 'connected', peer: dora.nodeId })
  return party
}

function tell(party: Party, ...items: readonly AnyItem[]): void {
  party.give({ type: 'message', peer: dora.nodeId, message: news(...items) })
}

function refusals(party: Party): string[] {
  return party.outputs.flatMap((output) => (output.type === 'refused' ? [output.refusal.code] : []))
}

/** Delivers between connected parties until nobody says anything more. */
function exchange(...parties: readonly Party[]): void {
  for (let quiet = false; !quiet; ) {
    quiet = true
    for (const from of parties)
      for (const to of parties)
        for (const message of from.mail(to.keys.nodeId)) {
          quiet = false
          to.give({ type: 'message', peer: from.keys.nodeId, message })
        }
  }
}

function join(one: Party, other: Party): void {
  one.give({ type: 'connected', peer: other.keys.nodeId })
  other.give({ type: 'connected', peer: one.keys.nodeId })
  exchange(one, other)
}

test('GO-30: an announced channel is believed when the chain shows it open with money in it, and then only', () => {
  const channel = channelOf([anna, bruno], 1)
  for (const [answer, believed] of [
    [OPEN, true],
    [{ status: 'open', held: 0n }, false],
    [{ status: 'none', held: 0n }, false],
    [{ status: 'closing', held: 1_000n }, false],
    [{ status: 'settled', held: 1_000n }, false],
    [{ status: 'closed', held: 0n }, false],
  ] satisfies [ChainAnswer, boolean][]) {
    const { clock, chain } = scene()
    chain.channels.set(channel.id, answer)
    const party = listener(clock, chain)
    tell(party, announcementOf(channel))
    expect(party.graph.channels.has(channel.id)).toBe(believed)
    expect(party.lookups).toBe(1)
  }
})

test('GO-30: nothing is believed before the chain has answered', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock } = scene()
  const party = listener(clock, undefined)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS))
  expect(party.asked).toEqual([channel.id])
  expect(party.graph.channels.size).toBe(0)
  expect(party.rows.size).toBe(0)
  party.give({ type: 'looked-up', channelId: channel.id, answer: OPEN })
  expect(party.graph.channels.get(channel.id)).toMatchObject({
    nodes: [anna.nodeId, bruno.nodeId],
    capacity: 1_000n,
    policies: { 0: { sequence: START_MS, feeBase: 0n } },
  })
})

test('GO-40: the newest sequence wins; an older one, and another content at the same one, change nothing', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS, { feePpm: 5 }))
  const before = graphText(party.graph)
  tell(party, policyOf(channel, 0, START_MS, { feePpm: 6 }))
  tell(party, policyOf(channel, 0, START_MS - 1, { feePpm: 7 }))
  expect(graphText(party.graph)).toBe(before)
  tell(party, policyOf(channel, 0, START_MS + 1, { feePpm: -8, feeBase: -3n }))
  expect(party.graph.channels.get(channel.id)?.policies[0]).toMatchObject({ feePpm: -8, feeBase: -3n })
  tell(party, policyOf(channel, 1, START_MS, { disabled: true }))
  expect(party.graph.channels.get(channel.id)?.policies[1]).toMatchObject({ disabled: true })
  expect(party.book.muted(dora.nodeId, clock.nowMs)).toBe(false)
})

test('GO-41: a sequence too far in the future, or older than fourteen days, is refused', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS + 600_001))
  tell(party, policyOf(channel, 1, START_MS - 14 * DAY - 1))
  expect(party.graph.channels.get(channel.id)?.policies).toEqual({})
  expect(refusals(party)).toEqual(['sequence-future', 'sequence-stale'])
  tell(party, policyOf(channel, 0, START_MS + 600_000), policyOf(channel, 1, START_MS - 14 * DAY))
  expect(Object.keys(party.graph.channels.get(channel.id)?.policies ?? {})).toEqual(['0', '1'])
})

test('GO-42: a policy of a channel that is not announced is not kept', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, policyOf(channel, 0, START_MS))
  expect(refusals(party)).toEqual(['channel-unknown'])
  tell(party, announcementOf(channel))
  expect(party.graph.channels.get(channel.id)?.policies).toEqual({})
})

test('GO-45: a node is listened to while a channel of it is believed', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, nodeItemOf(anna, START_MS, 'too early'))
  expect(refusals(party)).toEqual(['node-unknown'])
  tell(
    party,
    announcementOf(channel),
    nodeItemOf(anna, START_MS, 'anna'),
    nodeItemOf(dora, START_MS, 'nobody'),
  )
  expect([...party.graph.nodes]).toEqual([[anna.nodeId, 'anna']])
  party.give({ type: 'chain-changed', channelId: channel.id, ended: true })
  expect(party.graph.nodes.size).toBe(0)
  expect(party.rows.size).toBe(0)
})

test('GO-33: a close takes the channel out at once, and peers cannot bring it back while it becomes final', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS))
  party.give({ type: 'chain-changed', channelId: channel.id, ended: true })
  expect(party.graph.channels.size).toBe(0)
  expect(party.rows.size).toBe(0)
  const { lookups } = party
  tell(party, announcementOf(channel))
  expect(party.lookups).toBe(lookups)
  expect(party.graph.channels.size).toBe(0)
})

test('GO-32: top-ups and withdrawals change the capacity, and an end that no event told is found within a day', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS))
  chain.channels.set(channel.id, { status: 'open', held: 5_000n })
  party.give({ type: 'chain-changed', channelId: channel.id, ended: false })
  expect(party.graph.channels.get(channel.id)).toMatchObject({ capacity: 5_000n })
  chain.channels.set(channel.id, { status: 'closed', held: 0n })
  clock.nowMs += DAY - 1
  party.give({ type: 'tick' })
  party.give({ type: 'tick' })
  expect(party.graph.channels.size).toBe(1)
  clock.nowMs += 2
  party.give({ type: 'tick' })
  party.give({ type: 'tick' })
  expect(party.graph.channels.size).toBe(0)
})

test('GO-32: what happens while the chain is being asked is asked about once more', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock } = scene()
  const party = listener(clock, undefined)
  const answer = (held: bigint) => {
    const channelId = party.asked.shift() ?? channel.id
    party.give({ type: 'looked-up', channelId, answer: { status: 'open', held } })
  }
  const happens = () => party.give({ type: 'chain-changed', channelId: channel.id, ended: false })
  tell(party, announcementOf(channel))
  happens()
  answer(1n)
  expect(party.asked).toEqual([channel.id])
  happens()
  happens()
  expect(party.asked).toEqual([channel.id])
  answer(2n)
  expect(party.asked).toEqual([channel.id])
  answer(3n)
  expect(party.graph.channels.get(channel.id)).toMatchObject({ capacity: 3n })
  expect(party.asked).toEqual([])
})

test('GO-33: an answer from before a close brings nothing back', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock } = scene()
  for (const believed of [false, true]) {
    const party = listener(clock, undefined)
    tell(party, announcementOf(channel))
    if (believed) {
      party.give({ type: 'looked-up', channelId: channel.id, answer: OPEN })
      party.give({ type: 'chain-changed', channelId: channel.id, ended: false })
    }
    party.give({ type: 'chain-changed', channelId: channel.id, ended: true })
    party.give({ type: 'looked-up', channelId: channel.id, answer: OPEN })
    expect(party.graph.channels.size).toBe(0)
    expect(party.book.stats(clock.nowMs)).toMatchObject({ pending: 0, lookupsInFlight: 0 })
  }
})

test('GO-32: a chain that cannot be asked again says nothing against a channel', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS))
  chain.channels.set(channel.id, 'failed')
  party.give({ type: 'chain-changed', channelId: channel.id, ended: false })
  expect(party.graph.channels.size).toBe(1)
})

test('GO-44: what is not refreshed for fourteen days goes, direction by direction, then the channel', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS), policyOf(channel, 1, START_MS + 1_000))
  clock.nowMs = START_MS + 14 * DAY
  party.give({ type: 'tick' })
  party.give({ type: 'tick' })
  expect(party.graph.channels.get(channel.id)?.policies[0]).toMatchObject({ disabled: false })
  clock.nowMs += 1
  party.give({ type: 'tick' })
  party.give({ type: 'tick' })
  expect(party.graph.channels.get(channel.id)?.policies[0]).toMatchObject({ disabled: true })
  expect(party.graph.channels.get(channel.id)?.policies[1]).toMatchObject({ disabled: false })
  clock.nowMs += 1_000
  party.give({ type: 'tick' })
  party.give({ type: 'tick' })
  expect(party.graph.channels.size).toBe(0)
  expect(party.rows.size).toBe(0)
})

test('GO-44: a channel that nobody prices is forgotten, and told to nobody', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  const other = createParty(dora, clock, chain)
  tell(party, announcementOf(channel))
  party.mail(dora.nodeId)
  join(party, other)
  expect(party.graph.channels.size).toBe(1)
  expect(other.graph.channels.size).toBe(0)
  clock.nowMs += 600_001
  party.give({ type: 'tick' })
  party.give({ type: 'tick' })
  expect(party.graph.channels.size).toBe(0)
})

test('GO-43: of one direction a few updates an hour are taken, whoever tells them; later ones when the budget grows', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  tell(party, announcementOf(channel))
  for (let i = 0; i < 100; i += 1) tell(party, policyOf(channel, 0, START_MS + i, { feePpm: i }))
  expect(party.graph.channels.get(channel.id)?.policies[0]).toMatchObject({ feePpm: 11 })
  tell(party, policyOf(channel, 1, START_MS, { feePpm: 77 }))
  expect(party.graph.channels.get(channel.id)?.policies[1]).toMatchObject({ feePpm: 77 })
  clock.nowMs += 600_000
  tell(party, policyOf(channel, 0, START_MS + 200, { feePpm: 200 }))
  expect(party.graph.channels.get(channel.id)?.policies[0]).toMatchObject({ feePpm: 200 })
  expect(party.book.muted(dora.nodeId, clock.nowMs)).toBe(false)
})

test('GO-70: a channel becomes public only when both ends want it', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const [one, other] = [createParty(anna, clock, chain), createParty(bruno, clock, chain)]
  one.give(ownChannel(channel, 0, true, { feePpm: 9 }))
  other.give(ownChannel(channel, 1, false, { feePpm: 8 }))
  join(one, other)
  for (let minute = 0; minute < 5; minute += 1) {
    clock.nowMs += 60_000
    for (const party of [one, other]) party.give({ type: 'tick' })
    exchange(one, other)
  }
  expect(one.graph.channels.size + other.graph.channels.size).toBe(0)
  expect(one.lookups + other.lookups).toBe(0)
  expect(other.outputs).toContainEqual({ type: 'announce-asked', peer: anna.nodeId, channelId: channel.id })
  other.give(ownChannel(channel, 1, true, { feePpm: 8 }))
  exchange(one, other)
  for (const party of [one, other]) party.give({ type: 'tick' })
  exchange(one, other)
  for (const party of [one, other])
    expect(party.graph.channels.get(channel.id)).toMatchObject({
      policies: { 0: { feePpm: 9 }, 1: { feePpm: 8 } },
    })
})

test('GO-70: offers that cross, and an offer before the other end knows the channel, end in one announcement', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const [one, other] = [createParty(anna, clock, chain), createParty(bruno, clock, chain)]
  join(one, other)
  one.give(ownChannel(channel, 0, true))
  exchange(one, other)
  expect(refusals(other)).toContain('not-a-party')
  expect(other.book.muted(anna.nodeId, clock.nowMs)).toBe(false)
  other.give(ownChannel(channel, 1, true))
  exchange(one, other)
  clock.nowMs += 60_000
  for (const party of [one, other]) party.give({ type: 'tick' })
  exchange(one, other)
  for (const party of [one, other]) {
    expect(party.graph.channels.size).toBe(1)
    expect(Object.keys(party.graph.channels.get(channel.id)?.policies ?? {})).toEqual(['0', '1'])
  }
})

test('GO-47: a private channel is told to nobody, and its price to its other end alone', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const parties = [anna, bruno, carla].map((keys) => createParty(keys, clock, chain))
  const [one, other, third] = parties as [Party, Party, Party]
  one.give(ownChannel(channel, 0, false))
  other.give(ownChannel(channel, 1, false))
  for (const [a, b] of [
    [one, other],
    [one, third],
    [other, third],
  ] as const)
    join(a, b)
  const quiet = () => {
    for (const { to, message } of [...one.sent, ...other.sent])
      if (to === carla.nodeId) expect(toHex(encodeGossip(message))).not.toContain(channel.id.slice(2))
  }
  one.give(ownChannel(channel, 0, false, { feePpm: -4 }))
  quiet()
  for (let i = 0; i < 20; i += 1) {
    clock.nowMs += 30_000
    for (const party of parties) party.give({ type: 'tick' })
    quiet()
    exchange(...parties)
  }
  expect(other.graph.privatePolicies.get(`${channel.id}/0`)).toMatchObject({ feePpm: -4 })
  expect(one.graph.privatePolicies.has(`${channel.id}/1`)).toBe(true)
  for (const party of parties) expect(party.graph.channels.size).toBe(0)
  expect(third.graph.privatePolicies.size).toBe(0)
  expect(third.outputs).toEqual([])
  expect(third.lookups).toBe(0)
})

test('GO-47: a third node cannot put a price on a private channel', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = createParty(bruno, clock, chain)
  party.give(ownChannel(channel, 1, false))
  party.give({ type: 'connected', peer: dora.nodeId })
  party.give({ type: 'connected', peer: anna.nodeId })
  tell(party, policyOf(channel, 0, START_MS, { feePpm: 1 }))
  expect(party.graph.privatePolicies.size).toBe(0)
  const message = (by: typeof anna) => news(policyOf(channel, 0, START_MS + 1, { feePpm: 1 }, by))
  party.give({ type: 'message', peer: anna.nodeId, message: message(dora) })
  expect(party.graph.privatePolicies.size).toBe(0)
  party.give({ type: 'message', peer: anna.nodeId, message: message(anna) })
  expect(party.graph.privatePolicies.size).toBe(1)
})

test('GO-73: own prices and the own node are announced again daily, and at once when they change', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const [one, other] = [createParty(anna, clock, chain), createParty(bruno, clock, chain)]
  one.give({ type: 'own-node', profile: { alias: 'anna', addresses: [{ host: 'a.example', port: 1 }] } })
  one.give(ownChannel(channel, 0, true))
  other.give(ownChannel(channel, 1, true))
  join(one, other)
  const sequenceAt = (party: Party) =>
    party.graph.channels.get(channel.id)?.policies[0] as { sequence: number }
  expect(sequenceAt(other).sequence).toBe(START_MS)
  expect(other.graph.nodes.get(anna.nodeId)).toBeUndefined()
  const pass = (ms: number) => {
    clock.nowMs += ms
    for (const party of [one, other]) party.give({ type: 'tick' })
    exchange(one, other)
  }
  pass(1_000)
  expect(other.graph.nodes.get(anna.nodeId)).toBe('anna')
  one.give(ownChannel(channel, 0, true, { feePpm: 3 }))
  pass(1_000)
  expect(sequenceAt(other)).toMatchObject({ feePpm: 3 })
  const last = sequenceAt(other).sequence
  for (let hour = 0; hour < 23; hour += 1) pass(3_600_000)
  expect(sequenceAt(other).sequence).toBe(last)
  for (let hour = 0; hour < 2; hour += 1) pass(3_600_000)
  expect(sequenceAt(other).sequence).toBeGreaterThan(last)
  expect(other.graph.nodes.get(anna.nodeId)).toBe('anna')
})

test('GO-74: a node that lost its cache overrules its own older word when it hears it', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const [one, other] = [createParty(anna, clock, chain), createParty(bruno, clock, chain)]
  one.give(ownChannel(channel, 0, true, { feePpm: 1 }))
  other.give(ownChannel(channel, 1, true))
  join(one, other)
  // The clock of the reborn node is five minutes behind.
  other.give({ type: 'disconnected', peer: anna.nodeId })
  const late: Clock = { nowMs: START_MS - 300_000 }
  const reborn = createParty(anna, late, chain)
  reborn.give(ownChannel(channel, 0, true, { feePpm: 2 }))
  join(reborn, other)
  for (let i = 0; i < 4; i += 1) {
    late.nowMs += 400_000
    clock.nowMs += 400_000
    for (const party of [reborn, other]) party.give({ type: 'tick' })
    exchange(reborn, other)
  }
  expect(other.graph.channels.get(channel.id)?.policies[0]).toMatchObject({ feePpm: 2 })
  expect(graphText(reborn.graph)).toBe(graphText(other.graph))
})

test('GO-66: an item is told once to each other peer, and not back to who told it', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = listener(clock, chain)
  party.give({ type: 'connected', peer: anna.nodeId })
  for (const to of [dora, anna]) party.mail(to.nodeId)
  const items = [announcementOf(channel), policyOf(channel, 0, START_MS)] as const
  tell(party, ...items)
  tell(party, ...items)
  party.give({ type: 'tick' })
  party.give({ type: 'tick' })
  expect(party.mail(dora.nodeId)).toEqual([])
  expect(party.mail(anna.nodeId)).toEqual([news(...items)])
})

test('GO-51: a look-up that failed is tried again and costs nobody anything', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene()
  chain.channels.set(channel.id, 'failed')
  const party = listener(clock, chain)
  tell(party, announcementOf(channel), policyOf(channel, 0, START_MS))
  expect(party.lookups).toBe(1)
  for (let i = 0; i < 3; i += 1) {
    clock.nowMs += 40_000
    party.give({ type: 'tick' })
  }
  expect(party.lookups).toBe(4)
  chain.channels.set(channel.id, OPEN)
  clock.nowMs += 80_000
  party.give({ type: 'tick' })
  expect(party.graph.channels.get(channel.id)?.policies[0]).toBeDefined()
  expect(refusals(party)).toEqual([])
})

test('GO-51: a chain that cannot be asked at all costs nobody anything, and what was told is forgotten', () => {
  const { clock, chain } = scene()
  const party = listener(clock, chain)
  const channels = Array.from({ length: 40 }, (_, salt) => channelOf([anna, bruno], 1 + salt))
  for (const { id } of channels.slice(0, 20)) chain.channels.set(id, 'failed')
  for (const channel of channels.slice(0, 20)) tell(party, announcementOf(channel))
  for (const seconds of [5, 10, 20, 40, 80, 160]) {
    clock.nowMs += seconds * 1_000
    for (let turn = 0; turn < 4; turn += 1) party.give({ type: 'tick' })
  }
  expect(party.lookups).toBe(20 * 7)
  expect(party.book.stats(clock.nowMs)).toMatchObject({ channels: 0, pending: 0, mutedPeers: 0 })
  // Its credit is whole: twenty more questions may be out at once.
  const { length } = party.outputs
  for (const channel of channels.slice(20)) chain.channels.set(channel.id, 'failed')
  for (const channel of channels.slice(20)) tell(party, announcementOf(channel))
  expect(party.book.stats(clock.nowMs).pending).toBe(20)
  expect(party.outputs.length).toBe(length)
})

test('GO-80: what was stored is believed again without asking anyone; what is stale or foreign is thrown away', () => {
  const channels = [1, 2].map((salt) => channelOf([anna, bruno], salt))
  const { clock, chain } = scene(...channels)
  const party = listener(clock, chain)
  for (const channel of channels) tell(party, announcementOf(channel), policyOf(channel, 0, START_MS))
  tell(party, nodeItemOf(anna, START_MS, 'anna'))
  const again = party.restarted()
  expect(graphText(again.graph)).toBe(graphText(party.graph))
  expect(again.lookups).toBe(0)
  expect(again.book.graph().length).toBe(5)
  const junk = { bytes: new Uint8Array(3), capacity: 5n, addedAtMs: 0, checkedAtMs: 0 }
  for (const tag of [0, 1, 3, 9]) {
    const key = new Uint8Array(16).fill(tag)
    party.rows.set(toHex(key), { key, ...junk })
  }
  const foreign = policyOf(channelOf([anna, dora], 9), 0, START_MS)
  party.rows.set('foreign', { key: new Uint8Array(16).fill(1), ...junk, bytes: encodeItem(foreign) })
  const abroad = domainOf(crypto, 1n, BANK)
  const elsewhere = announcementOf(channelOf([anna, bruno], 1, abroad), abroad)
  party.rows.set('abroad', { key: new Uint8Array(16), ...junk, bytes: encodeItem(elsewhere) })
  expect(graphText(party.restarted().graph)).toBe(graphText(party.graph))
  clock.nowMs += 15 * DAY
  const stale = party.restarted()
  stale.give({ type: 'tick' })
  stale.give({ type: 'tick' })
  expect(stale.graph.channels.size).toBe(0)
})

test('an own price or profile that cannot be announced is refused at once', () => {
  const channel = channelOf([anna, bruno], 1)
  const { clock, chain } = scene(channel)
  const party = createParty(anna, clock, chain)
  expect(() => party.give(ownChannel(channel, 0, true, { feePpm: 1_000_001 }))).toThrow(/feePpm/)
  expect(() => party.give(ownChannel(channel, 0, true, { minAmount: 5n, maxAmount: 4n }))).toThrow(
    /minAmount/,
  )
  const profile = { alias: '甲', addresses: [] }
  expect(() => party.give({ type: 'own-node', profile })).toThrow(RangeError)
})
