/** The demo's last words: one table for people, one object for machines. */

import type { JsonValue } from '../output.ts'
import { table } from '../output.ts'
import type { CheatResult } from './cheat-act.ts'
import type { Checks } from './checks.ts'
import type { Network } from './network.ts'
import type { SaleResult } from './sale-act.ts'
import { inTokens } from './stage.ts'

export type DemoResult = {
  readonly network: Network
  readonly sale: SaleResult
  readonly cheat: CheatResult
  readonly checks: Checks
  readonly seconds: number
}

/** Amounts are base units of the token, which in the demo is not divisible: small whole numbers. */
export function demoJson({ network, sale, cheat, checks, seconds }: DemoResult): Record<string, JsonValue> {
  return {
    agrees: checks.agree,
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
    cheat: {
      channelId: cheat.channelId,
      stated: Number(cheat.stated),
      proved: Number(cheat.proved),
      forfeited: Number(cheat.forfeited),
      statedPaid: Number(cheat.statedPaid),
      reallyPaid: Number(cheat.reallyPaid),
    },
    checks: checks.all,
    seconds: round(seconds),
  }
}

export function demoTable({ network, sale, cheat, checks, seconds }: DemoResult): string {
  const rows = [
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
    ['the lie', `line ${cheat.stated} (${inTokens(cheat.statedPaid, network)} paid)`],
    ['the truth', `line ${cheat.proved} or later (${inTokens(cheat.reallyPaid, network)} paid)`],
    ['the penalty', inTokens(cheat.forfeited, network)],
    ['time', `${round(seconds)} s`],
  ]
  const compared = checks.all.map(({ claim, claimed, found, agrees }) => [
    agrees ? 'ok' : 'WRONG',
    claim,
    agrees ? claimed : `${claimed}, but found ${found}`,
  ])
  return `\n${table(rows)}\n\nEvery number beside the chain's own:\n${table(compared)}\n`
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
