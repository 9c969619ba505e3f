/**
 * What peers send: decoded, checked against who may say it, and given to the machine of its channel. Nothing a peer sends
 * throws into the loop, and nothing it sends concerns a channel of another peer.
 */

import {
  type ChannelMessage,
  conditionsToLookUp,
  decodeMessage,
  type Hello,
  isUsable,
  locksOf,
  MAX_TEXT,
  type Message,
  PROTOCOL_VERSION,
  type Refusal,
  refusal,
  toHex,
} from '@tallystick/protocol'
import type { CloseReason } from '../transport/port.ts'
import { lookUp } from './closing.ts'
import { run, sendAfter } from './machine.ts'
import {
  resumeOpenings,
  takeAccept,
  takeJointConsent,
  takeJointRequest,
  takeProposal,
  takeProposalRefusal,
} from './opening.ts'
import {
  type Channel,
  type Group,
  type ParkedMessage,
  type Peer,
  peerOf,
  post,
  type Runtime,
} from './runtime.ts'
import { tellPeer } from './views.ts'

const PAY_BYTES = 49
/** Messages of one peer that wait for a chain lookup; with more its session ends. */
const MAX_PARKED = 1_024
/** Bytes of them: above what an honest node has unacknowledged (lines.ts), so that its resends never end its session. */
const MAX_PARKED_BYTES = 10 * 1024 * 1024

export function connected(rt: Runtime, group: Group, nodeId: string, session: number): void {
  const peer = peerOf(rt, nodeId)
  peer.session = session
  peer.hello = undefined
  peer.parked = undefined
  peer.hungUp = false
  sendAfter(rt, group, nodeId, ourHello(rt))
}

export function disconnected(rt: Runtime, group: Group, nodeId: string, reason: CloseReason): void {
  const peer = peerOf(rt, nodeId)
  peer.session = 0
  peer.hello = undefined
  peer.parked = undefined
  rt.ports.log.info({ peer: nodeId, code: reason.code, by: reason.by }, reason.detail)
  for (const channel of peer.channels) {
    run(rt, group, channel, { type: 'disconnected' })
    group.touched.add(channel)
  }
  tellPeer(rt, group, nodeId, false)
  // Identities cost nothing: a stranger leaves nothing behind.
  if (peer.channels.size === 0) rt.peers.delete(nodeId)
}

/** One frame, in the loop. */
export function receive(rt: Runtime, group: Group, nodeId: string, frame: Uint8Array, session: number): void {
  const peer = peerOf(rt, nodeId)
  if (peer.session !== session || peer.hungUp) return
  const decoded = decodeMessage(frame)
  if (!decoded.ok) {
    hangUp(rt, group, peer, { code: 'malformed', field: decoded.field, text: decoded.detail })
    return
  }
  const { message } = decoded
  if (peer.parked === undefined) handle(rt, group, peer, message)
  else if (peer.parked.length < MAX_PARKED && peer.parkedBytes + frame.length <= MAX_PARKED_BYTES)
    wait(peer, { bytes: frame.length, judge: (later) => handle(rt, later, peer, message) })
  else {
    peer.parked = []
    hangUp(
      rt,
      group,
      peer,
      faultOf(refusal('policy', 'message', 'too many messages while the chain is asked')),
    )
  }
}

function handle(rt: Runtime, group: Group, peer: Peer, message: Message): void {
  switch (message.type) {
    case 'hello':
      takeHello(rt, group, peer, message)
      return
    case 'ping':
      sendAfter(rt, group, peer.nodeId, { type: 'pong', id: message.id })
      return
    case 'pong':
      return
    case 'error':
      rt.ports.log.warn({ peer: peer.nodeId, code: message.code, field: message.field }, message.text)
      return
  }
  if (peer.hello === undefined) {
    hangUp(rt, group, peer, faultOf(refusal('chain-differs', 'hello', 'the first message must be hello')))
    return
  }
  switch (message.type) {
    case 'channel-proposal':
      takeProposal(rt, group, peer, message)
      return
    case 'channel-accept':
      takeAccept(rt, group, peer, message)
      return
    case 'joint-request':
      takeJointRequest(rt, group, peer, message)
      return
    case 'joint-consent':
      takeJointConsent(rt, group, peer, message)
      return
    default:
      takeChannelMessage(rt, group, peer, message)
  }
}

