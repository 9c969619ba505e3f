/** EN-60, EN-61: both backends sign and recover byte for byte as `vectors/signatures.json` says, and as each other. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressOfPublicKey, rememberAddresses } from '../src/addresses.ts'
import { loadCrypto } from '../src/index.ts'
import { recoverPublicKey, signCompact } from '../src/recover.ts'
import type { Secp256k1 } from '../src/secp256k1.ts'
import { javascriptSecp256k1 } from '../src/secp256k1-javascript.ts'
import { loadNative } from '../src/secp256k1-native.ts'
import { bytes, hex, recoverVectors, signVectors } from './vectors.ts'

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const javascript = javascriptSecp256k1()
const native = loadNative()

/** Platforms that the add-on ships a binary for: there, a silent fall back to JavaScript is a failure. */
const hasNative = ['linux-x64', 'darwin-arm64', 'win32-x64'].includes(`${process.platform}-${process.arch}`)

test('the native backend loads wherever its add-on has a binary', async () => {
  expect(native !== undefined).toBe(hasNative)
  expect((await loadCrypto()).backend.secp256k1).toBe(hasNative ? 'native' : 'javascript')
})

test('the preference is obeyed, and two choices live side by side', async () => {
  const [slow, fast] = await Promise.all([loadCrypto({ prefer: 'javascript' }), loadCrypto()])
  expect(slow.backend).toEqual({ secp256k1: 'javascript', keccak256: 'javascript', sha256: 'javascript' })
  expect(fast.backend).toMatchObject({ keccak256: 'wasm', sha256: 'node' })
})

describe.each(backends())('%s', (_name, backend, prefer) => {
  test.each(signVectors)('signs: $name', (vector) => {
    expect(signCompact(backend, vector.digest, vector.privateKey)).toEqual(vector.signature)
  })

  test.each(signVectors)('recovers its signature and address: $name', async (vector) => {
    const { crypto, addressOf } = await loadCrypto({ prefer })
    expect(crypto.recoverAddress(vector.digest, vector.signature)).toEqual(vector.address)
    expect(addressOf(vector.privateKey)).toEqual(vector.address)
  })

  test.each(recoverVectors)('recovers as the chain would: $name', async (vector) => {
    const { crypto } = await loadCrypto({ prefer })
    expect(crypto.recoverAddress(vector.digest, vector.signature)).toEqual(vector.address)
  })

  test('any other length than 64 and 32 bytes names nobody', async () => {
    const { crypto } = await loadCrypto({ prefer })
    const { digest, signature, address } = signVectors[0] ?? never()
    expect(crypto.recoverAddress(digest, signature)).toEqual(address)
    for (const length of [0, 1, 32, 63, 65, 66, 128]) {
      const other = new Uint8Array(length)
      other.set(signature.subarray(0, length))
      expect(crypto.recoverAddress(digest, other)).toBeUndefined()
    }
    for (const length of [0, 31, 33, 64]) {
      const other = new Uint8Array(length)
      other.set(digest.subarray(0, length))
      expect(crypto.recoverAddress(other, signature)).toBeUndefined()
    }
  })

  test('reads Buffers and views into larger buffers, and leaves its arguments alone', async () => {
    const { crypto } = await loadCrypto({ prefer })
    const { digest, signature, address } = signVectors[4] ?? never()
    const around = Buffer.concat([Buffer.alloc(3, 0xff), signature, digest])
    const view = around.subarray(3, 67)
    const before = around.toString('hex')
    expect(crypto.recoverAddress(around.subarray(67), view)).toEqual(address)
    expect(around.toString('hex')).toBe(before)
  })

  test('what it handed out stays as it was, whatever is asked next', () => {
    const first = signVectors[4] ?? never()
    const second = signVectors.find(({ address }) => hex(address) !== hex(first.address)) ?? never()
    const signature = signCompact(backend, first.digest, first.privateKey)
    const recovered = (['compressed', 'uncompressed'] as const).map((form) =>
      recoverPublicKey(backend, first.digest, first.signature, form),
    )
    const before = structuredClone([signature, ...recovered])
    signCompact(backend, second.digest, second.privateKey)
    for (const form of ['compressed', 'uncompressed'] as const)
      recoverPublicKey(backend, second.digest, second.signature, form)
    expect([signature, ...recovered]).toEqual(before)
  })

  test('an address is that of the key, whichever key was there before', async () => {
    const { crypto } = await loadCrypto({ prefer })
    const rounds = [...signVectors, ...signVectors.toReversed(), ...signVectors]
    for (const { digest, signature, address } of rounds) {
      const recovered = crypto.recoverAddress(digest, signature)
      expect(recovered).toEqual(address)
      recovered?.fill(0)
    }
  })
})

