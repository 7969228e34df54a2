/**
 * A device and a relay of which one was restored from an older copy: no key stays published without its private half.
 *
 * @spec 07-devices §3, §7
 */
import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../../client/limits.ts';
import { RelayError } from '../../client/relay/transport.ts';
import { memoryWitness } from '../../client/store/witness.ts';
import { copyOf, read, type Seat, World } from '../support/devices.ts';

const TABLES = { oneTime: 'one-time', oneTimeKem: 'one-time-kem' } as const;

/** Published keys whose private halves the store lacks. */
async function orphans(world: World, seat: Seat): Promise<string[]> {
  const keys = world.relay.box(seat.device.account, seat.device.deviceId).keys;
  if (keys === null) throw new Error('nothing is published');
  const published: (readonly [string, number | undefined])[] = [
    ['signed-prekey', keys.signedPreKey?.id],
    ['last-resort-kem', keys.lastResortKem?.id],
    ...keys.oneTime.map(({ id }) => [TABLES.oneTime, id] as const),
    ...keys.oneTimeKem.map(({ id }) => [TABLES.oneTimeKem, id] as const),
  ];
  const held = await seat.store.transaction((tx) =>
    published.map(([table, id]) => tx.list(table).some(([key]) => Number(key) === id)),
  );
  return published.filter((_, i) => held[i] !== true).map(([table, id]) => `${table} ${id}`);
}

/** As many strangers write as there are one-time keys, and two more; all of it arrives. */
async function expectReachable(world: World, seat: Seat): Promise<void> {
  const writers = (world.relay.box(seat.device.account, 1).keys?.oneTime.length ?? 0) + 2;
  const sent: string[] = [];
  for (let i = 0; i < writers; i++) {
    const stranger = await world.primary(`stranger ${i} ${world.relay.manifests.size}`);
    await stranger.device.send(seat.device.account, `from ${i}`);
    sent.push(`from ${i}`);
  }
  expect(await read(seat)).toEqual(sent);
}

/** Bob on a store from eight days ago: since then all his keys were replaced, and strangers used up some. */
async function restored(witness: 'kept' | 'lost', age = 8 * DAY): Promise<{ world: World; bob: Seat }> {
  const world = new World();
  const bob = await world.primary('bob');
  const copy = await copyOf(bob.store);
  world.clock.advance(age);
  await bob.device.maintain();
  await bob.device.refill();
  for (const name of ['x', 'y']) {
    const stranger = await world.primary(name);
    await stranger.device.send(bob.device.account, 'hi');
  }
  await read(bob);
  const older = await world.reopen(
    bob,
    witness === 'kept' ? { store: copy } : { store: copy, witness: memoryWitness() },
  );
  expect(await orphans(world, older)).not.toEqual([]);
  return { world, bob: older };
}

describe('a device that was set back', () => {
  test.each(['kept', 'lost'] as const)(
    '[STATE-05] [DEV-50] with its witness %s has the relay give out keys that it holds, and no other',
    async (witness) => {
      const { world, bob } = await restored(witness);
      await bob.device.resume();
      expect(await orphans(world, bob)).toEqual([]);
      await expectReachable(world, bob);
      const before = await bob.device.status();
      await bob.device.resume();
      expect(await bob.device.status()).toMatchObject({ signedPreKeyId: before.signedPreKeyId });
    },
  );

  test('[STATE-05] [DEV-50] notices by its witness alone where no signed prekey was replaced since', async () => {
    const { world, bob } = await restored('kept', 0);
    await bob.device.resume();
    expect(await orphans(world, bob)).toEqual([]);
    await expectReachable(world, bob);
  });

  test('[STATE-05] [DEV-50] does so however the upload is interrupted', async () => {
    for (const moment of ['before', 'after']) {
      const { world, bob } = await restored('kept');
      world.relay.fault = (point) => {
        if (point === `putKeys:${moment}`) throw new RelayError(0, 'unreachable');
      };
      await expect(bob.device.resume()).rejects.toMatchObject({ reason: 'unreachable' });
      world.relay.fault = () => {};
      const again = await world.reopen(bob);
      await again.device.resume();
      expect(await orphans(world, again)).toEqual([]);
      const keys = world.relay.box(bob.device.account, 1).keys;
      expect([keys?.oneTime.length, keys?.oneTimeKem.length]).toEqual([5, 5]);
      await expectReachable(world, again);
    }
  });

  test('[STATE-05] [DEV-19] keeps no prekey of any kind, and no record of one', async () => {
    const { bob } = await restored('kept');
    const tables = ['signed-prekey', 'last-resort-kem', 'one-time', 'one-time-kem', 'base-key'];
    const left = await bob.store.transaction((tx) => tables.flatMap((table) => tx.list(table)));
    expect(left).toEqual([]);
  });
});

describe('a relay that was set back', () => {
  test('[DEV-50] to keys that were replaced since is given new ones', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const box = world.relay.box(bob.device.account, 1);
    const before = box.keys;
    for (const name of ['x', 'y', 'z']) await (await world.primary(name)).device.send(bob.device.account, 'hi');
    await read(bob);
    world.clock.advance(40 * DAY);
    await bob.device.maintain();
    world.clock.advance(40 * DAY);
    await bob.device.maintain();
    box.keys = before;
    expect(await orphans(world, bob)).not.toEqual([]);
    await bob.device.resume();
    expect(await orphans(world, bob)).toEqual([]);
    await expectReachable(world, bob);
  });

  test('[DEV-50] to before the first upload of a linked device is given its keys', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const tablet = await world.linked(bob, 'tablet');
    world.relay.box(bob.device.account, 2).keys = null;
    await tablet.device.resume();
    expect(await orphans(world, tablet)).toEqual([]);
    expect(world.relay.active(bob.device.account).map(({ deviceId }) => deviceId)).toEqual([1, 2]);
  });

  test('[DEV-50] or says so for ever, makes a device replace its keys once an hour at most', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const lying = world.relay.connector;
    const relay: typeof lying = (who) => {
      const honest = lying(who);
      const keyCounts = async () => ({ ...(await honest.keyCounts()), signedPreKeyId: 7, lastResortKemId: 7 });
      return new Proxy(honest, {
        get: (target, name) => {
          if (name === 'keyCounts') return keyCounts;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    };
    const seat = await world.reopen(bob, { relay });
    const ids = new Set<number | null>();
    for (let minute = 0; minute < 180; minute += 5) {
      world.clock.advance(HOUR / 12);
      await seat.device.maintain();
      ids.add((await seat.device.status()).signedPreKeyId);
    }
    expect(ids.size).toBeLessThanOrEqual(4);
    expect(await orphans(world, seat)).toEqual([]);
  });
});
