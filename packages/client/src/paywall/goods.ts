/** A file for sale: cut into chunks and hashed once, in one pass, never held in memory. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { Hex } from '../schema/index.ts'
import { PaywallError } from './error.ts'
import { MAX_CHUNK_BYTES } from './wire.ts'

const LONGEST_NAME = 100

export interface Goods {
  readonly name: string
  readonly sizeBytes: number
  readonly chunkBytes: number
  readonly chunks: readonly Hex[]
  readonly sha256: Hex
  /** False once the file on disk is no longer the one that was hashed. */
  unchanged(): Promise<boolean>
  /** The bytes of one chunk, read as they are taken. */
  read(index: number): ReadableStream<Uint8Array>
}

/**
 * Reads and hashes the file. `chunkCount` is how many chunks it is cut into; a file with fewer bytes gives fewer.
 * @throws {PaywallError} `file-unusable`, `file-changed`
 */
export async function openGoods(path: string, chunkCount: number): Promise<Goods> {
  if (!Number.isInteger(chunkCount) || chunkCount < 1 || chunkCount > 65_536)
    throw new PaywallError(
      'file-unusable',
      'chunkCount',
      'A file is cut into 1 to 65536 chunks.',
      'Give such a number.',
    )
  const before = await identity(path)
  if (before.size === 0)
    throw new PaywallError('file-unusable', path, 'The file is empty.', 'Sell a file with at least one byte.')
  const chunkBytes = Math.ceil(before.size / chunkCount)
  if (chunkBytes > MAX_CHUNK_BYTES)
    throw new PaywallError(
      'file-unusable',
      'chunkCount',
      `A chunk has at most ${MAX_CHUNK_BYTES} bytes; these would have ${chunkBytes}.`,
      'Cut the file into more chunks.',
    )
  const { chunks, sha256, sizeBytes } = await hashChunks(path, chunkBytes)
  if (sizeBytes !== before.size || !same(before, await identity(path)))
    throw new PaywallError(
      'file-changed',
      path,
      'The file changed while it was read.',
      'Sell it once it is no longer written.',
    )
  return {
    name: fileName(path),
    sizeBytes,
    chunkBytes,
    chunks,
    sha256,
    unchanged: async () => same(before, await identity(path).catch(() => undefined)),
    read: (index) => {
      const start = index * chunkBytes
      const stream = createReadStream(path, { start, end: Math.min(start + chunkBytes, sizeBytes) - 1 })
      return Readable.toWeb(stream) as ReadableStream<Uint8Array>
    },
  }
}

/** SHA-256 of each run of `chunkBytes` bytes and of the whole file. */
export async function hashChunks(
  path: string,
  chunkBytes: number,
): Promise<{ chunks: Hex[]; sha256: Hex; sizeBytes: number }> {
  const whole = createHash('sha256')
  const chunks: Hex[] = []
  let chunk = createHash('sha256')
  let inChunk = 0
  let sizeBytes = 0
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    whole.update(piece)
    sizeBytes += piece.length
    for (let at = 0; at < piece.length; ) {
      const end = Math.min(piece.length, at + chunkBytes - inChunk)
      chunk.update(piece.subarray(at, end))
      inChunk += end - at
      at = end
      if (inChunk < chunkBytes) continue
      chunks.push(`0x${chunk.digest('hex')}`)
      chunk = createHash('sha256')
      inChunk = 0
    }
  }
  if (inChunk > 0) chunks.push(`0x${chunk.digest('hex')}`)
  return { chunks, sha256: `0x${whole.digest('hex')}`, sizeBytes }
}

/** The file's name, with everything replaced that a terminal or another file system might interpret. */
function fileName(path: string): string {
  const plain = basename(path)
    .replace(/[\p{C}\p{Zl}\p{Zp}/\\:*?"<>|]/gu, '_')
    .replace(/^[-.]+/, '_')
  return plain.slice(0, LONGEST_NAME)
}

interface FileIdentity {
  readonly size: number
  readonly ino: bigint
  readonly mtimeNs: bigint
}

async function identity(path: string): Promise<FileIdentity> {
  try {
    const found = await stat(path, { bigint: true })
    if (!found.isFile()) throw new Error('it is not a plain file')
    return { size: Number(found.size), ino: found.ino, mtimeNs: found.mtimeNs }
  } catch (cause) {
    throw new PaywallError(
      'file-unusable',
      path,
      `The file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      'Name a plain file that exists and is readable.',
      { cause },
    )
  }
}

function same(one: FileIdentity, other: FileIdentity | undefined): boolean {
  return one.size === other?.size && one.ino === other.ino && one.mtimeNs === other.mtimeNs
}
