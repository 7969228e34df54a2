/**
 * The life of prekeys, and first messages that come again.
 *
 * @spec 07-devices §3
 */
import { describe, expect, test } from 'vitest';
import { DAY } from '../../client/limits.ts';
import { RelayError } from '../../client/relay/transport.ts';
import { encodePreKeySignalMessage, parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { envelopeFor, expectEnvelopeRefused, read, type Seat, World } from '../support/devices.ts';
import { reportCount } from '../support/report.ts';

async function rows(seat: Seat, table: string): Promise<number> {
  return seat.store.transaction((tx) => tx.list(table).length);
}

/** Loses every session record of a device, as if its storage had been cleaned. */
async function loseSessions(seat: Seat): Promise<void> {
  await seat.store.transaction((tx) => {
    for (const [key] of tx.list('session')) tx.delete('session', key);
  });
}

/** A first message on no one-time key at all. */
async function withoutOneTimeKeys(): Promise<{
  world: World;
  bob: Seat;
  envelope: Awaited<ReturnType<typeof envelopeFor>>;
}> {
  const world = new World();
  world.limits = { ...world.limits, oneTimeBatch: 0 };
  const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
  const envelope = await envelopeFor(world, alice, bob, 'once');
  expect(parsePreKeySignalMessage(envelope.body).preKeyId).toBeNull();
  return { world, bob, envelope };
}

describe('repeated first messages', () => {
  test('[REPLAY-02] [DEV-09] without a one-time key, after the record was lost: refused, nothing changes', async () => {
    const { bob, envelope } = await withoutOneTimeKeys();
    expect((await bob.device.receive(envelope)).status).toBe('delivered');
    await loseSessions(bob);
    const before = await bob.store.snapshot();
    expect(await bob.device.receive(envelope)).toEqual({ status: 'duplicate' });
    expect(await bob.store.snapshot()).toEqual(before);
    expect(await rows(bob, 'inbox')).toBe(1);
  });

  test('[REPLAY-02] [DEV-09] base keys are remembered as long as the prekeys, and not longer', async () => {
    const { world, bob, envelope } = await withoutOneTimeKeys();
    await bob.device.receive(envelope);
    await loseSessions(bob);
    await bob.device.rotate();
    for (const days of [1, 15, 13]) {
      world.clock.advance(days * DAY);
      await bob.device.maintain();
      expect(await bob.device.receive(envelope)).toEqual({ status: 'duplicate' });
    }
    expect(await rows(bob, 'base-key')).toBe(1);
    world.clock.advance(DAY);
    await bob.device.maintain();
    expect(await rows(bob, 'base-key')).toBe(0);
    await expectEnvelopeRefused(bob, envelope, { code: 'InvalidMessage', reason: 'unknown-prekey' });
  });

  test('[REPLAY-02] with a one-time key, after the record was lost: the key is gone', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const envelope = await envelopeFor(world, alice, bob, 'once');
    const [ec, kem] = [await rows(bob, 'one-time'), await rows(bob, 'one-time-kem')];
    await bob.device.receive(envelope);
    // @req DEV-08 both one-time keys go with the first message, in one transaction.
    expect([await rows(bob, 'one-time'), await rows(bob, 'one-time-kem')]).toEqual([ec - 1, kem - 1]);
    await loseSessions(bob);
    await expectEnvelopeRefused(bob, envelope, { code: 'InvalidMessage', reason: 'unknown-prekey' });
  });

  test('[REPLAY-04] [DEV-08] garbage that names each one-time key consumes none', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const envelope = await envelopeFor(world, alice, bob, 'once');
    const outer = parsePreKeySignalMessage(envelope.body);
    const message = outer.message.with(outer.message.length - 1, (outer.message.at(-1) as number) ^ 1);
    const ids = await bob.store.transaction((tx) => tx.list('one-time').map(([key]) => Number(key)));
    const kemIds = await bob.store.transaction((tx) => tx.list('one-time-kem').map(([key]) => Number(key)));
    for (const preKeyId of ids) {
      for (const kemPreKeyId of kemIds) {
        const body = encodePreKeySignalMessage({ ...outer, message, preKeyId, kemPreKeyId });
        await expectEnvelopeRefused(
          bob,
          { ...envelope, body },
          { code: 'InvalidMessage', reason: 'decryption-failed' },
        );
      }
    }
    reportCount('REPLAY-04', 'one-time keys cited by garbage', ids.length * kemIds.length);
    expect((await bob.device.receive(envelope)).status).toBe('delivered');
  });
});

