/** An honest trade, whole and interrupted. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { PurchaseProgress } from '../../src/paywall/buyer.ts'
import { openGoods } from '../../src/paywall/goods.ts'
import { createPaywall } from '../../src/paywall/seller.ts'
import { fetchManifest } from '../../src/paywall/seller-connection.ts'
import { BANK, CHAIN_ID, CHANNEL, PRICE, paperLedger, SELLER, TOKEN } from './paper-ledger.ts'
import { refusal } from './paper-refusal.ts'
import { openStall, refused, type Stall } from './stall.ts'

function assertPaidOnce(stall: Stall, chunks: number): void {
  expect(stall.ledger.payments.length).toBe(chunks)
  expect(new Set(stall.ledger.payments.map(({ reference }) => reference)).size).toBe(chunks)
  expect(stall.ledger.payments.every(({ amount }) => amount === PRICE)).toBe(true)
}

describe('a whole trade', () => {
  test.for([
    [100_001, 10, 1],
    [100_001, 10, 4],
    [100_000, 10, 2],
    [1, 1, 1],
    [3, 100, 8],
    [1_000_003, 7, 3],
  ] as const)(
    'of %i bytes in %i chunks, %i ahead: the file, paid once a chunk',
    async ([sizeBytes, chunkCount, chunksAhead]) => {
      const stall = await openStall({ sizeBytes, chunkCount })
      const progress: PurchaseProgress[] = []
      const purchase = await stall.buy({
        chunksAhead,
        maxTotal: PRICE * BigInt(chunkCount),
        expect: { sha256: stall.sha256 },
        onProgress: (now) => progress.push(now),
      })
      const chunks = purchase.manifest.chunks.length
      expect(stall.bought().equals(stall.bytes)).toBe(true)
      expect(purchase).toMatchObject({
        sha256: stall.sha256,
        paidNow: PRICE * BigInt(chunks),
        paidTotal: PRICE * BigInt(chunks),
      })
      assertPaidOnce(stall, chunks)
      expect(progress.length).toBe(chunks)
      expect(progress.at(-1)).toMatchObject({
        chunksDone: chunks,
        chunkCount: chunks,
        bytesDone: sizeBytes,
        sizeBytes,
      })
      expect(readdirSync(stall.directory).sort()).toEqual(['bought.bin', 'goods.bin', 'paywall.key'])
    },
  )

  test('a file that is here already is not bought again; another one of its name is not touched', async () => {
    const stall = await openStall()
    await stall.buy()
    expect(await stall.buy()).toMatchObject({ paidNow: 0n, sha256: stall.sha256 })
    assertPaidOnce(stall, 10)
    writeFileSync(stall.output, 'my own')
    expect(await refused(stall.buy())).toMatchObject({ code: 'output-exists', field: 'output' })
    expect(readFileSync(stall.output, 'utf8')).toBe('my own')
  })

  test('the manifest tells name, size, hashes, price and seller', async () => {
    const stall = await openStall()
    expect(await fetchManifest(stall.url)).toMatchObject({
      name: 'goods.bin',
      sizeBytes: 100_001,
      chunkBytes: 10_001,
      pricePerChunk: PRICE,
      sha256: stall.sha256,
    })
  })
})

describe('what cannot be sold is refused by name', () => {
  test.for([
    ['an empty file', 0, 10, 'file-unusable'],
    ['no chunks', 10, 0, 'file-unusable'],
    ['too many chunks', 10, 65_537, 'file-unusable'],
  ] as const)('%s', async ([, sizeBytes, chunkCount, code]) => {
    expect(await refused(openStall({ sizeBytes, chunkCount }))).toMatchObject({ code })
  })

  test('a directory, and nothing at all', async () => {
    const stall = await openStall()
    for (const path of [stall.directory, join(stall.directory, 'nowhere')])
      expect(await refused(openGoods(path, 10))).toMatchObject({ code: 'file-unusable', field: path })
  })

  test.for([
    ['a price of nothing', 'pricePerChunk', { pricePerChunk: 0n }],
    ['a token that is none', 'token', { token: '0x1' as const }],
    ['a seller without a port', 'seller.port', { seller: { ...SELLER, port: 0 } }],
  ] as const)('%s', async ([, field, wrong]) => {
    const stall = await openStall()
    const goods = await openGoods(stall.file, 10)
    const offer = { goods, pricePerChunk: PRICE, token: TOKEN, chainId: CHAIN_ID, bank: BANK, seller: SELLER }
    const options = { ...offer, cashier: stall.ledger.cashier, keyFile: stall.keyFile, ...wrong }
    expect(() => createPaywall(options)).toThrow(expect.objectContaining({ code: 'offer-invalid', field }))
  })

  test('a file with a strange name is offered under a plain one', async () => {
    const stall = await openStall()
    const strange = join(stall.directory, '-rf: a\u001b[2J\u202eb')
    writeFileSync(strange, 'bytes')
    expect((await openGoods(strange, 1)).name).toBe('_rf_ a_[2J_b')
  })
})

describe('an interrupted trade goes on and pays nothing twice', () => {
  test('after the buyer stopped', async () => {
    const stall = await openStall()
    const stop = new AbortController()
    const options = {
      signal: stop.signal,
      onProgress: ({ chunksDone }: PurchaseProgress) => chunksDone === 4 && stop.abort(),
    }
    expect((await refused(stall.buy(options))).code).toBe('aborted')
    assertPaidOnce(stall, 4)
    expect(existsSync(stall.output)).toBe(false)
    expect(await stall.buy()).toMatchObject({ paidNow: PRICE * 6n, paidTotal: PRICE * 10n })
    expect(stall.bought().equals(stall.bytes)).toBe(true)
    assertPaidOnce(stall, 10)
  })

  test.for<[string, (stall: Stall, pay: () => Promise<unknown>) => Promise<unknown>]>([
    ['before the payment was asked for', async () => undefined],
    ['after the payment was made', (_stall, pay) => pay()],
  ])('a crash %s', async ([, act]) => {
    const stall = await openStall()
    const node = { ...stall.ledger.buyer }
    let count = 0
    node.pay = async (request) => {
      if (++count !== 3) return stall.ledger.buyer.pay(request)
      await act(stall, () => stall.ledger.buyer.pay(request))
      throw new Error('killed here')
    }
    await expect(stall.buy({ node })).rejects.toThrow('killed here')
    await stall.buy()
    assertPaidOnce(stall, 10)
    expect(stall.bought().equals(stall.bytes)).toBe(true)
  })

  test('an answer of the node that got lost', async () => {
    const stall = await openStall()
    const node = { ...stall.ledger.buyer }
    let lost = 0
    node.pay = async (request) => {
      const payment = await stall.ledger.buyer.pay(request)
      if (++lost % 2 === 1) throw refusal('UNREACHABLE', 0)
      return payment
    }
    await stall.buy({ node })
    assertPaidOnce(stall, 10)
  })

  test('a payment that stays pending is an error with what is at risk, and is taken up again', async () => {
    const stall = await openStall()
    const node = { ...stall.ledger.buyer }
    let made: (() => Promise<unknown>) | undefined
    node.pay = async (request) => {
      made = () => stall.ledger.buyer.pay(request)
      return {
        ...request,
        direction: 'outgoing',
        channelId: CHANNEL,
        peer: '',
        token: CHANNEL,
        state: 'sent',
        atMs: 0,
      }
    }
    const error = await refused(stall.buy({ node, paymentTimeoutMs: 50 }))
    expect(error).toMatchObject({ code: 'payment-pending', atRisk: PRICE })
    await made?.()
    await stall.buy()
    assertPaidOnce(stall, 10)
  })

  test('a seller that restarts keeps what was paid', async () => {
    const stall = await openStall()
    let asked = 0
    stall.bend(async (_request, honest) => {
      if (++asked % 5 === 0) await stall.restart()
      return honest()
    })
    await stall.buy({ chunksAhead: 3 })
    assertPaidOnce(stall, 10)
    expect(statSync(stall.keyFile).mode & 0o777).toBe(0o600)
  })

  test('a seller’s node that is away for a moment', async () => {
    const stall = await openStall()
    let asked = 0
    stall.bend(async (_request, honest) => (++asked % 3 === 0 ? new Response('', { status: 503 }) : honest()))
    await stall.buy({ deliveryTimeoutMs: 10_000 })
    assertPaidOnce(stall, 10)
  })

  test('a journal torn in the middle of its last line', async () => {
    const stall = await openStall()
    const stop = new AbortController()
    await refused(
      stall.buy({ signal: stop.signal, onProgress: ({ chunksDone }) => chunksDone === 3 && stop.abort() }),
    )
    appendFileSync(`${stall.output}.tally-journal`, '{"pay":3,"refer')
    await stall.buy()
    assertPaidOnce(stall, 10)
    expect(stall.bought().equals(stall.bytes)).toBe(true)
  })

  test('bytes that the disk lost are fetched again, not paid again', async () => {
    const stall = await openStall()
    const stop = new AbortController()
    await refused(
      stall.buy({ signal: stop.signal, onProgress: ({ chunksDone }) => chunksDone === 5 && stop.abort() }),
    )
    truncateSync(`${stall.output}.tally-part`, 25_000)
    await stall.buy()
    assertPaidOnce(stall, 10)
    expect(stall.bought().equals(stall.bytes)).toBe(true)
    await openStall()
  })

  test('a part file that is gone', async () => {
    const stall = await openStall()
    const stop = new AbortController()
    await refused(
      stall.buy({ signal: stop.signal, onProgress: ({ chunksDone }) => chunksDone === 5 && stop.abort() }),
    )
    rmSync(`${stall.output}.tally-part`)
    await stall.buy()
    assertPaidOnce(stall, 10)
  })

  test('after the file got its name and before the rest was cleared away', async () => {
    const stall = await openStall()
    await stall.buy()
    for (const left of ['tally-part', 'tally-journal']) writeFileSync(`${stall.output}.${left}`, 'left')
    expect(await stall.buy()).toMatchObject({ paidNow: 0n })
    assertPaidOnce(stall, 10)
    expect(readdirSync(stall.directory).sort()).toEqual(['bought.bin', 'goods.bin', 'paywall.key'])
  })

  test('a damaged journal is refused by name, not guessed at', async () => {
    const stall = await openStall()
    const stop = new AbortController()
    await refused(
      stall.buy({ signal: stop.signal, onProgress: ({ chunksDone }) => chunksDone === 2 && stop.abort() }),
    )
    const journal = `${stall.output}.tally-journal`
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('"pay"', '"paY"'))
    expect(await refused(stall.buy())).toMatchObject({ code: 'state-unusable', field: journal })
    assertPaidOnce(stall, 2)
  })

  test('a buyer killed (SIGKILL) again and again', async () => {
    const ledgerFile = 'ledger.jsonl'
    const stall = await openStall({ sizeBytes: 400_000, chunkCount: 20 })
    const ledgerPath = join(stall.directory, ledgerFile)
    // The seller asks the ledger that the buyer processes leave behind.
    stall.bend(async (_request, honest) => {
      const fresh = paperLedger({ file: ledgerPath })
      Object.assign(stall.ledger.cashier, fresh.cashier)
      return honest()
    })
    const run = async (killAfter: number) => {
      const child = fork(
        fileURLToPath(new URL('./buyer-process.ts', import.meta.url)),
        [stall.url, stall.output, ledgerPath],
        {
          execArgv: [],
        },
      )
      const exited = once(child, 'exit')
      let lines = 0
      child.on('message', () => ++lines === killAfter && child.kill('SIGKILL'))
      return (await exited) as [code: number | null, signal: string | null]
    }
    for (const killAfter of [1, 2, 3, 4, 5, 6]) expect((await run(killAfter))[1]).toBe('SIGKILL')
    expect(await run(1_000)).toEqual([0, null])
    expect(stall.bought().equals(stall.bytes)).toBe(true)
    const { payments } = paperLedger({ file: ledgerPath })
    expect(payments.length).toBe(20)
    expect(new Set(payments.map(({ reference }) => reference)).size).toBe(20)
  })
})
