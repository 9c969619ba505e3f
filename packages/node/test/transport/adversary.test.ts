/** Strangers, forgers and men in the middle at the TLS transport. Source: docs/spec/transport.md; RFC 9266. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTlsCredentials } from '../../src/transport/certificate.ts'
import { decodeClose, frameType } from '../../src/transport/frame.ts'
import { ALPN_PROTOCOL } from '../../src/transport/handshake.ts'
import type { TransportLimits } from '../../src/transport/limits.ts'
import type { PeerEndpoint, Transport } from '../../src/transport/port.ts'
import type { ConnectionRefusal } from '../../src/transport/refusal-reports.ts'
import { createTlsTransport } from '../../src/transport/tls.ts'
import { announced, Ear, refusal } from './conformance.ts'
import { testIdentity, verifyTestIdentity } from './identities.ts'
import { callNode, hello, type Line, malloryListens, provedLine } from './mallory.ts'
import { ended, listening } from './wire.ts'

interface Victim {
  readonly transport: Transport
  readonly at: PeerEndpoint
  /** The next refusal it reports. */
  refused(): Promise<ConnectionRefusal>
}

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()))
})

async function victim(name: string, limits: Partial<TransportLimits> = {}): Promise<Victim> {
  const ready: ConnectionRefusal[] = []
  const waiting: ((refusal: ConnectionRefusal) => void)[] = []
  const transport = await createTlsTransport({
    identity: testIdentity(name),
    verify: verifyTestIdentity,
    limits: { refusalReports: 1_000, ...limits },
    onRefusal(refusal) {
      const take = waiting.shift()
      if (take === undefined) ready.push(refusal)
      else take(refusal)
    },
  })
  open.push(transport)
  const at = await transport.listen({ host: '127.0.0.1', port: 0 })
  return {
    transport,
    at: { ...at, nodeId: transport.nodeId },
    refused: () => {
      const refusal = ready.shift()
      return refusal === undefined ? new Promise((take) => waiting.push(take)) : Promise.resolve(refusal)
    },
  }
}

/** An honest session at the victim; `check` shows that it still works both ways. */
async function honestSession(at: Victim): Promise<{ check(): Promise<void> }> {
  const friend = await victim('friend')
  const sessions = announced(at.transport)
  const there = new Ear(await friend.transport.dial(at.at))
  const here = new Ear(await sessions.next())
  return {
    async check() {
      const counts = [here.frames.length + 1, there.frames.length + 1] as const
      there.session.send(Uint8Array.of(1))
      here.session.send(Uint8Array.of(2))
      await Promise.all([here.heard(counts[0]), there.heard(counts[1])])
      expect([here.session.open, there.session.open]).toEqual([true, true])
    },
  }
}

