/** The API's bearer token: 32 random bytes in a file that only its owner can read. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
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

const TOKEN_BYTES = 32
const TOKEN = /^[0-9a-f]{64}$/

/** The token file cannot be used. `field` is its path. */
export class ApiTokenError extends Error {
  override readonly name = 'ApiTokenError'
  readonly code: 'token-unreadable' | 'token-malformed' | 'token-exposed'
  readonly field: string
  readonly remedy: string

  constructor(
    code: ApiTokenError['code'],
    path: string,
    message: string,
    remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.field = path
    this.remedy = remedy
  }
}

/**
 * Reads the token, making it first where there is none (mode 0600, durable before it is used).
 * @throws {ApiTokenError} also when others may read the file: a token that was exposed is no secret.
 */
export function loadOrCreateApiToken(path: string): string {
  try {
    return readToken(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  createToken(path)
  return readToken(path)
}

/** Compares in constant time; hashing first hides the length too. */
export function tokenMatches(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function readToken(path: string): string {
  const file = openToken(path)
  try {
    if ((fstatSync(file).mode & 0o077) !== 0)
      throw new ApiTokenError(
        'token-exposed',
        path,
        'Other users of this machine can read the API token.',
        'Delete the file and start the node again: it makes a new token that only you can read.',
      )
    const token = readFileSync(file, 'utf8').trim()
    if (TOKEN.test(token)) return token
    throw new ApiTokenError(
      'token-malformed',
      path,
      'The file does not hold an API token.',
      'Delete the file and start the node again: it makes a new token.',
    )
  } finally {
    closeSync(file)
  }
}

function openToken(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (cause) {
    if (isMissing(cause)) throw cause
    throw new ApiTokenError(
      'token-unreadable',
      path,
      'The API token cannot be read.',
      'Make the file a plain one, readable by the user that runs the node.',
      { cause },
    )
  }
}

/** The name appears only with the whole token behind it, also when two processes start at once. */
function createToken(path: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(TOKEN_BYTES).toString('hex')}\n`)
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
