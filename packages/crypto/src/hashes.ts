/** The hash functions: the fastest one that loads, the same bytes from each. */
import { sha256 as sha256InJavaScript } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { createKeccak } from 'hash-wasm'

export interface Hash<Name extends string> {
  readonly name: Name
  hash(data: Uint8Array): Uint8Array
}

/** WebAssembly may be missing or forbidden by a page's content policy; JavaScript is about six times slower. */
export async function loadKeccak256(prefer: 'fastest' | 'javascript'): Promise<Hash<'wasm' | 'javascript'>> {
  if (prefer === 'fastest') {
    try {
      const hasher = await createKeccak(256)
      return { name: 'wasm', hash: (data) => hasher.init().update(data).digest('binary') }
    } catch {
      // The JavaScript below gives the same bytes.
    }
  }
  return { name: 'javascript', hash: (data) => keccak_256(data) }
}

export function loadSha256(prefer: 'fastest' | 'javascript'): Hash<'node' | 'javascript'> {
  const oneShot = prefer === 'fastest' ? nodeHash() : undefined
  if (oneShot === undefined) return { name: 'javascript', hash: (data) => sha256InJavaScript(data) }
  return {
    name: 'node',
    hash(data) {
      const digest = oneShot('sha256', data, 'buffer')
      return new Uint8Array(digest.buffer, digest.byteOffset, digest.length)
    },
  }
}

/** Asked of the runtime and not imported, so that the package loads, and bundles, for browsers. */
function nodeHash(): typeof import('node:crypto').hash | undefined {
  return globalThis.process?.getBuiltinModule?.('node:crypto')?.hash
}
