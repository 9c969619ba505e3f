/**
 * Gossip as it runs in a node: real sockets with proved identities, a real chain with the real bank, real files. How the
 * pieces are joined here is how a node joins them.
 */

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadCrypto } from '@tallystick/crypto'
import { createEvmChain, type Deployment, deployContracts } from '@tallystick/evm'
import { type Anvil, startAnvil } from '@tallystick/evm/anvil'
import {
  type ChainPort,
  type ChannelParams,
  channelIdOf,
  domainOf,
  encodeGossip,
  fromHex,
  type Hex,
  isGossipFrame,
  type Party,
  paramsToChain,
  toHex,
} from '@tallystick/protocol'
import { expect, onTestFinished, test } from 'vitest'
import {
  DEFAULT_GOSSIP,
  type Gossip,
  type GossipStore,
  type GraphEvent,
  openGossipStore,
  startGossip,
} from '../../../src/network/gossip/index.ts'
import type { Session } from '../../../src/transport/port.ts'
import { createTlsTransport } from '../../../src/transport/tls.ts'
import { announcementOf, channelOf, emptyGraph, FREE, type HeardGraph, hear, keysOf, news } from './world.ts'

const crypto = await loadCrypto()
const NATIVE = new Uint8Array(20)
const DEADLINE_MS = 60_000

interface RunningNode {
  readonly nodeId: string
  readonly gossip: Gossip
  readonly graph: HeardGraph
  readonly chain: ChainPort
  readonly signer: ReturnType<typeof crypto.createSigner>
  readonly port: number
  readonly asked: string[]
  readonly lookups: { count: number }
  dial(other: RunningNode): Promise<void>
  /** Resolves when the graph is as wanted: looked at after every event. */
  until(wanted: (graph: HeardGraph) => boolean, what: string): Promise<void>
  stop(): Promise<void>
}

interface Changes {
  readonly store?: GossipStore
  readonly nowMs?: () => number
}

interface World {
  readonly anvil: Anvil
  readonly deployment: Deployment
  readonly home: string
  start(name: string, account: number, changes?: Changes): Promise<RunningNode>
}

async function makeWorld(): Promise<World> {
  const anvil = await startAnvil()
  onTestFinished(() => anvil.stop())
  const keyOf = (index: number) => anvil.accounts[index]?.privateKey ?? '0x'
  const deployment = await deployContracts({ rpcUrl: anvil.rpcUrl, privateKey: keyOf(0) })
  const home = mkdtempSync(join(tmpdir(), 'tallystick-gossip-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const chainOf = (account: number) =>
    createEvmChain({
      ...deployment,
      rpcUrl: anvil.rpcUrl,
      privateKey: keyOf(account),
      finality: { kind: 'depth', blocks: 0 },
      pollIntervalMs: 20,
    })
  return { anvil, deployment, home, start: (name, account, changes = {}) => start(name, account, changes) }

  async function start(name: string, account: number, changes: Changes): Promise<RunningNode> {
    const chain = chainOf(account)
    const identity = crypto.createIdentity(seed(`${name} identity`))
    const signer = crypto.createSigner(seed(`${name} signer`))
    const domain = domainOf(crypto.crypto, chain.chainId, bytesOf(chain.bank))
    const store = changes.store ?? openGossipStore({ directory: join(home, name), domain: domain.separator })
    const transport = await createTlsTransport({ identity, verify: crypto.verifyIdentity })
    const graph = emptyGraph()
    const asked: string[] = []
    const lookups = { count: 0 }
    const watchers = new Set<() => void>()
    const gossip = startGossip(
      {
        crypto: crypto.crypto,
        chain: {
          chainId: chain.chainId,
          bank: chain.bank,
          channel(id, at) {
            lookups.count += 1
            return chain.channel(id, at)
          },
        },
        identity,
        signer,
        store,
        log: { info() {}, warn: () => watchers.forEach((look) => void look()), error() {} },
        nowMs: changes.nowMs ?? Date.now,
        send: (peer, frame) => transport.session(peer)?.send(frame) === 'queued',
        onGraph(event: GraphEvent) {
          hear(graph, event)
          for (const look of watchers) look()
        },
        onAnnounceAsked: (_, channelId) => {
          asked.push(channelId)
          for (const look of watchers) look()
        },
      },
      { ...DEFAULT_GOSSIP, digestEveryMs: 2_000, digestLeastMs: 500 },
    )
    transport.onSession((session: Session) => {
      gossip.connected(session.peerId)
      session.onMessage((frame) => {
        if (!isGossipFrame(frame)) return
        const fault = gossip.frame(session.peerId, frame)
        if (fault !== undefined) session.close('protocol-violation', `${fault.field}: ${fault.detail}`)
      })
      session.onClose(() => {
        if (transport.session(session.peerId) === undefined) gossip.disconnected(session.peerId)
      })
    })
    const { port } = await transport.listen({ host: '127.0.0.1', port: 0 })
    const watch = chain.watch(undefined, (fact) => {
      if (fact.kind === 'seen') gossip.chainEvent(fact.event)
      if (fact.kind === 'final') for (const event of fact.events) gossip.chainEvent(event)
    })
    let stopping: Promise<void> | undefined
    const node: RunningNode = {
      nodeId: identity.nodeId,
      gossip,
      graph,
      chain,
      signer,
      port,
      asked,
      lookups,
      dial: async (other) => {
        await transport.dial({ nodeId: other.nodeId, host: '127.0.0.1', port: other.port })
      },
      until: (wanted, what) =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`${name} never saw: ${what}`)), DEADLINE_MS)
          const look = () => {
            if (!wanted(graph)) return
            clearTimeout(timer)
            watchers.delete(look)
            resolve()
          }
          watchers.add(look)
          look()
        }),
      stop() {
        stopping ??= (async () => {
          gossip.stop()
          await transport.close()
          await watch.stop()
          await chain.stop()
        })()
        return stopping
      },
    }
    onTestFinished(() => node.stop())
    return node
  }
}

