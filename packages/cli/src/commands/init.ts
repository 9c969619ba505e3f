/**
 * `tally init`: a data directory with fresh (or imported) keys and a checked configuration. It is
 * built beside its place and moved there whole, so a directory is either complete or absent, and an
 * existing one is never touched: keys that hold deposits must not be overwritten by a second `init`.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { parseAddress, parseAmount, parseEndpoint, parseHttpUrl, parseWhole } from '../arguments.ts'
import { flushDirectory } from '../atomic-file.ts'
import type { ChainProbe } from '../chain-probe.ts'
import type { ConfigFile } from '../config.ts'
import { lockPeriodBoundsSeconds } from '../config.ts'
import { dataDirectory } from '../data-directory.ts'
import { Failure, usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import type { KeyOptions } from '../keys.ts'
import { table } from '../output.ts'
import { chooseFreshPassphrase } from '../passphrase.ts'

type Options = {
  readonly rpcUrl: string
  readonly bank: string
  readonly registry?: string
  readonly chainId?: string
  readonly token: string
  readonly finality: string
  readonly pollInterval: string
  readonly listen: string
  readonly api: string
  readonly lockPeriod: string
  readonly importKey?: string
  readonly maxJointDeposit?: string
  readonly announce?: true
  readonly alias?: string
  readonly safetyMargin?: string
  readonly lockTime?: string
  readonly forwardMargin?: string
  readonly lightKdf?: true
  readonly passphraseFile?: string
}

/** More than any chain is expected to take back. */
const reorganisationBlocks = 1_000

const nativeCoin = `0x${'00'.repeat(20)}`

export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('create a data directory: keys, configuration')
    .requiredOption('--rpc-url <url>', "the chain's JSON-RPC address")
    .requiredOption('--bank <address>', 'the VirtualBank contract')
    .option('--registry <address>', "the ConditionRegistry contract (default: the bank's own)")
    .option('--chain-id <number>', 'do not ask the chain: take this id (needs --registry)')
    .option('--token <address>', 'token of new channels; the zero address is the native coin', nativeCoin)
    .option(
      '--finality <when>',
      'when a block counts: finalized, safe, or so many blocks on top',
      'finalized',
    )
    .option('--poll-interval <ms>', 'how often to look at the chain', '2000')
    .option('--listen <host:port>', 'where peers connect; port 0: any free one', '127.0.0.1:9735')
    .option('--api <host:port>', 'where commands and applications connect', '127.0.0.1:9780')
    .option('--lock-period <seconds>', 'how long a lonely close of your channels can be disputed', '86400')
    .option(
      '--import-key <file>',
      "take the account's private key (hexadecimal) from this file; - for standard input",
    )
    .option('--max-joint-deposit <amount>', 'put in at most this when a peer asks to open a channel jointly')
    .option('--announce', 'tell everybody of your channels, so that others can pay over them')
    .option('--alias <name>', 'what your node calls itself, at most 32 ASCII characters')
    .option('--safety-margin <seconds>', 'time to get a transaction included and final, and clock skew (T)')
    .option('--lock-time <seconds>', 'how long a stalled payment of yours can hold money')
    .option('--forward-margin <seconds>', 'what a lock must leave beyond T before it is carried onward')
    .option('--light-kdf', 'weak protection of the keystores, fast: for networks that are thrown away only')
    .option('--passphrase-file <file>', 'read the passphrase from this file instead of asking')
    .addHelpText(
      'after',
      examples(
        'tally init --rpc-url http://127.0.0.1:8545 --bank 0x5fbd...aa3',
        'tally --data-dir ./alice init --rpc-url https://rpc.example --bank 0x5fbd...aa3 --passphrase-file ./secret',
      ),
    )
    .action(
      action<Options>(async ({ options, directory, output }) => {
        refuseExisting(directory.path)
        const config = await readOptions(options)
        const imported = options.importKey === undefined ? undefined : readPrivateKey(options.importKey)
        const passphrase = await chooseFreshPassphrase(options)
        const keys = await build(directory.path, config, {
          passphrase,
          account: imported,
          light: options.lightKdf,
        })
        output.result(
          { dataDir: directory.path, nodeId: keys.nodeId, signer: keys.signer, account: keys.account },
          () =>
            `${table([
              ['data directory', directory.path],
              ['node', keys.nodeId],
              ['account', keys.account],
              ['signer', keys.signer],
            ])}\n\nSend the token and some native coin for gas to the account, then: tally node start`,
        )
      }),
    )
}

