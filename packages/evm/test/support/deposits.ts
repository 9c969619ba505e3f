/** Deposits as the simplest events, and what the facts say of them. */

import type { ChainCall, ChainEvent, ChainFact, ChainPort } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { NATIVE, type World } from './world.ts'

/** A deposit in a channel of its own, included but not waited for any longer. */
export async function deposit(port: ChainPort, world: World, salt: bigint, amount = 5n): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  port
    .submit(
      { kind: 'fund', params: world.params(salt, NATIVE), party: 0, amount },
      { key: `deposit ${salt} ${amount}`, onProgress: ({ stage }) => stage === 'seen' && resolve() },
    )
    .catch(reject)
  await promise
}

export const isSeen = (fact: ChainFact) => fact.kind === 'seen'
export const isLost = (fact: ChainFact) => fact.kind === 'health' && fact.health.state === 'lost'
export const salts = (events: readonly ChainEvent[]) =>
  events.map((event) => (event.name === 'Funded' ? event.params.salt : undefined))

export const fundCall = (world: World, salt: bigint, amount = 5n, token = NATIVE): ChainCall => ({
  kind: 'fund',
  params: world.params(salt, token),
  party: 0,
  amount,
})

export async function depositOf(world: World, salt: bigint, token = NATIVE): Promise<bigint> {
  const port = world.port({ rpcUrl: world.anvil.rpcUrl })
  const [mine] = (await port.channel(port.channelIdOf(world.params(salt, token)), 'head')).deposits
  return mine
}

export const nonceOf = async (world: World, address: Hex) =>
  Number(await world.anvil.request('eth_getTransactionCount', [address, 'latest']))
