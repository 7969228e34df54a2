/**
 * Who is believed: account keys, manifests, identities.
 *
 * @spec 07-devices §2
 */
import { describe, expect, test } from 'vitest';
import { getSelf } from '../../client/records/self.ts';
import type { DeviceManifest, ManifestDevice } from '../../protocol/codec/manifest.ts';
import {
  encodeSignedManifest,
  manifestHash,
  parseSignedManifest,
  signManifest,
} from '../../protocol/codec/manifest.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { envelopeFor, expectEnvelopeRefused, expectRefusal, read, type Seat, World } from '../support/devices.ts';
import { forgeManifest, keysOutsideSubgroup } from '../support/forge-manifest.ts';
import { uuidOf } from '../support/peers.ts';

/** The account key of a primary, as only the test can see it. */
async function accountPrivateKey(seat: Seat) {
  const self = await seat.store.transaction((tx) => getSelf(tx, nodeProvider));
  if (self?.accountKey == null) throw new Error('not a primary');
  return self.accountKey.privateKey;
}

/** Another manifest of the account, well signed. */
async function resigned(seat: Seat, change: Partial<DeviceManifest>): Promise<Uint8Array> {
  const manifest = await seat.device.manifest();
  if (manifest === null) throw new Error('no manifest');
  const next = { ...manifest, ...change };
  return encodeSignedManifest(signManifest(nodeProvider, await accountPrivateKey(seat), next, systemRandom));
}

/** An account of the same name with other keys, as somebody makes it who controls the relay. */
async function impostor(name: string): Promise<{ world: World; seat: Seat; manifest: Uint8Array }> {
  const world = new World();
  const seat = await world.primary(name);
  return { world, seat, manifest: world.relay.manifests.get(uuidOf(name)) as Uint8Array };
}

describe('account names', () => {
  test('[DEV-01] an account is a UUID, in either case the same one', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    for (const name of ['bob', '', `${bob.device.account}x`, '../../etc/passwd', 7 as unknown as string]) {
      const expected = { code: 'InvalidArgument', reason: 'not-a-uuid' } as const;
      await expectRefusal([alice], expected, () => alice.device.send(name, 'hi'));
    }
    expect((await alice.device.send(bob.device.account.toUpperCase(), 'hi')).status).toBe('sent');
    expect(await read(bob)).toEqual(['hi']);
    const { options } = world.options();
    await expect(world.primary('x', { ...options, suites: [] })).rejects.toMatchObject({ reason: 'no-suite' });
  });

  test('[DEV-01] an account that the relay does not know cannot be written to', async () => {
    const world = new World();
    const alice = await world.primary('alice');
    const expected = { code: 'InvalidArgument', reason: 'unknown-account' } as const;
    await expectRefusal([alice], expected, () => alice.device.send(uuidOf('nobody'), 'hi'));
  });
});

