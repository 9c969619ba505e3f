/** Which of two sessions of the same nodes stays: both sides must choose the same one without asking. */
import { describe, expect, test } from 'vitest'
import { addressBlock } from '../../src/transport/admission.ts'
import { DEFAULT_LIMITS } from '../../src/transport/limits.ts'
import { createRefusalReports } from '../../src/transport/refusal-reports.ts'
import { SessionRegistry } from '../../src/transport/registry.ts'
import type { Link } from '../../src/transport/session.ts'
import { LinkSession } from '../../src/transport/session.ts'

const LOW = `02${'00'.repeat(32)}`
const HIGH = `03${'ff'.repeat(32)}`

const link: Link = {
  remoteAddress: 'nowhere',
  write() {},
  queuedBytes: () => 0,
  pause() {},
  resume() {},
  end() {},
}

/** The two nodes' views of the same sessions: each session is added on both, in any order. */
function world() {
  let nowMs = 0
  const low = new SessionRegistry(LOW, DEFAULT_LIMITS, () => nowMs)
  const high = new SessionRegistry(HIGH, DEFAULT_LIMITS, () => nowMs)
  return {
    wait: (ms: number) => {
      nowMs += ms
    },
    session(dialledBy: 'low' | 'high') {
      const atLow = new LinkSession(link, HIGH, dialledBy === 'low' ? 'us' : 'peer', DEFAULT_LIMITS)
      const atHigh = new LinkSession(link, LOW, dialledBy === 'high' ? 'us' : 'peer', DEFAULT_LIMITS)
      return { addLow: () => low.add(atLow), addHigh: () => high.add(atHigh), atLow, atHigh }
    },
    staying: () => [low.get(HIGH), high.get(LOW)],
  }
}

describe('TP-40: of two sessions', () => {
  test('dialled at the same time, the lower id’s stays, in every order of arrival', () => {
    for (const order of [0, 1, 2, 3]) {
      const { session, staying } = world()
      const [mine, theirs] = [session('low'), session('high')]
      if (order & 1) mine.addLow()
      theirs.addLow()
      if (!(order & 1)) mine.addLow()
      if (order & 2) mine.addHigh()
      theirs.addHigh()
      if (!(order & 2)) mine.addHigh()
      expect(staying()).toEqual([mine.atLow, mine.atHigh])
      expect([theirs.atLow.open, theirs.atHigh.open]).toEqual([false, false])
    }
  })

  test('dialled by the same node, the newer stays, also at once', () => {
    for (const by of ['low', 'high'] as const) {
      const { session, staying } = world()
      const [old, fresh] = [session(by), session(by)]
      old.addLow()
      old.addHigh()
      fresh.addLow()
      fresh.addHigh()
      expect(staying()).toEqual([fresh.atLow, fresh.atHigh])
    }
  })

  test('dialled the other way after the old one has stood a while, the newer stays', () => {
    const { session, staying, wait } = world()
    const [old, fresh] = [session('low'), session('high')]
    old.addLow()
    old.addHigh()
    wait(DEFAULT_LIMITS.simultaneousDialMs)
    fresh.addLow()
    fresh.addHigh()
    expect(staying()).toEqual([fresh.atLow, fresh.atHigh])
  })
})

describe('addresses count', () => {
  test.for([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s as %s', ([address, block]) => {
    expect(addressBlock(address ?? '')).toBe(block)
  })
})

test('refusals are reported at a bounded rate, and none is uncounted', () => {
  let nowMs = 0
  const reports: number[] = []
  const refused = createRefusalReports(
    ({ unreported }) => reports.push(unreported),
    { refusalReports: 2 },
    () => nowMs,
  )
  const reason = { code: 'tls-refused', by: 'us', detail: '' } as const
  for (let i = 0; i < 100; i++) refused('10.0.0.1', reason)
  expect(reports).toEqual([0, 0])
  nowMs = 5_000
  for (let i = 0; i < 10; i++) refused('10.0.0.1', reason)
  expect(reports).toEqual([0, 0, 98])
  nowMs = 1_000_000
  for (let i = 0; i < 10; i++) refused('10.0.0.1', reason)
  expect(reports).toEqual([0, 0, 98, 9, 0])
})
