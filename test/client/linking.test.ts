/**
 * Linking and removing devices.
 *
 * @spec 07-devices §2
 */
import { describe, expect, test } from 'vitest';
import { Device } from '../../client/device.ts';
import { decodeOffer, encodeOffer } from '../../client/offers.ts';
import { getSelf } from '../../client/records/self.ts';
import { RelayError } from '../../client/relay/transport.ts';
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import {
  encodeSignedManifest,
  manifestHash,
  parseSignedManifest,
  signManifest,
} from '../../protocol/codec/manifest.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { RandomSource } from '../../protocol/crypto/provider.ts';
import { copyOf, expectRefusal, read, type Seat, World } from '../support/devices.ts';
import { keysOutsideSubgroup } from '../support/forge-manifest.ts';
import { uuidOf } from '../support/peers.ts';

async function selfOf(seat: Pick<Seat, 'store'>) {
  const self = await seat.store.transaction((tx) => getSelf(tx, nodeProvider));
  if (self === null) throw new Error('no device');
  return self;
}

describe('linking', () => {
  test('[DEV-26] makes a chain of manifests that the account key signs, and moves no private key', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const seen: Uint8Array[] = [];
    const { options } = world.options();
    const offer = await Device.createLinkedOffer(options, { name: 'tablet' });
    expect(await Device.createLinkedOffer(options, { name: 'tablet' })).toEqual(offer);
    const first = parseSignedManifest(world.relay.manifests.get(bob.device.account) as Uint8Array);
    const acceptance = await bob.device.linkDevice(offer);
    seen.push(offer, acceptance);
    const second = parseSignedManifest(acceptance);
    expect(second.manifest).toMatchObject({ version: 2, previousHash: manifestHash(nodeProvider, first) });
    const tablet = await Device.acceptLink(options, acceptance);
    expect([tablet.deviceId, tablet.isPrimary, bob.device.isPrimary]).toEqual([2, false, true]);
    const [own, linked] = [await selfOf(bob), await selfOf(options)];
    expect(linked.accountKey).toBeNull();
    const secrets = [own.identity, own.authKey, own.accountKey, linked.identity, linked.authKey];
    for (const pair of secrets) {
      const secret = Buffer.from(pair?.privateKey.expose() ?? []);
      expect(secret.length).toBe(32);
      expect(seen.some((bytes) => Buffer.from(bytes).includes(secret))).toBe(false);
    }
    const stores = await Promise.all([bob.store.snapshot(), options.store.snapshot()]);
    const holders = secrets.map((pair) =>
      stores.map((s) => Buffer.from(s).includes(pair?.privateKey.expose() as Uint8Array)),
    );
    expect(holders).toEqual([
      [true, false],
      [true, false],
      [true, false],
      [false, true],
      [false, true],
    ]);
  });

  test('[DEV-26] only the primary links and removes, and it stays', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const tablet = await world.linked(bob, 'tablet');
    const offer = await Device.createLinkedOffer(world.options().options, { name: 'third' });
    const denied = { code: 'NotAllowed', reason: 'not-primary' } as const;
    await expectRefusal([bob, tablet], denied, () => tablet.device.linkDevice(offer));
    await expectRefusal([bob, tablet], denied, () => tablet.device.removeDevice(2));
    const stays = { code: 'NotAllowed', reason: 'primary-stays' } as const;
    await expectRefusal([bob], stays, () => bob.device.removeDevice(1));
    const unknown = { code: 'InvalidArgument', reason: 'unknown-device' } as const;
    await expectRefusal([bob], unknown, () => bob.device.removeDevice(9));
  });

  test('[DEV-26] bad offers, offers of linked devices and bad names change nothing', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const { options } = world.options();
    const offer = await Device.createLinkedOffer(options, { name: 'tablet' });
    const link = (bytes: Uint8Array) => () => bob.device.linkDevice(bytes);
    const good = decodeOffer(offer);
    const cases: readonly [Uint8Array, 'InvalidMessage' | 'InvalidKey' | 'InvalidArgument', string][] = [
      [offer.slice(0, -1), 'InvalidMessage', 'length-past-end'],
      [new Uint8Array(0), 'InvalidMessage', 'missing-field'],
      [encodeOffer({ ...good, authKey: new Uint8Array(31) }), 'InvalidMessage', 'bad-length'],
      [encodeOffer({ ...good, registrationId: 0 }), 'InvalidMessage', 'bad-registration-id'],
      [encodeOffer({ ...good, name: 'x'.repeat(65) }), 'InvalidArgument', 'bad-device-name'],
      [encodeOffer({ ...good, name: 'a\u0007b' }), 'InvalidArgument', 'bad-device-name'],
    ];
    for (const [bytes, code, reason] of cases) await expectRefusal([bob], { code, reason }, link(bytes));
    await bob.device.linkDevice(offer);
    const again = { code: 'InvalidArgument', reason: 'shared-device-key' } as const;
    for (const change of [{ name: 'other' }, { registrationId: (good.registrationId % 0x3fff) + 1 }])
      await expectRefusal([bob], again, link(encodeOffer({ ...good, ...change })));
    expect((await bob.device.status()).devices.map(({ deviceId }) => deviceId)).toEqual([1, 2]);
  });

  test('[PRIM-02] [PRIM-03] [MSG-34] an offer with an identity key outside the prime-order subgroup is never signed', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const good = decodeOffer(await Device.createLinkedOffer(world.options().options, { name: 'tablet' }));
    const refused = { code: 'InvalidKey', reason: 'not-prime-order' } as const;
    for (const identityKey of keysOutsideSubgroup()) {
      const offer = encodeOffer({ ...good, identityKey });
      await expectRefusal([bob], refused, () => bob.device.linkDevice(offer));
    }
    expect((await world.linked(bob, 'desk')).device.deviceId).toBe(2);
  });

  test('[DEV-27] an acceptance that does not hold exactly this device is refused', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const { options } = world.options();
    const offer = await Device.createLinkedOffer(options, { name: 'tablet' });
    const accept = (bytes: Uint8Array) => () => Device.acceptLink(options, bytes);
    const before = world.relay.manifests.get(bob.device.account) as Uint8Array;
    const missing = { code: 'UntrustedIdentity', reason: 'not-in-manifest' } as const;
    await expectRefusal([options], missing, accept(before));
    const acceptance = await bob.device.linkDevice(offer);
    const signed = parseSignedManifest(acceptance);
    const { accountKey } = await selfOf(bob);
    const swapped = signed.manifest.devices.map((device) => ({
      ...device,
      authKey: device.deviceId === 2 ? nodeProvider.ed25519Generate(systemRandom).publicKey : device.authKey,
    }));
    const key = accountKey?.privateKey as NonNullable<typeof accountKey>['privateKey'];
    const other = signManifest(nodeProvider, key, { ...signed.manifest, devices: swapped }, systemRandom);
    await expectRefusal([options], missing, accept(encodeSignedManifest(other)));
    const forged = { code: 'InvalidSignature', reason: 'manifest-signature' } as const;
    const bad = acceptance.with(acceptance.length - 1, (acceptance.at(-1) as number) ^ 1);
    await expectRefusal([options], forged, accept(bad));
    const tablet = await Device.acceptLink(options, acceptance);
    expect(equalBytes((await tablet.accountKey(bob.device.account)) as Uint8Array, signed.manifest.accountKey)).toBe(
      true,
    );
    await expectRefusal([options], { code: 'NotAllowed', reason: 'store-in-use' }, accept(acceptance));
    const fresh = world.options().options;
    const noOffer = { code: 'NotAllowed', reason: 'no-offer' } as const;
    await expectRefusal([fresh], noOffer, () => Device.acceptLink(fresh, acceptance));
  });

  test('[DEV-26] a manifest whose publication failed is published later, and only then acted on', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const { options } = world.options();
    const offer = await Device.createLinkedOffer(options, { name: 'tablet' });
    for (const moment of ['before', 'after']) {
      world.relay.fault = (point) => {
        if (point === `putManifest:${moment}`) throw new RelayError(0, 'unreachable');
      };
      const version = (await bob.device.status()).manifestVersion;
      const work = moment === 'before' ? bob.device.linkDevice(offer) : bob.device.removeDevice(2);
      await expect(work).rejects.toMatchObject({ reason: 'unreachable' });
      expect((await bob.device.status()).manifestVersion).toBe(version);
      world.relay.fault = () => {};
      await bob.device.resume();
      expect((await bob.device.status()).manifestVersion).toBe(version + 1);
    }
    expect((await bob.device.status()).devices).toHaveLength(1);
  });

  test('[DEV-52] an offer whose answer was lost is accepted again, and links one device', async () => {
    for (const fault of ['putManifest:before', 'putManifest:after']) {
      const world = new World();
      const bob = await world.primary('bob');
      const { options } = world.options();
      const offer = await Device.createLinkedOffer(options, { name: 'tablet' });
      world.relay.fault = (point) => {
        if (point === fault) throw new RelayError(0, 'unreachable');
      };
      for (let i = 0; i < 2; i++) {
        await expect(bob.device.linkDevice(offer)).rejects.toMatchObject({ reason: 'unreachable' });
      }
      world.relay.fault = () => {};
      const acceptance = await bob.device.linkDevice(offer);
      const before = await bob.store.snapshot();
      expect(await bob.device.linkDevice(offer)).toEqual(acceptance);
      expect(await bob.store.snapshot()).toEqual(before);
      expect((await bob.device.status()).manifestVersion).toBe(2);
      const tablet = await Device.acceptLink(options, acceptance);
      expect(tablet.deviceId).toBe(2);
      // Another device linked since, and the first one asked again: its acceptance is the manifest that holds now.
      await world.linked(bob, 'desk');
      const later = parseSignedManifest(await bob.device.linkDevice(offer)).manifest;
      expect([later.version, later.devices.map(({ deviceId }) => deviceId)]).toEqual([3, [1, 2, 3]]);
      // Removed, it is a new device.
      await bob.device.removeDevice(2);
      const anew = parseSignedManifest(await bob.device.linkDevice(offer)).manifest;
      expect(anew.devices.map(({ deviceId }) => deviceId)).toEqual([1, 3, 4]);
    }
  });

  test('[DEV-26] a primary restored from a backup takes over what it published since, and goes on from there', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const yesterday = await copyOf(bob.store);
    await world.linked(bob, 'tablet');
    const restored = await world.reopen(bob, { store: yesterday });
    const desk = await world.linked(restored, 'desk');
    expect(desk.device.deviceId).toBe(3);
    const { devices, version } = (await restored.device.manifest()) ?? { devices: [], version: 0 };
    expect([version, devices.map(({ name }) => name)]).toEqual([3, ['bob', 'tablet', 'desk']]);
  });

  test('[DEV-26] a removed device’s id is not given out again while there is another', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    const ids: number[] = [];
    for (const name of ['a', 'b', 'c']) {
      const seat = await world.linked(bob, name);
      ids.push(seat.device.deviceId);
      await bob.device.removeDevice(seat.device.deviceId);
    }
    expect(ids).toEqual([2, 3, 4]);
  });
});

