/** The stored form of a channel (versioned, strict), the wire, and the encodings under them (EN-80 to EN-92). */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Content,
  checkReceipt,
  contentHash,
  decodeMessage,
  decodeOperations,
  decodeState,
  encodeMessage,
  encodeOperations,
  encodeState,
  fromHex,
  type Lock,
  type LockTree,
  lockAt,
  lockChanges,
  lockPath,
  locksOf,
  locksRoot,
  MAX_MESSAGE_BYTES,
  MAX_OPERATIONS,
  type Message,
  memoReceipt,
  memoRoot,
  NO_LOCKS,
  type Operation,
  REFUSALS,
  type RefusalCode,
  refusal,
  refusalCodeOfWire,
  removeLock,
  rootOfPath,
  STATE_VERSION,
  setLock,
  toHex,
} from '../src/index.ts'
import { crypto } from './crypto.ts'
import { MESSAGES } from './vectors/build.ts'
import { act, connectedWorld, lock, OPEN_POLICY, pay, START, settle, T, type World } from './world.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const amount = fc.bigInt({ min: 1n, max: (1n << 128n) - 1n })

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ type: fc.constant('pay' as const), amount, reference: bytes(32) }),
  fc.record({
    type: fc.constant('lock' as const),
    slot: fc.nat({ max: 511 }),
    amount,
    condition: bytes(32),
    expiry: fc.maxSafeNat(),
    payload: fc.uint8Array({ maxLength: 1024 }),
  }),
  fc.record({
    type: fc.constant('unlock' as const),
    slot: fc.nat({ max: 511 }),
    key: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({
    type: fc.constant('drop' as const),
    slot: fc.nat({ max: 511 }),
    reason: fc.nat({ max: 65_535 }),
  }),
)

function encoded(operations: readonly Operation[]) {
  const result = encodeOperations(operations)
  if ('code' in result) throw new Error(result.code)
  return result
}

test('EN-80: operations decode to what was encoded, and bytes to one encoding', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
      const one = encoded(operations)
      const back = decodeOperations(one.bytes, operations.length)
      expect(back).toEqual({ operations, bytes: one.bytes, ends: one.ends })
      const wrongCount = decodeOperations(one.bytes, operations.length + 1)
      expect('code' in wrongCount && wrongCount.code).toBe('operations-malformed')
    }),
  )
})

test('EN-80: whatever decodes is the canonical encoding of what it says; nothing throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 5 }), (random, count) => {
      const decoded = decodeOperations(random, count)
      if ('code' in decoded) return
      expect(encoded(decoded.operations).bytes).toEqual(random)
    }),
  )
})

test('EN-11: too many operations are refused before they are read', () => {
  const many = Array.from({ length: MAX_OPERATIONS + 1 }, () => pay(1n))
  for (const result of [encodeOperations(many), decodeOperations(new Uint8Array(0), MAX_OPERATIONS + 1)])
    expect('code' in result && result.code).toBe('operations-too-many')
  const long = Array.from({ length: 500 }, (_, slot): Operation => {
    const key = new Uint8Array(1100)
    return { type: 'unlock', slot, key }
  })
  const result = encodeOperations(long)
  expect('code' in result && result.code).toBe('operations-too-many')
})

test('EN-50 to EN-52: every operation has a receipt, and no receipt proves anything else', () => {
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 1, maxLength: 40 }),
      fc.nat(),
      fc.nat(),
      (operations, at, other) => {
        const line = encoded(operations)
        const root = memoRoot(crypto, line)
        const index = at % operations.length
        const receipt = memoReceipt(crypto, line, index)
        expect(checkReceipt(crypto, root, receipt)).toBe(true)
        const elsewhere = other % operations.length
        const moved = { ...receipt, index: elsewhere }
        if (elsewhere !== index) expect(checkReceipt(crypto, root, moved)).toBe(false)
        expect(checkReceipt(crypto, root, { ...receipt, count: receipt.count + 1 })).toBe(false)
        expect(checkReceipt(crypto, root, { ...receipt, path: [...receipt.path, root] })).toBe(false)
        const changed = receipt.operation.slice()
        changed[0] = (changed[0] ?? 0) ^ 1
        expect(checkReceipt(crypto, root, { ...receipt, operation: changed })).toBe(false)
      },
    ),
  )
})

const lockArbitrary: fc.Arbitrary<Lock> = fc.record({
  slot: fc.nat({ max: 511 }),
  amount: fc.bigInt({ min: 1n, max: 1n << 100n }),
  condition: bytes(32),
  expiry: fc.maxSafeNat(),
  born: fc.nat(),
})

