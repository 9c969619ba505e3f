/** A chain and three running nodes in a line: Alice has a channel with Bob, Bob one with Carol, and nobody announces them. */
import type { Hex } from '@tallystick/client'
import type { Network } from '../src/demo/network.ts'
import { startNetwork } from '../src/demo/network.ts'
import type { Party } from '../src/demo/party.ts'
import { createParty } from '../src/demo/party.ts'
import { waitForChannel } from '../src/node-api.ts'
import type { Estate } from '../src/processes/estate.ts'
import { createEstate } from '../src/processes/estate.ts'

export type LineOfParties = {
  readonly estate: Estate
  readonly network: Network
  readonly home: string
  readonly alice: Party
  readonly bob: Party
  readonly carol: Party
  /** What Alice pays Bob over, and what Bob pays Carol over. */
  readonly channels: readonly [Hex, Hex]
}

const DEPOSIT = 10_000n
const DEADLINE_MS = 110_000

export async function startLineOfParties(): Promise<LineOfParties> {
  const estate = createEstate()
  try {
    const home = estate.directory('tally-line-test-')
    const network = await startNetwork(estate)
    const [alice, bob, carol] = await Promise.all([
      createParty(estate, network, 'alice', home, 'a passphrase of Alice'),
      createParty(estate, network, 'bob', home, 'a passphrase of Bob'),
      createParty(estate, network, 'carol', home, 'a passphrase of Carol'),
    ])
    for (const { account } of [alice, bob, carol]) await network.endow(account, 1_000_000n)
    const [, bobAddress, carolAddress] = await Promise.all([alice.start(), bob.start(), carol.start()])
    const channels = await Promise.all([
      openChannel(network, alice, bobAddress, bob),
      openChannel(network, bob, carolAddress, carol),
    ])
    return { estate, network, home, alice, bob, carol, channels }
  } catch (thrown) {
    await estate.end()
    throw thrown
  }
}

/** Open for both ends: the other may count the deposit a moment later. */
export async function openChannel({ token }: Network, from: Party, address: string, to: Party): Promise<Hex> {
  const api = from.api()
  const operation = await api.openChannel({ peer: address, token, deposit: DEPOSIT })
  const { channelId } = await api.finished(operation, DEADLINE_MS)
  if (channelId === undefined) throw new Error('an opening without a channel')
  await Promise.all([from, to].map((party) => waitForChannel(party.api(), channelId, 'open', DEADLINE_MS)))
  return channelId
}
