/**
 * A world for engine tests: a real EVM node with the real contracts, real SQLite stores, real signing; only the network
 * between the nodes is in memory, so that a test can cut, hold and watch it.
 */

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadCrypto } from '@tallystick/crypto'
import {
  createEvmChain,
  type Deployment,
  deployContracts,
  deployTestToken,
  mintTestToken,
} from '@tallystick/evm'
import { type Anvil, type AnvilOptions, startAnvil } from '@tallystick/evm/anvil'
import { type ChainPort, type Crypto, domainOf } from '@tallystick/protocol'
import { onTestFinished } from 'vitest'
import { type Engine, startEngine } from '../../src/engine/engine.ts'
import { DEFAULT_CONFIG, type EngineConfig, type EnginePorts, type Log } from '../../src/engine/ports.ts'
import type { ChannelView, Hex, NodeService, PayRequest } from '../../src/engine/service.ts'
import { storeJournal } from '../../src/engine/submission-journal.ts'
import { openGossipStore } from '../../src/network/gossip/index.ts'
import { openSqliteStore } from '../../src/store/index.ts'
import type { Store } from '../../src/store/port.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../../src/transport/memory.ts'
import type { Transport } from '../../src/transport/port.ts'

const crypto = await loadCrypto()

export interface World extends Deployment {
  readonly anvil: Anvil
  readonly network: MemoryNetwork
  readonly token: Hex
  /** A node with an account of its own; the same name started again is the same node after a restart. */
  node(name: string, changes?: NodeChanges): Promise<TestNode>
  /** Cuts the nodes (not the test), or one of them, off from the RPC, or lets them back. */
  chainDown(down: boolean, name?: string): void
  /** The chain as another account (0 to 9) of the world sees it. */
  chainOf(account: number): ChainPort
}

export interface NodeChanges {
  readonly config?: Partial<EngineConfig>
  /** Wraps the store: to make commits fail or wait. */
  readonly store?: (store: Store) => Store
  readonly transport?: (transport: Transport) => Transport
  readonly crypto?: Partial<Crypto>
  /** Wraps the chain: to make answers wait, or to count them. */
  readonly chain?: (chain: ChainPort) => ChainPort
}

