/**
 * What every store owes its device, and what the SQLite file owes it besides.
 *
 * @spec 07-devices §6
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryStore } from '../../client/store/memory.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import type { Store } from '../../client/store/store.ts';
import { utf8 } from '../../protocol/bytes/bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const nextFile = () => join(folder, `${files++}.db`);
const STORES: readonly [string, () => Store][] = [
  ['memory', memoryStore],
  ['SQLite', () => openSqliteStore(nextFile())],
];

describe.each(STORES)('%s', (_, make) => {
  test('[DEV-15] what a transaction wrote is there; what a failed one wrote is not', async () => {
    const store = make();
    const empty = await store.snapshot();
    await store.transaction((tx) => {
      tx.put('a', 'x', Uint8Array.of(1));
      tx.put('a', 'x', Uint8Array.of(2));
      tx.put('a', 'y', new Uint8Array(0));
      tx.delete('a', 'z');
    });
    const before = await store.snapshot();
    expect(before).not.toEqual(empty);
    const failing = store.transaction((tx) => {
      tx.put('a', 'x', Uint8Array.of(9));
      tx.put('b', 'new', Uint8Array.of(9));
      tx.delete('a', 'y');
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await store.snapshot()).toEqual(before);
    const [x, y, gone] = await store.transaction((tx) =>
      ['x', 'y', 'z'].map((key) => tx.get('a', key)?.slice() ?? null),
    );
    expect([x, y, gone]).toEqual([Uint8Array.of(2), new Uint8Array(0), null]);
    await store.close();
  });

  test('[DEV-15] values are copied in and out', async () => {
    const store = make();
    const value = Uint8Array.of(1, 2, 3);
    await store.transaction((tx) => tx.put('a', 'x', value));
    value.fill(9);
    await store.transaction((tx) => tx.get('a', 'x')?.fill(7));
    expect(await store.transaction((tx) => tx.get('a', 'x')?.slice())).toEqual(Uint8Array.of(1, 2, 3));
    await store.close();
  });

  test('[DEV-15] lists come in the order of keys, by prefix and by table', async () => {
    const store = make();
    const keys = ['b', 'a.10', 'a.2', 'a', 'A', '~', 'a.~', 'a/1'];
    await store.transaction((tx) => {
      for (const key of keys) tx.put('t', key, utf8(key));
      tx.put('other', 'a.1', Uint8Array.of(1));
    });
    const list = (prefix?: string) => store.transaction((tx) => tx.list('t', prefix).map(([key]) => key));
    expect(await list()).toEqual([...keys].sort());
    expect(await list('a.')).toEqual(['a.10', 'a.2', 'a.~']);
    expect(await list('zz')).toEqual([]);
    await store.close();
  });

  test('[DEV-15] misuse is a TypeError and changes nothing', async () => {
    const store = make();
    await store.transaction((tx) => tx.put('t', 'k', Uint8Array.of(1)));
    const before = await store.snapshot();
    let leaked: Parameters<Parameters<Store['transaction']>[0]>[0] | undefined;
    await store.transaction((tx) => {
      leaked = tx;
    });
    expect(() => leaked?.put('t', 'k', Uint8Array.of(2))).toThrow(TypeError);
    for (const key of ['', 'ü', '\n', 'x'.repeat(401)]) {
      await expect(store.transaction((tx) => tx.put('t', key, Uint8Array.of(1)))).rejects.toThrow(TypeError);
    }
    expect(await store.snapshot()).toEqual(before);
    await store.close();
    await expect(store.transaction(() => 1)).rejects.toMatchObject({ code: 'InvalidState', reason: 'store-closed' });
  });
});

describe('the SQLite file', () => {
  test('[DEV-15] equal contents have equal snapshots, whatever the implementation and the history', async () => {
    const [memory, file] = [memoryStore(), openSqliteStore(nextFile())];
    for (const [i, store] of [memory, file].entries()) {
      await store.transaction((tx) => {
        const names = ['a', 'b', 'c'];
        for (const table of i === 0 ? names : [...names].reverse()) tx.put(table, 'k', utf8(table));
        tx.put('gone', 'k', utf8('x'));
        tx.delete('gone', 'k');
      });
    }
    expect(await memory.snapshot()).toEqual(await file.snapshot());
    await file.close();
  });

  test('[DEV-15] is there again after closing, and syncs every commit', async () => {
    const path = nextFile();
    const store = openSqliteStore(path);
    await store.transaction((tx) => tx.put('t', 'k', utf8('kept')));
    await store.close();
    const again = openSqliteStore(path);
    expect(await again.transaction((tx) => tx.get('t', 'k')?.slice())).toEqual(utf8('kept'));
    await again.close();
  });

  test('[DEV-16] what is deleted is not in the file once it was written back', async () => {
    const path = nextFile();
    const secret = utf8('a private key that must go '.repeat(8));
    const store = openSqliteStore(path);
    await store.transaction((tx) => tx.put('t', 'k', secret));
    await store.transaction((tx) => tx.delete('t', 'k'));
    await store.close();
    expect(readFileSync(path).includes(Buffer.from(secret))).toBe(false);
  });

  test('[STATE-10] tells why it cannot write, and no path', async () => {
    const path = nextFile();
    await openSqliteStore(path).close();
    const readOnly = openSqliteStore(path, { readOnly: true });
    await expect(readOnly.transaction((tx) => tx.put('t', 'k', utf8('x')))).rejects.toMatchObject({
      code: 'InvalidState',
      reason: 'store-read-only',
    });
    await readOnly.close();
    const small = openSqliteStore(path, { maxBytes: 1 });
    const large = small.transaction((tx) => tx.put('t', 'k', new Uint8Array(100_000)));
    await expect(large).rejects.toMatchObject({ code: 'InvalidState', reason: 'store-full' });
    await small.transaction((tx) => tx.put('t', 'k', utf8('still works')));
    await small.close();
    expect(() => openSqliteStore(join(folder, 'no', 'such', 'folder.db'))).toThrow(
      expect.objectContaining({ reason: 'store-failed', message: expect.not.stringContaining(folder) }),
    );
  });
});
