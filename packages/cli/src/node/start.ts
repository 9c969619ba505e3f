/**
 * The composition root of a node: chooses every adapter, gives each what it needs and nothing more,
 * and starts them in the order in which they depend on each other.
 */
import { randomBytes } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { loadCrypto } from '@tallystick/crypto'
import type { EvmChainConfig } from '@tallystick/evm'
import { createEvmChain } from '@tallystick/evm'
import type { ApiServer, EngineConfig, NodeService, Transport } from '@tallystick/node'
import {
  ApiTokenError,
  createTlsTransport,
  DEFAULT_CONFIG,
  openGossipStore,
  openSqliteStore,
  ServiceError,
  StoreError,
  startApiServer,
  startEngine,
  storeJournal,
  storeOperationJournal,
  TransportError,
} from '@tallystick/node'
import { ChainError, domainOf } from '@tallystick/protocol'
import type { Logger } from 'pino'
import { toHex } from 'viem'
import type { Config } from '../config.ts'
import type { DataDirectory } from '../data-directory.ts'
import { Failure } from '../failure.ts'
import { openKeys } from '../keys.ts'
import { version } from '../version.ts'

export type StartOptions = {
  readonly directory: DataDirectory
  readonly config: Config
  readonly passphrase: string
  readonly acceptLostData: boolean
  readonly log: Logger
  /** Replaces parts of the engine's configuration; for benchmarks. */
  readonly engine?: Partial<EngineConfig>
  /** Given the transport before anything uses it; for programs that play a faulty node. */
  readonly onTransport?: (transport: Transport) => void
}

export type StartedNode = {
  readonly nodeId: string
  /** `nodeId@host:port` for peers. */
  readonly address: string
  readonly apiUrl: string
  readonly service: NodeService
  /** Resolves with the reason when the node stops by itself (its disk failed); never after `stop`. */
  readonly failed: Promise<Error>
  stop(): Promise<void>
}

/** @throws {Failure} that names what could not be started; nothing stays behind. */
export async function startNode(options: StartOptions): Promise<StartedNode> {
  const undo: Array<() => Promise<void> | void> = []
  const stop = async () => {
    for (const action of undo.splice(0).toReversed()) await action()
  }
  try {
    return { ...(await start(options, undo)), stop }
  } catch (thrown) {
    await stop()
    throw explained(thrown)
  }
}

async function start(options: StartOptions, undo: Array<() => Promise<void> | void>) {
  const { config, directory, log } = options
  const crypto = await loadCrypto()
  const keys = await openKeys(crypto, directory.keys, options.passphrase)
  undo.push(() => keys.destroy())
  const store = await openSqliteStore({ directory: directory.store, acceptLostData: options.acceptLostData })
  undo.push(() => store.close())
  const chain = createEvmChain({
    ...chainConfig(config),
    privateKey: keys.withKey('account', (key) => toHex(key)),
    journal: storeJournal(store),
  })
  undo.push(() => chain.stop())
  // The API, and its metrics with it, starts last: what is refused before stands in the log alone.
  let countRefused: ApiServer['metrics']['refusedConnection'] = () => undefined
  const identity = keys.withKey('identity', (key) => crypto.createIdentity(key))
  const gossipStore = openGossipStore({
    directory: directory.store,
    domain: domainOf(crypto.crypto, chain.chainId, Buffer.from(chain.bank.slice(2), 'hex')).separator,
  })
  const transport = await createTlsTransport({
    identity,
    verify: crypto.verifyIdentity,
    onRefusal(refusal) {
      log.warn(refusal, 'connection refused')
      countRefused(refusal.code)
      if (refusal.unreported > 0) countRefused('unreported', refusal.unreported)
    },
  })
  undo.push(() => transport.close())
  options.onTransport?.(transport)
  const { host, port } = await transport.listen(config.listen)
  const publicAddress = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const { service, failed } = await startEngine(
    {
      store,
      chain,
      transport,
      crypto: crypto.crypto,
      signer: keys.withKey('signer', (key) => crypto.createSigner(key)),
      identity,
      gossipStore,
      onion: { crypto: crypto.onion, key: keys.withKey('identity', (key) => crypto.createOnionKey(key)) },
      invoices: keys.withKey('identity', (key) => crypto.createInvoiceSigner(key)),
      log,
      nowMs: Date.now,
      randomBytes,
      freeBytes: () => freeBytes(directory.path),
    },
    engineConfig(options, publicAddress),
  )
  undo.push(() => service.stop())
  const api = await startApiServer({
    service,
    crypto: crypto.crypto,
    tokenFile: directory.apiToken,
    operations: storeOperationJournal(store),
    ...config.api,
    onFault: (error) => log.error({ err: error }, 'a fault while answering the API'),
  })
  undo.push(() => api.close())
  countRefused = api.metrics.refusedConnection
  log.info({ nodeId: keys.nodeId, peers: publicAddress, api: api.url, crypto: crypto.backend }, 'ready')
  return {
    nodeId: keys.nodeId,
    address: `${keys.nodeId}@${publicAddress}`,
    apiUrl: api.url,
    service,
    failed,
  }
}

