/** Brings the peers, in a folder of their own with a lock file of its own. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const stamp = join(here, 'node_modules', '.tallystick-install')

export function installPeers(): void {
  const wanted = createHash('sha256')
    .update(readFileSync(join(here, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  process.stderr.write('Installing the peers to compare with (first run, or they changed) ...\n')
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  // Standard output stays clean, because `--json` users read it.
  const done = spawnSync('npm', ['install', '--prefix', here, ...options], {
    cwd: here,
    stdio: ['ignore', 2, 2],
  })
  if (done.status !== 0) {
    process.stderr.write(
      'npm install failed; see above. Check that the npm registry is reachable, then run again.\n',
    )
    process.exit(1)
  }
  writeFileSync(stamp, wanted)
}
