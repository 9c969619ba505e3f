/**
 * What peers send: decoded, checked against who may say it, and given to the machine of its channel. Nothing a peer sends
 * throws into the loop, and nothing it sends concerns a channel of another peer.
 */

import {
  type ChannelMessage,
  decodeMessage,
  type Hello,
  isGossipFrame,
  type JointPayMessage,
  MAX_TEXT,
  type Message,
  PROTOCOL_VERSION,
  type Refusal,
  refusal,
  toHex,
} from '@tallystick/protocol'
import type { CloseReason } from '../transport/port.ts'
import { jointsConnected, takeJointMessage } from './joint/joint-messages.ts'
import { refusePlacements } from './locks/lock-lines.ts'
import { run, sendAfter } from './machine.ts'
import {
  resumeOpenings,
  takeAccept,
  takeJointConsent,
  takeJointRequest,
  takeProposal,
  takeProposalRefusal,
} from './opening.ts'
import { type Channel, type Group, type Peer, peerOf, post, type Runtime } from './runtime.ts'
import { tellPeer } from './views.ts'

export function connected(rt: Runtime, group: Group, nodeId: string, session: number): void {
  const peer = peerOf(rt, nodeId)
  peer.session = session
  peer.hello = undefined
  peer.hungUp = false
  sendAfter(rt, group, nodeId, ourHello(rt))
}

export function disconnected(rt: Runtime, group: Group, nodeId: string, reason: CloseReason): void {
  const peer = peerOf(rt, nodeId)
  peer.session = 0
  peer.hello = undefined
  rt.ports.log.info({ peer: nodeId, code: reason.code, by: reason.by }, reason.detail)
  for (const channel of peer.channels) {
    run(rt, group, channel, { type: 'disconnected' })
    // Whoever waits for the lock can go another way; what is signed stays, and is sent again.
    refusePlacements(rt, group, channel, 'peer-offline')
    group.touched.add(channel)
  }
  tellPeer(rt, group, nodeId, false)
  group.effects.push(() => rt.network.gossip.disconnected(nodeId))
  // Identities cost nothing: a stranger leaves nothing behind.
  if (peer.channels.size === 0) rt.peers.delete(nodeId)
}

/** One frame, in the loop. */
export function receive(rt: Runtime, group: Group, nodeId: string, frame: Uint8Array, session: number): void {
  const peer = peerOf(rt, nodeId)
  if (peer.session !== session || peer.hungUp) return
  if (isGossipFrame(frame)) {
    takeGossip(rt, group, peer, frame)
    return
  }
  const decoded = decodeMessage(frame)
  if (!decoded.ok) {
    hangUp(rt, group, peer, { code: 'malformed', field: decoded.field, text: decoded.detail })
    return
  }
  handle(rt, group, peer, decoded.message)
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
    case 'jointpay-terms':
    case 'jointpay-signatures':
    case 'jointpay-abort':
    case 'jointpay-receipt':
    case 'jointpay-refusal':
      takeJoint(rt, group, peer, message)
      return
    default:
      takeChannelMessage(rt, group, peer, message)
  }
}

/** Beside the loop: nothing of gossip is durable or about this node's money. */
function takeGossip(rt: Runtime, group: Group, peer: Peer, frame: Uint8Array): void {
  if (peer.hello === undefined) {
    hangUp(rt, group, peer, faultOf(refusal('chain-differs', 'hello', 'the first message must be hello')))
    return
  }
  const { session } = peer
  // In the order of the effects: gossip hears of a session after our hello has left, and of its frames after that.
  group.effects.push(() => {
    const malformed = rt.network.gossip.frame(peer.nodeId, frame)
    if (malformed === undefined) return
    const { field, detail: text } = malformed
    post(rt, (later) => {
      if (peer.session === session) hangUp(rt, later, peer, { code: 'malformed', field, text })
    })
  })
}

function takeJoint(rt: Runtime, group: Group, peer: Peer, message: JointPayMessage): void {
  const why = takeJointMessage(rt, group, peer, message)
  if (why === undefined) return
  const { code, field, detail, remedy } = why
  hangUp(rt, group, peer, { code, field, text: detail ?? remedy })
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
  jointsConnected(rt, group, peer)
  group.effects.push(() => rt.network.gossip.connected(peer.nodeId))
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