/** The part of the chain port's configuration that is no secret. */
export function chainConfig({ chain }: Config): Omit<EvmChainConfig, 'privateKey'> {
  const { rpcUrl, chainId, bank, registry, fromBlock, finality, pollIntervalMs } = chain
  return {
    rpcUrl,
    chainId: BigInt(chainId),
    bank,
    registry,
    fromBlock: BigInt(fromBlock),
    finality:
      typeof finality === 'number' ? { kind: 'depth', blocks: finality } : { kind: 'tag', tag: finality },
    pollIntervalMs,
  }
}

function engineConfig(
  { config: { limits, network = {} }, acceptLostData, engine }: StartOptions,
  publicAddress: string,
): EngineConfig {
  const policy = {
    ...DEFAULT_CONFIG.policy,
    safetyMarginSeconds: limits.safetyMarginSeconds,
    minPaymentAmount: limits.minPaymentAmount ?? DEFAULT_CONFIG.policy.minPaymentAmount,
    minLockAmount: limits.minLockAmount,
  }
  return {
    ...DEFAULT_CONFIG,
    agent: `tallystick/${version}`,
    publicAddress,
    defaultLockPeriodSeconds: limits.lockPeriodSeconds,
    maxJointDeposit: limits.maxJointDeposit,
    maxJointDepositOfPeer: limits.maxJointDepositOfPeer ?? {},
    maxJointDepositTotal: limits.maxJointDepositTotal ?? {},
    policy,
    acceptedLostData: acceptLostData,
    announceChannels: network.announceChannels ?? DEFAULT_CONFIG.announceChannels,
    alias: network.alias ?? DEFAULT_CONFIG.alias,
    lockTimeSeconds: network.lockTimeSeconds ?? DEFAULT_CONFIG.lockTimeSeconds,
    forwardMarginSeconds: network.forwardMarginSeconds ?? DEFAULT_CONFIG.forwardMarginSeconds,
    ...engine,
  }
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

function explained(thrown: unknown): unknown {
  if (thrown instanceof StoreError) {
    const locked = thrown.code === 'locked'
    const remedy = locked
      ? 'Another node uses this data directory: stop it, or use another directory. Two nodes with one key would lose money.'
      : 'Mend what the message names, then start the node again. Never start it from an old copy of the store.'
    return new Failure(
      'notReady',
      { code: thrown.code, field: thrown.field, message: thrown.message, remedy },
      thrown,
    )
  }
  if (thrown instanceof TransportError || thrown instanceof ChainError || thrown instanceof ApiTokenError) {
    const { code, field, message, remedy } = thrown
    return new Failure('usage', { code, field, message, remedy }, thrown)
  }
  if (thrown instanceof ServiceError) {
    const { code, field, message, remedy } = thrown
    return new Failure('notReady', { code, field, message, remedy }, thrown)
  }
  return thrown
}
