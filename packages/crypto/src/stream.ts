/** ChaCha20: the fastest one that loads, the same bytes from each. Source: RFC 8439. */
import { chacha20 as chacha20InJavaScript } from '@noble/ciphers/chacha.js'

export interface StreamCipher {
  readonly name: 'node' | 'javascript'
  /** `data` XOR the stream of the 32-byte key with nonce and counter zero, in new memory. */
  apply(key: Uint8Array, data: Uint8Array): Uint8Array
}

/** A Node.js built on another library than OpenSSL, or in FIPS mode, may not have the cipher: it is tried once. */
export function loadChacha20(prefer: 'fastest' | 'javascript'): StreamCipher {
  const native = prefer === 'fastest' ? nodeCipher() : undefined
  return native ?? { name: 'javascript', apply: (key, data) => chacha20InJavaScript(key, NONCE, data) }
}

function nodeCipher(): StreamCipher | undefined {
  const createCipheriv = globalThis.process?.getBuiltinModule?.('node:crypto')?.createCipheriv
  if (createCipheriv === undefined) return undefined
  const apply = (key: Uint8Array, data: Uint8Array) => {
    const output = createCipheriv('chacha20', key, COUNTER_AND_NONCE).update(data)
    return new Uint8Array(output.buffer, output.byteOffset, output.length)
  }
  try {
    apply(new Uint8Array(32), new Uint8Array(1))
  } catch {
    return undefined
  }
  return { name: 'node', apply }
}

const NONCE = new Uint8Array(12)
/** OpenSSL takes the block counter and the nonce together. */
const COUNTER_AND_NONCE = new Uint8Array(16)
