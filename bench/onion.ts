/** Making and opening onions in memory: three hops, our own payloads, the native library where it loads. */
import { loadCrypto } from '@tallystick/crypto'
import {
  createOnion,
  encodeHopPayload,
  type HopPayload,
  type OnionHop,
  peelOnion,
} from '@tallystick/protocol'
import { perSecond } from './measure.ts'

const associatedData = new Uint8Array(32).fill(0xc0)
const nodeKeys = [1, 2, 3].map((value) => new Uint8Array(32).fill(value))

/** Onions of three hops made a second, each with a session key of its own. */
export async function creatingOnions(): Promise<number[]> {
  const { onion: crypto } = await loadCrypto()
  const hops = await threeHops()
  return perSecond((count) => {
    const sessionKey = new Uint8Array(32).fill(0x41)
    new DataView(sessionKey.buffer).setUint32(0, count)
    if ('code' in createOnion(crypto, { sessionKey, hops, associatedData }))
      throw new Error('an onion of the benchmark was refused')
  })
}

/** Onions opened a second by the first of three hops: the one that also makes the packet for the next. */
export async function peelingOnions(): Promise<number[]> {
  const { onion: crypto, createOnionKey } = await loadCrypto()
  const hops = await threeHops()
  const nodeKey = createOnionKey(nodeKeys[0] ?? new Uint8Array())
  const packets = Array.from({ length: 256 }, (_, index) => {
    const made = createOnion(crypto, { sessionKey: new Uint8Array(32).fill(index + 1), hops, associatedData })
    return 'code' in made ? [] : [made.packet]
  }).flat()
  return perSecond((count) => {
    const packet = packets[count % packets.length] ?? new Uint8Array()
    if ('code' in peelOnion(crypto, { nodeKey, packet, associatedData }))
      throw new Error('an onion of the benchmark was refused')
  })
}

async function threeHops(): Promise<OnionHop[]> {
  const { onion: crypto } = await loadCrypto()
  const forward = { type: 'forward', channelId: new Uint8Array(32), amount: 1n, expiry: 1 } as const
  const final = {
    type: 'final',
    amount: 1n,
    expiry: 1,
    paymentSecret: new Uint8Array(32),
    total: 1n,
    metadata: new Uint8Array(0),
  } as const
  return [forward, forward, final].map((content: HopPayload, index) => {
    const nodeId = crypto.publicKey(nodeKeys[index] ?? new Uint8Array())
    const payload = encodeHopPayload(content)
    if (nodeId === undefined || 'code' in payload) throw new Error('a hop of the benchmark was refused')
    return { nodeId, payload }
  })
}
