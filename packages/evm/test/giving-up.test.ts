/** A signed transaction that the account can no longer pay for: it gives its nonce up to those that wait behind it. */

import type { ChainCall } from '@tallystick/protocol'
import { expect, test } from 'vitest'
import { newest } from '../src/submit/sender.ts'
import { depositOf, fundCall, nonceOf } from './support/deposits.ts'
import { mineUntil } from './support/mining.ts'
import { ANSWER, COIN, looked, recordIn, stuckDeposit } from './support/stuck.ts'
import { submit } from './support/submission.ts'
import { makeWorld, NATIVE } from './support/world.ts'

/** Dear: as an answer that one has to save for. */
const LONG_ANSWER: ChainCall = {
  kind: 'resolve',
  resolutions: Array.from({ length: 8 }, (_, i) => ({ kind: 'hash', preimage: `0x0${i}${'08'.repeat(31)}` })),
}

test('a deposit that can no longer be paid: the answer behind it goes on, the deposit ends by name, its key is free', async () => {
  const { world, start, port, stuck, behind, nonce, journal } = await stuckDeposit()
  await mineUntil(world, behind.result)
  await behind.result
  await mineUntil(world, stuck.result)
  await expect(stuck.result).rejects.toMatchObject({
    code: 'insufficient_gas_funds',
    field: 'account',
    message: expect.stringContaining(`nonce ${nonce}`),
    consequence: 'fix',
  })
  expect(stuck.progress.some(({ stage }) => stage === 'seen')).toBe(false)
  expect((await recordIn(journal, 'stuck')).outcome).toMatchObject({
    kind: 'refused',
    code: 'insufficient_gas_funds',
  })
  await port.stop()
  await world.anvil.setBalance(port.account, 3n * COIN)
  const next = start()
  const other = submit(next, fundCall(world, 2n), 'other')
  await mineUntil(world, other.result)
  await other.result
  expect(await depositOf(world, 1n)).toBe(0n)
  const again = submit(next, fundCall(world, 1n, COIN), 'stuck')
  await mineUntil(world, again.result)
  await again.result
  expect(await depositOf(world, 1n)).toBe(COIN)
})

test('the deposit that is included after all is noticed, and nothing is said to be given up', async () => {
  const { world, port, stuck, behind, nonce, journal } = await stuckDeposit()
  const first = newest(await recordIn(journal, 'stuck'))
  // The empty transaction reaches no one, and the money comes back: a miner takes the deposit.
  world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
  await world.anvil.mine()
  await expect
    .poll(async () => (await recordIn(journal, 'stuck')).cancellations?.length ?? 0, { timeout: 30_000 })
    .toBeGreaterThan(0)
  await world.anvil.setBalance(port.account, 2n * COIN)
  await world.anvil.request('anvil_dropAllTransactions')
  await world.anvil.request('eth_sendRawTransaction', [first.raw])
  await world.anvil.mine()
  expect(await nonceOf(world, port.account)).toBe(nonce + 1)
  world.proxy.onCall(() => 'pass')
  expect((await stuck.until('seen')).transactionHash).toBe(first.hash)
  await mineUntil(world, stuck.result)
  expect((await stuck.result).transactionHash).toBe(first.hash)
  await mineUntil(world, behind.result)
  await behind.result
  expect(await depositOf(world, 1n)).toBe(COIN)
})

/** As `stuckDeposit`, with the empty transaction and the answer in a block that is far from final. */
async function emptyIncluded() {
  const found = await stuckDeposit({ finality: { kind: 'depth', blocks: 40 } })
  const { world, port, nonce } = found
  let blocks = 0
  for (; (await nonceOf(world, port.account)) < nonce + 2; blocks += 1) {
    await world.anvil.mine()
    await looked(world)
  }
  return { ...found, blocks }
}

test('until the empty transaction is final nothing is said, and a reorganisation may bring the deposit instead', async () => {
  const { world, port, stuck, behind, journal, blocks } = await emptyIncluded()
  const first = newest(await recordIn(journal, 'stuck'))
  const answered = newest(await recordIn(journal, 'behind'))
  await looked(world)
  expect((await recordIn(journal, 'stuck')).outcome).toBeUndefined()
  // The endpoint takes nothing from us, so that the branch holds what the test puts there.
  world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
  await world.anvil.reorg(blocks)
  await world.anvil.request('anvil_dropAllTransactions')
  await world.anvil.setBalance(port.account, 2n * COIN)
  for (const { raw } of [first, answered]) await world.anvil.request('eth_sendRawTransaction', [raw])
  await world.anvil.mine()
  world.proxy.onCall(() => 'pass')
  expect((await stuck.until('seen')).transactionHash).toBe(first.hash)
  await mineUntil(world, Promise.all([stuck.result, behind.result]))
  expect((await stuck.result).transactionHash).toBe(first.hash)
  expect(await depositOf(world, 1n)).toBe(COIN)
  expect((await port.balance(NATIVE, port.account, 'head')) < COIN).toBe(true)
})

test('an empty transaction that a reorganisation drops is sent again', async () => {
  const { world, port, stuck, behind, nonce, blocks } = await emptyIncluded()
  world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
  await world.anvil.reorg(blocks)
  await world.anvil.request('anvil_dropAllTransactions')
  await world.anvil.setBalance(port.account, COIN / 2n)
  expect(await nonceOf(world, port.account)).toBe(nonce)
  await looked(world)
  world.proxy.onCall(() => 'pass')
  await mineUntil(world, Promise.allSettled([stuck.result, behind.result]))
  await expect(stuck.result).rejects.toMatchObject({ code: 'insufficient_gas_funds' })
  await behind.result
  expect(await depositOf(world, 1n)).toBe(0n)
})

