/** Looks at the newest block: one at a time for each channel, and once more when something happened meanwhile. */

import type { ChainPort } from '@tallystick/protocol'
import { expect, it } from 'vitest'
import { eventually, makeWorld, openBetween } from './rig.ts'

it('a reading that takes long is not overtaken by another, and is repeated after it', async () => {
  const watched = { started: 0, running: 0, most: 0, held: undefined as Promise<void> | undefined }
  const chain = (inner: ChainPort): ChainPort => ({
    ...inner,
    async channel(id, at) {
      if (at !== 'head') return inner.channel(id, at)
      watched.started += 1
      watched.running += 1
      watched.most = Math.max(watched.most, watched.running)
      await watched.held
      const reading = await inner.channel(id, at)
      watched.running -= 1
      return reading
    },
  })
  const world = await makeWorld()
  const alice = await world.node('alice')
  const bob = await world.node('bob', { chain })
  const channelId = await openBetween(world, alice, bob, 100n)
  await eventually(async () => watched.running === 0 || undefined, 'the looks of the opening end')
  const { promise, resolve: release } = Promise.withResolvers<void>()
  watched.held = promise
  const before = watched.started
  for (const amount of [1n, 2n, 3n]) await alice.service.topUp(channelId, amount)
  const counted = async () => (await bob.service.getChannel(channelId)).depositTheirs === 106n || undefined
  await eventually(counted, 'final blocks count all of it, while the look is held')
  expect(watched.started).toBe(before + 1)
  watched.held = undefined
  release()
  await eventually(async () => watched.started >= before + 2 || undefined, 'it looks once more')
  await eventually(async () => watched.running === 0 || undefined, 'the looks end')
  expect(watched.most).toBe(1)
})
