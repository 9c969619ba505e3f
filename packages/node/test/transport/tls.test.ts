import type { Transport } from '../../src/transport/port.ts'
import { createTlsTransport } from '../../src/transport/tls.ts'
import { transportConformance } from './conformance.ts'
import { testIdentity, verifyTestIdentity } from './identities.ts'
import { type Relay, relayTo } from './wire.ts'

transportConformance('TLS 1.3', async () => {
  const transports: Transport[] = []
  const relays = new Map<Transport, Relay>()
  return {
    async node(name, limits) {
      const identity = testIdentity(name)
      const transport = await createTlsTransport({
        identity,
        verify: verifyTestIdentity,
        ...(limits === undefined ? {} : { limits }),
      })
      const bound = await transport.listen({ host: '127.0.0.1', port: 0 })
      const relay = await relayTo(bound)
      transports.push(transport)
      relays.set(transport, relay)
      return { transport, at: { nodeId: identity.nodeId, host: '127.0.0.1', port: relay.port } }
    },
    cut(at) {
      relays.get(at.transport)?.cut()
    },
    async end() {
      await Promise.all(transports.map((transport) => transport.close()))
      await Promise.all([...relays.values()].map((relay) => relay.close()))
    },
  }
})
