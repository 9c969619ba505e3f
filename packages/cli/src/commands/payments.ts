/** `tally payments`: what was paid and received over channels, and paid over the network. */
import type { NetworkPaymentView, PaymentView } from '@tallystick/client'
import type { Command } from 'commander'
import { parseHash, parseWhole } from '../arguments.ts'
import { Failure, usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson, table } from '../output.ts'
import { feeText, stepsSince, whereOf } from '../paying/steps.ts'

const kinds = ['channel', 'network'] as const

export function addPaymentsCommands(program: Command): void {
  const payments = program.command('payments').description('payments over channels and over the network')
  addList(payments)
  addShow(payments)
}

function addList(payments: Command): void {
  type Options = { readonly kind?: string; readonly limit?: string }
  payments
    .command('list', { isDefault: true })
    .description('the newest payments; received invoices are in `tally invoice list`')
    .option('--kind <kind>', 'only channel (to and from peers) or network (invoices paid)')
    .option('--limit <number>', 'at most so many of each kind (default: 20, at most 1000)')
    .addHelpText('after', examples('tally payments list', 'tally --json payments list --kind network'))
    .action(
      action<Options>(async ({ options, directory, output }) => {
        const limit = options.limit === undefined ? 20 : parseWhole(options.limit, '--limit', 1, 1000)
        if (options.kind !== undefined && !kinds.some((kind) => kind === options.kind))
          throw usage('--kind', 'there is no such kind of payment', `Give ${kinds.join(' or ')}.`)
        const api = connectNode(directory)
        const [direct, network] = await Promise.all([
          options.kind === 'network' ? [] : api.payments({ limit }).then((page) => page.payments),
          options.kind === 'channel' ? [] : api.networkPayments({ limit }).then((page) => page.payments),
        ])
        output.result({ payments: direct.map(asJson), networkPayments: network.map(asJson) }, () =>
          direct.length + network.length === 0 ? 'No payments yet.' : listed(direct, network),
        )
      }),
    )
}

function addShow(payments: Command): void {
  payments
    .command('show')
    .description('one payment, with its way')
    .argument('<name>', 'a payment hash (network) or a reference (channel)')
    .addHelpText('after', examples('tally payments show 0x12...ef'))
    .action(
      action(async ({ args, directory, output }) => {
        const name = parseHash(args[0] ?? '', 'name', 'bad-hash')
        const api = connectNode(directory)
        const network = await api.networkPayment(name)
        if (network !== undefined) {
          output.result({ payment: asJson(network) }, () => describeNetwork(network))
          return
        }
        const direct = (await api.payment('outgoing', name)) ?? (await api.payment('incoming', name))
        if (direct === undefined)
          throw new Failure('refused', {
            code: 'UNKNOWN_PAYMENT',
            field: 'name',
            message: `this node has no payment ${name}`,
            remedy: '`tally payments list` prints payments; `tally invoice show` an invoice of this node.',
          })
        output.result({ payment: asJson(direct) }, () => describeDirect(direct))
      }),
    )
}

function listed(direct: readonly PaymentView[], network: readonly NetworkPaymentView[]): string {
  const rows = [
    ...direct.map((one) => ({ atMs: one.atMs, cells: directCells(one) })),
    ...network.map((one) => ({ atMs: one.createdAtMs, cells: networkCells(one) })),
  ].toSorted((a, b) => b.atMs - a.atMs)
  const header = ['when', 'way', 'amount', 'state', 'with', 'name']
  return table([header, ...rows.map(({ atMs, cells }) => [new Date(atMs).toISOString(), ...cells])])
}

function directCells({ direction, amount, state, peer, reference }: PaymentView): string[] {
  const way = direction === 'outgoing' ? 'out' : 'in'
  return [way, String(amount), state, `${peer.slice(0, 12)}...`, reference]
}

function networkCells({ via, amount, fee, state, payee, paymentHash }: NetworkPaymentView): string[] {
  const cost = fee === 0n ? '' : ` (${feeText(fee)})`
  return [`out, ${via}`, `${amount}${cost}`, state, `${payee.slice(0, 12)}...`, paymentHash]
}

function describeNetwork(payment: NetworkPaymentView): string {
  const { paymentHash, payee, amount, fee, maxFee, via, state, preimage, failure } = payment
  const rows = table([
    ['payment', paymentHash],
    ['state', state],
    ['payee', payee],
    ['amount', String(amount)],
    ['cost', `${feeText(fee)}, at most ${maxFee}`],
    ['via', via],
    ['begun', new Date(payment.createdAtMs).toISOString()],
    ...(payment.endedAtMs === undefined ? [] : [['ended', new Date(payment.endedAtMs).toISOString()]]),
    ...(preimage === undefined ? [] : [['preimage', preimage]]),
    ...(failure === undefined ? [] : [['failed', `${whereOf(failure)} ${failure.remedy}`]]),
  ])
  return [rows, ...stepsSince(undefined, payment)].join('\n')
}

function describeDirect({ direction, reference, peer, amount, state, channelId, atMs }: PaymentView): string {
  return table([
    ['payment', reference],
    ['direction', direction],
    ['state', state],
    ['peer', peer],
    ['amount', String(amount)],
    ['channel', channelId],
    ['when', new Date(atMs).toISOString()],
  ])
}
