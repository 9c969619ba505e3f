/**
 * What every session does, whatever carries its bytes: queue bounds, delivery in order, one end with one reason.
 * An adapter gives it a {@link Link} and tells it what came and when the link is gone.
 */
import type { TransportLimits } from './limits.ts'
import type { CloseCode, CloseReason, NodeId, SendResult, Session } from './port.ts'
import { TransportError } from './port.ts'

/** The carrier of one session. No method throws, and none calls back into the session before it returns. */
export interface Link {
  readonly remoteAddress: string
  /** Queues a data frame (copies it). */
  write(frame: Uint8Array): void
  /** Bytes queued and not handed to the network yet. */
  queuedBytes(): number
  pause(): void
  resume(): void
  /** Sends what is queued, then the reason (unless the peer gave it), then ends; or ends at once when `abrupt`. */
  end(reason: CloseReason, abrupt: boolean): void
}

/** The adapter's side of a session. */
export class LinkSession implements Session {
  static #lastId = 0
  readonly id = ++LinkSession.#lastId
  readonly peerId: NodeId
  readonly initiator: 'us' | 'peer'
  readonly remoteAddress: string
  readonly #link: Link
  readonly #limits: TransportLimits
  #receive: ((frame: Uint8Array) => void) | undefined
  #inbox: Uint8Array[] = []
  #delivering = false
  #paused = false
  #reason: CloseReason | undefined
  #closed: ((reason: CloseReason) => void)[] = []
  #drained: (() => void)[] = []

  constructor(link: Link, peerId: NodeId, initiator: 'us' | 'peer', limits: TransportLimits) {
    this.#link = link
    this.#limits = limits
    this.peerId = peerId
    this.initiator = initiator
    this.remoteAddress = link.remoteAddress
  }

  get open(): boolean {
    return this.#reason === undefined
  }

  send(frame: Uint8Array): SendResult {
    this.#assertFrame(frame)
    if (this.#reason !== undefined) return 'closed'
    if (this.#link.queuedBytes() + frame.length > this.#limits.maxQueueBytes) {
      const detail = `More than ${this.#limits.maxQueueBytes} bytes wait for a peer that does not read; dial again later.`
      this.finish({ code: 'peer-too-slow', by: 'us', detail }, true)
      return 'closed'
    }
    this.#link.write(frame)
    return this.#link.queuedBytes() > this.#limits.highWaterBytes ? 'backlogged' : 'queued'
  }

  drained(): Promise<void> {
    if (this.#reason !== undefined || this.#link.queuedBytes() <= this.#limits.highWaterBytes)
      return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  onMessage(receive: (frame: Uint8Array) => void): void {
    this.#receive = receive
    this.#pump()
  }

  onClose(closed: (reason: CloseReason) => void): void {
    if (this.#reason === undefined) this.#closed.push(closed)
    else closed(this.#reason)
  }

  pause(): void {
    this.#paused = true
    this.#link.pause()
  }

  resume(): void {
    this.#paused = false
    this.#pump()
  }

  close(code: CloseCode = 'closed', detail = 'The session was ended.'): void {
    this.finish({ code, by: 'us', detail }, false)
  }

  /** A frame came. */
  deliver(frame: Uint8Array): void {
    if (this.#reason !== undefined) return
    this.#inbox.push(frame)
    this.#pump()
  }

  /** The queue got shorter. */
  drain(): void {
    if (this.#link.queuedBytes() > this.#limits.highWaterBytes) return
    const waiting = this.#drained
    this.#drained = []
    for (const resolve of waiting) resolve()
  }

  /** Ends the session once; later calls change nothing. `abrupt` skips what is queued. */
  finish(reason: CloseReason, abrupt: boolean): void {
    if (this.#reason === undefined) this.#end(reason, reason, abrupt)
  }

  #end(reason: CloseReason, told: CloseReason, abrupt: boolean): void {
    this.#reason = reason
    this.#inbox = []
    this.#link.end(told, abrupt)
    const drained = this.#drained
    const closed = this.#closed
    this.#drained = []
    this.#closed = []
    for (const resolve of drained) resolve()
    for (const tell of closed) tell(reason)
  }

  /** Hands over what is in the inbox, unless paused; never inside itself, so order holds. */
  #pump(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        const [receive, frame] = next
        receive(frame)
      }
    } catch (cause) {
      this.#fail(cause)
    } finally {
      this.#delivering = false
    }
    if (this.#reason !== undefined) return
    if (this.#paused || this.#receive === undefined) this.#link.pause()
    else this.#link.resume()
  }

  /** The receiver threw: the peer learns that its message was refused, and nothing of our insides. */
  #fail(cause: unknown): void {
    if (this.#reason !== undefined) return
    const told: CloseReason = { code: 'protocol-violation', by: 'us', detail: 'A message was refused.' }
    this.#end({ ...told, detail: `The receiver of a message threw: ${String(cause)}` }, told, false)
  }

  #next(): readonly [(frame: Uint8Array) => void, Uint8Array] | undefined {
    if (this.#paused || this.#receive === undefined) return undefined
    const frame = this.#inbox.shift()
    return frame === undefined ? undefined : [this.#receive, frame]
  }

  #assertFrame(frame: Uint8Array): void {
    if (frame.length === 0)
      throw new TransportError(
        'frame-empty',
        'frame',
        'A frame has at least one byte.',
        'Do not send empty frames.',
      )
    if (frame.length > this.#limits.maxFrameBytes)
      throw new TransportError(
        'frame-too-long',
        'frame',
        `A frame has at most ${this.#limits.maxFrameBytes} bytes; this one has ${frame.length}.`,
        'Split the message.',
      )
  }
}