describe('opening and registering', () => {
  test('[PRIM-12] [DEV-53] randomness that gives no registration id ends with an error, and makes no device', async () => {
    const world = new World();
    let draws = 0;
    const random: RandomSource = (length) => {
      if (length !== 2) return systemRandom(length);
      if (++draws > 10_000) throw new Error('still drawing');
      return Uint8Array.of(0xc0, 0);
    };
    const failed = { code: 'InvalidState', reason: 'randomness-failed' } as const;
    const { options } = world.options({ random });
    await expectRefusal([options], failed, () => Device.createPrimary(options, { account: uuidOf('x'), name: 'x' }));
    await expectRefusal([options], failed, () => Device.createLinkedOffer(options, { name: 'x' }));
    expect(world.relay.manifests.size).toBe(0);
  });

  test('[DEV-29] a store holds one device, and an empty one none', async () => {
    const world = new World();
    const { options } = world.options();
    await expectRefusal([options], { code: 'InvalidState', reason: 'no-device' }, () => Device.open(options));
    await Device.createLinkedOffer(options, { name: 'tablet' });
    await expectRefusal([options], { code: 'InvalidState', reason: 'no-device' }, () => Device.open(options));
    const bob = await world.primary('bob');
    const used = { code: 'NotAllowed', reason: 'store-in-use' } as const;
    await expectRefusal([bob], used, () => Device.createPrimary(bob.options, { account: uuidOf('x'), name: 'x' }));
    await expectRefusal([bob], used, () => Device.createLinkedOffer(bob.options, { name: 'x' }));
    await expect(world.primary('bob')).rejects.toMatchObject({ status: 409, reason: 'account-exists' });
  });

  test('[DEV-29] a live connection takes in what waits, finishes what was interrupted, and closes', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    for (const text of ['one', 'two']) await alice.device.send(bob.device.account, text);
    await bob.device.rotate();
    world.clock.advance(3 * 24 * 3_600_000);
    const idle = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (!bob.events.some(({ type }) => type === 'queueEmpty')) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    bob.device.connect();
    bob.device.connect();
    await idle;
    await bob.device.close();
    expect(await read(bob)).toEqual(['one', 'two']);
    const types = bob.events.map(({ type }) => type);
    expect(types.filter((type) => type === 'connected')).toHaveLength(1);
    expect(types.filter((type) => type === 'keysRotated')).toHaveLength(2);
  });
});
