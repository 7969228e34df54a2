/**
 * A relay that was restored from a backup: the primary brings its manifest forward.
 *
 * @spec 07-devices §2
 */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DAY } from '../../client/limits.ts';
import { httpRelay } from '../../client/relay/http.ts';
import { RelayError } from '../../client/relay/transport.ts';
import { type Relay, startRelay } from '../../server/relay.ts';
import { read, type Seat, World } from '../support/devices.ts';
import { count, temporaryFolder } from '../support/test-relay.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const published = (world: World, seat: Seat) => world.relay.manifestOf(seat.device.account)?.manifest;

/** Bob with three linked devices, of which the second was removed; the relay's manifest after each step. */
async function history(): Promise<{ world: World; bob: Seat; versions: Uint8Array[] }> {
  const world = new World();
  const bob = await world.primary('bob');
  const current = () => world.relay.manifests.get(bob.device.account) as Uint8Array;
  const versions = [current()];
  for (const name of ['tablet', 'desk', 'watch']) {
    await world.linked(bob, name);
    versions.push(current());
  }
  await bob.device.removeDevice(3);
  versions.push(current());
  return { world, bob, versions };
}

/** Resuming fails as expected, and leaves every record of a manifest as it was. */
async function expectManifestKept(seat: Seat, expected: { readonly code: string; readonly reason: string }) {
  const records = () =>
    seat.store.transaction((tx) => ['manifest', 'own-manifest', 'account-key'].map((table) => tx.list(table)));
  const before = await records();
  await expect(seat.device.resume()).rejects.toMatchObject(expected);
  expect(await records()).toEqual(before);
}

describe('a manifest that the relay lost', () => {
  test('[DEV-51] is given back before the next change, with all versions in between', async () => {
    for (let back = 0; back < 4; back++) {
      const { world, bob, versions } = await history();
      world.relay.setManifest(bob.device.account, versions[back] as Uint8Array);
      await bob.device.removeDevice(2);
      expect(published(world, bob)).toMatchObject({ version: 6 });
      expect(published(world, bob)?.devices.map(({ deviceId }) => deviceId)).toEqual([1, 4]);
      expect(bob.events.filter(({ type }) => type === 'manifestRefused')).toEqual([]);
    }
  });

  test('[DEV-51] is given back with the next connection, however often that is interrupted', async () => {
    const { world, bob, versions } = await history();
    world.relay.setManifest(bob.device.account, versions[0] as Uint8Array);
    for (let round = 0; ; round++) {
      const before = published(world, bob)?.version;
      world.relay.fault = (point) => {
        // One more version arrives each time; its answer is lost.
        const arrived = point === 'putManifest:after' && published(world, bob)?.version !== before;
        if (arrived) throw new RelayError(0, 'unreachable');
      };
      const done = await bob.device.resume().then(
        () => true,
        () => false,
      );
      world.relay.fault = () => {};
      if (done) break;
      expect(published(world, bob)?.version).toBe(round + 2);
    }
    expect(world.relay.manifests.get(bob.device.account)).toEqual(versions[4]);
  });

  test('[DEV-51] a manifest of another history is not built upon, and keys and messages still go their way', async () => {
    const { world, bob } = await history();
    const alice = await world.primary('alice');
    world.relay.fault = (point) => {
      if (point === 'send:before') throw new RelayError(0, 'unreachable');
    };
    expect((await bob.device.send(alice.device.account, 'queued')).status).toBe('queued');
    const puts: string[] = [];
    world.relay.fault = (point) => {
      if (point.startsWith('putManifest')) puts.push(point);
    };
    const fork = await history();
    world.relay.manifests.set(bob.device.account, fork.versions[2] as Uint8Array);
    world.clock.advance(3 * DAY);
    await expectManifestKept(bob, { code: 'UntrustedIdentity', reason: 'account-key-changed' });
    expect(published(world, bob)?.version).toBe(3);
    expect(bob.events.filter(({ type }) => type === 'keysRotated')).toHaveLength(1);
    expect(world.relay.waiting(alice.device.account, 1).length).toBe(1);
    // The copy waits for a manifest of the own account that is good.
    expect((await bob.device.status()).queued).toBe(1);
    expect(puts).toEqual(['putManifest:before']);
  });

  test('[DEV-51] 64 versions are kept; a relay that was set back further is refused', async () => {
    const { world, bob, versions } = await history();
    for (let i = 0; i < 31; i++) {
      const seat = await world.linked(bob, `seat ${i}`);
      versions.push(world.relay.manifests.get(bob.device.account) as Uint8Array);
      await bob.device.removeDevice(seat.device.deviceId);
      versions.push(world.relay.manifests.get(bob.device.account) as Uint8Array);
    }
    expect(versions).toHaveLength(67);
    expect(await bob.store.transaction((tx) => tx.list('own-manifest').length)).toBe(64);
    world.relay.setManifest(bob.device.account, versions[1] as Uint8Array);
    const expected = { code: 'InvalidState', reason: 'manifest-rollback' } as const;
    await expectManifestKept(bob, expected);
    expect(world.relay.manifests.get(bob.device.account)).toEqual(versions[1]);
    world.relay.setManifest(bob.device.account, versions[2] as Uint8Array);
    await bob.device.resume();
    expect(world.relay.manifests.get(bob.device.account)).toEqual(versions[66]);
  });
});

test('[DEV-51] [DEV-50] yesterday’s database of a relay takes the manifest and the keys of today', async () => {
  const world = new World();
  const database = join(folder.path, 'relay.db');
  const start = () => startRelay({ database, now: () => world.clock.now() });
  let relay: Relay = await start();
  const overrides = () => ({ relay: httpRelay(relay.url) });
  let alice = await world.primary('alice', overrides());
  let bob = await world.primary('bob', overrides());
  const tablet = await world.linked(bob, 'tablet', overrides());
  await relay.close();
  copyFileSync(database, `${database}.yesterday`);
  relay = await start();
  bob = await world.reopen(bob, overrides());
  alice = await world.reopen(alice, overrides());
  await bob.device.removeDevice(2);
  let desk = await world.linked(bob, 'desk', overrides());
  await bob.device.rotate();
  await alice.device.send(bob.device.account, 'before');
  expect(await read(bob)).toEqual(['before']);
  await relay.close();
  for (const suffix of ['-wal', '-shm']) rmSync(database + suffix, { force: true });
  copyFileSync(`${database}.yesterday`, database);
  relay = await start();
  const stale = await world.reopen(tablet, overrides());
  [alice, bob, desk] = [
    await world.reopen(alice, overrides()),
    await world.reopen(bob, overrides()),
    await world.reopen(desk, overrides()),
  ];
  await stale.device.poll();
  await bob.device.resume();
  await expect(stale.device.poll()).rejects.toMatchObject({ status: 401, reason: 'unknown-device' });
  await desk.device.resume();
  const carol = await world.primary('carol', overrides());
  for (const seat of [alice, carol]) await seat.device.send(bob.device.account, 'after');
  for (const seat of [bob, desk]) expect(await read(seat)).toEqual(['after', 'after']);
  expect(count(database, 'SELECT max(manifest_version) FROM account')).toBe(4);
  await relay.close();
});