/** Everything the user gave, checked before a passphrase is asked for. */
async function readOptions(options: Options): Promise<ConfigFile> {
  const rpcUrl = parseHttpUrl(options.rpcUrl, '--rpc-url').href
  const bank = parseAddress(options.bank, '--bank')
  const token = parseAddress(options.token, '--token')
  const { min, max } = lockPeriodBoundsSeconds
  const settings = {
    finality: parseFinality(options.finality),
    pollIntervalMs: parseWhole(options.pollInterval, '--poll-interval', 20, 600_000),
    listen: parseEndpoint(options.listen, '--listen'),
    api: parseEndpoint(options.api, '--api'),
    lockPeriodSeconds: parseWhole(options.lockPeriod, '--lock-period', min, max),
    // A quarter of the shortest lock period the bank allows leaves the rest to watch and answer in.
    safetyMarginSeconds:
      options.safetyMargin === undefined
        ? min / 4
        : parseWhole(options.safetyMargin, '--safety-margin', 1, 86_400),
    network: networkSettings(options),
  }
  const registryGiven =
    options.registry === undefined ? undefined : parseAddress(options.registry, '--registry')
  const { chainId, registry, headBlock } = await placeOnChain(options, { rpcUrl, bank, token }, registryGiven)
  return {
    version: 1,
    chain: {
      rpcUrl,
      chainId,
      bank,
      registry,
      // The signer key is fresh, so no channel of this node can be older than this moment (and its reorganisations).
      fromBlock: Math.max(0, headBlock - reorganisationBlocks),
      finality: settings.finality,
      pollIntervalMs: settings.pollIntervalMs,
    },
    token,
    listen: settings.listen,
    api: settings.api,
    limits: {
      lockPeriodSeconds: settings.lockPeriodSeconds,
      safetyMarginSeconds: settings.safetyMarginSeconds,
      minLockAmount: '1',
      maxJointDeposit:
        options.maxJointDeposit === undefined
          ? {}
          : { [token]: String(parseAmount(options.maxJointDeposit, '--max-joint-deposit')) },
    },
    network: settings.network,
  }
}

/** What is not given stays out of the file, and is as by default. */
function networkSettings({ announce, alias, lockTime, forwardMargin }: Options): ConfigFile['network'] {
  if (alias !== undefined && !/^[ -~]{0,32}$/.test(alias))
    throw usage(
      '--alias',
      'this is not at most 32 printable ASCII characters',
      'Give a shorter or plainer name.',
    )
  return {
    announceChannels: announce === true,
    ...(alias !== undefined && { alias }),
    ...(lockTime !== undefined && { lockTimeSeconds: parseWhole(lockTime, '--lock-time', 1, 2_592_000) }),
    ...(forwardMargin !== undefined && {
      forwardMarginSeconds: parseWhole(forwardMargin, '--forward-margin', 1, 86_400),
    }),
  }
}

async function placeOnChain(
  options: Options,
  target: { rpcUrl: string; bank: `0x${string}`; token: `0x${string}` },
  registryGiven: `0x${string}` | undefined,
): Promise<{ chainId: number; registry: `0x${string}`; headBlock: number }> {
  if (options.chainId !== undefined) {
    const chainId = parseWhole(options.chainId, '--chain-id', 1, Number.MAX_SAFE_INTEGER)
    if (registryGiven !== undefined) return { chainId, registry: registryGiven, headBlock: 0 }
    throw usage('--registry', '--chain-id without --registry', 'Give both, or neither to ask the chain.')
  }
  const { probeChain } = await import('../chain-probe.ts')
  return checkedPlace(await probeChain(target), registryGiven)
}

function checkedPlace(probe: ChainProbe, registryGiven: `0x${string}` | undefined) {
  const registry = probe.registryOfBank
  if (registry === undefined)
    throw usage(
      '--bank',
      'there is no bank at this address on this chain',
      'Check --bank and --rpc-url.',
      'no-bank',
    )
  if (registryGiven !== undefined && registryGiven !== registry)
    throw usage(
      '--registry',
      `the bank uses another registry, ${registry}`,
      'Leave --registry out.',
      'bad-registry',
    )
  if (!probe.hasToken)
    throw usage(
      '--token',
      'there is no token at this address on this chain',
      'Check --token and --rpc-url.',
      'no-token',
    )
  return { chainId: probe.chainId, registry, headBlock: Number(probe.headBlock) }
}

function refuseExisting(path: string): void {
  if (!existsSync(path) || readdirSync(path).length === 0) return
  throw new Failure('notReady', {
    code: 'already-there',
    field: '--data-dir',
    message: `${path} is not empty`,
    remedy: 'Nothing was changed. Use it as it is, or name another directory with --data-dir.',
  })
}

async function build(path: string, config: ConfigFile, keyOptions: Omit<KeyOptions, 'directory'>) {
  const parent = dirname(path)
  mkdirSync(parent, { recursive: true })
  const draft = mkdtempSync(join(parent, '.tally-init-'))
  try {
    const inside = dataDirectory(draft)
    const { createKeys } = await import('../keys.ts')
    const keys = await createKeys({ ...keyOptions, directory: inside.keys })
    writeFileSync(inside.config, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flush: true })
    flushDirectory(draft)
    renameSync(draft, path)
    flushDirectory(parent)
    return keys
  } catch (thrown) {
    rmSync(draft, { recursive: true, force: true })
    throw thrown
  }
}

function readPrivateKey(source: string): Uint8Array {
  const remedy = 'Give a file (or - for standard input) that holds 64 hexadecimal digits.'
  let text: string
  try {
    text = readFileSync(source === '-' ? 0 : source, 'utf8').trim()
  } catch {
    throw usage('--import-key', 'the key cannot be read', remedy, 'bad-key')
  }
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text)?.[1]
  if (digits === undefined) throw usage('--import-key', 'this is not a private key', remedy, 'bad-key')
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}

function parseFinality(text: string): 'finalized' | 'safe' | number {
  return text === 'finalized' || text === 'safe' ? text : parseWhole(text, '--finality', 0, 10_000)
}
