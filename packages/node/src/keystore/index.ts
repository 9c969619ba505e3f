export { KeystoreError } from './errors.ts'
export {
  changePassphrase,
  createKeystore,
  KEY_ROLES,
  keyFile,
  openKeystore,
  type PublicKeys,
  readForeignKey,
  type UnlockedKeys,
} from './keystore.ts'
export { LOG_REDACTION } from './redaction.ts'
