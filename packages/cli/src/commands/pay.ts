/** `tally pay`: one payment, made at most once for each reference. */
import { randomBytes } from 'node:crypto'
import type { Hex, PaymentView } from '@tallystick/client'
import type { Command } from 'commander'
import { parseAmount, parseWhole } from '../arguments.ts'
import { Failure, toFailure, usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { payOnce } from '../payment.ts'

const defaultTimeoutSeconds = 30

export function addPayCommand(program: Command): void {
  program
    .command('pay')
    .description('pay a peer over a channel; done when the peer has it durably')
    .argument('<to>', 'a peer (nodeId, nodeId@host:port) or a channel id')
    .argument('<amount>', 'what to pay, in base units')
    .option('--reference <hex>', '32 bytes that name this payment; repeating a reference never pays twice')
    .option('--timeout <seconds>', `give up waiting after this long (default: ${defaultTimeoutSeconds})`)
    .addHelpText(
      'after',
      examples('tally pay 0x12...ef 1000', `tally pay 02ab... 1000 --reference 0x${'00'.repeat(31)}07`),
    )
    .action(
      action<{ reference?: string; timeout?: string }>(async ({ args, options, directory, output }) => {
        const [to = '', amountText = ''] = args
        const amount = parseAmount(amountText, 'amount')
        const reference = parseReference(options.reference)
        const timeoutMs =
          1000 *
          (options.timeout === undefined
            ? defaultTimeoutSeconds
            : parseWhole(options.timeout, '--timeout', 1, 3600))
        const target = parseTarget(to)
        // Said before the payment: whoever is cut off in the middle can repeat it with this reference, safely.
        if (!output.json) output.note(`Reference ${reference}`)
        const api = connectNode(directory)
        const payment = await payOnce(api, { ...target, amount, reference }, timeoutMs).catch((thrown) =>
          Promise.reject(withReference(toFailure(thrown), reference)),
        )
        if (payment.state !== 'accepted') throw unfinished(payment)
        output.result(
          { payment: { ...payment } },
          () => `Paid ${payment.amount} over ${payment.channelId}: ${payment.state}.`,
        )
      }),
    )
}

function parseTarget(text: string): { channelId: Hex } | { peer: string } {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return { channelId: text.toLowerCase() as Hex }
  const [nodeId = ''] = text.toLowerCase().split('@')
  if (/^0[23][0-9a-f]{64}$/.test(nodeId)) return { peer: nodeId }
  throw usage(
    'to',
    'this is neither a channel id nor a peer',
    'Give a channel id (0x and 64 digits), a node id (66 digits), or nodeId@host:port.',
    'bad-target',
  )
}

function parseReference(text: string | undefined): Hex {
  if (text === undefined) return `0x${randomBytes(32).toString('hex')}`
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase() as Hex
  throw usage('--reference', 'this is not a reference', 'Give 0x and 64 hexadecimal digits.', 'bad-reference')
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
