/** The events: in order, resumable, bounded. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeClient, type NodeClient, type ReceivedEvent } from '@tallystick/client'
import { loadCrypto } from '@tallystick/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEventLog } from '../../src/api/event-log.ts'
import { type ApiServer, startApiServer } from '../../src/api/server.ts'
import type { NodeEvent } from '../../src/engine/service.ts'
import { relayTo } from '../transport/wire.ts'
import { channelView, type PaperNode, paperNode } from './paper-node.ts'

const { crypto } = await loadCrypto()

function warning(message: string): NodeEvent {
  return { type: 'warning', atMs: 1, code: 'test', message }
}

function messages(events: readonly { event: { type: string; message?: string } }[]): (string | undefined)[] {
  return events.map(({ event }) => event.message ?? event.type)
}

describe('the event log', () => {
  test('listens to the engine only while somebody reads', () => {
    const node = paperNode()
    const log = createEventLog(node, { lingerMs: 60_000 })
    expect(node.listeners).toBe(0)
    const reader = log.read(undefined)
    expect(node.listeners).toBe(1)
    reader.close()
    reader.close()
    expect(node.listeners).toBe(1)
    log.close()
    expect(node.listeners).toBe(0)
  })

  test('starts from now, and goes on after an id', async () => {
    const node = paperNode()
    const log = createEventLog(node)
    const first = log.read(undefined)
    for (const message of ['a', 'b', 'c']) node.emit(warning(message))
    const a = await first.next(0)
    expect(a?.event).toEqual(warning('a'))
    expect((await log.read(undefined).next(0))?.event).toBeUndefined()
    const resumed = log.read(a?.id)
    expect(messages([await resumed.next(0), await resumed.next(0)].flatMap((event) => event ?? []))).toEqual([
      'b',
      'c',
    ])
    expect(await resumed.next(0)).toBeUndefined()
    log.close()
  })

  test('wakes a waiting reader', async () => {
    const node = paperNode()
    const log = createEventLog(node)
    const reader = log.read(undefined)
    const next = reader.next(60_000)
    node.emit(warning('now'))
    expect((await next)?.event).toEqual(warning('now'))
    log.close()
  })

  test('says `reset` to who fell out of the log, comes from another run, or is too slow', async () => {
    const node = paperNode()
    const log = createEventLog(node, { capacity: 2 })
    const slow = log.read(undefined)
    const quick = log.read(undefined)
    node.emit(warning('1'))
    const one = await quick.next(0)
    for (const message of ['2', '3', '4']) node.emit(warning(message))
    expect((await slow.next(0))?.event).toMatchObject({ type: 'reset', reason: 'too-slow' })
    expect(await slow.next(0)).toBeUndefined()
    expect((await log.read(one?.id).next(0))?.event).toMatchObject({ type: 'reset', reason: 'too-old' })
    const stranger = log.read(`${'ab'.repeat(8)}-1`)
    const reset = await stranger.next(0)
    expect(reset?.event).toMatchObject({ type: 'reset', reason: 'restarted' })
    node.emit(warning('5'))
    expect((await log.read(reset?.id).next(0))?.event).toEqual(warning('5'))
    log.close()
  })

  test('takes only so many readers', () => {
    const log = createEventLog(paperNode(), { maxReaders: 1 })
    const reader = log.read(undefined)
    expect(() => log.read(undefined)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
    reader.close()
    log.read(undefined).close()
    log.close()
  })
})

describe('over HTTP', () => {
  let directory: string
  let node: PaperNode
  let server: ApiServer
  let token: string
  let client: NodeClient
  const stop = new AbortController()

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tallystick-events-'))
    node = paperNode()
    const tokenFile = join(directory, 'api.token')
    server = await startApiServer({ service: node, crypto, tokenFile })
    token = readFileSync(tokenFile, 'utf8').trim()
    client = createNodeClient({ baseUrl: server.url, token })
  })
  afterEach(async () => {
    await server.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Reads `count` events; `emit` runs once the stream stands. */
  async function take(count: number, emit: () => void, lastEventId?: string): Promise<ReceivedEvent[]> {
    const taken: ReceivedEvent[] = []
    const options = {
      signal: stop.signal,
      onOpen: emit,
      ...(lastEventId === undefined ? {} : { lastEventId }),
    }
    for await (const event of client.events(options)) {
      taken.push(event)
      if (taken.length === count) break
    }
    return taken
  }

  test('events arrive in order with all their fields, and resume after the last one seen', async () => {
    const payments: NodeEvent = {
      type: 'payments',
      atMs: 2,
      channelId: channelView.channelId,
      direction: 'incoming',
      state: 'accepted',
      count: 3,
      amount: 2n ** 70n,
    }
    const seen = await take(2, () => {
      node.emit(payments)
      node.emit({ type: 'channel', atMs: 3, channel: channelView })
      node.emit(warning('missed'))
    })
    expect(seen[0]?.event).toEqual(payments)
    expect(seen[1]?.event).toMatchObject({
      type: 'channel',
      channel: { depositMine: channelView.depositMine },
    })
    expect(messages(await take(1, () => undefined, seen[1]?.id))).toEqual(['missed'])
  })

  test('a client whose connection breaks comes back and misses nothing', async () => {
    const { port, hostname } = new URL(server.url)
    const relay = await relayTo({ host: hostname, port: Number(port) })
    const relayed = createNodeClient({ baseUrl: `http://127.0.0.1:${relay.port}`, token })
    let opened = 0
    const got: ReceivedEvent[] = []
    const onOpen = () => {
      opened++
      if (opened > 1) return
      node.emit(warning('1'))
    }
    for await (const event of relayed.events({ onOpen })) {
      got.push(event)
      if (got.length === 1) {
        node.emit(warning('2'))
        relay.cut()
      }
      if (got.length === 2) node.emit(warning('3'))
      if (got.length === 3) break
    }
    expect(messages(got)).toEqual(['1', '2', '3'])
    expect(opened).toBe(2)
    await relay.close()
  })

  test('listeners that leave free their places', async () => {
    // More than may listen at once, one after the other.
    for (let i = 0; i < 80; i++) await take(1, () => node.emit(warning(String(i))))
  })

  test('closing the server ends the streams', async () => {
    const closed = new Promise<void>((resolve) => {
      void (async () => {
        for await (const _ of client.events({ once: true, onOpen: () => void server.close() })) {
          // Nothing is said.
        }
        resolve()
      })()
    })
    await closed
  })
})
