/**
 * What a device asks of its storage.
 *
 * @spec 07-devices §6
 * Owns: the interface, its errors, the canonical bytes of a whole store, and whose the bytes are.
 * Must not know: what is stored. Whoever implements it answers for durability: a transaction that resolved survives a crash.
 */
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import { type Wipeable, wipeAll } from '../../protocol/bytes/secret.ts';
import { ProtocolError } from '../../protocol/errors.ts';

/** Tables and keys are short printable ASCII, so that every implementation orders them alike. */
const NAME = /^[ -~]{1,400}$/;

/**
 * One transaction. Values are copied on the way in and out, and no copy outlives its use (KEY-18):
 *
 * - what `get` and `list` return is lent: zero once the transaction is over, committed or not. Whoever needs more copies it;
 * - what `put` is given stays the caller's, who erases it where it holds secrets;
 * - what the store itself holds is the store's: it erases what is replaced, deleted or rolled back, as far as it can.
 */
export interface StoreTransaction {
  /** The value, lent, or null. */
  get(table: string, key: string): Uint8Array | null;
  /** Writes a copy, over whatever was there. */
  put(table: string, key: string, value: Uint8Array): void;
  /** Deletes; what is not there stays so. */
  delete(table: string, key: string): void;
  /** Entries in ascending order of their keys, those alone that begin with `prefix` if one is given; the values are lent. */
  list(table: string, prefix?: string): [key: string, value: Uint8Array][];
  /**
   * Wipes secrets once the transaction is over, committed or not, and never before: those that were read out of records, made
   * to be put into some, or spent by a step. Unless they are wiped, every record that is read leaves its secrets behind.
   */
  wipeAfter(secrets: Iterable<Wipeable>): void;
}

/** What a transaction lent and was asked to wipe. For implementations of {@link Store}. */
export class Loans {
  readonly #bytes: Uint8Array[] = [];
  readonly #secrets: Wipeable[] = [];

  /** Notes bytes that leave the store, and returns them. */
  lend(bytes: Uint8Array): Uint8Array {
    this.#bytes.push(bytes);
    return bytes;
  }

  add(secrets: Iterable<Wipeable>): void {
    this.#secrets.push(...secrets);
  }

  /** The transaction is over. */
  end(): void {
    // @req KEY-18
    for (const bytes of this.#bytes) bytes.fill(0);
    wipeAll(this.#secrets);
  }
}

/** Durable tables of bytes. */
export interface Store {
  /**
   * Runs `work` alone: no other transaction on the same storage, of this process or another, overlaps it. All its writes
   * are durable when the promise resolves; none has happened if `work` throws or the promise rejects (DEV-15).
   *
   * `work` is synchronous on purpose: nothing can interleave, which is the lock (STATE-02).
   * @throws {ProtocolError} `InvalidState`: `store-busy`, `store-full`, `store-read-only`, `store-failed`, `store-closed`.
   */
  transaction<T>(work: (tx: StoreTransaction) => T): Promise<T>;
  /** Canonical bytes of all tables: equal if and only if the contents are equal. Holds secrets, the caller's; for tests and backups. */
  snapshot(): Promise<Uint8Array>;
  /** Ends the use of the storage; what follows is `store-closed`. Idempotent. */
  close(): Promise<void>;
}

/** The failures of a storage, as reasons. */
export type StoreFailure = 'store-busy' | 'store-full' | 'store-read-only' | 'store-failed' | 'store-closed';

/** A failed storage: `InvalidState`, nothing was written. */
export function storeError(reason: StoreFailure): ProtocolError {
  return new ProtocolError('InvalidState', 'state', reason, 'store');
}

/** @throws {TypeError} unless table and key are 1 to 400 printable ASCII characters. */
export function checkNames(table: string, key: string): void {
  if (!NAME.test(table) || !NAME.test(key)) throw new TypeError('tables and keys are printable ASCII');
}

/** One row of a store. */
export type Row = readonly [table: string, key: string, value: Uint8Array];

/** The canonical bytes of rows that come in order of table and key. */
export function canonicalBytes(rows: Iterable<Row>): Uint8Array {
  const out = new ByteWriter();
  for (const [table, key, value] of rows) out.sized(utf8(table)).sized(utf8(key)).sized(value);
  return out.finish();
}
