/**
 * The tables, and how a store of an older version becomes one of this version.
 *
 * One boundary for numbers: SQLite integers are 64 bits signed. Nonces and sequences fit and are INTEGER; amounts are
 * up to 128 bits and are BLOBs of 16 bytes, big-endian, so that SQL compares them as numbers. 32-byte channel ids are
 * kept once, in `channel_numbers`; all other tables name a channel by its number. `crc` is the CRC-32 of `bytes`,
 * because SQLite finds damage to its trees and not to the contents of a row, and a flipped nonce costs a channel.
 * Each direction has a payments table of its own, so that every listing follows an index.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../port.ts'

/** "TALY": tells a store from any other SQLite file (PRAGMA application_id). */
const APPLICATION_ID = 0x54414c59

/** Never edit an entry that was released: append one. Entry i brings version i to version i + 1. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE store_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    open INTEGER NOT NULL,
    lost_data INTEGER NOT NULL
  ) STRICT;
  INSERT INTO store_state VALUES (1, 0, 0);
  CREATE TABLE meta (key TEXT PRIMARY KEY, bytes BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
  CREATE TABLE channel_numbers (
    number INTEGER PRIMARY KEY,
    channel_id BLOB NOT NULL UNIQUE CHECK (length(channel_id) = 32)
  ) STRICT;
  CREATE TABLE channels (
    channel INTEGER PRIMARY KEY,
    peer TEXT NOT NULL,
    bytes BLOB NOT NULL,
    crc INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE updates (
    channel INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    nonce INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (channel, direction, nonce)
  ) STRICT;
  CREATE TABLE acks (
    channel INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    nonce INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (channel, direction, nonce)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE payments_out (
    sequence INTEGER PRIMARY KEY,
    reference BLOB NOT NULL,
    channel INTEGER NOT NULL,
    amount BLOB NOT NULL,
    void INTEGER NOT NULL,
    nonce INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX payments_out_by_reference ON payments_out (reference);
  CREATE INDEX payments_out_by_channel ON payments_out (channel);
  CREATE TABLE payments_in (
    sequence INTEGER PRIMARY KEY,
    reference BLOB NOT NULL,
    channel INTEGER NOT NULL,
    amount BLOB NOT NULL,
    void INTEGER NOT NULL,
    nonce INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX payments_in_by_reference ON payments_in (reference);
  CREATE INDEX payments_in_by_channel ON payments_in (channel);
  CREATE TABLE outbox (
    peer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (peer, sequence)
  ) STRICT;
  CREATE TABLE intents (
    intent_id TEXT PRIMARY KEY,
    open INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    crc INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX intents_open ON intents (open, intent_id);
  CREATE TABLE peers (node_id TEXT PRIMARY KEY, bytes BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
  `,
  `
  CREATE TABLE records (
    space TEXT NOT NULL,
    key BLOB NOT NULL,
    bytes BLOB NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (space, key)
  ) STRICT;
  `,
]

export const SCHEMA_VERSION = MIGRATIONS.length

/**
 * Every connection: WAL with a flush of the log at each commit. On macOS fsync does not reach the disk, F_FULLFSYNC
 * does; elsewhere those two settings change nothing.
 */
export function configureConnection(db: DatabaseSync): void {
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
  `)
}

/** Throws unless the file is empty or a store of this or an older version. Changes nothing. */
export function assertOurs(db: DatabaseSync, path: string): void {
  const application = pragma(db, 'application_id')
  const version = pragma(db, 'user_version')
  const tables = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n)
  const empty = application === 0 && version === 0 && tables === 0
  if (!empty && application !== APPLICATION_ID) {
    throw new StoreError('not-a-store', `${path} is not a Tallystick store: give another data directory`, {
      field: 'directory',
    })
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      'schema-newer',
      `${path} has schema version ${version}, this program knows versions up to ${SCHEMA_VERSION}: install the newer release that wrote it`,
      { field: 'directory' },
    )
  }
}

/** Brings the store to this version, one transaction a step: a kill leaves an older whole version. */
export function migrate(db: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  for (let version = pragma(db, 'user_version'); version < migrations.length; version++) {
    db.exec('BEGIN IMMEDIATE')
    try {
      db.exec(migrations[version] ?? '')
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}`)
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
}
