/** The API's bearer token: a secret file in the node's directory, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { loadOrCreateSecret } from '@tallystick/client/secret-file'

export { SecretFileError as ApiTokenError } from '@tallystick/client/secret-file'

/** @throws {ApiTokenError} when the file is there and cannot be trusted. */
export function loadOrCreateApiToken(path: string): string {
  return loadOrCreateSecret(path)
}

/** Compares in constant time; hashing first hides the length too. */
export function tokenMatches(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
