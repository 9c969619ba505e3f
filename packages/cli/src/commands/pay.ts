/** `tally pay`: one payment, to a peer over a channel or to anybody over the network. */
import { randomBytes } from 'node:crypto'
import type { Hex, PaymentView } from '@tallystick/client'
import type { Command } from 'commander'
import { parseAmount, parseHash, parseWhole } from '../arguments.ts'
import { Failure, toFailure, usage } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson } from '../output.ts'
import { directTarget } from '../paying/channel-choice.ts'
import { type PayTarget, readTarget } from '../paying/target.ts'
import { payOnce } from '../payment.ts'
import { type NetworkPayOptions, payOverNetwork } from './pay-network.ts'

const defaultTimeoutSeconds = 30

type Options = NetworkPayOptions & { readonly amount?: string; readonly reference?: string }

export function addPayCommand(program: Command): void {
  program
    .command('pay')
    .description('pay an invoice or an address over the network, or a peer over a channel')
    .argument(
      '<to>',
      'an invoice, name@host, a tally: URI, a peer (nodeId, nodeId@host:port) or a channel id',
    )
    .argument('[amount]', 'what to pay, in base units; an invoice may have its own')
    .option('--amount <amount>', 'the same as the argument')
    .option('--via <how>', 'htlc or joint; over the network (default: htlc)')
    .option('--max-fee <amount>', 'pay no more than this in fees (default: 1 % of the amount, at least 10)')
    .option('--token <address>', "for an address: what to pay in (default: the configuration's token)")
    .option('--comment <text>', 'for an address: a line for the payee')
    .option('--accept-new-payee', 'for an address: it may belong to another node than before')
    .option('--allow-local', 'for an address, in development: ask hosts of this machine, over plain HTTP')
    .option('--reference <hex>', 'to a peer: 32 bytes that name this payment; repeating one never pays twice')
    .option(
      '--timeout <seconds>',
      `give up waiting after this long (default: ${defaultTimeoutSeconds}, over the network 60)`,
    )
    .addHelpText(
      'after',
      examples(
        'tally pay tally1qyq...',
        'tally pay tally:tally1qyq... --via joint --max-fee 5',
        'tally pay alice@shop.example 2500',
        'tally pay 0x12...ef 1000',
        `tally pay 02ab... 1000 --reference 0x${'00'.repeat(31)}07`,
      ),
    )
    .action(
      action<Options>(async (invocation) => {
        const { args, options } = invocation
        const amount = readAmount(args[1], options.amount)
        const reference =
          options.reference === undefined
            ? undefined
            : parseHash(options.reference, '--reference', 'bad-reference')
        const target = await readTarget(args[0] ?? '')
        if (target.kind === 'channel' || target.kind === 'peer') {
          refuseOptions(options, networkOnly, 'a payment to a peer over a channel does not take it')
          await payDirectly(invocation, target, amount, reference)
        } else {
          refuseOptions(options, ['reference'], 'an invoice is its own reference: it is never paid twice')
          if (target.kind === 'invoice') refuseOptions(options, addressOnly, 'an invoice says it itself')
          await payOverNetwork(invocation, target, amount)
        }
      }),
    )
}

const addressOnly = ['token', 'comment', 'acceptNewPayee', 'allowLocal'] as const
const networkOnly = ['via', 'maxFee', ...addressOnly] as const

function readAmount(argument: string | undefined, option: string | undefined): bigint | undefined {
  if (argument !== undefined && option !== undefined)
    throw usage('--amount', 'the amount is given twice', 'Give it once.', 'amount-twice')
  if (argument !== undefined) return parseAmount(argument, 'amount')
  return option === undefined ? undefined : parseAmount(option, '--amount')
}

function refuseOptions(options: Options, names: readonly (keyof Options)[], why: string): void {
  for (const name of names) {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    if (options[name] !== undefined) throw usage(flag, why, `Leave ${flag} away.`, 'option-not-for-this')
  }
}

async function payDirectly(
  { options, directory, output }: Invocation<Options>,
  target: Extract<PayTarget, { kind: 'channel' | 'peer' }>,
  given: bigint | undefined,
  chosen: Hex | undefined,
): Promise<void> {
  const asked = target.kind === 'peer' ? target.amount : undefined
  if (given !== undefined && asked !== undefined && given !== asked)
    throw usage('amount', `the URI asks for ${asked}`, 'Give no amount, or that one.', 'amount-differs')
  const amount = given ?? asked
  if (amount === undefined)
    throw usage('amount', 'no amount was given', 'Give it after the peer, in base units.', 'missing-amount')
  const timeoutMs =
    1000 *
    (options.timeout === undefined
      ? defaultTimeoutSeconds
      : parseWhole(options.timeout, '--timeout', 1, 3600))
  const reference = chosen ?? randomReference()
  const api = connectNode(directory)
  const to = await directTarget(api, target)
  // Said before the payment: whoever is cut off in the middle can repeat it with this reference, safely.
  if (!output.json) output.note(`Reference ${reference}`)
  const payment = await payOnce(api, { ...to, amount, reference }, timeoutMs).catch((thrown) =>
    Promise.reject(withReference(toFailure(thrown), reference)),
  )
  if (payment.state !== 'accepted') throw unfinished(payment)
  output.result(
    { payment: asJson(payment) },
    () => `Paid ${payment.amount} over ${payment.channelId}: ${payment.state}.`,
  )
}

function randomReference(): Hex {
  return `0x${randomBytes(32).toString('hex')}`
}

/** A payment that failed half-way may still be made: whoever repeats it must be able to use the same reference. */
function withReference(failure: Failure, reference: Hex): Failure {
  const remedy = `${failure.detail.remedy} Reference of this payment: ${reference}`
  return new Failure(failure.kind, { ...failure.detail, remedy, facts: { reference } }, failure)
}

function unfinished({ state, reference }: PaymentView): Failure {
  const message = `the payment is ${state}, and the peer has not acknowledged it yet`
  const remedy = `It may still be made. To go on waiting, never paying twice: repeat with --reference ${reference}`
  if (state !== 'refused')
    return new Failure('unreachable', { code: 'TIMED_OUT', message, remedy, facts: { reference, state } })
  return new Failure('refused', {
    code: 'PAYMENT_REFUSED',
    message: 'the peer refused the payment',
    remedy: 'It is void and was not paid; pay again when the peer accepts.',
    facts: { reference, state },
  })
}
