/** Blocks that come until something has happened, no faster than whoever looks at the chain through the proxy can follow. */

import type { World } from './world.ts'

/** Resolves when `done` is settled. Each block gets this base fee, if one is given. */
export async function mineUntil(world: World, done: Promise<unknown>, baseFeePerGas?: bigint): Promise<void> {
  let isOver = false
  const over = done.then(
    () => {
      isOver = true
    },
    () => {
      isOver = true
    },
  )
  while (!isOver) {
    if (baseFeePerGas !== undefined) await world.anvil.setNextBlockBaseFeePerGas(baseFeePerGas)
    await world.anvil.mine()
    await Promise.race([over, looked(world, 6, () => isOver)])
  }
}

/** Once the endpoint was asked so many times more, or the time in which a block would come anyway is over. */
async function looked({ proxy }: World, requests: number, isOver: () => boolean): Promise<void> {
  const before = proxy.calls.length
  const deadlineMs = performance.now() + 1_000
  while (!isOver() && proxy.calls.length - before < requests && performance.now() < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, 2))
}
