/**
 * What the chain says, into the loop. Money counts from final blocks only; a close counts from the newest block, because
 * freezing too early costs nothing and too late costs everything (CL-1).
 *
 * The final block is the cursor: it is committed with what its events changed, so that a restart misses and repeats nothing.
 */

import {
  type BlockRef,
  ChainError,
  type ChainEvent,
  type ChainFact,
  type ChannelRecord as ChainRecord,
  type ChainView,
  type ChainWatch,
  type ChannelReading,
} from '@tallystick/protocol'
import { takeClaimables } from './claimables.ts'
import { drive, hasCourtWork } from './closing.ts'
import { endFactOf, endFactsUpTo } from './end-facts.ts'
import { driveFunding } from './funding.ts'
import { takeFinalTime, takeResolved } from './locks/chain-facts.ts'
import { run } from './machine.ts'
import { decideAtEnd } from './outcomes.ts'
import { retractResolved, rewindResolved, seeResolved, settleResolved } from './registry-book.ts'
import { amend, type Channel, type Group, post, type Runtime } from './runtime.ts'
import type { Hex } from './service.ts'
import { chainStatus } from './views.ts'

/** The first form did not keep what the registry said: a store with that alone reads the chain from the start. */
const CURSOR = 'chain.cursor.2'
/** Between two attempts at a reading that a final block needs. */
const RETRY_MS = 1_000

export async function startChainWatch(rt: Runtime): Promise<ChainWatch> {
  const stored = await rt.ports.store.getMeta(CURSOR)
  const cursor = stored === undefined ? undefined : decodeCursor(stored)
  rt.final = cursor
  for (const channel of rt.channels.values()) if (concerned(channel)) look(rt, channel)
  void takeClaimables(rt)
  return rt.ports.chain.watch(cursor, (fact) => deliver(rt, fact))
}

async function deliver(rt: Runtime, fact: ChainFact): Promise<void> {
  switch (fact.kind) {
    case 'head':
      post(rt, (group) => takeHead(rt, group, fact.block))
      return
    case 'seen':
      rt.network.gossip.chainEvent(fact.event)
      post(rt, (group) => takeSeen(rt, group, fact.event))
      return
    case 'retracted':
      post(rt, () => takeRetracted(rt, fact.event))
      return
    case 'final':
      for (const event of fact.events) rt.network.gossip.chainEvent(event)
      await takeFinal(rt, fact.block, fact.events)
      return
    case 'rewound':
      await takeRewound(rt, fact.to)
      return
    case 'health':
      post(rt, (group) => {
        rt.chainHealth = fact.health
        group.effects.push(() =>
          rt.events.emit({ type: 'chain', atMs: rt.ports.nowMs(), chain: chainStatus(rt) }),
        )
      })
  }
}

/** Channels whose end is not final yet: the others are never looked at again. */
function concerned(channel: Channel): boolean {
  return channel.record.abandoned === undefined && channel.core.chain.status !== 'closed'
}

function takeHead(rt: Runtime, group: Group, block: BlockRef): void {
  rt.head = block
  for (const channel of rt.channels.values()) {
    if (!concerned(channel)) continue
    if (hasCourtWork(channel)) group.effects.push(() => drive(rt, channel))
  }
}

function takeSeen(rt: Runtime, group: Group, event: ChainEvent): void {
  if (event.name === 'Resolved') {
    seeResolved(rt.registry, event)
    takeResolved(rt, group, event)
    return
  }
  const channel = channelOfEvent(rt, event)
  if (channel === undefined) return
  group.touched.add(channel)
  if (event.name === 'Closed') seeClose(rt, group, channel)
  look(rt, channel)
}

function seeClose(rt: Runtime, group: Group, channel: Channel): void {
  run(rt, group, channel, { type: 'close-seen' })
}

