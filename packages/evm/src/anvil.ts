/**
 * A real EVM node as a child process: anvil from the npm package, for tests, the demo and benchmarks.
 *
 * Invariants: the operating system chooses the port; the process and its files are gone after `stop`, after this process
 * exits, and also after this process was killed (a guard process waits for the end of its standard input).
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { bytesToHex, type Hex, numberToHex } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

/** Known to everybody: money on these accounts is play money. */
export const DEVELOPMENT_MNEMONIC = 'test test test test test test test test test test test junk'

export interface AnvilOptions {
  /** Default 31337. */
  readonly chainId?: number
  /** Mines at this interval; without it every transaction makes a block at once. */
  readonly blockTimeSeconds?: number
  /** Mines only on request. */
  readonly noMining?: boolean
  /** Default 10. */
  readonly accounts?: number
  readonly mnemonic?: string
  /** Loads the chain from this file if it exists, and writes it there at `stop`. */
  readonly statePath?: string
  /** Unix seconds of the first block; default: now. */
  readonly genesisTimestampSeconds?: number
  /** The tag `finalized` is two epochs behind the head; default 32 slots. */
  readonly slotsInAnEpoch?: number
  /** How long to wait for the first line "Listening on"; default 30,000. */
  readonly startTimeoutMs?: number
}

export interface AnvilAccount {
  readonly address: Hex
  readonly privateKey: Hex
}

export interface Anvil {
  readonly rpcUrl: string
  readonly chainId: bigint
  readonly pid: number
  readonly accounts: readonly AnvilAccount[]
  /** Any JSON-RPC method. @throws Error with the node's own message. */
  request(method: string, params?: readonly unknown[]): Promise<unknown>
  /** Mines `blocks` (default 1), `intervalSeconds` apart. */
  mine(blocks?: number, intervalSeconds?: number): Promise<void>
  /** Moves the clock of the chain forward and mines one block there. */
  increaseTime(seconds: number): Promise<void>
  setNextBlockTimestamp(unixSeconds: number | bigint): Promise<void>
  setNextBlockBaseFeePerGas(wei: bigint): Promise<void>
  /** A block for every transaction, or none until `mine`. */
  setAutomine(on: boolean): Promise<void>
  setBalance(address: Hex, wei: bigint): Promise<void>
  /** Replaces the newest `depth` blocks; their transactions are dropped, `transactions` are put in by `[raw, index]`. */
  reorg(depth: number, transactions?: readonly (readonly [raw: Hex, blockIndex: number])[]): Promise<void>
  snapshot(): Promise<Hex>
  /** Back to a snapshot: the blocks after it never were. */
  revert(snapshot: Hex): Promise<void>
  /** Ends it so that `statePath` is written; resolves when the process is gone. Idempotent. */
  stop(): Promise<void>
  /** Ends it at once, as a crash would; nothing is written. */
  kill(): Promise<void>
}

