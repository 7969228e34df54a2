/**
 * What is this device's own fault, or its application's, costs no message.
 *
 * @spec 07-devices §5
 */
import { describe, expect, test } from 'vitest';
import { isProtocolError } from '../../protocol/errors.ts';
import { read, texts, World } from '../support/devices.ts';
import { flip } from '../support/forge.ts';

describe('[DEV-49] [STATE-09] a damaged record of the device itself', () => {
  test.each([
    ['meta', 'inbox'],
    ['meta', 'generation'],
  ])('%s/%s: mail stays at the relay, unacknowledged, and is read once the record is whole', async (table, key) => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await alice.device.send(bob.device.account, 'patience');
    const good = await bob.store.transaction((tx) => tx.get(table, key)?.slice() ?? null);
    if (good === null) throw new TypeError('no such record');
    await bob.store.transaction((tx) => tx.put(table, key, flip(good, good.length - 1, 1)));
    const before = await bob.store.snapshot();
    const error = await bob.device.poll().catch((reason: unknown) => reason);
    expect(isProtocolError(error, 'InvalidState')).toBe(true);
    expect(error).toMatchObject({ field: table });
    expect(await bob.store.snapshot()).toEqual(before);
    expect(world.relay.waiting(bob.device.account, 1).length).toBe(1);
    await bob.store.transaction((tx) => tx.put(table, key, good));
    expect(await read(bob)).toEqual(['patience']);
  });
});

test('[DEV-48] a callback that throws loses no message and stops no delivery', async () => {
  const world = new World();
  const types: string[] = [];
  const onEvent = ({ type }: { readonly type: string }) => {
    types.push(type);
    throw new Error('not mine');
  };
  const alice = await world.primary('alice', { onEvent });
  const bob = await world.primary('bob', { onEvent });
  const tablet = await world.linked(bob, 'tablet', { onEvent });
  expect((await alice.device.send(bob.device.account, 'one')).status).toBe('sent');
  for (const seat of [bob, tablet]) expect(await read(seat)).toEqual(['one']);
  await bob.device.send(alice.device.account, 'two');
  expect(await read(alice)).toEqual(['two']);
  expect(await texts(bob)).toEqual([]);
  expect(types).toContain('message');
  expect(types).toContain('accountPinned');
});

test('[DEV-28] [REL-07] a page that does not come after the one before ends the poll', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  await alice.device.send(bob.device.account, 'one');
  const [first] = world.relay.waiting(bob.device.account, 1);
  if (first === undefined) throw new TypeError('nothing waits');
  let pages = 0;
  const connector: typeof world.relay.connector = (who) =>
    new Proxy(world.relay.connector(who), {
      get: (transport, name) => {
        const member: unknown = Reflect.get(transport, name, transport);
        if (name !== 'fetchMailbox') return typeof member === 'function' ? member.bind(transport) : member;
        return async () => {
          pages += 1;
          return { envelopes: [first], more: true };
        };
      },
    });
  const lied = await world.reopen(bob, { relay: connector });
  await expect(lied.device.poll()).rejects.toMatchObject({ code: 'InvalidMessage', reason: 'relay-answer-malformed' });
  expect(pages).toBe(2);
  expect(await texts(lied)).toEqual(['one']);
});