function grown(changes: readonly (Lock | number)[]): { tree: LockTree; plain: Map<number, Lock> } {
  const plain = new Map<number, Lock>()
  let tree = NO_LOCKS
  for (const change of changes) {
    if (typeof change === 'number') {
      plain.delete(change)
      tree = removeLock(tree, change)
    } else {
      plain.set(change.slot, change)
      tree = setLock(tree, change)
    }
  }
  return { tree, plain }
}

test('EN-40 to EN-43: an incremental tree is the tree of its locks, with sums, paths and differences', () => {
  const changes = fc.array(fc.oneof(lockArbitrary, fc.nat({ max: 511 })), { maxLength: 60 })
  fc.assert(
    fc.property(changes, changes, (first, more) => {
      const { tree, plain } = grown(first)
      const sorted = [...plain.values()].sort((a, b) => a.slot - b.slot)
      expect(locksOf(tree)).toEqual(sorted)
      expect(tree.amount).toBe(sorted.reduce((sum, one) => sum + one.amount, 0n))
      expect(tree.lockedUntil).toBe(sorted.reduce((latest, one) => Math.max(latest, one.expiry), 0))
      const root = locksRoot(crypto, tree)
      expect(toHex(root)).toBe(toHex(locksRoot(crypto, grown(sorted).tree)))
      for (const one of sorted) {
        const path = lockPath(crypto, tree, one.slot)
        expect(toHex(rootOfPath(crypto, one, path))).toBe(toHex(root))
        expect(toHex(rootOfPath(crypto, { ...one, amount: one.amount + 1n }, path))).not.toBe(toHex(root))
      }
      const after = grown([...first, ...more]).tree
      let rebuilt = tree
      for (const { slot, lock: held } of lockChanges(tree, after))
        rebuilt = held === undefined ? removeLock(rebuilt, slot) : setLock(rebuilt, held)
      expect(locksOf(rebuilt)).toEqual(locksOf(after))
    }),
    { numRuns: 60 },
  )
})

test('EN-43: all 512 slots can be taken', () => {
  let tree = NO_LOCKS
  for (let slot = 0; slot < 512; slot += 1)
    tree = setLock(tree, { slot, amount: 1n, condition: new Uint8Array(32), expiry: 1, born: 1 })
  expect(tree.count).toBe(512)
  expect(lockAt(tree, 511)?.slot).toBe(511)
  expect(() =>
    setLock(tree, { slot: 512, amount: 1n, condition: new Uint8Array(32), expiry: 1, born: 1 }),
  ).toThrow()
})

test('EN-30: content hashes do not depend on what was hashed before', () => {
  const content = (sent: bigint): Content => {
    return { sent, locked: 0n, lockedUntil: 0, locksRoot: new Uint8Array(32), memoRoot: new Uint8Array(32) }
  }
  const first = toHex(contentHash(crypto, content(1n)))
  contentHash(crypto, content((1n << 128n) - 1n))
  expect(toHex(contentHash(crypto, content(1n)))).toBe(first)
})

test('EN-90: every message survives the wire', () => {
  for (const message of MESSAGES) {
    const frame = encodeMessage(message)
    expect(decodeMessage(frame)).toEqual({ ok: true, message })
  }
  expect(new Set(MESSAGES.map(({ type }) => type)).size).toBe(23)
})

test('EN-90: trailing and missing bytes, unknown types, and too long frames are refused by name', () => {
  for (const message of MESSAGES) {
    const frame = encodeMessage(message)
    for (const wrong of [new Uint8Array([...frame, 0]), frame.slice(0, -1), frame.slice(0, 1)]) {
      const decoded = decodeMessage(wrong)
      expect(decoded.ok).toBe(false)
      if (!decoded.ok) expect(decoded.field.startsWith(message.type)).toBe(true)
    }
  }
  expect(decodeMessage(new Uint8Array(0))).toMatchObject({ ok: false, field: 'frame' })
  expect(decodeMessage(new Uint8Array([99]))).toMatchObject({ ok: false, field: 'type' })
  expect(decodeMessage(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toMatchObject({ ok: false, field: 'frame' })
})

test('EN-90: random and corrupted bytes never throw, and what decodes is encoded the same', () => {
  const corrupted = fc
    .tuple(fc.nat({ max: MESSAGES.length - 1 }), fc.nat(), fc.nat({ max: 255 }))
    .map(([which, at, value]) => {
      const frame = encodeMessage(MESSAGES[which] as Message)
      frame[at % frame.length] = value
      return frame
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), corrupted), (frame) => {
      const decoded = decodeMessage(frame)
      if (decoded.ok) expect(encodeMessage(decoded.message)).toEqual(frame)
    }),
    { numRuns: 2000 },
  )
})

