/**
 * The file that the demo sells when it is given none: the AES-128-CTR key stream of a zero key.
 * The same bytes on every machine, so the digest printed at the end can be compared, and
 * incompressible, so nothing on the way can make the transfer look faster than it is.
 */
import { createCipheriv } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const blockBytes = 1024 * 1024

export async function writeSampleFile(path: string, bytes: number): Promise<void> {
  await pipeline(
    Readable.from(zeros(bytes)),
    createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)),
    createWriteStream(path, { flags: 'wx', mode: 0o600 }),
  )
}

function* zeros(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= blockBytes) yield Buffer.alloc(Math.min(left, blockBytes))
}
