export {
  createKeystore,
  KEY_ROLES,
  KeystoreError,
  LOG_REDACTION,
  openKeystore,
  type PublicKeys,
  type UnlockedKeys,
} from './keystore/index.ts'
export { openSqliteStore, type Store, StoreError } from './store/index.ts'
export { type Endpoint, type Transport, TransportError } from './transport/port.ts'
export { createTlsTransport } from './transport/tls.ts'
