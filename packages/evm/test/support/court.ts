/** An open channel with both deposits, and the short ways of bringing it to court. */

import type { ChainCall, ChainContent, ChainPort, SubmissionResult } from '@tallystick/protocol'
import type { Hex } from 'viem'
import { expect } from 'vitest'
import { NO_CONTENT } from '../../src/index.ts'
import { idOf, type SignedLine, signLine } from './lines.ts'
import { makeWorld, type World } from './world.ts'

export const FAR = 99_999_999_999n
let keys = 0

/** Submits and makes it final. */
export async function run(world: World, port: ChainPort, call: ChainCall): Promise<SubmissionResult> {
  const { promise, resolve } = Promise.withResolvers<void>()
  keys += 1
  const result = port.submit(call, {
    key: `flow ${keys}`,
    onProgress: ({ stage }) => stage === 'seen' && resolve(),
  })
  await Promise.race([promise, result])
  await world.anvil.mine(2)
  return result
}

export const paid = (sent: bigint, more: Partial<ChainContent> = {}): ChainContent => ({
  ...NO_CONTENT,
  sent,
  ...more,
})

export async function open(salt: bigint, token?: Hex) {
  const world = await makeWorld()
  const params = world.params(salt, token)
  const port = world.port()
  const peer = world.port({ privateKey: world.owners[1].privateKey })
  const id = port.channelIdOf(params)
  expect(id).toBe(idOf(world, params))
  await run(world, port, { kind: 'fund', params, party: 0, amount: 1_000n })
  await run(world, peer, { kind: 'fund', params, party: 1, amount: 500n })
  expect(await port.channel(id, 'final')).toMatchObject({ status: 'open', deposits: [1_000n, 500n] })
  const line = (direction: 0 | 1, nonce: bigint, acked: bigint, content: ChainContent) =>
    signLine(world, params, world.signers, direction, nonce, acked, content)
  const balances = async () => {
    const of = (owner: 0 | 1) => port.balance(params.token, world.owners[owner].address, 'head')
    return [await of(0), await of(1)] as const
  }
  return { world, params, port, peer, id, line, balances }
}

export const statementOf = (out: SignedLine | undefined, incoming: SignedLine | undefined) => ({
  outNonce: out?.nonce ?? 0n,
  outAcked: out?.acked ?? 0n,
  outContent: out?.content ?? NO_CONTENT,
  outAck: out?.ack ?? '0x',
  inNonce: incoming?.nonce ?? 0n,
  inAcked: incoming?.acked ?? 0n,
  inContent: incoming?.content ?? NO_CONTENT,
  inPromise: incoming?.promise ?? ('0x' as Hex),
})

export async function closingOf(port: ChainPort, id: Hex) {
  const record = await port.record(id, 'head')
  if (record?.kind !== 'closing') throw new Error(`not closing: ${record?.kind}`)
  return record.closing
}
