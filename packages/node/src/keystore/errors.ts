/** Every failure of the keystore. No message, field or cause ever contains a key or a passphrase. */
export type KeystoreErrorCode =
  /** A key file is there already; keys that hold deposits are never overwritten. */
  | 'exists'
  | 'missing'
  | 'wrong-passphrase'
  | 'empty-passphrase'
  /** Not a V3 keystore, or one whose address does not match its key. */
  | 'malformed'
  /** A V3 keystore whose key derivation asks for more memory or time than is reasonable, or is unknown. */
  | 'unsupported'
  /** Others than the owner can read the file. */
  | 'unsafe-permissions'
  | 'invalid-private-key'
  /** Two roles were given the same key. */
  | 'duplicate-key'
  /** The keys were destroyed. */
  | 'destroyed'
  | 'io'

export class KeystoreError extends Error {
  readonly code: KeystoreErrorCode
  /** The file, role or input at fault. */
  readonly field: string

  constructor(code: KeystoreErrorCode, field: string, message: string) {
    super(`${field}: ${message}`)
    this.name = 'KeystoreError'
    this.code = code
    this.field = field
  }
}