/** Funded by both on the chain, known to both as their own. */
async function openChannel(a: RunningNode, b: RunningNode, salt: bigint) {
  const params: ChannelParams = {
    owner: [bytesOf(a.chain.account), bytesOf(b.chain.account)],
    signer: [a.signer.address, b.signer.address],
    token: NATIVE,
    lockPeriod: 600,
    salt,
  }
  const bank = bytesOf(a.chain.bank)
  const channelId = channelIdOf(crypto.crypto, a.chain.chainId, bank, params).slice()
  const id = toHex(channelId)
  await a.chain.submit(
    { kind: 'fund', params: paramsToChain(params), party: 0, amount: 1_000n },
    { key: `fund ${id}` },
  )
  const own = (node: RunningNode, party: Party, announce: boolean, feePpm: number) =>
    node.gossip.setOwnChannel({
      channelId,
      params,
      party,
      peer: party === 0 ? b.nodeId : a.nodeId,
      announce,
      policy: { ...FREE, feePpm },
    })
  return { id, channelId, params, own }
}

async function closeTogether(a: RunningNode, b: RunningNode, channelId: Uint8Array, params: ChannelParams) {
  const domain = domainOf(crypto.crypto, a.chain.chainId, bytesOf(a.chain.bank))
  const validUntil = 2 ** 40
  const message = { type: 'CloseTogether', domain, channelId, delta: 0n, validUntil } as const
  const signatures = [toHex(a.signer.sign(message)), toHex(b.signer.sign(message))] as const
  const call = { kind: 'closeTogether', params: paramsToChain(params), delta: 0n, signatures } as const
  await a.chain.submit({ ...call, validUntil: BigInt(validUntil) }, { key: `close ${toHex(channelId)}` })
}

test('a channel is announced by its two ends, reaches a third node through one of them, survives its restart, and goes when the chain shows it closed', async () => {
  const world = await makeWorld()
  const anna = await world.start('anna', 1)
  const bruno = await world.start('bruno', 2)
  const carla = await world.start('carla', 3)
  const channel = await openChannel(anna, bruno, 1n)
  await anna.dial(bruno)
  await carla.dial(bruno)
  anna.gossip.setProfile({ alias: 'anna', addresses: [{ host: 'anna.example', port: 9735 }] })
  channel.own(anna, 0, true, 250)
  channel.own(bruno, 1, false, -100)
  await bruno.until(() => bruno.asked.includes(channel.id), 'the offer')
  expect(carla.graph.channels.size).toBe(0)
  channel.own(bruno, 1, true, -100)

  const whole = (graph: HeardGraph) =>
    Object.keys(graph.channels.get(channel.id)?.policies ?? {}).length === 2 && graph.nodes.size === 1
  for (const node of [anna, bruno, carla]) await node.until(whole, 'the announced channel')
  expect(carla.graph.channels.get(channel.id)).toMatchObject({
    nodes: [anna.nodeId, bruno.nodeId],
    capacity: 1_000n,
    policies: { 0: { feePpm: 250 }, 1: { feePpm: -100 } },
  })
  expect(carla.graph.nodes.get(anna.nodeId)).toBe('anna')

  channel.own(anna, 0, true, 300)
  const repriced = (graph: HeardGraph) =>
    (graph.channels.get(channel.id)?.policies[0] as { feePpm: number } | undefined)?.feePpm === 300
  await carla.until(repriced, 'the new price')

  await carla.stop()
  const reborn = await world.start('carla', 3)
  expect(whole(reborn.graph)).toBe(true)
  expect(repriced(reborn.graph)).toBe(true)
  expect(reborn.lookups.count).toBe(0)
  await reborn.dial(bruno)

  await anna.chain.submit(
    { kind: 'fund', params: paramsToChain(channel.params), party: 0, amount: 500n },
    { key: 'top up' },
  )
  await reborn.until((graph) => graph.channels.get(channel.id)?.capacity === 1_500n, 'the top-up')

  await closeTogether(anna, bruno, channel.channelId, channel.params)
  for (const node of [anna, bruno, reborn])
    await node.until((graph) => graph.channels.size === 0 && graph.nodes.size === 0, 'the close')
})

