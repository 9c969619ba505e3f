/**
 * A node as a process of its own: TLS, SQLite, the real chain. The test that forked it calls its service over the IPC
 * channel; a call is `{id, method, args}`, its answer `{id, result}` or `{id, error}`.
 *
 * `payLoop` pays as fast as it can until the process dies: references are `prefix` and a counter, and every payment that
 * the service called accepted is told to the parent before the next is made.
 */

import { randomBytes } from 'node:crypto'
import { loadCrypto } from '@tallystick/crypto'
import { createEvmChain } from '@tallystick/evm'
import { domainOf } from '@tallystick/protocol'
import { startEngine } from '../../src/engine/engine.ts'
import { ServiceError } from '../../src/engine/errors.ts'
import { DEFAULT_CONFIG, type EngineConfig } from '../../src/engine/ports.ts'
import type { Hex, NodeService } from '../../src/engine/service.ts'
import { storeJournal } from '../../src/engine/submission-journal.ts'
import { openGossipStore } from '../../src/network/gossip/index.ts'
import { openSqliteStore } from '../../src/store/index.ts'
import { createTlsTransport } from '../../src/transport/tls.ts'
import { numbered } from './numbered.ts'

export interface NodeProcessOptions {
  readonly directory: string
  readonly rpcUrl: string
  readonly chainId: bigint
  readonly bank: Hex
  readonly registry: Hex
  readonly fromBlock: bigint
  readonly finalityBlocks: number
  readonly account: Hex
  readonly identitySeed: Uint8Array
  readonly signerSeed: Uint8Array
  readonly port: number
  readonly config: Partial<Omit<EngineConfig, 'policy'>>
}

interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

async function start(options: NodeProcessOptions): Promise<NodeService> {
  const crypto = await loadCrypto()
  const store = await openSqliteStore({ directory: options.directory })
  const chain = createEvmChain({
    rpcUrl: options.rpcUrl,
    chainId: options.chainId,
    bank: options.bank,
    registry: options.registry,
    fromBlock: options.fromBlock,
    privateKey: options.account,
    finality: { kind: 'depth', blocks: options.finalityBlocks },
    pollIntervalMs: 50,
    journal: storeJournal(store),
  })
  const identity = crypto.createIdentity(options.identitySeed)
  const transport = await createTlsTransport({ identity, verify: crypto.verifyIdentity })
  const { host, port } = await transport.listen({ host: '127.0.0.1', port: options.port })
  const quiet = process.env.TALLY_TEST_LOG === undefined
  const log = (level: string) => (fields: object, message: string) => {
    if (!quiet) process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`)
  }
  const { service, failed } = await startEngine(
    {
      store,
      chain,
      transport,
      crypto: crypto.crypto,
      signer: crypto.createSigner(options.signerSeed),
      identity,
      gossipStore: openGossipStore({
        directory: options.directory,
        domain: domainOf(crypto.crypto, chain.chainId, Buffer.from(chain.bank.slice(2), 'hex')).separator,
      }),
      onion: { crypto: crypto.onion, key: crypto.createOnionKey(options.identitySeed) },
      invoices: crypto.createInvoiceSigner(options.identitySeed),
      log: { info: log('info'), warn: log('warn'), error: log('error') },
      nowMs: Date.now,
      randomBytes,
    },
    {
      ...DEFAULT_CONFIG,
      publicAddress: `${host}:${port}`,
      defaultLockPeriodSeconds: 600,
      minRedialMs: 20,
      maxRedialMs: 200,
      settleGraceSeconds: 5,
      ...options.config,
    },
  )
  void failed.then((error) => {
    process.stderr.write(`the engine failed: ${error.stack}\n`)
    process.exit(70)
  })
  return service
}

/** Pays 1 unit at a time in batches, `lanes` at once, numbers from `from` to below `to`; tells each batch accepted. */
async function payLoop(
  service: NodeService,
  loop: { channelId: Hex; prefix: Hex; from: number; to: number; batch: number; lanes: number },
): Promise<{ seconds: number }> {
  let next = loop.from
  const lane = async () => {
    while (next < loop.to) {
      const from = next
      const to = Math.min(loop.to, from + loop.batch)
      next = to
      const payments = Array.from({ length: to - from }, (_, index) => ({
        amount: 1n,
        reference: numbered(loop.prefix, from + index),
      }))
      for (;;) {
        try {
          await service.payBatch({ channelId: loop.channelId, payments, timeoutMs: 20_000 })
          break
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error
          if (error.code !== 'TIMED_OUT') throw error
        }
      }
      process.send?.({ event: 'accepted', from, to })
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: loop.lanes }, lane))
  return { seconds: (performance.now() - startedAt) / 1000 }
}

let service: NodeService | undefined

async function answer(call: Call): Promise<unknown> {
  if (call.method === 'start') {
    service = await start(call.args[0] as NodeProcessOptions)
    return service.status()
  }
  if (service === undefined) throw new Error('not started')
  if (call.method === 'payLoop') return payLoop(service, call.args[0] as Parameters<typeof payLoop>[1])
  if (call.method === 'memory') return process.memoryUsage().rss
  const method = service[call.method as keyof NodeService] as (
    ...args: readonly unknown[]
  ) => Promise<unknown>
  return method(...call.args)
}

process.on('message', (call: Call) => {
  answer(call).then(
    (result) => process.send?.({ id: call.id, result }),
    (error: unknown) => {
      const { code, field, detail, message, stack } = error as ServiceError
      process.send?.({ id: call.id, error: { code, field, detail, message, stack } })
    },
  )
})
process.on('disconnect', () => process.exit(0))