test('the memory of addresses answers for whole keys only, and neither side of it can write into it', async () => {
  const { crypto } = await loadCrypto()
  const addressOfKey = rememberAddresses(crypto)
  const base = new Uint8Array(65).fill(7)
  // One array for all of them: each differs from the others in a single byte, most of them not in the last.
  const key = new Uint8Array(65)
  for (const at of [...base.keys(), ...base.keys()]) {
    key.set(base)
    key[at] = 8
    const expected = addressOfPublicKey(crypto, key)
    for (let asked = 0; asked < 3; asked++) {
      const given = addressOfKey(key)
      expect(given).toEqual(expected)
      given.fill(0)
    }
  }
})

test('no backend is asked about a number out of range, whatever it would answer', () => {
  const gullible: Secp256k1 = { ...javascript, recover: () => new Uint8Array(65).fill(4) }
  const outOfRange = recoverVectors.filter(({ name }) =>
    /^([rs] = (0|n|n \+ 1|2\^256)|all zero|.*high)/.test(name),
  )
  expect(outOfRange.length).toBeGreaterThanOrEqual(9)
  for (const { name, digest, signature, address } of outOfRange) {
    if (address !== undefined || name.startsWith('r = n - 1')) continue
    expect([name, recoverPublicKey(gullible, digest, signature, 'uncompressed')]).toEqual([name, undefined])
  }
})

describe.runIf(hasNative)('the backends agree', () => {
  const fast = native ?? javascript
  const privateKeys = fc
    .bigInt({ min: 1n, max: ORDER - 1n })
    .map((key) => bytes(key.toString(16).padStart(64, '0')))
  const words = fc.uint8Array({ minLength: 32, maxLength: 32 })
  /** Digests, those around the group order included. */
  const digests = fc.oneof(
    { weight: 3, arbitrary: words },
    fc
      .bigInt({ min: ORDER - 2n, max: 2n ** 256n - 1n })
      .map((digest) => bytes(digest.toString(16).padStart(64, '0'))),
  )

  test('on signatures', () => {
    fc.assert(
      fc.property(privateKeys, digests, (key, digest) => {
        expect(signCompact(fast, digest, key)).toEqual(signCompact(javascript, digest, key))
      }),
      { numRuns: 200 },
    )
  })

  test('on public keys', () => {
    fc.assert(
      fc.property(privateKeys, fc.constantFrom('compressed', 'uncompressed'), (key, form) => {
        expect(new Uint8Array(fast.publicKey(key, form))).toEqual(javascript.publicKey(key, form))
      }),
      { numRuns: 50 },
    )
  })

  test('on whom a signature names: good ones, damaged ones and noise', async () => {
    const slow = (await loadCrypto({ prefer: 'javascript' })).crypto
    const quick = (await loadCrypto()).crypto
    const damaged = fc
      .tuple(privateKeys, digests, fc.option(fc.tuple(fc.nat(511), fc.boolean())))
      .map(([key, digest, damage]) => {
        const signature = signCompact(fast, digest, key)
        if (damage !== null) {
          const [bit, wholeByte] = damage
          const at = bit >> 3
          signature[at] = wholeByte ? 0xff : (signature[at] ?? 0) ^ (1 << (bit & 7))
        }
        return { digest, signature }
      })
    const noise = fc.record({ digest: digests, signature: fc.uint8Array({ minLength: 64, maxLength: 64 }) })
    fc.assert(
      fc.property(fc.oneof(damaged, noise), ({ digest, signature }) => {
        expect(quick.recoverAddress(digest, signature)).toEqual(slow.recoverAddress(digest, signature))
      }),
      { numRuns: 300 },
    )
  })
})

function backends(): [string, Secp256k1, 'native' | 'javascript'][] {
  const list: [string, Secp256k1, 'native' | 'javascript'][] = [['javascript', javascript, 'javascript']]
  if (native !== undefined) list.push(['native', native, 'native'])
  return list
}

function never(): never {
  throw new Error('vectors/signatures.json is too short')
}
