/** Requests are signed, fresh, and good for one time. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { toBase64 } from '../../protocol/codec/base64.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { createApp } from '../../server/app.ts';
import { openRelayStore } from '../../server/store/sqlite.ts';
import {
  type Answer,
  call,
  createAccount,
  createDevice,
  deliver,
  manifestText,
  nextManifest,
  putDevices,
  putKeys,
  register,
  type SignedRequest,
  sendTo,
  sign,
  type TestAccount,
} from '../support/relay-fixtures.ts';
import { expectRefusal, type TestRelay, testRelay } from '../support/test-relay.ts';

let relay: TestRelay;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  relay = testRelay();
  alice = createAccount();
  bob = createAccount();
  await register(relay, alice);
  await register(relay, bob);
});

afterEach(() => relay.close());

function signedSend(): SignedRequest {
  const path = `/v1/messages/${bob.account}`;
  return sign(alice.primary, relay.base, relay.now(), { method: 'PUT', path, body: sendTo([bob.primary]) });
}

function refused(reason: string, act: () => Promise<Answer>, code = 'InvalidSignature'): Promise<Answer> {
  return expectRefusal(relay, { status: 401, code, reason }, act);
}

function withInput(request: SignedRequest, change: (input: string) => string): SignedRequest {
  const input = change(request.headers['signature-input'] ?? '');
  return { ...request, headers: { ...request.headers, 'signature-input': input } };
}

function withOwnDigest(request: SignedRequest): SignedRequest {
  const body = request.body?.replace('"message"', '"prekey"') ?? '';
  const digest = `sha-256=:${toBase64(nodeProvider.sha256(utf8(body)))}:`;
  return { ...request, body, headers: { ...request.headers, 'content-digest': digest } };
}

it('[RLY-04] accepts a request as it was signed', async () => {
  expect((await deliver(relay, signedSend())).status).toBe(200);
});

const CHANGES: [string, string, (request: SignedRequest) => SignedRequest][] = [
  ['another path', 'request-signature', (r) => ({ ...r, path: `/v1/messages/${alice.account}` })],
  ['a query', 'request-signature', (r) => ({ ...r, path: `${r.path}?a=1` })],
  ['an encoded path', 'bad-url', (r) => ({ ...r, path: r.path.replace('-', '%2D') })],
  ['an encoded query', 'request-signature', (r) => ({ ...r, path: `${r.path}?a=%2F` })],
  ['a changed body', 'digest-mismatch', (r) => ({ ...r, body: r.body?.replace('"message"', '"prekey"') ?? null })],
  ['a space behind its body', 'digest-mismatch', (r) => ({ ...r, body: `${r.body} ` })],
  ['no body', 'body-not-covered', (r) => ({ ...r, body: null })],
  ['another body with its digest', 'request-signature', withOwnDigest],
  ['no signature', 'signature-missing', (r) => ({ ...r, headers: { 'content-type': 'application/json' } })],
  [
    'two signatures',
    'signature-malformed',
    (r) => ({ ...r, headers: { ...r.headers, signature: `${r.headers.signature}, ${r.headers.signature}` } }),
  ],
  [
    'another moment',
    'request-signature',
    (r) => withInput(r, (input) => input.replace(/created=(\d+)/, (_, n: string) => `created=${Number(n) + 1}`)),
  ],
  [
    "another device's name",
    'request-signature',
    (r) => withInput(r, (input) => input.replace(alice.account, bob.account)),
  ],
];
it.each(CHANGES)('[RLY-04] refuses a request with %s', async (_name, reason, change) => {
  const code = reason === 'bad-url' ? 'InvalidArgument' : 'InvalidSignature';
  await refused(reason, () => deliver(relay, change(signedSend())), code);
});

it('[RLY-04] refuses another method and another host', async () => {
  const put = sign(alice.primary, relay.base, relay.now(), { method: 'POST', path: '/v1/keys', text: '{}' });
  await refused('request-signature', () => deliver(relay, { ...put, method: 'PUT' }));
  const get = sign(alice.primary, relay.base, relay.now(), { method: 'GET', path: '/v1/keys' });
  const head = await deliver(relay, { ...get, method: 'HEAD' });
  expect(head.status).toBe(401);
  const elsewhere = sign(alice.primary, 'http://relay.other', relay.now(), { method: 'GET', path: '/v1/keys' });
  await refused('request-signature', () => deliver(relay, elsewhere));
});

it("[RLY-04] refuses a device's name under another device's key, and devices that it does not know", async () => {
  const impostor = { ...alice.primary, auth: bob.primary.auth };
  await refused('request-signature', () => call(relay, impostor, 'GET', '/v1/keys'));
  const stranger = createAccount();
  await refused('unknown-device', () => call(relay, stranger.primary, 'GET', '/v1/keys'), 'NotAllowed');
});

it.each([-301, 301])('[RLY-04] refuses a request of %i seconds away, and takes one less', async (seconds) => {
  const at = (offset: number) =>
    sign(alice.primary, relay.base, relay.now() + offset * 1000, { method: 'GET', path: '/v1/keys' });
  await refused('clock-skew', () => deliver(relay, at(seconds)));
  expect((await deliver(relay, at(seconds - Math.sign(seconds)))).status).toBe(200);
});

it('[RLY-05] takes a request once, also after a restart and as long as its clock allows', async () => {
  const request = signedSend();
  expect((await deliver(relay, request)).status).toBe(200);
  await refused('nonce-reused', () => deliver(relay, request));
  const store = openRelayStore(relay.database);
  const app = createApp({ ...relay.deps, store });
  const restarted = { ...relay, fetch: async (r: SignedRequest) => app.request(relay.base + r.path, r) };
  await refused('nonce-reused', () => deliver(restarted, request));
  await store.close();
  relay.pass(300_000);
  await relay.store.expire(relay.now());
  await refused('nonce-reused', () => deliver(relay, request));
  relay.pass(2_000);
  await relay.store.expire(relay.now());
  await refused('clock-skew', () => deliver(relay, request));
});

it('[RLY-05] a refused send cannot be repeated by others when it would succeed', async () => {
  const laptop = createDevice(bob.account, 2, 202);
  const path = `/v1/messages/${bob.account}`;
  const body = sendTo([bob.primary, laptop]);
  const early = sign(alice.primary, relay.base, relay.now(), { method: 'PUT', path, body });
  expect((await deliver(relay, early)).status).toBe(409);
  await putDevices(relay, bob, [bob.primary, laptop]);
  await putKeys(relay, laptop);
  await refused('nonce-reused', () => deliver(relay, early));
  expect((await call(relay, alice.primary, 'PUT', path, body)).status).toBe(200);
});

it('[RLY-05] a refused manifest cannot be repeated by others when it would succeed', async () => {
  const second = nextManifest(bob, [bob.primary], 2);
  bob.manifests.push(second);
  const third = nextManifest(bob, [bob.primary], 3);
  const put = (body: unknown) =>
    sign(bob.primary, relay.base, relay.now(), { method: 'PUT', path: '/v1/manifest', body });
  const early = put({ manifest: manifestText(third) });
  expect((await deliver(relay, early)).json.error.reason).toBe('manifest-gap');
  expect((await deliver(relay, put({ manifest: manifestText(second) }))).status).toBe(204);
  await refused('nonce-reused', () => deliver(relay, early));
});

it('[RLY-07] refuses a device that was removed after its signature was verified', async () => {
  const laptop = createDevice(bob.account, 2, 202);
  await putDevices(relay, bob, [bob.primary, laptop]);
  await putKeys(relay, laptop);
  const credentials = await relay.store.credentials(bob.account, 2);
  if (credentials === null) throw new Error('no such device');
  await putDevices(relay, bob, [bob.primary]);
  const now = relay.now();
  const verified = { ...credentials, account: bob.account, deviceId: 2, nonceExpires: now + 1000, now };
  const caller = { ...verified, nonce: new Uint8Array(16).fill(1) };
  const request = { sendId: new Uint8Array(16), timestamp: 0, partial: false, requestHash: new Uint8Array(32) };
  const late = { ...request, account: bob.account, messages: [] };
  for (const act of [
    () => relay.store.keyCounts(caller),
    () => relay.store.send(caller, late),
    () => relay.store.mailbox(caller, 0, 1),
    () => relay.store.admit(caller),
  ]) {
    await expect(act()).rejects.toMatchObject({ status: 401, reason: 'unknown-device' });
  }
  await refused('unknown-device', () => call(relay, laptop, 'GET', '/v1/keys'), 'NotAllowed');
});
