/**
 * Messages that could not be decrypted come again, to whom they were sent, and not for ever.
 *
 * @spec 07-devices §9
 */
import { describe, expect, test } from 'vitest';
import { DAY } from '../../client/limits.ts';
import type { Envelope } from '../../client/relay/transport.ts';
import { encodePlaintextContent } from '../../protocol/codec/decryption-error.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { copyOf, read, type Seat, texts, World } from '../support/devices.ts';
import { flip } from '../support/forge.ts';
import { X3DH } from '../support/peers.ts';

/** Damages what waits for a device at the relay, in its last byte: the MAC. */
function damage(world: World, to: Seat): void {
  const { envelopes } = world.relay.box(to.device.account, to.device.deviceId);
  for (const [i, envelope] of envelopes.entries()) {
    const body = envelope.type === 'message' ? flip(envelope.body, envelope.body.length - 1, 1) : envelope.body;
    envelopes[i] = { ...envelope, body };
  }
}

const typesTo = (world: World, seat: Seat) =>
  world.relay.sends
    .filter(({ account }) => account === seat.device.account)
    .map(({ messages, partial }) => `${messages.map(({ type }) => type).join()}${partial ? ' again' : ''}`);

/** A request as the relay hands it over, whoever made it. */
function request(from: Seat, to: Seat, timestamp: number, changes: Partial<Envelope> = {}): Envelope {
  const error = { ratchetKey: null, timestamp, deviceId: to.device.deviceId };
  const source = { sourceAccount: from.device.account, sourceDevice: from.device.deviceId };
  const body = encodePlaintextContent(error);
  return { seq: 1, guid: 'g', ...source, type: 'plaintext', body, timestamp: 1, serverTime: 1, ...changes };
}

async function sentAt(world: World, to: Seat): Promise<number> {
  return world.relay.sends.filter(({ account }) => account === to.device.account).at(-1)?.timestamp ?? 0;
}

describe('a message that was not decrypted', () => {
  test('[DEV-43] [DEV-44] is asked for and comes again, once, on a new session', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const sent = await alice.device.send(bob.device.account, 'lost');
    damage(world, bob);
    expect(await bob.device.poll()).toMatchObject([{ status: 'refused', error: { reason: 'decryption-failed' } }]);
    expect(bob.events).toContainEqual({ type: 'resendRequested', account: alice.device.account, deviceId: 1 });
    expect(await alice.device.poll()).toMatchObject([{ status: 'sentAgain', messages: 1 }]);
    expect(typesTo(world, bob).at(-1)).toBe('prekey again');
    await bob.device.poll();
    const [message] = await bob.device.inbox();
    expect(message).toMatchObject({ messageId: sent.messageId });
    expect(await texts(bob)).toEqual(['lost']);
    // Both go on, on the new session.
    await bob.device.send(alice.device.account, 'got it');
    expect(await read(alice)).toEqual(['got it']);
    expect((await alice.device.send(bob.device.account, 'good')).envelopes[0]?.type).toBe('message');
    expect(await read(bob)).toEqual(['good']);
  });

  test('[DEV-44] several lost ones come again on one new session', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    for (const text of ['one', 'two', 'three']) await alice.device.send(bob.device.account, text);
    damage(world, bob);
    await bob.device.poll();
    await alice.device.poll();
    expect((await read(bob)).sort()).toEqual(['one', 'three', 'two']);
    const records = Object.values((await bob.device.status()).sessions);
    expect(records.map(({ archived }) => archived)).toEqual([1]);
  });

  test('[DEV-43] a device whose sessions are gone asks for the first message again', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await alice.device.send(bob.device.account, 'to the void');
    await bob.device.resetSessions(alice.device.account);
    await bob.store.transaction((tx) => tx.delete('session', `${alice.device.account}.1`));
    expect(await bob.device.poll()).toMatchObject([{ status: 'refused', error: { code: 'NoSession' } }]);
    await alice.device.poll();
    expect(await read(bob)).toEqual(['to the void']);
  });

  test('[DEV-43] asking is limited, tried once, and never answers a plaintext', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    for (let i = 0; i < 30; i++) await alice.device.send(bob.device.account, `${i}`);
    damage(world, bob);
    await bob.device.poll();
    expect(typesTo(world, alice).filter((types) => types === 'plaintext again').length).toBe(20);
    const before = world.relay.sends.length;
    const junk = request(alice, bob, 7, { body: systemRandom(40) });
    expect(await bob.device.receive(junk)).toMatchObject({ status: 'refused', error: { code: 'InvalidMessage' } });
    expect(world.relay.sends.length).toBe(before);
  });
});

