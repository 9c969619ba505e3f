/** `tally sell` and `tally buy`: a file, chunk by chunk, over HTTP 402 and a payment channel. */
import { existsSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { parseAddress, parseAmount, parseHttpUrl, parseWhole } from '../arguments.ts'
import { readConfig } from '../config.ts'
import { usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { createProgress } from '../progress.ts'

type SellOptions = {
  readonly chunks: string
  readonly price: string
  readonly host: string
  readonly port: string
  readonly token?: string
}

export function addSellCommand(program: Command): void {
  program
    .command('sell')
    .description('sell a file in chunks; answers HTTP 402 with the terms until a chunk is paid')
    .argument('<file>', 'the file to sell')
    .requiredOption('--price <amount>', 'of one chunk, in base units')
    .option('--chunks <number>', 'pieces to sell it in', '100')
    .option('--token <address>', "what to be paid in (default: the configuration's token)")
    .option('--host <host>', 'where to serve it', '127.0.0.1')
    .option('--port <number>', 'where to serve it; 0: any free port', '0')
    .addHelpText(
      'after',
      `${examples('tally sell ./movie.mp4 --chunks 100 --price 1000000', 'tally sell ./song.flac --price 5 --port 8402')}

Serves until Ctrl-C. With --json, the one object on standard output is printed when it is ready.`,
    )
    .action(action<SellOptions>(async () => {}))
}

type BuyOptions = { readonly out?: string; readonly maxPrice: string }

export function addBuyCommand(program: Command): void {
  program
    .command('buy')
    .description('buy a file chunk by chunk, verifying each chunk and the whole')
    .argument('<uri>', 'as `tally sell` prints it')
    .requiredOption('--max-price <amount>', 'pay at most this for the whole file, in base units')
    .option('--out <file>', 'where to write it (default: its own name, here); never overwrites')
    .addHelpText(
      'after',
      examples('tally buy http://127.0.0.1:8402/ --max-price 100000000 --out ./movie.mp4'),
    )
    .action(action<BuyOptions>(async () => {}))
}
