/** Entry of `tally`. */
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Stripping types and compiling are done once and kept: every later start takes half the time. Where the directory
// cannot be written nothing is kept, and nothing fails.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/tally', import.meta.url)))
const { main } = await import('./program.ts')

// `tally ... | head` closes our output early; that is no fault of the command.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

process.exit(await main(process.argv.slice(2)))