function ourHello(rt: Runtime): Hello {
  const { chain, signer } = rt.ports
  return {
    type: 'hello',
    version: PROTOCOL_VERSION,
    chainId: chain.chainId,
    bank: bytesOf(chain.bank),
    registry: bytesOf(chain.registry),
    signer: signer.address,
    owner: bytesOf(chain.account),
    agent: rt.config.agent,
    session: rt.session,
  }
}

function takeHello(rt: Runtime, group: Group, peer: Peer, hello: Hello): void {
  const { chain } = rt.ports
  const wrong =
    peer.hello !== undefined ? refusal('chain-differs', 'hello', 'said twice') : helloRefusal(chain, hello)
  if (wrong !== undefined) {
    hangUp(rt, group, peer, faultOf(wrong))
    return
  }
  peer.hello = hello
  for (const channel of peer.channels) {
    if (channel.record.abandoned !== undefined || !channel.record.agreed) continue
    run(rt, group, channel, { type: 'connected' })
    group.touched.add(channel)
  }
  resumeOpenings(rt, group, peer)
  tellPeer(rt, group, peer.nodeId, true)
}

function helloRefusal(chain: Runtime['ports']['chain'], hello: Hello): Refusal | undefined {
  if (hello.version !== PROTOCOL_VERSION)
    return refusal('chain-differs', 'version', `this node speaks ${PROTOCOL_VERSION}`)
  if (hello.chainId !== chain.chainId)
    return refusal('chain-differs', 'chainId', `this node uses ${chain.chainId}`)
  if (toHex(hello.bank) !== chain.bank)
    return refusal('chain-differs', 'bank', `this node uses ${chain.bank}`)
  if (toHex(hello.registry) !== chain.registry)
    return refusal('chain-differs', 'registry', `this node uses ${chain.registry}`)
  return undefined
}

function takeChannelMessage(rt: Runtime, group: Group, peer: Peer, message: ChannelMessage): void {
  const channel = rt.channels.get(toHex(message.channelId))
  if (message.type === 'refusal' && (message.about === 'channel' || message.about === 'joint')) {
    takeProposalRefusal(rt, group, peer, message)
    return
  }
  if (channel === undefined || channel.peer !== peer.nodeId || channel.record.abandoned !== undefined) {
    sendAfter(rt, group, peer.nodeId, {
      type: 'refusal',
      channelId: message.channelId,
      about: 'channel',
      nonce: 0,
      lastAccepted: 0,
      code: 'wrong-channel',
      field: 'channelId',
    })
    return
  }
  // Our proposal is not accepted yet; with the acceptance everything is told again.
  if (!channel.record.agreed) return
  const unknown = conditionsToAsk(rt, channel, message)
  if (unknown.length > 0) {
    park(rt, peer, unknown, (later) => step(rt, later, peer, channel, message))
    return
  }
  step(rt, group, peer, channel, message)
}

function step(rt: Runtime, group: Group, peer: Peer, channel: Channel, message: ChannelMessage): void {
  const refused = run(rt, group, channel, { type: 'message', message })
  if (refused === undefined) return
  const { refusal: why, reply } = refused
  rt.ports.log.warn(
    { peer: peer.nodeId, channel: channel.id, message: message.type, code: why.code, field: why.field },
    why.detail ?? why.remedy,
  )
  if (reply !== undefined) sendAfter(rt, group, peer.nodeId, reply)
  if (why.consequence === 'close-connection') hangUp(rt, group, peer, faultOf(why))
  if (why.consequence === 'close-channel') {
    const { log } = rt.ports
    log.error({ channel: channel.id, code: why.code }, 'this channel cannot go on: close it alone')
    rt.events.emit({
      type: 'warning',
      atMs: rt.ports.nowMs(),
      code: why.code,
      message: `${channel.id}: ${why.remedy}`,
    })
  }
}