function channelOfEvent(rt: Runtime, event: ChainEvent): Channel | undefined {
  const channel = 'channelId' in event ? rt.channels.get(event.channelId) : undefined
  return channel?.record.abandoned === undefined ? channel : undefined
}

function takeRetracted(rt: Runtime, event: ChainEvent): void {
  if (event.name === 'Resolved') retractResolved(rt.registry, event)
  const channel = channelOfEvent(rt, event)
  if (channel !== undefined) look(rt, channel)
}

/** Reads what the newest block says of a channel; one reading at a time, and again when something happens meanwhile. */
export function look(rt: Runtime, channel: Channel): void {
  const { now } = channel
  if (now.lookup !== 'none') {
    now.lookup = 'again'
    return
  }
  now.lookup = 'running'
  void rt
    .reads(() => readNow(rt, channel))
    .then(
      ([reading, record]) =>
        post(rt, (group) => {
          const again = now.lookup === 'again'
          now.lookup = 'none'
          takeNow(rt, group, channel, reading, record)
          if (again) look(rt, channel)
        }),
      (error: unknown) => {
        rt.ports.log.warn({ channel: channel.id }, `reading the chain: ${String(error)}`)
        setTimeout(() => {
          now.lookup = 'none'
          if (rt.running) look(rt, channel)
        }, RETRY_MS).unref()
      },
    )
}

async function readNow(
  rt: Runtime,
  channel: Channel,
): Promise<readonly [ChannelReading, ChainRecord | undefined]> {
  const { chain } = rt.ports
  const reading = await chain.channel(channel.id, 'head')
  const ending = reading.status === 'closing' || reading.status === 'settled'
  return [reading, ending ? await chain.record(channel.id, 'head') : undefined]
}

function takeNow(
  rt: Runtime,
  group: Group,
  channel: Channel,
  reading: ChannelReading,
  record: ChainRecord | undefined,
): void {
  channel.now.status = reading.status
  channel.now.record = record
  group.touched.add(channel)
  const ended = reading.status === 'closing' || reading.status === 'settled'
  if (ended && channel.core.closing === undefined) seeClose(rt, group, channel)
  group.effects.push(() => {
    drive(rt, channel)
    driveFunding(rt, channel)
  })
}

async function takeFinal(rt: Runtime, block: BlockRef, events: readonly ChainEvent[]): Promise<void> {
  const wanted = new Set<Channel>()
  for (const event of events) {
    const channel = channelOfEvent(rt, event)
    if (channel !== undefined) wanted.add(channel)
  }
  // Time passes for what is pending, also without an event.
  for (const channel of rt.channels.values()) if (concerned(channel) && pending(channel)) wanted.add(channel)
  const readings = await readFinal(rt, wanted, block)
  if (readings === undefined || !rt.running) return
  await new Promise<void>((resolve) => {
    post(rt, (group) => {
      rt.final = block
      for (const event of events) {
        if (event.name !== 'Resolved') {
          recordEnd(rt, group, event)
          continue
        }
        settleResolved(rt.registry, group, event)
        takeResolved(rt, group, event)
      }
      takeFinalTime(rt, group)
      for (const [channel, reading] of readings) takeView(rt, group, channel, reading)
      group.changes.push({ type: 'meta.put', row: { key: CURSOR, bytes: encodeCursor(block) } })
      group.effects.push(() => {
        for (const channel of wanted) look(rt, channel)
        if (events.some((event) => event.name === 'PayoutFailed' && event.owner === rt.ports.chain.account))
          void takeClaimables(rt)
        rt.onStop.delete(resolve)
        resolve()
      })
    })
    rt.onStop.add(resolve)
  })
}

function pending(channel: Channel): boolean {
  const { core } = channel
  return (
    core.withdrawals[0] !== undefined ||
    core.withdrawals[1] !== undefined ||
    core.together !== undefined ||
    core.closing !== undefined
  )
}

