/** The port for onions: published answers, and every backend the same on any input, good or bad (ON-3). */
import { createCipheriv, createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadCrypto } from '../src/index.ts'
import { onionCrypto } from '../src/onion.ts'
import type { Secp256k1 } from '../src/secp256k1.ts'
import { bytes, hex } from './vectors.ts'

const fast = await loadCrypto()
const slow = await loadCrypto({ prefer: 'javascript' })
const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'

const privateKeys = fc
  .oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constantFrom(bytes(`${'00'.repeat(31)}01`)))
  .filter((key) => fast.onion.publicKey(key) !== undefined)
const badKeys = fc.oneof(
  fc.constantFrom('00'.repeat(32), ORDER, 'ff'.repeat(32)).map(bytes),
  fc.uint8Array({ maxLength: 64 }).filter((key) => key.length !== 32),
)

describe.each([
  ['fastest', fast],
  ['javascript', slow],
])('%s', (_name, { onion, createOnionKey }) => {
  test('ChaCha20: the stream of RFC 8439, appendix A.1, vector 1 (key, nonce and counter zero)', () => {
    expect(hex(onion.chacha20(new Uint8Array(32), new Uint8Array(64)))).toBe(
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7' +
        'da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    )
  })

  test('HMAC with SHA-256: RFC 4231, cases 1 and 2, and 6 (a key longer than a block)', () => {
    const ascii = (text: string) => new TextEncoder().encode(text)
    expect(hex(onion.hmacSha256(new Uint8Array(20).fill(0x0b), ascii('Hi There')))).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    )
    expect(hex(onion.hmacSha256(ascii('Jefe'), ascii('what do ya want for nothing?')))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    )
    const longKey = new Uint8Array(131).fill(0xaa)
    expect(
      hex(onion.hmacSha256(longKey, ascii('Test Using Larger Than Block-Size Key - Hash Key First'))),
    ).toBe('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54')
  })

  test('ECDH: the first shared secret of the BOLT 4 vectors, from both sides', () => {
    const sessionKey = new Uint8Array(32).fill(0x41)
    const nodeKey = new Uint8Array(32).fill(0x41)
    const secret = '53eb63ea8a3fec3b3cd433b85cd62a4b145e1dda09391b348c4e1cd36a03ea66'
    const nodeId = bytes('02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619')
    expect(onion.publicKey(nodeKey)).toEqual(nodeId)
    expect(hex(onion.ecdh(sessionKey, nodeId) ?? new Uint8Array())).toBe(secret)
    expect(hex(createOnionKey(nodeKey).ecdh(nodeId) ?? new Uint8Array())).toBe(secret)
  })

  test('a key that opens onions is a copy, prints nothing, and is gone once destroyed', () => {
    const mine = new Uint8Array(32).fill(0x42)
    const publicKey = onion.publicKey(mine) ?? new Uint8Array()
    const key = createOnionKey(mine)
    const before = key.ecdh(publicKey)
    mine.fill(0)
    expect(key.publicKey).toEqual(publicKey)
    expect(key.ecdh(publicKey)).toEqual(before)
    expect(Object.keys(key).sort()).toEqual(['destroy', 'ecdh', 'publicKey'])
    expect(`${inspect(key, { depth: 9, showHidden: true })}${JSON.stringify(key)}`).not.toContain('66, 66')
    key.destroy()
    key.destroy()
    expect(() => key.ecdh(publicKey)).toThrow(expect.objectContaining({ code: 'key-destroyed' }))
    expect(() => createOnionKey(new Uint8Array(32))).toThrow(
      expect.objectContaining({ code: 'invalid-private-key' }),
    )
  })

  test('keys out of range give undefined, and nothing throws', () => {
    const good = new Uint8Array(32).fill(7)
    const point = onion.publicKey(good) ?? new Uint8Array()
    fc.assert(
      fc.property(badKeys, (bad) => {
        expect(onion.publicKey(bad)).toBeUndefined()
        expect(onion.ecdh(bad, point)).toBeUndefined()
        expect(onion.multiplyPublicKey(point, bad)).toBeUndefined()
        expect(onion.multiplyPrivateKey(bad, good)).toBeUndefined()
        expect(onion.multiplyPrivateKey(good, bad)).toBeUndefined()
      }),
    )
  })

  test('points in another form, or off the curve, give undefined', () => {
    const good = new Uint8Array(32).fill(7)
    const point = onion.publicKey(good) ?? new Uint8Array()
    const x = bytes('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798')
    const y = bytes('483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8')
    const off = [
      // The generator of the group, but not compressed, and in the hybrid form.
      new Uint8Array([4, ...x, ...y]),
      new Uint8Array([6, ...x, ...y]),
      new Uint8Array(0),
      new Uint8Array(33),
      point.subarray(0, 32),
      new Uint8Array([...point, 0]),
      new Uint8Array([4, ...point.subarray(1)]),
      new Uint8Array([6, ...point.subarray(1)]),
      // x above the field, and x = 5, which no point of the curve has.
      bytes(`02${'ff'.repeat(32)}`),
      bytes(`02${'00'.repeat(31)}05`),
      new Uint8Array(65),
    ]
    for (const wrong of off) {
      expect(onion.ecdh(good, wrong)).toBeUndefined()
      expect(onion.multiplyPublicKey(wrong, good)).toBeUndefined()
      expect(createOnionKey(good).ecdh(wrong)).toBeUndefined()
    }
  })
})

