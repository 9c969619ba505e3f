/**
 * Third act: A buys the file of D through 甲 and 乙, whom nobody trusts, first by hash locks, then by joint payments. 乙 is
 * killed and comes back, and at the end falls silent. Then the chain is asked what everybody has gained and lost.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Hex, NetworkPaymentView } from '@tallystick/client'
import type { Purchase, PurchaseProgress } from '@tallystick/client/paywall'
import { Failure } from '../failure.ts'
import { waitForChannel } from '../node-api.ts'
import type { Progress } from '../progress.ts'
import { createProgress } from '../progress.ts'
import { purchase } from '../sale/purchase.ts'
import { startSale } from '../sale/sell.ts'
import type { Crash } from './crash.ts'
import { planCrash } from './crash.ts'
import type { Silence } from './silence.ts'
import { endSilence, playSilence, prepareSilence } from './silence.ts'
import { inTokens } from './stage.ts'
import type { Name, StrangersStage } from './strangers-stage.ts'
import { FEES, fortunesOf, NAMES } from './strangers-stage.ts'

export type StrangersResult = {
  readonly chunks: { readonly htlc: number; readonly joint: number; readonly total: number }
  readonly bytes: number
  /** Without 0x. */
  readonly sha256: string
  /** Base units. */
  readonly price: bigint
  readonly paid: bigint
  /** Ways on which something was paid: one a payment, more where a payment went in parts. */
  readonly parts: number
  /** What the strangers keep on each way; negative: they give. */
  readonly fees: Readonly<Record<'甲' | '乙', bigint>>
  /** Of each party by the chain, base units, without gas; negative: a loss. */
  readonly gains: Readonly<Record<Name, bigint>>
  readonly sum: bigint
  readonly crash: Crash & { readonly lost: number; readonly repeated: number }
  readonly silence: Silence
  readonly seconds: number
}

export async function playStrangers(
  stage: StrangersStage,
  wares: { file: string; chunks: number },
): Promise<StrangersResult> {
  const startedMs = performance.now()
  const { network, parties, price, say, checks } = stage
  const shop = await openShop(stage, wares)
  const crash = await buyMost(stage, shop)
  await prepareSilence(stage)
  const silentPid = parties.乙.pid()
  const last = finishPurchase(stage, shop)
  // Whoever fails first, the other is not left without a listener.
  last.catch(() => {})
  const silence = await playSilence(stage, last)
  const bought = await last
  const { payments, repeated, lost } = await accounts(stage)
  await endSilence(stage, silentPid)
  await shop.close()

  const { chunks, sizeBytes } = bought.manifest
  const sha256 = bought.sha256.slice(2)
  checks.compare(
    'through the network: SHA-256 of the file sold and bought',
    await sha256Of(wares.file),
    await sha256Of(bought.output),
  )
  checks.compare('through the network: one payment made for each chunk', chunks.length, payments.length)
  const byMethod = (via: string) => payments.filter((payment) => payment.via === via).length
  checks.compare(
    'some by hash locks, the rest by joint payments',
    chunks.length - shop.byHashLock - 1,
    byMethod('joint'),
  )
  checks.compare('no payment is lost, none repeated, though 乙 was killed', '0, 0', `${lost}, ${repeated}`)
  const paid = price * BigInt(payments.length)
  const ways = payments.flatMap(paidWays)
  const gains = await judge(stage, ways)
  const sum = NAMES.reduce((total, name) => total + gains[name], 0n)
  checks.compare('all gains and losses together', 0n, sum)
  checks.compare(
    'through the network: nothing is left in the bank',
    0n,
    await network.balanceOf(network.bank),
  )
  say(`Everybody's gain and loss is read from the chain; together they are ${inTokens(sum, network)}.`)
  return {
    chunks: { htlc: byMethod('htlc'), joint: byMethod('joint'), total: chunks.length },
    bytes: sizeBytes,
    sha256,
    price,
    paid,
    parts: ways.length,
    fees: { 甲: FEES.甲 * network.unit, 乙: FEES.乙 * network.unit },
    gains,
    sum,
    crash: { ...crash, lost, repeated },
    silence,
    seconds: (performance.now() - startedMs) / 1000,
  }
}

type Shop = {
  readonly uri: string
  readonly output: string
  readonly chunkCount: number
  /** So many at the beginning, and the last one. The others by joint payment. */
  readonly byHashLock: number
  close(): Promise<void>
}

async function openShop(
  { parties, network, price, home, say, estate }: StrangersStage,
  { file, chunks }: { file: string; chunks: number },
): Promise<Shop> {
  const sale = await startSale({
    api: parties.D.api(),
    file,
    chunks,
    pricePerChunk: price,
    token: network.token,
    host: '127.0.0.1',
    port: 0,
    keyFile: join(home, 'network-paywall.key'),
  })
  estate.onEnd(() => sale.close())
  say(
    `D offers the file in ${chunks} chunks for ${inTokens(price, network)} each. Its terms now carry an invoice, which A's node pays through the network.`,
  )
  const chunkCount = sale.goods.chunks.length
  return {
    uri: sale.uri,
    output: join(home, 'bought-through-the-network.bin'),
    chunkCount,
    byHashLock: Math.floor((chunkCount - 1) / 3) + 1,
    close: () => sale.close(),
  }
}

