/** Gossip's items and messages: one binary form each, real EIP-712 signatures, and nothing believed that is not signed. */

import fc from 'fast-check'
import { hashTypedData, keccak256, toBytes } from 'viem'
import { expect, test } from 'vitest'
import {
  announcedId,
  bucketHash,
  bucketOf,
  channelIdOf,
  channelKey,
  checkChannelAnnouncement,
  decodeGossip,
  decodeItem,
  decodeMessage,
  differingBuckets,
  domainOf,
  encodeGossip,
  encodeItem,
  encodeMessage,
  type FeePolicy,
  GOSSIP_REFUSALS,
  GOSSIP_TYPE_HASHES,
  GOSSIP_TYPE_STRINGS,
  type GossipItem,
  gossipDigest,
  gossipRefusal,
  isGossipFrame,
  MAX_GOSSIP_ITEM_BYTES,
  MAX_PACKED_BYTES,
  MAX_PACKED_ITEMS,
  nodeKey,
  packEntries,
  packItems,
  packKeys,
  policyKey,
  toHex,
  unpackEntries,
  unpackItems,
  unpackKeys,
  verifyChannelAnnouncement,
  verifyNode,
  verifyPolicy,
} from '../src/index.ts'
import { crypto } from './crypto.ts'
import { MESSAGES } from './vectors/build.ts'
import {
  announcementOf,
  BANK,
  CHAIN_ID,
  claimOf,
  domain,
  GOSSIP_MESSAGES,
  ITEMS,
  nodeItemOf,
  nodeNamed,
  policyOf,
} from './vectors/gossip.ts'

const anna = nodeNamed('anna')
const bruno = nodeNamed('bruno')
const mallory = nodeNamed('mallory')
const AT = 1_795_000_000_000

function idOf(item: ReturnType<typeof announcementOf>): Uint8Array {
  return channelIdOf(crypto, CHAIN_ID, BANK, item.params)
}

test('GO-11: type hashes are those of the type strings, and digests are EIP-712 digests', () => {
  for (const [name, text] of Object.entries(GOSSIP_TYPE_STRINGS))
    expect(keccak256(toBytes(text))).toBe(toHex(GOSSIP_TYPE_HASHES[name as keyof typeof GOSSIP_TYPE_HASHES]))
  const types = {
    ChannelAnnouncement: [
      { name: 'channelId', type: 'bytes32' },
      { name: 'node0', type: 'bytes' },
      { name: 'node1', type: 'bytes' },
    ],
    PolicyUpdate: [
      { name: 'channelId', type: 'bytes32' },
      { name: 'direction', type: 'uint8' },
      { name: 'sequence', type: 'uint64' },
      { name: 'feeBase', type: 'int128' },
      { name: 'feePpm', type: 'int32' },
      { name: 'minAmount', type: 'uint128' },
      { name: 'maxAmount', type: 'uint128' },
      { name: 'disabled', type: 'bool' },
    ],
    NodeAnnouncement: [
      { name: 'nodeId', type: 'bytes' },
      { name: 'sequence', type: 'uint64' },
      { name: 'alias', type: 'string' },
      { name: 'addresses', type: 'NodeAddress[]' },
    ],
    NodeAddress: [
      { name: 'host', type: 'string' },
      { name: 'port', type: 'uint16' },
    ],
  }
  const eip712 = { name: 'Tallystick', version: '1', chainId: CHAIN_ID, verifyingContract: toHex(BANK) }
  for (const item of ITEMS) {
    const { type, domain: _, ...claim } = claimOf(item)
    const message: Record<string, unknown> = { ...claim }
    for (const [name, value] of Object.entries(message))
      if (value instanceof Uint8Array) message[name] = toHex(value)
    if ('nodeIds' in claim) {
      message.node0 = toHex(claim.nodeIds[0])
      message.node1 = toHex(claim.nodeIds[1])
    }
    // viem's types are those of literals; ours are computed.
    const typed = { domain: eip712, types, primaryType: type, message } as Parameters<typeof hashTypedData>[0]
    expect(hashTypedData(typed)).toBe(toHex(gossipDigest(crypto, claimOf(item))))
  }
})