/**
 * The conditions that the core will ask about. None where it refuses the message whatever the registry says: looking up
 * costs two calls of the chain each, and a stranger must not be able to make us pay for thousands of them.
 */
function conditionsToAsk(rt: Runtime, { core }: Channel, message: ChannelMessage): readonly Uint8Array[] {
  if (message.type !== 'update' || onlyPayments(message) || !isUsable(core)) return []
  const distinct = new Map<string, Uint8Array>()
  for (const id of conditionsToLookUp(core, { type: 'message', message })) distinct.set(toHex(id), id)
  // Every pending lock may go and as many come as we take (LK-5). One more, so that a line that is just over is told why.
  const most = locksOf(core.in.accepted.locks).length + rt.config.policy.maxPendingLocks + 1
  return distinct.size > most ? [] : [...distinct.values()]
}

/**
 * Asks the registry about conditions before the message that names them is judged; later messages of the peer wait, so
 * that their order stays. What cannot be found out stays unknown, and the core refuses the lock.
 */
function park(
  rt: Runtime,
  peer: Peer,
  conditions: readonly Uint8Array[],
  judge: (later: Group) => void,
): void {
  const { session } = peer
  peer.parked = []
  peer.parkedBytes = 0
  const wanted = () => rt.running && peer.session === session && !peer.hungUp
  void lookUp(rt, conditions, wanted).then((answers) =>
    post(rt, (later) => {
      if (!wanted()) return
      const waiting = peer.parked ?? []
      peer.parked = undefined
      for (const [id, answer] of answers) rt.resolutions.set(id, answer)
      judge(later)
      rt.resolutions.clear()
      for (const [index, next] of waiting.entries()) {
        if (!wanted()) return
        next.judge(later)
        // One of them had to be parked itself: the rest waits behind it.
        const parked = peer.parked as Peer['parked']
        if (parked === undefined) continue
        for (const behind of waiting.slice(index + 1)) wait(peer, behind)
        return
      }
    }),
  )
}

function wait(peer: Peer, message: ParkedMessage): void {
  peer.parked?.push(message)
  peer.parkedBytes += message.bytes
}

/** `pay` operations have 49 bytes each, the first of them 1 (EN-80): then no condition is named. */
function onlyPayments(message: ChannelMessage): boolean {
  if (message.type !== 'update') return false
  const { operations, operationCount } = message
  if (operations.length !== operationCount * PAY_BYTES) return false
  for (let at = 0; at < operations.length; at += PAY_BYTES) if (operations[at] !== 1) return false
  return true
}

/** Tells the peer why, then ends the session. */
function hangUp(rt: Runtime, group: Group, peer: Peer, why: Fault): void {
  const text = printable(why.text)
  rt.ports.log.warn({ peer: peer.nodeId, code: why.code, field: why.field }, `hanging up: ${text}`)
  sendAfter(rt, group, peer.nodeId, {
    type: 'error',
    code: printable(why.code),
    field: printable(why.field),
    text,
  })
  const { session } = peer
  peer.hungUp = true
  rememberFault(rt, peer.nodeId, `${why.code} (${why.field}): ${text}`)
  group.effects.push(() => {
    rt.links.hangUp(peer.nodeId, session, `${why.code}: ${text}`)
    rt.waits.poke(`peer/${peer.nodeId}`)
  })
}

function rememberFault(rt: Runtime, nodeId: string, fault: string): void {
  rt.peerFaults.delete(nodeId)
  rt.peerFaults.set(nodeId, fault)
  const [oldest] = rt.peerFaults.keys()
  if (rt.peerFaults.size > 1_000 && oldest !== undefined) rt.peerFaults.delete(oldest)
}

interface Fault {
  readonly code: string
  readonly field: string
  readonly text: string
}

function faultOf(why: Refusal): Fault {
  return { code: why.code, field: why.field, text: why.detail ?? why.remedy }
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_TEXT)
}

function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex.slice(2), 'hex')
}
