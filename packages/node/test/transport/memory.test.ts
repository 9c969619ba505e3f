import { describe, expect, test } from 'vitest'
import { createMemoryNetwork } from '../../src/transport/memory.ts'
import { announced, Ear, transportConformance } from './conformance.ts'
import { testIdentity } from './identities.ts'

transportConformance('memory', async () => {
  // Nodes of one world share limits here, so each test's limits make a network, and the first node's count.
  let network: ReturnType<typeof createMemoryNetwork> | undefined
  const nodes: string[] = []
  return {
    async node(name, limits) {
      network ??= createMemoryNetwork(limits === undefined ? {} : { limits })
      const { nodeId } = testIdentity(name)
      nodes.push(nodeId)
      const transport = network.transport(nodeId)
      return { transport, at: { nodeId, ...(await transport.listen({ host: 'memory', port: 0 })) } }
    },
    cut(at) {
      for (const nodeId of nodes) network?.cut(nodeId, at.at.nodeId)
    },
    async end() {},
  }
})

describe('the memory network’s controls', () => {
  async function pair() {
    const tasks: (() => void)[] = []
    const network = createMemoryNetwork({ schedule: (task) => tasks.push(task) })
    const run = () => {
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task()
    }
    const [a, b] = [network.transport(testIdentity('a').nodeId), network.transport(testIdentity('b').nodeId)]
    const at = await b.listen({ host: 'memory', port: 0 })
    const sessions = announced(b)
    const dialling = a.dial({ ...at, nodeId: b.nodeId })
    run()
    const dialled = await dialling
    return { network, run, a, b, at, left: new Ear(dialled), right: new Ear(await sessions.next()) }
  }

  test('nothing is delivered before its task runs', async () => {
    const { run, left, right } = await pair()
    left.session.send(Uint8Array.of(1))
    expect(right.frames).toEqual([])
    run()
    expect(right.frames).toEqual([Uint8Array.of(1)])
  })

  test('cutAfter loses the tail and the connection', async () => {
    const { network, run, a, b, left, right } = await pair()
    network.cutAfter(a.nodeId, b.nodeId, 2)
    for (const byte of [1, 2, 3, 4]) left.session.send(Uint8Array.of(byte))
    run()
    expect(right.frames.map(([byte]) => byte)).toEqual([1, 2])
    expect(left.reasons).toMatchObject([{ code: 'connection-lost' }])
    expect(right.reasons).toMatchObject([{ code: 'connection-lost' }])
  })

  test('hold delays one way only; release keeps the order', async () => {
    const { network, run, a, b, left, right } = await pair()
    network.hold(a.nodeId, b.nodeId)
    left.session.send(Uint8Array.of(1))
    left.session.send(Uint8Array.of(2))
    right.session.send(Uint8Array.of(9))
    run()
    expect([left.frames.length, right.frames.length]).toEqual([1, 0])
    network.release(a.nodeId, b.nodeId)
    run()
    expect(right.frames.map(([byte]) => byte)).toEqual([1, 2])
  })

  test('parted nodes cannot dial until joined', async () => {
    const { network, run, a, b, at, left } = await pair()
    network.part(a.nodeId, b.nodeId)
    expect(left.reasons).toMatchObject([{ code: 'connection-lost' }])
    const refused = a.dial({ ...at, nodeId: b.nodeId })
    run()
    await expect(refused).rejects.toMatchObject({ code: 'dial-failed' })
    network.join(a.nodeId, b.nodeId)
    const dialling = a.dial({ ...at, nodeId: b.nodeId })
    run()
    expect((await dialling).open).toBe(true)
  })
})
