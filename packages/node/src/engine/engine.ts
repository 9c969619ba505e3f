/**
 * The engine: functional core, imperative shell. It owns the loop, loads what the store holds, connects the ports, and
 * gives back the service. It stops by itself, loudly and for good, when a commit fails: nothing of that commit is released.
 */

import { domainOf, fromHex } from '@tallystick/protocol'
import { startChainWatch } from './chain-watch.ts'
import { drive, hasCourtWork } from './closing.ts'
import { stoppedError } from './command.ts'
import { createEventHub } from './event-hub.ts'
import { connected, disconnected, receive } from './frames.ts'
import { driveFunding } from './funding.ts'
import { GroupCommit } from './group-commit.ts'
import { forgetOnions } from './htlc/forward.ts'
import { tickInvoices } from './htlc/invoices.ts'
import { resumePayments } from './htlc/pay.ts'
import { resumeJoints, tickJoints } from './joint/joint-book.ts'
import { jointEnded, sendJoint } from './joint/joint-pay.ts'
import { createJointBook } from './joint-limits.ts'
import { createLimiter } from './limiter.ts'
import { sealChannels } from './lines.ts'
import { type Loaded, load, loadedMarks } from './loading.ts'
import { LOCK_USERS, resumeLock } from './lock-users.ts'
import { createLockBook } from './locks/lock-book.ts'
import { restoreLocks, resumeLocks } from './locks/resume.ts'
import { run, writeDirty } from './machine.ts'
import { createNetworkView, sendGossip, setProfile, tellOwnChannels } from './network/network-view.ts'
import { adoptChannel } from './opening.ts'
import { abandon, createPaymentBook, type PendingPayment } from './payment-book.ts'
import { PeerLinks } from './peer-links.ts'
import type { EngineConfig, EnginePorts } from './ports.ts'
import { type Channel, type Group, type Input, openGroup, post, type Runtime } from './runtime.ts'
import type { Hex, NodeService } from './service.ts'
import { createService } from './service-calls.ts'
import { createSubmissions } from './submissions.ts'
import { tellChanges } from './views.ts'
import { createWaits } from './waits.ts'

/** About the bytes of messages that one commit takes in, and that one peer may have waiting. */
const LIMITS = { maxGroupWeight: 4 * 1024 * 1024, maxSourceWeight: 2 * 1024 * 1024 }
/** How often time alone is looked at: settling, claims, transactions that failed. */
const TICK_MS = 1_000
/** How long a stop waits for what is under way. */
const SETTLE_MS = 5_000

export interface Engine {
  readonly service: NodeService
  /** Resolves with the failure when the engine had to stop by itself; never when it is stopped. */
  readonly failed: Promise<Error>
}

/** @throws what the store throws, or an Error when the data is of another version or damaged. */
export async function startEngine(ports: EnginePorts, config: EngineConfig): Promise<Engine> {
  const loaded = await load(ports, config.acceptedLostData)
  let tellFailure: (error: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    tellFailure = resolve
  })
  const rt = createRuntime(ports, config, loaded, (error) => tellFailure(error))
  for (const channel of loaded.channels) restore(rt, channel)
  restoreLocks(rt, loaded.uses)
  for (const { nodeId, endpoint } of loaded.peers) rt.links.know(nodeId, endpoint, true)
  await firstGroup(rt, loaded)
  setProfile(rt)
  tellOwnChannels(rt)
  const watch = await startChainWatch(rt)
  // A node that does not see the chain must not look as if it did.
  watch.done.catch((error: unknown) => fail(rt, error, tellFailure))
  const tick = setInterval(() => post(rt, (group) => takeTick(rt, group)), TICK_MS)
  tick.unref()
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= shutDown(rt, tick, () => watch.stop())
    return stopping
  }
  ports.log.info({ channels: rt.channels.size, node: ports.transport.nodeId }, 'engine started')
  return { service: createService(rt, stop), failed }
}

function createRuntime(
  ports: EnginePorts,
  config: EngineConfig,
  loaded: Loaded,
  tellFailure: (error: Error) => void,
): Runtime {
  const { chain, crypto, log, nowMs, store } = ports
  const loop = new GroupCommit<Input, Group>(
    {
      open: openGroup,
      apply: (group, input) => input(group),
      seal(group) {
        sealChannels(rt, group)
        writeDirty(group)
      },
      changed: (group) => group.changes.length > 0,
      commit: (group) => store.commit(group.changes),
      release(group) {
        for (const effect of group.effects) effect()
        tellChanges(rt, group)
      },
      failed: (error) => fail(rt, error, tellFailure),
    },
    LIMITS,
  )
  const links = new PeerLinks({
    transport: ports.transport,
    minRedialMs: config.minRedialMs,
    maxRedialMs: config.maxRedialMs,
    random: () => (ports.randomBytes(1)[0] ?? 0) / 256,
    nowMs,
    events: {
      onConnected: (peer, session) =>
        void loop.post(peer, (group) => connected(rt, group, peer, session), 64),
      onDisconnected: (peer, reason) =>
        void loop.post(peer, (group) => disconnected(rt, group, peer, reason), 64),
      onFrame: (peer, session, frame, room) =>
        loop.post(peer, (group) => receive(rt, group, peer, frame, session), 256 + frame.length, room),
      onWritable: (peer) => void loop.post(peer, () => {}, 64),
    },
  })
  const rt: Runtime = {
    ports,
    config,
    loop,
    links,
    channels: new Map(),
    peers: new Map(),
    peerFaults: new Map(),
    due: new Set(),
    book: createPaymentBook(loaded.lastSequence),
    events: createEventHub((error) => log.warn({ error: String(error) }, 'a listener of events threw')),
    waits: createWaits(),
    reads: createLimiter(8),
    submissions: createSubmissions(chain, log, nowMs),
    joint: createJointBook(nowMs),
    bankDomain: domainOf(crypto, chain.chainId, bytes20(chain.bank)),
    registryDomain: domainOf(crypto, chain.chainId, bytes20(chain.registry)),
    session: ports.randomBytes(16),
    startedAtMs: nowMs(),
    chainHealth: chain.health(),
    head: undefined,
    final: undefined,
    registry: loaded.registry,
    locks: createLockBook(),
    lockNotes: [],
    handlers: LOCK_USERS,
    policies: loaded.policies,
    invoices: loaded.invoices,
    netPayments: loaded.netPayments,
    seenOnions: new Map(),
    jointPays: loaded.jointPays,
    jointPayments: new Map(),
    wantedJoints: loaded.wantedJoints,
    jointNotes: [],
    announced: loaded.announced,
    network: createNetworkView(ports, (peer, frame) => sendGossip(rt, peer, frame)),
    sendJoint: (group, payment, invoice) => sendJoint(rt, group, payment, invoice),
    jointEnded: (group, state, outcome) => jointEnded(rt, group, state, outcome),
    onStop: new Set(),
    running: true,
    failure: undefined,
  }
  return rt
}

