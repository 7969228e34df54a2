/**
 * Several devices of several accounts, over a relay in memory.
 *
 * @spec 07-devices §2, §4, §5
 */
import { describe, expect, test } from 'vitest';
import { read, texts, World } from '../support/devices.ts';

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
