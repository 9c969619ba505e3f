/** Finding and remembering peers. */

import { ServiceError } from './errors.ts'
import { peerAddressOf } from './input-checks.ts'
import { type Peer, post, type Runtime } from './runtime.ts'
import type { PeerView } from './service.ts'
import { peerViews } from './views.ts'

export async function connectPeer(rt: Runtime, address: string, timeoutMs: number): Promise<PeerView> {
  const peer = await findPeer(rt, address, timeoutMs)
  const view = peerViews(rt).find(({ nodeId }) => nodeId === peer.nodeId)
  if (view === undefined) throw new ServiceError('INTERNAL', { field: 'peer' })
  return view
}

/** The peer, connected, of the same chain, and remembered. @throws ServiceError PEER_OFFLINE, PEER_REFUSED, INVALID_PEER. */
export async function findPeer(rt: Runtime, address: string, timeoutMs: number): Promise<Peer> {
  if (!rt.running) throw new ServiceError('STOPPED')
  const { nodeId, endpoint } = peerAddressOf(address)
  if (nodeId === rt.ports.transport.nodeId)
    throw new ServiceError('INVALID_PEER', { field: 'peer', detail: 'This is the node itself.' })
  if (
    endpoint === undefined &&
    !rt.peers.has(nodeId) &&
    !rt.links.list().some((link) => link.nodeId === nodeId)
  )
    throw new ServiceError('UNKNOWN_PEER', { field: 'peer' })
  rt.peerFaults.delete(nodeId)
  const deadlineMs = rt.ports.nowMs() + timeoutMs
  await rt.links.connect(nodeId, endpoint, timeoutMs)
  if (endpoint !== undefined)
    post(rt, (group) => {
      group.changes.push({ type: 'peer.put', row: { nodeId, bytes: Buffer.from(JSON.stringify(endpoint)) } })
    })
  return rt.waits.until(`peer/${nodeId}`, Math.max(1, deadlineMs - rt.ports.nowMs()), () => {
    const fault = rt.peerFaults.get(nodeId)
    if (fault !== undefined) throw new ServiceError('PEER_REFUSED', { field: 'peer', detail: fault })
    const peer = rt.peers.get(nodeId)
    return peer?.hello === undefined ? undefined : peer
  })
}
