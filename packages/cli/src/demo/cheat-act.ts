/**
 * Second act: the buyer pays, then closes the channel alone with an old line that says it paid
 * less. The seller's node, untouched and unasked, shows the bank a later line that the liar signed,
 * and the bank gives it everything the liar has in the channel.
 */
import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { ChannelView, Hex } from '@tallystick/client'
import { waitForChannel } from '../node-api.ts'
import { payOnce } from '../payment.ts'
import { closeWithOldLine } from './cheater.ts'
import type { Stage } from './stage.ts'
import { balances, inTokens, openChannel } from './stage.ts'

export type CheatResult = {
  readonly channelId: Hex
  /** Number of the line the liar stated as its newest, and what that line says it has paid. */
  readonly stated: bigint
  readonly statedPaid: bigint
  /** Number of the line that the liar is shown to have known, and what it had really paid. */
  readonly proved: bigint
  readonly reallyPaid: bigint
  /** Deposit that went to the other side as the penalty. */
  readonly forfeited: bigint
}

const depositTokens = 50n
const honestPayments = 5
const hiddenPayments = 20
const longMs = 60_000

export async function playCheat(stage: Stage): Promise<CheatResult> {
  const { network, buyer, seller, checks, say } = stage
  const deposit = depositTokens * network.unit
  const before = await balances(stage)
  say(
    `Second act. The buyer opens another channel with ${inTokens(deposit, network)} and pays ${honestPayments} times.`,
  )
  const channelId = await openChannel(stage, deposit)
  await pay(stage, channelId, honestPayments, network.unit)

  say('The buyer keeps a copy of its data directory from this moment.')
  await buyer.stop()
  const copy = join(stage.home, 'old-copy')
  cpSync(buyer.directory, copy, { recursive: true })
  await buyer.start()

  say(`It pays ${hiddenPayments} times more, then turns its node off and closes with the old line.`)
  await pay(stage, channelId, hiddenPayments, network.unit)
  const truth = await buyer.api().channel(channelId)
  await buyer.stop()
  const stated = await closeWithOldLine({ copy, passphraseFile: buyer.passphraseFile, channelId })

  say("The seller's node sees the close, and shows the bank a later line that the liar signed itself.")
  const closed = await waitForChannel(seller.api(), channelId, 'closed', longMs)
  const after = await balances(stage)
  const result = await readVerdict(stage, channelId, truth)
  say(
    `The buyer stated line ${result.stated} although it knew line ${result.proved}: the bank gave its ${inTokens(result.forfeited, network)} to the seller.`,
  )
  checks.compare('the liar states the old line', stated.nonce, result.stated)
  checks.compare('the seller knows what was really paid', truth.outgoing.ackedSent, closed.incoming.sent)
  checks.compare(
    'the line shown is later than the line stated',
    'yes',
    result.proved > result.stated ? 'yes' : 'no',
  )
  checks.compare(
    'forfeited, by the seller and by the bank',
    closed.close?.forfeited?.amount ?? 'nothing',
    result.forfeited,
  )
  checks.compare(
    'the stated payment and the penalty are the whole deposit',
    deposit,
    result.statedPaid + result.forfeited,
  )
  checks.compare('the seller got the whole deposit', deposit, after.seller - before.seller)
  checks.compare('the buyer got nothing back', -deposit, after.buyer - before.buyer)
  checks.compare('nothing is left in the bank', 0n, after.bank)
  return result
}

async function readVerdict({ network }: Stage, channelId: Hex, truth: ChannelView): Promise<CheatResult> {
  const { stated, statedPaid, shown, forfeited } = await network.verdictOn(channelId)
  return { channelId, stated, statedPaid, proved: shown, reallyPaid: truth.outgoing.ackedSent, forfeited }
}

/** One after the other, each acknowledged, so that each payment is a line of its own. */
async function pay({ buyer }: Stage, channelId: Hex, times: number, amount: bigint): Promise<void> {
  const api = buyer.api()
  for (let i = 0; i < times; i++) {
    const reference = `0x${randomBytes(32).toString('hex')}` as const
    const payment = await payOnce(api, { channelId, amount, reference }, longMs)
    if (payment.state !== 'accepted') throw new Error(`a payment of the demo is ${payment.state}`)
  }
}
