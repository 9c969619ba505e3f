/**
 * One party of the demo: a data directory of its own, made by `tally init`, and a node process of
 * its own, `tally node start`. Everything is asked of it as a user would, through the command line.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Hex, NodeClient } from '@tallystick/client'
import { dataDirectory } from '../data-directory.ts'
import type { FailureDetail } from '../failure.ts'
import { Failure } from '../failure.ts'
import { connectNode } from '../node-api.ts'
import type { Estate } from '../processes/estate.ts'
import type { Network } from './network.ts'

export type Party = {
  readonly name: string
  readonly directory: string
  /** Owner of its deposits; pays its gas. */
  readonly account: Hex
  readonly nodeId: string
  readonly passphraseFile: string
  /** Runs one `tally` command on this party's directory and returns its JSON. */
  tally(...args: readonly string[]): Promise<unknown>
  api(): NodeClient
  /**
   * Starts the node, or another program that takes the data directory as its first argument; resolves with
   * `nodeId@host:port` once it takes connections.
   */
  start(program?: Program): Promise<string>
  stop(): Promise<void>
  /** Ends the process as a power cut would: SIGKILL. */
  kill(): Promise<void>
  /** Of the running process. */
  pid(): number
}

export type Program = { readonly path: string; readonly args: readonly string[] }

const mainPath = fileURLToPath(new URL('../../bin/tally.mjs', import.meta.url))

export async function createParty(
  estate: Estate,
  network: Network,
  name: string,
  home: string,
  passphrase: string,
  initOptions: readonly string[] = [],
): Promise<Party> {
  const directory = join(home, name)
  const passphraseFile = join(home, `${name}.passphrase`)
  writeFileSync(passphraseFile, `${passphrase}\n`, { mode: 0o600 })
  const log = join(home, `${name}.log`)
  const tally = (...args: readonly string[]) =>
    runTally(estate, ['--json', '--data-dir', directory, ...args], { passphraseFile, log })
  const made = (await tally(
    'init',
    ...['--rpc-url', network.rpcUrl, '--bank', network.bank, '--registry', network.registry],
    ...[
      '--token',
      network.token,
      '--finality',
      String(network.finalityBlocks),
      '--poll-interval',
      String(network.pollIntervalMs),
    ],
    ...['--listen', '127.0.0.1:0', '--api', '127.0.0.1:0', '--lock-period', '600', '--light-kdf'],
    ...initOptions,
  )) as { account: Hex; nodeId: string }
  let running: ChildProcess | undefined
  return {
    name,
    directory,
    passphraseFile,
    account: made.account,
    nodeId: made.nodeId,
    tally,
    api: () => connectNode(dataDirectory(directory)),
    async start(program) {
      const args =
        program === undefined
          ? [mainPath, '--json', '--data-dir', directory, 'node', 'start']
          : [program.path, directory, ...program.args]
      running = withFile(log, (file) =>
        estate.start(process.execPath, args, {
          stdio: ['ignore', 'pipe', file],
          env: { ...process.env, TALLY_PASSPHRASE_FILE: passphraseFile },
        }),
      )
      return readyAddress(running, name, log)
    },
    async stop() {
      if (running !== undefined) await estate.stop(running)
      running = undefined
    },
    async kill() {
      if (running === undefined) return
      const exited = once(running, 'exit')
      running.kill('SIGKILL')
      await exited
      running = undefined
    },
    pid() {
      if (running?.pid === undefined) throw new Error(`the node of ${name} is not running`)
      return running.pid
    },
  }
}

async function readyAddress(child: ChildProcess, name: string, log: string): Promise<string> {
  if (child.stdout === null) throw new Error('the node was started without a pipe')
  for await (const line of createInterface({ input: child.stdout })) {
    const answer = parseAnswer(line)
    if (answer?.address !== undefined) return answer.address
    if (answer?.error !== undefined) throw commandFailed(`the node of ${name}`, answer.error)
  }
  throw commandFailed(`the node of ${name}`, undefined, `Run the demo again with --keep and read ${log}.`)
}

/** @throws {Failure} what the command itself reported. */
async function runTally(
  estate: Estate,
  args: readonly string[],
  { passphraseFile, log }: { readonly passphraseFile: string; readonly log: string },
): Promise<unknown> {
  const child = withFile(log, (file) =>
    spawn(process.execPath, [mainPath, ...args], {
      stdio: ['ignore', 'pipe', file],
      env: { ...process.env, TALLY_PASSPHRASE_FILE: passphraseFile },
      detached: true,
    }),
  )
  estate.adopt(child)
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  const answer = parseAnswer(output)
  if (code === 0) return answer
  throw commandFailed(`tally ${args.filter((arg) => arg !== '--json').join(' ')}`, answer?.error)
}

/** Opened for appending while `use` runs; a child that was given it has it for itself. */
function withFile<T>(path: string, use: (file: number) => T): T {
  const file = openSync(path, 'a', 0o600)
  try {
    return use(file)
  } finally {
    closeSync(file)
  }
}

type Answer = { readonly address?: string; readonly error?: FailureDetail }

function parseAnswer(output: string): Answer | undefined {
  try {
    return JSON.parse(output)
  } catch {
    return undefined
  }
}

function commandFailed(
  what: string,
  error: FailureDetail | undefined,
  remedy = 'Run the demo again with --keep and read the logs.',
): Failure {
  return new Failure('checkFailed', {
    code: error?.code ?? 'command-failed',
    message: `${what}: ${error?.message ?? 'ended without a word'}`,
    remedy: error?.remedy ?? remedy,
  })
}
