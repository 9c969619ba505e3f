/** Money of one account that several transactions want: none of them may block those that come after it. */

import type { ChainCall } from '@tallystick/protocol'
import { expect, test } from 'vitest'
import { depositOf, fundCall, nonceOf } from './support/deposits.ts'
import { submit } from './support/submission.ts'
import { makeWorld } from './support/world.ts'

const COIN = 10n ** 18n

/** Without value, as an answer in court is. */
const ANSWER: ChainCall = {
  kind: 'resolve',
  resolutions: [{ kind: 'hash', preimage: `0x${'07'.repeat(32)}` }],
}

test('a native deposit above the whole balance: refused at once, with the sum that is missing', async () => {
  const world = await makeWorld()
  const port = world.port()
  await world.anvil.setBalance(port.account, COIN)
  const before = await nonceOf(world, port.account)
  const refusal = {
    code: 'insufficient_gas_funds',
    field: 'account',
    message: expect.stringContaining(`it needs ${COIN + 1n} wei and has ${COIN}`),
    remedy: expect.stringContaining('at least 1 wei'),
    consequence: 'fix',
  }
  const deposit = submit(port, fundCall(world, 1n, COIN + 1n), 'k')
  await expect(deposit.result).rejects.toMatchObject(refusal)
  await expect(port.simulate(fundCall(world, 1n, COIN + 1n))).rejects.toMatchObject(refusal)
  expect(deposit.progress).toEqual([])
  expect(await nonceOf(world, port.account)).toBe(before)
})

test.for(['eth_call', 'eth_estimateGas'])(
  'money that is gone when %s is asked: refused at once too',
  async (asked) => {
    const world = await makeWorld()
    const port = world.port()
    const error = {
      code: -32000,
      message: 'insufficient funds for gas * price + value: address 0xf3 have 1 want 2',
    }
    const hasValue = ([call]: readonly unknown[]) => (call as { value?: string }).value === '0x5'
    world.proxy.onCall(({ method, params }) => (method === asked && hasValue(params) ? { error } : 'pass'))
    const deposit = submit(port, fundCall(world, 1n), 'k')
    await expect(deposit.result).rejects.toMatchObject({ code: 'insufficient_gas_funds', field: 'account' })
    expect(deposit.progress).toEqual([])
  },
)

test('deposits that each fit the balance but not together: the second is refused and nothing waits for it', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port()
  await world.anvil.setBalance(port.account, COIN)
  const first = submit(port, fundCall(world, 1n, (COIN * 6n) / 10n), 'first')
  const { nonce } = await first.until('sent')
  await expect(submit(port, fundCall(world, 2n, (COIN * 6n) / 10n), 'second').result).rejects.toMatchObject({
    code: 'insufficient_gas_funds',
    field: 'account',
    message: expect.stringContaining('not included yet'),
    consequence: 'fix',
  })
  const third = submit(port, ANSWER, 'third')
  expect((await third.until('sent')).nonce).toBe(nonce + 1)
  await world.anvil.mine(3)
  await Promise.all([first.result, third.result])
  expect(await depositOf(world, 2n)).toBe(0n)
})

test('a deposit leaves the gas of those before it', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port()
  await world.anvil.setBalance(port.account, COIN)
  const { maxFeePerGas } = await submit(port, ANSWER, 'before').until('sent')
  // Enough for its own gas, and too little for both.
  const rest = maxFeePerGas * 100_000n
  await expect(submit(port, fundCall(world, 1n, COIN - rest), 'k').result).rejects.toMatchObject({
    code: 'insufficient_gas_funds',
    message: expect.stringContaining('not included yet'),
  })
})

test('an answer without value is not held back by what waits', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port()
  await world.anvil.setBalance(port.account, COIN)
  await submit(port, fundCall(world, 1n, (COIN * 6n) / 10n), 'deposit').until('sent')
  await world.anvil.setBalance(port.account, COIN / 2n)
  await submit(port, ANSWER, 'answer').until('sent')
})

test('what is in the chain is not counted again, even before its receipt is seen', async () => {
  const world = await makeWorld({ noMining: true })
  const port = world.port()
  await world.anvil.setBalance(port.account, COIN)
  const first = submit(port, fundCall(world, 1n, (COIN * 6n) / 10n), 'first')
  await first.until('sent')
  world.proxy.onResult(({ method }, result) => (method === 'eth_getTransactionReceipt' ? null : result))
  await world.anvil.mine()
  await submit(port, fundCall(world, 2n, (COIN * 3n) / 10n), 'second').until('sent')
  expect(first.progress.some(({ stage }) => stage === 'seen')).toBe(false)
})
