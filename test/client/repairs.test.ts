/**
 * Sends that the relay refuses: other devices, new registrations, a relay that lies or is away.
 *
 * @spec 07-devices §5
 */
import { describe, expect, test } from 'vitest';
import { getSelf } from '../../client/records/self.ts';
import { RelayError } from '../../client/relay/transport.ts';
import { encodeSignedManifest, manifestHash, signManifest } from '../../protocol/codec/manifest.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { copyOf, expectRefusal, read, textOf, World } from '../support/devices.ts';

describe('409', () => {
  test('[DEV-14] a device linked meanwhile is added, once, under the same send id', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const tablet = await world.linked(bob, 'tablet');
    world.relay.sends.length = 0;
    const sent = await alice.device.send(bob.device.account, 'hi');
    expect(sent.repairs).toEqual([{ status: 409, account: bob.device.account, missing: [2], extra: [], stale: [] }]);
    expect(sent.envelopes.map(({ deviceId, type }) => [deviceId, type])).toEqual([
      [1, 'message'],
      [2, 'prekey'],
    ]);
    expect(new Set(world.relay.sends.map(({ sendId }) => sendId)).size).toBe(1);
    const [first, second] = world.relay.sends.map(({ messages }) => messages[0]?.body);
    expect(first).toEqual(second);
    for (const reader of [bob, tablet]) expect(await read(reader)).toEqual(['hi']);
  });

  test('[DEV-14] a device removed meanwhile is left out', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await world.linked(bob, 'tablet');
    await alice.device.send(bob.device.account, 'to both');
    await bob.device.removeDevice(2);
    const sent = await alice.device.send(bob.device.account, 'to one');
    expect(sent.repairs).toMatchObject([{ status: 409, missing: [], extra: [2] }]);
    expect(sent.envelopes.map(({ deviceId }) => deviceId)).toEqual([1]);
    expect(await read(bob)).toEqual(['to both', 'to one']);
  });

  test('[DEV-14] the own account’s other devices are repaired alike', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const laptop = await world.linked(alice, 'laptop');
    await laptop.device.send(bob.device.account, 'from the laptop');
    const tablet = await world.linked(alice, 'tablet');
    const sent = await laptop.device.send(bob.device.account, 'again');
    expect(sent.repairs).toMatchObject([{ status: 409, account: alice.device.account, missing: [3] }]);
    await tablet.device.poll();
    expect((await tablet.device.inbox()).map(textOf)).toEqual(['again']);
  });

  test('[DEV-05] a relay that insists on a device of its own gets nothing encrypted for it', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.sends.length = 0;
    world.relay.alterOutcome = (_, { account }) =>
      account === bob.device.account ? { kind: 'mismatch', missing: [7], extra: [] } : { kind: 'accepted' };
    await expect(alice.device.send(bob.device.account, 'hi')).rejects.toMatchObject({
      code: 'UntrustedIdentity',
      reason: 'device-not-in-manifest',
    });
    expect(alice.events).toContainEqual({ type: 'identityChanged', account: bob.device.account, deviceId: 7 });
    const addressed = world.relay.sends.flatMap(({ messages }) => messages.map(({ deviceId }) => deviceId));
    expect(new Set(addressed)).toEqual(new Set([1]));
    expect((await alice.device.status()).queued).toBe(0);
    world.relay.alterOutcome = (outcome) => outcome;
    expect((await alice.device.send(bob.device.account, 'then')).status).toBe('sent');
  });

  test('[DEV-05] a relay that tells of a new device but not of a removed one does not keep the old one addressed', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await world.linked(bob, 'tablet');
    await alice.device.send(bob.device.account, 'to both');
    await bob.device.removeDevice(2);
    await world.linked(bob, 'desk');
    world.relay.alterOutcome = (outcome) => (outcome.kind === 'mismatch' ? { ...outcome, extra: [] } : outcome);
    const sent = await alice.device.send(bob.device.account, 'hi');
    expect(sent.repairs).toMatchObject([{ missing: [3], extra: [] }]);
    expect(sent.envelopes.map(({ deviceId }) => deviceId)).toEqual([1, 3]);
  });

  test('[DEV-14] a device under another registration id gets the message anew, though the relay names it not', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await world.linked(bob, 'tablet');
    await alice.device.send(bob.device.account, 'to both');
    const { account } = bob.device;
    const old = world.relay.manifestOf(account);
    const self = await bob.store.transaction((tx) => getSelf(tx, nodeProvider));
    if (old === null || self?.accountKey == null) throw new TypeError('no manifest to replace');
    const devices = old.manifest.devices.map((device) =>
      device.deviceId === 2 ? { ...device, registrationId: (device.registrationId % 1000) + 1001 } : device,
    );
    const next = { ...old.manifest, version: old.manifest.version + 1, previousHash: manifestHash(nodeProvider, old) };
    const signed = signManifest(nodeProvider, self.accountKey.privateKey, { ...next, devices }, systemRandom);
    world.relay.setManifest(account, encodeSignedManifest(signed));
    world.relay.sends.length = 0;
    let first = true;
    world.relay.alterOutcome = (outcome, send) => {
      if (!first || send.account !== account) return outcome;
      first = false;
      return { kind: 'mismatch', missing: [1], extra: [] };
    };
    const sent = await alice.device.send(account, 'hi');
    expect(sent.repairs).toMatchObject([{ status: 409, missing: [1] }]);
    const ids = world.relay.sends.at(-1)?.messages.map(({ registrationId }) => registrationId);
    expect(ids).toEqual(devices.map(({ registrationId }) => registrationId));
  });

  test('[DEV-14] a relay that wants no device served is not taken for a delivery', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.alterOutcome = () => ({ kind: 'mismatch', missing: [], extra: [1] });
    const sending = alice.device.send(bob.device.account, 'hi');
    await expect(sending).rejects.toMatchObject({ code: 'NoSession', reason: 'no-device-with-keys' });
    expect((await alice.device.status()).queued).toBe(0);
  });
});

