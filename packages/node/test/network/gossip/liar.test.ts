/**
 * Liars and flooders: nothing false is believed, the chain is asked a bounded number of times, memory is bounded, and who
 * tells the truth is still heard (GO-20 to GO-22, GO-50 to GO-55).
 */

import {
  domainOf,
  encodeItem,
  GOSSIP_BUCKETS,
  type GossipMessage,
  type Hex,
  packEntries,
  packItems,
} from '@tallystick/protocol'
import { expect, test } from 'vitest'
import type { ChainAnswer } from '../../../src/network/gossip/index.ts'
import {
  type AnyItem,
  announcementOf,
  BANK,
  CHAIN_ID,
  type Chain,
  type Clock,
  channelOf,
  createParty,
  crypto,
  graphText,
  type Keys,
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

const anna = keysOf('anna')
const bruno = keysOf('bruno')
const carla = keysOf('carla')
const mallory = keysOf('mallory')
const trent = keysOf('trent')
const OPEN: ChainAnswer = { status: 'open', held: 1_000n }
const channel = channelOf([anna, bruno], 1)
/** What one peer's credit pays for. */
const MOST_LOOKUPS = 20

function scene() {
  const clock: Clock = { nowMs: START_MS }
  const chain: Chain = { channels: new Map([[channel.id, OPEN]]) }
  const party = createParty(carla, clock, chain)
  party.give({ type: 'connected', peer: mallory.nodeId })
  return { clock, chain, party }
}

function tell(party: Party, from: Keys, ...items: readonly (AnyItem | Uint8Array)[]): void {
  party.give({ type: 'message', peer: from.nodeId, message: news(...items) })
}

function lastRefusal(party: Party): unknown {
  return party.outputs.findLast(({ type }) => type === 'refused')
}

/** Well formed and well signed, by keys made up for it; the chain has never seen it. */
function fakes(count: number, maker: readonly [Keys, Keys], from = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    encodeItem(announcementOf(channelOf(maker, 1_000_000 + from + i))),
  )
}

test('GO-21, GO-22: forged items are not believed, and two of them mute their teller', () => {
  const announcement = announcementOf(channel)
  const claim = { ...announcement, nodeSignatures: [...announcement.signerSignatures] as const }
  const elsewhere = domainOf(crypto, 1n, BANK)
  const otherBank = domainOf(crypto, CHAIN_ID, new Uint8Array(20).fill(9))
  const forged: [string, readonly AnyItem[]][] = [
    ['signature-wrong', [claim]],
    ['signature-wrong', [{ ...announcement, nodeIds: [anna.nodeIdBytes, mallory.nodeIdBytes] }]],
    ['signature-wrong', [{ ...announcement, params: { ...announcement.params, salt: 2n } }]],
    ['signature-wrong', [{ ...announcementOf(channel, elsewhere), chainId: CHAIN_ID }]],
    ['chain-differs', [announcementOf(channel, elsewhere)]],
    ['bank-differs', [announcementOf(channel, otherBank)]],
    ['signature-wrong', [announcement, policyOf(channel, 0, START_MS, {}, bruno)]],
    ['signature-wrong', [announcement, policyOf(channel, 0, START_MS, {}, mallory)]],
    ['signature-wrong', [announcement, policyOf(channel, 0, START_MS, {}, anna, elsewhere)]],
    ['signature-wrong', [announcement, policyOf(channel, 0, START_MS, {}, anna, otherBank)]],
    ['signature-wrong', [announcement, { ...policyOf(channel, 1, START_MS), feePpm: 3 }]],
  ]
  for (const [code, items] of forged) {
    const { party, clock } = scene()
    // Honest news first, apart, so that what is forged meets a believed channel.
    for (const item of items) tell(party, mallory, item)
    expect(lastRefusal(party)).toMatchObject({ peer: mallory.nodeId, refusal: { code }, muted: false })
    const seen = party.graph.channels.get(channel.id)
    if (items.length === 1) expect(seen).toBeUndefined()
    else expect(seen?.policies).toEqual({})
    tell(party, mallory, items.at(-1) ?? announcement)
    expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(true)
    expect(party.sent.filter(({ message }) => message.type === 'gossip-items')).toEqual([])
  }
})

