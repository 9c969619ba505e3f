/**
 * Routing, pure (docs/spec/routing.md): a graph of channels and fee policies, the search for ways through it, and what is
 * learnt from walking them.
 */

export {
  createExperience,
  type Experience,
  forget,
  learn,
  MAX_EXPERIENCES,
  type Outcome,
} from './experience.ts'
export { decodeExperience, type ExperienceFault, encodeExperience } from './experience-stored.ts'
export { amountInto, type ForwardFault, feeOf, forwardFault } from './fee.ts'
export {
  addChannel,
  type ChannelFact,
  type ChannelId,
  type ChannelSeen,
  channelSeen,
  channelsOf,
  createGraph,
  type DatedPolicy,
  type Graph,
  type Learnt,
  type Market,
  type NodeId,
  pruneGraph,
  removeChannel,
  setCapacity,
  setPolicy,
} from './graph.ts'
export { deliveredBy, findParts, type Parts, type PartsAnswer, type PartsRequest } from './parts.ts'
export {
  type Avoided,
  type EdgeName,
  edgeName,
  type HintedHop,
  type Hop,
  MAX_HOPS,
  MAX_PARTS,
  type OwnChannel,
  ROUTE_FAULTS,
  type Route,
  type RouteAnswer,
  type RouteFault,
  type RouteFaultCode,
  type RouteRequest,
} from './request.ts'
export { createRouter, findRoute, type Router } from './router.ts'
export { DEFAULT_WEIGHTS, FEES_ONLY, type RoutingWeights } from './weights.ts'
