/**
 * A store in one SQLite file, for one process or several at once.
 *
 * @spec 07-devices §6
 * Owns: durability (WAL, `synchronous=FULL`), exclusion between processes (`BEGIN IMMEDIATE`), naming SQLite's failures.
 * Must not know: what is stored. Deleted values are overwritten in the file (`secure_delete`); the write-ahead log holds
 * older pages until its next checkpoint, and a file system may keep copies of its own. Of values on their way, the copies in
 * byte strings are erased; those in SQLite's own memory (page cache, bound parameters) are out of reach.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { copyInput } from '../../protocol/bytes/bytes.ts';
import type { Wipeable } from '../../protocol/bytes/secret.ts';
import type { Row, Store, StoreFailure, StoreTransaction } from './store.ts';
import { canonicalBytes, checkNames, Loans, storeError } from './store.ts';

/** How a file is opened. */
export interface SqliteStoreOptions {
  /** How long a transaction waits for another process, in milliseconds; 10,000 by default. */
  readonly busyTimeoutMs?: number;
  /** Opens an existing file for reading alone. */
  readonly readOnly?: boolean;
  /** Largest size of the file, in bytes; a transaction that would need more fails with `store-full`. */
  readonly maxBytes?: number;
}

const PAGE_BYTES = 4096;
const SCHEMA = `CREATE TABLE IF NOT EXISTS entry (
  tbl TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (tbl, key)) STRICT`;

/** Primary result codes of SQLite. */
const FAILURES: ReadonlyMap<number, StoreFailure> = new Map([
  [5, 'store-busy'],
  [6, 'store-busy'],
  [8, 'store-read-only'],
  [13, 'store-full'],
]);

/** Turns an error of SQLite into a refusal that tells no path and no statement; other errors pass. */
function translated(error: unknown): unknown {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? storeError(FAILURES.get(code & 0xff) ?? 'store-failed') : error;
}

class SqliteTransaction implements StoreTransaction {
  readonly #statements: Statements;
  readonly #loans = new Loans();
  #open = true;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  #check(table: string, key: string): void {
    if (!this.#open) throw new TypeError('the transaction is over');
    checkNames(table, key);
  }

  get(table: string, key: string): Uint8Array | null {
    this.#check(table, key);
    const row = this.#statements.get.get(table, key) as { value: Uint8Array } | undefined;
    return row === undefined ? null : this.#loans.lend(row.value);
  }

  put(table: string, key: string, value: Uint8Array): void {
    this.#check(table, key);
    const copy = copyInput(value, 'value');
    try {
      this.#statements.put.run(table, key, copy);
    } finally {
      copy.fill(0);
    }
  }

  delete(table: string, key: string): void {
    this.#check(table, key);
    this.#statements.delete.run(table, key);
  }

  list(table: string, prefix = ''): [string, Uint8Array][] {
    this.#check(table, prefix === '' ? '-' : prefix);
    // `~` is the last printable character, so every key that begins with the prefix lies below prefix ‖ DEL.
    const rows = this.#statements.list.all(table, prefix, `${prefix}\u007f`) as { key: string; value: Uint8Array }[];
    return rows.map(({ key, value }) => [key, this.#loans.lend(value)]);
  }

  wipeAfter(secrets: Iterable<Wipeable>): void {
    this.#loans.add(secrets);
  }

  close(): void {
    this.#open = false;
    this.#loans.end();
  }
}

interface Statements {
  readonly get: StatementSync;
  readonly put: StatementSync;
  readonly delete: StatementSync;
  readonly list: StatementSync;
}

function prepare(db: DatabaseSync): Statements {
  return {
    get: db.prepare('SELECT value FROM entry WHERE tbl = ? AND key = ?'),
    put: db.prepare('INSERT INTO entry VALUES (?, ?, ?) ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value'),
    delete: db.prepare('DELETE FROM entry WHERE tbl = ? AND key = ?'),
    list: db.prepare('SELECT key, value FROM entry WHERE tbl = ? AND key >= ? AND key < ? ORDER BY key'),
  };
}

class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly #begin: string;

  constructor(db: DatabaseSync, readOnly: boolean) {
    this.#db = db;
    this.#statements = prepare(db);
    this.#begin = readOnly ? 'BEGIN' : 'BEGIN IMMEDIATE';
  }

  async transaction<T>(work: (tx: StoreTransaction) => T): Promise<T> {
    if (!this.#db.isOpen) throw storeError('store-closed');
    if (this.#db.isTransaction) throw new TypeError('transactions do not nest');
    const tx = new SqliteTransaction(this.#statements);
    try {
      this.#db.exec(this.#begin);
      const result = work(tx);
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some failures, a full disk among them.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw translated(error);
    } finally {
      tx.close();
    }
  }

  async snapshot(): Promise<Uint8Array> {
    if (!this.#db.isOpen) throw storeError('store-closed');
    const rows = this.#db.prepare('SELECT tbl, key, value FROM entry ORDER BY tbl, key').all() as unknown as {
      tbl: string;
      key: string;
      value: Uint8Array;
    }[];
    const bytes = canonicalBytes(rows.map(({ tbl, key, value }): Row => [tbl, key, value]));
    for (const { value } of rows) value.fill(0);
    return bytes;
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }
}

/** Makes a file that its owner alone may read, as it will hold private keys; SQLite gives its companions the same mode. */
function makeFile(path: string): void {
  if (path === ':memory:') return;
  try {
    // @req DEV-31
    closeSync(openSync(path, 'ax', 0o600));
  } catch {
    // It is there already, or SQLite will say what is wrong with the path.
  }
}

/**
 * Opens or creates a store. The file is safe to be open in several processes; a killed process leaves it consistent.
 * @throws {ProtocolError} `InvalidState` with one of the reasons of {@link Store.transaction}.
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Store {
  const readOnly = options.readOnly ?? false;
  let db: DatabaseSync | undefined;
  try {
    if (!readOnly) makeFile(path);
    db = new DatabaseSync(path, { readOnly, timeout: options.busyTimeoutMs ?? 10_000 });
    if (!readOnly) {
      db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`);
      db.exec('PRAGMA secure_delete = ON');
      db.exec(SCHEMA);
      if (options.maxBytes !== undefined)
        db.exec(`PRAGMA max_page_count = ${Math.ceil(options.maxBytes / PAGE_BYTES)}`);
    }
    return new SqliteStore(db, readOnly);
  } catch (error) {
    if (db?.isOpen === true) db.close();
    throw translated(error);
  }
}
