import type { ChainPort } from '@tallystick/protocol'
import { expect, test } from 'vitest'
import { takeClaimables } from '../../src/engine/claimables.ts'
import type { Log } from '../../src/engine/ports.ts'
import type { Runtime } from '../../src/engine/runtime.ts'
import { createSubmissions } from '../../src/engine/submissions.ts'

const log: Log = { info: () => {}, warn: () => {}, error: () => {} }

test('two looks at once, at two final blocks, take a claimable balance once', async () => {
  const taken: string[] = []
  let finalBlock = 7n
  const chain = {
    account: `0x${'01'.repeat(20)}`,
    claimable: async () => 5n,
    block: async () => {
      finalBlock += 1n
      return { number: finalBlock, hash: '0x', timestampSeconds: 0n }
    },
    submit: (_call: unknown, { key }: { key: string }) => {
      taken.push(key)
      return new Promise(() => {})
    },
  } as unknown as ChainPort
  const twenty = new Uint8Array(20).fill(2)
  const params = {
    owner: [twenty, twenty],
    signer: [twenty, twenty],
    token: twenty,
    lockPeriod: 600,
    salt: 1n,
  }
  const rt = {
    ports: { chain, log },
    channels: new Map([['a', { core: { setup: { params } } }]]),
    submissions: createSubmissions(chain, log, Date.now),
    running: true,
  } as unknown as Runtime
  await Promise.all([takeClaimables(rt), takeClaimables(rt)])
  expect(taken).toHaveLength(1)
})
