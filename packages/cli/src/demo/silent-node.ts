/**
 * A node that locks onward and then falls silent at the worst moment: a whole, real node, whose process freezes itself (SIGSTOP)
 * the instant the next node shows it the key of a lock, before it has looked at it. No software of ours can keep a stranger
 * from doing that. On SIGCONT it goes on as if nothing had been. Run by the demo: data directory, node id of the next node.
 */
import { readFileSync } from 'node:fs'
import type { Transport } from '@tallystick/node'
import { decodeMessage } from '@tallystick/protocol'
import { readConfig } from '../config.ts'
import { announceRunning, dataDirectory, withdrawRunning } from '../data-directory.ts'
import { createLog } from '../node/log.ts'
import { startNode } from '../node/start.ts'
import { nextSignal } from '../signals.ts'

/** Calls `freeze` with the first key that `peer` shows, before the node hears of it. */
function freezeOnKey(transport: Transport, peer: string, freeze: () => void): void {
  const announceTo = transport.onSession.bind(transport)
  let frozen = false
  transport.onSession = (announce) =>
    announceTo((session) => {
      const deliverTo = session.onMessage.bind(session)
      session.onMessage = (receive) =>
        deliverTo((frame) => {
          if (!frozen && session.peerId === peer && isKey(frame)) {
            frozen = true
            freeze()
          }
          receive(frame)
        })
      announce(session)
    })
}

function isKey(frame: Uint8Array): boolean {
  const decoded = decodeMessage(frame)
  return decoded.ok && decoded.message.type === 'lock-key'
}

const [path = '', peer = ''] = process.argv.slice(2)
const directory = dataDirectory(path)
const signalled = nextSignal()
const node = await startNode({
  directory,
  config: readConfig(directory.config),
  passphrase: readFileSync(process.env.TALLY_PASSPHRASE_FILE ?? '', 'utf8').trim(),
  acceptLostData: false,
  log: createLog('info', undefined),
  onTransport: (transport) => freezeOnKey(transport, peer, () => process.kill(process.pid, 'SIGSTOP')),
})
const { nodeId, address, apiUrl } = node
const running = { pid: process.pid, nodeId, address, apiUrl }
announceRunning(directory, running)
process.stdout.write(`${JSON.stringify(running)}\n`)
await Promise.race([signalled, node.failed])
withdrawRunning(directory)
await node.stop()
