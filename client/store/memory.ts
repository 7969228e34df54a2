/**
 * A store in memory.
 *
 * @spec 07-devices §6
 * Owns: rollback of a failed transaction, erasing values that are no longer stored. Must not know: what is stored. Durable until
 * it is closed: for tests, demonstrations and sessions that may die with their process.
 */
import { copyInput } from '../../protocol/bytes/bytes.ts';
import type { Wipeable } from '../../protocol/bytes/secret.ts';
import type { Row, Store, StoreTransaction } from './store.ts';
import { canonicalBytes, checkNames, Loans, storeError } from './store.ts';

type Tables = Map<string, Map<string, Uint8Array>>;

/** Order of code units; names are ASCII, so this is SQLite's order too. */
function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A row as it was before one change of it. */
interface Change {
  readonly rows: Map<string, Uint8Array>;
  readonly key: string;
  readonly before: Uint8Array | undefined;
}

class MemoryTransaction implements StoreTransaction {
  readonly #tables: Tables;
  readonly #loans = new Loans();
  readonly #changes: Change[] = [];
  #open = true;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  #table(name: string, key: string): Map<string, Uint8Array> {
    if (!this.#open) throw new TypeError('the transaction is over');
    checkNames(name, key);
    const existing = this.#tables.get(name);
    if (existing !== undefined) return existing;
    const made = new Map<string, Uint8Array>();
    this.#tables.set(name, made);
    return made;
  }

  get(table: string, key: string): Uint8Array | null {
    const value = this.#table(table, key).get(key);
    return value === undefined ? null : this.#loans.lend(value.slice());
  }

  put(table: string, key: string, value: Uint8Array): void {
    const rows = this.#table(table, key);
    const copy = copyInput(value, 'value');
    this.#changes.push({ rows, key, before: rows.get(key) });
    rows.set(key, copy);
  }

  delete(table: string, key: string): void {
    const rows = this.#table(table, key);
    this.#changes.push({ rows, key, before: rows.get(key) });
    rows.delete(key);
  }

  list(table: string, prefix = ''): [string, Uint8Array][] {
    const rows = this.#table(table, '-');
    const found = [...rows].filter(([key]) => key.startsWith(prefix));
    return found.sort(byKey).map(([key, value]) => [key, this.#loans.lend(value.slice())]);
  }

  wipeAfter(secrets: Iterable<Wipeable>): void {
    this.#loans.add(secrets);
  }

  close(keep: boolean): void {
    this.#open = false;
    // @req KEY-18
    if (keep) for (const { before } of this.#changes) before?.fill(0);
    else for (const change of this.#changes.reverse()) undo(change);
    this.#loans.end();
  }
}

function undo({ rows, key, before }: Change): void {
  rows.get(key)?.fill(0);
  if (before === undefined) rows.delete(key);
  else rows.set(key, before);
}

class MemoryStore implements Store {
  readonly #tables: Tables = new Map();
  #closed = false;
  #busy = false;

  async transaction<T>(work: (tx: StoreTransaction) => T): Promise<T> {
    if (this.#closed) throw storeError('store-closed');
    if (this.#busy) throw new TypeError('transactions do not nest');
    this.#busy = true;
    const tx = new MemoryTransaction(this.#tables);
    let done = false;
    try {
      const result = work(tx);
      done = true;
      return result;
    } finally {
      tx.close(done);
      this.#busy = false;
    }
  }

  async snapshot(): Promise<Uint8Array> {
    if (this.#closed) throw storeError('store-closed');
    const rows: Row[] = [];
    for (const [table, entries] of [...this.#tables].sort(byKey)) {
      for (const [key, value] of [...entries].sort(byKey)) rows.push([table, key, value]);
    }
    return canonicalBytes(rows);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const rows of this.#tables.values()) for (const value of rows.values()) value.fill(0);
    this.#tables.clear();
  }
}

/** An empty store in memory. */
export function memoryStore(): Store {
  return new MemoryStore();
}
