/**
 * `npm test`: everything that must hold before a change lands. Steps run one after another (two
 * cores), each in a process of its own; all of them run even when one fails.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { forgeBinary } from './forge.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const scratch = mkdtempSync(join(tmpdir(), 'tallystick-test-'))
const vitestReport = join(scratch, 'vitest.json')

type Count = { passed: number; failed: number }

function run(command: string, args: string[], capture = false): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'],
    })
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += chunk
    })
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('exit', (code) => resolve({ code: code ?? 1, output }))
  })
}

async function script(path: string, ...args: string[]): Promise<Count> {
  const { code } = await run(process.execPath, [join(root, path), ...args])
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

/** Counts forge's own JSON report, because an exit code of zero with no test run would look green. */
async function forge(): Promise<Count> {
  const { code, output } = await run(forgeBinary(), ['test', '--json'], true)
  const count = { passed: 0, failed: 0 }
  try {
    for (const [suite, { test_results }] of Object.entries<{
      test_results: Record<string, { status: string; reason?: string }>
    }>(JSON.parse(output))) {
      for (const [name, { status, reason }] of Object.entries(test_results)) {
        if (status === 'Success') count.passed++
        else {
          count.failed++
          process.stdout.write(`FAIL ${suite} ${name}: ${reason ?? ''}\n`)
        }
      }
    }
  } catch {
    process.stdout.write(`forge test printed no report:\n${output}\n`)
  }
  if (count.passed + count.failed === 0 || (code !== 0 && count.failed === 0)) count.failed++
  return count
}

async function vitest(): Promise<Count> {
  const { code } = await run(join(bin, 'vitest'), [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${vitestReport}`,
  ])
  const count = { passed: 0, failed: 0 }
  try {
    const report = JSON.parse(readFileSync(vitestReport, 'utf8'))
    count.passed = report.numPassedTests
    count.failed = report.numFailedTests
  } catch {
    process.stdout.write('vitest wrote no report\n')
  }
  if (count.passed + count.failed === 0 || (code !== 0 && count.failed === 0)) count.failed++
  return count
}

const steps: ReadonlyArray<{ name: string; run: () => Promise<Count> }> = [
  { name: 'check', run: () => script('scripts/check.ts') },
  {
    name: 'contract artifacts are those of the sources',
    run: () => script('scripts/contracts.ts', '--check'),
  },
  { name: 'contracts', run: forge },
  { name: 'gas and size snapshots', run: () => script('contracts/gas/main.ts', '--check') },
  { name: 'packages', run: vitest },
]

const total = { passed: 0, failed: 0 }
try {
  for (const step of steps) {
    const startedMs = performance.now()
    process.stdout.write(`\n== ${step.name}\n`)
    const { passed, failed } = await step.run()
    total.passed += passed
    total.failed += failed
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
    process.stdout.write(`== ${step.name}: ${passed} ok, ${failed} not ok, ${seconds} s\n`)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`)
process.exitCode = total.failed === 0 ? 0 : 1
