/** What every chain port must keep until a transaction is final: fees that rise, and blocks that leave the chain. */

import { describe, expect, test } from 'vitest'
import { depositOf, fundCall } from '../support/deposits.ts'
import { type Submission, submit } from '../support/submission.ts'
import type { World } from '../support/world.ts'

/** Resolves when a dropped transaction is with the endpoint again. */
async function resent({ progress }: Submission): Promise<void> {
  const stages = () => progress.map(({ stage }) => stage)
  await expect.poll(stages, { timeout: 30_000 }).toEqual(['sent', 'seen', 'dropped', 'sent'])
}

export function includingConformance(makeWorld: (options?: { noMining?: boolean }) => Promise<World>): void {
  describe('fees', () => {
    test('are raised when the base fee runs away, with the same nonce, until it is included', async () => {
      const world = await makeWorld({ noMining: true })
      const port = world.port({ resubmitAfterBlocks: 2n })
      const submission = submit(port, fundCall(world, 1n), 'k')
      const first = await submission.until('sent')
      await world.anvil.setNextBlockBaseFeePerGas(first.maxFeePerGas * 3n)
      await world.anvil.mine()
      await world.anvil.setNextBlockBaseFeePerGas(first.maxFeePerGas * 3n)
      await world.anvil.mine()
      const second = await submission.until('sent', ({ attempt }) => attempt === 2)
      expect(second.nonce).toBe(first.nonce)
      expect(second.maxFeePerGas).toBeGreaterThan(first.maxFeePerGas * 3n)
      await world.anvil.mine(3)
      const { transactionHash } = await submission.result
      expect(transactionHash).toBe(second.transactionHash)
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('are raised after a time too, when no block comes', async () => {
      const world = await makeWorld({ noMining: true })
      const port = world.port({ resubmitAfterMs: 150, resubmitAfterBlocks: 1_000n })
      const submission = submit(port, fundCall(world, 1n), 'k')
      const [first, third] = await Promise.all([
        submission.until('sent'),
        submission.until('sent', ({ attempt }) => attempt === 3),
      ])
      expect(third.maxFeePerGas * 8n).toBeGreaterThan(first.maxFeePerGas * 9n)
      await world.anvil.mine(3)
      await submission.result
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('stop at the cap: the caller is told, and it goes on when fees fall', async () => {
      const world = await makeWorld({ noMining: true })
      const feeCaps = { maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }
      const port = world.port({ resubmitAfterBlocks: 1n, feeCaps })
      const submission = submit(port, fundCall(world, 1n), 'k')
      await submission.until('sent')
      const cap = submission.until('waiting', ({ error }) => error.code === 'fee_capped')
      await world.anvil.setNextBlockBaseFeePerGas(50_000_000_000n)
      await world.anvil.mine()
      expect(await cap).toMatchObject({ error: { field: 'feeCaps', consequence: 'retry' } })
      await world.anvil.setNextBlockBaseFeePerGas(1_000_000_000n)
      await world.anvil.mine()
      const pool = () => world.anvil.request('txpool_status')
      await expect.poll(pool, { timeout: 30_000 }).toMatchObject({ pending: '0x1' })
      await world.anvil.mine(3)
      await submission.result
    })

    test('an endpoint that suggests an absurd fee cannot empty the account', async () => {
      const world = await makeWorld()
      const port = world.port()
      world.proxy.onResult(({ method }, result) =>
        method === 'eth_maxPriorityFeePerGas' ? `0x${(10n ** 21n).toString(16)}` : result,
      )
      const submission = submit(port, fundCall(world, 1n), 'k')
      await submission.until('seen')
      await world.anvil.mine(2)
      const { feePaid, gasUsed } = await submission.result
      expect(feePaid / gasUsed).toBeLessThan(200_000_000_000n)
    })

    test('without money for gas: refused before anything is signed, with the sum that is missing', async () => {
      const world = await makeWorld()
      const port = world.port()
      await world.anvil.setBalance(port.account, 1_000n)
      await expect(
        submit(port, { kind: 'approve', token: world.token, amount: 1n }, 'k').result,
      ).rejects.toMatchObject({
        code: 'insufficient_gas_funds',
        field: 'account',
        remedy: expect.stringContaining(port.account),
      })
      await world.anvil.setBalance(port.account, 10n ** 18n)
      const again = submit(port, { kind: 'approve', token: world.token, amount: 1n }, 'k')
      await again.until('seen')
      await world.anvil.mine(2)
      await again.result
    })
  })

  describe('reorganisations', () => {
    test('a transaction that is dropped is sent again and resolves in its new block', async () => {
      const world = await makeWorld()
      const port = world.port()
      const submission = submit(port, fundCall(world, 1n), 'k')
      const first = await submission.until('seen')
      await world.anvil.setAutomine(false)
      await world.anvil.reorg(1)
      await resent(submission)
      await world.anvil.mine(3)
      const { block, transactionHash } = await submission.result
      expect(transactionHash).toBe(first.transactionHash)
      expect(block.hash).not.toBe(first.block.hash)
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('a transaction that is forgotten while the height stays the same is sent again', async () => {
      const world = await makeWorld({ noMining: true })
      await world.anvil.mine(3)
      const port = world.port()
      await submit(port, fundCall(world, 1n), 'k').until('sent')
      const calls = world.proxy.calls.length
      await expect.poll(() => world.proxy.calls.length - calls, { timeout: 30_000 }).toBeGreaterThan(20)
      await world.anvil.request('anvil_dropAllTransactions')
      await world.anvil.reorg(1)
      const pool = () => world.anvil.request('txpool_status')
      await expect.poll(pool, { timeout: 30_000 }).toMatchObject({ pending: '0x1' })
    })

    test('a receipt of a block that left the chain is not believed', async () => {
      const world = await makeWorld()
      const port = world.port()
      const submission = submit(port, fundCall(world, 1n), 'k')
      const { transactionHash, block } = await submission.until('seen')
      const stale = await world.anvil.request('eth_getTransactionReceipt', [transactionHash])
      expect(stale).toMatchObject({ blockHash: block.hash })
      await world.anvil.setAutomine(false)
      // An endpoint behind its own chain: it goes on showing the receipt of the orphaned block.
      world.proxy.onResult(({ method }, result) => (method === 'eth_getTransactionReceipt' ? stale : result))
      world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
      await world.anvil.reorg(1)
      await world.anvil.request('anvil_dropAllTransactions')
      await world.anvil.mine(5)
      let isDone = false
      submission.result.then(() => {
        isDone = true
      })
      const calls = world.proxy.calls.length
      await expect.poll(() => world.proxy.calls.length - calls, { timeout: 30_000 }).toBeGreaterThan(30)
      expect(isDone).toBe(false)
      expect(await depositOf(world, 1n)).toBe(0n)
      world.proxy.onResult(undefined)
      world.proxy.onCall(() => 'pass')
      await resent(submission)
      await world.anvil.mine(3)
      await submission.result
      expect(await depositOf(world, 1n)).toBe(5n)
    })

    test('it never resolves in a block that is not final', async () => {
      const world = await makeWorld()
      const port = world.port({ finality: { kind: 'depth', blocks: 5 } })
      const submission = submit(port, fundCall(world, 1n), 'k')
      await submission.until('seen')
      await world.anvil.mine(4)
      const counter = world.proxy.calls.length
      await expect.poll(() => world.proxy.calls.length - counter, { timeout: 30_000 }).toBeGreaterThan(20)
      await world.anvil.setAutomine(false)
      await world.anvil.reorg(5)
      await resent(submission)
      expect(await depositOf(world, 1n)).toBe(0n)
      await world.anvil.mine(6)
      await submission.result
      expect(await depositOf(world, 1n)).toBe(5n)
    })
  })
}
