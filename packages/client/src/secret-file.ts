/** A secret of 32 random bytes in a file that only its owner can read: the API's token, a paywall's key. */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

const SECRET_BYTES = 32
const SECRET = /^[0-9a-f]{64}$/

/** The secret's file cannot be used. `field` is its path. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError'
  readonly code: 'secret-unreadable' | 'secret-malformed' | 'secret-exposed'
  readonly field: string
  readonly remedy: string

  constructor(
    code: SecretFileError['code'],
    path: string,
    message: string,
    remedy: string,
    options?: ErrorOptions,
  ) {
    super(`${path}: ${message}`, options)
    this.code = code
    this.field = path
    this.remedy = remedy
  }
}

/**
 * Reads the secret (64 hexadecimal digits), making it first where there is none: mode 0600, durable before it is used.
 * @throws {SecretFileError} also when others may read the file: a secret that was exposed is none.
 */
export function loadOrCreateSecret(path: string): string {
  try {
    return readSecret(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  createSecret(path)
  return readSecret(path)
}

function readSecret(path: string): string {
  const file = openSecret(path)
  try {
    if ((fstatSync(file).mode & 0o077) !== 0)
      throw new SecretFileError(
        'secret-exposed',
        path,
        'Other users of this machine can read this secret.',
        'Delete the file and start again: a new secret is made that only you can read.',
      )
    const secret = readFileSync(file, 'utf8').trim()
    if (SECRET.test(secret)) return secret
    throw new SecretFileError(
      'secret-malformed',
      path,
      'The file does not hold 32 bytes in hexadecimal digits.',
      'Delete the file and start again: a new secret is made.',
    )
  } finally {
    closeSync(file)
  }
}

function openSecret(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (cause) {
    if (isMissing(cause)) throw cause
    throw new SecretFileError(
      'secret-unreadable',
      path,
      'The secret cannot be read.',
      'Make it a plain file, readable by the user that runs this program.',
      { cause },
    )
  }
}

/** The name appears only with the whole secret behind it, also when two processes start at once. */
function createSecret(path: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const directory = openSync(dirname(path), constants.O_RDONLY)
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
