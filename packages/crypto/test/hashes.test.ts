/** Every implementation of a hash gives the same bytes, and hands out memory that nobody writes to afterwards. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadCrypto } from '../src/index.ts'
import { hex } from './vectors.ts'

const fast = (await loadCrypto()).crypto
const slow = (await loadCrypto({ prefer: 'javascript' })).crypto
const text = (value: string) => new TextEncoder().encode(value)

test.each([fast, slow])('known answers', (crypto) => {
  expect(hex(crypto.keccak256(text('')))).toBe(
    'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
  )
  expect(hex(crypto.keccak256(text('abc')))).toBe(
    '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45',
  )
  expect(hex(crypto.sha256(text('')))).toBe(
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  )
  expect(hex(crypto.sha256(text('abc')))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('all implementations agree at every length around a block', () => {
  for (let length = 0; length <= 300; length++) {
    const data = new Uint8Array(length).map((_, i) => i * 7 + length)
    expect(fast.keccak256(data)).toEqual(slow.keccak256(data))
    expect(fast.sha256(data)).toEqual(slow.sha256(data))
  }
})

test('all implementations agree on long and on random data, in views and in Buffers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40_000, size: 'max' }), fc.nat(50), (data, skip) => {
      const view = data.subarray(Math.min(skip, data.length))
      expect(fast.keccak256(view)).toEqual(slow.keccak256(view))
      expect(fast.keccak256(Buffer.from(view))).toEqual(slow.keccak256(view))
      expect(fast.sha256(view)).toEqual(slow.sha256(view))
    }),
    { numRuns: 40 },
  )
})

test.each([fast, slow])('a digest is not overwritten by the next one, nor by its input', (crypto) => {
  for (const hash of [crypto.keccak256, crypto.sha256]) {
    const input = new Uint8Array(32).fill(1)
    const first = hash(input)
    const kept = first.slice()
    input.fill(2)
    hash(input)
    hash(first)
    expect(first).toEqual(kept)
    expect(first.length).toBe(32)
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype)
  }
})
