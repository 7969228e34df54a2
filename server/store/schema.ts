/**
 * The database file: pragmas, tables, versions.
 *
 * @spec 06-relay §4
 * Owns: how a database is opened and what is in it. Must not know: what the rows are for beyond their shape.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Version of the tables below, in `PRAGMA user_version`. */
export const SCHEMA_VERSION = 1;
/** Older SQLite may corrupt a WAL that two connections write to. */
const MIN_SQLITE = [3, 51, 3] as const;
/** How long a connection waits for another's lock, in milliseconds. */
const BUSY_TIMEOUT = 10_000;

/** Device states. A removed device keeps its row, emptied of keys, so that its registration ids stay known. */
export const PENDING = 0;
export const ACTIVE = 1;
export const REMOVED = 2;

/** Kinds of one-time key. */
export const EC_KIND = 0;
export const KEM_KIND = 1;

const TABLES = `
CREATE TABLE meta (k TEXT PRIMARY KEY, v TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE account (
  id TEXT PRIMARY KEY,
  manifest_version INTEGER NOT NULL,
  manifest BLOB NOT NULL,
  manifest_hash BLOB NOT NULL,
  state INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE device (
  dev INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL REFERENCES account (id),
  device_id INTEGER NOT NULL CHECK (device_id BETWEEN 1 AND 127),
  registration_id INTEGER NOT NULL,
  auth_pub BLOB,
  identity BLOB,
  spk_id INTEGER, spk BLOB, spk_sig BLOB,
  kem_id INTEGER, kem BLOB, kem_sig BLOB,
  next_seq INTEGER NOT NULL DEFAULT 1,
  acked_seq INTEGER NOT NULL DEFAULT 0,
  queue_count INTEGER NOT NULL DEFAULT 0 CHECK (queue_count >= 0),
  queue_bytes INTEGER NOT NULL DEFAULT 0 CHECK (queue_bytes >= 0),
  state INTEGER NOT NULL DEFAULT ${PENDING},
  last_seen_day INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX device_live ON device (account, device_id) WHERE state < ${REMOVED};
CREATE UNIQUE INDEX device_registration ON device (account, device_id, registration_id);
CREATE TABLE otk (
  id INTEGER PRIMARY KEY,
  dev INTEGER NOT NULL REFERENCES device (dev),
  kind INTEGER NOT NULL,
  key_id INTEGER NOT NULL,
  pub BLOB NOT NULL,
  sig BLOB,
  UNIQUE (dev, kind, key_id)
) STRICT;
CREATE INDEX otk_oldest ON otk (dev, kind);
CREATE TABLE otk_spent (
  dev INTEGER NOT NULL, kind INTEGER NOT NULL, key_id INTEGER NOT NULL,
  PRIMARY KEY (dev, kind, key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE env (
  id INTEGER PRIMARY KEY,
  dev INTEGER NOT NULL REFERENCES device (dev),
  seq INTEGER NOT NULL,
  guid TEXT NOT NULL,
  src_account TEXT NOT NULL,
  src_device INTEGER NOT NULL,
  kind TEXT NOT NULL,
  sent_ts INTEGER NOT NULL,
  recv_ts INTEGER NOT NULL,
  exp INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (dev, seq)
) STRICT;
CREATE INDEX env_exp ON env (exp);
CREATE TABLE sent (
  src_dev INTEGER NOT NULL,
  send_id BLOB NOT NULL,
  request_hash BLOB NOT NULL,
  result INTEGER NOT NULL,
  exp INTEGER NOT NULL,
  PRIMARY KEY (src_dev, send_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_exp ON sent (exp);
CREATE TABLE nonce (
  dev INTEGER NOT NULL, nonce BLOB NOT NULL, exp INTEGER NOT NULL,
  PRIMARY KEY (dev, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonce_exp ON nonce (exp);
INSERT INTO meta (k, v) VALUES ('epoch', '1');
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** True where version `found`, as SQLite writes it, is `wanted` or newer. */
export function isAtLeast(found: string, wanted: readonly number[]): boolean {
  const parts = found.split('.').map(Number);
  for (const [i, number] of wanted.entries()) {
    const part = parts[i] ?? 0;
    if (part !== number) return part > number;
  }
  return true;
}

function scalar(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0];
}

function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = scalar(database, 'PRAGMA user_version');
    // @req RLY-10
    if (typeof version !== 'number' || version > SCHEMA_VERSION)
      throw new Error(
        `the database has schema ${String(version)}, this relay knows ${SCHEMA_VERSION}: use a newer relay`,
      );
    const tables = Number(scalar(database, "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"));
    if (version === 0 && tables > 0) throw new Error('the file is the database of another program');
    if (version === 0) database.exec(TABLES);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** Makes a file that its owner alone may read: it tells who writes to whom. SQLite gives its companions the same mode. */
function makeFile(path: string): void {
  if (path === ':memory:') return;
  try {
    // @req RLY-28
    closeSync(openSync(path, 'wx', 0o600));
  } catch {
    // It is there already, or SQLite will say what is wrong with the path.
  }
}

/**
 * Opens a database file, or makes it. `:memory:` is for tests.
 * @throws {Error} where SQLite is too old, the file is no database, or its schema is newer than this relay's.
 */
export function openDatabase(path: string): DatabaseSync {
  makeFile(path);
  // The timeout comes first: every later pragma may meet another process's lock.
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
  try {
    const version = String(scalar(database, 'SELECT sqlite_version()'));
    // @req RLY-10
    if (!isAtLeast(version, MIN_SQLITE))
      throw new Error(
        `SQLite ${version} is too old: ${MIN_SQLITE.join('.')} or newer is needed, which Node 24.18 brings`,
      );
    database.exec('PRAGMA page_size = 8192');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    database.exec('PRAGMA wal_autocheckpoint = 8000');
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
