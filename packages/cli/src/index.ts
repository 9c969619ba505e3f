/** Parts of the demo that benchmarks use too: a chain, parties with node processes, and their certain end. */
export { type Network, startNetwork } from './demo/network.ts'
export { createParty, type Party } from './demo/party.ts'
export { waitForChannel } from './node-api.ts'
export { createEstate, type Estate } from './processes/estate.ts'