test('[DEV-43] [SES-21] what the policy refuses is not asked for: a new session would be refused alike', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  await alice.device.send(bob.device.account, 'on a suite that was left');
  const strict = await world.reopen(bob, { suites: [X3DH] });
  const before = world.relay.sends.length;
  const error = { code: 'InvalidMessage', stage: 'policy', reason: 'suite-not-allowed' };
  expect(await strict.device.poll()).toMatchObject([{ status: 'refused', error }]);
  expect(world.relay.sends.length).toBe(before);
});

describe('[STATE-11] a request', () => {
  async function scene(): Promise<{ world: World; alice: Seat; bob: Seat; carol: Seat; at: number }> {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const carol = await world.primary('carol');
    await carol.device.send(alice.device.account, 'hi');
    await read(alice);
    await alice.device.send(bob.device.account, 'for bob');
    await read(bob);
    return { world, alice, bob, carol, at: await sentAt(world, bob) };
  }

  const refused = async (alice: Seat, envelope: Envelope, reason: string) => {
    const before = await alice.store.snapshot();
    const receipt = await alice.device.receive(envelope);
    expect(receipt).toMatchObject({ status: 'refused', error: { code: 'NotAllowed', reason } });
    expect(await alice.store.snapshot()).toEqual(before);
  };

  test('[DEV-44] made a thousand times is answered three times, and nothing is read twice', async () => {
    const { world, alice, bob, at } = await scene();
    for (let i = 0; i < 3; i++) {
      expect(await alice.device.receive(request(bob, alice, at))).toEqual({ status: 'sentAgain', messages: 1 });
    }
    for (let i = 0; i < 100; i++) await refused(alice, request(bob, alice, at), 'resend-limit');
    expect(typesTo(world, bob).filter((types) => types.endsWith('again')).length).toBe(3);
  });

  test('[DEV-44] from who was no addressee, for what was never sent, or for another device, gives nothing', async () => {
    const { world, alice, bob, carol, at } = await scene();
    const before = world.relay.sends.length;
    await refused(alice, request(carol, alice, at), 'not-an-addressee');
    await refused(alice, request(bob, alice, at + 1), 'not-an-addressee');
    await refused(alice, request(bob, alice, at, { sourceDevice: 2 }), 'not-an-addressee');
    const elsewhere = encodePlaintextContent({ ratchetKey: null, timestamp: at, deviceId: 2 });
    await refused(alice, request(bob, alice, at, { body: elsewhere }), 'not-an-addressee');
    expect(world.relay.sends.length).toBe(before);
  });

  test('[DEV-44] from a device linked later gives nothing', async () => {
    const { alice, bob, at, world } = await scene();
    const tablet = await world.linked(bob, 'tablet');
    await alice.device.refreshManifest(bob.device.account);
    await refused(alice, request(tablet, alice, at), 'not-an-addressee');
  });

  test('[DEV-44] is given up where the relay refuses the repetition: no other device gets it', async () => {
    const { world, alice, bob, at } = await scene();
    await world.linked(bob, 'tablet');
    await alice.device.refreshManifest(bob.device.account);
    const before = world.relay.sends.length;
    for (const outcome of [
      { kind: 'stale', stale: [1] },
      { kind: 'mismatch', missing: [2], extra: [] },
    ] as const) {
      world.relay.alterOutcome = () => outcome;
      alice.events.length = 0;
      await alice.device.receive(request(bob, alice, at));
      const failed = { type: 'sendFailed', account: bob.device.account, reason: 'not-an-addressee' };
      expect(alice.events).toContainEqual(expect.objectContaining(failed));
      expect((await alice.device.status()).queued).toBe(0);
    }
    const sends = world.relay.sends.slice(before);
    expect(sends.map(({ messages }) => messages.map(({ deviceId }) => deviceId))).toEqual([[1], [1]]);
  });

  test('[DEV-44] naming a ratchet key that is not in use leaves the session alone', async () => {
    const { world, alice, bob, at } = await scene();
    const { publicKey } = nodeProvider.x25519Generate(systemRandom);
    const body = encodePlaintextContent({ ratchetKey: publicKey, timestamp: at, deviceId: 1 });
    await alice.device.receive(request(bob, alice, at, { body }));
    expect(typesTo(world, bob).at(-1)).toBe('message again');
  });

  test('[DEV-42] finds nothing of what is more than a day old, or one of too many', async () => {
    const { world, alice, bob, at } = await scene();
    world.clock.advance(DAY + 1_000);
    await refused(alice, request(bob, alice, at), 'not-an-addressee');
    await alice.device.send(bob.device.account, 'the next day');
    await refused(alice, request(bob, alice, at), 'not-an-addressee');
    const later = await sentAt(world, bob);
    for (let i = 0; i < 100; i++) await alice.device.send(bob.device.account, `${i}`);
    await refused(alice, request(bob, alice, later), 'not-an-addressee');
    const rows = await alice.store.transaction((tx) => tx.list('sent-log', '').length);
    expect(rows).toBe(100);
  });

  test('[DEV-42] finds nothing where nothing is kept', async () => {
    const world = new World();
    world.limits = { ...world.limits, resendKept: 0 };
    const [alice, bob] = await world.acquainted();
    await refused(alice, request(bob, alice, await sentAt(world, bob)), 'not-an-addressee');
  });
});

