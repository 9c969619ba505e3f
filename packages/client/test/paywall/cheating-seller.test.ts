/** Sellers that cheat: the buyer pays nothing it did not agree to, and loses one price at most. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { PaywallErrorCode } from '../../src/paywall/error.ts'
import { fetchManifest } from '../../src/paywall/seller-connection.ts'
import { BANK, PRICE } from './paper-ledger.ts'
import { type Bend, chunkOf, openStall, refused, rewritten } from './stall.ts'

type Json = Record<string, unknown>

/** Changes the terms of chunk 3 and leaves everything else honest. */
function bendTerms(change: (terms: Json) => Json): Bend {
  return async (request, honest) =>
    chunkOf(request) === 3
      ? rewritten(honest(), (body) => ({ ...body, terms: change(body.terms as Json) }))
      : honest()
}

describe('terms that are not the manifest’s are not paid', () => {
  test.for<[string, string, (terms: Json) => Json]>([
    ['a higher price', 'terms.amount', (terms) => ({ ...terms, amount: '8' })],
    ['a lower price', 'terms.amount', (terms) => ({ ...terms, amount: '6' })],
    ['another token', 'terms.token', (terms) => ({ ...terms, token: BANK })],
    ['another bank', 'terms.bank', (terms) => ({ ...terms, bank: `0x${'00'.repeat(20)}` })],
    ['another chain', 'terms.chainId', (terms) => ({ ...terms, chainId: '1' })],
    [
      'another payee',
      'terms.seller.nodeId',
      (terms) => ({ ...terms, seller: { ...(terms.seller as Json), nodeId: `02${'11'.repeat(32)}` } }),
    ],
    ['another chunk', 'terms.chunk', (terms) => ({ ...terms, chunk: 4 })],
    ['other bytes', 'terms.sha256', (terms) => ({ ...terms, sha256: `0x${'00'.repeat(32)}` })],
  ])('%s', async ([, field, change]) => {
    const stall = await openStall()
    stall.bend(bendTerms(change))
    expect(await refused(stall.buy())).toMatchObject({ code: 'terms-changed', field, atRisk: 0n })
    expect(stall.ledger.payments.length).toBe(3)
    stall.bend((_request, honest) => honest())
    await stall.buy()
    expect(stall.ledger.payments.length).toBe(10)
  })

  test('one reference for two chunks', async () => {
    const stall = await openStall()
    let first: unknown
    stall.bend((_request, honest) =>
      rewritten(honest(), (body) => {
        const terms = body.terms as Json | undefined
        if (terms === undefined) return body
        first ??= terms.reference
        return { ...body, terms: { ...terms, reference: terms.chunk === 1 ? first : terms.reference } }
      }),
    )
    expect(await refused(stall.buy())).toMatchObject({ code: 'terms-changed', field: 'terms.reference' })
    expect(stall.ledger.payments.length).toBe(1)
  })

  test.for<[string, Json]>([
    ['malformed', { terms: { amount: 'all you have' } }],
    ['empty', {}],
    ['negative', { reason: 'unpaid', terms: { amount: '-1' } }],
  ])('terms that are %s', async ([, body]) => {
    const stall = await openStall()
    stall.bend(async (request, honest) =>
      chunkOf(request) === undefined
        ? honest()
        : new Response(JSON.stringify(body), {
            status: 402,
            headers: { 'content-type': 'application/json' },
          }),
    )
    expect(await refused(stall.buy({ deliveryTimeoutMs: 50 }))).toMatchObject({ code: 'seller-unreachable' })
    expect(stall.ledger.payments).toEqual([])
  })
})