test('a channel that was never funded is announced in vain, and a store that cannot be written stops nothing', async () => {
  const world = await makeWorld()
  const broken: GossipStore = {
    load() {
      throw new Error('unreadable')
    },
    apply() {
      throw new Error('disk full')
    },
    close() {},
  }
  const anna = await world.start('anna', 1)
  const bruno = await world.start('bruno', 2)
  const carla = await world.start('carla', 3, { store: broken })
  const real = await openChannel(anna, bruno, 1n)
  const params: ChannelParams = { ...real.params, salt: 77n }
  const bank = bytesOf(anna.chain.bank)
  const channelId = channelIdOf(crypto.crypto, anna.chain.chainId, bank, params).slice()
  const fake = { channelId, params, announce: true, policy: FREE }
  await anna.dial(bruno)
  await carla.dial(bruno)
  anna.gossip.setOwnChannel({ ...fake, party: 0, peer: bruno.nodeId })
  bruno.gossip.setOwnChannel({ ...fake, party: 1, peer: anna.nodeId })
  real.own(anna, 0, true, 1)
  real.own(bruno, 1, true, 2)
  for (const node of [anna, bruno, carla])
    await node.until((graph) => graph.channels.has(real.id), 'the real one')
  for (const node of [anna, bruno, carla]) expect(node.graph.channels.has(toHex(channelId))).toBe(false)
  expect(carla.gossip.stats().channels).toBe(1)
})

test('a malformed gossip frame ends the session, by name', async () => {
  const world = await makeWorld()
  const anna = await world.start('anna', 1)
  const identity = crypto.createIdentity(seed('mallory identity'))
  const transport = await createTlsTransport({ identity, verify: crypto.verifyIdentity })
  onTestFinished(() => transport.close())
  const session = await transport.dial({ nodeId: anna.nodeId, host: '127.0.0.1', port: anna.port })
  const closed = new Promise<string>((resolve) => session.onClose(({ detail }) => resolve(detail)))
  session.onMessage(() => {})
  session.send(new Uint8Array([65, 0]))
  expect(await closed).toContain('gossip-ask/buckets')
  expect(anna.gossip.stats().channels).toBe(0)
})

test('a node that tells of thousands of channels which do not exist is muted, and the truth is still heard', async () => {
  const world = await makeWorld()
  const startedMs = Date.now()
  const [anna, bruno, carla] = [
    await world.start('anna', 1),
    await world.start('bruno', 2),
    // Her clock stands still, so that no credit grows while a slow machine works.
    await world.start('carla', 3, { nowMs: () => startedMs }),
  ]
  const under = domainOf(crypto.crypto, anna.chain.chainId, bytesOf(anna.chain.bank))
  const makers = [keysOf('mallory'), keysOf('trent')] as const
  const identity = crypto.createIdentity(seed('mallory identity'))
  const transport = await createTlsTransport({ identity, verify: crypto.verifyIdentity })
  onTestFinished(() => transport.close())
  const session = await transport.dial({ nodeId: carla.nodeId, host: '127.0.0.1', port: carla.port })
  session.onMessage(() => {})
  for (let lot = 0; lot < 40; lot += 1) {
    const lies = Array.from({ length: 50 }, (_, i) =>
      announcementOf(channelOf(makers, 50 * lot + i, under), under),
    )
    session.send(encodeGossip(news(...lies)))
  }
  await carla.until(() => carla.gossip.stats().mutedPeers === 1, 'that it is lied to')
  const real = await openChannel(anna, bruno, 1n)
  await anna.dial(bruno)
  await carla.dial(bruno)
  real.own(anna, 0, true, 1)
  real.own(bruno, 1, true, 2)
  await carla.until((graph) => graph.channels.has(real.id), 'the real channel')
  expect(carla.gossip.stats()).toMatchObject({ channels: 1, mutedPeers: 1 })
  expect(session.open).toBe(true)
  // One stranger's credit is good for twenty questions; the last is about the channel that is there.
  expect(carla.lookups.count).toBe(21)
})

function seed(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

function bytesOf(hex: Hex): Uint8Array {
  const bytes = fromHex(hex)
  if (bytes === undefined) throw new Error(hex)
  return bytes
}
