/** The demo's last words: one table for people, one object for machines. Acts that were not played are not in them. */

import type { JsonValue } from '../output.ts'
import { table } from '../output.ts'
import type { CheatResult } from './cheat-act.ts'
import type { Checks } from './checks.ts'
import type { Network } from './network.ts'
import type { SaleResult } from './sale-act.ts'
import { inTokens } from './stage.ts'
import type { StrangersResult } from './strangers-act.ts'
import { NAMES } from './strangers-stage.ts'

type PairResult = {
  readonly network: Network
  readonly sale: SaleResult | undefined
  readonly cheat: CheatResult | undefined
}
type FourResult = { readonly network: Network; readonly strangers: StrangersResult }

export type DemoResult = {
  readonly pair: PairResult | undefined
  readonly four: FourResult | undefined
  readonly checks: Checks
  readonly seconds: number
}

type Json = Record<string, JsonValue>

/** Amounts are base units of the token, which in the demo is not divisible: small whole numbers. */
export function demoJson({ pair, four, checks, seconds }: DemoResult): Json {
  return {
    agrees: checks.agree,
    ...(pair?.sale !== undefined && saleJson(pair.network, pair.sale)),
    ...(pair?.cheat !== undefined && { cheat: cheatJson(pair.cheat) }),
    ...(four !== undefined && { network: networkJson(four) }),
    checks: checks.all,
    seconds: round(seconds),
  }
}

function saleJson(network: Network, sale: SaleResult): Json {
  return {
    chunks: sale.chunks,
    bytes: sale.bytes,
    sha256: sale.sha256,
    paid: Number(sale.paid),
    paymentsPerSecond: round(sale.chunks / sale.seconds),
    token: { address: network.token, symbol: network.symbol },
    onChain: {
      chainId: Number(network.anvil.chainId),
      bank: network.bank,
      channelId: sale.channelId,
      deposit: Number(sale.deposit),
      paidToSeller: Number(sale.paidToSeller),
      returnedToBuyer: Number(sale.returnedToBuyer),
      seller: Number(sale.balances.seller),
      buyer: Number(sale.balances.buyer),
    },
  }
}

function cheatJson(cheat: CheatResult): Json {
  return {
    channelId: cheat.channelId,
    stated: Number(cheat.stated),
    proved: Number(cheat.proved),
    forfeited: Number(cheat.forfeited),
    statedPaid: Number(cheat.statedPaid),
    reallyPaid: Number(cheat.reallyPaid),
  }
}

function networkJson({ network, strangers }: FourResult): Json {
  const { chunks, bytes, sha256, price, paid, parts, fees, gains, sum, crash, silence } = strangers
  return {
    bank: network.bank,
    registry: network.registry,
    chunks,
    bytes,
    sha256,
    price: Number(price),
    paid: Number(paid),
    parts,
    fees: { 甲: Number(fees.甲), 乙: Number(fees.乙) },
    gains: Object.fromEntries(NAMES.map((name) => [name, Number(gains[name])])),
    sum: Number(sum),
    kill: {
      party: '乙',
      signal: 'SIGKILL',
      payment: crash.payment,
      stateThen: crash.stateThen,
      downSeconds: round(crash.downSeconds),
      paymentsLost: crash.lost,
      paymentsRepeated: crash.repeated,
    },
    silence: {
      party: '乙',
      payment: silence.payment,
      condition: silence.condition,
      expiry: silence.expiry,
      resolvedAt: silence.resolvedAt,
      secondsToSpare: silence.expiry - silence.resolvedAt,
      paidByBank: Number(silence.paid),
    },
    seconds: round(strangers.seconds),
  }
}

export function demoTable(result: DemoResult): string {
  const { pair, four, checks, seconds } = result
  const rows = [
    ...(pair?.sale === undefined ? [] : saleRows(pair.network, pair.sale)),
    ...(pair?.cheat === undefined ? [] : cheatRows(pair.network, pair.cheat)),
    ['time', `${round(seconds)} s`],
  ]
  const compared = checks.all.map(({ claim, claimed, found, agrees }) => [
    agrees ? 'ok' : 'WRONG',
    claim,
    agrees ? claimed : `${claimed}, but found ${found}`,
  ])
  const network = four === undefined ? '' : `\n${networkTables(four)}\n`
  return `\n${table(rows)}\n${network}\nEvery number beside the chain's own:\n${table(compared)}\n`
}

function saleRows(network: Network, sale: SaleResult): string[][] {
  return [
    ['file', `${sale.bytes} bytes in ${sale.chunks} chunks, each verified`],
    ['SHA-256', sale.sha256],
    [
      'paid',
      `${inTokens(sale.paid, network)} in ${sale.chunks} payments, ${round(sale.chunks / sale.seconds)} a second`,
    ],
    [
      'on chain',
      `seller ${inTokens(sale.balances.seller, network)}, buyer ${inTokens(sale.balances.buyer, network)}`,
    ],
  ]
}

function cheatRows(network: Network, cheat: CheatResult): string[][] {
  return [
    ['the lie', `line ${cheat.stated} (${inTokens(cheat.statedPaid, network)} paid)`],
    ['the truth', `line ${cheat.proved} or later (${inTokens(cheat.reallyPaid, network)} paid)`],
    ['the penalty', inTokens(cheat.forfeited, network)],
  ]
}

function networkTables({ network, strangers }: FourResult): string {
  const { chunks, gains, sum, price, fees, crash, silence } = strangers
  const tokens = (amount: bigint) => inTokens(amount, network)
  const story = [
    ['through the network', `${chunks.htlc} chunks by hash locks, ${chunks.joint} by joint payments`],
    ['price', `${tokens(price)} a chunk; 甲 takes ${tokens(fees.甲)}, 乙 gives ${tokens(-fees.乙)}`],
    [
      'kill -9',
      `乙 away for ${round(crash.downSeconds)} s; lost ${crash.lost}, paid twice ${crash.repeated}`,
    ],
    [
      'silence',
      `the registry had the key ${silence.expiry - silence.resolvedAt} s before the expiry; the bank paid D ${tokens(silence.paid)}`,
    ],
  ]
  const sums = [
    ...NAMES.map((name) => [name, signed(gains[name], tokens)]),
    ['together', signed(sum, tokens)],
  ]
  return `${table(story)}\n\nGain and loss, on chain, without gas:\n${table(sums)}`
}

function signed(amount: bigint, text: (amount: bigint) => string): string {
  return amount > 0n ? `+${text(amount)}` : text(amount)
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
