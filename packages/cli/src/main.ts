/** Entry of `tally`. */
import { main } from './program.ts'

// `tally ... | head` closes our output early; that is no fault of the command.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

process.exit(await main(process.argv.slice(2)))
