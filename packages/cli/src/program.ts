/** The command tree of `tally`: what there is, how it is spelt, and one example for each command. */
import { Command, CommanderError } from 'commander'
import { addChannelCommands } from './commands/channel.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addGraphCommand, addRouteCommand } from './commands/graph.ts'
import { addInitCommand } from './commands/init.ts'
import { addInvoiceCommands } from './commands/invoice.ts'
import { addNetCommands, addRebalanceCommand } from './commands/joint.ts'
import { addNodeCommands } from './commands/node.ts'
import { addPayCommand } from './commands/pay.ts'
import { addPaymentsCommands } from './commands/payments.ts'
import { addPeersCommands } from './commands/peers.ts'
import { addPolicyCommands } from './commands/policy.ts'
import { addBuyCommand, addSellCommand } from './commands/sale.ts'
import { addStatusCommand } from './commands/status.ts'
import { exitCodeMeanings, exitCodes, toFailure, usage } from './failure.ts'
import { createOutput } from './output.ts'
import { version } from './version.ts'

export function createProgram(): Command {
  const program = new Command('tally')
    .description(
      'Payment channels from the command line: escrow once on chain, pay back and forth off chain.',
    )
    .version(version)
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .option('--data-dir <path>', "the node's data directory (default: $TALLY_DATA_DIR, else ~/.tally)")
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ outputError: () => {}, writeErr: () => {} })
    .addHelpText('after', () => `\nAmounts are whole numbers of the token's base units.\n\n${exitCodeHelp()}`)
  addInitCommand(program)
  addNodeCommands(program)
  addChannelCommands(program)
  addInvoiceCommands(program)
  addPayCommand(program)
  addPaymentsCommands(program)
  addPeersCommands(program)
  addPolicyCommands(program)
  addGraphCommand(program)
  addRouteCommand(program)
  addRebalanceCommand(program)
  addNetCommands(program)
  addStatusCommand(program)
  addSellCommand(program)
  addBuyCommand(program)
  addDoctorCommand(program)
  addDemoCommand(program)
  return program
}

/** Runs one command line and returns its exit code. Never throws. */
export async function main(args: readonly string[]): Promise<number> {
  const output = createOutput(asksForJson(args))
  try {
    await createProgram().parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? exitCodes.ok)
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitCodes.ok
    const failure = thrown instanceof CommanderError ? fromCommander(thrown) : toFailure(thrown)
    output.failure(failure)
    return exitCodes[failure.kind]
  }
}

/** Commander itself failed or was never reached, so its parsed options cannot be asked. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).includes('--json')
}

function fromCommander(error: CommanderError) {
  if (error.code === 'commander.help')
    return usage('command', 'no command was given', 'See `tally --help` for the commands.', 'no-command')
  const message = error.message.replace(/^error: /, '')
  const field = /'([^']+)'/.exec(message)?.[1] ?? 'command line'
  const code = error.code
    .replace(/^commander\./, '')
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return usage(field, message, 'See `tally --help`, or `tally COMMAND --help` for one command.', code)
}

function exitCodeHelp(): string {
  return `Exit codes:\n${exitCodeMeanings.map(([kind, meaning]) => `  ${String(exitCodes[kind]).padEnd(4)} ${meaning}`).join('\n')}`
}
