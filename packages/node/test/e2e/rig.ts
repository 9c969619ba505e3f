/** Two real node processes on real sockets, disks and a real chain; see node-process.ts. */

import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createEvmChain,
  type Deployment,
  deployContracts,
  deployTestToken,
  mintTestToken,
} from '@tallystick/evm'
import { type Anvil, type AnvilOptions, startAnvil } from '@tallystick/evm/anvil'
import type { ChainPort } from '@tallystick/protocol'
import { onTestFinished } from 'vitest'
import type { Hex, NodeService, NodeStatus } from '../../src/engine/service.ts'
import type { NodeProcessOptions } from './node-process.ts'

export interface World extends Deployment {
  readonly anvil: Anvil
  readonly token: Hex
  /** The chain as another account of the world sees it. */
  chainOf(account: number): ChainPort
  node(name: keyof typeof ACCOUNT_OF, config?: NodeProcessOptions['config']): RemoteNode
}

/** A node that can be started, killed at any moment, and started again on the same data. */
export interface RemoteNode {
  readonly directory: string
  readonly account: Hex
  /** Starts the process (again); the service is then called through `call`. */
  start(): Promise<NodeStatus>
  /** True while its process lives. */
  alive(): boolean
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** Stops the node in order and ends the process. */
  stop(): Promise<void>
  call<M extends keyof NodeService>(
    method: M,
    ...args: Parameters<NodeService[M]>
  ): Promise<Awaited<ReturnType<NodeService[M]>>>
  payLoop(loop: PayLoop): Promise<{ seconds: number }>
  memory(): Promise<number>
  /** Numbers that the node called accepted, over all its lives. */
  readonly accepted: Set<number>
  /** `nodeId@host:port`, once started. */
  address(): string
}

export interface PayLoop {
  readonly channelId: Hex
  readonly prefix: Hex
  readonly from: number
  readonly to: number
  readonly batch: number
  readonly lanes: number
}

const ACCOUNT_OF = { alice: 1, bob: 2, mallory: 3 }
export const FUNDS = 10n ** 15n
const PROGRAM = fileURLToPath(new URL('./node-process.ts', import.meta.url))

export async function makeWorld(options: AnvilOptions & { finalityBlocks?: number } = {}): Promise<World> {
  const { finalityBlocks = 0, ...anvilOptions } = options
  const anvil = await startAnvil(anvilOptions)
  onTestFinished(() => anvil.stop())
  const accountOf = (index: number) => {
    const account = anvil.accounts[index]
    if (account === undefined) throw new Error(`no account ${index}`)
    return account
  }
  const deploy = { rpcUrl: anvil.rpcUrl, privateKey: accountOf(0).privateKey }
  const deployment = await deployContracts(deploy)
  const token = await deployTestToken(deploy)
  for (const index of Object.values(ACCOUNT_OF))
    await mintTestToken(deploy, token, accountOf(index).address, FUNDS)
  const home = mkdtempSync(join(tmpdir(), 'tallystick-e2e-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return {
    ...deployment,
    anvil,
    token,
    chainOf(index) {
      const port = createEvmChain({
        ...deployment,
        rpcUrl: anvil.rpcUrl,
        privateKey: accountOf(index).privateKey,
        finality: { kind: 'depth', blocks: finalityBlocks },
        pollIntervalMs: 50,
      })
      onTestFinished(() => port.stop())
      return port
    },
    node(name, config = {}) {
      const { privateKey, address } = accountOf(ACCOUNT_OF[name])
      const base = {
        ...deployment,
        directory: join(home, name),
        rpcUrl: anvil.rpcUrl,
        finalityBlocks,
        account: privateKey,
        identitySeed: seed(`${name}/identity`),
        signerSeed: seed(`${name}/signer`),
        config: { maxJointDeposit: { [token]: FUNDS }, ...config },
      }
      return remoteNode(base, address)
    },
  }
}

function seed(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

export function reference(text: string): Hex {
  return `0x${createHash('sha256').update(text).digest('hex')}`
}

interface FromChild {
  readonly event?: 'accepted'
  readonly from: number
  readonly to: number
  readonly id: number
  readonly result: unknown
  readonly error?: { readonly message: string }
}

function remoteNode(base: Omit<NodeProcessOptions, 'port'>, account: Hex): RemoteNode {
  let child: ChildProcess | undefined
  let status: NodeStatus | undefined
  let nextId = 1
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const accepted = new Set<number>()

  function receive(message: unknown): void {
    const { event, from, to, id, result, error } = message as FromChild
    if (event === 'accepted') {
      for (let number: number = from; number < to; number += 1) accepted.add(number)
      return
    }
    const call = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) call?.resolve(result)
    else call?.reject(Object.assign(new Error(error.message), error))
  }

  function ask(method: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (child?.connected !== true) {
        reject(new Error('the process is not there'))
        return
      }
      const id = nextId++
      waiting.set(id, { resolve, reject })
      child.send({ id, method, args })
    })
  }

  async function end(how: () => void): Promise<void> {
    const ending = child
    if (ending === undefined) return
    const gone = ending.exitCode !== null || ending.signalCode !== null ? undefined : once(ending, 'exit')
    how()
    await gone
    child = undefined
  }

  const node: RemoteNode = {
    directory: base.directory,
    account,
    accepted,
    async start() {
      const started = fork(PROGRAM, [], {
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      child = started
      started.on('message', receive)
      started.on('exit', () => {
        for (const { reject } of waiting.values()) reject(new Error('the process ended'))
        waiting.clear()
      })
      // The port of the first life is kept, so that peers find the node again.
      const port = status?.address === undefined ? 0 : Number(status.address.split(':').at(-1))
      status = (await ask('start', [{ ...base, port }])) as NodeStatus
      return status
    },
    alive: () => child?.connected === true,
    kill: () => end(() => void child?.kill('SIGKILL')),
    async stop() {
      if (child?.connected === true) await ask('stop', []).catch(() => undefined)
      await end(() => void child?.disconnect())
    },
    call: (method, ...args) => ask(method, args) as never,
    payLoop: (loop) => ask('payLoop', [loop]) as Promise<{ seconds: number }>,
    memory: () => ask('memory', []) as Promise<number>,
    address() {
      if (status?.address === undefined) throw new Error('not started')
      return status.address
    },
  }
  onTestFinished(() => node.kill())
  return node
}

export async function openBetween(
  world: World,
  from: RemoteNode,
  to: RemoteNode,
  deposit: bigint,
  peerDeposit = 0n,
): Promise<Hex> {
  const { channelId } = await from.call('openChannel', {
    peer: to.address(),
    token: world.token,
    deposit,
    ...(peerDeposit === 0n ? {} : { peerDeposit }),
  })
  await Promise.all([
    from.call('waitForChannel', channelId, 'open'),
    to.call('waitForChannel', channelId, 'open'),
  ])
  return channelId
}
