/**
 * forge, by its own binary: the JavaScript wrapper of the npm package ends with 0 even when forge failed.
 * As a program (`npm run forge -- ...`) it passes everything on.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const PLATFORMS: Record<string, string> = {
  'linux-x64': 'linux-amd64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-amd64',
  'darwin-arm64': 'darwin-arm64',
}

/** @throws Error when npm brought no forge for this platform. */
export function forgeBinary(): string {
  const platform = PLATFORMS[`${process.platform}-${process.arch}`]
  try {
    const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/forge/package.json')
    const manifest = createRequire(wrapper).resolve(`@foundry-rs/forge-${platform}/package.json`)
    return join(dirname(manifest), 'bin', 'forge')
  } catch (cause) {
    throw new Error(`npm brought no forge for ${process.platform}-${process.arch}: run \`npm install\``, {
      cause,
    })
  }
}

type Artifact = { abi: unknown[]; bytecode: { object: string }; deployedBytecode: { object: string } }

/**
 * Compiles `sources` (paths from the root) with the settings that foundry.toml gives each, apart from the tests' own
 * builds, and returns the artifact of a contract by its name.
 * @throws Error with the compiler's own words.
 */
export function forgeBuild(sources: readonly string[]): (contract: string) => Artifact {
  const out = join('contracts', 'cache', 'artifacts')
  const args = [
    'build',
    '--out',
    out,
    '--cache-path',
    join('contracts', 'cache', 'artifacts-cache'),
    ...sources,
  ]
  const forge: SpawnSyncReturns<string> = spawnSync(forgeBinary(), args, { cwd: root, encoding: 'utf8' })
  if (forge.status !== 0) {
    throw new Error(`forge build failed:\n${forge.error ?? ''}${forge.stdout ?? ''}${forge.stderr ?? ''}`)
  }
  return (contract) =>
    JSON.parse(readFileSync(join(root, out, `${contract}.sol`, `${contract}.json`), 'utf8'))
}

if (import.meta.main) {
  const { status } = spawnSync(forgeBinary(), process.argv.slice(2), { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
}