/** Every chunk but the last; in the middle of the joint payments 乙 is killed. */
async function buyMost(stage: StrangersStage, shop: Shop): Promise<Crash> {
  const { byHashLock, chunkCount } = shop
  const crashAfter = Math.floor((byHashLock + chunkCount - 1) / 2)
  const bar = createProgress('Buying', stage)
  const say = (sentence: string) => {
    bar.stop()
    stage.say(sentence)
  }
  const plan = await planCrash({ ...stage, say })
  const paused = new AbortController()
  say(
    `The first ${byHashLock} chunks by hash locks: one hash on every hop, and D's preimage settles them all.`,
  )
  try {
    const failed = plan.done.then(
      () => new Promise<never>(() => {}),
      (error: unknown) => Promise.reject(error),
    )
    const most = buy(stage, shop, paused.signal, (progress) => {
      show(bar, progress)
      const { chunksDone } = progress
      if (chunksDone === byHashLock)
        say('Then by joint payments: all sign one set of terms, A last, and at that moment every hop is due.')
      if (chunksDone === crashAfter) plan.arm()
      if (chunksDone === chunkCount - 1) paused.abort()
    })
    await Promise.race([most.catch(unlessPaused(paused.signal)), failed])
    return await plan.done
  } finally {
    bar.stop()
    plan.end()
  }
}

/** Goes on where the purchase was paused. */
async function finishPurchase(stage: StrangersStage, shop: Shop): Promise<Purchase> {
  const bar = createProgress('Buying', stage)
  try {
    return await buy(stage, shop, undefined, (progress) => show(bar, progress))
  } finally {
    bar.stop()
  }
}

function buy(
  { parties, price }: StrangersStage,
  { uri, output, chunkCount, byHashLock }: Shop,
  signal: AbortSignal | undefined,
  onProgress: (progress: PurchaseProgress) => void,
): Promise<Purchase> {
  return purchase({
    api: parties.A.api(),
    uri,
    out: output,
    maxPrice: BigInt(chunkCount) * price,
    via: (chunk) => (chunk < byHashLock || chunk === chunkCount - 1 ? 'htlc' : 'joint'),
    paymentTimeoutMs: paymentMs,
    onProgress,
    ...(signal !== undefined && { signal }),
  })
}

/** A payment may have to wait for a node that comes back, and for the expiry of its locks. */
const paymentMs = 180_000
const longMs = 120_000

function unlessPaused(signal: AbortSignal) {
  return (error: unknown): void => {
    if (!(signal.aborted && error instanceof Failure && error.detail.code === 'aborted')) throw error
  }
}

function show(bar: Progress, { chunksDone, chunkCount, bytesDone }: PurchaseProgress): void {
  bar.update(chunksDone, chunkCount, `${(bytesDone / 1e6).toFixed(1)} MB`)
}

/** What A's node says it has paid, beside what D's says it was paid. */
async function accounts({ parties, price }: StrangersStage) {
  const { payments } = await parties.A.api().networkPayments({ state: 'succeeded', limit: 1_000 })
  const { invoices } = await parties.D.api().invoices({ state: 'settled', limit: 1_000 })
  const received = new Map(invoices.map((invoice) => [invoice.paymentHash, invoice.received]))
  const lost = payments.filter(({ paymentHash }) => received.get(paymentHash) !== price).length
  const repeated = payments.filter(
    (payment) => paidWays(payment).reduce((sum, { amount }) => sum + amount, 0n) !== price,
  ).length
  return { payments, lost, repeated: repeated + Math.max(0, invoices.length - payments.length) }
}

type Way = NetworkPaymentView['attempts'][number]

/** A payment may go in several parts; what failed on the way was never paid. */
function paidWays({ attempts }: NetworkPaymentView): readonly Way[] {
  return attempts.filter(({ state }) => state === 'paid')
}

/** By what A's node says of the hops: what everybody gains, and on how many ways a hop took other than it asks. */
function hopsOf({ network }: StrangersStage, ways: readonly Way[]) {
  const gains: Record<Name, bigint> = { A: 0n, 甲: 0n, 乙: 0n, D: 0n }
  let odd = 0
  for (const { path } of ways) {
    const [first, second, third] = path
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('a path of other hops')
    const taken = { 甲: first.amount - second.amount, 乙: second.amount - third.amount }
    if (taken.甲 !== FEES.甲 * network.unit || taken.乙 !== FEES.乙 * network.unit) odd++
    gains.A -= first.amount
    gains.甲 += taken.甲
    gains.乙 += taken.乙
    gains.D += third.amount
  }
  return { gains, odd }
}

/** Gains by the chain, each beside what the payments of A's node add up to. */
async function judge(stage: StrangersStage, ways: readonly Way[]): Promise<Record<Name, bigint>> {
  const { network, parties, fortunes, checks } = stage
  const { gains: expected, odd } = hopsOf(stage, ways)
  checks.compare('ways on which a hop took more or less than it asks', 0, odd)
  const now = await fortunesOf(network, parties)
  const gains: Record<Name, bigint> = { A: 0n, 甲: 0n, 乙: 0n, D: 0n }
  for (const name of NAMES) {
    gains[name] = now[name] - fortunes[name]
    checks.compare(`gain of ${name}, by the payments and by the chain`, expected[name], gains[name])
    checks.compare(
      `gain of ${name}, by its own node and by the chain`,
      await ownWord(stage, name),
      gains[name],
    )
  }
  return gains
}

/** What the node says it was paid when its channels ended, less what it had put in. */
async function ownWord({ parties, channels, deposits }: StrangersStage, name: Name): Promise<bigint> {
  const { first, second, third } = channels
  const own: Record<Name, readonly Hex[]> = {
    A: [first],
    甲: [first, second],
    乙: [second, third],
    D: [third],
  }
  const api = parties[name].api()
  const ended = await Promise.all(own[name].map((id) => waitForChannel(api, id, 'closed', longMs)))
  return ended.reduce((sum, { close }) => sum + (close?.paidMine ?? 0n), -deposits[name])
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