test('what was given up stays so when the money is back, also where the empty transaction has to be raised', async () => {
  const { world, port, stuck, behind, journal } = await stuckDeposit()
  world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
  await world.anvil.mine()
  const cancellations = async () => (await recordIn(journal, 'stuck')).cancellations ?? []
  await expect.poll(async () => (await cancellations()).length, { timeout: 30_000 }).toBe(1)
  await world.anvil.request('anvil_dropAllTransactions')
  await world.anvil.setBalance(port.account, 5n * COIN)
  world.proxy.onCall(() => 'pass')
  const [first] = await cancellations()
  await mineUntil(world, behind.result, (first?.maxFeePerGas ?? 0n) * 2n)
  await behind.result
  await mineUntil(world, stuck.result)
  await expect(stuck.result).rejects.toMatchObject({ code: 'insufficient_gas_funds' })
  expect((await recordIn(journal, 'stuck')).attempts).toHaveLength(1)
  expect(await depositOf(world, 1n)).toBe(0n)
})

test('several stuck ones in front give way one after another', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port({ resubmitAfterBlocks: 1n })
  await world.anvil.setBalance(port.account, 3n * COIN)
  const stuck = [1n, 2n].map((salt) => submit(port, fundCall(world, salt, COIN), `stuck ${salt}`))
  await Promise.all(stuck.map((one) => one.until('sent')))
  const answer = submit(port, ANSWER, 'answer')
  await answer.until('sent')
  await world.anvil.setBalance(port.account, COIN / 2n)
  await mineUntil(world, answer.result)
  await answer.result
  await mineUntil(world, Promise.allSettled(stuck.map(({ result }) => result)))
  for (const { result } of stuck)
    await expect(result).rejects.toMatchObject({ code: 'insufficient_gas_funds' })
})

test('with nothing behind it, it keeps its place and goes on when the money comes', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port({ resubmitAfterBlocks: 1n })
  await world.anvil.setBalance(port.account, 2n * COIN)
  const deposit = submit(port, fundCall(world, 1n, COIN), 'k')
  await deposit.until('sent')
  await world.anvil.setBalance(port.account, COIN / 2n)
  await world.anvil.mine()
  await deposit.until('waiting', ({ error }) => error.code === 'insufficient_gas_funds')
  await world.anvil.setBalance(port.account, 2n * COIN)
  await deposit.until('sent', ({ attempt }) => attempt === 2)
  await mineUntil(world, deposit.result)
  await deposit.result
  expect(await depositOf(world, 1n)).toBe(COIN)
})

test('an answer is not given up for a call that can wait', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port({ resubmitAfterBlocks: 1n })
  await world.anvil.setBalance(port.account, COIN)
  const answer = submit(port, LONG_ANSWER, 'answer')
  const { nonce } = await answer.until('sent')
  const later = submit(port, { kind: 'approve', token: world.token, amount: 1n }, 'later')
  const { maxFeePerGas } = await later.until('sent')
  // Enough for the empty transaction and the approval, and too little for the answer.
  const funds = maxFeePerGas * 120_000n
  await world.anvil.setBalance(port.account, funds)
  await world.anvil.request('anvil_dropAllTransactions')
  world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
  await world.anvil.mine()
  await answer.until('waiting', ({ error }) => error.code === 'insufficient_gas_funds')
  await looked(world)
  await world.anvil.setBalance(port.account, COIN)
  world.proxy.onCall(() => 'pass')
  const second = await answer.until('sent', ({ attempt }) => attempt === 2)
  expect(second.nonce).toBe(nonce)
  await mineUntil(world, Promise.all([answer.result, later.result]))
  await Promise.all([answer.result, later.result])
})

test('fees that ran away: a call that can wait and cannot be paid at that height gives way to an answer', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port({ resubmitAfterBlocks: 1n })
  await world.anvil.setBalance(port.account, COIN)
  const transfer: ChainCall = {
    kind: 'transfer',
    token: NATIVE,
    to: world.stranger.address,
    amount: COIN / 2n,
  }
  const blocked = submit(port, transfer, 'transfer')
  await blocked.until('sent')
  const answer = submit(port, ANSWER, 'answer')
  const { maxFeePerGas } = await answer.until('sent')
  // Both can be paid for as they are signed; at three times the fee only the answer and the empty transaction can.
  await world.anvil.setBalance(port.account, COIN / 2n + maxFeePerGas * 30_000n)
  const baseFee = maxFeePerGas * 3n
  await mineUntil(world, answer.result, baseFee)
  await answer.result
  await mineUntil(world, blocked.result, baseFee)
  await expect(blocked.result).rejects.toMatchObject({ code: 'insufficient_gas_funds' })
})

test('where the caps allow no higher fee, it is given up at the fee of the market', async () => {
  const world = await makeWorld({ noMining: true })
  const feeCaps = { maxFeePerGas: 3_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }
  const port = world.port({ resubmitAfterBlocks: 1n, feeCaps })
  await world.anvil.setBalance(port.account, 2n * COIN)
  await world.anvil.setNextBlockBaseFeePerGas(2_000_000_000n)
  await world.anvil.mine()
  const stuck = submit(port, fundCall(world, 1n, COIN), 'stuck')
  expect((await stuck.until('sent')).maxFeePerGas).toBe(feeCaps.maxFeePerGas)
  const behind = submit(port, ANSWER, 'behind')
  await behind.until('sent')
  await world.anvil.setBalance(port.account, COIN / 2n)
  // As go-ethereum does with what cannot be paid for.
  await world.anvil.request('anvil_dropAllTransactions')
  await mineUntil(world, behind.result)
  await behind.result
  await mineUntil(world, stuck.result)
  await expect(stuck.result).rejects.toMatchObject({ code: 'insufficient_gas_funds' })
})
