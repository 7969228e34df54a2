/**
 * A relay inside the test, and what its database holds.
 *
 * @spec 06-relay §4
 * Owns: a relay on a temporary file with a clock that stands still; the byte-equal comparison of databases.
 * Must not know: accounts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pino from 'pino';
import { expect } from 'vitest';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { createApp } from '../../server/app.ts';
import type { RelayDeps } from '../../server/routes/common.ts';
import { SocketHub } from '../../server/socket.ts';
import type { RelayStore } from '../../server/store/interface.ts';
import { openRelayStore } from '../../server/store/sqlite.ts';
import type { Answer, RelayEnd } from './relay-fixtures.ts';

/** A relay in this process. */
export interface TestRelay extends RelayEnd {
  readonly database: string;
  readonly store: RelayStore;
  readonly deps: RelayDeps;
  readonly app: ReturnType<typeof createApp>;
  /** What it logged, line by line. */
  readonly logged: string[];
  /** Moves its clock, in milliseconds. */
  readonly pass: (milliseconds: number) => void;
  readonly close: () => Promise<void>;
}

/** A folder of its own under the system's temporary one. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'pawl-relay-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a relay without a port; `app.request` reaches it. */
export function testRelay(): TestRelay {
  const folder = temporaryFolder();
  const database = join(folder.path, 'relay.db');
  const store = openRelayStore(database);
  const logged: string[] = [];
  const logger = pino({ level: 'debug', base: null }, { write: (line: string) => void logged.push(line) });
  const hub = new SocketHub(store, logger);
  let clock = Date.UTC(2027, 0, 1);
  const now = () => clock;
  const deps = { store, provider: nodeProvider, random: systemRandom, now, logger, hub };
  const app = createApp(deps);
  const base = 'http://relay.test';
  return {
    database,
    store,
    deps,
    app,
    logged,
    base,
    now,
    pass: (milliseconds) => {
      clock += milliseconds;
    },
    fetch: async ({ method, path, headers, body }) => app.request(base + path, { method, headers, body }),
    close: async () => {
      await store.close();
      folder.remove();
    },
  };
}

function column(value: unknown): unknown {
  return value instanceof Uint8Array ? `x${toHex(value)}` : value;
}

/** Every row of every table but those left out, as text. */
export function dump(database: string, leftOut: readonly string[] = []): string {
  const reader = new DatabaseSync(database, { readOnly: true, timeout: 10_000 });
  try {
    const tables = reader.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    return tables
      .map(({ name }) => String(name))
      .filter((name) => !leftOut.includes(name))
      .map((name) => {
        const rows = reader.prepare(`SELECT * FROM "${name}"`).all();
        const lines = rows.map((row) => JSON.stringify(Object.values(row).map(column))).sort();
        return [name, ...lines].join('\n');
      })
      .join('\n\n');
  } finally {
    reader.close();
  }
}

/** One number from the database. */
export function count(database: string, sql: string): number {
  const reader = new DatabaseSync(database, { readOnly: true, timeout: 10_000 });
  try {
    return Number(Object.values(reader.prepare(sql).get() ?? {})[0]);
  } finally {
    reader.close();
  }
}

/** The refusal that is expected; lists of devices besides where there are any. */
export interface ExpectedRefusal {
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  readonly lists?: { readonly missing?: number[]; readonly extra?: number[]; readonly stale?: number[] };
}

/**
 * Expects a refusal that changes nothing. A nonce that was used stays used where the request's signature was good; where it
 * was not (401), that table is compared too.
 */
export async function expectRefusal(
  relay: Pick<TestRelay, 'database'>,
  expected: ExpectedRefusal,
  act: () => Promise<Answer>,
): Promise<Answer> {
  const leftOut = expected.status === 401 ? [] : ['nonce'];
  const before = dump(relay.database, leftOut);
  const answer = await act();
  const { status, json } = answer;
  const { error, ...lists } = json ?? {};
  expect({ status, code: error?.code, reason: error?.reason, lists }).toEqual({ lists: {}, ...expected });
  expect(dump(relay.database, leftOut) === before).toBe(true);
  return answer;
}
