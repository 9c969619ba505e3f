/** EN-66 and the care for keys: what signs signs one kind of thing, never prints, and forgets when told to. */
import { spawnSync } from 'node:child_process'
import { inspect } from 'node:util'
import { type ChannelClaim, type Domain, digestOf, domainOf, type Signable } from '@tallystick/protocol'
import { describe, expect, test } from 'vitest'
import { CryptoError, generatePrivateKey, type IdentityStatement, loadCrypto } from '../src/index.ts'
import { bytes, hex, signVectors } from './vectors.ts'

const loaded = await loadCrypto()
const { crypto, createSigner, createIdentity, verifyIdentity, addressOf } = loaded
const key = signVectors[11]?.privateKey ?? new Uint8Array()
const otherKey = signVectors[12]?.privateKey ?? new Uint8Array()
const domain = domainOf(crypto, 31337n, new Uint8Array(20).fill(0xba))

describe('signer', () => {
  test('signs every kind of structured message, over the digest that the core computes', () => {
    const signer = createSigner(key)
    for (const message of everySignable(domain)) {
      const signature = signer.sign(message)
      expect(crypto.recoverAddress(digestOf(crypto, message), signature)).toEqual(addressOf(key))
      expect(signer.sign(message)).toEqual(signature)
    }
  })

  test('offers no way to sign a digest, nor to read the key', () => {
    expect(Object.keys(createSigner(key)).sort()).toEqual(['address', 'announce', 'destroy', 'sign'])
    expect(() => createSigner(key).announce(new Uint8Array(32) as unknown as ChannelClaim)).toThrow(
      RangeError,
    )
    expect(() => createSigner(key).sign(new Uint8Array(32) as unknown as Signable)).toThrow(TypeError)
  })

  test('does not print its key', () => assertSilent(createSigner(key)))

  test('holds a copy: the caller may zeroise its own', () => {
    const mine = key.slice()
    const signer = createSigner(mine)
    const message = everySignable(domain)[0] ?? fail()
    const before = signer.sign(message)
    mine.fill(0)
    expect(signer.sign(message)).toEqual(before)
  })

  test('signs nothing once destroyed', () => {
    const signer = createSigner(key)
    signer.destroy()
    signer.destroy()
    expect(() => signer.sign(everySignable(domain)[0] ?? fail())).toThrow(
      expect.objectContaining({ code: 'key-destroyed' }),
    )
  })
})

describe('private keys', () => {
  const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'

  test.each([
    ['zero', '00'.repeat(32)],
    ['the order', order],
    ['above the order', 'ff'.repeat(32)],
    ['31 bytes', '11'.repeat(31)],
    ['33 bytes', '11'.repeat(33)],
    ['no bytes', ''],
  ])('%s is refused, and not repeated in the message', (_name, digits) => {
    for (const create of [createSigner, createIdentity, addressOf]) {
      const refusal = refusalOf(() => create(bytes(digits)))
      expect(refusal.code).toBe('invalid-private-key')
      if (digits !== '') expect(inspect(refusal)).not.toContain(digits)
    }
  })

  test('the order minus one is accepted', () => {
    const highest = bytes(order)
    highest[31] = 0x40
    expect(createSigner(highest).address.length).toBe(20)
  })

  test('fresh ones are usable and differ', () => {
    const keys = Array.from({ length: 20 }, generatePrivateKey)
    for (const fresh of keys) expect(createSigner(fresh).address.length).toBe(20)
    expect(new Set(keys.map(hex)).size).toBe(20)
  })
})

