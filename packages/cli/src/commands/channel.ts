/** `tally channel ...`: the life of a channel, from the first deposit to the last payout. */

import type { ChannelView, Hex, NodeClient, Operation } from '@tallystick/client'
import type { Command } from 'commander'
import { parseAddress, parseAmount, parseWhole } from '../arguments.ts'
import { lockPeriodBoundsSeconds, readConfig } from '../config.ts'
import { Failure, usage } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { action, examples } from '../invocation.ts'
import { connectNode, waitForChannel } from '../node-api.ts'
import { asJson, table } from '../output.ts'
import { channelJson, describeChannel, listChannels } from './channel-view.ts'

const defaultWaitSeconds = 300

type WaitOptions = { readonly wait: boolean; readonly timeout?: string }

export function addChannelCommands(program: Command): void {
  const channel = program
    .command('channel')
    .description('open, top up, withdraw from, look at and close channels')
  addOpen(channel)
  addTopUp(channel)
  addWithdraw(channel)
  addList(channel)
  addShow(channel)
  addAnnounce(channel)
  addClose(channel)
}

function withWait(command: Command): Command {
  return command
    .option('--no-wait', 'do not wait for final blocks; `channel show` tells what is missing')
    .option('--timeout <seconds>', `give up waiting after this long (default: ${defaultWaitSeconds})`)
}

function addOpen(channel: Command): void {
  type Options = WaitOptions & {
    readonly theirDeposit?: string
    readonly token?: string
    readonly lockPeriod?: string
  }
  withWait(
    channel
      .command('open')
      .description('open a channel and put a deposit into it')
      .argument('<peer>', 'nodeId@host:port as the other node prints it, or the id of a known peer')
      .argument('<amount>', 'your deposit, in base units')
      .option(
        '--their-deposit <amount>',
        'ask the peer to put this in, in the same transaction (ERC-20 only)',
      )
      .option('--token <address>', "the channel's token (default: the configuration's; zero: native coin)")
      .option('--lock-period <seconds>', 'how long a lonely close can be disputed'),
  )
    .addHelpText(
      'after',
      examples(
        'tally channel open 02ab...@127.0.0.1:9735 1000000',
        'tally channel open 02ab...@127.0.0.1:9735 1000000 --their-deposit 500000',
      ),
    )
    .action(
      action<Options>(async ({ args, options, directory, output }) => {
        const [peer = '', amount = ''] = args
        const { min, max } = lockPeriodBoundsSeconds
        const request = {
          peer,
          deposit: parseAmount(amount, 'amount'),
          ...(options.theirDeposit !== undefined && {
            peerDeposit: parseAmount(options.theirDeposit, '--their-deposit'),
          }),
          ...(options.lockPeriod !== undefined && {
            lockPeriodSeconds: parseWhole(options.lockPeriod, '--lock-period', min, max),
          }),
          ...(options.token !== undefined && { token: parseAddress(options.token, '--token') }),
        }
        const timeoutMs = waitMs(options)
        const api = connectNode(directory)
        const operation = await api.openChannel({ token: readConfig(directory.config).token, ...request })
        const opening = await finished(api, operation, timeoutMs)
        if (!output.json) output.note(`Agreed with the peer; the deposit is on its way to the chain.`)
        show(output, options.wait ? await waitForChannel(api, opening.channelId, 'open', timeoutMs) : opening)
      }),
    )
}

function addTopUp(channel: Command): void {
  channel
    .command('topup')
    .description('add to your deposit; the channel goes on meanwhile')
    .argument('<channel>', 'channel id')
    .argument('<amount>', 'what to add, in base units')
    .addHelpText('after', examples('tally channel topup 0x12...ef 250000'))
    .action(
      action(async ({ args, directory, output }) => {
        const id = parseChannelId(args[0] ?? '')
        const amount = parseAmount(args[1] ?? '', 'amount')
        const api = connectNode(directory)
        show(output, await finished(api, await api.topUp(id, { amount }), defaultWaitSeconds * 1000))
      }),
    )
}

