/**
 * Who plays the third act: A and D, who do not know each other, the strangers 甲 and 乙 between them, and a channel from each
 * to the next. A chain of its own, because the act moves that chain's clock forward at its end.
 */
import { randomBytes } from 'node:crypto'
import type { ChannelView, FeePolicy, Hex } from '@tallystick/client'
import { waitForChannel } from '../node-api.ts'
import type { Estate } from '../processes/estate.ts'
import type { Checks } from './checks.ts'
import type { Network } from './network.ts'
import { startNetwork } from './network.ts'
import type { Party } from './party.ts'
import { createParty } from './party.ts'
import { inTokens } from './stage.ts'
import { until } from './until.ts'

export type Name = 'A' | '甲' | '乙' | 'D'
/** In the order of the payments. */
export const NAMES: readonly Name[] = ['A', '甲', '乙', 'D']

export type Channels = { readonly first: Hex; readonly second: Hex; readonly third: Hex }

export type StrangersStage = {
  readonly estate: Estate
  readonly network: Network
  readonly parties: Readonly<Record<Name, Party>>
  readonly channels: Channels
  readonly home: string
  readonly checks: Checks
  readonly json: boolean
  /** Base units, for each chunk. */
  readonly price: bigint
  /** Tokens on chain before anything was deposited, base units. */
  readonly fortunes: Readonly<Record<Name, bigint>>
  /** What each put into its channel with the next, base units. */
  readonly deposits: Readonly<Record<Name, bigint>>
  say(sentence: string): void
}

/** What the strangers ask for each payment that they carry, in tokens: 乙 pays for being used. */
export const FEES: Readonly<Record<'甲' | '乙', bigint>> = { 甲: 3n, 乙: -1n }
const priceTokens = 100n

/**
 * Seconds. Short, because the viewer waits for the expiry of a payment that stalls; T still covers some forty blocks, and
 * what is left of the lock time covers the way to D on a slow machine.
 */
const margins = ['--safety-margin', '15', '--forward-margin', '5', '--lock-time', '40']
const longMs = 120_000

/** File names keep to ASCII. */
const directoryNames: Readonly<Record<Name, string>> = { A: 'a', 甲: 'jia', 乙: 'yi', D: 'd' }

export async function setStrangers(
  shared: Pick<StrangersStage, 'estate' | 'home' | 'checks' | 'json' | 'say'>,
  chunks: number,
): Promise<StrangersStage> {
  const { estate, home, say } = shared
  say('Third act, on a chain of its own. Four parties, each a node process: A, 甲, 乙 and D.')
  const network = await startNetwork(estate)
  const price = priceTokens * network.unit
  const deposit = (BigInt(chunks) + 4n) * (priceTokens + 10n) * network.unit
  const passphrase = randomBytes(16).toString('hex')
  const make = (name: Name): Promise<Party> => {
    const directory = directoryNames[name]
    const options = ['--announce', '--alias', directory, ...margins]
    return createParty(estate, network, directory, home, passphrase, options)
  }
  const [a, jia, yi, d] = await Promise.all([make('A'), make('甲'), make('乙'), make('D')])
  const parties = { A: a, 甲: jia, 乙: yi, D: d }
  // One after the other: they come from one account.
  for (const name of NAMES) await network.endow(parties[name].account, deposit + network.unit)
  const fortunes = await fortunesOf(network, parties)
  const addresses = await Promise.all([a.start(), jia.start(), yi.start(), d.start()])
  say(
    `Three channels, ${inTokens(deposit, network)} in each: A to 甲, 甲 to 乙, 乙 to D. A and D have none with each other.`,
  )
  const [first, second, third] = await Promise.all([
    open(a, jia, addresses[1], deposit),
    open(jia, yi, addresses[2], deposit),
    open(yi, d, addresses[3], deposit),
  ])
  const deposits = { A: deposit, 甲: deposit, 乙: deposit, D: 0n }
  const stage = { ...shared, network, parties, channels: { first, second, third }, price, fortunes, deposits }
  await announceFees(stage)
  return stage
}

export async function fortunesOf(
  network: Network,
  parties: StrangersStage['parties'],
): Promise<Record<Name, bigint>> {
  const [a, jia, yi, d] = await Promise.all(NAMES.map((name) => network.balanceOf(parties[name].account)))
  return { A: a ?? 0n, 甲: jia ?? 0n, 乙: yi ?? 0n, D: d ?? 0n }
}

async function open(from: Party, to: Party, address: string, deposit: bigint): Promise<Hex> {
  const { channel } = (await from.tally('channel', 'open', address, String(deposit))) as {
    channel: ChannelView
  }
  await waitForChannel(to.api(), channel.channelId, 'open', longMs)
  return channel.channelId
}

/** Resolves once A has heard by gossip what each of the strangers asks. */
async function announceFees({ network, parties, channels, say }: StrangersStage): Promise<void> {
  const { unit } = network
  const policy = (tokens: bigint): FeePolicy => ({
    feeBase: tokens * unit,
    feePpm: 0,
    minAmount: 1n,
    maxAmount: 1_000_000n * unit,
    disabled: false,
  })
  await parties.甲.api().setPolicy(channels.second, policy(FEES.甲))
  await parties.乙.api().setPolicy(channels.third, policy(FEES.乙))
  const api = parties.A.api()
  await until('A has heard of every channel and fee', longMs, async () => {
    const known = (await api.graph()).channels
    const asks = (channelId: Hex, { nodeId }: Party, fee: bigint) =>
      known.some(
        (channel) =>
          channel.channelId === channelId &&
          channel.nodes.some(
            (node, side) => node === nodeId && channel.policies[side]?.feeBase === fee * unit,
          ),
      )
    return asks(channels.second, parties.甲, FEES.甲) && asks(channels.third, parties.乙, FEES.乙)
  })
  say(
    `By gossip A hears of the channels, and what the strangers ask for each payment: 甲 ${inTokens(FEES.甲 * unit, network)}, 乙 ${inTokens(FEES.乙 * unit, network)}: it pays for being used.`,
  )
}

/** Resolves once nothing is locked in these channels, as the first of each pair sees it. */
export async function untilUnlocked(what: string, pairs: readonly (readonly [Party, Hex])[]): Promise<void> {
  await until(what, longMs, async () => {
    const views = await Promise.all(pairs.map(([party, channelId]) => party.api().channel(channelId)))
    return views.every(({ lockedMine, lockedTheirs, pending }) => lockedMine + lockedTheirs + pending === 0n)
  })
}
