/** ON-10 to ON-27: any path goes round, nothing forged passes, and a hop sees one size whatever the path. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createOnion,
  encodeHopPayload,
  MAX_ONION_HOPS,
  ONION_BYTES,
  type PeeledOnion,
  peelOnion,
} from '../../src/index.ts'
import { deriveKey, joined } from '../../src/onion/keys.ts'
import { HOP_PAYLOADS_BYTES, joinPacket, splitPacket } from '../../src/onion/packet.ts'
import {
  accepted,
  created,
  crypto,
  flipped,
  given,
  javascript,
  nodeIdOf,
  pathOf,
  payloadsOf20,
  peel,
  peelAll,
  privateKeyOf,
} from './fixtures.ts'

const payload = (length: number, fill = 0x5a) => new Uint8Array(length).fill(fill)
const three = () => pathOf([payload(58, 1), payload(58, 2), payload(80, 3)])

test('any 1 to 20 hops: each reads its payload and shares its secret, the last one knows that it is the last', () => {
  fc.assert(
    fc.property(payloadsOf20, fc.integer({ min: 1, max: 254 }), (payloads, seed) => {
      const path = pathOf(payloads, seed)
      const { packet, sharedSecrets } = created(path)
      const views = peelAll(path, packet)
      expect(views.map((view) => view.payload)).toEqual(payloads)
      expect(views.map((view) => view.sharedSecret)).toEqual(sharedSecrets)
      expect(views.map((view) => view.replayTag)).toEqual(sharedSecrets.map(crypto.sha256))
      expect(views.at(-1)?.nextPacket).toBeUndefined()
    }),
    { numRuns: 60 },
  )
})

test('both implementations make the same onions and open them the same way', () => {
  fc.assert(
    fc.property(payloadsOf20, (payloads) => {
      const path = pathOf(payloads)
      const { packet } = created(path)
      expect(accepted(createOnion(javascript.onion, path)).packet).toEqual(packet)
      const nodeKey = javascript.createOnionKey(privateKeyOf(0))
      expect(peelOnion(javascript.onion, { ...path, nodeKey, packet })).toEqual(peel(path, 0, packet))
    }),
    { numRuns: 8 },
  )
})

test('the same request makes the same bytes; another session key shares not one block of 8 bytes', () => {
  const path = three()
  const { packet } = created(path)
  expect(created(path).packet).toEqual(packet)
  const other = created({ ...path, sessionKey: payload(32, 0x77) }).packet
  for (let at = 34; at + 8 <= ONION_BYTES; at += 1)
    expect(other.subarray(at, at + 8)).not.toEqual(packet.subarray(at, at + 8))
})

test('the arguments are left alone', () => {
  const path = three()
  const before = structuredClone({
    sessionKey: path.sessionKey,
    associatedData: path.associatedData,
    hops: path.hops,
  })
  const { packet } = created(path)
  const kept = packet.slice()
  peelAll(path, packet)
  expect(packet).toEqual(kept)
  expect({ sessionKey: path.sessionKey, associatedData: path.associatedData, hops: path.hops }).toEqual(
    before,
  )
})

describe('what a hop sees', () => {
  test('one size at every hop of every path', () => {
    fc.assert(
      fc.property(payloadsOf20, (payloads) => {
        const path = pathOf(payloads)
        const { packet } = created(path)
        const packets = [packet, ...peelAll(path, packet).flatMap(({ nextPacket }) => nextPacket ?? [])]
        expect(packets.length).toBe(payloads.length)
        for (const each of packets) expect(each.length).toBe(ONION_BYTES)
      }),
      { numRuns: 20 },
    )
  })

  test('nothing of its packet in the next one: no 8 bytes are common', () => {
    const path = pathOf(Array.from({ length: 5 }, () => payload(58)))
    const { packet } = created(path)
    const packets = [packet, ...peelAll(path, packet).flatMap(({ nextPacket }) => nextPacket ?? [])]
    const seen = new Set<string>()
    for (const each of packets) {
      const here = Array.from({ length: ONION_BYTES - 8 }, (_, at) =>
        Buffer.from(each.subarray(at, at + 8)).toString('hex'),
      )
      expect(here.some((block) => seen.has(block))).toBe(false)
      for (const block of here) seen.add(block)
    }
  })

  test('what is left behind its own payload is noise, also for the last hop: no row of zeros shows the length', () => {
    for (const hops of [1, 2, 7, 14]) {
      const path = pathOf(Array.from({ length: hops }, () => payload(58)))
      let packet: Uint8Array | undefined = created(path).packet
      for (let index = 0; packet !== undefined; index += 1) {
        const view: PeeledOnion = accepted(peel(path, index, packet))
        const stream = deriveKey(crypto, 'rho', view.sharedSecret)
        const readable = crypto.chacha20(stream, splitPacket(packet).hopPayloads)
        const rest = readable.subarray(1 + 58 + (view.nextPacket === undefined ? 32 : 0))
        expect(longestRun(rest)).toBeLessThan(5)
        packet = view.nextPacket
      }
    }
  })

  test('the same payload, the same view: nothing tells hop 1 of 2 from hop 1 of 14 but random bytes', () => {
    const short = peelAll(
      pathOf([payload(58), payload(58)]),
      created(pathOf([payload(58), payload(58)])).packet,
    )
    const path = pathOf(Array.from({ length: 14 }, () => payload(58)))
    const long = peelAll(path, created(path).packet)
    expect(long[0]?.payload).toEqual(short[0]?.payload)
    expect(long[0]?.nextPacket?.length).toBe(short[0]?.nextPacket?.length)
    expect(long[0]?.nextPacket?.[0]).toBe(short[0]?.nextPacket?.[0])
  })
})

describe('refused', () => {
  test('every single flipped bit of the packet, at the hop that gets it', () => {
    const path = three()
    const { packet } = created(path)
    for (let bit = 0; bit < ONION_BYTES * 8; bit += 1) {
      const result = peel(path, 0, flipped(packet, bit))
      const code = 'code' in result ? result.code : 'accepted'
      if (bit < 8) expect(code).toBe('onion-version')
      else if (bit < 34 * 8) expect(['onion-key', 'onion-hmac']).toContain(code)
      else expect(code).toBe('onion-hmac')
    }
  }, 60_000)

  test('a flipped bit on the way, at any hop of any path', () => {
    fc.assert(
      fc.property(payloadsOf20, fc.nat(ONION_BYTES * 8 - 1), fc.nat(19), (payloads, bit, at) => {
        const path = pathOf(payloads)
        const { packet } = created(path)
        const index = at % payloads.length
        const before = index === 0 ? packet : given(peelAll(path, packet)[index - 1]?.nextPacket)
        expect(peel(path, index, flipped(before, bit))).toHaveProperty('code')
      }),
      { numRuns: 60 },
    )
  })

  test('other associated data, at every hop and in every bit', () => {
    const path = three()
    const { packet } = created(path)
    const views = peelAll(path, packet)
    const packets = [packet, ...views.flatMap(({ nextPacket }) => nextPacket ?? [])]
    for (const [index, each] of packets.entries()) {
      for (let bit = 0; bit < 256; bit += 1) {
        const other = { ...path, associatedData: flipped(path.associatedData, bit) }
        expect(peel(other, index, each)).toMatchObject({ code: 'onion-hmac' })
      }
    }
    for (const length of [0, 31, 33]) {
      const other = { ...path, associatedData: new Uint8Array(length) }
      expect(peel(other, 0, packet)).toMatchObject({ code: 'associated-data-length' })
    }
  })

  test('by any node but the one it is for', () => {
    const path = pathOf(Array.from({ length: 6 }, () => payload(58)))
    const { packet } = created(path)
    for (let index = 1; index < 6; index += 1)
      expect(peel(path, index, packet)).toMatchObject({ code: 'onion-hmac' })
    const [first] = peelAll(path, packet)
    for (const index of [0, 2, 3, 4, 5])
      expect(peel(path, index, given(first?.nextPacket))).toMatchObject({ code: 'onion-hmac' })
  })

  test('a hop that is skipped, turned round or put into another onion', () => {
    const path = three()
    const { packet } = created(path)
    const [first] = peelAll(path, packet)
    const other = created({ ...path, sessionKey: payload(32, 0x77) }).packet
    const mixed = joinPacket({
      ...splitPacket(given(first?.nextPacket)),
      hopPayloads: splitPacket(other).hopPayloads,
    })
    expect(peel(path, 1, mixed)).toMatchObject({ code: 'onion-hmac' })
    expect(peel(path, 2, given(first?.nextPacket))).toMatchObject({ code: 'onion-hmac' })
  })

  test('every other length, and noise of the right length, without throwing', () => {
    const path = three()
    const { packet } = created(path)
    for (const length of [0, 1, 33, 34, 1334, 1365])
      expect(peel(path, 0, packet.subarray(0, length))).toMatchObject({ code: 'onion-length' })
    expect(peel(path, 0, joined(packet, payload(1)))).toMatchObject({ code: 'onion-length' })
    fc.assert(
      fc.property(fc.uint8Array({ minLength: ONION_BYTES, maxLength: ONION_BYTES }), (noise) => {
        expect(peel(path, 0, noise)).toHaveProperty('remedy')
        noise[0] = 0
        expect(peel(path, 0, noise)).toHaveProperty('remedy')
      }),
      { numRuns: 30 },
    )
    for (const key of [payload(33, 0), payload(33, 4), joined(payload(1, 2), payload(32, 0xff))]) {
      const bad = packet.slice()
      bad.set(key, 1)
      expect(peel(path, 0, bad)).toMatchObject({ code: 'onion-key', field: 'packet.ephemeralKey' })
    }
  })

  test.each([
    ['length 0', [0]],
    ['length 1', [1]],
    ['not the shortest form', [0xfd, 0, 252]],
    ['four-byte length', [0xfe, 0, 0, 0, 58]],
    ['eight-byte length', [0xff, 0, 0, 0, 0, 0, 0, 0, 58]],
    ['one byte beyond the end', [0xfd, (1300 - 34) >> 8, (1300 - 34) & 0xff]],
    ['far beyond the end', [0xfd, 0xff, 0xff]],
  ])('a payer whose payload length is wrong: %s', (_name, prefix) => {
    expect(peel(three(), 0, onionWithReadable(prefix))).toMatchObject({ code: 'payload-length' })
  })

  test('and the longest payload that fits is taken', () => {
    const longest = [0xfd, (1300 - 35) >> 8, (1300 - 35) & 0xff]
    expect(accepted(peel(three(), 0, onionWithReadable(longest))).payload.length).toBe(1300 - 35)
  })
})

describe('createOnion refuses', () => {
  const request = three()
  const refused = (change: Partial<typeof request>) => createOnion(crypto, { ...request, ...change })
  const hop = { nodeId: nodeIdOf(0), payload: payload(2) }

  test('no hops, and more than 20', () => {
    expect(refused({ hops: [] })).toMatchObject({ code: 'hops-invalid', field: 'hops' })
    const many = (count: number) => refused({ hops: Array.from({ length: count }, () => hop) })
    expect(many(MAX_ONION_HOPS + 1)).toMatchObject({ code: 'hops-invalid' })
    expect(many(MAX_ONION_HOPS)).toHaveProperty('packet')
  })

  test('payloads that do not fit, and takes those that just do', () => {
    const filling = (length: number) => refused({ hops: [{ ...hop, payload: payload(length) }, hop] })
    expect(filling(1300 - 35 - 35)).toHaveProperty('packet')
    expect(filling(1300 - 35 - 35 + 1)).toMatchObject({ code: 'payloads-too-long', field: 'hops' })
    for (const length of [0, 1])
      expect(refused({ hops: [hop, { ...hop, payload: payload(length) }] })).toMatchObject({
        code: 'payload-length',
        field: 'hops[1].payload',
      })
  })

  test('what is no node id, out of an invoice for instance, by its place', () => {
    for (const nodeId of [
      payload(0),
      payload(33),
      payload(32, 2),
      joined(payload(1, 4), payload(64)),
      payload(33, 0xff),
    ])
      expect(refused({ hops: [hop, { ...hop, nodeId }] })).toMatchObject({
        code: 'node-id-invalid',
        field: 'hops[1].nodeId',
      })
  })

  test('session keys out of range, and associated data of another length', () => {
    for (const sessionKey of [payload(0), payload(31), payload(33), payload(32, 0), payload(32, 0xff)])
      expect(refused({ sessionKey })).toMatchObject({ code: 'session-key-invalid' })
    for (const length of [0, 31, 33])
      expect(refused({ associatedData: payload(length) })).toMatchObject({ code: 'associated-data-length' })
  })
})

test('our own payloads: 13 forwarders and the payee fit, one more does not', () => {
  const forward = accepted(
    encodeHopPayload({ type: 'forward', channelId: payload(32), amount: 1n, expiry: 1 }),
  )
  const final = accepted(
    encodeHopPayload({
      type: 'final',
      amount: 1n,
      expiry: 1,
      paymentSecret: payload(32),
      total: 1n,
      metadata: payload(0),
    }),
  )
  const along = (forwarders: number) => [...Array.from({ length: forwarders }, () => forward), final]
  const path = pathOf(along(13))
  expect(peelAll(path, created(path).packet).length).toBe(14)
  expect(createOnion(crypto, pathOf(along(14), 0x41))).toMatchObject({ code: 'payloads-too-long' })
})

/** An onion for hop 0 that authenticates hop payloads beginning with these bytes: what a dishonest payer can make. */
function onionWithReadable(prefix: readonly number[]): Uint8Array {
  const path = three()
  const ephemeralKey = given(crypto.publicKey(path.sessionKey))
  const secret = given(crypto.ecdh(path.sessionKey, nodeIdOf(0)))
  const readable = payload(HOP_PAYLOADS_BYTES, 0)
  readable.set(prefix)
  const hopPayloads = crypto.chacha20(deriveKey(crypto, 'rho', secret), readable)
  const mac = crypto.hmacSha256(deriveKey(crypto, 'mu', secret), joined(hopPayloads, path.associatedData))
  return joinPacket({ ephemeralKey, hopPayloads, mac })
}

function longestRun(bytes: Uint8Array): number {
  let longest = 0
  let run = 0
  for (const [at, byte] of bytes.entries()) {
    run = at > 0 && byte === bytes[at - 1] ? run + 1 : 1
    longest = Math.max(longest, run)
  }
  return longest
}
