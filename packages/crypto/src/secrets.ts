/** Private keys: checked, copied, zeroised, and never part of anything that prints. */
import { isPrivateKey } from './secp256k1.ts'

export type CryptoErrorCode =
  /** Not 32 bytes, or not a number from 1 to the group order - 1. */
  | 'invalid-private-key'
  /** The key was destroyed. */
  | 'key-destroyed'

export class CryptoError extends Error {
  readonly code: CryptoErrorCode

  constructor(code: CryptoErrorCode, message: string) {
    super(message)
    this.name = 'CryptoError'
    this.code = code
  }
}

/** A copy of a private key that only the closures given to `use` ever see. */
export interface HeldKey {
  use<T>(work: (privateKey: Uint8Array) => T): T
  /** Overwrites the copy; every later `use` throws `key-destroyed`. Idempotent. */
  destroy(): void
}

/** Copies the key; the caller should zeroise its own. The message of a refusal never contains the bytes. */
export function holdKey(privateKey: Uint8Array): HeldKey {
  if (!(privateKey instanceof Uint8Array) || !isPrivateKey(privateKey)) {
    throw new CryptoError(
      'invalid-private-key',
      'private key: must be 32 bytes, a number from 1 to the order of secp256k1 - 1; generate a new key',
    )
  }
  const copy = new Uint8Array(privateKey)
  let destroyed = false
  return {
    use(work) {
      if (destroyed) {
        throw new CryptoError('key-destroyed', 'private key: it was destroyed; load the keystore again')
      }
      return work(copy)
    },
    destroy() {
      destroyed = true
      copy.fill(0)
    },
  }
}

/** Fresh from the platform's generator. The caller owns the bytes and should zeroise them after use. */
export function generatePrivateKey(): Uint8Array {
  const key = new Uint8Array(32)
  do {
    globalThis.crypto.getRandomValues(key)
  } while (!isPrivateKey(key))
  return key
}
