/**
 * A store in memory.
 *
 * @spec 07-devices §6
 * Owns: rollback of a failed transaction. Must not know: what is stored. Durable as long as the object lives: for tests,
 * demonstrations and sessions that may die with their process.
 */
import { copyInput } from '../../protocol/bytes/bytes.ts';
import type { Row, Store, StoreTransaction } from './store.ts';
import { canonicalBytes, checkNames, storeError } from './store.ts';

type Tables = Map<string, Map<string, Uint8Array>>;

/** Order of code units; names are ASCII, so this is SQLite's order too. */
function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

class MemoryTransaction implements StoreTransaction {
  readonly #tables: Tables;
  readonly #undo: (() => void)[] = [];
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

  #remember(table: Map<string, Uint8Array>, key: string): void {
    const before = table.get(key);
    this.#undo.push(() => (before === undefined ? table.delete(key) : table.set(key, before)));
  }

  get(table: string, key: string): Uint8Array | null {
    return this.#table(table, key).get(key)?.slice() ?? null;
  }

  put(table: string, key: string, value: Uint8Array): void {
    const rows = this.#table(table, key);
    const copy = copyInput(value, 'value');
    this.#remember(rows, key);
    rows.set(key, copy);
  }

  delete(table: string, key: string): void {
    const rows = this.#table(table, key);
    this.#remember(rows, key);
    rows.delete(key);
  }

  list(table: string, prefix = ''): [string, Uint8Array][] {
    const rows = this.#table(table, '-');
    const found = [...rows].filter(([key]) => key.startsWith(prefix));
    return found.sort(byKey).map(([key, value]) => [key, value.slice()]);
  }

  close(keep: boolean): void {
    this.#open = false;
    if (!keep) for (const undo of this.#undo.reverse()) undo();
  }
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
    const rows: Row[] = [];
    for (const [table, entries] of [...this.#tables].sort(byKey)) {
      for (const [key, value] of [...entries].sort(byKey)) rows.push([table, key, value]);
    }
    return canonicalBytes(rows);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}

/** An empty store in memory. */
export function memoryStore(): Store {
  return new MemoryStore();
}