describe('account keys', () => {
  test('[DEV-02] the account key is pinned at first contact, in either direction, and the application is told', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const key = (await bob.device.manifest())?.accountKey;
    expect(await alice.device.accountKey(bob.device.account)).toEqual(key);
    expect(await bob.device.accountKey(alice.device.account)).toEqual((await alice.device.manifest())?.accountKey);
    for (const [seat, peer] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      expect(seat.events).toContainEqual({ type: 'accountPinned', account: peer.device.account });
    }
  });

  test('[DEV-02] [DEV-03] a key learnt out of band holds from the first contact on', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const genuine = (await bob.device.manifest())?.accountKey as Uint8Array;
    const { manifest } = await impostor('bob');
    await alice.device.trustAccountKey(bob.device.account, genuine);
    world.relay.alterManifest = () => manifest;
    const expected = { code: 'UntrustedIdentity', reason: 'account-key-changed' } as const;
    await expectRefusal([alice], expected, () => alice.device.send(bob.device.account, 'hi'));
    expect(alice.events).toContainEqual({ type: 'identityChanged', account: bob.device.account, deviceId: null });
    expect(world.relay.sends).toEqual([]);
    world.relay.alterManifest = (good) => good;
    expect((await alice.device.send(bob.device.account, 'hi')).status).toBe('sent');
  });

  test('[DEV-03] keys that cannot be account keys are not trusted', async () => {
    const world = new World();
    const [alice] = [await world.primary('alice')];
    const low = { code: 'InvalidKey', reason: 'not-prime-order' } as const;
    await expectRefusal([alice], low, () => alice.device.trustAccountKey(uuidOf('bob'), new Uint8Array(32)));
    const own = { code: 'NotAllowed', reason: 'own-account' } as const;
    const key = (await alice.device.manifest())?.accountKey as Uint8Array;
    await expectRefusal([alice], own, () => alice.device.trustAccountKey(alice.device.account, key));
  });

  test('[PQX-12] [DEV-03] a contact’s new identity is refused in both directions until the application accepts it', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const other = await impostor('bob');
    world.relay.manifests.set(bob.device.account, other.manifest);
    other.world.relay.manifests.set(
      alice.device.account,
      world.relay.manifests.get(alice.device.account) as Uint8Array,
    );
    other.world.relay.box(alice.device.account, 1).keys = world.relay.box(alice.device.account, 1).keys;
    const envelope = await envelopeFor(other.world, other.seat, alice, 'it is me');
    const expected = { code: 'UntrustedIdentity', reason: 'account-key-changed' } as const;
    await expectEnvelopeRefused(alice, envelope, expected);
    expect(alice.events).toContainEqual({ type: 'identityChanged', account: bob.device.account, deviceId: null });
    await expectRefusal([alice], expected, () => alice.device.refreshManifest(bob.device.account));
    // Bob's own session goes on.
    world.relay.manifests.set(bob.device.account, await resigned(bob, {}));
    await alice.device.send(bob.device.account, 'still you?');
    expect(await read(bob)).toEqual(['still you?']);
    world.relay.manifests.set(bob.device.account, other.manifest);
    await alice.device.trustAccountKey(
      bob.device.account,
      (await other.seat.device.manifest())?.accountKey as Uint8Array,
    );
    expect((await alice.device.receive(envelope)).status).toBe('delivered');
  });

  test('[PQX-12] [DEV-07] an identity that no manifest certifies: one more manifest is asked for, then it is refused', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const mallory = await world.primary('mallory');
    const envelope = await envelopeFor(world, mallory, alice, 'I am Bob');
    const asked = world.relay.manifestRequests;
    const forged = { ...envelope, sourceAccount: bob.device.account };
    await expectEnvelopeRefused(alice, forged, { code: 'UntrustedIdentity', reason: 'untrusted-identity' });
    expect(world.relay.manifestRequests).toBe(asked + 1);
    expect(alice.events).toContainEqual({ type: 'identityChanged', account: bob.device.account, deviceId: 1 });
    for (let i = 0; i < 50; i++) await alice.device.receive(forged);
    expect(world.relay.manifestRequests).toBeLessThanOrEqual(asked + 11);
  });

  test('[DEV-07] a device linked a moment ago is found in the newer manifest', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const tablet = await world.linked(bob, 'tablet');
    await tablet.device.send(alice.device.account, 'from the tablet');
    expect(await read(alice)).toEqual(['from the tablet']);
    expect(alice.events).toContainEqual({
      type: 'deviceAdded',
      account: bob.device.account,
      deviceId: 2,
      name: 'tablet',
    });
  });

  test('[DEV-05] a bundle brings keys alone: ids are those that the account certified, whatever the relay says', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    world.relay.alterBundle = (bundle) => ({ ...bundle, registrationId: 0xffff_ffff, deviceId: 0 });
    await alice.device.send(bob.device.account, 'hi');
    const registrationId = (await bob.device.manifest())?.devices[0]?.registrationId;
    const { sessions } = await alice.device.status();
    expect(sessions[`${bob.device.account}.1`]?.remoteRegistrationId).toBe(registrationId);
    expect(world.relay.sends.at(-1)?.messages).toMatchObject([{ deviceId: 1, registrationId }]);
    expect(await read(bob)).toEqual(['hi']);
  });

  test('[DEV-07] a bundle with another identity than the manifest certifies is refused', async () => {
    const world = new World();
    const [alice, bob, mallory] = [
      await world.primary('alice'),
      await world.primary('bob'),
      await world.primary('mallory'),
    ];
    const wire = (await mallory.device.manifest())?.devices[0]?.identityKey as Uint8Array;
    world.relay.alterBundle = (bundle) => ({ ...bundle, identityKey: Uint8Array.of(5, ...wire) });
    const expected = { code: 'UntrustedIdentity', reason: 'untrusted-identity' } as const;
    await expectRefusal([alice], expected, () => alice.device.send(bob.device.account, 'hi'));
    expect(world.relay.sends).toEqual([]);
  });
});

