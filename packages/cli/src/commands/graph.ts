/** `tally graph` and `tally route`: the network as this node knows it, and a way through it. */
import type { GraphView, RouteView } from '@tallystick/client'
import type { Command } from 'commander'
import { parseAddress, parseAmount, parseFee, parseNodeId, parseWhole } from '../arguments.ts'
import { readConfig } from '../config.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson, table } from '../output.ts'
import { feeText } from '../paying/steps.ts'

export function addGraphCommand(program: Command): void {
  program
    .command('graph')
    .description('announced nodes and channels that this node knows')
    .option('--limit <number>', 'show at most so many channels to people (default: 50)')
    .addHelpText('after', examples('tally graph', 'tally --json graph'))
    .action(
      action<{ limit?: string }>(async ({ options, directory, output }) => {
        const limit = options.limit === undefined ? 50 : parseWhole(options.limit, '--limit', 1, 1_000_000)
        const graph = await connectNode(directory).graph()
        output.result({ graph: asJson(graph) }, () => describe(graph, limit))
      }),
    )
}

export function addRouteCommand(program: Command): void {
  type Options = { readonly token?: string; readonly maxFee?: string }
  program
    .command('route')
    .description('a way that a payment could take now; nothing is locked or paid')
    .argument('<payee>', 'node id')
    .argument('<amount>', 'what the payee gets, in base units')
    .option('--token <address>', "what to pay in (default: the configuration's token)")
    .option('--max-fee <amount>', 'no more than this in fees (default: as much as the amount)')
    .addHelpText(
      'after',
      examples('tally route 02ab...cd 2500', 'tally --json route 02ab...cd 2500 --max-fee 10'),
    )
    .action(
      action<Options>(async ({ args, options, directory, output }) => {
        const payee = parseNodeId(args[0] ?? '', 'payee')
        const amount = parseAmount(args[1] ?? '', 'amount')
        const token = options.token === undefined ? undefined : parseAddress(options.token, '--token')
        const maxFee = options.maxFee === undefined ? undefined : parseFee(options.maxFee, '--max-fee')
        const api = connectNode(directory)
        const route = await api.route({
          payee,
          token: token ?? readConfig(directory.config).token,
          amount,
          ...(maxFee === undefined ? {} : { maxFee }),
        })
        output.result({ route: asJson(route) }, () => describeRoute(route))
      }),
    )
}

function describe({ nodes, channels }: GraphView, limit: number): string {
  const summary = `${nodes.length} nodes have said where they are; ${channels.length} channels are announced.`
  if (channels.length === 0) return summary
  const names = new Map(nodes.map(({ nodeId, alias }) => [nodeId, printable(alias)]))
  const name = (nodeId: string) => names.get(nodeId) || `${nodeId.slice(0, 12)}...`
  const rows = channels
    .slice(0, limit)
    .map(({ channelId, nodes: [first, second], capacity, policies: [there, back] }) => [
      channelId,
      `${name(first)} - ${name(second)}`,
      String(capacity),
      priceOf(there),
      priceOf(back),
    ])
  const end = channels.length > limit ? `\n${channels.length - limit} more: raise --limit.` : ''
  return `${summary}\n${table([['channel', 'between', 'holds', 'asks', 'asks back'], ...rows])}${end}`
}

function priceOf(policy: GraphView['channels'][number]['policies'][number]): string {
  if (policy === null) return '?'
  return policy.disabled ? 'closed' : `${policy.feeBase} + ${policy.feePpm} ppm`
}

/** A name that a stranger chose, without what a terminal would act on. */
function printable(alias: string): string {
  return alias.replace(/[^\x20-\x7e]/g, '?').slice(0, 32)
}

function describeRoute({ amount, fee, parts }: RouteView): string {
  const ways = parts.map((path) =>
    path.map((hop) => `  ${hop.amount} over ${hop.channelId} to ${hop.to}`).join('\n'),
  )
  return [`${amount} would arrive, ${feeText(fee)}, in ${parts.length} part(s):`, ...ways].join('\n')
}