/** Puts a loaded channel back as it was: its state, its open lines, and their payments. */
function restore(rt: Runtime, loaded: Loaded['channels'][number]): void {
  const channel = adoptChannel(rt, loaded.peer, loaded.core, loaded.record)
  channel.sentCount = loaded.sentCount
  channel.receivedCount = loaded.receivedCount
  rt.book.sentTotal += loaded.sentCount
  rt.book.receivedTotal += loaded.receivedCount
  for (const { nonce, base, bytes, payments } of loaded.lines) {
    const restored = payments.map((row): PendingPayment => {
      const payment: PendingPayment = {
        reference: `0x${Buffer.from(row.reference).toString('hex')}`,
        referenceBytes: row.reference,
        amount: row.amount,
        channel,
        sequence: row.sequence,
        nonce: row.nonce,
        index: row.index,
        atMs: row.atMs,
        released: true,
        refusals: 0,
        completions: [],
      }
      rt.book.open.set(payment.reference, payment)
      return payment
    })
    const amount = restored.reduce((sum, payment) => sum + payment.amount, 0n)
    channel.sent.set(nonce, { nonce, base, bytes, payments: restored, amount, refusal: undefined })
  }
  // An accepted line may have been committed by a process that ended before it could acknowledge.
  channel.flushDue = loaded.core.in.accepted.nonce > loaded.core.in.acked.nonce
  if (channel.flushDue) rt.due.add(channel)
}

/** Marks of the format and of lost data are durable before anything is signed or sent. */
async function firstGroup(rt: Runtime, { markLost }: Loaded): Promise<void> {
  post(rt, (group) => {
    group.changes.push(...loadedMarks(markLost))
    resumeLocks(rt, group, (later, lock) => resumeLock(rt, later, lock))
    resumePayments(rt, group)
    resumeJoints(rt, group)
    if (!markLost) return
    for (const channel of rt.channels.values()) {
      run(rt, group, channel, { type: 'data-lost' })
      rt.ports.log.error({ channel: channel.id }, 'data was lost: nothing is signed in this channel again')
    }
  })
  await rt.loop.settled()
  if (rt.failure !== undefined) throw stoppedError(rt)
  for (const channel of rt.channels.values()) driveFunding(rt, channel)
}

function takeTick(rt: Runtime, group: Group): void {
  tickInvoices(rt, group)
  tickJoints(rt, group)
  forgetOnions(rt)
  group.effects.push(() => tellOwnChannels(rt))
  for (const channel of rt.channels.values()) {
    if (hasCourtWork(channel)) group.effects.push(() => drive(rt, channel))
    if (wantsFunding(channel)) group.effects.push(() => driveFunding(rt, channel))
  }
}

function wantsFunding({ record }: Channel): boolean {
  return record.fundings.some(({ state }) => state === 'wanted')
}

/** A failed commit, or a bug: memory is ahead of the disk, so only a restart is safe. Nothing is released any more. */
function fail(rt: Runtime, error: unknown, tellFailure: (error: Error) => void): void {
  if (!rt.running) return
  rt.failure = error
  rt.ports.log.error(
    { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
    'the engine stopped',
  )
  halt(rt)
  void rt.ports.transport.close()
  tellFailure(error instanceof Error ? error : new Error(String(error)))
}

/** Ends everything that waits. */
function halt(rt: Runtime): void {
  rt.running = false
  rt.loop.stop()
  rt.links.stop()
  rt.network.gossip.stop()
  rt.submissions.stop()
  const error = stoppedError(rt)
  rt.waits.end(error)
  for (const end of rt.onStop) end()
  rt.onStop.clear()
  for (const payment of rt.book.open.values()) abandon(payment, error)
}

async function shutDown(rt: Runtime, tick: NodeJS.Timeout, stopWatch: () => Promise<void>): Promise<void> {
  clearInterval(tick)
  if (rt.running) await settledWithin(rt, SETTLE_MS)
  halt(rt)
  await stopWatch()
  await rt.ports.transport.close()
  await rt.ports.chain.stop()
  await rt.ports.store.close()
}

/** What is under way may end in order, for a bounded time: peers that never fall silent do not keep the node running. */
async function settledWithin(rt: Runtime, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([rt.loop.settled(), deadline])
  clearTimeout(timer)
}

function bytes20(hex: Hex): Uint8Array {
  const bytes = fromHex(hex, 20)
  if (bytes === undefined) throw new Error(`not an address: ${hex}`)
  return bytes
}
