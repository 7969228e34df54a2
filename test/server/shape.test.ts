/** The form of requests, answers and logs. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { toBase64Url } from '../../protocol/codec/base64.ts';
import {
  type Answer,
  call,
  createAccount,
  deliver,
  keyUpload,
  message,
  type PlainRequest,
  register,
  sendTo,
  sign,
  type TestAccount,
} from '../support/relay-fixtures.ts';
import { expectRefusal, type TestRelay, testRelay } from '../support/test-relay.ts';

let relay: TestRelay;
let alice: TestAccount;

beforeEach(async () => {
  relay = testRelay();
  alice = createAccount();
  await register(relay, alice);
});

afterEach(() => relay.close());

function ask(request: PlainRequest): Promise<Answer> {
  return deliver(relay, sign(alice.primary, relay.base, relay.now(), request));
}

function refused(status: number, reason: string, request: PlainRequest, code = 'InvalidArgument'): Promise<Answer> {
  return expectRefusal(relay, { status, code, reason }, () => ask(request));
}

const ack = (text: string): PlainRequest => ({ method: 'POST', path: '/v1/mailbox/ack', text });

const BODIES: [string, string, string][] = [
  ['no JSON', 'bad-json', '{"seq":1'],
  ['half a number', 'bad-json', '{"seq":1.}'],
  ['an unknown field', 'bad-request', '{"seq":1,"more":true}'],
  ['a missing field', 'bad-request', '{}'],
  ['a string for a number', 'bad-request', '{"seq":"1"}'],
  ['a fraction', 'bad-request', '{"seq":1.5}'],
  ['a number beyond 2^53', 'bad-request', '{"seq":9007199254740993}'],
  ['null', 'bad-request', 'null'],
  ['an array', 'bad-request', '[1]'],
  ['very deep arrays', 'bad-request', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
  ['very deep objects', 'bad-request', `${'{"seq":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
];
it.each(BODIES)('[RLY-02] refuses a body that is %s', async (_name, reason, text) => {
  await refused(400, reason, ack(text));
});

it('[PAR-04] [RLY-02] refuses keys that reach for prototypes, and none is polluted', async () => {
  const texts = [
    '{"seq":1,"__proto__":{"polluted":true}}',
    '{"__proto__":{"seq":1}}',
    '{"seq":1,"constructor":{"prototype":{"polluted":true}}}',
    '{"seq":1,"toString":1}',
  ];
  for (const text of texts)
    await refused(400, text.includes('__proto__') ? 'prototype-field' : 'bad-request', ack(text));
  const upload = JSON.stringify(keyUpload(alice.primary)).replace(
    '"signedPreKey":{',
    '"signedPreKey":{"__proto__":{"a":1},',
  );
  await refused(400, 'prototype-field', { method: 'PUT', path: '/v1/keys', text: upload });
  await refused(400, 'bad-request', { method: 'GET', path: '/v1/mailbox?__proto__=1' });
  await refused(400, 'bad-request', { method: 'GET', path: '/v1/accounts/__proto__/manifest' });
  expect((await ask({ method: 'POST', path: '/v1/mailbox/__proto__' })).status).toBe(404);
  const clean: Record<string, unknown> = {};
  expect(clean.polluted).toBeUndefined();
  expect(clean.seq).toBeUndefined();
});

it('[RLY-02] refuses a field that stands twice, in every body, at any depth, and names it', async () => {
  const keys = JSON.stringify(keyUpload(alice.primary, { firstId: 20 }));
  const send = JSON.stringify(sendTo([alice.primary]));
  const manifest = JSON.stringify({ manifest: 'AAAA' });
  const account = `{"manifest":"AAAA","keys":${keys}}`;
  const put = (path: string, text: string): PlainRequest => ({ method: 'PUT', path, text });
  const twice = (text: string, name: string) => {
    expect(text).toContain(`"${name}":`);
    return text.replace(`"${name}":`, `"${name}" : null,"${name}":`);
  };
  const mail = `/v1/messages/${alice.account}`;
  const cases: [string, PlainRequest][] = [
    ['seq', ack('{"seq":1,"seq":1}')],
    ['manifest', put('/v1/manifest', twice(manifest, 'manifest'))],
    ['oneTimeKem', put('/v1/keys', twice(keys, 'oneTimeKem'))],
    ['publicKey', put('/v1/keys', twice(keys, 'publicKey'))],
    ['signature', put('/v1/keys', twice(keys, 'signature'))],
    ['sendId', put(mail, twice(send, 'sendId'))],
    ['body', put(mail, twice(send, 'body'))],
    ['keys', { method: 'POST', path: '/v1/accounts', text: twice(account, 'keys') }],
    ['id', { method: 'POST', path: '/v1/accounts', text: twice(account, 'id') }],
    // A name that is not ours is not repeated.
    ['json', ack('{"zebra":1,"zebra":1,"seq":1}')],
  ];
  for (const [field, request] of cases) {
    const answer = await refused(400, 'repeated-field', request);
    expect(answer.json.error.field).toBe(field);
  }
  for (const text of ['{"s\\u0065q":1}', '{"seq":1,"s\\u0065q":2}', '{"seq":1,"\\"":2}'])
    await refused(400, 'escaped-field', ack(text));
});

it('[RLY-02] refuses other media types and bytes that are not base64url', async () => {
  const signed = sign(alice.primary, relay.base, relay.now(), ack('{"seq":1}'));
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a']) {
    const fresh = sign(alice.primary, relay.base, relay.now(), ack('{"seq":1}'));
    const request = { ...fresh, headers: { ...fresh.headers, 'content-type': type } };
    await expectRefusal(relay, { status: 415, code: 'InvalidArgument', reason: 'unsupported-media-type' }, () =>
      deliver(relay, request),
    );
  }
  expect((await deliver(relay, signed)).status).toBe(404);
  for (const sendId of ['', 'AAAA', 'A'.repeat(22), `${'A'.repeat(21)}B`, `${'A'.repeat(21)}=`, '+'.repeat(22)]) {
    const body = { ...sendTo([alice.primary]), sendId };
    const request = { method: 'PUT', path: `/v1/messages/${alice.account}`, body };
    if (sendId === 'A'.repeat(22)) continue;
    await refused(400, 'bad-request', request);
  }
});

it('[RLY-02] refuses accounts in another spelling, device ids and numbers out of range', async () => {
  const paths = [
    `/v1/accounts/${alice.account.toUpperCase()}/manifest`,
    `/v1/accounts/${alice.account.replaceAll('-', '')}/manifest`,
    '/v1/mailbox?after=-1',
    '/v1/mailbox?after=1e3',
    '/v1/mailbox?after=01',
    '/v1/mailbox?after=1&after=2',
    '/v1/mailbox?limit=0',
    '/v1/mailbox?limit=101',
    '/v1/mailbox?limit=',
    '/v1/mailbox?since=1',
  ];
  for (const path of paths) await refused(400, 'bad-request', { method: 'GET', path });
  for (const id of ['0', '128', '-1', '1.0', '01', 'x'])
    await refused(400, 'bad-request', { method: 'POST', path: `/v1/accounts/${alice.account}/devices/${id}/bundle` });
});

it('[RLY-01] refuses a body of more than 1.5 MiB before anything else, signed or not, announced or not', async () => {
  const text = `{"seq":1,"x":"${'a'.repeat(1_572_864)}"}`;
  await refused(413, 'body-too-large', ack(text), 'InvalidMessage');
  const unsigned = await relay.app.request('/v1/accounts', { method: 'POST', body: text });
  expect(unsigned.status).toBe(413);
  const stream = new ReadableStream({
    start: (controller) => {
      for (let i = 0; i < 40; i++) controller.enqueue(new Uint8Array(50_000));
      controller.close();
    },
  });
  const init: RequestInit = { method: 'POST', body: stream, duplex: 'half' };
  expect((await relay.app.request('/v1/mailbox/ack', init)).status).toBe(413);
});

it('[RLY-01] refuses an envelope of more than 96 KiB and takes one of exactly that', async () => {
  const bob = createAccount();
  await register(relay, bob);
  const send = (length: number): PlainRequest => ({
    method: 'PUT',
    path: `/v1/messages/${bob.account}`,
    body: {
      ...sendTo([]),
      messages: [{ ...message(bob.primary), body: toBase64Url(new Uint8Array(length)) }],
    },
  });
  await refused(413, 'envelope-too-large', send(96 * 1024 + 1), 'InvalidMessage');
  await refused(400, 'bad-request', send(0));
  expect((await ask(send(96 * 1024))).status).toBe(200);
});

it('[RLY-03] answers what it does not know in the same form', async () => {
  for (const path of ['/', '/v1', '/v1/keys/', '/v2/keys', '//v1/keys', '/v1/keys/1', '/V1/keys']) {
    const answer = await ask({ method: 'GET', path });
    expect([path, answer.status, answer.json]).toEqual([
      path,
      404,
      { error: { code: 'InvalidArgument', reason: 'no-such-route' } },
    ]);
  }
  const wrong = await ask({ method: 'DELETE', path: '/v1/keys' });
  expect([wrong.status, wrong.json.error.reason]).toEqual([405, 'method-not-allowed']);
  expect(wrong.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'OPTIONS', 'PUT']);
  const options = await relay.app.request('/v1/keys', { method: 'OPTIONS' });
  expect([options.status, options.headers.get('access-control-allow-origin')]).toEqual([204, null]);
  const head = await relay.app.request('/v1/health', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  const health = await relay.app.request('/v1/health');
  expect([health.status, await health.json()]).toEqual([200, { ok: true }]);
  const socket = await ask({ method: 'GET', path: '/v1/socket' });
  expect([socket.status, socket.json.error.reason]).toEqual([426, 'upgrade-required']);
});

it('[RLY-03] repeats nothing of a request in a refusal, and tells nothing of a fault of its own', async () => {
  const marker = 'zebra-marker';
  const requests: PlainRequest[] = [
    ack(`{"seq":1,"${marker}":1}`),
    ack(`{"seq":"${marker}"}`),
    ack(marker),
    { method: 'GET', path: `/v1/mailbox?${marker}=1` },
    { method: 'GET', path: `/v1/${marker}` },
  ];
  for (const request of requests) expect(JSON.stringify((await ask(request)).json)).not.toContain(marker);
  await relay.store.close();
  const broken = await call(relay, alice.primary, 'GET', '/v1/keys');
  expect([broken.status, broken.json]).toEqual([500, { error: { code: 'InvalidState', reason: 'internal' } }]);
});

it('[RLY-08] logs a request without bodies, signatures or whole names', async () => {
  const bob = createAccount();
  await register(relay, bob);
  const send = sendTo([bob.primary], 'the text of a ciphertext');
  expect((await call(relay, alice.primary, 'PUT', `/v1/messages/${bob.account}`, send)).status).toBe(200);
  const line = JSON.parse(relay.logged.at(-1) ?? '{}');
  expect(line).toMatchObject({
    method: 'PUT',
    route: '/v1/messages/:account',
    status: 200,
    device: `${alice.account.slice(0, 8)}….1`,
  });
  const log = relay.logged.join('');
  for (const secret of [alice.account, bob.account, send.sendId, send.messages[0]?.body ?? '', 'sig1', 'nonce'])
    expect(log).not.toContain(secret);
});
