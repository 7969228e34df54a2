/**
 * What is wiped, and when.
 *
 * @spec 07-devices §6
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryStore } from '../../client/store/memory.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import type { Store } from '../../client/store/store.ts';
import { storeError } from '../../client/store/store.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { World } from '../support/devices.ts';
import { searchMemory } from '../support/erasure.ts';
import { reportCount } from '../support/report.ts';

const CHILD = fileURLToPath(new URL('./erasure-child.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pawl-erasure-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const STORES: readonly [string, () => Store][] = [
  ['memory', memoryStore],
  ['SQLite', () => openSqliteStore(join(folder, `${files++}.db`))],
];

/** The node provider, and every X25519 private key that it made. */
function watched(): { provider: CryptoProvider; made: Secret[] } {
  const made: Secret[] = [];
  const provider = new Proxy(nodeProvider, {
    get: (target, name: keyof CryptoProvider) => {
      if (name !== 'x25519Generate') return target[name];
      return (...args: Parameters<CryptoProvider['x25519Generate']>) => {
        const pair = target.x25519Generate(...args);
        made.push(pair.privateKey);
        return pair;
      };
    },
  });
  return { provider, made };
}

/** A store whose transactions fail once all their work is done, where `fails` says so. */
function failing(inner: Store, fails: () => boolean): Store {
  return {
    snapshot: () => inner.snapshot(),
    close: () => inner.close(),
    transaction: (work) =>
      inner.transaction((tx) => {
        const result = work(tx);
        if (fails()) throw storeError('store-full');
        return result;
      }),
  };
}

/** Account key and identity key live as long as the device. */
const OWN_KEYS = 2;

test.each(STORES)('[DEV-16] a step’s secrets are wiped with its transaction, not before: %s', async (_, make) => {
  const world = new World();
  const { provider, made } = watched();
  const live = () => made.filter((secret) => !secret.wiped).length;
  const seen: number[] = [];
  let full = false;
  const store = failing(make(), () => {
    seen.push(live());
    return full && live() > OWN_KEYS;
  });
  const [alice, bob] = [await world.primary('alice', { provider, store }), await world.primary('bob')];
  await alice.device.refreshManifest(bob.device.account);
  const before = await store.snapshot();
  for (full of [true, false]) {
    seen.length = 0;
    expect(live()).toBe(OWN_KEYS);
    const sent = alice.device.send(bob.device.account, 'hi');
    if (full) await expect(sent).rejects.toMatchObject({ code: 'InvalidState', reason: 'store-full' });
    else expect((await sent).status).toBe('sent');
    if (full) expect(await store.snapshot()).toEqual(before);
    // The ephemeral key and the first ratchet key are whole when the commit is due.
    expect(Math.max(...seen)).toBe(OWN_KEYS + 2);
  }
  expect(live()).toBe(OWN_KEYS);
  await store.close();
});

describe.each(STORES)('whose bytes are whose, %s', (_, make) => {
  test('[KEY-18] what a transaction lends and is asked to wipe is zero after it, committed or not', async () => {
    const store = make();
    const given = Uint8Array.of(1, 2, 3);
    await store.transaction((tx) => {
      tx.put('t', 'k', given);
      tx.put('t', 'l', given);
    });
    expect(given).toEqual(Uint8Array.of(1, 2, 3));
    for (const fails of [false, true]) {
      const lent: Uint8Array[] = [];
      const secret = new Secret(Uint8Array.of(7));
      const work = store.transaction((tx) => {
        tx.wipeAfter([secret]);
        lent.push(tx.get('t', 'k') as Uint8Array, ...tx.list('t').map(([, value]) => value));
        for (const bytes of lent) expect(bytes).toEqual(given);
        expect(secret.wiped).toBe(false);
        if (fails) throw new RangeError('no');
      });
      if (fails) await expect(work).rejects.toThrow(RangeError);
      else await work;
      expect(lent).toEqual(Array.from({ length: 3 }, () => new Uint8Array(3)));
      expect(secret.wiped).toBe(true);
    }
    expect(await store.transaction((tx) => tx.get('t', 'k')?.slice())).toEqual(given);
    await store.close();
  });
});

test('[KEY-18] [JS-03] devices on memory stores leave none of their wiped secrets in the memory of the process', () => {
  const report = searchMemory(CHILD, [], 'secrets wiped by devices on memory stores, searched for in memory');
  if (report === null) return;
  expect(report.secrets).toBeGreaterThan(1000);
  expect(report.kept).toBeGreaterThan(30_000);
  expect(report.unerased).toEqual([]);
  expect(report.found).toEqual([]);
});

test('[KEY-18] [JS-03] devices on SQLite leave none of their wiped secrets in a byte string', () => {
  const report = searchMemory(CHILD, [join(folder, 'scan')], 'secrets wiped by devices on SQLite, searched for');
  if (report === null) return;
  expect(report.secrets).toBeGreaterThan(1000);
  expect(report.kept).toBeGreaterThan(30_000);
  expect(report.unerased).toEqual([]);
  // SQLite's page cache and bound parameters are out of reach (01-keys §7): counted, not judged.
  if (report.found.length > 0) reportCount('JS-03', 'copies of them in memory that is not ours', report.found.length);
});
