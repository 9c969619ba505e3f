/** `tally peers`: whom this node knows, and dialling more. */
import type { PeerView } from '@tallystick/client'
import type { Command } from 'commander'
import { parseWhole } from '../arguments.ts'
import { usage } from '../failure.ts'
import { action, examples } from '../invocation.ts'
import { connectNode } from '../node-api.ts'
import { asJson, table } from '../output.ts'

export function addPeersCommands(program: Command): void {
  const peers = program.command('peers').description('known peers, and dialling more')
  peers
    .command('list', { isDefault: true })
    .description('whom this node knows')
    .addHelpText('after', examples('tally peers list', 'tally --json peers list'))
    .action(
      action(async ({ directory, output }) => {
        const known = await connectNode(directory).peers()
        output.result({ peers: known.map(asJson) }, () =>
          known.length === 0 ? 'No peers yet. Dial one with `tally peers connect`.' : listed(known),
        )
      }),
    )
  peers
    .command('connect')
    .description('dial a peer, and keep dialling it from now on')
    .argument('<peer>', 'nodeId@host:port, as the other node prints it')
    .option('--timeout <seconds>', 'give up waiting after this long (default: 30)')
    .addHelpText('after', examples('tally peers connect 02ab...@127.0.0.1:9735'))
    .action(
      action<{ timeout?: string }>(async ({ args, options, directory, output }) => {
        const peer = (args[0] ?? '').toLowerCase()
        if (!/^0[23][0-9a-f]{64}@[^\s@]{1,260}:[0-9]{1,5}$/.test(peer))
          throw usage('peer', 'this is no address of a node', 'Give nodeId@host:port.', 'bad-peer')
        const timeoutMs =
          1000 * (options.timeout === undefined ? 30 : parseWhole(options.timeout, '--timeout', 1, 240))
        const connected = await connectNode(directory).connectPeer({ peer, timeoutMs })
        output.result({ peer: asJson(connected) }, () => `Connected to ${connected.nodeId}.`)
      }),
    )
}

function listed(peers: readonly PeerView[]): string {
  return table([
    ['peer', 'address', 'connected', 'channels'],
    ...peers.map(({ nodeId, address, connected, channels }) => [
      nodeId,
      address ?? 'unknown',
      connected ? 'yes' : 'no',
      String(channels),
    ]),
  ])
}
