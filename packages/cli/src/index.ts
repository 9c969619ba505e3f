/** What benchmarks and other composition roots use of the command line's parts. */
export { readConfig } from './config.ts'
export { dataDirectory } from './data-directory.ts'
export { type Network, startNetwork } from './demo/network.ts'
export { createParty, type Party } from './demo/party.ts'
export { keepHeapSmall } from './node/heap.ts'
export { startNode } from './node/start.ts'
export { waitForChannel } from './node-api.ts'
export { createEstate, type Estate } from './processes/estate.ts'
