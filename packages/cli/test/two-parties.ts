/** A chain and two running nodes, each made and started by the real command line. */
import type { Network } from '../src/demo/network.ts'
import { startNetwork } from '../src/demo/network.ts'
import type { Party } from '../src/demo/party.ts'
import { createParty } from '../src/demo/party.ts'
import type { Estate } from '../src/processes/estate.ts'
import { createEstate } from '../src/processes/estate.ts'

export type TwoParties = {
  readonly estate: Estate
  readonly network: Network
  readonly home: string
  readonly alice: Party
  readonly bob: Party
  /** `nodeId@host:port` of Bob. */
  readonly bobAddress: string
}

/** Alice begins with a million units of the token, Bob with one; both can pay gas. */
export async function startTwoParties(): Promise<TwoParties> {
  const estate = createEstate()
  try {
    const home = estate.directory('tally-cli-test-')
    const network = await startNetwork(estate)
    const [alice, bob] = await Promise.all([
      createParty(estate, network, 'alice', home, 'a passphrase of Alice'),
      createParty(estate, network, 'bob', home, 'a passphrase of Bob'),
    ])
    await network.endow(alice.account, 1_000_000n)
    await network.endow(bob.account, 1n)
    const [, bobAddress] = await Promise.all([alice.start(), bob.start()])
    return { estate, network, home, alice, bob, bobAddress }
  } catch (thrown) {
    await estate.end()
    throw thrown
  }
}
