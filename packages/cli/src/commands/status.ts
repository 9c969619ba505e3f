/** `tally status`: who this node is, where it stands, what it holds. */
import type { Command } from 'commander'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { table } from '../output.ts'

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('the running node: identity, chain, peers, channels, payments')
    .addHelpText('after', examples('tally status', 'tally --json status'))
    .action(
      action(async ({ directory, output }) => {
        const status = await connectNode(directory).status()
        output.result(
          { status: { ...status, limits: { ...status.limits }, chain: { ...status.chain } } },
          () =>
            table([
              ['node', status.nodeId],
              ['address', status.address ?? 'not listening'],
              ['account', status.account],
              ['signer', status.signer],
              ['chain', `${status.chainId}${status.chain.reachable ? '' : ' (NOT REACHABLE)'}`],
              ['bank', status.bank],
              ['head block', `${status.chain.headBlock ?? '?'} (final: ${status.chain.finalBlock ?? '?'})`],
              ['peers', `${status.peers.connected} connected of ${status.peers.known}`],
              ['channels', `${status.channels.open} open of ${status.channels.total}`],
              ['payments', `${status.payments.sent} sent, ${status.payments.received} received`],
            ]),
        )
      }),
    )
}
