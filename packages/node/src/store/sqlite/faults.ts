/**
 * Turns what SQLite and the file system report into the store's own typed errors, each with its remedy.
 * Source: SQLite result codes (sqlite.org/rescode.html); the low byte of an extended code is the primary one.
 */
import { StoreError, type StoreErrorCode } from '../port.ts'

interface Fault {
  readonly code: StoreErrorCode
  readonly message: string
}

const FAULTS: Readonly<Record<number, Fault>> = {
  3: { code: 'unreachable', message: 'access was denied: make the directory owned by the user of the node' },
  8: {
    code: 'unreachable',
    message: 'it is read-only: make the directory writable by the user of the node',
  },
  10: {
    code: 'io',
    message:
      'the disk refused a read or a write: check the disk and its file system, then start the node again',
  },
  11: {
    code: 'corrupt',
    message:
      'the database is damaged: do not repair it in place; keep a copy, and open channels must be closed (blind, if their state is lost)',
  },
  13: {
    code: 'disk-full',
    message: 'the disk or the quota is full: free space, then start the node again',
  },
  14: { code: 'unreachable', message: 'it cannot be opened: check path and permissions' },
  26: { code: 'not-a-store', message: 'the file is not a Tallystick store: give another data directory' },
}

/** `what` says which file or step met the fault. */
export function toStoreError(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error
  const primary = sqliteCode(error)
  const fault = primary === undefined ? fileFault(error) : FAULTS[primary]
  const detail = error instanceof Error ? error.message : String(error)
  return new StoreError(
    fault?.code ?? 'io',
    `${what}: ${fault?.message ?? 'unexpected failure'} (${detail})`,
    {
      cause: error,
    },
  )
}

/** The primary SQLite result code of an error, where it is one of SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

function fileFault(error: unknown): Fault | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  if (code === 'EACCES' || code === 'EPERM') return FAULTS[3]
  if (code === 'EROFS') return FAULTS[8]
  if (code === 'ENOSPC' || code === 'EDQUOT') return FAULTS[13]
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EEXIST') return FAULTS[14]
  return undefined
}
