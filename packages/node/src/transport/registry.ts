/**
 * The live sessions of one transport: at most one a peer, and which of two stays.
 *
 * Rule, the same on both sides without asking:
 * - Two sessions dialled by the same node: the newer stays. A node dials again only when it has lost the older one.
 * - Dialled by different nodes, within `simultaneousDialMs`: the one that the node with the lower id dialled stays.
 * - Dialled by different nodes, later: the newer stays (its dialler has lost the older one).
 */
import type { TransportLimits } from './limits.ts'
import type { NodeId, Session } from './port.ts'
import type { LinkSession } from './session.ts'

interface Live {
  readonly session: LinkSession
  readonly sinceMs: number
}

export class SessionRegistry {
  readonly #self: NodeId
  readonly #limits: TransportLimits
  readonly #nowMs: () => number
  readonly #live = new Map<NodeId, Live>()
  #announce: ((session: Session) => void) | undefined
  #unannounced: LinkSession[] = []

  constructor(self: NodeId, limits: TransportLimits, nowMs: () => number) {
    this.#self = self
    this.#limits = limits
    this.#nowMs = nowMs
  }

  get(peerId: NodeId): LinkSession | undefined {
    return this.#live.get(peerId)?.session
  }

  all(): LinkSession[] {
    return [...this.#live.values()].map(({ session }) => session)
  }

  /** Would a session with this peer, made now, stay? Lets a listener refuse before it answers the proof. */
  wouldStay(peerId: NodeId, initiator: 'us' | 'peer'): boolean {
    const present = this.#live.get(peerId)
    return present === undefined || this.#newerStays(present, peerId, initiator)
  }

  /** Takes the session in, ends the one it replaces, announces it; or ends it as `duplicate` and answers false. */
  add(session: LinkSession): boolean {
    const present = this.#live.get(session.peerId)
    if (present !== undefined) {
      if (!this.#newerStays(present, session.peerId, session.initiator)) {
        session.close('duplicate', 'Another session of the same two nodes stays.')
        return false
      }
      present.session.close('replaced', 'A newer session of the same two nodes took over.')
    }
    this.#live.set(session.peerId, { session, sinceMs: this.#nowMs() })
    session.onClose(() => {
      if (this.#live.get(session.peerId)?.session === session) this.#live.delete(session.peerId)
    })
    if (this.#announce === undefined) this.#unannounced.push(session)
    else this.#announce(session)
    return true
  }

  onSession(announce: (session: Session) => void): void {
    this.#announce = announce
    const waiting = this.#unannounced
    this.#unannounced = []
    for (const session of waiting) announce(session)
  }

  #newerStays(present: Live, peerId: NodeId, initiator: 'us' | 'peer'): boolean {
    if (present.session.initiator === initiator) return true
    if (this.#nowMs() - present.sinceMs >= this.#limits.simultaneousDialMs) return true
    const lowerDialled = initiator === 'us' ? this.#self < peerId : peerId < this.#self
    return lowerDialled
  }
}
