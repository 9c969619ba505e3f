/**
 * First act: the buyer opens a channel, buys a file chunk by chunk over HTTP, one payment a chunk,
 * verifies every byte, and both close the channel together. Then the chain is asked about each number.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Hex } from '@tallystick/client'
import { createProgress } from '../progress.ts'
import { purchase } from '../sale/purchase.ts'
import { startSale } from '../sale/sell.ts'
import type { Balances, Stage } from './stage.ts'
import { balances, inTokens, openChannel } from './stage.ts'

export type SaleResult = {
  readonly channelId: Hex
  readonly chunks: number
  readonly bytes: number
  /** Without 0x, as `sha256sum` prints it. */
  readonly sha256: string
  /** Base units. */
  readonly paid: bigint
  /** From the first request to the verified file. */
  readonly seconds: number
  readonly deposit: bigint
  /** By the bank, at the close. */
  readonly paidToSeller: bigint
  readonly returnedToBuyer: bigint
  readonly balances: Balances
}

/** What the buyer deposits beyond the price, to see it come back. */
const spareTokens = 20n

export async function playSale(stage: Stage, wares: { file: string; chunks: number }): Promise<SaleResult> {
  const { network, buyer, seller, say, checks } = stage
  const before = await balances(stage)
  const deposit = (BigInt(wares.chunks) + spareTokens) * network.unit
  say(`First act. The buyer opens a channel and deposits ${inTokens(deposit, network)} in the bank.`)
  const channelId = await openChannel(stage, deposit)
  const bought = await sell(stage, wares)
  const { chunks, sizeBytes } = bought.manifest
  const sha256 = bought.sha256.slice(2)
  say('Both sides close the channel together, and the bank pays both out at once.')
  await buyer.tally('channel', 'close', channelId)
  const after = await balances(stage)
  const payouts = await network.payoutsOf(channelId)
  const { party } = await buyer.api().channel(channelId)
  const [returnedToBuyer, paidToSeller] =
    party === 0 ? [payouts.party0, payouts.party1] : [payouts.party1, payouts.party0]
  const received = await seller.api().payments({ direction: 'incoming', channelId, limit: 1_000 })

  checks.compare(
    'SHA-256 of the file sold and of the file bought',
    await sha256Of(wares.file),
    await sha256Of(bought.output),
  )
  checks.compare('SHA-256 by the buyer and by the disk', sha256, await sha256Of(bought.output))
  if (chunks.length <= 1_000)
    checks.compare('one payment for each chunk', chunks.length, received.payments.length)
  checks.compare('paid, and paid to the seller by the bank', bought.paidTotal, paidToSeller)
  checks.compare('the rest of the deposit came back', deposit - bought.paidTotal, returnedToBuyer)
  checks.compare(
    "the seller's tokens on chain grew by the price",
    bought.paidTotal,
    after.seller - before.seller,
  )
  checks.compare(
    "the buyer's tokens on chain shrank by the price",
    -bought.paidTotal,
    after.buyer - before.buyer,
  )
  checks.compare('nothing is left in the bank', before.bank, after.bank)
  return {
    channelId,
    chunks: chunks.length,
    bytes: sizeBytes,
    sha256,
    paid: bought.paidTotal,
    seconds: bought.elapsedMs / 1000,
    deposit,
    paidToSeller,
    returnedToBuyer,
    balances: after,
  }
}

async function sell(
  { network, buyer, seller, home, say, json, estate }: Stage,
  wares: { file: string; chunks: number },
) {
  say(
    `The seller offers ${wares.file} in ${wares.chunks} chunks for ${inTokens(network.unit, network)} each.`,
  )
  const sale = await startSale({
    api: seller.api(),
    file: wares.file,
    chunks: wares.chunks,
    pricePerChunk: network.unit,
    token: network.token,
    host: '127.0.0.1',
    port: 0,
    keyFile: join(home, 'paywall.key'),
  })
  estate.onEnd(() => sale.close())
  say(`The buyer asks ${sale.uri} for each chunk, is answered 402 Payment Required, pays, and gets it.`)
  const bar = createProgress('Buying', { json })
  try {
    return await purchase({
      api: buyer.api(),
      uri: sale.uri,
      out: join(home, 'bought.bin'),
      maxPrice: BigInt(wares.chunks) * network.unit,
      onProgress: ({ chunksDone, chunkCount, bytesDone, paidNow }) =>
        bar.update(chunksDone, chunkCount, `${(bytesDone / 1e6).toFixed(1)} MB, ${paidNow} payments`),
    })
  } finally {
    bar.stop()
    await sale.close()
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
