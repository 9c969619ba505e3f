/** ON-50 to ON-65: a failure names its hop to the payer, and nothing to anyone else. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createFailure,
  decodeFailureMessage,
  encodeFailureMessage,
  FAILURE_BYTES,
  FAILURES,
  type FailureCode,
  type FailureMessage,
  MAX_FAILURE_MESSAGE,
  MAX_FAILURE_POLICY,
  MAX_ONION_HOPS,
  type OnionCrypto,
  unwrapFailure,
  wrapFailure,
} from '../../src/index.ts'
import { deriveKey } from '../../src/onion/keys.ts'
import { accepted, crypto, flipped, given } from './fixtures.ts'

const secretsOf = (hops: number) =>
  Array.from({ length: hops }, (_, index) => crypto.sha256(new Uint8Array([index])))
const text = (value: string) => new TextEncoder().encode(value)

/** What arrives at the payer when `hop` fails with `message`. */
function travelled(secrets: readonly Uint8Array[], hop: number, message: Uint8Array): Uint8Array {
  let packet = accepted(createFailure(crypto, { sharedSecret: given(secrets[hop]), message }))
  for (const sharedSecret of secrets.slice(0, hop).reverse())
    packet = accepted(wrapFailure(crypto, { sharedSecret, packet }))
  return packet
}

test('from any hop of any path the payer learns which one, and its message', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: MAX_ONION_HOPS }),
      fc.nat(19),
      fc.uint8Array({ maxLength: MAX_FAILURE_MESSAGE, size: 'max' }),
      (hops, at, message) => {
        const secrets = secretsOf(hops)
        const hop = at % hops
        const packet = travelled(secrets, hop, message)
        expect(unwrapFailure(crypto, { sharedSecrets: secrets, packet })).toEqual({ hop, message })
      },
    ),
    { numRuns: 60 },
  )
})

test('every packet has one length at every hop, and says nothing readable on the way', () => {
  for (const length of [0, 1, 40, MAX_FAILURE_MESSAGE]) {
    const message = new Uint8Array(length).fill(0x41)
    const secrets = secretsOf(6)
    for (let hop = 0; hop < 6; hop += 1) {
      const packet = travelled(secrets, hop, message)
      expect(packet.length).toBe(FAILURE_BYTES)
      expect(Buffer.from(packet).includes('AAAA')).toBe(false)
    }
  }
})

test('a hop on the way reads nothing: its own layer taken off is still noise', () => {
  const secrets = secretsOf(4)
  const packet = travelled(secrets, 3, text('channel-closed'))
  for (const own of secrets.slice(1))
    expect(unwrapFailure(crypto, { sharedSecrets: [own], packet })).toMatchObject({
      code: 'failure-unreadable',
    })
})

test('a single flipped bit, and a hop that puts in words of its own, are blamed on nobody', () => {
  const secrets = secretsOf(5)
  const packet = travelled(secrets, 4, text('fee-insufficient'))
  for (let bit = 0; bit < FAILURE_BYTES * 8; bit += 7)
    expect(unwrapFailure(crypto, { sharedSecrets: secrets, packet: flipped(packet, bit) })).toMatchObject({
      code: 'failure-unreadable',
    })
  const foreign = travelled(secretsOf(9).slice(5), 0, text('lie'))
  expect(unwrapFailure(crypto, { sharedSecrets: secrets, packet: foreign })).toMatchObject({
    code: 'failure-unreadable',
  })
})

test('a hop that answers in the place of the next ones is itself the one named', () => {
  const secrets = secretsOf(5)
  const packet = travelled(secrets, 2, text('the next one is gone'))
  expect(unwrapFailure(crypto, { sharedSecrets: secrets, packet })).toMatchObject({ hop: 2 })
})

test('the hop is named also when it packed nonsense', () => {
  const [secret] = secretsOf(1)
  const sharedSecret = given(secret)
  for (const [length, pad] of [
    [257, 0],
    [0xffff, 0],
    [4, 251],
    [4, 253],
    [256, 1],
  ] as const) {
    const packet = new Uint8Array(FAILURE_BYTES)
    const view = new DataView(packet.buffer)
    view.setUint16(32, length)
    if (34 + length + 2 <= FAILURE_BYTES) view.setUint16(34 + length, pad)
    packet.set(crypto.hmacSha256(deriveKey(crypto, 'um', sharedSecret), packet.subarray(32)))
    const sealed = accepted(wrapFailure(crypto, { sharedSecret, packet }))
    expect(unwrapFailure(crypto, { sharedSecrets: [sharedSecret], packet: sealed })).toEqual({
      hop: 0,
      message: undefined,
    })
  }
})

test('no hop beyond the path can be named: the rounds after it decide nothing', () => {
  const [secret] = secretsOf(1)
  const sharedSecret = given(secret)
  const nobody = new Uint8Array(32)
  const forged = accepted(createFailure(crypto, { sharedSecret: nobody, message: text('lie') }))
  const packet = accepted(wrapFailure(crypto, { sharedSecret, packet: forged }))
  expect(unwrapFailure(crypto, { sharedSecrets: [sharedSecret], packet })).toMatchObject({
    code: 'failure-unreadable',
  })
})