describe('identity', () => {
  const dialer = createIdentity(key)
  const listener = createIdentity(otherKey)
  const statement: IdentityStatement = {
    role: 'dialer',
    dialerId: dialer.nodeId,
    listenerId: listener.nodeId,
    exporter: new Uint8Array(32).fill(9),
  }

  test('its proof holds for exactly its own statement', () => {
    const proof = dialer.prove(statement)
    expect(proof.length).toBe(64)
    expect(verifyIdentity(statement, proof)).toBe(true)
    expect(dialer.prove(statement)).toEqual(proof)
    const others: IdentityStatement[] = [
      { ...statement, role: 'listener' },
      { ...statement, dialerId: listener.nodeId },
      { ...statement, listenerId: dialer.nodeId },
      { ...statement, dialerId: listener.nodeId, listenerId: dialer.nodeId, role: 'listener' },
      { ...statement, exporter: new Uint8Array(32).fill(8) },
    ]
    for (const other of others) expect(verifyIdentity(other, proof)).toBe(false)
  })

  test('a proof as dialler is none as listener, not even towards oneself', () => {
    const self = { ...statement, listenerId: dialer.nodeId }
    const proof = dialer.prove(self)
    expect(verifyIdentity(self, proof)).toBe(true)
    expect(verifyIdentity({ ...self, role: 'listener' }, proof)).toBe(false)
  })

  test('another key proves nothing, a damaged proof neither', () => {
    expect(verifyIdentity(statement, listener.prove(statement))).toBe(false)
    const proof = dialer.prove(statement)
    for (const at of [0, 31, 32, 63]) {
      const damaged = proof.slice()
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(verifyIdentity(statement, damaged)).toBe(false)
    }
    for (const length of [0, 63, 65]) {
      expect(verifyIdentity(statement, new Uint8Array(length))).toBe(false)
    }
  })

  test('malformed statements are never proved and never verified', () => {
    const proof = dialer.prove(statement)
    const malformed: IdentityStatement[] = [
      { ...statement, exporter: new Uint8Array(31) },
      { ...statement, dialerId: statement.dialerId.toUpperCase() },
      { ...statement, listenerId: `05${statement.listenerId.slice(2)}` },
      { ...statement, listenerId: '' },
      { ...statement, role: 'both' as 'dialer' },
    ]
    for (const one of malformed) {
      expect(() => dialer.prove(one)).toThrow(RangeError)
      expect(verifyIdentity(one, proof)).toBe(false)
    }
  })

  test('both backends prove the same bytes and verify each other', async () => {
    const slow = await loadCrypto({ prefer: 'javascript' })
    const proof = dialer.prove(statement)
    expect(slow.createIdentity(key).nodeId).toBe(dialer.nodeId)
    expect(slow.createIdentity(key).prove(statement)).toEqual(proof)
    expect(slow.verifyIdentity(statement, proof)).toBe(true)
  })

  test('does not print its key, and forgets it', () => {
    const identity = createIdentity(key)
    assertSilent(identity)
    identity.destroy()
    expect(() => identity.prove(statement)).toThrow(expect.objectContaining({ code: 'key-destroyed' }))
  })
})

test('where there is no Node.js everything runs on JavaScript', () => {
  const program = `
    delete globalThis.process
    const { loadCrypto } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
    const { backend, addressOf } = await loadCrypto()
    console.log(JSON.stringify({ backend, address: Array.from(addressOf(new Uint8Array(32).fill(1))) }))
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({
    backend: { secp256k1: 'javascript', keccak256: 'wasm', sha256: 'javascript' },
    address: Array.from(addressOf(new Uint8Array(32).fill(1))),
  })
})

function assertSilent(holder: object): void {
  const printed = [
    inspect(holder, { showHidden: true, depth: Number.POSITIVE_INFINITY, getters: true }),
    JSON.stringify(holder),
    String(holder),
  ].join('\n')
  expect(printed).not.toContain(hex(key))
  expect(printed).not.toContain(Array.from(key.subarray(0, 8)).join(', '))
  expect(printed).not.toContain(Array.from(key.subarray(0, 8)).join(','))
}

function refusalOf(work: () => unknown): CryptoError {
  try {
    work()
  } catch (error) {
    if (error instanceof CryptoError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function fail(): never {
  throw new Error('no message')
}

function everySignable(of: Domain): Signable[] {
  const channelId = new Uint8Array(32).fill(1)
  const hash = new Uint8Array(32).fill(2)
  const address = new Uint8Array(20).fill(3)
  const validUntil = 1_900_000_000
  return [
    { type: 'BalanceProof', domain: of, channelId, direction: 1, nonce: 7, acked: 6, contentHash: hash },
    { type: 'Withdrawal', domain: of, channelId, party: 0, total: 5n, validUntil },
    { type: 'CloseTogether', domain: of, channelId, delta: -5n, validUntil },
    {
      type: 'CloseStatement',
      domain: of,
      channelId,
      party: 1,
      blind: false,
      outNonce: 3,
      outAcked: 2,
      outContentHash: hash,
      inNonce: 1,
      inAcked: 0,
      inContentHash: hash,
      validUntil,
    },
    { type: 'JointFunding', domain: of, channelId, amounts: [1n, 2n], sender: address, validUntil },
    { type: 'AckDelegate', domain: of, channelId, direction: 0, key: address, validUntil },
    { type: 'Condition', domain: of, conditionId: hash },
    { type: 'ConditionBatch', domain: of, root: hash },
  ]
}