test('GO-12: every item survives its bytes, and its bytes are its only form', () => {
  for (const item of ITEMS) {
    const bytes = encodeItem(item)
    expect(decodeItem(bytes)).toEqual({ ok: true, item })
    for (let length = 0; length < bytes.length; length += 1)
      expect(decodeItem(bytes.slice(0, length))).toMatchObject({ ok: false })
    const longer = decodeItem(new Uint8Array([...bytes, 0]))
    expect(longer).toMatchObject({ ok: false })
  }
  expect(ITEMS.map((item) => encodeItem(item).length)).toContain(MAX_GOSSIP_ITEM_BYTES - MAX_ALIAS_LEFT)
  const long = decodeItem(new Uint8Array(MAX_GOSSIP_ITEM_BYTES + 1))
  expect(long).toMatchObject({ ok: false, refusal: { code: 'item-too-long' } })
})

/** The longest item of the vectors has an alias of one character. */
const MAX_ALIAS_LEFT = 31

const policies: fc.Arbitrary<FeePolicy> = fc
  .record({
    feeBase: fc.bigInt(-(1n << 126n) + 1n, (1n << 126n) - 1n),
    feePpm: fc.integer({ min: -1_000_000, max: 1_000_000 }),
    amounts: fc.tuple(fc.bigInt(0n, (1n << 128n) - 1n), fc.bigInt(0n, (1n << 128n) - 1n)),
    disabled: fc.boolean(),
  })
  .map(({ amounts, ...rest }) => {
    const [minAmount = 0n, maxAmount = 0n] = amounts.toSorted((a, b) => Number(a > b) - Number(a < b))
    return { ...rest, minAmount, maxAmount }
  })

test('GO-14: any policy in range survives its bytes, signature and all', () => {
  const channelId = idOf(announcementOf([anna, bruno], 7n))
  fc.assert(
    fc.property(
      policies,
      fc.nat(),
      fc.constantFrom(0 as const, 1 as const),
      (policy, sequence, direction) => {
        const item = policyOf(anna, channelId, direction, sequence, policy)
        const decoded = decodeItem(encodeItem(item))
        expect(decoded).toEqual({ ok: true, item })
        expect(verifyPolicy(crypto, domain, item, anna.nodeId)).toBeUndefined()
      },
    ),
    { numRuns: 200 },
  )
})

test('GO-12: random and corrupted items never throw, and what decodes is encoded the same', () => {
  const corrupted = fc
    .tuple(fc.nat({ max: ITEMS.length - 1 }), fc.nat(), fc.nat({ max: 255 }))
    .map(([which, at, value]) => {
      const bytes = encodeItem(ITEMS[which] as GossipItem)
      bytes[at % bytes.length] = value
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), corrupted), (bytes) => {
      const decoded = decodeItem(bytes)
      if (decoded.ok) expect(encodeItem(decoded.item)).toEqual(bytes)
      else expect(decoded.refusal.remedy.length).toBeGreaterThan(10)
    }),
    { numRuns: 2000 },
  )
})

