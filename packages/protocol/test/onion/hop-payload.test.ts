/** ON-30 to ON-38: one encoding for each payload, and everything else is refused by name. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeHopPayload,
  encodeHopPayload,
  type FinalPayload,
  type ForwardPayload,
  type HopPayload,
  MAX_AMOUNT,
  MAX_PAYMENT_METADATA,
  ONION_REFUSALS,
  onionRefusalCodeOfWire,
} from '../../src/index.ts'
import { accepted } from './fixtures.ts'

const word = fc.uint8Array({ minLength: 32, maxLength: 32 })
const amounts = fc.bigInt({ min: 1n, max: MAX_AMOUNT })
const expiries = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const forwards: fc.Arbitrary<ForwardPayload> = fc.record({
  type: fc.constant('forward'),
  channelId: word,
  amount: amounts,
  expiry: expiries,
})
const finals: fc.Arbitrary<FinalPayload> = fc
  .record({
    type: fc.constant('final' as const),
    amount: fc.bigInt({ min: 1n, max: MAX_AMOUNT / 2n }),
    expiry: expiries,
    paymentSecret: word,
    rest: fc.bigInt({ min: 0n, max: MAX_AMOUNT / 2n }),
    metadata: fc.uint8Array({ maxLength: MAX_PAYMENT_METADATA, size: 'max' }),
  })
  .map(({ rest, ...payload }) => ({ ...payload, total: payload.amount + rest }))
const payloads: fc.Arbitrary<HopPayload> = fc.oneof(forwards, finals)

const forward: ForwardPayload = {
  type: 'forward',
  channelId: new Uint8Array(32).fill(0xcc),
  amount: 0x0102n,
  expiry: 0x0304,
}
const final: FinalPayload = {
  type: 'final',
  amount: 5n,
  expiry: 6,
  paymentSecret: new Uint8Array(32).fill(0x55),
  total: 7n,
  metadata: new Uint8Array([8, 9]),
}

test('the bytes, as docs/spec/onion.md gives them', () => {
  const hex = (payload: HopPayload) => Buffer.from(accepted(encodeHopPayload(payload))).toString('hex')
  const uint = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, '0')
  expect(hex(forward)).toBe(`0101${'cc'.repeat(32)}${uint(0x0102, 16)}${uint(0x0304, 8)}`)
  expect(hex(final)).toBe(`0102${uint(5, 16)}${uint(6, 8)}${'55'.repeat(32)}${uint(7, 16)}00020809`)
})

test('payloads go round', () => {
  fc.assert(
    fc.property(payloads, (payload) => {
      const bytes = accepted(encodeHopPayload(payload))
      expect(decodeHopPayload(bytes, { final: payload.type === 'final' })).toEqual(payload)
    }),
  )
})

test('any bytes are refused or are the one encoding of what they say', () => {
  const damaged = fc.tuple(payloads, fc.nat(), fc.nat(255)).map(([payload, at, byte]) => {
    const bytes = accepted(encodeHopPayload(payload)).slice()
    bytes[at % bytes.length] = byte
    return bytes
  })
  fc.assert(
    fc.property(
      fc.oneof(damaged, fc.uint8Array({ maxLength: 700, size: 'max' })),
      fc.boolean(),
      (bytes, last) => {
        const decoded = decodeHopPayload(bytes, { final: last })
        if ('remedy' in decoded) expect(decoded.code).toMatch(/^payload-(version|type|malformed)$/)
        else expect(encodeHopPayload(decoded)).toEqual(bytes)
      },
    ),
  )
})

describe.each([forward, final])('$type', (payload) => {
  const bytes = accepted(encodeHopPayload(payload))
  const place = { final: payload.type === 'final' }

  test('truncated anywhere, or with a byte too many', () => {
    for (let length = 0; length < bytes.length; length += 1)
      expect(decodeHopPayload(bytes.subarray(0, length), place)).toMatchObject({ code: 'payload-malformed' })
    expect(decodeHopPayload(new Uint8Array([...bytes, 0]), place)).toMatchObject({
      code: 'payload-malformed',
      field: 'payload.end',
    })
  })

  test('another version, another type, and the right type in the wrong place', () => {
    const changed = (at: number, byte: number) => Uint8Array.from(bytes, (old, i) => (i === at ? byte : old))
    for (const version of [0, 2, 255])
      expect(decodeHopPayload(changed(0, version), place)).toMatchObject({ code: 'payload-version' })
    for (const type of [0, 3, 255])
      expect(decodeHopPayload(changed(1, type), place)).toMatchObject({ code: 'payload-type' })
    expect(decodeHopPayload(bytes, { final: !place.final })).toMatchObject({ code: 'payload-type' })
  })

  test('amounts and expiries out of range', () => {
    for (const amount of [0n, -1n, MAX_AMOUNT + 1n])
      expect(encodeHopPayload({ ...payload, amount })).toMatchObject({ field: 'payload.amount' })
    for (const expiry of [0, -1, 1.5, Number.NaN, 2 ** 53])
      expect(encodeHopPayload({ ...payload, expiry })).toMatchObject({ field: 'payload.expiry' })
  })
})

test('fields of the wrong size, a total below its part, and metadata too long', () => {
  const wrong = (change: Partial<FinalPayload>) => encodeHopPayload({ ...final, ...change })
  expect(encodeHopPayload({ ...forward, channelId: new Uint8Array(31) })).toMatchObject({
    field: 'payload.channelId',
  })
  expect(wrong({ paymentSecret: new Uint8Array(33) })).toMatchObject({ field: 'payload.paymentSecret' })
  expect(wrong({ total: 4n })).toMatchObject({ field: 'payload.total' })
  expect(wrong({ total: MAX_AMOUNT + 1n })).toMatchObject({ field: 'payload.total' })
  expect(wrong({ metadata: new Uint8Array(MAX_PAYMENT_METADATA + 1) })).toMatchObject({
    field: 'payload.metadata',
  })
  const long = accepted(encodeHopPayload({ ...final, metadata: new Uint8Array(MAX_PAYMENT_METADATA) }))
  const longer = new Uint8Array([...long, 0])
  new DataView(longer.buffer).setUint16(74, MAX_PAYMENT_METADATA + 1)
  expect(decodeHopPayload(longer, { final: true })).toMatchObject({ field: 'payload.metadata' })
})

test('every refusal has its own number, and an unknown number is unknown', () => {
  const codes = Object.entries(ONION_REFUSALS)
  for (const [code, { wire }] of codes) expect(onionRefusalCodeOfWire(wire)).toBe(code)
  expect(new Set(codes.map(([, { wire }]) => wire)).size).toBe(codes.length)
  expect(onionRefusalCodeOfWire(0)).toBeUndefined()
})
