/**
 * `npm run gas`: what every call costs, measured on a real EVM node, beside what peers pay for the same work.
 * `-- --json` prints the figures alone; `-- --check` compares them and the bytecode sizes with contracts/snapshots/,
 * `-- --update` rewrites those.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FIGURES, type Measured, measure } from './measure.ts'
import { bytecodeSizes, MAX_RUNTIME_BYTES } from './size.ts'
import { table } from './table.ts'

const here = dirname(fileURLToPath(import.meta.url))
const snapshots = join(here, '..', 'snapshots')

type Numbers = Record<string, number>

function figuresOf(measured: Measured): Numbers {
  return Object.fromEntries(FIGURES.map((name) => [name, measured[name]]))
}

function write(name: string, numbers: Numbers): void {
  mkdirSync(snapshots, { recursive: true })
  writeFileSync(join(snapshots, name), `${JSON.stringify(numbers, null, 2)}\n`)
}

/** What differs from the committed snapshot, one line each. */
function differences(name: string, numbers: Numbers): string[] {
  const path = join(snapshots, name)
  let committed: Numbers = {}
  try {
    committed = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return [`${relative(process.cwd(), path)} is missing: run \`npm run gas -- --update\``]
  }
  const keys = new Set([...Object.keys(committed), ...Object.keys(numbers)])
  return [...keys]
    .filter((key) => committed[key] !== numbers[key])
    .map((key) => `${name}: ${key} was ${committed[key] ?? 'absent'}, is ${numbers[key] ?? 'absent'}`)
}

const measured = await measure()
const figures = figuresOf(measured)
const flags = new Set(process.argv.slice(2))
const sizes = flags.has('--json') ? {} : bytecodeSizes()

if (flags.has('--json')) process.stdout.write(`${JSON.stringify(figures)}\n`)
else if (flags.has('--update')) {
  write('gas.json', figures)
  write('size.json', sizes)
} else if (flags.has('--check')) {
  const changed = [...differences('gas.json', figures), ...differences('size.json', sizes)]
  for (const line of changed) process.stderr.write(`${line}\n`)
  for (const [name, bytes] of Object.entries(sizes)) {
    if (bytes > MAX_RUNTIME_BYTES)
      changed.push(`${name} has ${bytes} bytes, over EIP-170's ${MAX_RUNTIME_BYTES}`)
  }
  if (changed.length > 0) {
    process.stderr.write('If this is meant, run `npm run gas -- --update` and say why in the commit.\n')
    process.exitCode = 1
  } else process.stdout.write('gas and size are those of the snapshots\n')
} else process.stdout.write(table(measured, sizes))