test('GO-14, GO-15: fields out of range are refused by name', () => {
  const channelId = idOf(announcementOf([anna, bruno], 7n))
  const policy = encodeItem(policyOf(anna, channelId, 0, AT))
  const change = (bytes: Uint8Array, at: number, values: readonly number[]) => {
    const changed = bytes.slice()
    changed.set(values, at)
    return decodeItem(changed)
  }
  const refused = (code: string, field: string) => ({ ok: false, refusal: { code, field } })
  expect(change(policy, 33, [2])).toMatchObject(refused('item-malformed', 'policy/direction'))
  expect(change(policy, 34, [0, 0x20])).toMatchObject(refused('item-malformed', 'policy/sequence'))
  expect(change(policy, 42, [0x40])).toMatchObject(refused('fee-range', 'policy/feeBase'))
  expect(change(policy, 42, [0xc0])).toMatchObject(refused('fee-range', 'policy/feeBase'))
  expect(change(policy, 58, [0, 0x0f, 0x42, 0x41])).toMatchObject(refused('fee-range', 'policy/feePpm'))
  expect(change(policy, 58, [0xff, 0xf0, 0xbd, 0xbf])).toMatchObject(refused('fee-range', 'policy/feePpm'))
  expect(change(policy, 78, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).toMatchObject(
    refused('amount-range', 'policy/minAmount'),
  )
  expect(change(policy, 94, [2])).toMatchObject(refused('item-malformed', 'policy/disabled'))
  const node = encodeItem(nodeItemOf(anna, AT, 'a', [{ host: 'h', port: 1 }]))
  expect(change(node, 1, [4])).toMatchObject(refused('item-malformed', 'node/nodeId'))
  expect(change(node, 42, [33])).toMatchObject(refused('item-malformed', 'node/alias'))
  expect(change(node, 43, [7])).toMatchObject(refused('item-malformed', 'node/alias'))
  expect(change(node, 44, [9])).toMatchObject(refused('item-malformed', 'node/addresses'))
  expect(change(node, 46, [0x20])).toMatchObject(refused('item-malformed', 'node/addresses[0]/host'))
  expect(change(node, 47, [0, 0])).toMatchObject(refused('item-malformed', 'node/addresses[0]/port'))
  expect(change(node, 0, [4])).toMatchObject(refused('item-malformed', 'item/kind'))
  expect(() => encodeItem(policyOf(anna, channelId, 0, AT, { feePpm: 1_000_001 }))).toThrow(RangeError)
  expect(() => encodeItem(nodeItemOf(anna, AT, 'x'.repeat(33), []))).toThrow(RangeError)
})

test('GO-20, GO-21: an announcement needs this chain and bank, parameters the bank takes, and all four signatures', () => {
  const good = announcementOf([anna, bruno], 7n)
  const verify = (item: typeof good) =>
    checkChannelAnnouncement(domain, item) ??
    verifyChannelAnnouncement(crypto, domain, announcedId(crypto, item), item)
  expect(verify(good)).toBeUndefined()
  const elsewhere = domainOf(crypto, 1n, BANK)
  expect(verify(announcementOf([anna, bruno], 7n, elsewhere))).toMatchObject({ code: 'chain-differs' })
  const otherBank = domainOf(
    crypto,
    CHAIN_ID,
    BANK.map((byte) => byte ^ 1),
  )
  expect(verify(announcementOf([anna, bruno], 7n, otherBank))).toMatchObject({ code: 'bank-differs' })
  // Relabelled for this chain, the signatures are of another.
  const relabelled = { ...announcementOf([anna, bruno], 7n, elsewhere), chainId: CHAIN_ID }
  expect(verify(relabelled)).toMatchObject({ code: 'signature-wrong' })
  expect(verify({ ...good, params: { ...good.params, lockPeriod: 1 } })).toMatchObject({
    code: 'params-invalid',
    field: 'channel/lockPeriod',
  })
  expect(verify({ ...good, params: { ...good.params, salt: 8n } })).toMatchObject({ code: 'signature-wrong' })
  const { nodeIds, signerSignatures, nodeSignatures } = good
  expect(verify({ ...good, nodeIds: [nodeIds[0], nodeIds[0]] })).toMatchObject({ code: 'node-ids-equal' })
  expect(verify({ ...good, nodeIds: [nodeIds[0], mallory.nodeId] })).toMatchObject({
    code: 'signature-wrong',
  })
  // Each of the four replaced by another genuine signature on the same digest.
  const claim = claimOf(good) as Parameters<typeof anna.signer.announce>[0]
  const byMallory = [mallory.signer.announce(claim), mallory.identity.announce(claim)] as const
  const wrong: [Partial<typeof good>, string][] = [
    [{ signerSignatures: [byMallory[0], signerSignatures[1]] }, 'channel/signerSignatures[0]'],
    [{ signerSignatures: [signerSignatures[0], byMallory[0]] }, 'channel/signerSignatures[1]'],
    [{ signerSignatures: [signerSignatures[0], signerSignatures[0]] }, 'channel/signerSignatures[1]'],
    [{ nodeSignatures: [byMallory[1], nodeSignatures[1]] }, 'channel/nodeSignatures[0]'],
    [{ nodeSignatures: [nodeSignatures[0], byMallory[1]] }, 'channel/nodeSignatures[1]'],
    [{ nodeSignatures: [nodeSignatures[1], nodeSignatures[0]] }, 'channel/nodeSignatures[0]'],
  ]
  for (const [change, field] of wrong)
    expect(verify({ ...good, ...change })).toMatchObject({ code: 'signature-wrong', field })
})

test('GO-21, GO-22: every bit of a signed item counts', () => {
  const good = announcementOf([anna, bruno], 7n)
  const channelId = idOf(good)
  const items: GossipItem[] = [
    good,
    policyOf(bruno, channelId, 1, AT, { feeBase: -5n, feePpm: 20 }),
    nodeItemOf(anna, AT, 'anna', [{ host: 'anna.example', port: 7 }]),
  ]
  fc.assert(
    fc.property(fc.nat({ max: items.length - 1 }), fc.nat(), fc.nat({ max: 7 }), (which, at, bit) => {
      const bytes = encodeItem(items[which] as GossipItem)
      const place = at % bytes.length
      bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
      const decoded = decodeItem(bytes)
      if (!decoded.ok) return
      const { item } = decoded
      const refused =
        item.kind === 'channel'
          ? (checkChannelAnnouncement(domain, item) ??
            verifyChannelAnnouncement(crypto, domain, announcedId(crypto, item), item))
          : item.kind === 'policy'
            ? verifyPolicy(crypto, domain, item, bruno.nodeId)
            : verifyNode(crypto, domain, item)
      expect(refused).toBeDefined()
    }),
    { numRuns: 500 },
  )
})

test('EN-60: a high s and the other chain’s signature are refused', () => {
  const channelId = idOf(announcementOf([anna, bruno], 7n))
  const item = policyOf(anna, channelId, 0, AT)
  const high = item.signature.slice()
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const vs = BigInt(toHex(high.slice(32)))
  const odd = vs >> 255n
  const s = order - (vs & ((1n << 255n) - 1n))
  const flipped = ((odd ^ 1n) << 255n) | (s & ((1n << 255n) - 1n))
  high.set(Uint8Array.from(Buffer.from(flipped.toString(16).padStart(64, '0'), 'hex')), 32)
  expect(verifyPolicy(crypto, domain, { ...item, signature: high }, anna.nodeId)).toMatchObject({
    code: 'signature-wrong',
  })
  expect(verifyPolicy(crypto, domain, item, bruno.nodeId)).toMatchObject({ code: 'signature-wrong' })
  const elsewhere = domainOf(crypto, 1n, BANK)
  const replayed = policyOf(anna, channelId, 0, AT, {}, elsewhere)
  expect(verifyPolicy(crypto, domain, replayed, anna.nodeId)).toMatchObject({ code: 'signature-wrong' })
  const node = nodeItemOf(anna, AT, 'a', [], elsewhere)
  expect(verifyNode(crypto, domain, node)).toMatchObject({ code: 'signature-wrong' })
})

test('GO-11: a channel signer announces channels and nothing else', () => {
  const claim = claimOf(policyOf(anna, idOf(announcementOf([anna, bruno], 7n)), 0, AT))
  expect(() => anna.signer.announce(claim as Parameters<typeof anna.signer.announce>[0])).toThrow(RangeError)
})

test('GO-60: keys keep a channel and its policies together, and buckets tell every difference', () => {
  const channelId = idOf(announcementOf([anna, bruno], 7n))
  const entries = [
    { key: channelKey(channelId), sequence: 0 },
    { key: policyKey(channelId, 0), sequence: 5 },
    { key: policyKey(channelId, 1), sequence: AT },
  ]
  const bucket = bucketOf(channelKey(channelId))
  expect(new Set(entries.map(({ key }) => bucketOf(key)))).toEqual(new Set([bucket]))
  expect(unpackEntries(packEntries(entries), bucket)).toEqual(entries)
  expect(unpackEntries(packEntries(entries), (bucket + 1) % 1024)).toBeUndefined()
  expect(unpackEntries(packEntries(entries.toReversed()), bucket)).toBeUndefined()
  expect(unpackEntries(packEntries(entries).slice(1), bucket)).toBeUndefined()
  expect(unpackKeys(packKeys(entries.map(({ key }) => key)))).toEqual(entries.map(({ key }) => key))
  const hashes = new Uint8Array(8192)
  const other = hashes.slice()
  other.set(bucketHash(crypto, entries), bucket * 8)
  expect(differingBuckets(hashes, other)).toEqual([bucket])
  expect(differingBuckets(other, other)).toEqual([])
  const newer = entries.with(1, { key: policyKey(channelId, 0), sequence: 6 })
  expect(bucketHash(crypto, newer)).not.toEqual(bucketHash(crypto, entries))
  expect(nodeKey(crypto, anna.nodeId)[15]).toBe(3)
})

test('GO-63: packed items come back, and a false length is refused', () => {
  const items = ITEMS.map(encodeItem)
  const packed = packItems(items)
  expect(unpackItems(packed)).toEqual(items)
  expect(unpackItems(packed.slice(0, -1))).toBeUndefined()
  expect(unpackItems(new Uint8Array(2 * (MAX_PACKED_ITEMS + 1)))).toBeUndefined()
  expect(unpackItems(new Uint8Array(0))).toEqual([])
})

test('EN-90: every gossip message survives the wire, apart from the other family', () => {
  for (const message of GOSSIP_MESSAGES) {
    const frame = encodeGossip(message)
    expect(decodeGossip(frame)).toEqual({ ok: true, message })
    expect(isGossipFrame(frame)).toBe(true)
    expect(decodeMessage(frame)).toMatchObject({ ok: false, field: 'type' })
    for (const wrong of [new Uint8Array([...frame, 0]), frame.slice(0, -1), frame.slice(0, 1)]) {
      const decoded = decodeGossip(wrong)
      expect(decoded.ok).toBe(false)
      if (!decoded.ok) expect(decoded.field.startsWith(message.type)).toBe(true)
    }
  }
  expect(new Set(GOSSIP_MESSAGES.map(({ type }) => type)).size).toBe(7)
  expect(decodeGossip(new Uint8Array(0))).toMatchObject({ ok: false, field: 'frame' })
  expect(decodeGossip(new Uint8Array([79]))).toMatchObject({ ok: false, field: 'type' })
  expect(decodeGossip(new Uint8Array(MAX_PACKED_BYTES + 65))).toMatchObject({ ok: false, field: 'frame' })
})

test('EN-90: no number of the other families is a gossip number', () => {
  for (const message of MESSAGES) expect(isGossipFrame(encodeMessage(message))).toBe(false)
  for (let type = 0; type < 64; type += 1) expect(isGossipFrame(new Uint8Array([type]))).toBe(false)
  for (let type = 80; type < 256; type += 1) expect(isGossipFrame(new Uint8Array([type]))).toBe(false)
})

test('GO-61, GO-62: lists above their limits are refused by name', () => {
  const ask = (buckets: number[]) =>
    new Uint8Array([65, buckets.length, ...buckets.flatMap((b) => [b >> 8, b & 255])])
  expect(decodeGossip(ask([1]))).toMatchObject({ ok: true })
  expect(decodeGossip(ask([]))).toMatchObject({ ok: false, field: 'gossip-ask/buckets' })
  expect(decodeGossip(ask([1024]))).toMatchObject({ ok: false })
  expect(decodeGossip(ask(Array(9).fill(1)))).toMatchObject({ ok: false, field: 'gossip-ask/buckets' })
  const want = (bytes: number) => new Uint8Array([67, bytes >> 8, bytes & 255, ...new Uint8Array(bytes)])
  expect(decodeGossip(want(16))).toMatchObject({ ok: true })
  expect(decodeGossip(want(0))).toMatchObject({ ok: false, field: 'gossip-want/keys' })
  expect(decodeGossip(want(17))).toMatchObject({ ok: false, field: 'gossip-want/keys' })
  expect(decodeGossip(want(16 * 129))).toMatchObject({ ok: false, field: 'gossip-want/keys' })
  const list = new Uint8Array(1 + 2 + 4 + 24 * 4097)
  list.set([66, 0, 0, 0, 1, 0x80, 0x18])
  expect(decodeGossip(list)).toMatchObject({ ok: false, field: 'gossip-list/entries' })
})

test('EN-90: random and corrupted gossip frames never throw, and what decodes is encoded the same', () => {
  const corrupted = fc
    .tuple(fc.nat({ max: GOSSIP_MESSAGES.length - 1 }), fc.nat(), fc.nat({ max: 255 }))
    .map(([which, at, value]) => {
      const frame = encodeGossip(GOSSIP_MESSAGES[which] as (typeof GOSSIP_MESSAGES)[number])
      frame[at % Math.min(frame.length, 64)] = value
      return frame
    })
  const headed = fc
    .uint8Array({ maxLength: 200 })
    .chain((bytes) => fc.integer({ min: 64, max: 72 }).map((type) => new Uint8Array([type, ...bytes])))
  fc.assert(
    fc.property(fc.oneof(headed, corrupted), (frame) => {
      const decoded = decodeGossip(frame)
      if (decoded.ok) expect(encodeGossip(decoded.message)).toEqual(frame)
    }),
    { numRuns: 1000 },
  )
})

test('every refusal has a remedy', () => {
  for (const code of Object.keys(GOSSIP_REFUSALS) as (keyof typeof GOSSIP_REFUSALS)[])
    expect(gossipRefusal(code, 'field').remedy.length).toBeGreaterThan(10)
})
