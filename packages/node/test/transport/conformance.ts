/** What every adapter of the transport port must do. Each adapter's test file calls it with a world of its own. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TransportLimits } from '../../src/transport/limits.ts'
import type { CloseReason, PeerEndpoint, Session, Transport } from '../../src/transport/port.ts'
import { TransportError } from '../../src/transport/port.ts'

export interface TransportWorld {
  /** A listening node; the same name always has the same identity, also while an older one still lives. */
  node(name: string, limits?: Partial<TransportLimits>): Promise<WorldNode>
  /** Cuts the wire between a node and everybody who dialled it, without a word. */
  cut(at: WorldNode): void
  end(): Promise<void>
}

export interface WorldNode {
  readonly transport: Transport
  readonly at: PeerEndpoint
}

/** Everything one session shows, and promises for what a test waits for. */
export class Ear {
  readonly session: Session
  readonly frames: Uint8Array[] = []
  readonly reasons: CloseReason[] = []
  readonly closed: Promise<CloseReason>
  #waiting: { count: number; done: () => void }[] = []

  constructor(session: Session, options: { deaf?: boolean } = {}) {
    this.session = session
    this.closed = new Promise((resolve) =>
      session.onClose((reason) => {
        this.reasons.push(reason)
        resolve(reason)
      }),
    )
    if (options.deaf !== true) this.listen()
  }

  listen(): void {
    this.session.onMessage((frame) => {
      this.frames.push(frame)
      this.#waiting = this.#waiting.filter(({ count, done }) => this.frames.length < count || done())
    })
  }

  heard(count: number): Promise<void> {
    if (this.frames.length >= count) return Promise.resolve()
    return new Promise((done) => this.#waiting.push({ count, done }))
  }
}

/** The sessions a transport announces, as promises. */
export function announced(transport: Transport): { next(): Promise<Session>; readonly all: Session[] } {
  const all: Session[] = []
  const waiting: ((session: Session) => void)[] = []
  const ready: Session[] = []
  transport.onSession((session) => {
    all.push(session)
    const take = waiting.shift()
    if (take === undefined) ready.push(session)
    else take(session)
  })
  return {
    all,
    next: () => {
      const session = ready.shift()
      return session === undefined ? new Promise((take) => waiting.push(take)) : Promise.resolve(session)
    },
  }
}

export async function refusal(attempt: Promise<unknown>): Promise<TransportError> {
  const outcome = await attempt.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  if (outcome instanceof TransportError) return outcome
  throw outcome
}

function frameOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 0xff)
}

const MAX_FRAME_BYTES = 64 * 1024
const LIMITS: Partial<TransportLimits> = {
  maxFrameBytes: MAX_FRAME_BYTES,
  highWaterBytes: 256 * 1024,
  maxQueueBytes: 64 * 1024 * 1024,
}

