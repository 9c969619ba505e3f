import type { ChainPort } from '@tallystick/protocol'
import { expect, test } from 'vitest'
import { describeFact, isFinalOf, isHeadOf, record } from './support/recorder.ts'
import { makeWorld, NATIVE, type World } from './support/world.ts'

/** Deposits without waiting for finality: one block each, as anvil mines at once. */
async function deposit(port: ChainPort, world: World, salt: bigint, amount = 5n): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  port
    .submit(
      { kind: 'fund', params: world.params(salt, NATIVE), party: 0, amount },
      { key: `deposit ${salt} ${amount}`, onProgress: ({ stage }) => stage === 'seen' && resolve() },
    )
    .catch(reject)
  await promise
}

test('seen, then head, then final: a deposit counts only when its block is final', async () => {
  const world = await makeWorld()
  const port = world.port()
  const base = (await port.block('head')).number
  const recorder = record(port)
  await recorder.until('head', isHeadOf(base))
  await deposit(port, world, 1n)
  await recorder.until('deposit', ({ kind }) => kind === 'seen')
  await recorder.until('its head', isHeadOf(base + 1n))
  expect(recorder.finalEvents()).toEqual([])
  await world.anvil.mine()
  await recorder.until('one more block', isHeadOf(base + 2n))
  expect(recorder.finalEvents()).toEqual([])
  await world.anvil.mine()
  await recorder.until('finality', isFinalOf(base + 1n))
  const [event] = recorder.finalEvents()
  expect(event).toMatchObject({ name: 'Funded', party: 0, amount: 5n, params: world.params(1n, NATIVE) })
  const sequence = recorder.facts.map(describeFact)
  const at = (text: string) => sequence.indexOf(text)
  expect(at(`seen Funded@${base + 1n}`)).toBeLessThan(at(`head ${base + 1n}`))
  expect(at(`head ${base + 3n}`)).toBeLessThan(at(`final ${base + 1n} [Funded@${base + 1n}]`))
  expect(recorder.facts.filter(({ kind }) => kind === 'retracted' || kind === 'rewound')).toEqual([])
})

test('a deposit that a reorganisation removes is retracted and never final', async () => {
  const world = await makeWorld()
  const funder = world.port({ privateKey: world.owners[1].privateKey })
  const port = world.port()
  const base = (await port.block('head')).number
  const recorder = record(port)
  await recorder.until('head', isHeadOf(base))
  await deposit(funder, world, 1n)
  await recorder.until('deposit', ({ kind }) => kind === 'seen')
  await funder.stop()
  await world.anvil.reorg(1)
  await world.anvil.mine(4)
  await recorder.until('finality', isFinalOf(base + 3n))
  const kinds = recorder.facts.map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'retracted')).toHaveLength(1)
  expect(kinds.indexOf('retracted')).toBeGreaterThan(kinds.indexOf('seen'))
  expect(recorder.finalEvents()).toEqual([])
  expect(await port.channel(port.channelIdOf(world.params(1n, NATIVE)), 'final')).toMatchObject({
    status: 'none',
  })
})
