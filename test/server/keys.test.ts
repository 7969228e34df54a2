/** Prekeys: what is accepted, and that each one-time key goes out once. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { concat } from '../../protocol/bytes/bytes.ts';
import { fromBase64Url, toBase64Url } from '../../protocol/codec/base64.ts';
import type { BundleBody, KeyUploadBody } from '../../protocol/codec/relay-api.ts';
import {
  type Answer,
  call,
  createAccount,
  ecKey,
  kemKey,
  keyUpload,
  register,
  signedKey,
  type TestAccount,
} from '../support/relay-fixtures.ts';
import { dump, expectRefusal, type TestRelay, testRelay } from '../support/test-relay.ts';

let relay: TestRelay;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  relay = testRelay();
  alice = createAccount();
  bob = createAccount();
  await register(relay, alice, { oneTime: 2, oneTimeKem: 1 });
  await register(relay, bob);
});

afterEach(() => relay.close());

const NOTHING: KeyUploadBody = { signedPreKey: null, lastResortKem: null, oneTime: [], oneTimeKem: [] };

function upload(keys: Partial<KeyUploadBody>): Promise<Answer> {
  return call(relay, alice.primary, 'PUT', '/v1/keys', { ...NOTHING, ...keys });
}

async function take(): Promise<BundleBody> {
  const answer = await call(relay, bob.primary, 'POST', `/v1/accounts/${alice.account}/devices/1/bundle`);
  expect(answer.status).toBe(200);
  return answer.json;
}

async function counts(): Promise<unknown> {
  return (await call(relay, alice.primary, 'GET', '/v1/keys')).json;
}

function refused(code: string, reason: string, keys: Partial<KeyUploadBody>, status = 422): Promise<Answer> {
  return expectRefusal(relay, { status, code, reason }, () => upload(keys));
}

it('[RLY-16] hands each one-time key out once, then the last-resort key, and says so', async () => {
  expect(await counts()).toEqual({ oneTime: 2, oneTimeKem: 1, signedPreKeyId: 1, lastResortKemId: 1 });
  const first = await take();
  const second = await take();
  const third = await take();
  expect([first, second, third].map((bundle) => bundle.oneTimePreKey?.id ?? null)).toEqual([1, 2, null]);
  expect([first, second, third].map((bundle) => bundle.kemIsLastResort)).toEqual([false, true, true]);
  expect(second.kemPreKey).toEqual(third.kemPreKey);
  expect(first.kemPreKey?.publicKey).not.toBe(second.kemPreKey?.publicKey);
  expect(first.registrationId).toBe(alice.primary.registrationId);
  expect(fromBase64Url(first.identityKey)).toEqual(concat(Uint8Array.of(5), alice.primary.identity.publicKey));
  expect(await counts()).toEqual({ oneTime: 0, oneTimeKem: 0, signedPreKeyId: 1, lastResortKemId: 1 });
});

it('[RLY-16] a repeated upload does not bring back a key that was handed out', async () => {
  const keys = {
    oneTime: [{ id: 70, publicKey: toBase64Url(ecKey()) }],
    oneTimeKem: [signedKey(alice.primary, 70, kemKey())],
  };
  expect((await upload(keys)).status).toBe(204);
  const stored = dump(relay.database, ['nonce']);
  expect((await upload(keys)).status).toBe(204);
  expect(dump(relay.database, ['nonce'])).toBe(stored);
  const taken = [await take(), await take(), await take()];
  expect(taken.map((bundle) => bundle.oneTimePreKey?.id)).toEqual([1, 2, 70]);
  expect(taken.map((bundle) => bundle.kemPreKey?.id)).toEqual([1, 70, 1]);
  expect((await upload(keys)).status).toBe(204);
  expect(await counts()).toMatchObject({ oneTime: 0, oneTimeKem: 0 });
  expect((await take()).oneTimePreKey).toBeNull();
});

it('[RLY-16] is open to signed devices alone, and tells which devices have no keys', async () => {
  const path = (account: string, device: number) => `/v1/accounts/${account}/devices/${device}/bundle`;
  const nobody = createAccount().account;
  for (const where of [path(alice.account, 2), path(nobody, 1)])
    await expectRefusal(relay, { status: 404, code: 'InvalidArgument', reason: 'no-such-device' }, () =>
      call(relay, bob.primary, 'POST', where),
    );
});

it('[RLY-15] null leaves what is stored, a new key replaces it', async () => {
  const before = await take();
  expect((await upload({})).status).toBe(204);
  expect((await take()).signedPreKey).toEqual(before.signedPreKey);
  const signedPreKey = signedKey(alice.primary, 9, ecKey());
  const lastResortKem = signedKey(alice.primary, 8, kemKey());
  expect((await upload({ signedPreKey, lastResortKem })).status).toBe(204);
  expect(await take()).toMatchObject({ signedPreKey, kemPreKey: lastResortKem, kemIsLastResort: true });
});

it('[RLY-15] refuses a signature that is not the device’s own over exactly the uploaded key', async () => {
  const good = keyUpload(alice.primary, { firstId: 20 });
  const foreign = keyUpload(bob.primary, { firstId: 20 });
  const flip = (text: string) => {
    const bytes = fromBase64Url(text);
    return toBase64Url(bytes.with(5, (bytes[5] ?? 0) ^ 1));
  };
  for (const name of ['signedPreKey', 'lastResortKem'] as const) {
    const key = good[name];
    if (key === null) throw new Error('no key');
    await refused('InvalidSignature', 'prekey-signature', { ...good, [name]: foreign[name] });
    await refused('InvalidSignature', 'prekey-signature', {
      ...good,
      [name]: { ...key, signature: flip(key.signature) },
    });
  }
  const [kem, second] = good.oneTimeKem;
  if (kem === undefined || second === undefined) throw new Error('no key');
  const swapped = [kem, { ...second, signature: kem.signature }];
  await refused('InvalidSignature', 'prekey-signature', { ...good, oneTimeKem: swapped });
  const overRawKey = signedKey(alice.primary, 30, ecKey().subarray(1));
  const wire = toBase64Url(concat(Uint8Array.of(5), fromBase64Url(overRawKey.publicKey)));
  await refused('InvalidSignature', 'prekey-signature', { signedPreKey: { ...overRawKey, publicKey: wire } });
});

it('[RLY-15] refuses keys in no known form, all of them with the one', async () => {
  const ec = ecKey();
  const kem = kemKey();
  const smallOrder = new Uint8Array(33).with(0, 5).with(1, 1);
  const signed = (key: Uint8Array) => signedKey(alice.primary, 40, key);
  const plain = (key: Uint8Array) => ({ id: 40, publicKey: toBase64Url(key) });
  const good = keyUpload(alice.primary, { firstId: 20 });
  const cases: [string, Partial<KeyUploadBody>][] = [
    ['bad-key-type', { signedPreKey: signed(ec.with(0, 6)) }],
    ['not-prime-order', { signedPreKey: signed(smallOrder) }],
    ['not-prime-order', { oneTime: [plain(smallOrder)] }],
    ['bad-length', { signedPreKey: signed(ec.subarray(0, 32)) }],
    ['bad-length', { signedPreKey: signed(concat(ec, Uint8Array.of(0))) }],
    ['non-canonical-public-key', { signedPreKey: signed(ec.with(32, 0xff)) }],
    ['bad-key-type', { oneTime: [plain(ec.with(0, 0x0a))] }],
    ['non-canonical-public-key', { oneTime: [...good.oneTime, plain(ec.with(32, 0xff))] }],
    ['unknown-key-type', { lastResortKem: signed(kem.with(0, 0x77)) }],
    ['unknown-key-type', { oneTimeKem: [signed(ec)] }],
    ['bad-length', { lastResortKem: signed(kem.subarray(0, 1568)) }],
    ['bad-length', { oneTimeKem: [...good.oneTimeKem, signed(concat(kem, Uint8Array.of(0)))] }],
    ['unreduced-kem-key', { lastResortKem: signed(kem.fill(0xff, 1, 4)) }],
  ];
  for (const [reason, keys] of cases) await refused('InvalidKey', reason, { ...good, ...keys });
});

it('[RLY-15] refuses an id that stands twice, in the upload or under another key in the store', async () => {
  const other = (id: number) => ({ id, publicKey: toBase64Url(ecKey()) });
  await refused('InvalidArgument', 'duplicate-key-id', { oneTime: [other(50), other(51), other(50)] });
  const twice = [signedKey(alice.primary, 50, kemKey()), signedKey(alice.primary, 50, kemKey())];
  await refused('InvalidArgument', 'duplicate-key-id', { oneTimeKem: twice });
  const same = signedKey(alice.primary, 53, kemKey());
  await refused('InvalidArgument', 'duplicate-key-id', { oneTimeKem: [same, same] });
  await refused('InvalidArgument', 'duplicate-key-id', { oneTime: [other(54)].flatMap((key) => [key, key]) });
  await refused('InvalidArgument', 'duplicate-key-id', { oneTime: [other(52), other(1)] });
  await refused('InvalidArgument', 'duplicate-key-id', { oneTimeKem: [signedKey(alice.primary, 1, kemKey())] });
  const many = Array.from({ length: 101 }, (_, i) => other(1000 + i));
  await refused('InvalidArgument', 'bad-request', { oneTime: many }, 400);
});

it('[RLY-26] an upload that replaces leaves no one-time key that was stored before, or changes nothing', async () => {
  await take();
  const keys = {
    oneTime: [{ id: 80, publicKey: toBase64Url(ecKey()) }],
    oneTimeKem: [signedKey(alice.primary, 81, kemKey()), signedKey(alice.primary, 82, kemKey())],
    replaceOneTime: true as const,
  };
  const foreign = { ...keys, oneTimeKem: [signedKey(bob.primary, 81, kemKey())] };
  await refused('InvalidSignature', 'prekey-signature', foreign);
  for (const replaceOneTime of [false, null, 1, 'true'])
    await expectRefusal(relay, { status: 400, code: 'InvalidArgument', reason: 'bad-request' }, () =>
      upload({ ...keys, replaceOneTime } as unknown as KeyUploadBody),
    );
  expect((await upload(keys)).status).toBe(204);
  expect(await counts()).toMatchObject({ oneTime: 1, oneTimeKem: 2, signedPreKeyId: 1, lastResortKemId: 1 });
  expect([await take(), await take()].map((bundle) => bundle.oneTimePreKey?.id)).toEqual([80, undefined]);
  // What was handed out stays so, also where a replacing upload is repeated.
  expect((await upload(keys)).status).toBe(204);
  expect(await counts()).toMatchObject({ oneTime: 0, oneTimeKem: 0 });
});

it('[RLY-26] [RLY-16] a replaced id may come again under another key; other devices keep theirs', async () => {
  const others = await call(relay, bob.primary, 'GET', '/v1/keys');
  const publicKey = toBase64Url(ecKey());
  expect((await upload({ oneTime: [{ id: 2, publicKey }], replaceOneTime: true })).status).toBe(204);
  expect((await take()).oneTimePreKey).toEqual({ id: 2, publicKey });
  expect((await call(relay, bob.primary, 'GET', '/v1/keys')).json).toEqual(others.json);
  const batch = (first: number) =>
    Array.from({ length: 100 }, (_, i) => ({ id: first + i, publicKey: toBase64Url(ecKey()) }));
  for (let first = 1000; first < 2000; first += 100) expect((await upload({ oneTime: batch(first) })).status).toBe(204);
  expect((await upload({ oneTime: batch(3000), replaceOneTime: true })).status).toBe(204);
  expect(await counts()).toMatchObject({ oneTime: 100 });
});

it('[RLY-17] keeps at most 1,000 one-time keys of a kind for a device', async () => {
  const key = toBase64Url(ecKey());
  const batch = (first: number, length: number) =>
    Array.from({ length }, (_, i) => ({ id: first + i, publicKey: key }));
  for (let first = 1000; first < 1900; first += 100)
    expect((await upload({ oneTime: batch(first, 100) })).status).toBe(204);
  expect((await upload({ oneTime: batch(1900, 98) })).status).toBe(204);
  expect(await counts()).toMatchObject({ oneTime: 1000 });
  await refused('NotAllowed', 'too-many-keys', { oneTime: batch(3000, 1) }, 429);
});
