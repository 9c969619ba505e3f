/** `tally invoice ...`: asking to be paid over the network. */
import type { CreateInvoiceRequest, InvoiceDetails, InvoiceState, InvoiceView } from '@tallystick/client'
import type { Command } from 'commander'
import { parseAddress, parseAmount, parseHash, parseWhole } from '../arguments.ts'
import { readConfig } from '../config.ts'
import { Failure, usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson, table } from '../output.ts'
import { settledInvoice } from '../paying/invoice-wait.ts'
import { terminalQr } from '../qr.ts'

const longestExpirySeconds = 31_622_400
const states: readonly InvoiceState[] = ['open', 'settled', 'expired']

export function addInvoiceCommands(program: Command): void {
  const invoice = program.command('invoice').description('ask to be paid over the network')
  addCreate(invoice)
  addList(invoice)
  addShow(invoice)
  addDecode(invoice)
}

type CreateOptions = {
  readonly amount?: string
  readonly description?: string
  readonly expiry?: string
  readonly via?: string
  readonly token?: string
  readonly private?: true
  readonly qr?: boolean
}

function addCreate(invoice: Command): void {
  invoice
    .command('create')
    .description('make an invoice; shown as text and as a QR code')
    .option('--amount <amount>', 'what to ask for, in base units (default: the payer chooses)')
    .option('--description <text>', 'one line for the payer, at most 640 bytes')
    .option('--expiry <seconds>', 'how long it can be paid (default: 3600)')
    .option('--via <how>', 'how it may be paid: htlc, joint or both (default: both)')
    .option('--token <address>', "what to be paid in (default: the configuration's token)")
    .option(
      '--private',
      'name channels that are not announced, so that payers find the way; they learn of them',
    )
    .option('--qr', 'draw the QR code, also where there is no terminal')
    .option('--no-qr', 'do not draw it (default: drawn on a terminal that is wide enough)')
    .addHelpText(
      'after',
      examples(
        'tally invoice create --amount 2500 --description "two cups of tea"',
        'tally --json invoice create --expiry 600 --via joint --private',
      ),
    )
    .action(
      action<CreateOptions>(async (invocation) => {
        const { options, directory, output } = invocation
        const request = readRequest(options)
        const api = connectNode(directory)
        const made = await api.createInvoice({ token: readConfig(directory.config).token, ...request })
        output.result({ invoice: asJson(made) }, () => present(made, options.qr))
      }),
    )
}

function readRequest({
  amount,
  description,
  expiry,
  via,
  token,
  ...options
}: CreateOptions): Omit<CreateInvoiceRequest, 'token'> & { token?: CreateInvoiceRequest['token'] } {
  if (via !== undefined && !['htlc', 'joint', 'both'].includes(via))
    throw usage('--via', 'there is no such way to be paid', 'Give htlc, joint or both.')
  return {
    ...(amount === undefined ? {} : { amount: parseAmount(amount, '--amount') }),
    ...(description === undefined ? {} : { description }),
    ...(expiry === undefined
      ? {}
      : { expirySeconds: parseWhole(expiry, '--expiry', 1, longestExpirySeconds) }),
    ...(via === 'htlc' || via === 'joint' ? { methods: [via] } : {}),
    ...(token === undefined ? {} : { token: parseAddress(token, '--token') }),
    ...(options.private === true ? { private: true } : {}),
  }
}

function addList(invoice: Command): void {
  type Options = { readonly state?: string; readonly limit?: string }
  invoice
    .command('list')
    .description('invoices of this node, newest first')
    .option('--state <state>', `only ${states.join(', ')}`)
    .option('--limit <number>', 'at most so many (default: 20, at most 1000)')
    .addHelpText('after', examples('tally invoice list', 'tally --json invoice list --state settled'))
    .action(
      action<Options>(async ({ options, directory, output }) => {
        const limit = options.limit === undefined ? 20 : parseWhole(options.limit, '--limit', 1, 1000)
        const state = options.state === undefined ? undefined : parseState(options.state)
        const page = await connectNode(directory).invoices({
          limit,
          ...(state === undefined ? {} : { state }),
        })
        output.result({ invoices: page.invoices.map(asJson), more: page.next !== undefined }, () =>
          page.invoices.length === 0
            ? 'No invoices. Make one with `tally invoice create`.'
            : listed(page.invoices, page.next !== undefined),
        )
      }),
    )
}