export interface TestNode {
  readonly name: string
  readonly nodeId: string
  readonly service: NodeService
  readonly failed: Promise<Error>
  /** For others to dial. */
  readonly address: string
  readonly directory: string
  readonly log: readonly LogLine[]
  /** Ends it in order. */
  stop(): Promise<void>
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

const ACCOUNT_OF: Readonly<Record<string, number>> = { alice: 1, bob: 2, carol: 3, mallory: 4 }
export const FUNDS = 1_000_000_000n
export const NATIVE: Hex = `0x${'00'.repeat(20)}`

export interface WorldOptions extends AnvilOptions {
  /** Blocks on top before a block is final; default 0, every block counts at once. */
  readonly finalityBlocks?: number
}

export async function makeWorld({ finalityBlocks = 0, ...options }: WorldOptions = {}): Promise<World> {
  const anvil = await startAnvil(options)
  onTestFinished(() => anvil.stop())
  const keyOf = (index: number) => {
    const account = anvil.accounts[index]
    if (account === undefined) throw new Error(`no account ${index}`)
    return account
  }
  const deploy = { rpcUrl: anvil.rpcUrl, privateKey: keyOf(0).privateKey }
  const deployment = await deployContracts(deploy)
  const token = await deployTestToken(deploy)
  for (const index of Object.values(ACCOUNT_OF))
    await mintTestToken(deploy, token, keyOf(index).address, FUNDS)
  const home = mkdtempSync(join(tmpdir(), 'tallystick-engine-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const network = createMemoryNetwork()

  const doors = new Map<string, Door>()
  for (const name of Object.keys(ACCOUNT_OF)) {
    const door = await startDoor(anvil.rpcUrl)
    onTestFinished(() => door.stop())
    doors.set(name, door)
  }
  const chain = (index: number, rpcUrl: string, store?: Store) =>
    createEvmChain({
      ...deployment,
      rpcUrl,
      privateKey: keyOf(index).privateKey,
      finality: { kind: 'depth', blocks: finalityBlocks },
      pollIntervalMs: 20,
      ...(store === undefined ? {} : { journal: storeJournal(store) }),
    })

  return {
    ...deployment,
    anvil,
    network,
    token,
    chainDown(down, name) {
      for (const [of, door] of doors) if (name === undefined || name === of) door.shut(down)
    },
    chainOf(account) {
      const port = chain(account, anvil.rpcUrl)
      onTestFinished(() => port.stop())
      return port
    },
    async node(name, changes = {}) {
      const account = ACCOUNT_OF[name]
      if (account === undefined) throw new Error(`no account for ${name}`)
      const directory = join(home, name)
      const opened = await openSqliteStore({ directory })
      const store = changes.store?.(opened) ?? opened
      const identity = crypto.createIdentity(seed(`${name}/identity`))
      const raw = network.transport(identity.nodeId)
      const transport = changes.transport?.(raw) ?? raw
      const { host, port } = await transport.listen({ host: '127.0.0.1', port: 2_000 + account })
      const ownChain = chain(account, doors.get(name)?.url ?? anvil.rpcUrl, opened)
      const log: LogLine[] = []
      const ports: EnginePorts = {
        store,
        chain: changes.chain?.(ownChain) ?? ownChain,
        transport,
        crypto: { ...crypto.crypto, ...changes.crypto },
        signer: crypto.createSigner(seed(`${name}/signer`)),
        identity,
        gossipStore: openGossipStore({
          directory: directory,
          domain: domainOf(crypto.crypto, ownChain.chainId, Buffer.from(ownChain.bank.slice(2), 'hex'))
            .separator,
        }),
        onion: { crypto: crypto.onion, key: crypto.createOnionKey(seed(`${name}/identity`)) },
        invoices: crypto.createInvoiceSigner(seed(`${name}/identity`)),
        log: recordTo(log),
        nowMs: Date.now,
        randomBytes,
      }
      const config: EngineConfig = {
        ...DEFAULT_CONFIG,
        publicAddress: `${host}:${port}`,
        defaultLockPeriodSeconds: 600,
        maxJointDeposit: { [token]: FUNDS },
        minRedialMs: 20,
        maxRedialMs: 200,
        settleGraceSeconds: 5,
        ...changes.config,
      }
      const engine: Engine = await startEngine(ports, config)
      onTestFinished(() => engine.service.stop())
      return {
        name,
        nodeId: identity.nodeId,
        service: engine.service,
        failed: engine.failed,
        address: `${identity.nodeId}@${host}:${port}`,
        directory,
        log,
        stop: () => engine.service.stop(),
      }
    },
  }
}

interface Door {
  readonly url: string
  shut(down: boolean): void
  stop(): Promise<void>
}

/** A door before the RPC: shut, it ends every connection without an answer. */
async function startDoor(target: string): Promise<Door> {
  let shut = false
  const server = createServer((request, response) => {
    if (shut) {
      request.socket.destroy()
      return
    }
    const onward = forward(
      target,
      { method: request.method ?? 'POST', headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on('error', () => request.socket.destroy())
    request.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    shut(down) {
      shut = down
      if (down) server.closeAllConnections()
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function seed(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

function recordTo(lines: LogLine[]): Log {
  const at = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

/** A reference that is the same for the same text. */
export function reference(text: string): Hex {
  return `0x${createHash('sha256').update(text).digest('hex')}`
}

/** Opens a channel from one node to another and waits until both can use it. */
export async function openBetween(
  world: World,
  from: TestNode,
  to: TestNode,
  deposit: bigint,
  peerDeposit = 0n,
): Promise<Hex> {
  const { channelId } = await from.service.openChannel({
    peer: to.address,
    token: world.token,
    deposit,
    ...(peerDeposit === 0n ? {} : { peerDeposit }),
  })
  await Promise.all([
    from.service.waitForChannel(channelId, 'open'),
    to.service.waitForChannel(channelId, 'open'),
  ])
  return channelId
}

export function pay(node: TestNode, request: Partial<PayRequest> & { amount: bigint; channelId: Hex }) {
  return node.service.pay({ reference: reference(`${randomBytes(8).toString('hex')}`), ...request })
}

/** Polls a condition of the outside world; in a node, wait on events instead. */
export async function eventually<T>(
  look: () => Promise<T | undefined>,
  what: string,
  withinMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Both sides agree on everything, nothing is on its way. */
export async function settledPair(
  a: TestNode,
  b: TestNode,
  channelId: Hex,
): Promise<readonly [ChannelView, ChannelView]> {
  return eventually(async () => {
    const [one, other] = await Promise.all([a.service.getChannel(channelId), b.service.getChannel(channelId)])
    const quiet =
      one.outgoing.nonce === other.incoming.nonce &&
      one.incoming.nonce === other.outgoing.nonce &&
      one.outgoing.ackedNonce === one.outgoing.nonce &&
      other.outgoing.ackedNonce === other.outgoing.nonce
    return quiet ? ([one, other] as const) : undefined
  }, 'both sides agree')
}
