/**
 * What waits in the outbox: it silences nobody, and goes to nobody whom the account has left.
 *
 * @spec 07-devices §5
 */
import { describe, expect, test } from 'vitest';
import { HOUR } from '../../client/limits.ts';
import { type Envelope, RelayError } from '../../client/relay/transport.ts';
import { encodePlaintextContent } from '../../protocol/codec/decryption-error.ts';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { expectRefusal, read, type Seat, World } from '../support/devices.ts';

/** Sends that the relay does not take. */
function refusing(world: World, why: (account: string) => RelayError | null): void {
  world.relay.alterOutcome = (outcome, { account }) => {
    const problem = why(account);
    if (problem === null) return outcome;
    world.relay.accepted.clear();
    throw problem;
  };
}

const offline = new RelayError(0, 'unreachable');
const full = new RelayError(429, 'mailbox-full');
const said = (seat: Seat, type: string) => seat.events.filter((event) => event.type === type);
const sentTo = (world: World, seat: Seat) => world.relay.sends.filter(({ account }) => account === seat.device.account);

describe('[DEV-60] own devices that take nothing', () => {
  async function scene(): Promise<{ world: World; alice: Seat; tablet: Seat; bob: Seat }> {
    const world = new World();
    world.limits = { ...world.limits, outboxKept: 3 };
    const [alice, bob] = await world.acquainted();
    const tablet = await world.linked(alice, 'tablet');
    refusing(world, (account) => (account === alice.device.account ? full : null));
    return { world, alice, tablet, bob };
  }

  test('keep no message from its recipient, however many copies wait', async () => {
    const { world, alice, tablet, bob } = await scene();
    const carol = await world.primary('carol');
    const bodies = ['1', '2', '3', '4', '5'];
    for (const body of bodies) {
      expect(await alice.device.send(bob.device.account, body)).toMatchObject({ status: 'sent', reason: null });
    }
    expect(await alice.device.send(carol.device.account, 'first')).toMatchObject({ status: 'sent' });
    expect([await read(bob), await read(carol)]).toEqual([bodies, ['first']]);
    // The application is told of each copy that is not made.
    const dropped = { type: 'copyFailed', deviceId: null, reason: 'outbox-full' };
    expect(said(alice, 'copyFailed')).toEqual([dropped, dropped, dropped]);
    expect((await alice.device.status()).queued).toBe(3);
    world.relay.alterOutcome = (outcome) => outcome;
    world.relay.mailboxes.get(`${alice.device.account}.2`)?.envelopes.splice(0);
    world.relay.accepted.clear();
    expect(await alice.device.flush()).toBe(0);
    expect(await read(tablet)).toEqual(['1', '2', '3']);
  });

  test('a note to the own account is refused where the outbox is full: it has no other recipient', async () => {
    const { alice } = await scene();
    for (let i = 0; i < 3; i++) {
      const sent = await alice.device.send(alice.device.account, `note ${i}`);
      expect(sent).toMatchObject({ status: 'queued', reason: 'mailbox-full' });
    }
    const refused = { code: 'NotAllowed', reason: 'outbox-full' } as const;
    await expectRefusal([alice], refused, () => alice.device.send(alice.device.account, 'note'));
  });
});

test('[DEV-61] a copy that waits for its message holds up no other copy', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  const tablet = await world.linked(alice, 'tablet');
  const mallory = await world.primary('mallory');
  refusing(world, () => offline);
  await alice.device.send(mallory.device.account, 'for mallory');
  for (const body of ['b1', 'b2']) await alice.device.send(bob.device.account, body);
  for (const seat of [bob, tablet, mallory])
    world.relay.box(seat.device.account, seat.device.deviceId).envelopes.splice(0);
  refusing(world, (account) => (account === mallory.device.account ? full : null));
  // Mallory's message and its copy wait.
  expect(await alice.device.flush()).toBe(2);
  expect([await read(bob), await read(tablet)]).toEqual([
    ['b1', 'b2'],
    ['b1', 'b2'],
  ]);
});

describe('[DEV-63] what waits while the account changes', () => {
  test('does not go to a device that the sender knows to be removed, whatever the relay takes', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const tablet = await world.linked(bob, 'tablet');
    await alice.device.send(bob.device.account, 'to both');
    refusing(world, () => offline);
    await alice.device.send(bob.device.account, 'secret');
    expect(
      sentTo(world, bob)
        .at(-1)
        ?.messages.map(({ deviceId }) => deviceId),
    ).toEqual([1, 2]);
    await bob.device.removeDevice(tablet.device.deviceId);
    await alice.device.refreshManifest(bob.device.account);
    world.relay.alterOutcome = () => ({ kind: 'accepted' });
    expect(await alice.device.flush()).toBe(0);
    expect(
      sentTo(world, bob)
        .at(-1)
        ?.messages.map(({ deviceId }) => deviceId),
    ).toEqual([1]);
  });

  test('is encrypted anew for the device that took the place of another', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const old = await world.linked(bob, 'old');
    await alice.device.send(bob.device.account, 'to both');
    await read(bob);
    refusing(world, () => offline);
    await alice.device.send(bob.device.account, 'for the new one');
    await bob.device.removeDevice(old.device.deviceId);
    const next = await world.linked(bob, 'next');
    await alice.device.refreshManifest(bob.device.account);
    world.relay.box(bob.device.account, 1).envelopes.splice(0);
    world.relay.alterOutcome = (outcome) => outcome;
    world.relay.accepted.clear();
    expect(await alice.device.flush()).toBe(0);
    expect([await read(bob), await read(next)]).toEqual([['for the new one'], ['for the new one']]);
    expect(
      sentTo(world, bob)
        .at(-1)
        ?.messages.map(({ deviceId }) => deviceId),
    ).toEqual([1, next.device.deviceId]);
  });
});

