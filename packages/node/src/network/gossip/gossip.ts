/**
 * Gossip as a running part of a node: the book, with a clock, a chain, a store and the node's sessions around it. Nothing
 * here is about money and nothing waits for the disk, so it runs beside the engine's loop and not in it.
 *
 * Invariant: whatever fails here (the store, the chain) is logged and survived; the node goes on without it.
 */

import {
  type ChainEvent,
  type ChainPort,
  type ChannelAnnouncer,
  decodeGossip,
  domainOf,
  encodeGossip,
  fromHex,
  type GossipCrypto,
  type Hex,
  type MalformedMessage,
  type NodeAnnouncer,
} from '@tallystick/protocol'
import type { Log } from '../../engine/ports.ts'
import type { NodeId } from '../../transport/port.ts'
import { createGossipBook, type GossipStats } from './book.ts'
import type { GossipChange, GossipStore } from './store.ts'
import {
  type ChainAnswer,
  DEFAULT_GOSSIP,
  type GossipConfig,
  type GossipInput,
  type GossipOutput,
  type GraphEvent,
  type NodeProfile,
  type OwnChannel,
} from './types.ts'

export interface GossipPorts {
  readonly crypto: GossipCrypto
  readonly chain: Pick<ChainPort, 'chainId' | 'bank' | 'channel'>
  readonly identity: NodeAnnouncer
  readonly signer: ChannelAnnouncer
  readonly store: GossipStore
  readonly log: Log
  /** Unix milliseconds. */
  readonly nowMs: () => number
  /** Sends on the live session; false, and the frame is dropped, when there is none or it is backlogged. */
  readonly send: (peer: NodeId, frame: Uint8Array) => boolean
  /** Called in order, the stored graph first, from within `startGossip`. Must not throw. */
  readonly onGraph: (event: GraphEvent) => void
  /** The peer wants this channel public. */
  readonly onAnnounceAsked?: (peer: NodeId, channelId: Hex) => void
}

export interface Gossip {
  /** After both sides said `hello`, for each session; `disconnected` when there is none any more. */
  connected(peer: NodeId): void
  disconnected(peer: NodeId): void
  /** A frame for which `isGossipFrame` is true, after `hello`. What it answers is a reason to hang up (EN-90). */
  frame(peer: NodeId, frame: Uint8Array): MalformedMessage | undefined
  /** Every event that the chain's watch delivers, `seen` and `final`, of any channel. */
  chainEvent(event: ChainEvent): void
  /** At each start for every open (funded) channel, and on every change. @throws RangeError for a policy that cannot be announced. */
  setOwnChannel(channel: OwnChannel): void
  forgetOwnChannel(channelId: Hex): void
  /** @throws RangeError for a profile that cannot be announced. */
  setProfile(profile: NodeProfile | undefined): void
  /** The announcement of a believed channel (GO-12). */
  announcement(channelId: Hex): Uint8Array | undefined
  /** The whole graph now, as events. */
  graph(): readonly GraphEvent[]
  stats(): GossipStats
  /** Stops the clock and closes the store. Idempotent. */
  stop(): void
}

const TICK_MS = 250
const STORE_EVERY_MS = 1_000
/** Changes waiting for the store; at so many they are written at once. */
const MAX_CHANGES = 5_000
/** Events after which a channel takes nothing any more. */
const ENDINGS: ReadonlySet<ChainEvent['name']> = new Set(['Closed', 'ClosedTogether', 'Settled'])

export function startGossip(ports: GossipPorts, config: GossipConfig = DEFAULT_GOSSIP): Gossip {
  const { chain, crypto, log, nowMs, store } = ports
  const domain = domainOf(crypto, chain.chainId, addressBytes(chain.bank))
  const book = createGossipBook({ config, crypto, domain, identity: ports.identity, signer: ports.signer })
  let changes: GossipChange[] = []
  let storeFailed = false
  let running = true

  perform(restored())
  const tick = setInterval(() => take({ type: 'tick' }), TICK_MS)
  const saving = setInterval(save, STORE_EVERY_MS)
  tick.unref()
  saving.unref()

  function restored(): readonly GossipOutput[] {
    try {
      return book.restore(store.load(), nowMs())
    } catch (error) {
      log.warn(
        { error: String(error) },
        'the stored network graph cannot be read: it is fetched from peers again',
      )
      return []
    }
  }

  function take(input: GossipInput): void {
    if (running) perform(book.take(input, nowMs()))
  }

  function perform(outputs: readonly GossipOutput[]): void {
    for (const output of outputs) performOne(output)
    if (changes.length >= MAX_CHANGES) save()
  }

  function performOne(output: GossipOutput): void {
    switch (output.type) {
      case 'send':
        ports.send(output.peer, encodeGossip(output.message))
        return
      case 'look-up':
        void lookUp(output.channelId)
        return
      case 'graph':
        ports.onGraph(output.event)
        return
      case 'store':
        if (!storeFailed) changes.push(output.change)
        return
      case 'announce-asked':
        log.info({ peer: output.peer, channel: output.channelId }, 'the peer wants this channel announced')
        ports.onAnnounceAsked?.(output.peer, output.channelId)
        return
      case 'refused': {
        const { peer, refusal, muted } = output
        if (muted)
          log.warn(
            { peer, code: refusal.code, field: refusal.field },
            'this peer tells falsehoods: not listened to',
          )
      }
    }
  }

  async function lookUp(channelId: Hex): Promise<void> {
    take({ type: 'looked-up', channelId, answer: await readChannel(chain, channelId) })
  }

  /** A store that cannot be written is given up: it is a cache. */
  function save(): void {
    if (changes.length === 0) return
    const waiting = changes
    changes = []
    try {
      store.apply(waiting)
    } catch (error) {
      storeFailed = true
      log.warn(
        { error: String(error) },
        'the network graph is not stored any more: free space, then start again',
      )
    }
  }

  return {
    connected: (peer) => take({ type: 'connected', peer }),
    disconnected: (peer) => take({ type: 'disconnected', peer }),
    frame(peer, frame) {
      if (!running || book.muted(peer, nowMs())) return undefined
      const decoded = decodeGossip(frame)
      if (!decoded.ok) return decoded
      take({ type: 'message', peer, message: decoded.message })
      return undefined
    },
    chainEvent(event) {
      if (!('channelId' in event)) return
      take({ type: 'chain-changed', channelId: event.channelId, ended: ENDINGS.has(event.name) })
    },
    setOwnChannel: (channel) => take({ type: 'own-channel', channel }),
    forgetOwnChannel: (channelId) => take({ type: 'own-channel-gone', channelId }),
    setProfile: (profile) => take({ type: 'own-node', profile }),
    announcement: (channelId) => book.announcement(channelId),
    graph: () => book.graph(),
    stats: () => book.stats(nowMs()),
    stop() {
      if (!running) return
      running = false
      clearInterval(tick)
      clearInterval(saving)
      save()
      store.close()
    },
  }
}

/** What final blocks show; `failed` for anything that keeps the chain from being asked. */
async function readChannel(chain: Pick<ChainPort, 'channel'>, channelId: Hex): Promise<ChainAnswer> {
  try {
    const { status, deposits, withdrawn } = await chain.channel(channelId, 'final')
    return { status, held: deposits[0] + deposits[1] - withdrawn[0] - withdrawn[1] }
  } catch {
    return 'failed'
  }
}

function addressBytes(address: Hex): Uint8Array {
  const bytes = fromHex(address, 20)
  if (bytes === undefined) throw new RangeError(`${address} is not an address`)
  return bytes
}