function addWithdraw(channel: Command): void {
  channel
    .command('withdraw')
    .description('take money out of the open channel; the peer signs, the channel goes on')
    .argument('<channel>', 'channel id')
    .argument('<amount>', 'what to take out, in base units')
    .option('--timeout <seconds>', `give up waiting after this long (default: ${defaultWaitSeconds})`)
    .addHelpText('after', examples('tally channel withdraw 0x12...ef 100000'))
    .action(
      action<{ timeout?: string }>(async ({ args, options, directory, output }) => {
        const id = parseChannelId(args[0] ?? '')
        const amount = parseAmount(args[1] ?? '', 'amount')
        const timeoutMs = waitMs(options)
        const api = connectNode(directory)
        show(output, await finished(api, await api.withdraw(id, { amount }), timeoutMs))
      }),
    )
}

function addList(channel: Command): void {
  channel
    .command('list')
    .description('all channels of this node')
    .addHelpText('after', examples('tally channel list', 'tally --json channel list'))
    .action(
      action(async ({ directory, output }) => {
        const channels = await connectNode(directory).channels()
        output.result({ channels: channels.map(channelJson) }, () =>
          channels.length === 0
            ? 'No channels yet. Open one with `tally channel open`.'
            : table(listChannels(channels)),
        )
      }),
    )
}

function addShow(channel: Command): void {
  channel
    .command('show')
    .description('one channel: balances, last lines, what it waits for')
    .argument('<channel>', 'channel id')
    .addHelpText('after', examples('tally channel show 0x12...ef'))
    .action(
      action(async ({ args, directory, output }) => {
        const id = parseChannelId(args[0] ?? '')
        show(output, await connectNode(directory).channel(id))
      }),
    )
}

function addAnnounce(channel: Command): void {
  channel
    .command('announce')
    .description(
      'make the channel public once the peer wants it too, so that strangers pay over it; for ever',
    )
    .argument('<channel>', 'channel id')
    .addHelpText('after', examples('tally channel announce 0x12...ef'))
    .action(
      action(async ({ args, directory, output }) => {
        const id = parseChannelId(args[0] ?? '')
        const announcement = await connectNode(directory).announceChannel(id)
        output.result(
          { announcement: asJson(announcement) },
          () => 'It becomes public once the peer wants it too; see `tally graph`.',
        )
      }),
    )
}

function addClose(channel: Command): void {
  type Options = WaitOptions & { readonly alone?: true; readonly blind?: true }
  withWait(
    channel
      .command('close')
      .description('close a channel: together with the peer, at once (default), or alone')
      .argument('<channel>', 'channel id')
      .option('--alone', 'without the peer: states the newest lines, pays after the lock period')
      .option('--blind', 'only after lost data: no lines are stated, takes four lock periods'),
  )
    .addHelpText(
      'after',
      examples('tally channel close 0x12...ef', 'tally channel close 0x12...ef --alone --no-wait'),
    )
    .action(
      action<Options>(async ({ args, options, directory, output }) => {
        const id = parseChannelId(args[0] ?? '')
        if (options.alone && options.blind)
          throw usage('--blind', '--alone and --blind exclude each other', 'Give one of them.')
        const mode = options.blind ? 'blind' : options.alone ? 'alone' : 'cooperative'
        const timeoutMs = waitMs(options)
        const api = connectNode(directory)
        const closing = await finished(api, await api.closeChannel(id, { mode }), timeoutMs)
        // A lonely close takes a lock period; waiting hours for it would look like a hang.
        const wait = options.wait && (mode === 'cooperative' || options.timeout !== undefined)
        show(output, wait ? await waitForChannel(api, id, 'closed', timeoutMs) : closing)
      }),
    )
}

/** The work's own end; the chain may still be busy with it (`waitForChannel`). */
async function finished(api: NodeClient, operation: Operation, timeoutMs: number): Promise<ChannelView> {
  const done = await api.finished(operation, timeoutMs)
  if (done.channel !== undefined) return done.channel
  throw new Failure('internal', {
    code: 'BAD_ANSWER',
    message: `the node finished ${done.kind} without saying what became of the channel`,
    remedy: 'Look with `tally channel list`.',
  })
}

function show(output: Invocation<object>['output'], channel: ChannelView): void {
  output.result({ channel: channelJson(channel) }, () => describeChannel(channel))
}

function waitMs(options: { readonly timeout?: string }): number {
  const seconds =
    options.timeout === undefined ? defaultWaitSeconds : parseWhole(options.timeout, '--timeout', 1, 86_400)
  return seconds * 1000
}

export function parseChannelId(text: string, field = 'channel'): Hex {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase() as Hex
  throw usage(
    field,
    'this is not a channel id',
    'Give 0x and 64 hexadecimal digits, as `tally channel list` prints them.',
    'bad-channel-id',
  )
}
