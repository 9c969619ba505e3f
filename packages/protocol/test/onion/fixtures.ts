/** Paths and keys for the tests of onions, on both implementations of the port. */
import { readFileSync } from 'node:fs'
import { type LoadedCrypto, loadCrypto } from '@tallystick/crypto'
import fc from 'fast-check'
import {
  type CreatedOnion,
  createOnion,
  type OnionCrypto,
  type OnionHop,
  type OnionKey,
  type OnionRefusal,
  type PeeledOnion,
  peelOnion,
} from '../../src/index.ts'

export const native = await loadCrypto()
export const javascript = await loadCrypto({ prefer: 'javascript' })
export const crypto: OnionCrypto = native.onion

export interface Path {
  readonly keys: readonly OnionKey[]
  readonly hops: readonly OnionHop[]
  readonly sessionKey: Uint8Array
  readonly associatedData: Uint8Array
}

/** The private key of hop `index`: any fixed number in range. */
export function privateKeyOf(index: number): Uint8Array {
  return new Uint8Array(32).fill(index + 1)
}

export function pathOf(payloads: readonly Uint8Array[], seed = 0x41, loaded: LoadedCrypto = native): Path {
  const keys = payloads.map((_, index) => loaded.createOnionKey(privateKeyOf(index)))
  return {
    keys,
    hops: payloads.map((payload, index) => ({ nodeId: nodeIdOf(index), payload })),
    sessionKey: new Uint8Array(32).fill(seed),
    associatedData: new Uint8Array(32).fill(0xc0),
  }
}

export function nodeIdOf(index: number): Uint8Array {
  return given(crypto.publicKey(privateKeyOf(index)))
}

export function created(path: Path): CreatedOnion {
  return accepted(createOnion(crypto, path))
}

export function peel(path: Path, index: number, packet: Uint8Array): PeeledOnion | OnionRefusal {
  const nodeKey = given(path.keys[index])
  return peelOnion(crypto, { nodeKey, packet, associatedData: path.associatedData })
}

/** Every hop's view, from the first to the last. */
export function peelAll(path: Path, packet: Uint8Array): PeeledOnion[] {
  const views: PeeledOnion[] = []
  let next: Uint8Array | undefined = packet
  for (let index = 0; next !== undefined; index += 1) {
    const view: PeeledOnion = accepted(peel(path, index, next))
    views.push(view)
    next = view.nextPacket
  }
  return views
}

/** Payloads of 1 to 20 hops that fit together. */
export const payloadsOf20 = fc.integer({ min: 1, max: 20 }).chain((hops) =>
  fc.array(fc.uint8Array({ minLength: 2, maxLength: Math.floor(1300 / hops) - 35, size: 'max' }), {
    minLength: hops,
    maxLength: hops,
  }),
)

export function accepted<T extends object>(result: T | OnionRefusal): T {
  if ('remedy' in result) throw new Error(`refused: ${result.code} at ${result.field} (${result.detail})`)
  return result as T
}

export function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('absent')
  return value
}

export function readVector(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../../vectors/bolt04/${name}`, import.meta.url), 'utf8'))
}

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** A copy with one bit turned. */
export function flipped(source: Uint8Array, bit: number): Uint8Array {
  const copy = source.slice()
  const at = bit >> 3
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
  return copy
}
