/** `tally node start`: the node itself, in the foreground, until a signal ends it. */
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { announceRunning, withdrawRunning } from '../data-directory.ts'
import { Failure } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { keepHeapSmall } from '../node/heap.ts'
import { createLog, logLevels } from '../node/log.ts'
import { readPassphrase } from '../passphrase.ts'
import { nextSignal } from '../signals.ts'

type Options = {
  readonly passphraseFile?: string
  readonly logFile?: string
  readonly logLevel: string
  readonly acceptLostData?: true
}

export function addNodeCommands(program: Command): void {
  const node = program.command('node').description('run the node of a data directory')
  node
    .command('start')
    .description('start the node and keep it running until Ctrl-C or SIGTERM')
    .option('--passphrase-file <file>', 'read the passphrase from this file instead of asking')
    .option('--log-file <file>', 'write the log (JSON lines) to this file instead of standard error')
    .option('--log-level <level>', `one of ${logLevels.join(', ')}`, 'info')
    .option(
      '--accept-lost-data',
      'start although the store lost data (a restored backup): its channels can then only be closed',
    )
    .addHelpText(
      'after',
      `${examples('tally node start', 'tally --data-dir ./alice node start --passphrase-file ./secret --log-file ./alice.log')}

With --json, the one object on standard output is printed when the node is ready.`,
    )
    .action(
      action<Options>(async ({ options, directory, output }) => {
        const config = readConfig(directory.config)
        // Imported only here: other commands need none of the node's code, and should start at once.
        const { startNode } = await import('../node/start.ts')
        const log = createLog(options.logLevel, options.logFile)
        // From here on a signal that comes while the node is still starting ends it in good order too.
        const signalled = nextSignal()
        const node = await startNode({
          directory,
          config,
          passphrase: await readPassphrase(options),
          acceptLostData: options.acceptLostData === true,
          log,
        })
        try {
          keepHeapSmall()
          const running = {
            pid: process.pid,
            nodeId: node.nodeId,
            address: node.address,
            apiUrl: node.apiUrl,
          }
          announceRunning(directory, running)
          output.result(
            running,
            () =>
              `Node ${node.nodeId} is ready.\n  peers: ${node.address}\n  API:   ${node.apiUrl}\nCtrl-C ends it.`,
          )
          const ended = await Promise.race([signalled, node.failed])
          if (ended instanceof Error) throw died(ended)
          log.info({ signal: ended }, 'stopping')
        } finally {
          withdrawRunning(directory)
          await node.stop()
        }
      }),
    )
}

function died(error: Error): Failure {
  return new Failure(
    'internal',
    {
      code: 'node-stopped',
      message: `the node stopped by itself: ${error.message}`,
      remedy: 'Nothing was released that was not durable. See the log, mend the cause, and start it again.',
    },
    error,
  )
}
