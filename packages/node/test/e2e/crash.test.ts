/**
 * INV-3, INV-6: two real nodes pay each other at full speed while one or the other is killed at random moments. After all
 * of it every payment that was ever called accepted is there, on both sides, exactly once.
 */

import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { numbered } from './numbered.ts'
import { pause, randomOf } from './random.ts'
import { makeWorld, openBetween, type RemoteNode, reference } from './rig.ts'

/** One number, printed, decides every choice of a run; give it in the environment to see a failure again. */
const SEEDS =
  process.env.TALLY_CRASH_SEED === undefined
    ? [randomInt(2 ** 31), 7, 11]
    : [Number(process.env.TALLY_CRASH_SEED)]
const PAYMENTS = 20_000
const KILLS = 6

describe('killed at any moment', () => {
  it.each(SEEDS)('neither loses nor repeats a payment (seed %i)', async (seed) => {
    const random = randomOf(seed)
    const world = await makeWorld()
    const pair = { alice: world.node('alice'), bob: world.node('bob') }
    await Promise.all([pair.alice.start(), pair.bob.start()])
    const channelId = await openBetween(world, pair.alice, pair.bob, 10n ** 9n, 10n ** 9n)
    const batch = 40 + Math.floor(random() * 400)
    const lanes = 1 + Math.floor(random() * 8)

    const loops = [pair.alice, pair.bob].map((node, index) => {
      const prefix = reference(`${seed}/${index}`)
      return { node, prefix, done: payEverything(node, { channelId, prefix, batch, lanes }) }
    })
    const paying = Promise.all(loops.map(({ done }) => done))
    for (let kill = 0; kill < KILLS; kill += 1) {
      await pause(20 + random() * 500)
      const choice = random()
      const victims = choice < 0.4 ? [pair.alice] : choice < 0.8 ? [pair.bob] : [pair.alice, pair.bob]
      await Promise.all(victims.map((victim) => victim.kill()))
      await Promise.all(victims.map((victim) => revive(victim)))
      for (const [index, loop] of loops.entries())
        await expectAllThere(
          loop.node,
          loops[1 - index]?.node,
          loop.prefix,
          sample(loop.node.accepted, random),
        )
    }
    await paying
    await expectAgreement(pair.alice, pair.bob, channelId)
  })
})

const revivals = new WeakMap<RemoteNode, Promise<unknown>>()

async function revive(node: RemoteNode): Promise<void> {
  const started = node.start()
  revivals.set(node, started)
  await started
}

/** Pays the numbers 0 to PAYMENTS, through every death of the payer, asking again for what it has no answer to. */
async function payEverything(
  node: RemoteNode,
  loop: { channelId: `0x${string}`; prefix: `0x${string}`; batch: number; lanes: number },
): Promise<void> {
  while (node.accepted.size < PAYMENTS) {
    let from = 0
    while (node.accepted.has(from)) from += 1
    try {
      await node.payLoop({ ...loop, from, to: PAYMENTS })
    } catch (error) {
      if (!(error instanceof Error) || !/process/.test(error.message)) throw error
      await expect.poll(() => node.alive(), { timeout: 30_000 }).toBe(true)
      await revivals.get(node)
    }
  }
}

/** What the payer was told is accepted is accepted on both disks. */
async function expectAllThere(
  payer: RemoteNode,
  payee: RemoteNode | undefined,
  prefix: `0x${string}`,
  numbers: readonly number[],
): Promise<void> {
  for (const number of numbers) {
    const name = numbered(prefix, number)
    expect(await payer.call('getPayment', 'outgoing', name), `sent ${number}`).toMatchObject({
      state: 'accepted',
    })
    expect(await payee?.call('getPayment', 'incoming', name), `received ${number}`).toMatchObject({
      amount: 1n,
    })
  }
}

async function expectAgreement(alice: RemoteNode, bob: RemoteNode, channelId: `0x${string}`): Promise<void> {
  const total = BigInt(PAYMENTS)
  await expect
    .poll(async () => (await alice.call('getChannel', channelId)).outgoing.ackedSent, { timeout: 30_000 })
    .toBe(total)
  await expect
    .poll(async () => (await bob.call('getChannel', channelId)).outgoing.ackedSent, { timeout: 30_000 })
    .toBe(total)
  for (const node of [alice, bob]) {
    const view = await node.call('getChannel', channelId)
    expect(view.incoming.sent).toBe(total)
    expect(view.outgoing.sent).toBe(total)
    expect(view.pending).toBe(0n)
    expect((await node.call('status')).payments).toEqual({ sent: total, received: total })
  }
  await alice.call('closeChannel', channelId, 'cooperative')
  const closed = await bob.call('waitForChannel', channelId, 'closed')
  expect(closed.close).toMatchObject({ paidMine: 10n ** 9n, paidTheirs: 10n ** 9n })
}

/** The newest accepted numbers and some older ones. */
function sample(accepted: ReadonlySet<number>, random: () => number): readonly number[] {
  const all = [...accepted]
  const older = Array.from({ length: 10 }, () => all[Math.floor(random() * all.length)])
  return [...all.slice(-20), ...older].filter((number) => number !== undefined)
}