describe('a manifest that is not acceptable costs nothing', () => {
  test.for<[string, PaywallErrorCode, string, (manifest: Json) => Json]>([
    [
      'too expensive',
      'too-expensive',
      'manifest.pricePerChunk',
      (manifest) => ({ ...manifest, pricePerChunk: '8' }),
    ],
    [
      'on another chain',
      'not-as-expected',
      'manifest.chainId',
      (manifest) => ({ ...manifest, chainId: '1' }),
    ],
    [
      'on another bank',
      'not-as-expected',
      'manifest.bank',
      (manifest) => ({ ...manifest, bank: `0x${'00'.repeat(20)}` }),
    ],
    [
      'of another file',
      'not-as-expected',
      'manifest.sha256',
      (manifest) => ({ ...manifest, sha256: `0x${'00'.repeat(32)}` }),
    ],
    [
      'with a path for a name',
      'manifest-malformed',
      'manifest.name',
      (manifest) => ({ ...manifest, name: '../../.bashrc' }),
    ],
    [
      'with an escape in the name',
      'manifest-malformed',
      'manifest.name',
      (manifest) => ({ ...manifest, name: 'a\u001b[2Jb' }),
    ],
    [
      'named like an option',
      'manifest-malformed',
      'manifest.name',
      (manifest) => ({ ...manifest, name: '--output' }),
    ],
    [
      'with another number of chunks',
      'manifest-malformed',
      'manifest.chunks',
      (manifest) => ({ ...manifest, chunks: (manifest.chunks as unknown[]).slice(1) }),
    ],
    [
      'with a size of nothing',
      'manifest-malformed',
      'manifest.sizeBytes',
      (manifest) => ({ ...manifest, sizeBytes: 0 }),
    ],
    [
      'free of charge',
      'manifest-malformed',
      'manifest.pricePerChunk',
      (manifest) => ({ ...manifest, pricePerChunk: '0' }),
    ],
    ['with fields of its own', 'manifest-malformed', 'manifest.', (manifest) => ({ ...manifest, extra: 1 })],
  ])('%s', async ([, code, field, change]) => {
    const stall = await openStall()
    stall.bend((_request, honest) => rewritten(honest(), change))
    expect(await refused(stall.buy({ expect: { sha256: stall.sha256 } }))).toMatchObject({ code, field })
    expect(stall.ledger.payments).toEqual([])
    expect(existsSync(`${stall.output}.tally-journal`)).toBe(false)
  })

  test('over the limit for the whole', async () => {
    const stall = await openStall()
    expect(await refused(stall.buy({ maxTotal: PRICE * 10n - 1n }))).toMatchObject({
      code: 'too-expensive',
      field: 'manifest.total',
    })
    expect(stall.ledger.payments).toEqual([])
  })

  test('from another seller than expected', async () => {
    const stall = await openStall()
    const expect_ = { sellerNodeId: `02${'11'.repeat(32)}` }
    expect(await refused(stall.buy({ expect: expect_ }))).toMatchObject({
      code: 'not-as-expected',
      field: 'manifest.seller.nodeId',
    })
  })

  test('changed in the middle of a download', async () => {
    const stall = await openStall()
    const stop = new AbortController()
    await refused(
      stall.buy({ signal: stop.signal, onProgress: ({ chunksDone }) => chunksDone === 2 && stop.abort() }),
    )
    stall.bend((_request, honest) =>
      rewritten(honest(), (body) => ('version' in body ? { ...body, pricePerChunk: '6' } : body)),
    )
    expect(await refused(stall.buy())).toMatchObject({ code: 'manifest-changed', field: 'manifest' })
    expect(stall.ledger.payments.length).toBe(2)
  })

  test.for<[string, () => Response]>([
    ['not JSON', () => new Response('<html>')],
    ['an error', () => new Response('', { status: 500 })],
    [
      'endless',
      () =>
        new Response(
          new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(65_536).fill(32)) }),
        ),
    ],
    ['a redirect', () => new Response('', { status: 302, headers: { location: 'http://127.0.0.1:9/' } })],
  ])('%s', async ([, answer]) => {
    const stall = await openStall()
    stall.bend(async () => answer())
    const error = await refused(fetchManifest(stall.url))
    expect(['seller-unreachable', 'manifest-malformed']).toContain(error.code)
  })
})