test('GO-22: policies that wait with their channel are judged before they wait', () => {
  const clock: Clock = { nowMs: START_MS }
  const party = createParty(carla, clock, undefined)
  party.give({ type: 'connected', peer: mallory.nodeId })
  tell(party, mallory, announcementOf(channel), policyOf(channel, 0, START_MS + 5, {}, mallory))
  expect(lastRefusal(party)).toMatchObject({ refusal: { code: 'signature-wrong' } })
  party.give({ type: 'looked-up', channelId: channel.id, answer: OPEN })
  expect(party.graph.channels.get(channel.id)?.policies).toEqual({})
})

test('GO-22: a forged node announcement is not believed', () => {
  const { party } = scene()
  tell(party, mallory, announcementOf(channel))
  tell(party, mallory, { ...nodeItemOf(mallory, START_MS, 'anna'), nodeId: anna.nodeIdBytes })
  expect(party.graph.nodes.size).toBe(0)
  expect(lastRefusal(party)).toMatchObject({ refusal: { code: 'signature-wrong' } })
})

test('GO-52: a muted peer is not heard, its pulls stop, and after an hour it may speak again', () => {
  const { party, clock } = scene()
  const forged = { ...policyOf(channel, 0, START_MS), feePpm: 3 }
  tell(party, mallory, announcementOf(channel))
  tell(party, mallory, forged, forged)
  expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(true)
  tell(party, mallory, policyOf(channel, 0, START_MS))
  expect(party.graph.channels.get(channel.id)?.policies).toEqual({})
  party.mail(mallory.nodeId)
  party.give({ type: 'message', peer: mallory.nodeId, message: { type: 'gossip-ask', buckets: [0] } })
  expect(party.mail(mallory.nodeId)).toEqual([])
  // A new session is not a new credit.
  party.give({ type: 'disconnected', peer: mallory.nodeId })
  party.give({ type: 'connected', peer: mallory.nodeId })
  tell(party, mallory, policyOf(channel, 0, START_MS))
  expect(party.graph.channels.get(channel.id)?.policies).toEqual({})
  clock.nowMs += 3_600_001
  tell(party, mallory, policyOf(channel, 0, START_MS))
  expect(party.graph.channels.get(channel.id)?.policies[0]).toBeDefined()
})

test('GO-50: malformed items, and items that are too long, cost what forged ones do', () => {
  const junk: Uint8Array[] = [
    new Uint8Array(0),
    new Uint8Array([7]),
    new Uint8Array(2_189),
    encodeItem(policyOf(channel, 0, START_MS)).slice(1),
    new Uint8Array([...encodeItem(policyOf(channel, 0, START_MS)), 0]),
  ]
  for (const bytes of junk) {
    const { party, clock } = scene()
    tell(party, mallory, bytes, bytes, announcementOf(channel))
    expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(true)
    expect(party.lookups).toBe(0)
  }
  const { party, clock } = scene()
  const torn: GossipMessage = { type: 'gossip-items', answer: false, items: new Uint8Array([1]) }
  for (let i = 0; i < 2; i += 1) party.give({ type: 'message', peer: mallory.nodeId, message: torn })
  expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(true)
})

test('GO-51: a channel that the chain does not show costs its teller a look-up, and twenty of them its voice', () => {
  const { party, clock } = scene()
  const lies = fakes(60, [mallory, trent])
  for (const lie of lies) tell(party, mallory, lie)
  expect(party.lookups).toBe(MOST_LOOKUPS)
  expect(party.graph.channels.size).toBe(0)
  expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(true)
})

test('GO-51: credit is held before the chain answers, so a burst cannot outrun it', () => {
  const clock: Clock = { nowMs: START_MS }
  const party = createParty(carla, clock, undefined)
  party.give({ type: 'connected', peer: mallory.nodeId })
  for (const lie of fakes(60, [mallory, trent])) tell(party, mallory, lie)
  expect(party.book.stats(clock.nowMs)).toMatchObject({ pending: MOST_LOOKUPS, lookupsInFlight: 8 })
  expect(party.asked.length).toBe(8)
})

