/** The gossip store keeps what it was given, and losing it is harmless (GO-80). */

import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { encodeItem, policyKey } from '@tallystick/protocol'
import { expect, onTestFinished, test } from 'vitest'
import {
  GOSSIP_FILE,
  type GossipRow,
  type GossipStore,
  openGossipStore,
} from '../../../src/network/gossip/index.ts'
import { channelOf, keysOf, policyOf, START_MS } from './world.ts'

const DOMAIN = new Uint8Array(32).fill(5)

function home(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-gossip-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function open(directory: string, domain = DOMAIN): GossipStore {
  const store = openGossipStore({ directory, domain })
  onTestFinished(() => store.close())
  return store
}

function row(tag: number, name: number, capacity = 0n): GossipRow {
  const key = new Uint8Array(16).fill(name)
  key[15] = tag
  return {
    key,
    bytes: new Uint8Array([tag, name]),
    capacity,
    addedAtMs: START_MS,
    checkedAtMs: START_MS + name,
  }
}

function plain(rows: Iterable<GossipRow>) {
  return [...rows].map((one) => ({ ...one, key: [...one.key], bytes: [...one.bytes] }))
}

test('rows come back as they were put, channels before policies before nodes', () => {
  const directory = home()
  const store = open(directory)
  const rows = [row(3, 1), row(1, 9), row(0, 200, (1n << 126n) - 1n), row(2, 9), row(0, 7, 1n)]
  store.apply(rows.map((one) => ({ type: 'put', row: one })))
  store.apply([
    { type: 'delete', key: row(2, 9).key },
    { type: 'put', row: { ...row(1, 9), bytes: new Uint8Array([42]) } },
  ])
  const expected = plain([
    row(0, 7, 1n),
    row(0, 200, (1n << 126n) - 1n),
    { ...row(1, 9), bytes: new Uint8Array([42]) },
    row(3, 1),
  ])
  expect(plain(store.load())).toEqual(expected)
  store.close()
  store.close()
  expect(plain(open(directory).load())).toEqual(expected)
  expect(statSync(join(directory, GOSSIP_FILE)).mode & 0o077).toBe(0)
})

test('changes are made all together or not at all', () => {
  const store = open(home())
  const bad = { ...row(1, 2), key: new Uint8Array(3) }
  expect(() =>
    store.apply([
      { type: 'put', row: row(0, 1, 5n) },
      { type: 'put', row: bad },
    ]),
  ).toThrow()
  expect(plain(store.load())).toEqual([])
  store.apply([{ type: 'put', row: row(0, 1, 5n) }])
  expect(plain(store.load())).toEqual(plain([row(0, 1, 5n)]))
})

test('what a killed process had written is there', () => {
  const directory = home()
  const store = open(directory)
  store.apply([{ type: 'put', row: row(0, 1, 5n) }])
  // A second connection while the first is never closed: as after a kill.
  expect(plain(open(directory).load())).toEqual(plain([row(0, 1, 5n)]))
})

test('a cache of another chain or bank, of another version, or of something else is begun again', () => {
  const directory = home()
  const fill = () => {
    const store = open(directory)
    store.apply([{ type: 'put', row: row(0, 1, 5n) }])
    store.close()
  }
  fill()
  const other = open(directory, new Uint8Array(32).fill(6))
  expect(plain(other.load())).toEqual([])
  other.close()
  for (const change of ['PRAGMA user_version = 99', 'PRAGMA application_id = 1', 'DROP TABLE gossip_about']) {
    fill()
    const db = new DatabaseSync(join(directory, GOSSIP_FILE))
    db.exec(change)
    db.close()
    const store = open(directory)
    expect(plain(store.load())).toEqual([])
    store.close()
  }
})

test('a damaged file is begun again', () => {
  for (const damage of [
    (path: string) => writeFileSync(path, 'not a database, and longer than one hundred bytes'.repeat(40)),
    (path: string) => truncateSync(path, 5_000),
    (path: string) => appendFileSync(path, new Uint8Array(100)),
  ]) {
    const directory = home()
    const first = open(directory)
    first.apply(Array.from({ length: 200 }, (_, i) => ({ type: 'put', row: row(0, i, 5n) })))
    first.close()
    damage(join(directory, GOSSIP_FILE))
    const store = open(directory)
    expect([0, 200]).toContain([...store.load()].length)
    store.apply([{ type: 'put', row: row(1, 3) }])
    expect([...store.load()].length).toBeGreaterThan(0)
    store.close()
    expect(readdirSync(directory)).toContain(GOSSIP_FILE)
  }
})

test('a real item keeps its bytes', () => {
  const channel = channelOf([keysOf('anna'), keysOf('bruno')], 1)
  const bytes = encodeItem(policyOf(channel, 1, START_MS, { feePpm: -7 }))
  const store = open(home())
  const key = policyKey(channel.channelId, 1)
  store.apply([{ type: 'put', row: { key, bytes, capacity: 0n, addedAtMs: 1, checkedAtMs: 0 } }])
  const [stored] = [...store.load()]
  expect(Buffer.from(stored?.bytes ?? []).equals(bytes)).toBe(true)
})
