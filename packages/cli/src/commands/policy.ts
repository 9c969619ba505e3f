/** `tally policy`: what this node asks for forwarding payments of others. */
import type { ChannelPolicy, FeePolicy } from '@tallystick/client'
import type { Command } from 'commander'
import { parseBound, parseFee } from '../arguments.ts'
import { usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson, table } from '../output.ts'
import { parseChannelId } from './channel.ts'

export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description('what this node asks for forwarding')
  addShow(policy)
  addSet(policy)
}

function addShow(policy: Command): void {
  policy
    .command('show')
    .description('of one channel, or of all')
    .argument('[channel]', 'channel id')
    .addHelpText('after', examples('tally policy show', 'tally policy show 0x12...ef'))
    .action(
      action(async ({ args, directory, output }) => {
        const id = args[0] === undefined ? undefined : parseChannelId(args[0])
        const api = connectNode(directory)
        if (id !== undefined) {
          const one = await api.policy(id)
          output.result({ policy: asJson(one) }, () => listed([one]))
          return
        }
        const policies = await api.policies()
        output.result({ policies: policies.map(asJson) }, () =>
          policies.length === 0 ? 'No channels yet. Open one with `tally channel open`.' : listed(policies),
        )
      }),
    )
}

function addSet(policy: Command): void {
  policy
    .command('set')
    .description('change what is asked over one channel, from now on; what is not given stays')
    .argument('<channel>', 'channel id')
    .option('--fee-base <amount>', 'for each payment, base units; may be negative')
    .option('--fee-ppm <number>', 'parts per million of the amount, besides; may be negative')
    .option('--min <amount>', 'forward nothing smaller')
    .option('--max <amount>', 'forward nothing larger')
    .option('--disable', 'forward nothing')
    .option('--enable', 'forward again')
    .addHelpText(
      'after',
      examples(
        'tally policy set 0x12...ef --fee-base 2 --fee-ppm 500',
        'tally policy set 0x12...ef --fee-base -1',
      ),
    )
    .action(
      action<SetOptions>(async ({ args, options, directory, output }) => {
        const id = parseChannelId(args[0] ?? '')
        const changes = readChanges(options)
        const api = connectNode(directory)
        const { channelId: _id, ...now } = await api.policy(id)
        const changed = await api.setPolicy(id, { ...now, ...changes })
        output.result({ policy: asJson(changed) }, () => listed([changed]))
      }),
    )
}

type SetOptions = {
  readonly feeBase?: string
  readonly feePpm?: string
  readonly min?: string
  readonly max?: string
  readonly disable?: true
  readonly enable?: true
}

function readChanges({ feeBase, feePpm, min, max, disable, enable }: SetOptions): Partial<FeePolicy> {
  if (disable && enable)
    throw usage('--enable', '--disable and --enable exclude each other', 'Give one of them.')
  const changes: Partial<FeePolicy> = {
    ...(feeBase === undefined ? {} : { feeBase: parseFee(feeBase, '--fee-base') }),
    ...(feePpm === undefined ? {} : { feePpm: parsePpm(feePpm) }),
    ...(min === undefined ? {} : { minAmount: parseBound(min, '--min') }),
    ...(max === undefined ? {} : { maxAmount: parseBound(max, '--max') }),
    ...(disable || enable ? { disabled: disable === true } : {}),
  }
  if (Object.keys(changes).length > 0) return changes
  throw usage(
    'policy',
    'nothing is to be changed',
    'Give at least one of --fee-base, --fee-ppm, --min, --max.',
  )
}

function parsePpm(text: string): number {
  if (/^-?\d{1,7}$/.test(text) && Math.abs(Number(text)) <= 1_000_000) return Number(text)
  throw usage(
    '--fee-ppm',
    'this is not a number of parts per million',
    'Give a whole number from -1000000 to 1000000.',
    'bad-number',
  )
}

function listed(policies: readonly ChannelPolicy[]): string {
  return table([
    ['channel', 'fee', 'ppm', 'least', 'most', 'forwards'],
    ...policies.map(({ channelId, feeBase, feePpm, minAmount, maxAmount, disabled }) => [
      channelId,
      String(feeBase),
      String(feePpm),
      String(minAmount),
      String(maxAmount),
      disabled ? 'no' : 'yes',
    ]),
  ])
}
