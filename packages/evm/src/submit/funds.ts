/** What is said when the account cannot pay, and how endpoints say it. All sums in wei. */

import { ChainError } from '@tallystick/protocol'
import type { Hex } from 'viem'
import type { RpcFault } from '../rpc-errors.ts'

interface Shortage {
  readonly needed: bigint
  readonly balance: bigint
  /** What transactions that wait to be included may still cost. */
  readonly promised?: bigint
}

/** `insufficient_gas_funds`; without `shortage` the sums are not known. */
export function unaffordable(account: Hex, shortage?: Shortage): ChainError {
  const address = account.toLowerCase()
  const { needed = 0n, balance = 0n, promised = 0n } = shortage ?? {}
  const waiting = promised === 0n ? '' : `, ${promised} of it for transactions that are not included yet`
  const sums = shortage === undefined ? '' : `: it needs ${needed} wei and has ${balance}${waiting}`
  return new ChainError(
    'insufficient_gas_funds',
    `account ${address} cannot pay for the transaction${sums}`,
    {
      field: 'account',
      remedy:
        shortage === undefined
          ? `Send native coin to ${address}.`
          : `Send at least ${needed + promised - balance} wei of the native coin to ${address}.`,
      consequence: 'fix',
    },
  )
}

/** `insufficient_gas_funds` of a signed transaction whose nonce went to an empty one. */
export function givenUp(account: Hex, kind: string, nonce: number): ChainError {
  const address = account.toLowerCase()
  return new ChainError(
    'insufficient_gas_funds',
    `account ${address} could no longer pay for ${kind}: its transaction (nonce ${nonce}) was given up, so that later ones go on`,
    {
      field: 'account',
      remedy: `Send native coin to ${address}, then submit it again.`,
      consequence: 'fix',
    },
  )
}

/** In the words of go-ethereum, Nethermind, Besu, Erigon, Reth and anvil. */
export function saysUnaffordable({ message }: RpcFault): boolean {
  return /insufficient funds|insufficient balance/i.test(message)
}
