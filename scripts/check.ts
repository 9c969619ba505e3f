/**
 * `npm run check`: types, lint and format, module walls, dead code. All checks run even when an
 * early one fails, so that one run shows everything there is to mend.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const checks: ReadonlyArray<{ name: string; command: string; args: string[] }> = [
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'types of the pure core (no Node.js, no DOM)', command: 'tsc', args: ['-p', 'packages/protocol'] },
  { name: 'lint, format and module walls', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'dead code and dependencies', command: 'knip', args: [] },
]

function run(command: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules', '.bin', command), args, { cwd: root })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('exit', (code) => resolve({ code: code ?? 1, output }))
  })
}

const results = await Promise.all(
  checks.map(async (check) => ({ check, ...(await run(check.command, check.args)) })),
)
for (const { check, code, output } of results) {
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${check.name}\n`)
  if (code !== 0) process.stdout.write(`${output}\n`)
}
process.exitCode = results.every((result) => result.code === 0) ? 0 : 1