test('EN-10: a nonce above 2^53 - 1 is refused by name', () => {
  const ping = encodeMessage({ type: 'ping', id: 1 })
  ping.set([0, 0x20, 0, 0, 0, 0, 0, 0], 1)
  expect(decodeMessage(ping)).toMatchObject({ ok: false, field: 'ping/id' })
})

test('every refusal has a code, a number of its own, a consequence and a remedy', () => {
  const numbers = Object.values(REFUSALS).map(({ wire }) => wire)
  expect(new Set(numbers).size).toBe(numbers.length)
  for (const code of Object.keys(REFUSALS) as RefusalCode[]) {
    expect(refusalCodeOfWire(REFUSALS[code].wire)).toBe(code)
    const one = refusal(code, 'field')
    expect(one.remedy.length).toBeGreaterThan(10)
    expect(['ignore', 'refuse', 'close-connection', 'close-channel']).toContain(one.consequence)
  }
})

/** A state with everything in it: live and burnt lines, locks, answers, withdrawals, an offer, a mark. */
function fullWorld(): World {
  const world = connectedWorld([10_000n, 10_000n])
  const [alice, bob] = world.sides
  act(world, alice, {
    type: 'send',
    operations: [lock(7, 100n, 'a', START + 9 * T), lock(9, 50n, 'b', START + 9 * T)],
  })
  act(world, bob, { type: 'send', operations: [lock(1, 100n, 'c', START + 9 * T), pay(3n)] })
  settle(world)
  act(world, bob, { type: 'ask-fail', slot: 7, born: 1, reason: 3, data: new Uint8Array(0) })
  act(world, bob, { type: 'withdraw', total: 77n, validUntil: START + 2 * T })
  settle(world)
  bob.policy = { ...OPEN_POLICY, refuseOperations: true }
  act(world, alice, { type: 'send', operations: [pay(5n)] })
  settle(world)
  act(world, alice, { type: 'send', operations: [pay(6n), lock(2, 60n, 'd', START + 9 * T)] })
  act(world, alice, { type: 'send', operations: [{ type: 'drop', slot: 7, reason: 3 }] })
  act(world, alice, { type: 'freeze', blind: false })
  return world
}

test('the stored form gives back the state, without its connection', () => {
  const world = fullWorld()
  for (const side of world.sides) {
    const stored = encodeState(side.state)
    const back = decodeState(crypto, stored)
    if (!('setup' in back)) throw new Error(`${back.field}: ${back.detail}`)
    const { link: _link, ...rest } = side.state
    const { link, ...same } = back
    expect(link).toEqual({ connected: false, synced: false, delivered: [] })
    expect(plain(same)).toEqual(plain(rest))
    expect(encodeState(back)).toEqual(stored)
  }
})

/** Without the hashes that trees remember once they have computed them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  if ('lockedUntil' in value && 'count' in value) return locksOf(value as LockTree).map(plain)
  return Object.fromEntries(entries.map(([key, one]) => [key, plain(one)]))
}

test('stored bytes that this version did not write are refused by name', () => {
  const [alice] = fullWorld().sides
  const stored = encodeState(alice.state)
  const fault = (wrong: Uint8Array) => {
    const decoded = decodeState(crypto, wrong)
    return 'setup' in decoded ? undefined : decoded.field
  }
  expect(fault(stored)).toBeUndefined()
  expect(fault(new Uint8Array([STATE_VERSION + 1, ...stored.slice(1)]))).toBe('version')
  expect(fault(new Uint8Array([...stored, 0]))).toBe('state')
  for (let length = 0; length < stored.length; length += 1)
    expect(fault(stored.slice(0, length))).toBeDefined()
  expect(fault(fromHex('0x02') ?? stored)).toBe('party')
})

test('corrupted stored bytes never throw', () => {
  const stored = encodeState(fullWorld().sides[0].state)
  fc.assert(
    fc.property(fc.nat({ max: stored.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
      const wrong = stored.slice()
      wrong[at] = value
      decodeState(crypto, wrong)
    }),
    { numRuns: 400 },
  )
})
