/**
 * What this node knows of the network: gossip beside the loop, a graph for each token, and what its own attempts taught it.
 * Nothing of it is about money that this node holds; all of it may be lost and is learnt again.
 */

import {
  type ChannelParams,
  type Direction,
  decodeItem,
  type FeePolicy,
  type Hex,
  isUsable,
  toHex,
} from '@tallystick/protocol'
import { type Gossip, type GraphEvent, startGossip } from '../../network/gossip/index.ts'
import {
  addChannel,
  createExperience,
  createGraph,
  createRouter,
  type Experience,
  type Router,
  removeChannel,
  setPolicy,
} from '../../network/routing/index.ts'
import { policyOf } from '../policies.ts'
import type { EnginePorts } from '../ports.ts'
import type { Channel, Runtime } from '../runtime.ts'

export interface NetworkView {
  readonly gossip: Gossip
  readonly experience: Experience
  /** By token. */
  readonly routers: Map<Hex, Router>
  /** What peers ask in channels with us that are not announced: for route hints. By channel id. */
  readonly privatePolicies: Map<Hex, FeePolicy & { readonly direction: Direction }>
  readonly nodes: Map<string, Extract<GraphEvent, { type: 'node' }>>
  /** What gossip was told of own channels, to tell it changes only. */
  readonly told: Map<Hex, string>
}

export function createNetworkView(
  ports: EnginePorts,
  send: (peer: string, frame: Uint8Array) => boolean,
): NetworkView {
  const { chain, crypto, identity, signer, gossipStore, log, nowMs } = ports
  const routers = new Map<Hex, Router>()
  const experience = createExperience()
  const privatePolicies = new Map<Hex, FeePolicy & { readonly direction: Direction }>()
  const nodes = new Map<string, Extract<GraphEvent, { type: 'node' }>>()
  const gossip = startGossip({
    crypto,
    chain,
    identity,
    signer,
    store: gossipStore,
    log,
    nowMs,
    send,
    onGraph: (event) => takeGraph(event),
  })
  return { gossip, experience, routers, privatePolicies, nodes, told: new Map() }

  function takeGraph(event: GraphEvent): void {
    switch (event.type) {
      case 'channel-added':
        addChannel(routerOf(event.token).graph, event)
        return
      case 'channel-removed':
        removeChannel(routerOf(event.token).graph, event.channelId)
        return
      case 'policy':
        setPolicy(routerOf(event.token).graph, event.channelId, event.direction, event)
        return
      case 'private-policy':
        privatePolicies.set(event.channelId, event)
        return
      case 'node':
        nodes.set(event.nodeId, event)
        return
      case 'node-removed':
        nodes.delete(event.nodeId)
    }
  }

  function routerOf(token: Hex): Router {
    let router = routers.get(token)
    if (router === undefined) {
      router = createRouter(createGraph({ chainId: chain.chainId, bank: chain.bank, token }), experience)
      routers.set(token, router)
    }
    return router
  }
}

/** On the live session; dropped when there is none or it is backlogged: gossip asks again. */
export function sendGossip(rt: Runtime, peer: string, frame: Uint8Array): boolean {
  const session = rt.peers.get(peer)?.session ?? 0
  if (session === 0 || !rt.links.writable(peer)) return false
  rt.links.send(peer, session, frame)
  return true
}

/** How this node presents itself, where it can be reached. */
export function setProfile(rt: Runtime): void {
  const { publicAddress, alias } = rt.config
  const { gossip } = rt.network
  if (publicAddress === undefined) return
  const colon = publicAddress.lastIndexOf(':')
  const host = publicAddress.slice(0, colon).replace(/^\[|\]$/g, '')
  gossip.setProfile({ alias, addresses: [{ host, port: Number(publicAddress.slice(colon + 1)) }] })
}

/** Parameters of a channel that gossip has shown, or of an own one. */
export function paramsOf(rt: Runtime, channelId: Hex): ChannelParams | undefined {
  const own = rt.channels.get(channelId)
  if (own !== undefined) return own.core.setup.params
  const bytes = rt.network.gossip.announcement(channelId)
  const decoded = bytes && decodeItem(bytes)
  return decoded?.ok && decoded.item.kind === 'channel' ? decoded.item.params : undefined
}

/** Own channels as they are now: told when something of it changed. */
export function tellOwnChannels(rt: Runtime): void {
  const { gossip, told } = rt.network
  for (const channel of rt.channels.values()) {
    const usable = isUsable(channel.core) && channel.record.agreed && channel.record.abandoned === undefined
    if (!usable) {
      if (told.delete(channel.id)) gossip.forgetOwnChannel(channel.id)
      continue
    }
    const policy = policyOf(rt, channel)
    const announce = rt.announced.has(channel.id) || rt.config.announceChannels
    const text = `${announce}/${policy.feeBase}/${policy.feePpm}/${policy.minAmount}/${policy.maxAmount}/${policy.disabled}`
    if (told.get(channel.id) === text) continue
    told.set(channel.id, text)
    gossip.setOwnChannel(ownChannel(channel, policy, announce))
  }
}

function ownChannel(channel: Channel, policy: FeePolicy, announce: boolean) {
  const { params, party } = channel.core.setup
  return { channelId: channel.idBytes, params, party, peer: channel.peer, announce, policy }
}

export function tokenOf(channel: Channel): Hex {
  return toHex(channel.core.setup.params.token)
}
