/** Owns an estate, says what is in it, and waits to be ended in whatever way the test likes. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEstate } from '../../src/processes/estate.ts'

const estate = createEstate()
const directory = estate.directory('tally-estate-test-')
writeFileSync(join(directory, 'file'), 'something')
const polite = estate.start('sleep', ['1000'], { stdio: 'ignore' })
const deaf = estate.start('/bin/sh', ['-c', 'trap "" TERM; echo deaf; while :; do sleep 1; done'], {
  stdio: ['ignore', 'pipe', 'ignore'],
})
if (deaf.stdout !== null) await once(deaf.stdout, 'data')
process.once('SIGTERM', async () => {
  await estate.end()
  process.exit(0)
})
process.stdout.write(`${JSON.stringify({ directory, pids: [polite.pid, deaf.pid] })}\n`)
setInterval(() => {}, 1000)