function addShow(invoice: Command): void {
  type Options = { readonly wait?: true; readonly timeout?: string; readonly qr?: boolean }
  invoice
    .command('show')
    .description('one invoice of this node')
    .argument('<hash>', 'its payment hash, as `tally invoice list` prints it')
    .option('--wait', 'wait until it is paid')
    .option('--timeout <seconds>', 'give up waiting after this long (default: 300)')
    .option('--qr', 'draw the QR code')
    .addHelpText('after', examples('tally invoice show 0x12...ef', 'tally invoice show 0x12...ef --wait'))
    .action(
      action<Options>(async ({ args, options, directory, output }) => {
        const hash = parseHash(args[0] ?? '', 'hash', 'bad-hash')
        const timeoutMs =
          1000 * (options.timeout === undefined ? 300 : parseWhole(options.timeout, '--timeout', 1, 86_400))
        const api = connectNode(directory)
        const found =
          options.wait === true ? await settledInvoice(api, hash, timeoutMs) : await api.invoice(hash)
        if (found === undefined) throw unknown(hash)
        output.result({ invoice: asJson(found) }, () => present(found, options.qr === true))
      }),
    )
}

function addDecode(invoice: Command): void {
  invoice
    .command('decode')
    .description("what somebody's invoice says; its signature is checked, nothing is paid")
    .argument('<invoice>', 'tally1..., with or without tally:')
    .addHelpText('after', examples('tally invoice decode tally1qyq...'))
    .action(
      action(async ({ args, directory, output }) => {
        const text = args[0] ?? ''
        if (!/^(?:tally:)?tally1[0-9a-z]+$/i.test(text))
          throw usage(
            'invoice',
            'this is not an invoice',
            'Give the text that begins with tally1.',
            'bad-invoice',
          )
        const details = await connectNode(directory).decodeInvoice(text)
        output.result({ invoice: asJson(details) }, () => describeDetails(details))
      }),
    )
}

function parseState(text: string): InvoiceState {
  const state = states.find((one) => one === text)
  if (state !== undefined) return state
  throw usage('--state', 'there is no such state', `Give one of ${states.join(', ')}.`)
}

function unknown(hash: string): Failure {
  return new Failure('refused', {
    code: 'UNKNOWN_PAYMENT',
    field: 'hash',
    message: `this node has made no invoice ${hash}`,
    remedy: '`tally invoice list` prints the invoices of this node; `tally invoice decode` reads others.',
  })
}

function present(invoice: InvoiceView, qr: boolean | undefined): string {
  return `${qrOf(invoice, qr)}${describe(invoice)}`
}

/** The code of an invoice that can still be paid. Without a wish: on a terminal that is wide enough. */
function qrOf({ text, state }: InvoiceView, wish: boolean | undefined): string {
  if (wish === false || (state !== 'open' && wish !== true)) return ''
  // Undefined, whatever its type says, where standard output is no terminal.
  const isTerminal = process.stdout.isTTY === true
  if (!isTerminal && wish !== true) return ''
  const code = terminalQr(`tally:${text}`, { inColour: isTerminal && process.env.NO_COLOR === undefined })
  return wish === true || code.columns <= process.stdout.columns ? `${code.text}\n` : ''
}

function describe(invoice: InvoiceView): string {
  const { paymentHash, text, token, amount, description, state, received } = invoice
  return table([
    ['invoice', text],
    ['uri', `tally:${text}`],
    ['hash', paymentHash],
    ['state', state],
    ['asks for', amount === undefined ? 'what the payer chooses' : String(amount)],
    ...(state === 'settled' ? [['received', String(received)]] : []),
    ['token', token],
    ...(description === '' ? [] : [['for', description]]),
    ['until', new Date(invoice.expiresAtMs).toISOString()],
  ])
}

function listed(invoices: readonly InvoiceView[], more: boolean): string {
  const rows = invoices.map(({ paymentHash, state, amount, received, description, createdAtMs }) => [
    paymentHash,
    state,
    state === 'settled' ? String(received) : amount === undefined ? 'open' : String(amount),
    new Date(createdAtMs).toISOString(),
    description,
  ])
  const end = more ? '\nThere are more: raise --limit.' : ''
  return `${table([['hash', 'state', 'amount', 'made', 'for'], ...rows])}${end}`
}

function describeDetails(details: InvoiceDetails): string {
  const { payee, chainId, token, amount, paymentHash, description, methods, routes } = details
  return table([
    ['payee', payee],
    ['asks for', amount === undefined ? 'what the payer chooses' : String(amount)],
    ['token', `${token} on chain ${chainId}`],
    ...(description === '' ? [] : [['for', description]]),
    ['hash', paymentHash],
    ['until', new Date(details.expiresAtMs).toISOString()],
    ['takes', methods.join(', ')],
    ['ways', routes.length === 0 ? 'over announced channels' : `${routes.length} named in it`],
  ])
}
