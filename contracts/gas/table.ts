/** The table that people read: our figures beside the peers', with what the comparison does not say. */

import { FIGURES, type Figure, type Measured } from './measure.ts'
import { MAX_RUNTIME_BYTES } from './size.ts'

type Peer = { gas: number; who: string }

/** ERC-20, deposits included; figures of the same work, as the project's issue 2 states them. */
const PEERS: Partial<Record<Figure, readonly Peer[]>> = {
  fund: [
    { gas: 84_770, who: 'x402 batch settlement' },
    { gas: 146_956, who: 'Raiden, open with deposit' },
  ],
  fundJointly: [{ gas: 146_956, who: 'Raiden, open with one deposit' }],
  closeTogether: [
    { gas: 112_270, who: 'Raiden' },
    { gas: 112_690, who: 'Nitro' },
  ],
  close: [{ gas: 118_501, who: 'Raiden' }],
  claimOneLock: [{ gas: 38_619, who: 'Raiden' }],
}

const REMARKS = [
  'Whole transactions (21,000 and calldata included), one ERC-20 (OpenZeppelin 5.7), as receipts say.',
  'Fresh for the user: the channel, the authorisation, the withdrawal record, the condition. Not fresh: the token',
  'balances of the bank (others use it too) and of the owners (they hold what they did not deposit); allowances are finite.',
  'Each token balance written for the first time adds 17,100; the two lines in brackets show that.',
  'close pays the peer at once, in the same transaction; in the peers a second one pays.',
  'claimOneLock is not below Raiden: our claim checks a committed record and one bit for each slot and pays under a',
  'running total, so a lock can be claimed by anyone, one at a time, in any order, also after a partial or',
  'contradictory history, and nothing is ever paid twice; Raiden unlocks all locks of one side at once, from storage',
  'that it clears (hence a refund), after deciding at settlement which balance proof wins. Ten at once cost far less each.',
]

export function table(measured: Measured, sizes: Record<string, number>): string {
  const lines = ['call                          gas   peers', '-'.repeat(70)]
  for (const name of FIGURES) lines.push(row(name, measured[name], PEERS[name]))
  lines.push(row('(fund, first of the token)', measured.fundFirstOfToken))
  lines.push(row('(closeTogether, new holders)', measured.closeTogetherToNewHolders))
  lines.push('', ...REMARKS.map((line) => `  ${line}`), '')
  for (const [name, bytes] of Object.entries(sizes)) {
    lines.push(`${name}: ${bytes.toLocaleString('en')} of ${MAX_RUNTIME_BYTES.toLocaleString('en')} bytes`)
  }
  return `${lines.join('\n')}\n`
}

function row(name: string, gas: number, peers: readonly Peer[] = []): string {
  const figure = gas.toLocaleString('en').padStart(33 - Math.min(name.length, 28))
  const beside = peers.map((peer) => {
    const percent = Math.round((100 * gas) / peer.gas)
    return `${peer.gas.toLocaleString('en')} ${peer.who} (${percent} %)`
  })
  return `${name}${figure}   ${beside.join('; ')}`.trimEnd()
}
