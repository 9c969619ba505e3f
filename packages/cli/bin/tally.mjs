#!/usr/bin/env node
// Runs `tally` under Node 24: this Node when it is new enough, else the one that npm brought in.
// Plain JavaScript, because older Node versions must be able to read it.
import { spawn } from 'node:child_process'
import module, { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function bundledNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `node-${process.platform}-${process.arch}/package.json`,
    )
    return join(dirname(manifest), 'bin', 'node')
  } catch {
    return undefined
  }
}

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Already here, before the first TypeScript file, and for worker threads too: where all is in the cache, nothing loads the
  // type stripper, which would stay in memory (35 MB).
  const cache = fileURLToPath(new URL('../node_modules/.cache/tally', import.meta.url))
  const { directory } = module.enableCompileCache(cache)
  if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory
  await import(main)
} else {
  const node = bundledNode()
  if (node === undefined) {
    process.stderr.write(
      'tally needs Node 24 or later, and none came with npm for this platform: install it.\n',
    )
    process.exit(4)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}
