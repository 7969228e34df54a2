/** The database file itself. */
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRelay } from '../../server/relay.ts';
import { isAtLeast, openDatabase, SCHEMA_VERSION } from '../../server/store/schema.ts';
import { call, createAccount, register, sendTo } from '../support/relay-fixtures.ts';
import { count, dump, temporaryFolder, testRelay } from '../support/test-relay.ts';

let folder: ReturnType<typeof temporaryFolder>;
let path: string;

beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder.path, 'relay.db');
});

afterEach(() => folder.remove());

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

it('[RLY-09] commits durably: WAL, synchronous FULL, and foreign keys that hold', () => {
  const database = openDatabase(path);
  const settings = ['busy_timeout', 'journal_mode', 'synchronous', 'page_size', 'wal_autocheckpoint', 'foreign_keys'];
  expect(settings.map((name) => pragma(database, name))).toEqual([10_000, 'wal', 2, 8192, 8000, 1]);
  expect(pragma(database, 'user_version')).toBe(SCHEMA_VERSION);
  database.close();
});

it('[RLY-09] answers a send when another connection can read it', async () => {
  const relay = testRelay();
  const alice = createAccount();
  const bob = createAccount();
  await register(relay, alice);
  await register(relay, bob);
  for (let i = 1; i <= 5; i++) {
    await call(relay, alice.primary, 'PUT', `/v1/messages/${bob.account}`, sendTo([bob.primary]));
    expect(count(relay.database, 'SELECT count(*) FROM env')).toBe(i);
  }
  await relay.close();
});

it('[RLY-28] makes a file that its owner alone may read, its companions too, whatever the umask', async () => {
  const mode = (suffix: string) => (statSync(path + suffix).mode & 0o777).toString(8);
  const before = process.umask(0);
  try {
    const relay = await startRelay({ database: path });
    expect(['', '-wal', '-shm'].map(mode)).toEqual(['600', '600', '600']);
    await relay.close();
  } finally {
    process.umask(before);
  }
  // Whoever opened it to a group had a reason.
  chmodSync(path, 0o640);
  const database = openDatabase(path);
  expect(['', '-wal', '-shm'].map(mode)).toEqual(['640', '640', '640']);
  database.close();
  expect(() => openDatabase(join(folder.path, 'no', 'folder'))).toThrow('unable to open database file');
});

it('[RLY-10] refuses a database with a newer schema and leaves it as it is', async () => {
  openDatabase(path).close();
  const newer = new DatabaseSync(path);
  newer.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  newer.close();
  const before = dump(path);
  expect(() => openDatabase(path)).toThrow('use a newer relay');
  await expect(startRelay({ database: path })).rejects.toThrow('use a newer relay');
  expect(dump(path)).toBe(before);
  expect(count(path, 'PRAGMA user_version')).toBe(SCHEMA_VERSION + 1);
});

it('[RLY-10] refuses a file that is no database', () => {
  writeFileSync(path, 'not a database, but long enough to look at '.repeat(40));
  expect(() => openDatabase(path)).toThrow('file is not a database');
});

it('[RLY-10] compares versions of SQLite by number', () => {
  const verdicts = ['3.51.3', '3.51.10', '3.52.0', '4.0.0', '3.51.2', '3.9.9', '3.50.99', '3.51'];
  expect(verdicts.map((version) => isAtLeast(version, [3, 51, 3]))).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

it('[RLY-10] says which port is taken and lets the file go', async () => {
  const first = await startRelay({ database: path });
  const other = join(folder.path, 'other.db');
  await expect(startRelay({ database: other, port: first.port })).rejects.toThrow('EADDRINUSE');
  const second = await startRelay({ database: other });
  expect(second.port).not.toBe(first.port);
  await first.close();
  await second.close();
});
