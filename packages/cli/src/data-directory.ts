/**
 * The layout of one node's data directory, and what a running node tells the commands beside it.
 *
 *   config.json    chain, addresses, limits; no secrets
 *   keys/          three encrypted keystores (identity, signer, account)
 *   store/         the node's durable memory; one writer, enforced by its own lock
 *   api.token      what the HTTP API asks for; readable by the owner alone
 *   paywall.key    what references of payments for files on sale are derived from
 *   payees.json    which node each address (name@host) that was paid belongs to
 *   node.json      process id and addresses, present while the node runs
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { writeFileAtomically } from './atomic-file.ts'
import { Failure } from './failure.ts'

export type DataDirectory = {
  readonly path: string
  readonly config: string
  readonly keys: string
  readonly store: string
  readonly apiToken: string
  readonly running: string
  readonly paywallKey: string
  readonly payees: string
}

export function dataDirectory(path: string): DataDirectory {
  const absolute = resolve(path)
  return {
    path: absolute,
    config: join(absolute, 'config.json'),
    keys: join(absolute, 'keys'),
    store: join(absolute, 'store'),
    apiToken: join(absolute, 'api.token'),
    running: join(absolute, 'node.json'),
    paywallKey: join(absolute, 'paywall.key'),
    payees: join(absolute, 'payees.json'),
  }
}

export function defaultDataDirectory(): string {
  return process.env.TALLY_DATA_DIR || join(homedir(), '.tally')
}

const runningSchema = z.object({
  pid: z.int().positive(),
  apiUrl: z.url(),
  address: z.string(),
  nodeId: z.string(),
})

export type RunningNode = z.output<typeof runningSchema>

export function announceRunning(directory: DataDirectory, node: RunningNode): void {
  writeFileAtomically(directory.running, `${JSON.stringify(node, null, 2)}\n`)
}

export function withdrawRunning(directory: DataDirectory): void {
  rmSync(directory.running, { force: true })
}

/** The running node's addresses. A file left by a killed node is told apart by its process id. */
export function findRunning(directory: DataDirectory): RunningNode {
  if (!existsSync(directory.config)) throw notInitialised(directory)
  let text: string
  try {
    text = readFileSync(directory.running, 'utf8')
  } catch (thrown) {
    throw notRunning(directory, thrown)
  }
  const parsed = parseRunning(text)
  if (parsed === undefined || !isAlive(parsed.pid)) throw notRunning(directory)
  return parsed
}

export function readApiToken(directory: DataDirectory): string {
  try {
    return readFileSync(directory.apiToken, 'utf8').trim()
  } catch (thrown) {
    throw new Failure(
      'notReady',
      {
        code: 'no-api-token',
        field: directory.apiToken,
        message: 'the API token cannot be read',
        remedy: 'Run as the user that owns the data directory, or start the node once: it makes the token.',
      },
      thrown,
    )
  }
}

export function notInitialised(directory: DataDirectory): Failure {
  return new Failure('notReady', {
    code: 'not-initialised',
    field: '--data-dir',
    message: `there is no node in ${directory.path}`,
    remedy: 'Create one with `tally init`, or name an existing one with --data-dir.',
  })
}

function notRunning(directory: DataDirectory, cause?: unknown): Failure {
  return new Failure(
    'unreachable',
    {
      code: 'node-not-running',
      field: '--data-dir',
      message: `the node of ${directory.path} is not running`,
      remedy: 'Start it with `tally node start` and leave it running, then repeat the command.',
    },
    cause,
  )
}

function parseRunning(text: string): RunningNode | undefined {
  try {
    return runningSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}
