/** `tally rebalance` and `tally net`: joint payments without an invoice, in which all hops are due or none. */
import { readFileSync } from 'node:fs'
import type { NettingAgreement, NettingResult } from '@tallystick/client'
import type { Command } from 'commander'
import { parseAddress, parseAmount, parseFee, parseWhole } from '../arguments.ts'
import { readConfig } from '../config.ts'
import { usage } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson, table } from '../output.ts'
import { feeText, pathOf } from '../paying/steps.ts'
import { parseChannelId } from './channel.ts'

const defaultTimeoutSeconds = 60

export function addRebalanceCommand(program: Command): void {
  type Options = { readonly maxFee?: string; readonly timeout?: string }
  program
    .command('rebalance')
    .description('move own money from one channel to another over a cycle of channels')
    .argument('<from>', 'channel id: money goes out by it')
    .argument('<into>', 'channel id: money comes back by it')
    .argument('<amount>', 'what comes back, in base units')
    .option('--max-fee <amount>', 'no more than this in fees (default: 1 % of the amount)')
    .option('--timeout <seconds>', `give up waiting after this long (default: ${defaultTimeoutSeconds})`)
    .addHelpText('after', examples('tally rebalance 0x12...ef 0x34...ab 1000 --max-fee 2'))
    .action(
      action<Options>(async ({ args, options, directory, output }) => {
        const [from, into] = [parseChannelId(args[0] ?? '', 'from'), parseChannelId(args[1] ?? '', 'into')]
        const amount = parseAmount(args[2] ?? '', 'amount')
        const maxFee = options.maxFee === undefined ? undefined : parseFee(options.maxFee, '--max-fee')
        const timeoutMs = waitMs(options)
        const done = await connectNode(directory).rebalance({
          from,
          into,
          amount,
          timeoutMs,
          ...(maxFee === undefined ? {} : { maxFee }),
        })
        output.result(
          { rebalance: asJson(done) },
          () => `Moved ${done.amount}, ${feeText(done.fee)}, over ${pathOf(done)}.`,
        )
      }),
    )
}

type NetOptions = { readonly token?: string; readonly timeout?: string }

export function addNetCommands(program: Command): void {
  const net = program
    .command('net')
    .description('settle what several parties owe each other in one joint payment')
  const fileHelp = 'JSON: [{"from": SIGNER, "to": SIGNER, "amount": "5"}, ...], the same for every party'
  net
    .command('agree')
    .description('agree that another party settles these obligations; shows the net positions')
    .argument('<file>', fileHelp)
    .option('--token <address>', "what is owed (default: the configuration's token)")
    .addHelpText('after', examples('tally net agree obligations.json'))
    .action(
      action<NetOptions>(async (invocation) => {
        const agreement = readAgreement(invocation)
        const result = await connectNode(invocation.directory).agreeToNetting(agreement())
        invocation.output.result({ netting: asJson(result) }, () => describe(result, 'Agreed.'))
      }),
    )
  net
    .command('settle')
    .description('settle obligations to which every other party has agreed; all of it or nothing')
    .argument('<file>', fileHelp)
    .option('--token <address>', "what is owed (default: the configuration's token)")
    .option('--timeout <seconds>', `give up waiting after this long (default: ${defaultTimeoutSeconds})`)
    .addHelpText('after', examples('tally net settle obligations.json'))
    .action(
      action<NetOptions>(async (invocation) => {
        const agreement = readAgreement(invocation)
        const timeoutMs = waitMs(invocation.options)
        const result = await connectNode(invocation.directory).settleNetting({ ...agreement(), timeoutMs })
        invocation.output.result({ netting: asJson(result) }, () => describe(result, 'Settled.'))
      }),
    )
}

function waitMs({ timeout }: { readonly timeout?: string }): number {
  return 1000 * (timeout === undefined ? defaultTimeoutSeconds : parseWhole(timeout, '--timeout', 1, 240))
}

/** Reads the command line and the file now, the configuration when it is called. */
function readAgreement({ args, options, directory }: Invocation<NetOptions>): () => NettingAgreement {
  const obligations = readObligations(args[0] ?? '')
  const token = options.token === undefined ? undefined : parseAddress(options.token, '--token')
  return () => ({ token: token ?? readConfig(directory.config).token, obligations })
}

function readObligations(path: string): NettingAgreement['obligations'] {
  const rows = parseRows(path)
  return rows.map((row, index) => {
    const field = (name: string) => `file[${index}].${name}`
    const text = (name: string) => {
      const value =
        typeof row === 'object' && row !== null && name in row ? Reflect.get(row, name) : undefined
      if (typeof value === 'string') return value
      throw usage(
        field(name),
        'it is missing or not text',
        'Give "from", "to" and "amount" as text.',
        'bad-file',
      )
    }
    return {
      from: parseAddress(text('from'), field('from')),
      to: parseAddress(text('to'), field('to')),
      amount: parseAmount(text('amount'), field('amount')),
    }
  })
}

function parseRows(path: string): readonly unknown[] {
  const remedy = 'Name a file with a JSON list of {"from", "to", "amount"}.'
  let rows: unknown
  try {
    rows = JSON.parse(readFileSync(path, 'utf8'))
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw usage('file', `the obligations cannot be read: ${reason}`, remedy, 'bad-file')
  }
  if (Array.isArray(rows) && rows.length > 0) return rows
  throw usage('file', 'there are no obligations in it', remedy, 'bad-file')
}

function describe({ reference, positions }: NettingResult, done: string): string {
  return [
    done,
    table([
      ['party', 'net'],
      ...positions.map(({ party, net }) => [party, net > 0n ? `+${net}` : String(net)]),
    ]),
    `Reference ${reference}`,
  ].join('\n')
}