describe('what is paid and not delivered costs one price at most, and nothing more is paid', () => {
  const cheat =
    (act: (honest: () => Promise<Response>) => Promise<Response>): Bend =>
    async (request, honest) => {
      if (chunkOf(request) !== 3) return honest()
      const answer = await honest()
      // Terms first; the cheating begins once the chunk is paid.
      return answer.status === 402 ? answer : act(async () => answer)
    }
  const bytesOf = async (honest: () => Promise<Response>) =>
    new Uint8Array(await (await honest()).arrayBuffer())

  test.for<[string, PaywallErrorCode, (honest: () => Promise<Response>) => Promise<Response>]>([
    ['wrong bytes', 'chunk-corrupt', async (honest) => new Response((await bytesOf(honest)).fill(0))],
    [
      'one bit wrong',
      'chunk-corrupt',
      async (honest) =>
        new Response((await bytesOf(honest)).map((byte, at) => (at === 5000 ? byte ^ 1 : byte))),
    ],
    [
      'too many bytes',
      'chunk-corrupt',
      async (honest) => new Response(Buffer.concat([await bytesOf(honest), Buffer.alloc(1)])),
    ],
    [
      'endless bytes',
      'chunk-corrupt',
      async () =>
        new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(4096)) })),
    ],
    ['too few bytes', 'not-delivered', async (honest) => new Response((await bytesOf(honest)).subarray(1))],
    ['nothing', 'not-delivered', async () => new Response('')],
    ['an error', 'not-delivered', async () => new Response('', { status: 500 })],
    [
      'a redirect',
      'not-delivered',
      async () => new Response('', { status: 302, headers: { location: '/chunks/1' } }),
    ],
    ['silence', 'not-delivered', () => new Promise(() => undefined)],
  ])('%s', async ([, code, act]) => {
    const stall = await openStall()
    stall.bend(cheat(act))
    // Short only where the time itself is what ends it.
    const patience = { deliveryTimeoutMs: 60_000 }
    const error = await refused(stall.buy(code === 'not-delivered' ? {} : patience))
    expect(error).toMatchObject({ code, field: 'chunks.3', atRisk: PRICE })
    expect(error.message).toContain(stall.ledger.payments[3]?.reference)
    expect(stall.ledger.payments.length).toBe(4)
    expect(existsSync(stall.output)).toBe(false)
    // Asked again later, an honest seller delivers what was paid, and it is not paid again.
    stall.bend((_request, honest) => honest())
    await stall.buy(patience)
    expect(stall.ledger.payments.length).toBe(10)
    expect(stall.bought().equals(stall.bytes)).toBe(true)
  })

  test('asking for the same payment again', async () => {
    const stall = await openStall()
    let terms: Response | undefined
    stall.bend(async (request, honest) => {
      if (chunkOf(request) !== 3) return honest()
      terms ??= await honest()
      return terms.clone()
    })
    expect(await refused(stall.buy())).toMatchObject({
      code: 'not-delivered',
      field: 'chunks.3',
      atRisk: PRICE,
    })
    expect(stall.ledger.payments.length).toBe(4)
  })

  test('asking for a second payment under a new reference, also after a restart of the buyer', async () => {
    const stall = await openStall()
    let asked = 0
    stall.bend(async (request, honest) => {
      if (chunkOf(request) !== 3) return honest()
      const reference = `0x${(++asked).toString(16).padStart(64, '0')}`
      return rewritten(
        honest().then((answer) =>
          answer.status === 402
            ? answer
            : new Response(JSON.stringify({ gone: true }), {
                status: 402,
                headers: { 'content-type': 'application/json' },
              }),
        ),
        (body) => ('terms' in body ? { ...body, terms: { ...(body.terms as Json), reference } } : body),
      )
    })
    expect(await refused(stall.buy())).toMatchObject({ code: 'not-delivered', field: 'chunks.3' })
    expect(await refused(stall.buy())).toMatchObject({ code: 'not-delivered', field: 'chunks.3' })
    expect(stall.ledger.payments.length).toBe(4)
  })

  test('with several ahead the loss is at most as many prices', async () => {
    const stall = await openStall({ chunkCount: 20 })
    stall.bend(async (request, honest) => {
      const answer = await honest()
      return chunkOf(request) === undefined || answer.status === 402
        ? answer
        : new Response('', { status: 500 })
    })
    const error = await refused(stall.buy({ chunksAhead: 3 }))
    expect(error.code).toBe('not-delivered')
    expect(stall.ledger.payments.length).toBeLessThanOrEqual(3)
    expect(error.atRisk).toBe(PRICE * BigInt(stall.ledger.payments.length))
  })

  test('wrong bytes once, as a bad line gives them, are fetched again', async () => {
    const stall = await openStall()
    let spoilt = 0
    stall.bend(
      cheat(async (honest) => (++spoilt === 1 ? new Response((await bytesOf(honest)).fill(1)) : honest())),
    )
    await stall.buy({ deliveryTimeoutMs: 10_000 })
    expect(spoilt).toBe(2)
    expect(stall.ledger.payments.length).toBe(10)
  })

  test('a manifest whose whole is not the sum of its chunks is found out at the end, and said', async () => {
    const stall = await openStall({ chunkCount: 2 })
    const lie = `0x${'ee'.repeat(32)}`
    stall.bend((_request, honest) =>
      rewritten(honest(), (body) => ('version' in body ? { ...body, sha256: lie } : body)),
    )
    expect(await refused(stall.buy())).toMatchObject({ code: 'file-corrupt', field: 'manifest.sha256' })
    expect(existsSync(stall.output)).toBe(false)
  })
})

describe('the buyer’s own side', () => {
  test('without a channel, or with too little in it, nothing is paid', async () => {
    const stall = await openStall()
    const node = { ...stall.ledger.buyer, channels: async () => [] }
    expect(await refused(stall.buy({ node }))).toMatchObject({ code: 'no-channel', field: 'channel' })
    stall.ledger.spendable = PRICE * 2n
    expect(await refused(stall.buy())).toMatchObject({
      code: 'no-channel',
      remedy: expect.stringContaining('Top the channel up'),
    })
    expect(stall.ledger.payments.length).toBe(2)
    stall.ledger.spendable = 1_000n
    await stall.buy()
    expect(stall.ledger.payments.length).toBe(10)
  })

  test.for([0, -1, 1.5, 65, Number.NaN])('chunksAhead %d is refused by name', async (chunksAhead) => {
    const stall = await openStall()
    expect(await refused(stall.buy({ chunksAhead }))).toMatchObject({ field: 'chunksAhead' })
  })
})