test('GO-51: who tells of channels that exist is never short of credit', () => {
  const { party, chain, clock } = scene()
  for (let salt = 100; salt < 400; salt += 1) {
    const real = channelOf([anna, bruno], salt)
    chain.channels.set(real.id, OPEN)
    clock.nowMs += 20
    tell(party, mallory, announcementOf(real))
  }
  expect(party.graph.channels.size).toBe(300)
  expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(false)
})

test('GO-53: 100,000 announcements of channels that do not exist, from a hundred nodes, cost a bounded number of look-ups', () => {
  const { party, clock, chain } = scene()
  party.give({ type: 'disconnected', peer: mallory.nodeId })
  party.give({ type: 'connected', peer: bruno.nodeId })
  party.give(ownChannel(channelOf([carla, bruno], 3), 0, false))
  const lies = fakes(5_000, [mallory, trent])
  const real: TestChannel[] = []
  let told = 0
  for (let sybil = 0; sybil < 100; sybil += 1) {
    const liar = keysOf(`sybil ${sybil}`)
    party.give({ type: 'connected', peer: liar.nodeId })
    for (let lot = 0; lot < 1_000; lot += 50) {
      const at = (sybil * 1_000 + lot) % lies.length
      tell(party, liar, ...lies.slice(at, at + 50))
      told += 50
      clock.nowMs += 1
    }
    // Meanwhile a friend tells the truth.
    const next = channelOf([anna, bruno], 10_000 + sybil)
    real.push(next)
    chain.channels.set(next.id, OPEN)
    clock.nowMs += 80
    tell(party, bruno, announcementOf(next), policyOf(next, 0, clock.nowMs))
    if (sybil % 2 === 0) party.give({ type: 'disconnected', peer: liar.nodeId })
  }
  expect(told).toBe(100_000)
  const passedSeconds = (clock.nowMs - START_MS) / 1_000
  // All strangers together: 400 of credit and 2 a second, 5 a look-up; the friend's own came on top.
  expect(party.lookups - real.length).toBeLessThanOrEqual((400 + 2 * passedSeconds) / 5)
  expect(party.graph.channels.size).toBe(real.length)
  const stats = party.book.stats(clock.nowMs)
  expect(stats).toMatchObject({ channels: real.length, pending: 0, lookupsInFlight: 0 })
  expect(stats.rememberedChannels).toBeLessThanOrEqual(200)
  expect(stats.rememberedPeers).toBeLessThanOrEqual(102)
  expect(party.rows.size).toBe(2 * real.length)
})

test('GO-53: ten thousand identities leave a bounded memory', () => {
  const { party, clock } = scene()
  const [lie] = fakes(1, [mallory, trent])
  for (let i = 0; i < 10_000; i += 1) {
    const peer = `02${i.toString(16).padStart(64, '0')}`
    party.give({ type: 'connected', peer })
    if (lie !== undefined) party.give({ type: 'message', peer, message: news(lie) })
    party.give({ type: 'disconnected', peer })
    clock.nowMs += 1
  }
  const stats = party.book.stats(clock.nowMs)
  expect(stats.rememberedPeers).toBeLessThanOrEqual(4_096)
  expect(party.lookups).toBe(1)
})

test('GO-53: who opens a channel is no stranger any more, who closes its last one is', () => {
  const { party, clock, chain } = scene()
  party.give({ type: 'connected', peer: bruno.nodeId })
  const mine = channelOf([carla, bruno], 3)
  const exhaust = (round: number) => {
    for (let i = 0; i < 20; i += 1) {
      const liar = `03${(1_000 * round + i).toString(16).padStart(64, '0')}`
      party.give({ type: 'connected', peer: liar })
      for (const lie of fakes(20, [mallory, trent], 1_000 * round + i * 20))
        party.give({ type: 'message', peer: liar, message: news(lie) })
    }
  }
  const heard = (salt: number) => {
    const real = channelOf([anna, bruno], salt)
    chain.channels.set(real.id, OPEN)
    tell(party, bruno, announcementOf(real))
    return party.graph.channels.has(real.id)
  }
  exhaust(0)
  expect(heard(11)).toBe(false)
  party.give(ownChannel(mine, 0, false))
  clock.nowMs += 1_000
  expect(heard(12)).toBe(true)
  exhaust(1)
  party.give({ type: 'own-channel-gone', channelId: mine.id })
  expect(heard(13)).toBe(false)
})

