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
  readonly acts: string
  readonly networkChunks: string
  readonly exit?: true
  readonly keep?: true
}

const largestSampleMib = 4_096
/** One by hash lock, one by joint payment while a node is killed, and one that stalls. */
const leastNetworkChunks = 4

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('sell a file on a private chain, watch a liar lose its deposit, then buy through strangers')
    .option('--file <path>', 'the file to sell (default: one that it makes and removes)')
    .option('--size <mebibytes>', 'size of the file it makes', '100')
    .option('--chunks <number>', 'pieces to sell it in, for 1 token each', '100')
    .option('--acts <list>', 'which acts to play: 1 a sale, 2 a lie, 3 the network', '1,2,3')
    .option(
      '--network-chunks <number>',
      'pieces that the third act buys the file in, for 100 tokens each',
      '20',
    )
    .option(
      '--exit',
      'end everything at the end; without it, on a terminal, the network stays up for you to try',
    )
    .option('--keep', 'leave the data directories and logs behind, and say where')
    .addHelpText(
      'after',
      `${examples('tally demo', 'tally demo --file ./movie.mp4 --exit', 'tally demo --json --exit', 'tally demo --acts 3')}

Without a terminal, and with --json, it ends everything as with --exit.
It needs no chain, no keys and no configuration, and leaves nothing behind (but see --keep).`,
    )
    .action(
      action<Options>(async ({ options, output }) => {
        const chunks = parseWhole(options.chunks, '--chunks', 1, 10_000)
        const size = parseWhole(options.size, '--size', 1, largestSampleMib)
        const networkChunks = parseWhole(options.networkChunks, '--network-chunks', leastNetworkChunks, 1_000)
        const acts = parseActs(options.acts)
        if (options.file !== undefined) checkFile(options.file, Math.max(chunks, networkChunks))
        const stays = options.exit !== true && !output.json && process.stdout.isTTY && process.stdin.isTTY
        const { runDemo } = await import('../demo/demo.ts')
        const agrees = await runDemo({
          output,
          chunks,
          acts,
          networkChunks,
          sampleBytes: size * 1024 * 1024,
          keep: options.keep === true,
          stays,
          ...(options.file !== undefined && { file: options.file }),
        })
        process.exitCode = agrees ? exitCodes.ok : exitCodes.checkFailed
      }),
    )
}

function parseActs(text: string): ReadonlySet<number> {
  const acts = new Set(text.split(',').map((part) => (/^[123]$/.test(part) ? Number(part) : 0)))
  if (!acts.has(0)) return acts
  throw usage(
    '--acts',
    `${JSON.stringify(text.slice(0, 20))} is not a list of acts`,
    'Give for example 1,2 or 3.',
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
