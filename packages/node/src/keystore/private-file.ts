/**
 * Files for their owner's eyes only, written whole or not at all: a draft beside the place, flushed, then given its
 * name, then the directory flushed. A kill at any moment leaves the old file or the new one.
 */

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { KeystoreError } from './errors.ts'

/** A key file is about 500 bytes; anything much larger is something else. */
const MAX_FILE_BYTES = 64 * 1024

export function makePrivateDirectory(directory: string): void {
  naming(directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }))
}

/** Throws `exists` when there is a file already, which stays as it is. */
export function writeNewFile(path: string, text: string): void {
  withDraft(path, text, (draft) => {
    // A rename would replace; a link refuses.
    linkSync(draft, path)
    unlinkSync(draft)
  })
}

export function replaceFile(path: string, text: string): void {
  withDraft(path, text, (draft) => renameSync(draft, path))
}

/** Throws `missing`, or `unsafe-permissions` when group or others may read or write. */
export function readPrivateFile(path: string): string {
  return naming(path, () => {
    const file = openSync(path, 'r')
    try {
      const { mode, size } = fstatSync(file)
      if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
        throw new KeystoreError(
          'unsafe-permissions',
          path,
          `others can read this key file (mode ${(mode & 0o777).toString(8)}): run chmod 600 on it, and consider the key known to them`,
        )
      }
      if (size > MAX_FILE_BYTES) throw new KeystoreError('malformed', path, 'too long for a key file')
      return readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  })
}

function withDraft(path: string, text: string, place: (draft: string) => void): void {
  naming(path, () => {
    const draft = `${path}.${randomBytes(6).toString('hex')}.draft`
    try {
      const file = openSync(draft, 'wx', 0o600)
      try {
        writeSync(file, text)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      place(draft)
    } catch (error) {
      removeIfThere(draft)
      throw error
    }
    flushDirectory(dirname(path))
  })
}

function flushDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It never came to be.
  }
}

function naming<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof KeystoreError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (code === 'EEXIST') {
      throw new KeystoreError(
        'exists',
        path,
        'is there already and was not changed: use it, or name another directory',
      )
    }
    if (code === 'ENOENT') {
      throw new KeystoreError(
        'missing',
        path,
        'is not there: restore it from your backup, or create a keystore first',
      )
    }
    throw new KeystoreError('io', path, `the file system refused (${code}): check path, owner and free space`)
  }
}
