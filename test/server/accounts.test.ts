/** Registration, manifests, devices that come and go. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { toBase64Url } from '../../protocol/codec/base64.ts';
import { type DeviceManifest, encodeSignedManifest, type SignedManifest } from '../../protocol/codec/manifest.ts';
import type { RegistrationBody } from '../../protocol/codec/relay-api.ts';
import { createApp } from '../../server/app.ts';
import { forgeManifest, keysOutsideSubgroup } from '../support/forge-manifest.ts';
import {
  type Answer,
  call,
  createAccount,
  createDevice,
  keyUpload,
  manifestText,
  nextManifest,
  putDevices,
  putKeys,
  type RelayEnd,
  register,
  sendTo,
  type TestAccount,
  type TestDevice,
} from '../support/relay-fixtures.ts';
import { count, dump, expectRefusal, type TestRelay, testRelay } from '../support/test-relay.ts';

let relay: TestRelay;
let alice: TestAccount;

beforeEach(async () => {
  relay = testRelay();
  alice = createAccount();
  await register(relay, alice);
});

afterEach(() => relay.close());

function refused(status: number, code: string, reason: string, act: () => Promise<Answer>): Promise<Answer> {
  return expectRefusal(relay, { status, code, reason }, act);
}

describe('registration', () => {
  const body = (owner: TestAccount, change: Partial<RegistrationBody> = {}): RegistrationBody => ({
    manifest: manifestText(owner.manifests[0]),
    keys: keyUpload(owner.primary),
    ...change,
  });
  const post = (signer: TestDevice, registration: RegistrationBody) =>
    call(relay, signer, 'POST', '/v1/accounts', registration);

  it('[RLY-06] answers 201 with the account, and the same registration again changes nothing', async () => {
    const bob = createAccount();
    const registration = body(bob);
    const first = await post(bob.primary, registration);
    expect([first.status, first.json]).toEqual([201, { account: bob.account }]);
    const before = dump(relay.database, ['nonce']);
    expect((await post(bob.primary, registration)).status).toBe(201);
    expect(dump(relay.database, ['nonce'])).toBe(before);
  });

  it('[RLY-06] refuses an account that exists, whoever asks', async () => {
    const thief = createAccount(alice.account);
    await refused(409, 'InvalidState', 'account-exists', () => post(thief.primary, body(thief)));
    const other = { ...alice, manifests: [nextManifest({ ...alice, manifests: [] }, [alice.primary], 9)] };
    await refused(409, 'InvalidState', 'account-exists', () => post(alice.primary, body(other)));
  });

  it('[RLY-06] refuses a manifest that is no first one, or not signed by its own key', async () => {
    const bob = createAccount();
    const laptop = createDevice(bob.account, 2, 5);
    const two = manifestText(nextManifest({ ...bob, manifests: [] }, [bob.primary, laptop]));
    const second = manifestText(nextManifest(bob, [bob.primary]));
    for (const manifest of [two, second])
      await refused(422, 'InvalidArgument', 'not-a-first-manifest', () => post(bob.primary, body(bob, { manifest })));
    const [first] = bob.manifests;
    if (first === undefined) throw new Error('no manifest');
    const forged = encodeSignedManifest({
      ...first,
      signature: first.signature.with(0, (first.signature[0] ?? 0) ^ 1),
    });
    await refused(422, 'InvalidSignature', 'manifest-signature', () =>
      post(bob.primary, body(bob, { manifest: toBase64Url(forged) })),
    );
    expect(count(relay.database, 'SELECT count(*) FROM account')).toBe(1);
  });

  it('[RLY-06] refuses a registration that another device signed', async () => {
    const bob = createAccount();
    await refused(401, 'InvalidSignature', 'wrong-signer', () => post(alice.primary, body(bob)));
    const impostor = { ...bob.primary, auth: alice.primary.auth };
    await refused(401, 'InvalidSignature', 'request-signature', () => post(impostor, body(bob)));
  });

  it('[RLY-06] refuses a registration without a signed prekey, or with a bad one', async () => {
    const bob = createAccount();
    const keys = keyUpload(bob.primary);
    await refused(422, 'InvalidArgument', 'incomplete-keys', () =>
      post(bob.primary, body(bob, { keys: { ...keys, signedPreKey: null } })),
    );
    const foreign = keyUpload(alice.primary);
    await refused(422, 'InvalidSignature', 'prekey-signature', () => post(bob.primary, body(bob, { keys: foreign })));
  });
});

describe('manifest', () => {
  const put = (signer: TestDevice, manifest: string) => call(relay, signer, 'PUT', '/v1/manifest', { manifest });

  it('[RLY-11] gives the stored manifest to any device, 404 where there is none', async () => {
    const bob = createAccount();
    await register(relay, bob);
    const answer = await call(relay, bob.primary, 'GET', `/v1/accounts/${alice.account}/manifest`);
    expect([answer.status, answer.json]).toEqual([200, { manifest: manifestText(alice.manifests[0]) }]);
    const nobody = createAccount().account;
    await refused(404, 'InvalidArgument', 'no-such-account', () =>
      call(relay, bob.primary, 'GET', `/v1/accounts/${nobody}/manifest`),
    );
  });

  it('[RLY-11] takes the next version from the primary; the same one again changes nothing', async () => {
    const laptop = createDevice(alice.account, 2, 5);
    const manifest = manifestText(nextManifest(alice, [alice.primary, laptop]));
    expect((await put(alice.primary, manifest)).status).toBe(204);
    const before = dump(relay.database, ['nonce']);
    expect((await put(alice.primary, manifest)).status).toBe(204);
    expect(dump(relay.database, ['nonce'])).toBe(before);
    await refused(403, 'NotAllowed', 'not-primary', () => put(laptop, manifest));
  });

  it('[RLY-11] refuses what is not the successor', async () => {
    const first = manifestText(alice.manifests[0]);
    await putDevices(relay, alice, [alice.primary]);
    await refused(409, 'InvalidState', 'manifest-rollback', () => put(alice.primary, first));
    const fork = nextManifest({ ...alice, manifests: alice.manifests.slice(0, 1) }, [alice.primary], 77);
    await refused(409, 'InvalidState', 'manifest-fork', () => put(alice.primary, manifestText(fork)));
    const gap = nextManifest({ ...alice, manifests: [...alice.manifests, nextManifest(alice, [alice.primary])] }, [
      alice.primary,
    ]);
    await refused(409, 'InvalidState', 'manifest-gap', () => put(alice.primary, manifestText(gap)));
  });

  it('[PRIM-02] [PRIM-03] [MSG-34] [RLY-11] refuses a device whose identity key is outside the prime-order subgroup', async () => {
    const laptop = createDevice(alice.account, 2, 5);
    const good = nextManifest(alice, [alice.primary, laptop]).manifest;
    const forge = (manifest: DeviceManifest, owner: TestAccount) =>
      toBase64Url(encodeSignedManifest(forgeManifest(owner.accountKey.privateKey, manifest)));
    for (const identityKey of keysOutsideSubgroup()) {
      const devices = good.devices.map((device) => (device.deviceId === 2 ? { ...device, identityKey } : device));
      await refused(422, 'InvalidKey', 'not-prime-order', () => put(alice.primary, forge({ ...good, devices }, alice)));
      const bob = createAccount();
      const first = bob.manifests[0]?.manifest as DeviceManifest;
      const own = { ...first, devices: first.devices.map((device) => ({ ...device, identityKey })) };
      const registration = { manifest: forge(own, bob), keys: keyUpload(bob.primary) };
      await refused(422, 'InvalidKey', 'not-prime-order', () =>
        call(relay, bob.primary, 'POST', '/v1/accounts', registration),
      );
    }
    expect((await put(alice.primary, forge(good, alice))).status).toBe(204);
  });

  it('[RLY-11] [STATE-02] judges the successor once more in the transaction: another relay may have been faster', async () => {
    const [laptop, tablet] = [createDevice(alice.account, 2, 5), createDevice(alice.account, 2, 6)];
    const [ours, theirs] = [laptop, tablet].map((device) => nextManifest(alice, [alice.primary, device]));
    const beyond = nextManifest({ ...alice, manifests: [...alice.manifests, theirs as SignedManifest] }, [
      alice.primary,
    ]);
    // The other relay stores its manifests after this one has looked, and before this one stores.
    const behind = async (faster: readonly (SignedManifest | undefined)[]): Promise<void> => {
      let looked = false;
      const storedManifest = async (account: string) => {
        const stored = await relay.store.storedManifest(account);
        if (!looked) for (const manifest of faster) await put(alice.primary, manifestText(manifest));
        looked = true;
        return stored;
      };
      const store = new Proxy(relay.store, {
        get: (target, name) => {
          if (name === 'storedManifest') return storedManifest;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      const app = createApp({ ...relay.deps, store });
      const slow: RelayEnd = {
        ...relay,
        fetch: async ({ method, path, headers, body }) => app.request(relay.base + path, { method, headers, body }),
      };
      const body = { manifest: manifestText(ours) };
      const answer = await call(slow, alice.primary, 'PUT', '/v1/manifest', body);
      expect([answer.status, answer.json.error]).toEqual([
        409,
        { code: 'InvalidState', reason: 'manifest-fork', field: 'manifest' },
      ]);
    };
    await behind([theirs]);
    const stored = () => call(relay, alice.primary, 'GET', `/v1/accounts/${alice.account}/manifest`);
    expect((await stored()).json).toEqual({ manifest: manifestText(theirs) });
    expect(count(relay.database, 'SELECT registration_id FROM device WHERE device_id = 2')).toBe(6);
    await put(alice.primary, manifestText(beyond));
    expect((await stored()).json).toEqual({ manifest: manifestText(beyond) });
  });

  it("[RLY-11] refuses another account's manifest and another account key", async () => {
    const bob = createAccount();
    await refused(403, 'NotAllowed', 'other-account', () => put(alice.primary, manifestText(bob.manifests[0])));
    const thief = { ...alice, accountKey: bob.accountKey };
    const stolen = manifestText(nextManifest(thief, [alice.primary]));
    await refused(422, 'InvalidSignature', 'manifest-account-key', () => put(alice.primary, stolen));
    const good = nextManifest(alice, [alice.primary]);
    const cut = manifestText({ ...good, signature: good.signature.with(9, (good.signature[9] ?? 0) ^ 4) });
    await refused(422, 'InvalidSignature', 'manifest-signature', () => put(alice.primary, cut));
    const garbage = toBase64Url(new Uint8Array(80).fill(255));
    await refused(422, 'InvalidMessage', 'varint-too-long', () => put(alice.primary, garbage));
  });

  it('[RLY-13] refuses a changed primary, changed keys and a registration id that was used', async () => {
    const laptop = createDevice(alice.account, 2, 5);
    await putDevices(relay, alice, [alice.primary, laptop]);
    const offer = (devices: TestDevice[]) => put(alice.primary, manifestText(nextManifest(alice, devices)));
    const newPrimary = createDevice(alice.account, 1, 7);
    await refused(422, 'InvalidState', 'primary-changed', () => offer([newPrimary, laptop]));
    const other = createDevice(alice.account, 2, 5);
    for (const changed of [
      { ...laptop, auth: other.auth },
      { ...laptop, identity: other.identity },
    ])
      await refused(422, 'InvalidState', 'device-key-changed', () => offer([alice.primary, changed]));
    await putDevices(relay, alice, [alice.primary]);
    await refused(422, 'InvalidState', 'registration-id-reused', () => offer([alice.primary, other]));
    await putDevices(relay, alice, [alice.primary, createDevice(alice.account, 2, 6)]);
    expect(count(relay.database, 'SELECT count(*) FROM device WHERE state < 2')).toBe(2);
  });
});

describe('devices', () => {
  it('[RLY-14] a linked device gets no mail and gives no keys before its signed prekey is there', async () => {
    const bob = createAccount();
    await register(relay, bob);
    const laptop = createDevice(alice.account, 2, 5);
    await putDevices(relay, alice, [alice.primary, laptop]);
    const path = `/v1/messages/${alice.account}`;
    const bundle = () => call(relay, bob.primary, 'POST', `/v1/accounts/${alice.account}/devices/2/bundle`);
    expect((await call(relay, bob.primary, 'PUT', path, sendTo([alice.primary]))).status).toBe(200);
    await refused(404, 'InvalidArgument', 'no-such-device', bundle);
    const partial = { ...keyUpload(laptop), signedPreKey: null };
    expect((await call(relay, laptop, 'PUT', '/v1/keys', partial)).status).toBe(204);
    await refused(404, 'InvalidArgument', 'no-such-device', bundle);
    await putKeys(relay, laptop, { firstId: 50 });
    expect((await bundle()).status).toBe(200);
    const both = sendTo([alice.primary, laptop]);
    expect((await call(relay, bob.primary, 'PUT', path, both)).json).toEqual({ accepted: 2 });
  });

  it('[RLY-12] a removed device loses keys, mailbox and access in one transaction', async () => {
    const bob = createAccount();
    await register(relay, bob);
    const laptop = createDevice(alice.account, 2, 5);
    await putDevices(relay, alice, [alice.primary, laptop]);
    await putKeys(relay, laptop);
    const path = `/v1/messages/${alice.account}`;
    await call(relay, bob.primary, 'PUT', path, sendTo([alice.primary, laptop]));
    await call(relay, laptop, 'PUT', `/v1/messages/${bob.account}`, sendTo([bob.primary]));
    const dev = count(relay.database, 'SELECT dev FROM device WHERE device_id = 2');
    expect(dump(relay.database)).toContain(toHex(laptop.identity.publicKey));
    await putDevices(relay, alice, [alice.primary]);
    for (const table of ['otk', 'otk_spent', 'env', 'nonce'])
      expect([table, count(relay.database, `SELECT count(*) FROM ${table} WHERE dev = ${dev}`)]).toEqual([table, 0]);
    expect(count(relay.database, `SELECT count(*) FROM sent WHERE src_dev = ${dev}`)).toBe(0);
    const devices = dump(relay.database, ['account']);
    for (const key of [laptop.identity.publicKey, laptop.auth.publicKey]) expect(devices).not.toContain(toHex(key));
    await refused(401, 'NotAllowed', 'unknown-device', () => call(relay, laptop, 'GET', '/v1/mailbox'));
    await refused(404, 'InvalidArgument', 'no-such-device', () =>
      call(relay, bob.primary, 'POST', `/v1/accounts/${alice.account}/devices/2/bundle`),
    );
    expect((await call(relay, bob.primary, 'PUT', path, sendTo([alice.primary, laptop]))).json).toMatchObject({
      missing: [],
      extra: [2],
    });
    const mail = await call(relay, alice.primary, 'GET', '/v1/mailbox');
    expect(mail.json.envelopes).toHaveLength(1);
  });

  it('[RLY-13] an id that is used again needs a new registration id, and who knows the old one is told so', async () => {
    const bob = createAccount();
    await register(relay, bob);
    const old = createDevice(alice.account, 2, 5);
    await putDevices(relay, alice, [alice.primary, old]);
    await putKeys(relay, old);
    const fresh = createDevice(alice.account, 2, 6);
    await putDevices(relay, alice, [alice.primary, fresh]);
    await putKeys(relay, fresh);
    await expectRefusal(
      relay,
      { status: 410, code: 'InvalidState', reason: 'stale-device', lists: { stale: [2] } },
      () => call(relay, bob.primary, 'PUT', `/v1/messages/${alice.account}`, sendTo([alice.primary, old])),
    );
    await refused(401, 'InvalidSignature', 'request-signature', () => call(relay, old, 'GET', '/v1/keys'));
  });
});
