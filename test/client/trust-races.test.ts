/**
 * Two processes of one device: what one of them trusts while the other waits for a relay.
 *
 * @spec 07-devices §2
 */
import { describe, expect, test } from 'vitest';
import { getSelf } from '../../client/records/self.ts';
import type { RelayConnector, RelayTransport } from '../../client/relay/transport.ts';
import type { DeviceManifest } from '../../protocol/codec/manifest.ts';
import { encodeSignedManifest, signManifest } from '../../protocol/codec/manifest.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { envelopeFor, read, type Seat, World } from '../support/devices.ts';

/** The same device in another process; whatever manifest it fetches, `meanwhile` happens before it has the answer. */
function slow(world: World, seat: Seat, meanwhile: () => Promise<unknown>): Promise<Seat> {
  let done = false;
  const relay: RelayConnector = (who) => {
    const inner = world.relay.connector(who);
    const fetchManifest = async (account: string) => {
      const answer = await inner.fetchManifest(account);
      if (!done) {
        done = true;
        await meanwhile();
      }
      return answer;
    };
    return new Proxy(inner, {
      get: (target, name: keyof RelayTransport) =>
        name === 'fetchManifest' ? fetchManifest : (target[name] as (...args: never[]) => unknown).bind(target),
    });
  };
  return world.reopen(seat, { relay });
}

/** Another manifest of a primary's account, well signed. */
async function resigned(seat: Seat, change: Partial<DeviceManifest>): Promise<Uint8Array> {
  const self = await seat.store.transaction((tx) => getSelf(tx, nodeProvider));
  const manifest = await seat.device.manifest();
  if (self?.accountKey == null || manifest === null) throw new Error('not a primary');
  const next = { ...manifest, ...change };
  return encodeSignedManifest(signManifest(nodeProvider, self.accountKey.privateKey, next, systemRandom));
}

const otherKey = () => nodeProvider.x25519Generate(systemRandom).publicKey;

async function strangers(): Promise<{ world: World; alice: Seat; bob: Seat; bobs: string }> {
  const world = new World();
  const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
  return { world, alice, bob, bobs: bob.device.account };
}

describe('another account key is pinned meanwhile', () => {
  const changed = { code: 'UntrustedIdentity', reason: 'account-key-changed' } as const;

  test('[DEV-02] [DEV-03] [STATE-02] nothing is sent by the manifest of the old one', async () => {
    const { world, alice, bobs } = await strangers();
    const key = otherKey();
    const other = await slow(world, alice, () => alice.device.trustAccountKey(bobs, key));
    await expect(other.device.send(bobs, 'hi')).rejects.toMatchObject(changed);
    expect([await alice.device.manifest(bobs), await alice.device.accountKey(bobs)]).toEqual([null, key]);
    expect(world.relay.sends).toEqual([]);
  });

  test('[DEV-02] [DEV-03] [STATE-02] nothing is received by it', async () => {
    const { world, alice, bob, bobs } = await strangers();
    const envelope = await envelopeFor(world, bob, alice, 'hi');
    const key = otherKey();
    const other = await slow(world, alice, () => alice.device.trustAccountKey(bobs, key));
    expect(await other.device.receive(envelope)).toMatchObject({ status: 'refused', error: changed });
    expect([await alice.device.manifest(bobs), await alice.device.accountKey(bobs)]).toEqual([null, key]);
    expect(await other.device.inbox()).toEqual([]);
  });

  test('[DEV-02] [DEV-03] [STATE-02] it is not stored', async () => {
    const { world, alice, bobs } = await strangers();
    const key = otherKey();
    const other = await slow(world, alice, () => alice.device.trustAccountKey(bobs, key));
    await expect(other.device.refreshManifest(bobs)).rejects.toMatchObject(changed);
    expect([await alice.device.manifest(bobs), await alice.device.accountKey(bobs)]).toEqual([null, key]);
  });
});

describe('another manifest is stored meanwhile', () => {
  test('[DEV-04] [STATE-02] of the same version: the one that came too late is refused', async () => {
    const { world, alice, bob, bobs } = await strangers();
    const fork = await resigned(bob, { issuedAt: 5 });
    const meanwhile = async () => {
      world.relay.alterManifest = (manifest, account) => (account === bobs ? fork : manifest);
      await alice.device.refreshManifest(bobs);
    };
    const refused = { code: 'InvalidState', reason: 'manifest-fork' };
    const other = await slow(world, alice, meanwhile);
    await expect(other.device.send(bobs, 'hi')).rejects.toMatchObject(refused);
    expect((await alice.device.manifest(bobs))?.issuedAt).toBe(5);
    expect(world.relay.sends).toEqual([]);
  });

  test('[DEV-04] [STATE-02] of another history: one that is newer by number alone is not stored', async () => {
    const { world, alice, bob, bobs } = await strangers();
    const [fork, strayed] = [
      await resigned(bob, { version: 2, previousHash: new Uint8Array(32).fill(1) }),
      await resigned(bob, { version: 3, previousHash: new Uint8Array(32).fill(2) }),
    ];
    let offered = strayed;
    world.relay.alterManifest = (manifest, account) => (account === bobs ? offered : manifest);
    const other = await slow(world, alice, async () => {
      offered = fork;
      await alice.device.refreshManifest(bobs);
    });
    const refused = { code: 'InvalidState', reason: 'manifest-fork' };
    await expect(other.device.refreshManifest(bobs)).rejects.toMatchObject(refused);
    expect((await alice.device.manifest(bobs))?.version).toBe(2);
  });

  test('[DEV-04] [STATE-02] of a later version: that one holds', async () => {
    const { world, alice, bob, bobs } = await strangers();
    const other = await slow(world, alice, async () => {
      await world.linked(bob, 'tablet');
      await alice.device.refreshManifest(bobs);
    });
    const sent = await other.device.send(bobs, 'hi');
    expect(sent.envelopes.map(({ deviceId }) => deviceId)).toEqual([1, 2]);
    expect(await read(bob)).toEqual(['hi']);
  });
});

test('[DEV-05] [STATE-02] a manifest fetched for a message is forgotten once it is stored: it must not outlive what another process decides', async () => {
  const { world, alice, bob, bobs } = await strangers();
  const other = await world.reopen(alice);
  const tablet = await world.linked(bob, 'tablet');
  const first = await envelopeFor(world, tablet, alice, 'hi');
  expect(await other.device.receive(first)).toMatchObject({ status: 'delivered' });
  await tablet.device.resetSessions(alice.device.account);
  const late = await envelopeFor(world, tablet, alice, 'still there');
  await bob.device.removeDevice(2);
  await alice.device.refreshManifest(bobs);
  // The user accepts the same account key anew: what was known of the account's devices is forgotten.
  await alice.device.trustAccountKey(bobs, (await alice.device.accountKey(bobs)) as Uint8Array);
  const untrusted = { code: 'UntrustedIdentity', reason: 'untrusted-identity' };
  expect(await other.device.receive(late)).toMatchObject({ status: 'refused', error: untrusted });
});