test('lengths that are not due are refused by name', () => {
  const sharedSecret = new Uint8Array(32)
  for (const length of [0, 31, FAILURE_BYTES - 1, FAILURE_BYTES + 1, 1024]) {
    const packet = new Uint8Array(length)
    expect(wrapFailure(crypto, { sharedSecret, packet })).toMatchObject({ code: 'failure-length' })
    expect(unwrapFailure(crypto, { sharedSecrets: [sharedSecret], packet })).toMatchObject({
      code: 'failure-length',
    })
  }
  const packet = new Uint8Array(FAILURE_BYTES)
  const message = new Uint8Array(MAX_FAILURE_MESSAGE + 1)
  expect(createFailure(crypto, { sharedSecret, message })).toMatchObject({ code: 'failure-message-length' })
  const short = { sharedSecret: new Uint8Array(31), message: text(''), packet }
  expect(createFailure(crypto, short)).toMatchObject({ code: 'shared-secret-length' })
  expect(wrapFailure(crypto, short)).toMatchObject({ code: 'shared-secret-length' })
  const unwrap = (sharedSecrets: readonly Uint8Array[]) => unwrapFailure(crypto, { sharedSecrets, packet })
  expect(unwrap([sharedSecret, new Uint8Array(33)])).toMatchObject({
    code: 'shared-secret-length',
    field: 'sharedSecrets[1]',
  })
  for (const hops of [0, MAX_ONION_HOPS + 1])
    expect(unwrap(secretsOf(hops))).toMatchObject({ code: 'hops-invalid' })
})

test('reading takes 20 rounds, whoever failed, however long the path, and also for noise', () => {
  const work = (hops: number, packet: Uint8Array) => {
    let calls = 0
    const counted = <T extends unknown[], R>(call: (...given: T) => R) => {
      return (...given: T) => {
        calls += 1
        return call(...given)
      }
    }
    const counting: OnionCrypto = {
      ...crypto,
      chacha20: counted(crypto.chacha20),
      hmacSha256: counted(crypto.hmacSha256),
    }
    unwrapFailure(counting, { sharedSecrets: secretsOf(hops), packet })
    return calls
  }
  const [first, ...rest] = [
    work(1, travelled(secretsOf(1), 0, text('near'))),
    work(20, travelled(secretsOf(20), 0, text('near'))),
    work(20, travelled(secretsOf(20), 19, text('far'))),
    work(3, new Uint8Array(FAILURE_BYTES)),
  ]
  expect(first).toBe(20 * 4)
  expect(rest).toEqual([first, first, first])
})

describe('failure messages', () => {
  const messages: fc.Arbitrary<FailureMessage> = fc
    .record({
      code: fc.constantFrom(...(Object.keys(FAILURES) as FailureCode[])),
      channelId: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      policy: fc.uint8Array({ maxLength: MAX_FAILURE_POLICY, size: 'max' }),
    })
    .map(({ code, channelId, policy }) =>
      FAILURES[code].blame === 'channel'
        ? { code, channelId, policy }
        : { code, channelId: undefined, policy: new Uint8Array(0) },
    )

  test('go round, and fit a failure packet', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = accepted(encodeFailureMessage(message))
        expect(bytes.length).toBeLessThanOrEqual(MAX_FAILURE_MESSAGE)
        expect(decodeFailureMessage(bytes)).toEqual(message)
      }),
    )
  })

  test('any bytes are refused or are the one encoding of what they say', () => {
    const damaged = fc.tuple(messages, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
      const bytes = accepted(encodeFailureMessage(message)).slice()
      bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 260, size: 'max' })), (bytes) => {
        const decoded = decodeFailureMessage(bytes)
        if ('remedy' in decoded) expect(decoded.code).toBe('failure-message-malformed')
        else expect(encodeFailureMessage(decoded)).toEqual(bytes)
      }),
    )
  })

  test('truncated anywhere, or with a byte too many, they are refused', () => {
    const channelId = new Uint8Array(32)
    const bytes = accepted(
      encodeFailureMessage({ code: 'channel-closed', channelId, policy: text('policy') }),
    )
    for (let length = 0; length < bytes.length; length += 1)
      expect(decodeFailureMessage(bytes.subarray(0, length))).toHaveProperty('remedy')
    expect(decodeFailureMessage(new Uint8Array([...bytes, 0]))).toMatchObject({ field: 'failure.end' })
  })

  test('a policy too long for a failure packet is refused, on both sides', () => {
    const channelId = new Uint8Array(32)
    const longest = {
      code: 'fee-insufficient',
      channelId,
      policy: new Uint8Array(MAX_FAILURE_POLICY),
    } as const
    const bytes = accepted(encodeFailureMessage(longest))
    expect(bytes.length).toBe(MAX_FAILURE_MESSAGE)
    const policy = new Uint8Array(MAX_FAILURE_POLICY + 1)
    expect(encodeFailureMessage({ ...longest, policy })).toMatchObject({ field: 'failure.policy' })
    const longer = new Uint8Array([...bytes, 0])
    new DataView(longer.buffer).setUint16(36, policy.length)
    expect(decodeFailureMessage(longer)).toMatchObject({ field: 'failure.policy' })
  })

  test('a channel is named exactly when one is to blame', () => {
    const policy = new Uint8Array(0)
    const channelId = new Uint8Array(32)
    expect(encodeFailureMessage({ code: 'channel-closed', channelId: undefined, policy })).toHaveProperty(
      'remedy',
    )
    expect(encodeFailureMessage({ code: 'node-busy', channelId, policy })).toHaveProperty('remedy')
    expect(
      encodeFailureMessage({ code: 'node-busy', channelId: undefined, policy: text('policy') }),
    ).toHaveProperty('remedy')
    expect(decodeFailureMessage(new Uint8Array([1, 0, 7, 0, 0, 0]))).toMatchObject({
      field: 'failure.channelId',
    })
    expect(decodeFailureMessage(new Uint8Array([1, 0, 99, 0, 0, 0]))).toMatchObject({ field: 'failure.code' })
    expect(decodeFailureMessage(new Uint8Array([2, 0, 3, 0, 0, 0]))).toMatchObject({
      field: 'failure.version',
    })
  })
})
