/** The limits that nothing built on the same library and the same disk can pass. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import secp256k1 from 'secp256k1'
import type { Work } from './measure.ts'
import { perSecond } from './measure.ts'

const privateKey = Buffer.alloc(32, 0x11)

/** One bare ECDSA signature with libsecp256k1, of digests that differ. */
export function signing(): Work {
  const digest = Buffer.alloc(32)
  return (count) => {
    digest.writeUInt32BE(count)
    secp256k1.ecdsaSign(digest, privateKey)
  }
}

/** One bare public key recovery: what the chain does, and so what every receiver must do. */
export function recovering(): Work {
  const digests = Array.from({ length: 1_000 }, (_, count) => {
    const digest = Buffer.alloc(32)
    digest.writeUInt32BE(count)
    return { digest, ...secp256k1.ecdsaSign(digest, privateKey) }
  })
  return (count) => {
    const signed = digests[count % digests.length]
    if (signed !== undefined) secp256k1.ecdsaRecover(signed.signature, signed.recid, signed.digest, false)
  }
}

/** Commits a second, one row each, one after the other: SQLite, write-ahead log, flushed to the disk every time. */
export async function committing(): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tally-bench-commit-'))
  const database = new DatabaseSync(join(directory, 'limit.db'))
  try {
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE line (id INTEGER PRIMARY KEY, bytes BLOB)',
    )
    const insert = database.prepare('INSERT INTO line (bytes) VALUES (?)')
    const bytes = Buffer.alloc(300, 0x5a)
    return await perSecond(() => insert.run(bytes))
  } finally {
    database.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
