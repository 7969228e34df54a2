/**
 * The store on one SQLite file.
 *
 * @spec 06-relay §4
 * Owns: transactions: one an operation, answered after its commit; the caller's nonce stays used when the rest is refused.
 * Must not know: what the operations do. Several processes may share the file; writers take turns.
 */
import type { DatabaseSync } from 'node:sqlite';
import { MAX_PAGE_BYTES } from '../limits.ts';
import * as devices from './devices.ts';
import type {
  Bundle,
  Caller,
  DeviceCredentials,
  KeyCounts,
  MailboxPage,
  ManifestRecord,
  Registration,
  RelayStore,
  SendRequest,
  SendResult,
  StoredKeys,
} from './interface.ts';
import * as keys from './keys.ts';
import * as mail from './mail.ts';
import { openDatabase } from './schema.ts';
import { Statements } from './statements.ts';

class SqliteRelayStore implements RelayStore {
  readonly #database: DatabaseSync;
  readonly #sql: Statements;
  /** What SQLite counts of other connections' commits. */
  #dataVersion = -1;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = new Statements(database);
  }

  /** Runs `work` in a write transaction; whatever it throws undoes it. */
  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      // @req RLY-09
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Runs `work` for a caller: the nonce is spent in any case, `work` counts only if it returns. */
  #perform<T>(caller: Caller, work: () => T): T {
    const outcome = this.#transaction((): { value: T } | { error: unknown } => {
      devices.admit(this.#sql, caller);
      this.#database.exec('SAVEPOINT work');
      try {
        const value = work();
        devices.markSeen(this.#sql, caller);
        return { value };
      } catch (error) {
        this.#database.exec('ROLLBACK TO work');
        return { error };
      }
    });
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  async credentials(account: string, deviceId: number): Promise<DeviceCredentials | null> {
    return devices.credentials(this.#sql, account, deviceId);
  }

  async storedManifest(account: string): Promise<Uint8Array | null> {
    return devices.storedManifest(this.#sql, account);
  }

  async register(registration: Registration): Promise<void> {
    this.#transaction(() => devices.register(this.#sql, registration));
  }

  async admit(caller: Caller): Promise<void> {
    this.#perform(caller, () => undefined);
  }

  async spendNonce(caller: Caller): Promise<void> {
    this.#transaction(() => devices.admit(this.#sql, caller));
  }

  async manifest(caller: Caller, account: string): Promise<Uint8Array> {
    return this.#perform(caller, () => devices.requireManifest(this.#sql, account));
  }

  async replaceManifest(caller: Caller, manifest: ManifestRecord): Promise<{ removed: readonly number[] }> {
    const removed = this.#perform(caller, () => devices.replaceManifest(this.#sql, caller.account, manifest));
    return { removed };
  }

  async uploadKeys(caller: Caller, upload: StoredKeys): Promise<void> {
    this.#perform(caller, () => keys.storeKeys(this.#sql, caller.dev, upload));
  }

  async keyCounts(caller: Caller): Promise<KeyCounts> {
    return this.#perform(caller, () => keys.keyCounts(this.#sql, caller.dev));
  }

  async takeBundle(caller: Caller, account: string, deviceId: number): Promise<Bundle> {
    return this.#perform(caller, () => keys.takeBundle(this.#sql, account, deviceId));
  }

  async send(caller: Caller, request: SendRequest): Promise<SendResult> {
    return this.#perform(caller, () => mail.send(this.#sql, caller, request));
  }

  async mailbox(caller: Caller, after: number, limit: number): Promise<MailboxPage> {
    return this.#perform(caller, () => mail.readMailbox(this.#sql, caller.dev, after, limit, MAX_PAGE_BYTES));
  }

  async acknowledge(caller: Caller, seq: number): Promise<void> {
    this.#perform(caller, () => mail.acknowledge(this.#sql, caller.dev, seq));
  }

  async changedElsewhere(): Promise<boolean> {
    const before = this.#dataVersion;
    this.#dataVersion = this.#sql.get<{ data_version: number }>('PRAGMA data_version')?.data_version ?? 0;
    return this.#dataVersion !== before;
  }

  async isLive(dev: number): Promise<boolean> {
    return devices.isLive(this.#sql, dev);
  }

  async readMailbox(dev: number, after: number, limit: number, bytes: number): Promise<MailboxPage | null> {
    if (!devices.isLive(this.#sql, dev)) return null;
    return mail.readMailbox(this.#sql, dev, after, limit, bytes);
  }

  async acknowledgePushed(dev: number, seq: number): Promise<void> {
    this.#transaction(() => mail.acknowledge(this.#sql, dev, seq));
  }

  async expire(now: number): Promise<boolean> {
    return this.#transaction(() => mail.expire(this.#sql, now));
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }
}

/**
 * Opens the store in the given file, making it if it is missing.
 * @throws {Error} as `openDatabase`.
 */
export function openRelayStore(path: string): RelayStore {
  return new SqliteRelayStore(openDatabase(path));
}
