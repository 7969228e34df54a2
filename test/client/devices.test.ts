/**
 * Several devices of several accounts, over a relay in memory.
 *
 * @spec 07-devices §2, §4, §5
 */
import { describe, expect, test } from 'vitest';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import type { SuiteName } from '../../protocol/handshake/suites.ts';
import { read, texts, World } from '../support/devices.ts';
import { PQXDH, SUITE_NAMES, X3DH } from '../support/peers.ts';

describe('fan-out', () => {
  test('[DEV-05] [DEV-13] a message reaches every device of the recipient, and a copy the sender’s others', async () => {
    const world = new World();
    const alice = await world.primary('alice');
    const laptop = await world.linked(alice, 'laptop');
    const bob = await world.primary('bob');
    const [tablet, desk] = [await world.linked(bob, 'tablet'), await world.linked(bob, 'desk')];
    const sent = await alice.device.send(bob.device.account, 'hi');
    expect(sent.status).toBe('sent');
    expect(sent.envelopes.map(({ deviceId, type }) => [deviceId, type])).toEqual([
      [1, 'prekey'],
      [2, 'prekey'],
      [3, 'prekey'],
      [2, 'prekey'],
    ]);
    for (const reader of [bob, tablet, desk]) expect(await read(reader)).toEqual(['hi']);
    await laptop.device.poll();
    const [copy] = await laptop.device.inbox();
    expect(copy).toMatchObject({ sentTo: bob.device.account, sourceAccount: alice.device.account, sourceDevice: 1 });
    await bob.device.send(alice.device.account, 'answer');
    for (const reader of [alice, tablet, desk]) expect(await read(reader)).toEqual(['answer']);
    const again = await alice.device.send(bob.device.account, 'third');
    expect(
      again.envelopes.find(({ account, deviceId }) => account === bob.device.account && deviceId === 1)?.type,
    ).toBe('message');
    expect(await texts(bob)).toEqual([]);
    expect(await read(bob)).toEqual(['third']);
  });
});

describe('suites', () => {
  test.each(SUITE_NAMES)('[DEV-25] a device that speaks %s alone publishes what it needs for that', async (suite) => {
    const world = new World();
    const [alice, bob] = [
      await world.primary('alice', { suites: [suite] }),
      await world.primary('bob', { suites: [suite] }),
    ];
    await alice.device.send(bob.device.account, 'hi');
    expect(await read(bob)).toEqual(['hi']);
    await bob.device.rotate();
    const status = await bob.device.status();
    expect(status.kemPreKeyId === null).toBe(suite === X3DH);
    expect(status.oneTimeKemPreKeys).toBe(suite === X3DH ? 0 : 4);
    expect(Object.values(status.sessions).map((session) => session.suite)).toEqual([suite]);
  });

  test('[PQX-08] a device of both suites takes the hybrid one where it is offered, and a hybrid-only one never the classical', async () => {
    const world = new World();
    const both: readonly SuiteName[] = [X3DH, PQXDH];
    const alice = await world.primary('alice', { suites: both, provider: nobleProvider });
    const bob = await world.primary('bob');
    const old = await world.primary('old', { suites: [X3DH] });
    for (const peer of [bob, old]) await alice.device.send(peer.device.account, 'hi');
    const { sessions } = await alice.device.status();
    expect(sessions[`${bob.device.account}.1`]?.suite).toBe(PQXDH);
    expect(sessions[`${old.device.account}.1`]?.suite).toBe(X3DH);
    await expect(bob.device.send(old.device.account, 'hi')).rejects.toMatchObject({ reason: 'no-kem-prekey' });
    await expect(old.device.send(bob.device.account, 'hi')).rejects.toMatchObject({ reason: 'kem-type-not-allowed' });
    for (const peer of [bob, old]) expect(await read(peer)).toEqual(['hi']);
  });
});