/**
 * Reads at the very block of the events, so that status and events always tell the same story; where the EVM node has
 * forgotten that block, at the newest final one. Undefined when the node stops before the chain answers.
 */
async function readFinal(
  rt: Runtime,
  channels: ReadonlySet<Channel>,
  block: BlockRef | 'final',
): Promise<ReadonlyMap<Channel, ChannelReading> | undefined> {
  const readings = new Map<Channel, ChannelReading>()
  let at: BlockRef | 'final' = block
  for (const channel of channels) {
    while (!readings.has(channel)) {
      if (!rt.running) return undefined
      try {
        readings.set(channel, await rt.ports.chain.channel(channel.id, at))
      } catch (error) {
        if (at !== 'final' && error instanceof ChainError && error.code === 'state_unavailable') {
          at = 'final'
          continue
        }
        rt.ports.log.warn({ channel: channel.id }, `reading the chain: ${String(error)}`)
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }
  return readings
}

/** Gives the core what a final block says; an older block than it knows says nothing new. */
function takeView(rt: Runtime, group: Group, channel: Channel, reading: ChannelReading): void {
  const timeSeconds = Number(reading.block.timestampSeconds)
  const view: ChainView = {
    status: reading.status,
    timeSeconds,
    deposits: reading.deposits,
    withdrawn: reading.withdrawn,
  }
  if (timeSeconds < channel.core.chain.timeSeconds) return
  run(rt, group, channel, { type: 'chain', view })
}

async function takeRewound(rt: Runtime, to: BlockRef | undefined): Promise<void> {
  rt.ports.log.error({ to: to?.number.toString() }, 'blocks that were final left the chain')
  rt.events.emit({
    type: 'warning',
    atMs: rt.ports.nowMs(),
    code: 'final-block-reverted',
    message:
      'Blocks that counted as final left the chain: the finality depth is too small, or the chain was reset.',
  })
  const told = (channel: Channel) => channel.record.endFacts !== endFactsUpTo(channel.record.endFacts, to)
  const channels = new Set([...rt.channels.values()].filter((one) => concerned(one) || told(one)))
  const readings = await readFinal(rt, channels, 'final')
  if (readings === undefined) return
  post(rt, (group) => {
    rt.final = to
    rewindResolved(rt.registry, group, to)
    for (const [channel, reading] of readings) {
      const { status, deposits, withdrawn, block } = reading
      const view = { status, deposits, withdrawn, timeSeconds: Number(block.timestampSeconds) }
      run(rt, group, channel, { type: 'chain', view })
      amend(group, channel, { endFacts: endFactsUpTo(channel.record.endFacts, to) })
      group.effects.push(() => look(rt, channel))
    }
    if (to === undefined) group.changes.push({ type: 'meta.delete', key: CURSOR })
    else group.changes.push({ type: 'meta.put', row: { key: CURSOR, bytes: encodeCursor(to) } })
  })
}

/** Keeps what the event tells of the end of its channel, and decides the open payments where that is the last word. */
function recordEnd(rt: Runtime, group: Group, event: ChainEvent): void {
  const channel = channelOfEvent(rt, event)
  const fact = endFactOf(event)
  if (channel === undefined || fact === undefined) return
  amend(group, channel, { endFacts: [...channel.record.endFacts, fact] })
  // Nothing more is signed before it is decided what was.
  seeClose(rt, group, channel)
  decideAtEnd(rt, group, channel)
}

function encodeCursor(block: BlockRef): Uint8Array {
  return Buffer.from(
    JSON.stringify({ number: `${block.number}`, hash: block.hash, timestamp: `${block.timestampSeconds}` }),
  )
}

function decodeCursor(bytes: Uint8Array): BlockRef {
  const { number, hash, timestamp } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, string>
  if (number === undefined || hash === undefined || timestamp === undefined)
    throw new Error('chain.cursor is damaged')
  return { number: BigInt(number), hash: hash as Hex, timestampSeconds: BigInt(timestamp) }
}
