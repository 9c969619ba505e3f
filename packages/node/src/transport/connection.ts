/**
 * One TLS connection as frames: decoding under limits, batched writes, keep-alive, idle timeout, an orderly end.
 * It serves the handshake first and then carries a session (it is the session's {@link Link}).
 */
import type { TLSSocket } from 'node:tls'
import type { FrameType } from './frame.ts'
import { decodeClose, encodeClose, encodeFrame, FrameDecoder, frameType } from './frame.ts'
import type { TransportLimits } from './limits.ts'
import type { CloseCode, CloseReason } from './port.ts'
import type { Link } from './session.ts'

/** Who is told what comes of a connection. */
export interface ConnectionUser {
  frame(type: FrameType, body: Uint8Array): void
  drained(): void
  /** The connection is over or of no use: the user answers with `end`. */
  ended(reason: CloseReason): void
}

export class Connection implements Link {
  readonly remoteAddress: string
  readonly #socket: TLSSocket
  readonly #limits: TransportLimits
  readonly #decoder = new FrameDecoder()
  #user: ConnectionUser
  #over = false
  #corked = false
  #paused = false
  #sentAtMs = performance.now()
  #heardAtMs = performance.now()
  #tickedAtMs = 0
  #ticker: NodeJS.Timeout | undefined

  /** `socket` has finished its TLS handshake. */
  constructor(socket: TLSSocket, limits: TransportLimits, user: ConnectionUser) {
    this.#socket = socket
    this.#limits = limits
    this.#user = user
    this.remoteAddress = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`
    socket.setNoDelay(true)
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk))
    socket.on('drain', () => this.#user.drained())
    socket.on('error', (error) => this.#lost(error.message))
    socket.on('end', () =>
      this.#lost(this.#decoder.incomplete ? 'the stream ended inside a frame' : 'the stream ended'),
    )
    socket.on('close', () => this.#lost('the connection was cut'))
  }

  /** From here on the connection carries a session: data is allowed, and silence ends it. */
  carry(user: ConnectionUser): void {
    this.#user = user
    this.#decoder.maxDataBytes = this.#limits.maxFrameBytes
    this.#heardAtMs = performance.now()
    this.#tickedAtMs = this.#heardAtMs
    this.#ticker = setInterval(() => this.#tick(), this.#limits.keepAliveMs / 2)
  }

  write(frame: Uint8Array): void {
    this.writeFrame(frameType.data, frame)
  }

  /** Frames written in one turn of the event loop leave in one TLS record. */
  writeFrame(type: FrameType, body: Uint8Array): void {
    if (this.#over) return
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#sentAtMs = performance.now()
    this.#socket.write(encodeFrame(type, body))
  }

  queuedBytes(): number {
    return this.#socket.writableLength
  }

  pause(): void {
    if (this.#paused || this.#over) return
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.#heardAtMs = performance.now()
    this.#socket.resume()
  }

  end(reason: CloseReason, abrupt: boolean): void {
    if (this.#over) return
    if (!abrupt && reason.by === 'us')
      this.writeFrame(frameType.close, encodeClose(reason.code, reason.detail))
    this.#over = true
    clearInterval(this.#ticker)
    if (abrupt || reason.by === 'network') {
      this.#socket.destroy()
      return
    }
    // What still comes is read and dropped, so that the peer's end of stream is seen.
    this.#socket.resume()
    this.#socket.end()
    const linger = setTimeout(() => this.#socket.destroy(), this.#limits.lingerMs)
    this.#socket.once('close', () => clearTimeout(linger))
  }

  #read(chunk: Uint8Array): void {
    if (this.#over) return
    this.#heardAtMs = performance.now()
    const fault = this.#decoder.push(chunk, (type, body) => {
      this.#take(type, body)
      return !this.#over
    })
    if (fault !== undefined) this.#refuse(fault.code, fault.detail)
  }

  #take(type: FrameType, body: Uint8Array): void {
    if (type === frameType.keepAlive) return
    if (type === frameType.close) this.#user.ended(decodeClose(body))
    else this.#user.frame(type, body)
  }

  #tick(): void {
    const nowMs = performance.now()
    // When this process itself stood still (suspended, swapped out), the peer gets another whole interval to be heard.
    if (nowMs - this.#tickedAtMs > this.#limits.keepAliveMs) this.#heardAtMs = nowMs
    this.#tickedAtMs = nowMs
    if (!this.#paused && nowMs - this.#heardAtMs >= this.#limits.idleTimeoutMs) {
      this.#refuse('idle-timeout', `Nothing was heard for ${this.#limits.idleTimeoutMs} ms; dial again.`)
      return
    }
    const quiet = nowMs - this.#sentAtMs >= this.#limits.keepAliveMs
    if (quiet && this.#socket.writableLength === 0) this.writeFrame(frameType.keepAlive, new Uint8Array(0))
  }

  #refuse(code: CloseCode, detail: string): void {
    if (!this.#over) this.#user.ended({ code, by: 'us', detail })
  }

  #lost(detail: string): void {
    if (this.#over) return
    this.#user.ended({ code: 'connection-lost', by: 'network', detail: `Connection lost: ${detail}.` })
  }
}
