/** A seller's stall for tests: a file, a ledger, and a paywall on a socket that a test may bend. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import type { Hex } from '@tallystick/client'
import { onTestFinished } from 'vitest'
import type { BuyOptions } from '../../src/paywall/buyer.ts'
import { buy } from '../../src/paywall/buyer.ts'
import { PaywallError } from '../../src/paywall/error.ts'
import { openGoods } from '../../src/paywall/goods.ts'
import { nodeInvoices } from '../../src/paywall/invoices.ts'
import { createPaywall } from '../../src/paywall/seller.ts'
import { BANK, CHAIN_ID, type PaperLedger, PRICE, paperLedger, SELLER, TOKEN } from './paper-ledger.ts'

/** Bends what the honest paywall answers; `honest` asks it. */
export type Bend = (request: Request, honest: () => Promise<Response>) => Promise<Response>

export interface Stall {
  readonly directory: string
  readonly file: string
  readonly bytes: Buffer
  readonly sha256: Hex
  readonly output: string
  readonly keyFile: string
  readonly ledger: PaperLedger
  readonly url: string
  /** Requests seen, as `METHOD path`. */
  readonly requests: string[]
  bend(bend: Bend): void
  /** Opens again with what is on disk, as after a restart. */
  restart(): Promise<void>
  buy(options?: Partial<BuyOptions>): ReturnType<typeof buy>
  bought(): Buffer
}

export async function openStall(
  options: { sizeBytes?: number; chunkCount?: number; ledger?: PaperLedger } = {},
): Promise<Stall> {
  const { sizeBytes = 100_001, chunkCount = 10, ledger = paperLedger() } = options
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-paywall-'))
  // At once: some stalls are meant not to open.
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const [file, keyFile, output] = ['goods.bin', 'paywall.key', 'bought.bin'].map((name) =>
    join(directory, name),
  ) as [string, string, string]
  const bytes = randomBytes(sizeBytes)
  writeFileSync(file, bytes)
  let bend: Bend = (_request, honest) => honest()
  const open = async () =>
    createPaywall({
      goods: await openGoods(file, chunkCount),
      pricePerChunk: PRICE,
      token: TOKEN,
      chainId: CHAIN_ID,
      bank: BANK,
      seller: SELLER,
      cashier: ledger.cashier,
      invoices: nodeInvoices(ledger.network.payee, TOKEN),
      keyFile,
    })
  let app = await open()
  const requests: string[] = []
  const server = createServer(
    getRequestListener(
      (request) => {
        requests.push(`${request.method} ${new URL(request.url).pathname}`)
        return bend(request, async () => app.fetch(request))
      },
      { overrideGlobalObjects: false },
    ),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  onTestFinished(async () => {
    const closed = new Promise((done) => server.close(done))
    server.closeAllConnections()
    await closed
  })
  const url = `http://127.0.0.1:${address.port}`
  return {
    directory,
    file,
    bytes,
    sha256: `0x${createHash('sha256').update(bytes).digest('hex')}`,
    output,
    keyFile,
    ledger,
    url,
    requests,
    bend: (next) => {
      bend = next
    },
    restart: async () => {
      app = await open()
    },
    buy: (given = {}) =>
      buy({
        url,
        node: ledger.buyer,
        output,
        maxPricePerChunk: PRICE,
        deliveryTimeoutMs: 500,
        paymentTimeoutMs: 2_000,
        ...given,
      }),
    bought: () => readFileSync(output),
  }
}

export async function refused(attempt: Promise<unknown>): Promise<PaywallError> {
  const outcome = await attempt.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  if (outcome instanceof PaywallError) return outcome
  throw outcome
}

/** An answer whose JSON is changed on its way; other answers pass. */
export async function rewritten(
  answer: Promise<Response>,
  change: (json: Record<string, unknown>) => unknown,
): Promise<Response> {
  const response = await answer
  if (response.headers.get('content-type') !== 'application/json') return response
  const json = (await response.json()) as Record<string, unknown>
  return new Response(JSON.stringify(change(json)), {
    status: response.status,
    headers: { 'content-type': 'application/json' },
  })
}

export function chunkOf(request: Request): number | undefined {
  const index = /^\/chunks\/([0-9]+)$/.exec(new URL(request.url).pathname)?.[1]
  return index === undefined ? undefined : Number(index)
}