describe('manifests', () => {
  test('[DEV-04] a manifest never goes back, and has one history', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const first = world.relay.manifests.get(bob.device.account) as Uint8Array;
    await world.linked(bob, 'tablet');
    await alice.device.refreshManifest(bob.device.account);
    const bobs = bob.device.account;
    world.relay.alterManifest = () => first;
    await expectRefusal([alice], { code: 'InvalidState', reason: 'manifest-rollback' }, () =>
      alice.device.refreshManifest(bobs),
    );
    expect(alice.events).toContainEqual({ type: 'manifestRefused', account: bobs, reason: 'manifest-rollback' });
    const fork = await resigned(bob, { issuedAt: 5 });
    world.relay.alterManifest = () => fork;
    await expectRefusal([alice], { code: 'InvalidState', reason: 'manifest-fork' }, () =>
      alice.device.refreshManifest(bobs),
    );
    const strayed = await resigned(bob, { version: 3, previousHash: new Uint8Array(32).fill(1) });
    world.relay.alterManifest = () => strayed;
    await expectRefusal([alice], { code: 'InvalidState', reason: 'manifest-fork' }, () =>
      alice.device.refreshManifest(bobs),
    );
    const ahead = await resigned(bob, { version: 9, previousHash: new Uint8Array(32).fill(1) });
    world.relay.alterManifest = () => ahead;
    await alice.device.refreshManifest(bobs);
    expect((await alice.device.manifest(bobs))?.version).toBe(9);
  });

  test('[DEV-04] a manifest with a bad signature, or of another account, is refused', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const bobs = bob.device.account;
    const good = world.relay.manifests.get(bobs) as Uint8Array;
    world.relay.alterManifest = () => good.with(good.length - 1, (good.at(-1) as number) ^ 1);
    const forged = { code: 'InvalidSignature', reason: 'manifest-signature' } as const;
    await expectRefusal([alice], forged, () => alice.device.refreshManifest(bobs));
    world.relay.alterManifest = () => world.relay.manifests.get(alice.device.account) as Uint8Array;
    const other = { code: 'InvalidMessage', reason: 'manifest-other-account' } as const;
    await expectRefusal([alice], other, () => alice.device.refreshManifest(bobs));
    world.relay.alterManifest = () => new Uint8Array(3);
    await expectRefusal([alice], { code: 'InvalidMessage', reason: 'field-zero' }, () =>
      alice.device.refreshManifest(bobs),
    );
  });

  test('[PRIM-02] [PRIM-03] [MSG-34] a manifest with a device key outside the prime-order subgroup is refused, and the old one holds', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const bobs = bob.device.account;
    const tablet = await world.linked(bob, 'tablet');
    await alice.device.refreshManifest(bobs);
    const known = (await bob.device.manifest()) as DeviceManifest;
    const previousHash = manifestHash(nodeProvider, parseSignedManifest(world.relay.manifests.get(bobs) as Uint8Array));
    const refused = { code: 'InvalidKey', reason: 'not-prime-order' } as const;
    for (const identityKey of keysOutsideSubgroup()) {
      const devices = known.devices.map((device) => (device.deviceId === 2 ? { ...device, identityKey } : device));
      const next = { ...known, version: known.version + 1, previousHash, devices };
      const forged = encodeSignedManifest(forgeManifest(await accountPrivateKey(bob), next));
      world.relay.alterManifest = (good, account) => (account === bobs ? forged : good);
      await expectRefusal([alice, tablet], refused, () => alice.device.refreshManifest(bobs));
      await expectRefusal([alice, tablet], refused, () => tablet.device.refreshManifest());
    }
    expect(alice.events).toContainEqual({ type: 'manifestRefused', account: bobs, reason: 'not-prime-order' });
    expect((await alice.device.send(bobs, 'on')).envelopes.map(({ deviceId }) => deviceId)).toEqual([1, 2]);
  });

  test('[DEV-06] [DEV-07] devices that are certified with other identity keys get new sessions, in one send', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await world.linked(bob, 'tablet');
    await alice.device.refreshManifest(bob.device.account);
    // Both begin anew under their ids; the first bundle that is fetched, the tablet's, gives it away.
    const previous = parseSignedManifest(world.relay.manifests.get(bob.device.account) as Uint8Array);
    const devices: ManifestDevice[] = [];
    for (const [i, { deviceId }] of previous.manifest.devices.entries()) {
      const other = await world.primary(`other ${i}`);
      const [entry] = (await other.device.manifest())?.devices ?? [];
      devices.push({ ...(entry as ManifestDevice), deviceId });
      world.relay.box(bob.device.account, deviceId).keys = world.relay.box(other.device.account, 1).keys;
    }
    const previousHash = manifestHash(nodeProvider, previous);
    world.relay.manifests.set(bob.device.account, await resigned(bob, { version: 3, previousHash, devices }));
    const sent = await alice.device.send(bob.device.account, 'hi');
    expect(sent.repairs).toEqual([]);
    expect(sent.envelopes.map(({ deviceId, type }) => [deviceId, type])).toEqual([
      [1, 'prekey'],
      [2, 'prekey'],
    ]);
  });

  test('[DEV-06] sessions with a removed device are deleted, and what it sends is refused', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const tablet = await world.linked(bob, 'tablet');
    await tablet.device.send(alice.device.account, 'one');
    await read(alice);
    const late = await envelopeFor(world, tablet, alice, 'two');
    await bob.device.removeDevice(2);
    await alice.device.refreshManifest(bob.device.account);
    expect(Object.keys((await alice.device.status()).sessions)).toEqual([`${bob.device.account}.1`]);
    expect(alice.events).toContainEqual({ type: 'deviceRemoved', account: bob.device.account, deviceId: 2 });
    await expectEnvelopeRefused(alice, late, { code: 'UntrustedIdentity', reason: 'untrusted-identity' });
    const sent = await alice.device.send(bob.device.account, 'to the rest');
    expect(sent.envelopes.map(({ deviceId }) => deviceId)).toEqual([1]);
  });
});

describe('downgrade', () => {
  test('[PQX-08] a bundle without a KEM key starts no session and falls back to nothing', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    world.relay.alterBundle = (bundle) => ({ ...bundle, kemPreKey: null });
    const expected = { code: 'NotAllowed', reason: 'no-kem-prekey' } as const;
    await expectRefusal([alice, bob], expected, () => alice.device.send(bob.device.account, 'hi'));
    expect(world.relay.sends).toEqual([]);
    world.relay.alterBundle = (bundle) => bundle;
    expect((await alice.device.send(bob.device.account, 'hi')).envelopes[0]?.type).toBe('prekey');
    const session = (await alice.device.status()).sessions[`${bob.device.account}.1`];
    expect(session?.suite).toBe('PQXDH_X25519_SHA-256_ML-KEM-1024');
  });
});
