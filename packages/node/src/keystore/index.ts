export { KeystoreError, type KeystoreErrorCode } from './errors.ts'
export {
  type CreateKeystoreOptions,
  changePassphrase,
  createKeystore,
  KEY_ROLES,
  type KeyRole,
  keyFile,
  openKeystore,
  type PublicKeys,
  readForeignKey,
  type UnlockedKeys,
} from './keystore.ts'
export { LOG_REDACTION } from './redaction.ts'
export { type ScryptCost, STANDARD_COST } from './v3.ts'