async function closeReason(line: Line) {
  for (;;) {
    const frame = await line.frame()
    if (frame === undefined) return undefined
    if (frame[0] === frameType.close) return decodeClose(frame[1])
  }
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

describe('TP-1: what is not the transport’s TLS', () => {
  let bob: Victim
  let friend: { check(): Promise<void> }
  beforeEach(async () => {
    bob = await victim('bob')
    friend = await honestSession(bob)
  })

  /** `leaving`: the sender ends its side too, for bytes that may look like the beginning of something longer. */
  async function say(bytes: Uint8Array | string, leaving = false): Promise<ConnectionRefusal> {
    const socket = connect(bob.at.port, bob.at.host)
    const gone = ended(socket)
    socket.write(bytes)
    if (leaving) socket.end()
    const refused = await bob.refused()
    await gone
    return refused
  }

  test('plaintext HTTP is refused and others go on', async () => {
    expect(await say('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')).toMatchObject({ code: 'tls-refused' })
    await friend.check()
  })

  test('random bytes are refused and others go on', async () => {
    for (let i = 0; i < 20; i++)
      expect(['tls-refused', 'connection-lost']).toContain((await say(randomBytes(200), true)).code)
    await friend.check()
  })

  test('a connection that says nothing and leaves is noticed', async () => {
    const socket = connect(bob.at.port, bob.at.host)
    await once(socket, 'connect')
    socket.destroy()
    expect(await bob.refused()).toMatchObject({ code: 'connection-lost', by: 'network' })
  })

  test('a TLS 1.2 client is refused', async () => {
    const socket = connectTls({
      ...bob.at,
      maxVersion: 'TLSv1.2',
      ALPNProtocols: [ALPN_PROTOCOL],
      rejectUnauthorized: false,
    })
    await ended(socket)
    expect(await bob.refused()).toMatchObject({ code: 'tls-refused' })
    await friend.check()
  })

  test.for([[undefined], [['h2', 'http/1.1']]])(
    'TLS 1.3 with the protocols %j is refused',
    async ([protocols]) => {
      const socket = connectTls({
        ...bob.at,
        ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
        rejectUnauthorized: false,
      })
      await ended(socket)
      expect(await bob.refused()).toMatchObject({ code: 'tls-refused' })
    },
  )

  test('a TLS 1.2 server is refused by the dialler', async () => {
    const { certPem, keyPem } = await createTlsCredentials()
    const server = createTlsServer({ cert: certPem, key: keyPem, maxVersion: 'TLSv1.2' })
    server.on('tlsClientError', () => undefined)
    const port = await listening(server)
    const { nodeId } = testIdentity('old')
    expect((await refusal(bob.transport.dial({ nodeId, host: '127.0.0.1', port }))).code).toBe('tls-refused')
    await new Promise((done) => server.close(done))
  })
})

describe('TP-11, TP-20, TP-30: before the proofs', () => {
  test.for<[string, string, (line: Line, bob: Victim) => void]>([
    ['a frame announced too long', 'frame-too-long', (line) => line.raw(uint32(0xffff_ffff))],
    ['a data-sized frame', 'frame-too-long', (line) => line.raw(uint32(4096))],
    ['a frame of length 0', 'frame-malformed', (line) => line.raw(uint32(0))],
    ['an unknown type', 'frame-malformed', (line) => line.send(99, Uint8Array.of(1))],
    ['a hello cut short', 'frame-malformed', (line) => line.send(frameType.hello, new Uint8Array(130))],
    ['data', 'frame-too-long', (line) => line.send(frameType.data, Uint8Array.of(1))],
    [
      'a proof nobody asked for',
      'frame-unexpected',
      (line) => line.send(frameType.proof, new Uint8Array(65)),
    ],
    [
      'a hello without a node id',
      'frame-malformed',
      (line) => line.send(frameType.hello, Uint8Array.of(1, ...new Uint8Array(130))),
    ],
    [
      'another version',
      'version-unsupported',
      (line, { at }) =>
        line.send(
          frameType.hello,
          hello(testIdentity('mallory'), { listenerId: at.nodeId, exporter: line.exporter }, { version: 2 }),
        ),
    ],
    [
      'a hello for another node',
      'wrong-node',
      (line) =>
        line.send(
          frameType.hello,
          hello(testIdentity('mallory'), {
            listenerId: testIdentity('carol').nodeId,
            exporter: line.exporter,
          }),
        ),
    ],
    [
      'the node’s own id',
      'self-dial',
      (line, { at }) =>
        line.send(
          frameType.hello,
          hello(testIdentity('bob'), { listenerId: at.nodeId, exporter: line.exporter }),
        ),
    ],
  ])('%s is refused as %s', async ([, code, act]) => {
    const bob = await victim('bob')
    const friend = await honestSession(bob)
    const line = await callNode(bob.at)
    act(line, bob)
    expect(await closeReason(line)).toMatchObject({ code })
    expect(await bob.refused()).toMatchObject({ code, by: 'us' })
    await line.gone
    expect(bob.transport.sessions().length).toBe(1)
    await friend.check()
  })

  test('a hello that stops in the middle ends with its connection', async () => {
    const bob = await victim('bob')
    const line = await callNode(bob.at)
    line.raw(Buffer.concat([uint32(132), Uint8Array.of(frameType.hello, 1, 2, 3)]))
    line.socket.end()
    expect(await bob.refused()).toMatchObject({
      code: 'connection-lost',
      detail: expect.stringContaining('inside a frame'),
    })
  })

  test.for<[string, (at: PeerEndpoint) => Promise<Socket>]>([
    ['a silent connection', async (at) => connect(at.port, at.host)],
    ['a silent TLS connection', async (at) => (await callNode(at)).socket],
    [
      'a hello that drips',
      async (at) => {
        const { socket } = await callNode(at)
        const bytes = Buffer.concat([uint32(132), Uint8Array.of(frameType.hello), new Uint8Array(131)])
        let next = 0
        const drip = setInterval(() => socket.write(bytes.subarray(next, ++next)), 50)
        socket.once('close', () => clearInterval(drip))
        return socket
      },
    ],
  ])('%s is ended by the handshake timeout', async ([, call]) => {
    const bob = await victim('bob', { handshakeTimeoutMs: 300 })
    const gone = ended(await call(bob.at))
    expect(await bob.refused()).toMatchObject({ code: 'handshake-timeout' })
    await gone
  })

  test('unproved connections have a limit of their own, an address at a time, and free their places', async () => {
    const bob = await victim('bob', { maxUnprovedPerAddress: 3, maxUnproved: 6 })
    const silent = await Promise.all([1, 2, 3].map(() => callNode(bob.at)))
    const fourth = connect(bob.at.port, bob.at.host)
    await ended(fourth)
    expect(await bob.refused()).toMatchObject({ code: 'too-many-connections' })
    const elsewhere = await callNode(bob.at, { localAddress: '127.0.0.2' })
    const mallory = testIdentity('mallory')
    elsewhere.send(
      frameType.hello,
      hello(mallory, { listenerId: bob.at.nodeId, exporter: elsewhere.exporter }),
    )
    expect((await elsewhere.frame())?.[0]).toBe(frameType.proof)
    for (const line of silent) line.socket.destroy()
    for (const _ of silent) expect(await bob.refused()).toMatchObject({ code: 'connection-lost' })
    const friend = await victim('friend')
    expect((await friend.transport.dial(bob.at)).open).toBe(true)
  })

  test('connections of one address and in all are limited, proved or not', async () => {
    const bob = await victim('bob', { maxConnectionsPerAddress: 2, maxConnections: 3 })
    for (const name of ['m1', 'm2']) await provedLine(bob.at, bob.at.nodeId, testIdentity(name))
    await ended(connect(bob.at.port, bob.at.host))
    expect(await bob.refused()).toMatchObject({ code: 'too-many-connections' })
    await callNode(bob.at, { localAddress: '127.0.0.2' })
    await ended(connect({ port: bob.at.port, host: bob.at.host, localAddress: '127.0.0.3' }))
    expect(await bob.refused()).toMatchObject({ code: 'too-many-connections' })
  })
})

describe('TP-12, TP-13: identity', () => {
  test('a signature by another key is refused', async () => {
    const bob = await victim('bob')
    const line = await callNode(bob.at)
    const statement = { listenerId: bob.at.nodeId, exporter: line.exporter }
    const carol = testIdentity('carol').nodeId
    line.send(frameType.hello, hello(testIdentity('mallory'), statement, { dialerId: carol }))
    expect(await closeReason(line)).toMatchObject({ code: 'proof-invalid' })
    expect(bob.transport.sessions()).toEqual([])
  })

  test.for<[string, Uint8Array]>([
    ['zeros', new Uint8Array(64)],
    ['all ones', new Uint8Array(64).fill(0xff)],
    ['random bytes', randomBytes(64)],
  ])('a signature of %s is refused', async ([, signature]) => {
    const bob = await victim('bob')
    const line = await callNode(bob.at)
    const statement = { listenerId: bob.at.nodeId, exporter: line.exporter }
    line.send(frameType.hello, hello(testIdentity('mallory'), statement, { signature }))
    expect(await closeReason(line)).toMatchObject({ code: 'proof-invalid' })
  })

  test('a proof of an earlier session is refused: replay', async () => {
    const bob = await victim('bob')
    const alice = testIdentity('alice')
    const first = await provedLine(bob.at, bob.at.nodeId, alice)
    const recorded = hello(alice, { listenerId: bob.at.nodeId, exporter: first.exporter })
    first.socket.destroy()
    const second = await callNode(bob.at)
    second.send(frameType.hello, recorded)
    expect(await closeReason(second)).toMatchObject({ code: 'proof-invalid' })
  })

  test('a proof made for the other role is refused', async () => {
    const bob = await victim('bob')
    const line = await callNode(bob.at)
    const statement = { listenerId: bob.at.nodeId, exporter: line.exporter }
    line.send(frameType.hello, hello(testIdentity('mallory'), statement, { role: 'listener' }))
    expect(await closeReason(line)).toMatchObject({ code: 'proof-invalid' })
  })

  test('a listener that reflects the dialler’s own signature is refused', async () => {
    const alice = await victim('alice')
    const mallory = await malloryListens(async (line) => {
      const said = await line.frame()
      if (said !== undefined)
        line.send(frameType.proof, Buffer.concat([Uint8Array.of(1), said[1].subarray(-64)]))
    })
    open.push(mallory)
    const dial = alice.transport.dial({ ...mallory, nodeId: testIdentity('bob').nodeId })
    expect((await refusal(dial)).code).toBe('proof-invalid')
    expect(alice.transport.sessions()).toEqual([])
  })

  test('a listener that proves itself and not the dialled node is refused', async () => {
    const alice = await victim('alice')
    const mallory = testIdentity('mallory')
    const listener = await malloryListens(async (line) => {
      await line.frame()
      const statement = { dialerId: alice.at.nodeId, listenerId: mallory.nodeId, exporter: line.exporter }
      line.send(
        frameType.proof,
        Buffer.concat([Uint8Array.of(1), mallory.prove({ ...statement, role: 'listener' })]),
      )
    })
    open.push(listener)
    const dial = alice.transport.dial({ ...listener, nodeId: testIdentity('bob').nodeId })
    expect((await refusal(dial)).code).toBe('proof-invalid')
  })

  test.for<[string, string, (line: Line) => void]>([
    [
      'another version',
      'version-unsupported',
      (line) => line.send(frameType.proof, Uint8Array.of(2, ...new Uint8Array(64))),
    ],
    ['data instead of a proof', 'frame-too-long', (line) => line.send(frameType.data, Uint8Array.of(1))],
    [
      'a hello instead of a proof',
      'frame-unexpected',
      (line) => line.send(frameType.hello, new Uint8Array(131)),
    ],
    ['nothing', 'handshake-timeout', () => undefined],
  ])('a listener that answers %s is refused as %s', async ([, code, act]) => {
    const alice = await victim('alice', { handshakeTimeoutMs: code === 'handshake-timeout' ? 300 : 10_000 })
    const listener = await malloryListens(async (line) => {
      await line.frame()
      act(line)
    })
    open.push(listener)
    const dial = alice.transport.dial({ ...listener, nodeId: testIdentity('bob').nodeId })
    expect((await refusal(dial)).code).toBe(code)
  })

  test('a man in the middle who ends TLS on both sides and passes every frame on is found out by both', async () => {
    const [alice, bob] = [await victim('alice'), await victim('bob')]
    const passed: number[] = []
    const mallory = await malloryListens(async (near) => {
      const far = await callNode(bob.at)
      const pass = async (from: Line, to: Line) => {
        for (let frame = await from.frame(); frame !== undefined; frame = await from.frame()) {
          passed.push(frame[0])
          to.send(frame[0], frame[1])
        }
        to.socket.end()
      }
      void pass(near, far)
      void pass(far, near)
    })
    open.push(mallory)
    const dial = alice.transport.dial({ ...bob.at, host: mallory.host, port: mallory.port })
    expect((await refusal(dial)).code).toBe('proof-invalid')
    expect(await bob.refused()).toMatchObject({ code: 'proof-invalid' })
    expect(passed[0]).toBe(frameType.hello)
    expect([alice.transport.sessions(), bob.transport.sessions()]).toEqual([[], []])
  })
})

test('a node that can no longer sign refuses, on both sides, and stays up', async () => {
  const identity = testIdentity('bob')
  const bob = await victim('bob')
  const mute = await createTlsTransport({
    identity: {
      nodeId: identity.nodeId,
      prove: () => {
        throw new Error('key destroyed')
      },
    },
    verify: verifyTestIdentity,
  })
  open.push(mute)
  const at = await mute.listen({ host: '127.0.0.1', port: 0 })
  const alice = await victim('alice')
  expect((await refusal(alice.transport.dial({ ...at, nodeId: identity.nodeId }))).code).toBe('closed')
  expect((await refusal(mute.dial({ ...alice.at }))).code).toBe('closed')
  expect((await alice.transport.dial(bob.at)).open).toBe(true)
})

describe('TP-21 to TP-24: a proved peer that turns bad', () => {
  test.for<[string, string, (line: Line) => void]>([
    [
      'announces a frame too long',
      'frame-too-long',
      (line) => line.raw(Buffer.concat([uint32(0xffff_ffff), Uint8Array.of(3)])),
    ],
    [
      'announces one byte too many',
      'frame-too-long',
      (line) => line.raw(Buffer.concat([uint32(1024 * 1024 + 2), Uint8Array.of(3)])),
    ],
    ['sends a frame of length 0', 'frame-malformed', (line) => line.raw(uint32(0))],
    ['sends an empty data frame', 'frame-malformed', (line) => line.send(frameType.data, new Uint8Array(0))],
    ['sends an unknown type', 'frame-malformed', (line) => line.send(200, Uint8Array.of(1))],
    [
      'sends an overlong close',
      'frame-malformed',
      (line) => line.send(frameType.close, new Uint8Array(1000)),
    ],
    ['says hello again', 'frame-unexpected', (line) => line.send(frameType.hello, new Uint8Array(131))],
    [
      'cuts a frame short',
      'connection-lost',
      (line) => line.socket.end(Buffer.concat([uint32(100), Uint8Array.of(3, 1)])),
    ],
    ['sends random bytes', 'frame-too-long', (line) => line.raw(new Uint8Array(4096).fill(0xee))],
  ])('%s: the session ends as %s, others go on', async ([, code, act]) => {
    const bob = await victim('bob')
    const friend = await honestSession(bob)
    const sessions = announced(bob.transport)
    const line = await provedLine(bob.at, bob.at.nodeId, testIdentity('mallory'))
    const ear = new Ear(await sessions.next())
    line.send(frameType.data, Uint8Array.of(42))
    await ear.heard(1)
    act(line)
    expect(await ear.closed).toMatchObject({ code })
    await line.gone
    expect(ear.frames).toEqual([Uint8Array.of(42)])
    await friend.check()
  })

  test('its words cannot carry control characters into our logs', async () => {
    const bob = await victim('bob')
    const sessions = announced(bob.transport)
    const line = await provedLine(bob.at, bob.at.nodeId, testIdentity('mallory'))
    const ear = new Ear(await sessions.next())
    line.send(
      frameType.close,
      Buffer.concat([Uint8Array.of(250), Buffer.from('\u001b[2J\r\nfake log line\u2028')]),
    )
    const reason = await ear.closed
    expect(reason).toMatchObject({ code: 'closed', by: 'peer' })
    expect(reason.detail).not.toMatch(/[\p{Cc}\p{Zl}]/u)
  })

  test('falls silent: idle timeout; and so does one whose keep-alives stop', async () => {
    const bob = await victim('bob', { keepAliveMs: 100, idleTimeoutMs: 600 })
    const sessions = announced(bob.transport)
    const line = await provedLine(bob.at, bob.at.nodeId, testIdentity('mallory'))
    const ear = new Ear(await sessions.next())
    line.send(frameType.keepAlive, new Uint8Array(0))
    expect((await line.frame())?.[0]).toBe(frameType.keepAlive)
    expect(await ear.closed).toMatchObject({ code: 'idle-timeout', by: 'us' })
    expect(await closeReason(line)).toMatchObject({ code: 'idle-timeout' })
  })

  test('a quiet session outlives the idle time as long as keep-alives come', async () => {
    const bob = await victim('bob', { keepAliveMs: 100, idleTimeoutMs: 600 })
    const sessions = announced(bob.transport)
    const line = await provedLine(bob.at, bob.at.nodeId, testIdentity('mallory'))
    const ear = new Ear(await sessions.next())
    // Each answers one of the node's own; ten of them take longer than the idle time.
    for (let i = 0; i < 10; i++) {
      expect((await line.frame())?.[0]).toBe(frameType.keepAlive)
      line.send(frameType.keepAlive, new Uint8Array(0))
    }
    expect(ear.session.open).toBe(true)
  })

  test('does not read while we close: the end does not wait for it', async () => {
    const bob = await victim('bob', { lingerMs: 200 })
    const sessions = announced(bob.transport)
    const line = await provedLine(bob.at, bob.at.nodeId, testIdentity('mallory'))
    const session = await sessions.next()
    line.socket.pause()
    while (session.send(new Uint8Array(1024 * 1024)) === 'queued');
    await bob.transport.close()
    line.socket.destroy()
    expect(session.open).toBe(false)
  })

  test('a hundred strangers with garbage do not disturb a session', async () => {
    const bob = await victim('bob')
    const friend = await honestSession(bob)
    const strangers = Array.from({ length: 100 }, (_, index) => {
      const socket = connect(bob.at.port, bob.at.host)
      const gone = ended(socket)
      socket.end(index % 2 === 0 ? randomBytes(5000) : 'POST / HTTP/1.1\r\n\r\n')
      return gone
    })
    for (let i = 0; i < 50; i++) await friend.check()
    await Promise.all(strangers)
    await friend.check()
  })
})
