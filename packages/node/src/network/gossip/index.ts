/** Gossip: who is on the network, believed when the chain shows it. See gossip.ts for the running part. */

export { createGossipBook, type GossipBook } from './book.ts'
export { type Gossip, startGossip } from './gossip.ts'
export { GOSSIP_FILE, openGossipStore } from './sqlite-store.ts'
export type { GossipRow, GossipStore } from './store.ts'
export {
  type ChainAnswer,
  DEFAULT_GOSSIP,
  type GossipConfig,
  type GossipInput,
  type GossipOutput,
  type GraphEvent,
} from './types.ts'
