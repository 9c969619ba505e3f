/** Gossip: who is on the network, believed when the chain shows it. See gossip.ts for the running part. */

export { createGossipBook, type GossipBook, type GossipBookOptions, type GossipStats } from './book.ts'
export { type Gossip, type GossipPorts, startGossip } from './gossip.ts'
export { GOSSIP_FILE, type GossipStoreOptions, openGossipStore } from './sqlite-store.ts'
export { type GossipChange, type GossipRow, type GossipStore, NO_GOSSIP_STORE } from './store.ts'
export {
  type ChainAnswer,
  DEFAULT_GOSSIP,
  type GossipConfig,
  type GossipInput,
  type GossipOutput,
  type GraphEvent,
  type NodeProfile,
  type OwnChannel,
} from './types.ts'
