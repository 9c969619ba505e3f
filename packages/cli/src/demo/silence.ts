/**
 * 乙 falls silent after it has locked onward, and D is shown to be paid all the same: D sends the key to the registry by
 * expiry - T, which makes every hop due by one answer, and takes what 乙 owes it from the bank, without 乙.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Hex } from '@tallystick/client'
import { ApiError } from '@tallystick/client'
import { waitForChannel } from '../node-api.ts'
import type { Claim } from './network.ts'
import type { Party } from './party.ts'
import type { StrangersStage } from './strangers-stage.ts'
import { untilUnlocked } from './strangers-stage.ts'
import { until } from './until.ts'

export type Silence = Claim & {
  /** Of the payment that stalled. */
  readonly payment: Hex
  /** Unix seconds of the block in which the registry learnt the key. */
  readonly resolvedAt: number
}

const program = fileURLToPath(new URL('./silent-node.ts', import.meta.url))
const longMs = 120_000

/** 乙's node is replaced by one that freezes when it is shown a key. */
export async function prepareSilence(stage: StrangersStage): Promise<void> {
  const { parties, channels, say } = stage
  const { 甲: jia, 乙: yi, D: d } = parties
  await untilUnlocked('nothing is locked', [
    [jia, channels.first],
    [jia, channels.second],
    [d, channels.third],
  ])
  await yi.stop()
  const address = await yi.start({ path: program, args: [d.nodeId] })
  await jia.api().connectPeer({ peer: address, timeoutMs: 60_000 })
  // Not before it can: what fails here would be paid another way, or in parts, and tell another story.
  await until('甲 and 乙 can carry payments to D', longMs, async () => {
    const { chain } = await yi.api().status()
    const ways = await Promise.all([jia, yi].map((party) => hasWay(stage, party)))
    return chain.headBlock !== undefined && !ways.includes(false)
  })
  say('For the last chunk 乙 turns bad: it locks onward to D, and when D shows it the key, it falls silent.')
}

/** The last chunk is being bought: `bought` resolves when A has it. */
export async function playSilence(stage: StrangersStage, bought: Promise<unknown>): Promise<Silence> {
  const { parties, channels, network, checks, say } = stage
  const { A: a, 甲: jia, 乙: yi, D: d } = parties
  const frozen = until('乙 has locked onward and is frozen', longMs, () => isFrozen(yi.pid()))
  // A purchase that fails first says more than a wait that ends in vain.
  await Promise.race([frozen, bought.then(() => frozen)])
  const payment = await stalledPayment(stage)
  say('乙 is frozen. D holds the key and is not paid; A has locked its money and knows nothing yet.')
  await bought
  say('By expiry - T, D has sent the key to the registry: A sees it there and gets its chunk.')

  await untilUnlocked('A has paid 甲', [
    [a, channels.first],
    [jia, channels.first],
  ])
  await a.tally('channel', 'close', channels.first)
  say('A has paid 甲, and they close together. 乙 still says nothing, so D closes its channel with 乙 alone.')
  const alone = await d.api().closeChannel(channels.third, { mode: 'alone' })
  await d.api().finished(alone, longMs)
  await until('the bank has taken the close', longMs, async () => {
    const { close } = await d.api().channel(channels.third)
    return close?.endsAtSeconds !== undefined
  })
  const { lockPeriodSeconds } = await d.api().channel(channels.third)
  say(
    `The clock of the chain is moved forward by the ${lockPeriodSeconds} s in which 乙 could have answered.`,
  )
  await network.anvil.increaseTime(lockPeriodSeconds + 1)
  await waitForChannel(d.api(), channels.third, 'closed', longMs)
  const claim = await network.claimOn(channels.third)
  const { atSeconds, by } = await network.resolutionOf(claim.condition)
  checks.compare('the key came to the registry in time', 'yes', atSeconds <= claim.expiry ? 'yes' : 'no')
  checks.compare('D sent it there', d.account, by)
  checks.compare('the bank paid D the lock of the last chunk', stage.price, claim.paid)
  say('The bank has paid D what the lock of the last chunk held, without 乙.')
  return { ...claim, payment, resolvedAt: atSeconds }
}

/** 乙 wakes up, and finds that everything was settled without it. */
export async function endSilence(
  { parties, channels, say }: StrangersStage,
  silentPid: number,
): Promise<void> {
  const { 甲: jia, 乙: yi } = parties
  process.kill(silentPid, 'SIGCONT')
  const { address = '' } = await yi.api().status()
  await until('甲 and 乙 are connected', longMs, async () => {
    await jia
      .api()
      .connectPeer({ peer: address, timeoutMs: 10_000 })
      .catch(() => undefined)
    return (await jia.api().channel(channels.second)).peerConnected
  })
  await untilUnlocked('甲 has paid 乙', [
    [jia, channels.second],
    [yi, channels.second],
  ])
  await jia.tally('channel', 'close', channels.second)
  say('乙 speaks again: 甲 pays it what the registry says, and they close together.')
}

async function hasWay({ parties, network, price }: StrangersStage, from: Party): Promise<boolean> {
  const query = { payee: parties.D.nodeId, token: network.token, amount: price }
  try {
    await from.api().route(query)
    return true
  } catch (error) {
    if (error instanceof ApiError && error.code === 'NO_ROUTE') return false
    throw error
  }
}

/** State `T` of proc(5): stopped by a signal. The name before it, in brackets, may hold anything. */
function isFrozen(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
}

/** For A it is under way, for D it is settled. */
async function stalledPayment({ parties, checks }: StrangersStage): Promise<Hex> {
  const { payments } = await parties.A.api().networkPayments({ state: 'pending' })
  const [stalled] = payments
  if (stalled === undefined) throw new Error('no payment of A is under way')
  const invoice = await parties.D.api().invoice(stalled.paymentHash)
  checks.compare(
    'the payment stalls between A and D',
    'pending, settled',
    `${stalled.state}, ${invoice?.state}`,
  )
  return stalled.paymentHash
}
