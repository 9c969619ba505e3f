/**
 * ERC-20 allowances for deposits: exactly what the next deposit takes, set just before it, and only when what is there
 * does not suffice. Nothing is left that a faulty bank could pull later; a standing allowance that the user set himself is
 * used as it is. Deposits of one token wait for each other, so that one cannot use up the allowance of another.
 */

import { type ChainCall, ChainError } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { tokenNeed } from './token-need.ts'

export interface AllowanceOptions {
  readonly account: Hex
  readonly allowanceOf: (token: Hex) => Promise<bigint>
  readonly tokenBalanceOf: (token: Hex) => Promise<bigint>
  readonly simulate: (call: ChainCall) => Promise<void>
  /** Resolves once it is included. */
  readonly approve: (call: ChainCall, key: string) => Promise<void>
  readonly isKeyFree: (key: string) => boolean
  /** Repeats `work` until the endpoint answers. */
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>
}

export interface Allowances {
  /** Runs `work` (which resolves once its transaction is included) when the bank may pull what `call` deposits. */
  around(call: ChainCall, key: string, work: () => Promise<void>): Promise<void>
}

export function createAllowances(options: AllowanceOptions): Allowances {
  const turns = new Map<Hex, Promise<unknown>>()

  const provide = async (token: Hex, amount: bigint, key: string): Promise<void> => {
    const [balance, allowance] = await options.patiently(() =>
      Promise.all([options.tokenBalanceOf(token), options.allowanceOf(token)]),
    )
    if (balance < amount) throw insufficient(token, options.account, amount, balance)
    if (allowance >= amount) return
    const approve = (approved: bigint, purpose: string) =>
      options.approve({ kind: 'approve', token, amount: approved }, freeKey(options, `${key}#${purpose}`))
    if (allowance > 0n && (await isRefused(options, { kind: 'approve', token, amount })))
      await approve(0n, 'reset')
    await approve(amount, 'approve')
  }

  return {
    around: (call, key, work) => {
      const need = tokenNeed(call)
      if (need === undefined) return work()
      const turn = (turns.get(need.token) ?? Promise.resolve()).then(async () => {
        await provide(need.token, need.amount, key)
        await work()
      })
      turns.set(
        need.token,
        turn.catch(() => undefined),
      )
      return turn
    },
  }
}

/** Some tokens (Tether) refuse to change an allowance that is not zero. */
async function isRefused({ simulate, patiently }: AllowanceOptions, call: ChainCall): Promise<boolean> {
  return patiently(async () => {
    try {
      await simulate(call)
      return false
    } catch (error) {
      if (error instanceof ChainError && error.code === 'refused_by_contract') return true
      throw error
    }
  })
}

/** An approval that was used up by something else is made again under another key. */
function freeKey({ isKeyFree }: AllowanceOptions, key: string): string {
  for (let n = 1; ; n += 1) if (isKeyFree(`${key}${n}`)) return `${key}${n}`
}

function insufficient(token: Hex, account: Hex, needed: bigint, balance: bigint): ChainError {
  return new ChainError(
    'insufficient_token_funds',
    `account ${account} has ${balance} base units of token ${token}, the deposit needs ${needed}`,
    {
      field: 'amount',
      remedy: `Send at least ${needed - balance} base units of ${token} to ${account}, or deposit less.`,
      consequence: 'fix',
    },
  )
}
