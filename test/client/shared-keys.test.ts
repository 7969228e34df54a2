/**
 * Sessions begun on keys that a relay may give to everybody.
 *
 * @spec 07-devices §3
 */
import { expect, test } from 'vitest';
import { read, type Seat, World } from '../support/devices.ts';

const shared = (seat: Seat) => seat.events.filter(({ type }) => type === 'sharedKeySession');

test('[PQX-09] [DEV-46] are told one by one, counted, and after so many both shared prekeys are new', async () => {
  const world = new World();
  world.limits = { ...world.limits, sharedKeySessions: 3 };
  const bob = await world.primary('bob');
  const before = await bob.device.status();
  const beginners: Seat[] = [];
  for (const name of ['alice', 'carol', 'dave', 'erin']) beginners.push(await world.primary(name));
  // A relay that withholds one-time keys of either kind.
  const { keys } = world.relay.box(bob.device.account, 1);
  const lastResort = keys?.lastResortKem ?? null;
  world.relay.alterBundle = (bundle) => ({ ...bundle, oneTimePreKey: null, kemPreKey: lastResort });
  for (const [i, seat] of beginners.slice(0, 3).entries()) {
    await seat.device.send(bob.device.account, 'hi');
    expect(Object.values((await seat.device.status()).sessions)[0]?.noOneTimeKey).toBe(true);
    expect(await read(bob)).toEqual(['hi']);
    const { account } = seat.device;
    const flags = { deviceId: 1, noOneTimeKey: true, lastResortKem: true };
    expect(shared(bob).at(-1)).toEqual({ type: 'sharedKeySession', account, ...flags });
    expect((await bob.device.status()).sharedKeySessions).toBe(i + 1);
  }
  await bob.device.maintain();
  const after = await bob.device.status();
  expect(after.signedPreKeyId).not.toBe(before.signedPreKeyId);
  expect(after.kemPreKeyId).not.toBe(before.kemPreKeyId);
  expect(after.sharedKeySessions).toBe(0);
  // The keys before stay in their grace time: a bundle on its way still works.
  world.relay.alterBundle = (bundle) => ({ ...bundle, oneTimePreKey: null, kemPreKey: lastResort });
  await beginners[3]?.device.send(bob.device.account, 'late');
  expect(await read(bob)).toEqual(['late']);
});

test('[PQX-09] [DEV-46] a session on one-time keys of both kinds is none of them', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  for (const seat of [alice, bob]) {
    expect(shared(seat)).toEqual([]);
    expect((await seat.device.status()).sharedKeySessions).toBe(0);
  }
});
