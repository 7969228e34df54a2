/** Two processes on one database file. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemRandom } from '../../protocol/crypto/node.ts';
import type { StoredKeys } from '../../server/store/interface.ts';
import { openRelayStore } from '../../server/store/sqlite.ts';
import {
  createAccount,
  createDevice,
  deliver,
  keyUpload,
  manifestText,
  nextManifest,
  putDevices,
  putKeys,
  register,
  remote,
  sendTo,
  sign,
  type TestDevice,
} from '../support/relay-fixtures.ts';
import { startProgram, startRelayProcess } from '../support/relay-process.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { count, temporaryFolder, testRelay } from '../support/test-relay.ts';

const KEYS = 1000;

/** A thousand keys of each kind; the store does not look into them. */
function manyKeys(device: number): StoredKeys {
  const key = (i: number, bytes: number) => ({ id: device * KEYS + i, publicKey: new Uint8Array(bytes).fill(i) });
  const ids = Array.from({ length: KEYS }, (_, i) => i);
  return {
    signedPreKey: { ...key(0, 33), signature: new Uint8Array(64) },
    lastResortKem: { ...key(0, 1569), signature: new Uint8Array(64) },
    oneTime: ids.map((i) => key(i, 33)),
    oneTimeKem: ids.map((i) => ({ ...key(i, 1569), signature: new Uint8Array(64) })),
  };
}

it('[REL-02] [RLY-16] two processes that empty the same devices get no one-time key twice, and all of them', async () => {
  const devices = scaled(4, 20);
  const relay = testRelay();
  const alice = createAccount();
  const bob = createAccount();
  await register(relay, alice);
  await register(relay, bob, { oneTime: 0, oneTimeKem: 0 });
  const linked = Array.from({ length: devices - 1 }, (_, i) => createDevice(bob.account, i + 2, i + 1));
  await putDevices(relay, bob, [bob.primary, ...linked]);
  for (let deviceId = 1; deviceId <= devices; deviceId++) {
    const credentials = await relay.store.credentials(bob.account, deviceId);
    if (credentials === null) throw new Error('no such device');
    const now = relay.now();
    const caller = { ...credentials, account: bob.account, deviceId, nonce: systemRandom(16), nonceExpires: now, now };
    await relay.store.uploadKeys(caller, manyKeys(deviceId));
  }
  const file = join(import.meta.dirname, 'take-process.ts');
  const args = [relay.database, alice.account, bob.account, String(devices)];
  const programs = [startProgram(file, args), startProgram(file, args)];
  for (const { lines } of programs) expect((await lines.next()).value).toBe('ready');
  for (const { child } of programs) child.stdin?.write('go\n');
  const results = await Promise.all(programs.map(async ({ lines }) => JSON.parse((await lines.next()).value ?? '[]')));
  const takes: [number, number | null, number | null][] = results.flat();
  for (const kind of [1, 2] as const) {
    const ids = takes.map((take) => take[kind]).filter((id) => id !== null);
    expect(ids).toHaveLength(devices * KEYS);
    expect(new Set(ids).size).toBe(devices * KEYS);
  }
  for (const result of results) expect(result.length).toBeGreaterThan(KEYS / 10);
  reportCount('REL-02', 'takes from two processes on one SQLite file, no key twice', takes.length);
  await relay.close();
});

it('[REL-10] [RLY-18] a send that races a link or a removal in another process reaches all mailboxes or none', async () => {
  const runs = scaled(200, 1_000);
  const folder = temporaryFolder();
  const database = join(folder.path, 'relay.db');
  const [first, second] = await Promise.all([startRelayProcess(database), startRelayProcess(database)]);
  const here = remote(first.url);
  const there = remote(second.url);
  const alice = createAccount();
  const bob = createAccount();
  const laptop = createDevice(bob.account, 2, 1);
  await register(here, alice);
  await register(there, bob);
  await putDevices(there, bob, [bob.primary, laptop]);
  await putKeys(here, laptop);
  const stable = [bob.primary, laptop];

  /** Sends to `to` in one process while the other one gets `change`; both signed before, either one a little late. */
  async function race(run: number, to: TestDevice[], method: string, path: string, by: TestDevice, body: unknown) {
    const text = `run ${run}`;
    const send = sign(alice.primary, here.base, Date.now(), {
      method: 'PUT',
      path: `/v1/messages/${bob.account}`,
      body: sendTo(to, text),
    });
    const change = sign(by, there.base, Date.now(), { method, path, body });
    const lead = (systemRandom(1)[0] ?? 0) / 64 - 2;
    const [sent, changed] = await Promise.all([
      sleep(Math.max(0, lead)).then(() => deliver(here, send)),
      sleep(Math.max(0, -lead)).then(() => deliver(there, change)),
    ]);
    expect(changed.status).toBe(204);
    const boxes = count(database, `SELECT count(*) FROM env WHERE body = x'${Buffer.from(text).toString('hex')}'`);
    return { sent, boxes };
  }

  const seen = { linkAccepted: 0, linkRefused: 0, removeAccepted: 0, removeRefused: 0 };
  for (let run = 1; run <= runs; run += 2) {
    const tablet = createDevice(bob.account, 3, run);
    await putDevices(there, bob, [...stable, tablet]);
    const upload = keyUpload(tablet, { oneTime: 0, oneTimeKem: 0 });
    const link = await race(run, stable, 'PUT', '/v1/keys', tablet, upload);
    expect([200, 409]).toContain(link.sent.status);
    expect(link.boxes).toBe(link.sent.status === 200 ? 2 : 0);
    if (link.sent.status === 409) expect(link.sent.json).toMatchObject({ missing: [3], extra: [] });
    seen[link.sent.status === 200 ? 'linkAccepted' : 'linkRefused'] += 1;

    const next = nextManifest(bob, stable);
    const body = { manifest: manifestText(next) };
    const remove = await race(run + 1, [...stable, tablet], 'PUT', '/v1/manifest', bob.primary, body);
    bob.manifests.push(next);
    expect([200, 409]).toContain(remove.sent.status);
    // Two are left of three: the removed device's mailbox went with it.
    expect(remove.boxes).toBe(remove.sent.status === 200 ? 2 : 0);
    if (remove.sent.status === 409) expect(remove.sent.json).toMatchObject({ missing: [], extra: [3] });
    seen[remove.sent.status === 200 ? 'removeAccepted' : 'removeRefused'] += 1;
  }
  expect(count(database, 'SELECT count(*) FROM env JOIN device USING (dev) WHERE state = 2')).toBe(0);
  for (const [name, times] of Object.entries(seen)) expect([name, times > 0]).toEqual([name, true]);
  reportCount('REL-10', 'sends racing a link or a removal', runs);
  await Promise.all([first.kill(), second.kill()]);
  folder.remove();
});

it('[RLY-05] a nonce that one process has seen is used up in the other', async () => {
  const relay = testRelay();
  const alice = createAccount();
  await register(relay, alice);
  const other = openRelayStore(relay.database);
  const credentials = await relay.store.credentials(alice.account, 1);
  if (credentials === null) throw new Error('no such device');
  const now = relay.now();
  const caller = {
    ...credentials,
    account: alice.account,
    deviceId: 1,
    nonce: systemRandom(16),
    nonceExpires: now,
    now,
  };
  await relay.store.admit(caller);
  await expect(other.admit(caller)).rejects.toMatchObject({ status: 401, reason: 'nonce-reused' });
  await other.close();
  await relay.close();
});
