/** Two processes on one database file. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemRandom } from '../../protocol/crypto/node.ts';
import type { StoredKeys } from '../../server/store/interface.ts';
import { openRelayStore } from '../../server/store/sqlite.ts';
import {
  type Answer,
  createAccount,
  createDevice,
  deliver,
  keyUpload,
  manifestText,
  nextManifest,
  type PlainRequest,
  putDevices,
  putKeys,
  register,
  remote,
  sendTo,
  sign,
  type TestDevice,
} from '../support/relay-fixtures.ts';
import { type RelayProcess, startProgram, startRelayProcess } from '../support/relay-process.ts';
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

/** Bob has two devices that stay and a third one that comes and goes; Alice writes through one relay, Bob asks the other. */
class Race {
  readonly folder = temporaryFolder();
  readonly database = join(this.folder.path, 'relay.db');
  readonly alice = createAccount();
  readonly bob = createAccount();
  readonly stable = [this.bob.primary, createDevice(this.bob.account, 2, 1)];
  readonly seen = { linkAccepted: 0, linkRefused: 0, removeAccepted: 0, removeRefused: 0 };
  here = remote('');
  there = remote('');

  async start(processes: readonly [RelayProcess, RelayProcess]): Promise<void> {
    this.here = remote(processes[0].url);
    this.there = remote(processes[1].url);
    await register(this.here, this.alice);
    await register(this.there, this.bob);
    await putDevices(this.there, this.bob, this.stable);
    for (const device of this.stable.slice(1)) await putKeys(this.here, device);
  }

  /** Sends to `to` while the other process gets `change`; both signed before, either one a little late. */
  async #race(text: string, to: TestDevice[], by: TestDevice, change: PlainRequest): Promise<Answer> {
    const path = `/v1/messages/${this.bob.account}`;
    const plain = { method: 'PUT', path, body: sendTo(to, text) };
    const send = sign(this.alice.primary, this.here.base, Date.now(), plain);
    const other = sign(by, this.there.base, Date.now(), change);
    const lead = (systemRandom(1)[0] ?? 0) / 64 - 2;
    const [sent, changed] = await Promise.all([
      sleep(Math.max(0, lead)).then(() => deliver(this.here, send)),
      sleep(Math.max(0, -lead)).then(() => deliver(this.there, other)),
    ]);
    expect(changed.status).toBe(204);
    expect([200, 409]).toContain(sent.status);
    const boxes = count(this.database, `SELECT count(*) FROM env WHERE body = x'${Buffer.from(text).toString('hex')}'`);
    // Two of three where one was removed: its mailbox went with it.
    expect(boxes).toBe(sent.status === 200 ? 2 : 0);
    return sent;
  }

  async link(run: number, tablet: TestDevice): Promise<void> {
    await putDevices(this.there, this.bob, [...this.stable, tablet]);
    const body = keyUpload(tablet, { oneTime: 0, oneTimeKem: 0 });
    const sent = await this.#race(`link ${run}`, this.stable, tablet, { method: 'PUT', path: '/v1/keys', body });
    if (sent.status === 409) expect(sent.json).toMatchObject({ missing: [3], extra: [] });
    this.seen[sent.status === 200 ? 'linkAccepted' : 'linkRefused'] += 1;
  }

  async remove(run: number, tablet: TestDevice): Promise<void> {
    const manifest = nextManifest(this.bob, this.stable);
    const change = { method: 'PUT', path: '/v1/manifest', body: { manifest: manifestText(manifest) } };
    const sent = await this.#race(`remove ${run}`, [...this.stable, tablet], this.bob.primary, change);
    this.bob.manifests.push(manifest);
    if (sent.status === 409) expect(sent.json).toMatchObject({ missing: [], extra: [3] });
    this.seen[sent.status === 200 ? 'removeAccepted' : 'removeRefused'] += 1;
  }
}

it('[REL-10] [RLY-18] a send that races a link or a removal in another process reaches all mailboxes or none', async () => {
  const runs = scaled(200, 1_000);
  const race = new Race();
  // Both make the file that is not there yet.
  const processes = await Promise.all([startRelayProcess(race.database), startRelayProcess(race.database)]);
  await race.start(processes);
  for (let run = 1; run <= runs; run += 2) {
    const tablet = createDevice(race.bob.account, 3, run);
    await race.link(run, tablet);
    await race.remove(run, tablet);
  }
  expect(count(race.database, 'SELECT count(*) FROM env JOIN device USING (dev) WHERE state = 2')).toBe(0);
  for (const [name, times] of Object.entries(race.seen)) expect([name, times > 0]).toEqual([name, true]);
  reportCount('REL-10', 'sends racing a link or a removal', runs);
  for (const process of processes) await process.kill();
  race.folder.remove();
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