describe('rotation', () => {
  test('[DEV-25] a signed prekey lasts 2 days, a last-resort key 7, and neither is replaced before', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const seen: [number, number | null, number | null][] = [];
    for (let day = 0; day <= 14; day++) {
      await bob.device.maintain();
      const { signedPreKeyId, kemPreKeyId } = await bob.device.status();
      seen.push([day, signedPreKeyId, kemPreKeyId]);
      const published = world.relay.box(bob.device.account, 1).keys;
      expect([published?.signedPreKey?.id, published?.lastResortKem?.id]).toEqual([signedPreKeyId, kemPreKeyId]);
      world.clock.advance(DAY);
    }
    expect(new Set(seen.map(([, signed]) => signed)).size).toBe(8);
    expect(new Set(seen.map(([, , kem]) => kem)).size).toBe(3);
    const changes = seen.filter(([, signed], i) => i > 0 && signed !== seen[i - 1]?.[1]).map(([day]) => day);
    expect(changes).toEqual([2, 4, 6, 8, 10, 12, 14]);
  });

  test('[DEV-25] a replaced key still opens first messages for 30 days, then is deleted', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const carol = await world.primary('carol');
    const [early, late] = [
      await envelopeFor(world, alice, bob, 'in time'),
      await envelopeFor(world, carol, bob, 'too late'),
    ];
    await bob.device.rotate();
    world.clock.advance(30 * DAY - 1);
    await bob.device.maintain();
    expect((await bob.device.receive(early)).status).toBe('delivered');
    world.clock.advance(1);
    await bob.device.maintain();
    await expectEnvelopeRefused(bob, late, { code: 'InvalidMessage', reason: 'unknown-prekey' });
    // In use, replaced by it just now, and no other.
    expect(await rows(bob, 'signed-prekey')).toBeLessThanOrEqual(2);
  });

  test('[DEV-25] an upload that fails is repeated with the same keys; a lost answer does no harm', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    for (const moment of ['before', 'after']) {
      const before = await bob.device.status();
      world.relay.fault = (point) => {
        if (point === `putKeys:${moment}`) throw new RelayError(0, 'unreachable');
      };
      await expect(bob.device.rotate()).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(bob.device.refill()).rejects.toMatchObject({ reason: 'unreachable' });
      expect((await bob.device.status()).signedPreKeyId).toBe(before.signedPreKeyId);
      const made = (await rows(bob, 'signed-prekey')) + (await rows(bob, 'one-time'));
      world.relay.fault = () => {};
      await bob.device.maintain();
      expect((await rows(bob, 'signed-prekey')) + (await rows(bob, 'one-time'))).toBe(made);
      const after = await bob.device.status();
      expect(after.signedPreKeyId).not.toBe(before.signedPreKeyId);
      expect(world.relay.box(bob.device.account, 1).keys?.signedPreKey?.id).toBe(after.signedPreKeyId);
      const published = world.relay.box(bob.device.account, 1).keys?.oneTime.map(({ id }) => id);
      expect(published?.length).toBe(await rows(bob, 'one-time'));
    }
  });

  test('[DEV-24] one-time keys are refilled below the mark, under random ids of 24 bits', async () => {
    const world = new World();
    world.limits = {};
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const keys = () => world.relay.box(bob.device.account, 1).keys;
    expect([keys()?.oneTime.length, keys()?.oneTimeKem.length]).toEqual([100, 100]);
    for (let i = 0; i < 80; i++) {
      await alice.device.send(bob.device.account, 'hi');
      await alice.device.resetSessions(bob.device.account);
    }
    await bob.device.maintain();
    expect(keys()?.oneTime.length).toBe(20);
    await alice.device.send(bob.device.account, 'hi');
    await bob.device.maintain();
    expect([keys()?.oneTime.length, keys()?.oneTimeKem.length]).toEqual([119, 119]);
    expect(bob.events.filter(({ type }) => type === 'keysRefilled')).toHaveLength(1);
    const ids = [...(keys()?.oneTime ?? []), ...(keys()?.oneTimeKem ?? [])].map(({ id }) => id);
    expect(ids.every((id) => id >= 1 && id < 2 ** 24)).toBe(true);
    expect(Math.max(...ids)).toBeGreaterThan(2 ** 20);
    expect(await read(alice)).toEqual([]);
  });
});
