/** `tally sell` and `tally buy`: a file, chunk by chunk, over HTTP 402 and a payment channel. */
import type { Purchase, Via } from '@tallystick/client/paywall'
import type { Command } from 'commander'
import { parseAddress, parseAmount, parseBound, parseHttpUrl, parseWhole } from '../arguments.ts'
import { readConfig } from '../config.ts'
import { usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { table } from '../output.ts'
import { createProgress } from '../progress.ts'
import { nextSignal } from '../signals.ts'

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
    .action(
      action<SellOptions>(async ({ args, options, directory, output }) => {
        const [file = ''] = args
        const chunks = parseWhole(options.chunks, '--chunks', 1, 65_536)
        const pricePerChunk = parseAmount(options.price, '--price')
        const port = parseWhole(options.port, '--port', 0, 65_535)
        const token = options.token === undefined ? undefined : parseAddress(options.token, '--token')
        const api = connectNode(directory)
        const { startSale } = await import('../sale/sell.ts')
        const sale = await startSale({
          api,
          file,
          chunks,
          pricePerChunk,
          token: token ?? readConfig(directory.config).token,
          host: options.host,
          port,
          keyFile: directory.paywallKey,
        })
        const { uri, goods } = sale
        const total = pricePerChunk * BigInt(goods.chunks.length)
        output.result(
          {
            uri,
            file,
            bytes: goods.sizeBytes,
            sha256: goods.sha256,
            chunks: goods.chunks.length,
            pricePerChunk,
            total,
          },
          () =>
            `On sale: ${goods.name}, ${goods.sizeBytes} bytes in ${goods.chunks.length} chunks of ${pricePerChunk}.\n  tally buy ${uri} --max-price ${total}\nCtrl-C ends the sale.`,
        )
        await nextSignal()
        await sale.close()
      }),
    )
}

type BuyOptions = {
  readonly out?: string
  readonly maxPrice: string
  readonly via: string
  readonly maxFee?: string
}

export function addBuyCommand(program: Command): void {
  program
    .command('buy')
    .description('buy a file chunk by chunk, verifying each chunk and the whole')
    .argument('<uri>', 'as `tally sell` prints it')
    .requiredOption('--max-price <amount>', 'pay at most this for the whole file, in base units')
    .option('--out <file>', 'where to write it (default: its own name, here); never overwrites')
    .option(
      '--via <how>',
      'direct, over a channel with the seller; or over the network: htlc or joint',
      'direct',
    )
    .option(
      '--max-fee <amount>',
      'over the network: for each chunk, beside the price (default: 1 %, at least 10)',
    )
    .addHelpText(
      'after',
      examples(
        'tally buy http://127.0.0.1:8402/ --max-price 100000000 --out ./movie.mp4',
        'tally buy http://127.0.0.1:8402/ --max-price 100000000 --via htlc --max-fee 20',
      ),
    )
    .action(
      action<BuyOptions>(async ({ args, options, directory, output }) => {
        const uri = parseHttpUrl(args[0] ?? '', 'uri').href
        const maxPrice = parseAmount(options.maxPrice, '--max-price')
        const via = parseVia(options.via)
        const maxFeePerChunk =
          options.maxFee === undefined ? undefined : parseBound(options.maxFee, '--max-fee')
        const api = connectNode(directory)
        const { purchase } = await import('../sale/purchase.ts')
        const stopped = new AbortController()
        void nextSignal().then(() => stopped.abort())
        const bar = createProgress('Buying', output)
        try {
          const bought = await purchase({
            api,
            uri,
            out: options.out,
            maxPrice,
            via,
            maxFeePerChunk,
            signal: stopped.signal,
            onProgress: ({ chunksDone, chunkCount, bytesDone }) =>
              bar.update(chunksDone, chunkCount, `${(bytesDone / 1e6).toFixed(1)} MB`),
          })
          bar.stop()
          output.result(purchaseJson(bought), () => describe(bought))
        } finally {
          bar.stop()
        }
      }),
    )
}

function parseVia(text: string): Via {
  if (text === 'direct' || text === 'htlc' || text === 'joint') return text
  throw usage('--via', 'there is no such way to pay', 'Give direct, htlc or joint.')
}

function purchaseJson({ output: file, manifest, sha256, paidNow, paidTotal, feesNow, elapsedMs }: Purchase) {
  const { sizeBytes: bytes, chunks } = manifest
  const seconds = elapsedMs / 1000
  return { file, bytes, sha256, chunks: chunks.length, paidNow, paidTotal, feesNow, seconds }
}

function describe({ output: file, manifest, sha256, paidNow, feesNow, elapsedMs }: Purchase): string {
  return table([
    ['file', file],
    ['bytes', `${manifest.sizeBytes} in ${manifest.chunks.length} chunks, each verified`],
    ['SHA-256', sha256],
    ['paid now', feesNow === 0n ? String(paidNow) : `${paidNow}, and ${feesNow} in fees`],
    ['time', `${(elapsedMs / 1000).toFixed(1)} s`],
  ])
}