test('[DEV-64] [STATE-12] what waits for an account is refused once the application holds it to another key', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  const tablet = await world.linked(alice, 'tablet');
  const key = await (await new World().primary('bob')).device.accountKey(bob.device.account);
  refusing(world, () => offline);
  const { messageId } = await alice.device.send(bob.device.account, 'to whoever holds the first key');
  const { length } = sentTo(world, bob);
  await alice.device.trustAccountKey(bob.device.account, key as Uint8Array);
  const failed = { type: 'sendFailed', messageId, account: bob.device.account, reason: 'account-key-changed' };
  expect(said(alice, 'sendFailed')).toEqual([failed]);
  world.relay.alterOutcome = () => ({ kind: 'accepted' });
  expect(await alice.device.flush()).toBe(0);
  expect(sentTo(world, bob)).toHaveLength(length);
  expect(await read(tablet)).toEqual([]);
});

describe('[DEV-65] sessions begun anew because somebody asked', () => {
  /** What the relay can make of the ratchet key that it sees on the wire. */
  function forged(world: World, from: Seat, to: Seat, timestamp: number): Envelope {
    const last = sentTo(world, from).at(-1)?.messages[0];
    if (last === undefined) throw new TypeError('nothing was sent');
    const inner = last.type === 'prekey' ? parsePreKeySignalMessage(last.body).message : last.body;
    const { ratchetKey } = parseSignalMessage(inner);
    const body = encodePlaintextContent({ ratchetKey, timestamp, deviceId: to.device.deviceId });
    const source = { sourceAccount: from.device.account, sourceDevice: from.device.deviceId };
    return { seq: 1, guid: 'g', ...source, type: 'plaintext', body, timestamp: 1, serverTime: 1 };
  }

  test('stay few enough that the other device takes what comes after', async () => {
    const world = new World();
    world.limits = { ...world.limits, oneTimeBatch: 50 };
    const [alice, bob] = await world.acquainted();
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      await alice.device.send(bob.device.account, `m${i}`);
      times.push(sentTo(world, bob).at(-1)?.timestamp ?? 0);
    }
    await read(bob);
    for (const time of times) for (let k = 0; k < 3; k++) await alice.device.receive(forged(world, bob, alice, time));
    const [info] = Object.values((await alice.device.status()).sessions);
    expect(info?.archived).toBe(5);
    await alice.device.send(bob.device.account, 'after');
    expect((await bob.device.poll()).filter(({ status }) => status === 'refused')).toEqual([]);
    expect((await bob.device.inbox()).length).toBe(1);
    world.clock.advance(HOUR);
    await alice.device.receive(forged(world, bob, alice, times[0] as number));
    expect(await read(bob)).toEqual(['after']);
  });

  test('by a relay that calls a device stale again and again leave the message queued, and cost five sessions', async () => {
    const world = new World();
    world.limits = { ...world.limits, oneTimeBatch: 50 };
    const [alice, bob] = await world.acquainted();
    world.relay.alterOutcome = (_, { account }) => {
      world.relay.accepted.clear();
      return account === bob.device.account ? { kind: 'stale', stale: [1] } : { kind: 'accepted' };
    };
    const taken = world.relay.bundles;
    const sent = await alice.device.send(bob.device.account, 'patient');
    expect(sent).toMatchObject({ status: 'queued', reason: 'too-many-repairs' });
    for (let i = 0; i < 5; i++) expect(await alice.device.flush()).toBe(1);
    expect(world.relay.bundles - taken).toBe(5);
  });
});

test('[REL-07] [DEV-43] a message that was read long ago is a duplicate: it is not asked for again', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  await alice.device.send(bob.device.account, 'old');
  const old = world.relay.box(bob.device.account, 1).envelopes.at(-1) as Envelope;
  await read(bob);
  for (let i = 0; i < 7; i++) {
    await bob.device.send(alice.device.account, 'b');
    await read(alice);
    await alice.device.send(bob.device.account, 'a');
    await read(bob);
  }
  const before = await bob.store.snapshot();
  expect(await bob.device.receive({ ...old, seq: 1_000 })).toEqual({ status: 'duplicate' });
  expect(await bob.store.snapshot()).toEqual(before);
  expect(said(bob, 'resendRequested')).toEqual([]);
  expect((await bob.device.status()).duplicates).toBe(1);
});

test('[DEV-66] polling ends where the relay never says that it is done', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  await alice.device.send(bob.device.account, 'x');
  const [envelope] = world.relay.waiting(bob.device.account, 1);
  let pages = 0;
  const seat = await world.reopen(bob, {
    relay: (who) =>
      Object.assign(Object.create(world.relay.connector(who)), {
        fetchMailbox: (after: number) => {
          pages += 1;
          if (pages > 1_000) throw new Error('asked for ever');
          return Promise.resolve({ more: true, envelopes: [{ ...envelope, type: 'unheard of', seq: after + 1 }] });
        },
        acknowledge: () => Promise.resolve(),
      }),
  });
  expect(await seat.device.poll()).toHaveLength(200);
});