test('[STATE-12] [DEV-44] [DEV-45] nothing that the true device was sent goes to one that took its place, numbers and all', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  const at = await sentAt(world, bob);
  const registrationId = world.relay.active(bob.device.account)[0]?.registrationId ?? 0;
  world.relay.manifests.delete(bob.device.account);
  world.relay.mailboxes.clear();
  // The same account, device and registration id; other keys.
  const drawn = (length: number) =>
    length === 2 ? Uint8Array.of(registrationId >> 8, registrationId & 0xff) : systemRandom(length);
  const thief = await world.primary('bob', { random: drawn });
  expect(world.relay.active(bob.device.account)[0]?.registrationId).toBe(registrationId);
  const key = await thief.device.accountKey(thief.device.account);
  const log = await alice.store.transaction((tx) => tx.list('sent-log', '').map(([k, v]) => [k, v.slice()] as const));
  await alice.device.trustAccountKey(bob.device.account, key as Uint8Array);
  expect(await alice.store.transaction((tx) => tx.list('sent-log', '').length)).toBe(0);
  // Even where the log were still there.
  await alice.store.transaction((tx) => {
    for (const [k, v] of log) tx.put('sent-log', k, v);
  });
  const expected = { status: 'refused', error: { code: 'NotAllowed', reason: 'not-an-addressee' } };
  expect(await alice.device.receive(request(thief, alice, at))).toMatchObject(expected);
});

test('[DEV-43] a stranger learns nothing: no answer, and no request for a manifest', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  await alice.device.send(bob.device.account, 'for bob');
  const [recorded] = world.relay.waiting(bob.device.account, 1);
  const stranger = await world.primary('stranger');
  const { sends, manifestRequests } = world.relay;
  const before = sends.length;
  const probe = { ...(recorded as Envelope), sourceAccount: stranger.device.account };
  expect(await bob.device.receive(probe)).toMatchObject({ status: 'refused' });
  expect(sends.length).toBe(before);
  expect(world.relay.manifestRequests).toBe(manifestRequests);
});

test('[STATE-12] [DEV-45] nothing goes again to an account that has another key, before the application has decided', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  const at = await sentAt(world, bob);
  // Somebody else registers Bob's name: another account key, another device of the same number.
  world.relay.manifests.delete(bob.device.account);
  world.relay.mailboxes.clear();
  const thief = await world.primary('bob');
  await alice.store.transaction((tx) => tx.delete('manifest', bob.device.account));
  const before = await copyOf(alice.store);
  const receipt = await alice.device.receive(request(thief, alice, at));
  expect(receipt).toMatchObject({ status: 'refused', error: { code: 'UntrustedIdentity' } });
  expect(await alice.store.snapshot()).toEqual(await before.snapshot());
  expect(typesTo(world, bob).filter((types) => types.endsWith('again'))).toEqual([]);
  const key = await thief.device.accountKey(thief.device.account);
  await alice.device.trustAccountKey(bob.device.account, key as Uint8Array);
  // Trusted now, but the message went to another device than this one.
  expect(await alice.device.receive(request(thief, alice, at))).toMatchObject({ status: 'refused' });
});
