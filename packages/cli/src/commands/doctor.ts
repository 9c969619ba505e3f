/** `tally doctor`: looks at each thing a node needs, says what is wrong, and what to do about it. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { readConfig } from '../config.ts'
import type { DataDirectory } from '../data-directory.ts'
import { exitCodes, toFailure } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { table } from '../output.ts'

type Finding = {
  readonly check: string
  readonly level: 'ok' | 'warning' | 'error'
  readonly message: string
  readonly remedy?: string | undefined
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check the installation, the data directory, the chain and the node')
    .addHelpText('after', examples('tally doctor', 'tally --data-dir ./alice --json doctor'))
    .action(
      action(async ({ directory, output }) => {
        const findings = await examine(directory)
        const ok = findings.every(({ level }) => level !== 'error')
        output.result({ ok, findings }, () => describe(findings))
        process.exitCode = ok ? exitCodes.ok : exitCodes.checkFailed
      }),
    )
}

async function examine(directory: DataDirectory): Promise<Finding[]> {
  const findings = [runtime(), dataDirectoryFinding(directory)]
  const config = attempt(() => readConfig(directory.config))
  if ('failure' in config) return [...findings, { check: 'configuration', level: 'error', ...config.failure }]
  findings.push({ check: 'configuration', level: 'ok', message: 'config.json is complete' })
  findings.push(keystores(directory))
  findings.push(...(await chain(config.value)))
  findings.push(...(await runningNode(directory)))
  return findings
}

function runtime(): Finding {
  const check = 'runtime'
  const version = process.versions.node
  if (Number(version.split('.')[0]) >= 24) return { check, level: 'ok', message: `Node.js ${version}` }
  const remedy = 'Run it with `npm run tally`, which brings Node 24, or install Node 24.'
  return { check, level: 'error', message: `Node.js ${version} is too old`, remedy }
}

function dataDirectoryFinding({ path }: DataDirectory): Finding {
  const check = 'data directory'
  if (!existsSync(path))
    return {
      check,
      level: 'error',
      message: `${path} does not exist`,
      remedy: 'Create it with `tally init`.',
    }
  const { mode } = statSync(path)
  if ((mode & 0o077) === 0) return { check, level: 'ok', message: path }
  const remedy = `chmod 700 ${path}`
  return { check, level: 'warning', message: `${path} can be read by other users`, remedy }
}

function keystores({ keys }: DataDirectory): Finding {
  const check = 'keys'
  const files = existsSync(keys) ? readdirSync(keys).filter((name) => name.endsWith('.json')) : []
  if (files.length >= 3) return { check, level: 'ok', message: `${files.length} encrypted keystores` }
  const remedy = 'Put the keystores back from your backup; without them the deposits cannot be moved.'
  return { check, level: 'error', message: `${files.length} of 3 keystores in ${keys}`, remedy }
}

async function chain({ chain: { rpcUrl, chainId, bank, registry }, token }: Config): Promise<Finding[]> {
  const check = 'chain'
  const { probeChain } = await import('../chain-probe.ts')
  const probe = await probeChain({ rpcUrl, bank, token }).catch(toFailure)
  if (probe instanceof Error)
    return [{ check, level: 'error', message: probe.message, remedy: probe.detail.remedy }]
  const wrong = (message: string, remedy: string): Finding => ({ check, level: 'error', message, remedy })
  if (probe.chainId !== chainId)
    return [
      wrong(`the RPC is chain ${probe.chainId}, not ${chainId}`, 'Correct chain.rpcUrl in config.json.'),
    ]
  if (probe.registryOfBank !== registry)
    return [
      wrong(
        probe.registryOfBank === undefined
          ? `no bank at ${bank}`
          : `the bank uses registry ${probe.registryOfBank}`,
        'Correct chain.bank and chain.registry in config.json.',
      ),
    ]
  if (!probe.hasToken) return [wrong(`no token at ${token}`, 'Correct token in config.json.')]
  return [
    { check, level: 'ok', message: `chain ${chainId}, head block ${probe.headBlock}, contracts in place` },
  ]
}

/** The node looks after itself too: its own findings are shown with ours. */
async function runningNode(directory: DataDirectory): Promise<Finding[]> {
  const check = 'node'
  try {
    const report = await connectNode(directory).doctor()
    const findings = report.findings.map((finding) => ({ ...finding, check: `node: ${finding.check}` }))
    return [{ check, level: 'ok', message: 'running, and its API answers' }, ...findings]
  } catch (thrown) {
    const { kind, detail } = toFailure(thrown)
    // A node that was simply not started is a finding, not a fault.
    const level = kind === 'unreachable' && detail.code === 'node-not-running' ? 'warning' : 'error'
    return [{ check, level, message: detail.message, remedy: detail.remedy }]
  }
}

function attempt<T>(read: () => T): { value: T } | { failure: { message: string; remedy: string } } {
  try {
    return { value: read() }
  } catch (thrown) {
    const { field, message, remedy } = toFailure(thrown).detail
    return { failure: { message: field === undefined ? message : `${message} (${field})`, remedy } }
  }
}

function describe(findings: readonly Finding[]): string {
  const rows = findings.flatMap(({ check, level, message, remedy }) => [
    [level, check, message],
    ...(remedy === undefined || level === 'ok' ? [] : [['', '', `what to do: ${remedy}`]]),
  ])
  return table(rows)
}