test('ranges and lengths are checked before any backend is asked', () => {
  const asked: string[] = []
  const answer = (name: string) => () => {
    asked.push(name)
    return new Uint8Array(33)
  }
  const gullible = {
    publicKey: answer('publicKey'),
    ecdh: answer('ecdh'),
    multiplyPublicKey: answer('multiplyPublicKey'),
    multiplyPrivateKey: answer('multiplyPrivateKey'),
  } as unknown as Secp256k1
  const onion = onionCrypto(gullible, fast.crypto.sha256)
  const good = new Uint8Array(32).fill(7)
  const point = new Uint8Array([2, ...good])
  for (const bad of [bytes(ORDER), new Uint8Array(32), good.subarray(1)]) {
    onion.publicKey(bad)
    onion.ecdh(bad, point)
    onion.multiplyPublicKey(point, bad)
    onion.multiplyPrivateKey(bad, good)
    onion.multiplyPrivateKey(good, bad)
  }
  onion.ecdh(good, new Uint8Array([4, ...good]))
  onion.multiplyPublicKey(new Uint8Array(65), good)
  expect(asked).toEqual([])
  onion.ecdh(good, point)
  expect(asked).toEqual(['ecdh'])
})

test('both give the same bytes for any keys', () => {
  fc.assert(
    fc.property(privateKeys, privateKeys, (a, b) => {
      const point = fast.onion.publicKey(b) ?? new Uint8Array()
      expect(slow.onion.publicKey(b)).toEqual(point)
      expect(slow.onion.ecdh(a, point)).toEqual(fast.onion.ecdh(a, point))
      expect(slow.onion.multiplyPublicKey(point, a)).toEqual(fast.onion.multiplyPublicKey(point, a))
      const product = fast.onion.multiplyPrivateKey(a, b) ?? new Uint8Array()
      expect(slow.onion.multiplyPrivateKey(a, b)).toEqual(product)
      expect(fast.onion.publicKey(product)).toEqual(fast.onion.multiplyPublicKey(point, a))
    }),
    { numRuns: 30 },
  )
})

test('both say the same of any 33 bytes, mostly no point', () => {
  const key = new Uint8Array(32).fill(9)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constantFrom(2, 3), (x, prefix) => {
      const candidate = new Uint8Array([prefix, ...x])
      expect(slow.onion.ecdh(key, candidate)).toEqual(fast.onion.ecdh(key, candidate))
      expect(slow.onion.multiplyPublicKey(candidate, key)).toEqual(
        fast.onion.multiplyPublicKey(candidate, key),
      )
    }),
    { numRuns: 60 },
  )
})

test('the stream and the HMAC are those of Node.js for any data, in views too, and leave their input alone', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 3_000, size: 'max' }),
      fc.nat(9),
      (key, data, skip) => {
        const view = data.subarray(Math.min(skip, data.length))
        const before = view.slice()
        const stream = fast.onion.chacha20(key, view)
        expect(hex(stream)).toBe(
          createCipheriv('chacha20', key, new Uint8Array(16)).update(view).toString('hex'),
        )
        expect(fast.onion.chacha20(key, stream)).toEqual(before)
        expect(hex(fast.onion.hmacSha256(key, view))).toBe(
          createHmac('sha256', key).update(view).digest('hex'),
        )
        expect(view).toEqual(before)
      },
    ),
    { numRuns: 60 },
  )
})
