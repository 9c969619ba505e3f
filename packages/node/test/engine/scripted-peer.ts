/**
 * A peer whose every message the test writes: for what an honest node never sends. It keeps a state of the core only to
 * make messages from, and can be told to believe anything.
 */

import { createHash } from 'node:crypto'
import { loadCrypto } from '@tallystick/crypto'
import {
  type ChannelInput,
  type ChannelState,
  type Context,
  channelSetup,
  type Domain,
  decodeMessage,
  domainOf,
  encodeMessage,
  fromHex,
  type Hello,
  isGossipFrame,
  type Message,
  type MessageType,
  newChannel,
  PROTOCOL_VERSION,
  paramsToChain,
  type Signer,
  step,
  type Update,
} from '@tallystick/protocol'
import { expect } from 'vitest'
import { DEFAULT_CONFIG } from '../../src/engine/ports.ts'
import type { Hex } from '../../src/engine/service.ts'
import type { CloseReason, Session } from '../../src/transport/port.ts'
import { makeWorld, type NodeChanges, type TestNode, type World, type WorldOptions } from './rig.ts'

const loaded = await loadCrypto()
export const crypto = loaded.crypto

export function signerOf(name: string): Signer {
  return loaded.createSigner(createHash('sha256').update(name).digest())
}

export const DEPOSIT = 1_000n
const CAROLS_ACCOUNT = 3

export interface Scene {
  readonly world: World
  readonly alice: TestNode
  readonly peer: ScriptedPeer
  readonly channelId: Hex
  /** The scripted side's state of the channel, connected and open. */
  readonly state: ChannelState
}

/** A funded channel between Alice and a peer that the test plays. */
export async function scene(changes: NodeChanges = {}, options: WorldOptions = {}): Promise<Scene> {
  const world = await makeWorld(options)
  if (options.finalityBlocks === undefined) return play(world, changes)
  // Blocks go by, so that deposits become final.
  const mining = setInterval(() => void world.anvil.mine(), 100)
  try {
    return await play(world, changes)
  } finally {
    clearInterval(mining)
  }
}

async function play(world: World, changes: NodeChanges): Promise<Scene> {
  const alice = await world.node('alice', changes)
  const peer = await scriptedPeer(world)
  const { channelId } = await alice.service.openChannel({
    peer: peer.address,
    token: world.token,
    deposit: DEPOSIT,
  })
  const proposal = await peer.next('channel-proposal')
  const chain = world.chainOf(CAROLS_ACCOUNT)
  await chain.submit(
    { kind: 'fund', params: paramsToChain(proposal.params), party: 1, amount: DEPOSIT },
    { key: 'fund' },
  )
  await expect
    .poll(async () => alice.service.getChannel(channelId), { timeout: 10_000 })
    .toMatchObject({ depositMine: DEPOSIT, depositTheirs: DEPOSIT })
  await alice.service.waitForChannel(channelId, 'open')
  const fresh = peer.channel(proposal, [DEPOSIT, DEPOSIT])
  const connected = take(fresh, { type: 'connected' }, peer.signer).state
  const synced = take(connected, { type: 'message', message: await peer.next('sync') }, peer.signer).state
  return { world, alice, peer, channelId, state: synced }
}

export interface ScriptedPeer {
  readonly nodeId: string
  readonly address: string
  readonly signer: Signer
  /** What it claims in `hello`; change it before it is dialled. */
  hello: Partial<Hello>
  /** Accepts proposals by itself unless false. */
  accepting: boolean
  dial(node: TestNode): Promise<void>
  send(message: Message): void
  sendBytes(frame: Uint8Array): void
  /** The next message of this type that comes, or came and was not taken yet. */
  next<T extends MessageType>(type: T): Promise<Extract<Message, { type: T }>>
  /** Every message so far. */
  readonly received: readonly Message[]
  closed(): Promise<CloseReason>
  hangUp(): void
  /** The channel as it would be on its side, with both deposits final. */
  channel(
    proposal: Extract<Message, { type: 'channel-proposal' }>,
    deposits: readonly [bigint, bigint],
  ): ChannelState
}

