/** A deposit that waits in front of an answer and can no longer be paid for, and what a test wants to know of it. */

import type { ChainCall, SubmissionJournal } from '@tallystick/protocol'
import { expect } from 'vitest'
import { createMemoryJournal, type EvmChainConfig } from '../../src/index.ts'
import { decodeRecord } from '../../src/submit/record.ts'
import { fundCall } from './deposits.ts'
import { submit } from './submission.ts'
import { makeWorld, type World } from './world.ts'

export const COIN = 10n ** 18n

/** Without value, as an answer in court is. */
export const ANSWER: ChainCall = {
  kind: 'resolve',
  resolutions: [{ kind: 'hash', preimage: `0x${'07'.repeat(32)}` }],
}

/** Once the port has looked at the chain a few times more. */
export async function looked({ proxy }: World): Promise<void> {
  const calls = proxy.calls.length
  await expect.poll(() => proxy.calls.length - calls, { timeout: 30_000 }).toBeGreaterThan(30)
}

/** A deposit and an answer behind it, both signed and sent; then the deposit's money goes elsewhere. */
export async function stuckDeposit(options: Partial<EvmChainConfig> = {}) {
  const journal = options.journal ?? createMemoryJournal()
  const world = await makeWorld({ noMining: true })
  const start = () => world.port({ resubmitAfterBlocks: 1n, ...options, journal })
  const port = start()
  await world.anvil.setBalance(port.account, 2n * COIN)
  const stuck = submit(port, fundCall(world, 1n, COIN), 'stuck')
  const { nonce } = await stuck.until('sent')
  const behind = submit(port, ANSWER, 'behind')
  await behind.until('sent')
  await world.anvil.setBalance(port.account, COIN / 2n)
  return { world, start, port, stuck, behind, nonce, journal }
}

export async function recordIn(journal: SubmissionJournal, key: string) {
  const found = (await journal.load()).find((one) => one.key === key)
  if (found === undefined) throw new Error(`no record of ${key}`)
  return decodeRecord(key, found.record)
}
