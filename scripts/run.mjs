// Entry of every npm script: installs the dependencies when they are missing or stale, then runs
// the given file under the Node 24 that npm brought in. Plain JavaScript, because the machine's own
// Node (20 or later) runs it before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.tallystick-install')

function lockDigest() {
  const hash = createHash('sha256')
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function install() {
  const wanted = lockDigest()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  process.stderr.write('Installing dependencies (first run, or they changed) ...\n')
  // Not `npm ci`: it refuses a lock file in which optional binaries for other platforms could not be recorded.
  // Standard output stays clean, because `--json` users read it.
  const done = spawnSync(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  )
  if (done.status !== 0) {
    process.stderr.write(
      'npm install failed; see above. Check that the npm registry is reachable, then run the command again.\n',
    )
    process.exit(1)
  }
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}

function nodeBinary() {
  const local = join(root, 'node_modules', '.bin', 'node')
  if (existsSync(local)) return local
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  process.stderr.write(
    'No Node 24 for this platform came with npm; install Node 24 or later yourself and run the command again.\n',
  )
  process.exit(1)
}

install()
const [target, ...args] = process.argv.slice(2)
if (target === undefined) process.exit(0)
const bin = join(root, 'node_modules', '.bin')
const child = spawn(nodeBinary(), [join(root, target), ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` },
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
