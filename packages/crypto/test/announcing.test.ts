/** Signing gossip: the same bytes from every backend, and signatures that lead back to the key (GO-11, EN-60, EN-61). */

import { domainOf, type GossipClaim, gossipDigest } from '@tallystick/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CryptoError, loadCrypto } from '../src/index.ts'

const backends = [await loadCrypto(), await loadCrypto({ prefer: 'javascript' })] as const
const [fast, plain] = backends
const key = (byte: number) => new Uint8Array(32).fill(byte)
const domain = domainOf(fast.crypto, 31337n, new Uint8Array(20).fill(0xba))
const idBytes = (nodeId: string) => Uint8Array.from(Buffer.from(nodeId, 'hex'))

const channelId = new Uint8Array(32).fill(7)
const identity = fast.createIdentity(key(1))
const claims: readonly GossipClaim[] = [
  {
    type: 'ChannelAnnouncement',
    domain,
    channelId,
    nodeIds: [idBytes(identity.nodeId), idBytes(fast.createIdentity(key(2)).nodeId)],
  },
  {
    type: 'PolicyUpdate',
    domain,
    channelId,
    direction: 1,
    sequence: 1_795_000_000_000,
    feeBase: -5n,
    feePpm: 250,
    minAmount: 1n,
    maxAmount: 10n ** 20n,
    disabled: false,
  },
  {
    type: 'NodeAnnouncement',
    domain,
    nodeId: idBytes(identity.nodeId),
    sequence: 9,
    alias: 'anna',
    addresses: [{ host: 'a.example', port: 1 }],
  },
]

test('an identity announces with the same bytes on every backend, and is found again by each', () => {
  for (const claim of claims) {
    const signature = identity.announce(claim)
    expect(plain.createIdentity(key(1)).announce(claim)).toEqual(signature)
    for (const { crypto } of backends)
      expect(crypto.recoverNodeId(gossipDigest(crypto, claim), signature)).toEqual(idBytes(identity.nodeId))
  }
})

test('a channel signer announces with the same bytes on every backend, and is found again by its address', () => {
  const [claim] = claims
  if (claim?.type !== 'ChannelAnnouncement') throw new Error('the first claim')
  const signer = fast.createSigner(key(3))
  const signature = signer.announce(claim)
  expect(plain.createSigner(key(3)).announce(claim)).toEqual(signature)
  for (const { crypto } of backends)
    expect(crypto.recoverAddress(gossipDigest(crypto, claim), signature)).toEqual(signer.address)
})

test('a channel signer signs no other gossip, and a destroyed key nothing', () => {
  const signer = fast.createSigner(key(3))
  for (const claim of claims.slice(1))
    expect(() => signer.announce(claim as Parameters<typeof signer.announce>[0])).toThrow(RangeError)
  const [claim] = claims
  if (claim?.type !== 'ChannelAnnouncement') throw new Error('the first claim')
  signer.destroy()
  expect(() => signer.announce(claim)).toThrow(CryptoError)
  const gone = fast.createIdentity(key(4))
  gone.destroy()
  expect(() => gone.announce(claim)).toThrow(CryptoError)
})

test('no bytes make recovering a node id throw, and the backends agree on them', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 40 }),
      fc.uint8Array({ minLength: 60, maxLength: 66 }),
      (digest, signature) => {
        const answers = backends.map(({ crypto }) => crypto.recoverNodeId(digest, signature))
        expect(answers[0]).toEqual(answers[1])
      },
    ),
    { numRuns: 100 },
  )
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (digest, signature) => {
        const answers = backends.map(({ crypto }) => crypto.recoverNodeId(digest, signature))
        expect(answers[0]).toEqual(answers[1])
      },
    ),
    { numRuns: 200 },
  )
})