export async function scriptedPeer(world: World, name = 'stranger'): Promise<ScriptedPeer> {
  const identity = loaded.createIdentity(createHash('sha256').update(`${name}/identity`).digest())
  const transport = world.network.transport(identity.nodeId)
  const { host, port } = await transport.listen({ host: '127.0.0.1', port: 0 })
  const signer = signerOf(`${name}/signer`)
  const owner = bytes(world.anvil.accounts[3]?.address ?? '0x')
  const received: Message[] = []
  const taken = new Set<Message>()
  let session: Session | undefined
  let wake: () => void = () => {}
  let closed: Promise<CloseReason> = new Promise(() => {})

  transport.onSession((opened) => {
    session = opened
    closed = new Promise((resolve) => opened.onClose(resolve))
    peer.send(ourHello())
    opened.onMessage((frame) => {
      // What it hears of other channels does not concern it.
      if (isGossipFrame(frame)) return
      const decoded = decodeMessage(frame)
      if (!decoded.ok) throw new Error(`an honest node sent what cannot be decoded: ${decoded.field}`)
      received.push(decoded.message)
      if (decoded.message.type === 'channel-proposal' && peer.accepting) accept(decoded.message)
      wake()
    })
  })

  function ourHello(): Hello {
    return {
      type: 'hello',
      version: PROTOCOL_VERSION,
      chainId: world.chainId,
      bank: bytes(world.bank),
      registry: bytes(world.registry),
      signer: signer.address,
      owner,
      agent: 'scripted',
      session: new Uint8Array(16),
      ...peer.hello,
    }
  }

  function accept(proposal: Extract<Message, { type: 'channel-proposal' }>): void {
    const state = peer.channel(proposal, [0n, 0n])
    peer.send({ type: 'channel-accept', channelId: state.setup.channelId })
    for (const message of messagesOf(take(state, { type: 'connected' }, signer).effects)) peer.send(message)
  }

  const peer: ScriptedPeer = {
    nodeId: identity.nodeId,
    address: `${identity.nodeId}@${host}:${port}`,
    signer,
    hello: {},
    accepting: true,
    received,
    async dial(node) {
      const [nodeId, at] = node.address.split('@')
      const [toHost, toPort] = at?.split(':') ?? []
      if (nodeId === undefined || toHost === undefined) throw new Error(node.address)
      await transport.dial({ nodeId, host: toHost, port: Number(toPort) })
    },
    send: (message) => peer.sendBytes(encodeMessage(message)),
    sendBytes: (frame) => void session?.send(frame),
    async next(type) {
      for (;;) {
        const found = received.find((message) => message.type === type && !taken.has(message))
        if (found !== undefined) {
          taken.add(found)
          return found as never
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    closed: () => closed,
    hangUp: () => session?.close(),
    channel({ params, party }, deposits) {
      const bank: Domain = domainOf(crypto, world.chainId, bytes(world.bank))
      const registry: Domain = domainOf(crypto, world.chainId, bytes(world.registry))
      const setup = channelSetup(crypto, params, party === 0 ? 1 : 0, bank, registry)
      if ('code' in setup) throw new Error(setup.field)
      return newChannel(setup, { status: 'open', timeSeconds: 0, deposits, withdrawn: [0n, 0n] })
    },
  }
  return peer
}

export function contextWith(signer: Signer): Context {
  return {
    crypto,
    signer,
    nowMs: Date.now(),
    headTimeSeconds: 0,
    finalTimeSeconds: 0,
    registry: { resolution: () => undefined },
    policy: { ...DEFAULT_CONFIG.policy, maxPendingLocks: 100, maxPendingLockAmount: 10n ** 30n },
  }
}

/** One step of the scripted side. @throws when its own core refuses. */
export function take(state: ChannelState, input: ChannelInput, signer: Signer) {
  const done = step(state, input, contextWith(signer))
  if (!done.ok) throw new Error(`${done.refusal.code} ${done.refusal.field}: ${done.refusal.detail}`)
  return done
}

/** A signed line that pays `amounts`, and the state after it. */
export function line(
  state: ChannelState,
  signer: Signer,
  ...payments: readonly { amount: bigint; reference: Hex }[]
): { state: ChannelState; update: Update } {
  const operations = payments.map(
    ({ amount, reference }) => ({ type: 'pay', amount, reference: bytes(reference) }) as const,
  )
  const done = take(state, { type: 'send', operations }, signer)
  const update = messagesOf(done.effects).find((message) => message.type === 'update')
  if (update === undefined) throw new Error('no line was made')
  return { state: done.state, update }
}

export function messagesOf(effects: ReturnType<typeof take>['effects']): readonly Message[] {
  return effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []))
}

export function bytes(hex: string): Uint8Array {
  const found = fromHex(hex)
  if (found === undefined) throw new Error(`not hexadecimal: ${hex}`)
  return found
}
