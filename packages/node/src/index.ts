/** @tallystick/node: the channel node. A composition root gives it a chain port, keys and a place for its data. */

export { storeOperationJournal } from './api/operation-journal.ts'
export { type ApiServer, startApiServer } from './api/server.ts'
export { ApiTokenError } from './api/token.ts'
export { decodeChannel } from './engine/channel-record.ts'
export { type Engine, startEngine } from './engine/engine.ts'
export { ERRORS, type ErrorCode, type ErrorEntry, ServiceError } from './engine/errors.ts'
export { DEFAULT_CONFIG, type EngineConfig, type EnginePorts, type Log } from './engine/ports.ts'
export type * from './engine/service.ts'
export { storeJournal } from './engine/submission-journal.ts'
export {
  createKeystore,
  KEY_ROLES,
  KeystoreError,
  LOG_REDACTION,
  openKeystore,
  type PublicKeys,
  type UnlockedKeys,
} from './keystore/index.ts'
export { openGossipStore } from './network/gossip/index.ts'
export { openSqliteStore, type Store, StoreError } from './store/index.ts'
export { type Endpoint, type Transport, TransportError } from './transport/port.ts'
export { createTlsTransport } from './transport/tls.ts'