describe('410', () => {
  test('[DEV-14] a device that registered anew gets a new session, the others keep theirs', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const tablet = await world.linked(bob, 'tablet');
    await tablet.device.send(alice.device.account, 'zero');
    expect([await read(alice), await read(bob)]).toEqual([['zero'], ['zero']]);
    const one = await alice.device.send(bob.device.account, 'one');
    expect(one.envelopes.map(({ type }) => type)).toEqual(['message', 'message']);
    let stale = true;
    world.relay.alterOutcome = (outcome, { account }) => {
      if (!stale || account !== bob.device.account) return outcome;
      stale = false;
      world.relay.accepted.clear();
      for (const id of [1, 2]) world.relay.box(account, id).envelopes.pop();
      return { kind: 'stale', stale: [2] };
    };
    const sent = await alice.device.send(bob.device.account, 'two');
    expect(sent.repairs).toEqual([{ status: 410, account: bob.device.account, missing: [], extra: [], stale: [2] }]);
    expect(sent.envelopes.map(({ deviceId, type }) => [deviceId, type])).toEqual([
      [1, 'message'],
      [2, 'prekey'],
    ]);
    for (const reader of [bob, tablet]) expect(await read(reader)).toEqual(['one', 'two']);
  });
});

describe('a relay that never agrees', () => {
  test('[DEV-14] leaves the message queued after a few repairs', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.alterOutcome = () => {
      world.relay.accepted.clear();
      return { kind: 'stale', stale: [1] };
    };
    const sent = await alice.device.send(bob.device.account, 'hi');
    expect(sent).toMatchObject({ status: 'queued', reason: 'too-many-repairs' });
    expect(sent.repairs.length).toBeLessThan(10);
  });
});

describe('a relay that is away', () => {
  test('[DEV-13] what cannot be sent is queued, and goes out in order, once, under its send id', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.sends.length = 0;
    world.relay.fault = (point) => {
      if (point === 'send:before') throw new RelayError(0, 'unreachable');
    };
    for (const text of ['one', 'two', 'three']) {
      expect(await alice.device.send(bob.device.account, text)).toMatchObject({
        status: 'queued',
        reason: 'unreachable',
      });
    }
    expect(world.relay.sends).toEqual([]);
    expect((await alice.device.status()).queued).toBe(3);
    const again = await world.reopen(alice);
    expect(await again.device.flush()).toBe(3);
    world.relay.fault = () => {};
    expect(await again.device.flush()).toBe(0);
    expect(await read(bob)).toEqual(['one', 'two', 'three']);
  });

  test('[DEV-13] an answer that was lost does not send twice', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.fault = (point) => {
      if (point === 'send:after') throw new RelayError(502, 'bad-gateway');
    };
    expect(await alice.device.send(bob.device.account, 'once')).toMatchObject({
      status: 'queued',
      reason: 'bad-gateway',
    });
    world.relay.fault = () => {};
    expect(await alice.device.flush()).toBe(0);
    expect(world.relay.waiting(bob.device.account, 1).length).toBe(1);
    expect(await read(bob)).toEqual(['once']);
  });

  test('[DEV-13] an entry that a restored store still has, and the relay accepted in another version, counts as sent', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.fault = (point) => {
      if (point === 'send:before') throw new RelayError(0, 'unreachable');
    };
    await alice.device.send(bob.device.account, 'once');
    world.relay.fault = () => {};
    const yesterday = await copyOf(alice.store);
    const tablet = await world.linked(bob, 'tablet');
    expect(await alice.device.flush()).toBe(0);
    const restored = await world.reopen(alice, { store: yesterday });
    expect(await restored.device.flush()).toBe(0);
    expect(alice.events.filter(({ type }) => type === 'sendFailed')).toEqual([]);
    for (const reader of [bob, tablet]) expect(await read(reader)).toEqual(['once']);
  });

  test('[DEV-13] a send that the relay refuses for good leaves no message behind', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await world.linked(alice, 'laptop');
    world.relay.fault = (point) => {
      if (point === 'send:before') throw new RelayError(413, 'too-large');
    };
    await expect(alice.device.send(bob.device.account, 'big')).rejects.toMatchObject({ status: 413 });
    expect((await alice.device.status()).queued).toBe(0);
    expect(world.relay.accepted.size).toBe(3);
  });

  test('[DEV-13] the outbox is bounded', async () => {
    const world = new World();
    world.limits = { ...world.limits, outboxKept: 2 };
    const [alice, bob] = await world.acquainted();
    world.relay.fault = () => {
      throw new RelayError(0, 'unreachable');
    };
    for (const text of ['one', 'two']) await alice.device.send(bob.device.account, text);
    const expected = { code: 'NotAllowed', reason: 'outbox-full' } as const;
    await expectRefusal([alice], expected, () => alice.device.send(bob.device.account, 'three'));
  });
});
