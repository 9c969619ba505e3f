/** What the first two acts of the demo share: who plays, on which chain, and how it is told. */
import type { ChannelView, Hex } from '@tallystick/client'
import { waitForChannel } from '../node-api.ts'
import type { Estate } from '../processes/estate.ts'
import type { Checks } from './checks.ts'
import type { Network } from './network.ts'
import type { Party } from './party.ts'

export type Stage = {
  readonly estate: Estate
  readonly network: Network
  readonly seller: Party
  readonly buyer: Party
  /** `nodeId@host:port` of the seller. */
  readonly sellerAddress: string
  readonly home: string
  readonly checks: Checks
  readonly json: boolean
  /** One plain sentence for each step. */
  say(sentence: string): void
}

/** The buyer opens a channel to the seller, as a user would; resolves once both nodes count its deposit. */
export async function openChannel({ buyer, seller, sellerAddress }: Stage, deposit: bigint): Promise<Hex> {
  const { channel } = (await buyer.tally('channel', 'open', sellerAddress, String(deposit))) as {
    channel: ChannelView
  }
  await waitForChannel(seller.api(), channel.channelId, 'open', openTimeoutMs)
  return channel.channelId
}

const openTimeoutMs = 60_000

/** Tokens on chain, in base units. */
export type Balances = { readonly seller: bigint; readonly buyer: bigint; readonly bank: bigint }

export async function balances({ network, seller, buyer }: Stage): Promise<Balances> {
  const [sellers, buyers, bank] = await Promise.all([
    network.balanceOf(seller.account),
    network.balanceOf(buyer.account),
    network.balanceOf(network.bank),
  ])
  return { seller: sellers, buyer: buyers, bank }
}

/** An amount for people: whole tokens where it is whole. */
export function inTokens(amount: bigint, network: Pick<Network, 'unit' | 'symbol'>): string {
  if (amount < 0n) return `-${inTokens(-amount, network)}`
  const whole = amount / network.unit
  const rest = amount % network.unit
  const digits = String(network.unit).length - 1
  const decimals = rest === 0n ? '' : `.${rest.toString().padStart(digits, '0').replace(/0+$/, '')}`
  return `${whole}${decimals} ${network.symbol}`
}
