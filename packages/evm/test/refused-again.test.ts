/** A signed call that lost its nonce and is refused when it is to be sent with another: that is its end, durably. */

import type { SubmissionJournal } from '@tallystick/protocol'
import { expect, test } from 'vitest'
import { createMemoryJournal } from '../src/index.ts'
import { decodeRecord } from '../src/submit/record.ts'
import { depositOf, fundCall, nonceOf } from './support/deposits.ts'
import { mineUntil } from './support/mining.ts'
import { COIN, recordIn } from './support/stuck.ts'
import { submit } from './support/submission.ts'
import { makeWorld, NATIVE, type World } from './support/world.ts'

/** A deposit that is signed and sent and then forgotten, while another wallet of the account uses its nonce. */
async function robbedOfItsNonce(journal: SubmissionJournal) {
  const world = await makeWorld({ noMining: true })
  const port = world.port({ journal })
  await world.anvil.setBalance(port.account, 2n * COIN)
  const deposit = submit(port, fundCall(world, 1n, COIN), 'k')
  const { transactionHash, nonce } = await deposit.until('sent')
  await world.anvil.request('anvil_dropTransaction', [transactionHash])
  world.proxy.onCall(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'))
  const rival = world.port({ rpcUrl: world.anvil.rpcUrl })
  const transfer = { kind: 'transfer', token: NATIVE, to: world.stranger.address, amount: 1n } as const
  expect((await submit(rival, transfer, 'r').until('sent')).nonce).toBe(nonce)
  return { world, port, deposit, nonce }
}

async function liveOn(world: World, journal: SubmissionJournal, before: number): Promise<void> {
  await world.anvil.setBalance(world.owners[0].address, 3n * COIN)
  const next = world.port({ journal })
  const other = submit(next, fundCall(world, 2n), 'other')
  await mineUntil(world, other.result)
  await other.result
  expect(await depositOf(world, 1n)).toBe(0n)
  expect(await nonceOf(world, next.account)).toBe(before + 1)
  const again = submit(next, fundCall(world, 1n, COIN), 'k')
  await mineUntil(world, again.result)
  await again.result
  expect(await depositOf(world, 1n)).toBe(COIN)
}

test('its caller was told, so the next life does not send it, and its key is free', async () => {
  const journal = createMemoryJournal()
  const { world, port, deposit, nonce } = await robbedOfItsNonce(journal)
  await world.anvil.mine()
  await world.anvil.setBalance(port.account, COIN / 2n)
  world.proxy.onCall(() => 'pass')
  await mineUntil(world, deposit.result)
  await expect(deposit.result).rejects.toMatchObject({ code: 'insufficient_gas_funds', consequence: 'fix' })
  expect((await recordIn(journal, 'k')).outcome).toMatchObject({
    kind: 'refused',
    code: 'insufficient_gas_funds',
  })
  await port.stop()
  await liveOn(world, journal, nonce + 1)
})

test('the outcome is durable before the caller is told', async () => {
  const kept = createMemoryJournal()
  const failure = new Error('disk full')
  let isFull = false
  const save: SubmissionJournal['save'] = async (key, record) => {
    if (isFull) throw failure
    await kept.save(key, record)
  }
  const { world, port, deposit } = await robbedOfItsNonce({ load: kept.load, save })
  await world.anvil.mine()
  await world.anvil.setBalance(port.account, COIN / 2n)
  isFull = true
  world.proxy.onCall(() => 'pass')
  await mineUntil(world, deposit.result)
  // Not "refused": the next life may still send it, because nothing durable says that it must not.
  await expect(deposit.result).rejects.toBe(failure)
})

test('a record of the format before is read, one of a later format is refused by name', async () => {
  const journal = createMemoryJournal()
  const world = await makeWorld({ noMining: true })
  const port = world.port({ journal })
  await submit(port, fundCall(world, 1n), 'k').until('sent')
  const [{ record } = { record: '' }] = await journal.load()
  const marked = (version: number) => record.replace('"version":2', `"version":${version}`)
  expect(decodeRecord('k', marked(1))).toEqual(decodeRecord('k', record))
  expect(() => decodeRecord('k', marked(3))).toThrow(expect.objectContaining({ field: 'journal' }))
})
