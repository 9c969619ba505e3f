export { type CryptoBackend, type LoadCryptoOptions, type LoadedCrypto, loadCrypto } from './load.ts'
export type { KeyOnion } from './onion.ts'
export { CryptoError, type CryptoErrorCode, generatePrivateKey } from './secrets.ts'
export type { IdentityStatement, KeyIdentity, KeySigner } from './signer.ts'
