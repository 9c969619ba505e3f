/** `tally demo`: the whole product on a private chain, in about a minute. */
import { existsSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { parseWhole } from '../arguments.ts'
import { exitCodes, Failure, usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'

type Options = {
  readonly file?: string
  readonly size: string
  readonly chunks: string
  readonly exit?: true
  readonly keep?: true
}

const largestSampleMib = 4_096

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('sell a file chunk by chunk on a private chain, then watch a liar lose its deposit')
    .option('--file <path>', 'the file to sell (default: one that it makes and removes)')
    .option('--size <mebibytes>', 'size of the file it makes', '100')
    .option('--chunks <number>', 'pieces to sell it in, for 1 token each', '100')
    .option(
      '--exit',
      'end everything at the end; without it, on a terminal, the network stays up for you to try',
    )
    .option('--keep', 'leave the data directories and logs behind, and say where')
    .addHelpText(
      'after',
      `${examples('tally demo', 'tally demo --file ./movie.mp4 --exit', 'tally demo --json --exit')}

Without a terminal, and with --json, it ends everything as with --exit.
It needs no chain, no keys and no configuration, and leaves nothing behind (but see --keep).`,
    )
    .action(
      action<Options>(async ({ options, output }) => {
        const chunks = parseWhole(options.chunks, '--chunks', 1, 10_000)
        const size = parseWhole(options.size, '--size', 1, largestSampleMib)
        if (options.file !== undefined) checkFile(options.file, chunks)
        const stays = options.exit !== true && !output.json && process.stdout.isTTY && process.stdin.isTTY
        const { runDemo } = await import('../demo/demo.ts')
        const agrees = await runDemo({
          output,
          chunks,
          sampleBytes: size * 1024 * 1024,
          keep: options.keep === true,
          stays,
          ...(options.file !== undefined && { file: options.file }),
        })
        process.exitCode = agrees ? exitCodes.ok : exitCodes.checkFailed
      }),
    )
}

function checkFile(path: string, chunks: number): void {
  if (!existsSync(path) || !statSync(path).isFile())
    throw usage(
      '--file',
      `there is no file ${path}`,
      'Name a file that exists, or leave --file out.',
      'no-file',
    )
  const { size } = statSync(path)
  if (size < chunks)
    throw new Failure('usage', {
      code: 'file-too-small',
      field: '--file',
      message: `the file has ${size} bytes, fewer than ${chunks} chunks`,
      remedy: 'Name a larger file, or ask for fewer --chunks.',
    })
}