/** Starts anvil and resolves when it listens. @throws Error when the binary is missing or does not start in time. */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-anvil-'))
  const child = spawn(anvilBinary(), anvilArguments(options, directory), {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: false,
  })
  const guard = guardAgainstOrphans(child, directory)
  try {
    const address = await listeningAddress(child, options.startTimeoutMs ?? 30_000)
    return anvilHandle(child, guard, `http://${address}`, options)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

function anvilArguments(options: AnvilOptions, directory: string): string[] {
  const arguments_ = ['--host', '127.0.0.1', '--port', '0', '--color', 'never', '--cache-path', directory]
  const add = (flag: string, value: string | number | undefined) => {
    if (value !== undefined) arguments_.push(flag, String(value))
  }
  add('--chain-id', options.chainId)
  add('--block-time', options.blockTimeSeconds)
  add('--accounts', options.accounts)
  add('--mnemonic', options.mnemonic)
  add('--state', options.statePath)
  add('--timestamp', options.genesisTimestampSeconds)
  add('--slots-in-an-epoch', options.slotsInAnEpoch)
  if (options.noMining === true) arguments_.push('--no-mining')
  return arguments_
}

/** The binary inside the platform package, without the JavaScript wrapper: signals reach it directly. */
function anvilBinary(): string {
  const platforms: Record<string, string> = {
    'linux-x64': 'linux-amd64',
    'linux-arm64': 'linux-arm64',
    'darwin-x64': 'darwin-amd64',
    'darwin-arm64': 'darwin-arm64',
    'win32-x64': 'win32-amd64',
  }
  const platform = platforms[`${process.platform}-${process.arch}`]
  const name = process.platform === 'win32' ? 'anvil.exe' : 'anvil'
  try {
    if (platform === undefined) throw new Error(`no anvil for ${process.platform}-${process.arch}`)
    const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
    const manifest = createRequire(wrapper).resolve(`@foundry-rs/anvil-${platform}/package.json`)
    return join(dirname(manifest), 'bin', name)
  } catch (cause) {
    throw new Error('anvil is not installed: run `npm install`, or point the node at another RPC', { cause })
  }
}

/** What to end when this process exits: one listener for any number of chains. */
const endings = new Set<() => void>()

function endAll(): void {
  for (const end of endings) end()
}

/** Kills anvil and removes its files when this process goes away, however it goes. */
function guardAgainstOrphans(child: ChildProcess, directory: string): () => void {
  const onExit = () => {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  if (endings.size === 0) process.once('exit', endAll)
  endings.add(onExit)
  const watchdog =
    process.platform === 'win32'
      ? undefined
      : spawn(
          '/bin/sh',
          ['-c', 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"', 'sh', String(child.pid), directory],
          {
            stdio: ['pipe', 'ignore', 'ignore'],
            detached: true,
          },
        )
  watchdog?.unref()
  const release = () => {
    endings.delete(onExit)
    if (endings.size === 0) process.removeListener('exit', endAll)
    if (watchdog?.pid !== undefined) watchdog.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  child.once('exit', release)
  return release
}

async function listeningAddress(child: ChildProcess, timeoutMs: number): Promise<string> {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('anvil was started without pipes')
  const complaints: string[] = []
  stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaints.length < 50) complaints.push(text)
  })
  const lines = createInterface({ input: stdout })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`anvil did not listen within ${timeoutMs} ms`)),
      timeoutMs,
    )
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(new Error(`anvil ended (${signal ?? code}): ${complaints.join('').trim()}`))
    })
    // Reading goes on after the first match: a full pipe would stop anvil.
    lines.on('line', (line) => {
      const address = /Listening on (\S+)/.exec(line)?.[1]
      if (address === undefined) return
      clearTimeout(timer)
      resolve(address)
    })
  })
}

function anvilHandle(child: ChildProcess, guard: () => void, rpcUrl: string, options: AnvilOptions): Anvil {
  const request = (method: string, params: readonly unknown[] = []) => jsonRpc(rpcUrl, method, params)
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    }
    guard()
  }
  return {
    rpcUrl,
    chainId: BigInt(options.chainId ?? 31337),
    pid: child.pid ?? 0,
    accounts: developmentAccounts(options.mnemonic ?? DEVELOPMENT_MNEMONIC, options.accounts ?? 10),
    request,
    mine: async (blocks = 1, intervalSeconds) => {
      const interval = intervalSeconds === undefined ? [] : [numberToHex(intervalSeconds)]
      await request('anvil_mine', [numberToHex(blocks), ...interval])
    },
    increaseTime: async (seconds) => {
      await request('evm_increaseTime', [numberToHex(seconds)])
      await request('evm_mine')
    },
    setNextBlockTimestamp: async (unixSeconds) => {
      await request('evm_setNextBlockTimestamp', [numberToHex(unixSeconds)])
    },
    setNextBlockBaseFeePerGas: async (wei) => {
      await request('anvil_setNextBlockBaseFeePerGas', [numberToHex(wei)])
    },
    setAutomine: async (on) => {
      await request('evm_setAutomine', [on])
    },
    setBalance: async (address, wei) => {
      await request('anvil_setBalance', [address, numberToHex(wei)])
    },
    reorg: async (depth, transactions = []) => {
      await request('anvil_reorg', [depth, transactions])
    },
    snapshot: async () => (await request('evm_snapshot')) as Hex,
    revert: async (snapshot) => {
      if ((await request('evm_revert', [snapshot])) !== true)
        throw new Error(`anvil has no snapshot ${snapshot}`)
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

/** The accounts of a BIP-39 mnemonic at m/44'/60'/0'/0/n, as anvil funds them. */
export function developmentAccounts(mnemonic: string, count: number): readonly AnvilAccount[] {
  return Array.from({ length: count }, (_, addressIndex) => {
    const account = mnemonicToAccount(mnemonic, { addressIndex })
    const key = account.getHdKey().privateKey
    if (key === null) throw new Error('the mnemonic has no private keys')
    return { address: account.address.toLowerCase() as Hex, privateKey: bytesToHex(key) }
  })
}

async function jsonRpc(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  const answer = (await response.json()) as { result?: unknown; error?: { message: string } }
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`)
  return answer.result
}