export function transportConformance(name: string, makeWorld: () => Promise<TransportWorld>): void {
  describe(`transport conformance: ${name}`, () => {
    let world: TransportWorld
    beforeEach(async () => {
      world = await makeWorld()
    })
    afterEach(() => world.end())

    async function connected(limits: Partial<TransportLimits> = LIMITS) {
      const a = await world.node('a', limits)
      const b = await world.node('b', limits)
      const atB = announced(b.transport)
      const dialled = await a.transport.dial(b.at)
      return { a, b, atB, dialled, accepted: await atB.next() }
    }

    describe('TP-41: frames', () => {
      test('arrive whole, in order and both ways, from 1 byte to the longest', async () => {
        const { a, b, dialled, accepted } = await connected()
        expect(dialled.peerId).toBe(b.at.nodeId)
        expect(accepted.peerId).toBe(a.at.nodeId)
        expect([dialled.initiator, accepted.initiator]).toEqual(['us', 'peer'])
        const [left, right] = [new Ear(dialled), new Ear(accepted)]
        const sent = [1, 2, 3, 1000, 16_383, 16_384, 16_385, MAX_FRAME_BYTES, 1].map(frameOf)
        for (const frame of sent) {
          expect(dialled.send(frame)).not.toBe('closed')
          expect(accepted.send(frame)).not.toBe('closed')
        }
        await Promise.all([left.heard(sent.length), right.heard(sent.length)])
        expect(left.frames).toEqual(sent)
        expect(right.frames).toEqual(sent)
      })

      test('are copied when given', async () => {
        const { dialled, accepted } = await connected()
        const ear = new Ear(accepted)
        const frame = frameOf(100, 1)
        dialled.send(frame)
        frame.fill(0)
        await ear.heard(1)
        expect(ear.frames[0]).toEqual(frameOf(100, 1))
      })

      test('that are empty or too long are the caller’s mistake: it hears so and the session lives', async () => {
        const { dialled, accepted } = await connected()
        const ear = new Ear(accepted)
        expect(() => dialled.send(new Uint8Array(0))).toThrow(
          expect.objectContaining({ code: 'frame-empty' }),
        )
        expect(() => dialled.send(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(
          expect.objectContaining({ code: 'frame-too-long', field: 'frame' }),
        )
        dialled.send(Uint8Array.of(7))
        await ear.heard(1)
        expect(ear.frames).toEqual([Uint8Array.of(7)])
      })

      test('that came before anybody listened wait', async () => {
        const { dialled, accepted } = await connected()
        const back = new Ear(dialled)
        const early = new Ear(accepted, { deaf: true })
        for (let i = 0; i < 50; i++) dialled.send(Uint8Array.of(i))
        accepted.send(Uint8Array.of(1))
        await back.heard(1)
        early.listen()
        await early.heard(50)
        expect(early.frames.map(([byte]) => byte)).toEqual(Array.from({ length: 50 }, (_, i) => i))
      })
    })

    describe('back-pressure', () => {
      test('a paused reader backs the writer up; resuming drains everything, in order', async () => {
        const { dialled, accepted } = await connected()
        const ear = new Ear(accepted)
        accepted.pause()
        let count = 0
        while (dialled.send(frameOf(MAX_FRAME_BYTES, count)) !== 'backlogged' || count < 200) count++
        count++
        let drained = false
        const drain = dialled.drained().then(() => {
          drained = true
        })
        expect(ear.frames.length).toBe(0)
        expect(drained).toBe(false)
        accepted.resume()
        await drain
        await ear.heard(count)
        expect(ear.frames.length).toBe(count)
        expect(ear.frames.map(([first]) => first)).toEqual(
          Array.from({ length: count }, (_, index) => index & 0xff),
        )
      })

      test('pausing inside a message holds the next one', async () => {
        const { dialled, accepted } = await connected()
        const got: number[] = []
        let paused: () => void = () => undefined
        const first = new Promise<void>((resolve) => {
          paused = resolve
        })
        let all: () => void = () => undefined
        const last = new Promise<void>((resolve) => {
          all = resolve
        })
        accepted.onMessage(([byte]) => {
          got.push(byte ?? -1)
          if (got.length === 1) {
            accepted.pause()
            paused()
          }
          if (got.length === 3) all()
        })
        for (const byte of [1, 2, 3]) dialled.send(Uint8Array.of(byte))
        await first
        expect(got).toEqual([1])
        accepted.resume()
        await last
        expect(got).toEqual([1, 2, 3])
      })

      test('a peer that never reads is cut off, and nobody else notices', async () => {
        const { a, dialled, accepted } = await connected({ ...LIMITS, maxQueueBytes: 4 * 1024 * 1024 })
        const c = await world.node('c', LIMITS)
        const atC = announced(c.transport)
        const other = new Ear(await a.transport.dial(c.at))
        const otherEnd = new Ear(await atC.next())
        accepted.pause()
        const ear = new Ear(dialled)
        let sent = 0
        while (sent < 1000 && dialled.send(frameOf(MAX_FRAME_BYTES, 0)) !== 'closed') sent++
        expect(sent).toBeGreaterThan(10)
        expect(sent).toBeLessThan(1000)
        expect((await ear.closed).code).toBe('peer-too-slow')
        expect(dialled.open).toBe(false)
        expect(a.transport.session(dialled.peerId)).toBeUndefined()
        other.session.send(Uint8Array.of(9))
        await otherEnd.heard(1)
        otherEnd.session.send(Uint8Array.of(8))
        await other.heard(1)
      })
    })

    describe('the end of a session', () => {
      test('comes once, with the same reason on both sides, after what was queued', async () => {
        const { a, b, dialled, accepted } = await connected()
        const [left, right] = [new Ear(dialled), new Ear(accepted)]
        for (let i = 0; i < 20; i++) dialled.send(frameOf(10_000, i))
        dialled.close('protocol-violation', 'nonce: below the last accepted one')
        dialled.close('closed', 'a second time')
        const told = await right.closed
        expect(told).toMatchObject({ code: 'protocol-violation', by: 'peer' })
        expect(told.detail).toContain('nonce: below the last accepted one')
        expect(await left.closed).toMatchObject({ code: 'protocol-violation', by: 'us' })
        expect(right.frames.length).toBe(20)
        expect([left.reasons.length, right.reasons.length]).toEqual([1, 1])
        expect([dialled.send(Uint8Array.of(1)), accepted.send(Uint8Array.of(1))]).toEqual([
          'closed',
          'closed',
        ])
        expect([a.transport.sessions(), b.transport.sessions()]).toEqual([[], []])
        let late: CloseReason | undefined
        dialled.onClose((reason) => {
          late = reason
        })
        expect(late).toMatchObject({ code: 'protocol-violation' })
        await dialled.drained()
      })

      test('a cut is `connection-lost` on both sides', async () => {
        const { b, dialled, accepted } = await connected()
        const [left, right] = [new Ear(dialled), new Ear(accepted)]
        world.cut(b)
        expect(await left.closed).toMatchObject({ code: 'connection-lost', by: 'network' })
        expect(await right.closed).toMatchObject({ code: 'connection-lost', by: 'network' })
      })

      test('a receiver that throws ends its session as a violation and keeps its words to itself', async () => {
        const { dialled, accepted } = await connected()
        const left = new Ear(dialled)
        const right = new Ear(accepted, { deaf: true })
        accepted.onMessage(() => {
          throw new Error('secret inner state')
        })
        dialled.send(Uint8Array.of(1))
        expect(await right.closed).toMatchObject({ code: 'protocol-violation', by: 'us' })
        const told = await left.closed
        expect(told).toMatchObject({ code: 'protocol-violation', by: 'peer' })
        expect(told.detail).not.toContain('secret')
      })

      test('closing the transport tells every peer `shutdown` and refuses to dial', async () => {
        const { a, b, dialled, accepted } = await connected()
        const [left, right] = [new Ear(dialled), new Ear(accepted)]
        await a.transport.close()
        await a.transport.close()
        expect(await left.closed).toMatchObject({ code: 'shutdown', by: 'us' })
        expect(await right.closed).toMatchObject({ code: 'shutdown', by: 'peer' })
        expect((await refusal(a.transport.dial(b.at))).code).toBe('shutdown')
        expect((await refusal(b.transport.dial(a.at))).code).toBe('dial-failed')
      })
    })

    describe('TP-13, TP-40: dialling', () => {
      test('is refused by name: malformed id, oneself, nobody there, another node there', async () => {
        const a = await world.node('a')
        const b = await world.node('b')
        const c = await world.node('c')
        expect(await refusal(a.transport.dial({ ...b.at, nodeId: 'nonsense' }))).toMatchObject({
          code: 'node-id-malformed',
          field: 'peer.nodeId',
        })
        expect((await refusal(a.transport.dial(a.at))).code).toBe('self-dial')
        expect((await refusal(a.transport.dial({ ...b.at, nodeId: c.at.nodeId }))).code).toBe('wrong-node')
        await b.transport.close()
        expect((await refusal(a.transport.dial(b.at))).code).toBe('dial-failed')
        expect(a.transport.sessions()).toEqual([])
      })

      test('twice, also at once, is one session', async () => {
        const a = await world.node('a')
        const b = await world.node('b')
        const atB = announced(b.transport)
        const [first, second] = await Promise.all([a.transport.dial(b.at), a.transport.dial(b.at)])
        expect(second).toBe(first)
        expect(await a.transport.dial(b.at)).toBe(first)
        const ear = new Ear(await atB.next())
        first.send(Uint8Array.of(1))
        await ear.heard(1)
        expect(atB.all.length).toBe(1)
      })

      test('from both sides at once leaves one session, the same for both, and it works', async () => {
        const a = await world.node('a')
        const b = await world.node('b')
        const ears: Ear[] = []
        const heard = new Map<Transport, () => void>()
        const both = [a, b].map(
          ({ transport }) =>
            new Promise<void>((resolve) => {
              heard.set(transport, resolve)
              transport.onSession((session) => {
                ears.push(new Ear(session))
                session.onMessage(() => heard.get(transport)?.())
              })
            }),
        )
        await Promise.all([a.transport.dial(b.at), b.transport.dial(a.at)])
        // Whichever session was replaced: the end that stays is the one that answers now, on both sides.
        const say = () => {
          a.transport.session(b.at.nodeId)?.send(Uint8Array.of(1))
          b.transport.session(a.at.nodeId)?.send(Uint8Array.of(2))
        }
        for (const { session } of ears) session.onClose(() => say())
        say()
        await Promise.all(both)
        const [inA, inB] = [a.transport.sessions(), b.transport.sessions()]
        expect([inA.length, inB.length]).toEqual([1, 1])
        expect([inA[0]?.initiator, inB[0]?.initiator].sort()).toEqual(['peer', 'us'])
      })

      test('again by a node that lost its session replaces the dead one at once', async () => {
        const { b, accepted } = await connected()
        const old = new Ear(accepted)
        const next = announced(b.transport)
        const reborn = await world.node('a')
        const again = await reborn.transport.dial(b.at)
        expect(await old.closed).toMatchObject({ code: 'replaced', by: 'us' })
        const fresh = new Ear(await next.next())
        expect(fresh.session).toBe(b.transport.session(reborn.at.nodeId))
        again.send(Uint8Array.of(5))
        await fresh.heard(1)
        expect(b.transport.sessions().length).toBe(1)
      })

      test('an aborted wait is refused', async () => {
        const a = await world.node('a')
        const b = await world.node('b')
        expect((await refusal(a.transport.dial(b.at, AbortSignal.abort()))).code).toBe('dial-failed')
      })
    })
  })
}