test('GO-50: unasked items above the rate are not looked at, and cost credit', () => {
  const { party, clock } = scene()
  tell(party, mallory, announcementOf(channel))
  const old = encodeItem(policyOf(channel, 0, START_MS))
  tell(party, mallory, old)
  const lot = Array.from({ length: 128 }, () => old)
  for (let i = 0; i < 90; i += 1) tell(party, mallory, ...lot)
  expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(false)
  for (let i = 0; i < 60; i += 1) tell(party, mallory, ...lot)
  expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(true)
})

test('GO-50: unasked messages of any kind are counted', () => {
  const empty = packEntries([])
  const messages: GossipMessage[] = [
    { type: 'gossip-list', bucket: 3, entries: empty },
    { type: 'gossip-items', answer: true, items: packItems([]) },
    { type: 'gossip-digest', hashes: new Uint8Array(8 * GOSSIP_BUCKETS) },
    {
      type: 'announce-offer',
      channelId: channel.channelId,
      signerSignature: new Uint8Array(64),
      nodeSignature: new Uint8Array(64),
    },
  ]
  for (const message of messages) {
    const { party, clock } = scene()
    for (let i = 0; i < 300; i += 1) party.give({ type: 'message', peer: mallory.nodeId, message })
    expect(party.book.muted(mallory.nodeId, clock.nowMs)).toBe(true)
  }
})

test('GO-43: a flood of genuine updates of one direction is taken, kept and told on at the rate of one direction', () => {
  const { party, clock } = scene()
  party.give({ type: 'connected', peer: trent.nodeId })
  tell(party, mallory, announcementOf(channel))
  let taken = 0
  let last: unknown
  for (let i = 0; i < 2_000; i += 1) {
    clock.nowMs += 20
    tell(party, mallory, policyOf(channel, 0, START_MS + i, { feePpm: i % 1_000 }))
    const now = party.graph.channels.get(channel.id)?.policies[0]
    if (now !== last) taken += 1
    last = now
    if (i % 10 === 0) party.give({ type: 'tick' })
  }
  expect(taken).toBe(12)
  const toldOn = party.mail(trent.nodeId).filter(({ type }) => type === 'gossip-items')
  expect(toldOn.length).toBeLessThanOrEqual(13)
  expect(party.rows.size).toBe(2)
})

/** Entries of channels that nobody has. */
function phantoms(bucket: number, count: number): Uint8Array {
  const entries = Array.from({ length: count }, (_, i) => {
    const key = new Uint8Array(16)
    key.set([bucket >> 2, ((bucket & 3) << 6) | (i >> 8), i & 255])
    return { key, sequence: 0 }
  })
  return packEntries(entries)
}

