// The two calls that forge makes of a native solc: `--version`, and `--standard-json` on standard input.
// Other flags (`--allow-paths`, `--base-path`) steer how a native solc reads imports from disk; forge puts every
// source into the JSON, so nothing is read here.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const args = process.argv.slice(2)

if (args.includes('--version')) {
  // Not asked of the compiler itself: loading it takes most of a second, and forge asks often.
  const { version } = require('solc/package.json')
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}+npm.wasm\n`)
} else if (args.includes('--standard-json')) {
  const input = readFileSync(0, 'utf8')
  process.stdout.write(require('solc').compile(input))
} else {
  process.stderr.write(`scripts/solc answers --version and --standard-json only; got: ${args.join(' ')}\n`)
  process.exitCode = 1
}
