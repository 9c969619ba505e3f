/**
 * Frames on the stream: `uint32 length (big endian) | uint8 type | body`, where length counts type and body.
 *
 * Invariant: a length is judged when its four bytes are known and a type when its byte is known, before anything of the
 * body is kept; memory grows with bytes that really came (beyond a first 64 KiB), not with what was announced. Frames of unknown type are refused, never skipped.
 */
import type { CloseCode, CloseReason } from './port.ts'

export const frameType = { hello: 1, proof: 2, data: 3, keepAlive: 4, close: 5 } as const
export type FrameType = (typeof frameType)[keyof typeof frameType]

export const FRAME_HEADER_BYTES = 5
const LONGEST_CLOSE_DETAIL_BYTES = 400
/** A body that is still coming gets at least this much room, so that usual frames are not moved while they grow. */
const LEAST_BUFFER_BYTES = 64 * 1024

/** Body lengths in bytes: [least, most]. Data is limited by configuration. */
const BODY_BYTES: Record<Exclude<FrameType, 3>, readonly [number, number]> = {
  [frameType.hello]: [131, 131],
  [frameType.proof]: [65, 65],
  [frameType.keepAlive]: [0, 0],
  [frameType.close]: [1, 1 + LONGEST_CLOSE_DETAIL_BYTES],
}

/** Numbers of the reasons on the wire; a number never changes its meaning. Reasons that end a connection without words are not sent. */
const CLOSE_NUMBERS: Partial<Record<CloseCode, number>> = {
  closed: 0,
  shutdown: 1,
  replaced: 2,
  duplicate: 3,
  'idle-timeout': 4,
  'peer-too-slow': 5,
  'frame-too-long': 6,
  'frame-malformed': 7,
  'frame-unexpected': 8,
  'handshake-timeout': 9,
  'version-unsupported': 10,
  'wrong-node': 11,
  'proof-invalid': 12,
  'self-dial': 13,
  'too-many-connections': 14,
  'protocol-violation': 15,
}
const CLOSE_CODES = new Map(
  Object.entries(CLOSE_NUMBERS).map(([code, number]) => [number, code as CloseCode]),
)

export interface FrameFault {
  readonly code: 'frame-too-long' | 'frame-malformed'
  readonly detail: string
}

/** One frame as bytes; copies `body`. */
export function encodeFrame(type: FrameType, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length)
  new DataView(frame.buffer).setUint32(0, 1 + body.length)
  frame[4] = type
  frame.set(body, FRAME_HEADER_BYTES)
  return frame
}

/** The close frame's body: number of the reason, then UTF-8 text for people. */
export function encodeClose(code: CloseCode, detail: string): Uint8Array {
  const text = new Uint8Array(LONGEST_CLOSE_DETAIL_BYTES)
  const { written } = new TextEncoder().encodeInto(detail, text)
  const body = new Uint8Array(1 + written)
  body[0] = CLOSE_NUMBERS[code] ?? 0
  body.set(text.subarray(0, written), 1)
  return body
}

/** Reads a close frame's body. The text comes from a stranger: control characters become spaces. */
export function decodeClose(body: Uint8Array): CloseReason {
  const code = CLOSE_CODES.get(body[0] ?? -1) ?? 'closed'
  const text = new TextDecoder().decode(body.subarray(1)).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
  return { code, by: 'peer', detail: text === '' ? 'The peer ended the session.' : `The peer says: ${text}` }
}

/** Cuts a byte stream into frames. */
export class FrameDecoder {
  /** The longest data body accepted, in bytes; 0 refuses data (before the proofs). */
  maxDataBytes = 0
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerLength = 0
  #body = new Uint8Array(0)
  #bodyLength = 0
  #bodyWanted = 0

  /** True in the middle of a frame: an end of the stream here cuts it. */
  get incomplete(): boolean {
    return this.#headerLength > 0
  }

  /**
   * Hands every complete frame to `take`, which owns the body and answers false to stop (the rest is discarded).
   * Returns the first fault; the stream is of no use after it.
   */
  push(chunk: Uint8Array, take: (type: FrameType, body: Uint8Array) => boolean): FrameFault | undefined {
    let at = 0
    while (at < chunk.length) {
      if (this.#headerLength < FRAME_HEADER_BYTES) {
        this.#header[this.#headerLength++] = chunk[at++] ?? 0
        const fault = this.#judgeHeader()
        if (fault !== undefined) return fault
        if (this.#headerLength < FRAME_HEADER_BYTES || this.#bodyWanted > 0) continue
      }
      at += this.#append(chunk, at)
      if (this.#bodyLength < this.#bodyWanted) return undefined
      const body = this.#body.length === this.#bodyLength ? this.#body : this.#body.slice(0, this.#bodyLength)
      const type = this.#header[4] as FrameType
      this.#headerLength = 0
      this.#body = new Uint8Array(0)
      this.#bodyLength = 0
      if (!take(type, body)) return undefined
    }
    return undefined
  }

  #judgeHeader(): FrameFault | undefined {
    if (this.#headerLength === 4) {
      const length = new DataView(this.#header.buffer).getUint32(0)
      if (length === 0)
        return { code: 'frame-malformed', detail: 'A frame of length 0; send at least its type.' }
      const longest = 1 + Math.max(this.maxDataBytes, 1 + LONGEST_CLOSE_DETAIL_BYTES)
      if (length > longest) return tooLong(length, longest)
      this.#bodyWanted = length - 1
    }
    if (this.#headerLength < FRAME_HEADER_BYTES) return undefined
    return judgeBody(this.#header[4] ?? 0, this.#bodyWanted, this.maxDataBytes)
  }

  /** Copies what belongs to the body; grows the buffer with what came, not with what was announced. */
  #append(chunk: Uint8Array, from: number): number {
    const count = Math.min(chunk.length - from, this.#bodyWanted - this.#bodyLength)
    const needed = this.#bodyLength + count
    if (needed > this.#body.length) {
      const roomy = Math.max(needed, this.#body.length * 2, LEAST_BUFFER_BYTES)
      const grown = new Uint8Array(Math.min(this.#bodyWanted, roomy))
      grown.set(this.#body.subarray(0, this.#bodyLength))
      this.#body = grown
    }
    this.#body.set(chunk.subarray(from, from + count), this.#bodyLength)
    this.#bodyLength = needed
    return count
  }
}

function judgeBody(type: number, bytes: number, maxDataBytes: number): FrameFault | undefined {
  if (type === frameType.data) {
    if (bytes > maxDataBytes) return tooLong(bytes, maxDataBytes)
    if (bytes === 0) return { code: 'frame-malformed', detail: 'A data frame without data.' }
    return undefined
  }
  const allowed = BODY_BYTES[type as keyof typeof BODY_BYTES]
  if (allowed === undefined) return { code: 'frame-malformed', detail: `Unknown frame type ${type}.` }
  const [least, most] = allowed
  if (bytes >= least && bytes <= most) return undefined
  return {
    code: 'frame-malformed',
    detail: `A frame of type ${type} with ${bytes} bytes (${least} to ${most} allowed).`,
  }
}

function tooLong(bytes: number, most: number): FrameFault {
  return {
    code: 'frame-too-long',
    detail: `A frame of ${bytes} bytes was announced; at most ${most} are taken.`,
  }
}
