/** Identity keys for tests: the same name is the same key. */
import { createHash } from 'node:crypto'
import { loadCrypto } from '@tallystick/crypto'
import type { Identity, VerifyIdentity } from '../../src/transport/identity.ts'

const crypto = await loadCrypto()

export function testIdentity(name: string): Identity {
  return crypto.createIdentity(createHash('sha256').update(name).digest())
}

export const verifyTestIdentity: VerifyIdentity = crypto.verifyIdentity
