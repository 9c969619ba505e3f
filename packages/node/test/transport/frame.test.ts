import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeClose,
  encodeClose,
  encodeFrame,
  FrameDecoder,
  type FrameType,
  frameType,
} from '../../src/transport/frame.ts'

const MAX_DATA_BYTES = 2000
/** Without the character that stands for a broken one. */
const text = fc.string({ unit: 'grapheme', maxLength: 600 }).filter((chosen) => !chosen.includes('\ufffd'))
const body = fc.uint8Array({ minLength: 1, maxLength: MAX_DATA_BYTES })

function decode(stream: Uint8Array, cuts: readonly number[]) {
  const decoder = new FrameDecoder()
  decoder.maxDataBytes = MAX_DATA_BYTES
  const frames: [FrameType, Uint8Array][] = []
  const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]
  for (let i = 1; i < edges.length; i++) {
    const fault = decoder.push(stream.subarray(edges[i - 1], edges[i]), (type, content) => {
      frames.push([type, content])
      return true
    })
    if (fault !== undefined) return { frames, fault, incomplete: decoder.incomplete }
  }
  return { frames, fault: undefined, incomplete: decoder.incomplete }
}

describe('TP-20: frames', () => {
  test('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(body, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (bodies, cuts) => {
        const stream = Buffer.concat(bodies.map((content) => encodeFrame(frameType.data, content)))
        const { frames, fault, incomplete } = decode(stream, cuts)
        expect(fault).toBeUndefined()
        expect(incomplete).toBe(false)
        expect(frames).toEqual(bodies.map((content) => [frameType.data, content]))
      }),
    )
  })

  test('random bytes give frames or one typed fault, the same however they are cut', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        (stream, cuts) => {
          const whole = decode(stream, [])
          const cut = decode(stream, cuts)
          expect(cut).toEqual(whole)
          if (whole.fault !== undefined)
            expect(['frame-too-long', 'frame-malformed']).toContain(whole.fault.code)
        },
      ),
    )
  })

  test('a length is refused when its four bytes are known: nothing after them is kept', () => {
    const decoder = new FrameDecoder()
    const header = Uint8Array.of(0x7f, 0xff, 0xff, 0xff)
    expect(decoder.push(header, () => true)).toMatchObject({ code: 'frame-too-long' })
  })

  test('data is refused until it is allowed', () => {
    const decoder = new FrameDecoder()
    const frame = encodeFrame(frameType.data, Uint8Array.of(1))
    expect(decoder.push(frame, () => true)).toMatchObject({ code: 'frame-too-long' })
  })

  test('a taker that stops gets nothing more of the chunk', () => {
    const decoder = new FrameDecoder()
    const keepAlive = encodeFrame(frameType.keepAlive, new Uint8Array(0))
    let taken = 0
    decoder.push(Buffer.concat([keepAlive, keepAlive]), () => ++taken < 1)
    expect(taken).toBe(1)
  })

  test('a close keeps its reason, and its text at most 400 bytes of whole characters', () => {
    fc.assert(
      fc.property(text, (detail) => {
        const close = encodeClose('idle-timeout', detail)
        expect(close.length).toBeLessThanOrEqual(401)
        const reason = decodeClose(close)
        expect(reason).toMatchObject({ code: 'idle-timeout', by: 'peer' })
        expect(reason.detail).not.toMatch(/[\p{Cc}\ufffd]/u)
      }),
    )
  })
})