test('GO-62: a peer that answers with lies, nonsense or nothing is given up, and others are asked', () => {
  const random = randomOf(7)
  const hashes = Uint8Array.from({ length: 8 * GOSSIP_BUCKETS }, () => 1 + random(255))
  const lists: ((bucket: number) => Uint8Array)[] = [
    (bucket) => phantoms(bucket, 4_096),
    (bucket) => phantoms(bucket, 3),
    () => new Uint8Array(24),
    () => packEntries([]),
  ]
  for (const list of lists) {
    const { party, clock, chain } = scene()
    party.give({ type: 'message', peer: mallory.nodeId, message: { type: 'gossip-digest', hashes } })
    let asked = 0
    for (let i = 0; i < 3_000; i += 1) {
      clock.nowMs += 250
      party.give({ type: 'tick' })
      for (const message of party.mail(mallory.nodeId)) {
        if (message.type === 'gossip-want') asked += message.keys.length / 16
        const answers: GossipMessage[] =
          message.type === 'gossip-ask'
            ? message.buckets.map((bucket) => ({ type: 'gossip-list', bucket, entries: list(bucket) }))
            : message.type === 'gossip-want' && i % 2 === 0
              ? [{ type: 'gossip-items', answer: true, items: packItems([]) }]
              : []
        for (const answer of answers) party.give({ type: 'message', peer: mallory.nodeId, message: answer })
      }
    }
    // Given up after a minute without a gain: twenty keys every second tick until then.
    expect(asked).toBeLessThanOrEqual(20 * 122)
    expect(party.lookups).toBe(0)
    // It can still learn from somebody else.
    const teacher = createParty(trent, clock, chain)
    teacher.give({ type: 'connected', peer: bruno.nodeId })
    tell(teacher, bruno, announcementOf(channel), policyOf(channel, 0, clock.nowMs))
    teacher.give({ type: 'disconnected', peer: bruno.nodeId })
    teacher.give({ type: 'connected', peer: carla.nodeId })
    party.give({ type: 'connected', peer: trent.nodeId })
    for (let i = 0; i < 20; i += 1) {
      clock.nowMs += 250
      for (const message of teacher.mail(carla.nodeId))
        party.give({ type: 'message', peer: trent.nodeId, message })
      for (const message of party.mail(trent.nodeId))
        teacher.give({ type: 'message', peer: carla.nodeId, message })
      for (const one of [party, teacher]) one.give({ type: 'tick' })
    }
    expect(graphText(party.graph)).toBe(graphText(teacher.graph))
  }
})

test('GO-62: strangers that lead us on do not keep us from one that tells something', () => {
  const { party, clock, chain } = scene()
  const hashes = new Uint8Array(8 * GOSSIP_BUCKETS).fill(1)
  const liars = Array.from({ length: 12 }, (_, i) => keysOf(`sybil ${i}`))
  for (const liar of liars) party.give({ type: 'connected', peer: liar.nodeId })
  for (const liar of liars)
    party.give({ type: 'message', peer: liar.nodeId, message: { type: 'gossip-digest', hashes } })
  const teacher = createParty(trent, clock, chain)
  teacher.give({ type: 'connected', peer: bruno.nodeId })
  tell(teacher, bruno, announcementOf(channel), policyOf(channel, 0, clock.nowMs))
  teacher.give({ type: 'connected', peer: carla.nodeId })
  party.give({ type: 'connected', peer: trent.nodeId })
  for (let second = 0; second < 600; second += 1) {
    clock.nowMs += 1_000
    for (const liar of liars) {
      for (const message of party.mail(liar.nodeId)) {
        const nothing: GossipMessage = { type: 'gossip-items', answer: true, items: packItems([]) }
        if (message.type === 'gossip-want')
          party.give({ type: 'message', peer: liar.nodeId, message: nothing })
        if (message.type !== 'gossip-ask') continue
        for (const bucket of message.buckets) {
          const list: GossipMessage = { type: 'gossip-list', bucket, entries: phantoms(bucket, 1_024) }
          party.give({ type: 'message', peer: liar.nodeId, message: list })
        }
      }
      const again: GossipMessage = { type: 'gossip-digest', hashes }
      if (second % 25 === 0) party.give({ type: 'message', peer: liar.nodeId, message: again })
    }
    for (const message of teacher.mail(carla.nodeId))
      if (message.type !== 'gossip-items' || message.answer)
        party.give({ type: 'message', peer: trent.nodeId, message })
    for (const message of party.mail(trent.nodeId))
      teacher.give({ type: 'message', peer: carla.nodeId, message })
    for (const one of [party, teacher]) one.give({ type: 'tick' })
  }
  expect(party.graph.channels.size).toBe(1)
})

test('GO-61: many questions at once are one question, and answers are paced', () => {
  const { party, clock, chain } = scene()
  party.give({ type: 'connected', peer: bruno.nodeId })
  const keys: Uint8Array[] = []
  for (let salt = 0; salt < 300; salt += 1) {
    const real = channelOf([anna, bruno], salt)
    chain.channels.set(real.id, OPEN)
    tell(party, bruno, announcementOf(real), policyOf(real, 0, START_MS - 4_000_000))
    keys.push(new Uint8Array([...real.channelId.slice(0, 15), 0]))
    clock.nowMs += 25
  }
  party.mail(mallory.nodeId)
  const want = { type: 'gossip-want', keys: Buffer.concat(keys.slice(0, 128)) } as const
  let bytes = 0
  let answers = 0
  const count = () => {
    for (const message of party.mail(mallory.nodeId)) {
      if (message.type !== 'gossip-items') continue
      answers += 1
      bytes += message.items.length
    }
  }
  for (let second = 0; second < 20; second += 1) {
    for (let i = 0; i < 15; i += 1) party.give({ type: 'message', peer: mallory.nodeId, message: want })
    clock.nowMs += 1_000
    party.give({ type: 'tick' })
    count()
  }
  expect(answers).toBeGreaterThan(20)
  expect(bytes).toBeLessThanOrEqual(1_048_576 + 20 * 524_288 + 128 * 489)
})

test('GO-70: nobody else can consent for the other end, and a forged consent is not kept', () => {
  const mine = channelOf([carla, anna], 5)
  const { party, clock } = scene()
  party.give(ownChannel(mine, 0, true))
  party.give({ type: 'connected', peer: anna.nodeId })
  const claim = {
    type: 'ChannelAnnouncement',
    domain: domainOf(crypto, CHAIN_ID, BANK),
    channelId: mine.channelId,
    nodeIds: [carla.nodeIdBytes, anna.nodeIdBytes],
  } as const
  const consentOf = (keys: Keys): GossipMessage => ({
    type: 'announce-consent',
    channelId: mine.channelId,
    signerSignature: keys.signer.announce(claim),
    nodeSignature: keys.identity.announce(claim),
  })
  // Genuine, but not its to give; then its own, but not genuine.
  party.give({ type: 'message', peer: mallory.nodeId, message: consentOf(anna) })
  expect(lastRefusal(party)).toMatchObject({ refusal: { code: 'not-a-party' } })
  party.give({ type: 'message', peer: anna.nodeId, message: consentOf(mallory) })
  expect(lastRefusal(party)).toMatchObject({ peer: anna.nodeId, refusal: { code: 'signature-wrong' } })
  expect(party.lookups).toBe(0)
  party.give({ type: 'message', peer: anna.nodeId, message: consentOf(anna) })
  expect(party.lookups).toBe(1)
  expect(party.book.muted(anna.nodeId, clock.nowMs)).toBe(false)
})

test('GO-30: an answer about a channel that was not asked for changes nothing', () => {
  const { party } = scene()
  const strange = `0x${'ab'.repeat(32)}` as Hex
  party.give({ type: 'looked-up', channelId: strange, answer: OPEN })
  party.give({ type: 'chain-changed', channelId: strange, ended: true })
  expect(party.graph.channels.size).toBe(0)
})

test('GO-54: random messages from a random peer never throw and teach nothing', () => {
  const random = randomOf(20_261_120)
  const { party, clock } = scene()
  const bytes = (length: number) => Uint8Array.from({ length }, () => random(256))
  for (let i = 0; i < 3_000; i += 1) {
    clock.nowMs += random(60_000)
    const messages: GossipMessage[] = [
      { type: 'gossip-digest', hashes: bytes(8 * GOSSIP_BUCKETS) },
      { type: 'gossip-ask', buckets: [random(1_024)] },
      { type: 'gossip-list', bucket: random(1_024), entries: bytes(24 * random(5)) },
      { type: 'gossip-want', keys: bytes(16 * (1 + random(5))) },
      { type: 'gossip-items', answer: random(2) === 0, items: bytes(random(300)) },
      {
        type: 'announce-consent',
        channelId: bytes(32),
        signerSignature: bytes(64),
        nodeSignature: bytes(64),
      },
    ]
    const message = messages[i % 50 === 0 ? 0 : 1 + random(5)]
    if (message !== undefined) party.give({ type: 'message', peer: mallory.nodeId, message })
    party.give({ type: 'tick' })
    party.sent.length = 0
  }
  expect(party.graph.channels.size).toBe(0)
  expect(party.lookups).toBe(0)
})
