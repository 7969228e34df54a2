/** Fan-out, mailboxes, acknowledgements. */
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../protocol/bytes/bytes.ts';
import { fromBase64Url, toBase64Url } from '../../protocol/codec/base64.ts';
import type { EnvelopeBody, SendBody } from '../../protocol/codec/relay-api.ts';
import {
  type Answer,
  call,
  createAccount,
  createDevice,
  message,
  putDevices,
  putKeys,
  register,
  sendTo,
  type TestAccount,
  type TestDevice,
} from '../support/relay-fixtures.ts';
import { count, dump, type ExpectedRefusal, expectRefusal, type TestRelay, testRelay } from '../support/test-relay.ts';

let relay: TestRelay;
let alice: TestAccount;
let bob: TestAccount;
let laptop: TestDevice;
let tablet: TestDevice;

beforeEach(async () => {
  relay = testRelay();
  alice = createAccount();
  bob = createAccount();
  laptop = createDevice(bob.account, 2, 202);
  tablet = createDevice(bob.account, 3, 303);
  await register(relay, alice);
  await register(relay, bob);
  await putDevices(relay, bob, [bob.primary, laptop, tablet]);
  await putKeys(relay, laptop);
  await putKeys(relay, tablet);
});

afterEach(() => relay.close());

function send(body: SendBody, from = alice.primary, to = bob.account): Promise<Answer> {
  return call(relay, from, 'PUT', `/v1/messages/${to}`, body);
}

async function mailbox(device: TestDevice, query = ''): Promise<EnvelopeBody[]> {
  const answer = await call(relay, device, 'GET', `/v1/mailbox${query}`);
  expect(answer.status).toBe(200);
  return answer.json.envelopes;
}

function ack(device: TestDevice, seq: number): Promise<Answer> {
  return call(relay, device, 'POST', '/v1/mailbox/ack', { seq });
}

const all = () => [bob.primary, laptop, tablet];

describe('fan-out', () => {
  it('[RLY-18] stores one envelope a device, with its source, under UUIDv7 names', async () => {
    expect((await send(sendTo(all(), 'hello'))).json).toEqual({ accepted: 3 });
    const guids = new Set<string>();
    for (const device of all()) {
      const [envelope, ...rest] = await mailbox(device);
      expect(rest).toEqual([]);
      expect(envelope).toMatchObject({
        seq: 1,
        sourceAccount: alice.account,
        sourceDevice: 1,
        type: 'message',
        timestamp: 5,
        serverTime: relay.now(),
      });
      expect(fromUtf8(fromBase64Url(envelope?.body ?? ''), 'body')).toBe('hello');
      expect(envelope?.guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(envelope?.guid.replace('-', '').slice(0, 12) ?? '', 16)).toBe(relay.now());
      guids.add(envelope?.guid ?? '');
    }
    expect(guids.size).toBe(3);
  });

  const stranger = (id: number) => createDevice(bob.account, id, 9);
  const other = (device: TestDevice) => ({ ...device, registrationId: device.registrationId + 1 });
  type Case = [string, () => TestDevice[], Omit<ExpectedRefusal, 'code'> & { code?: string }];
  const mismatch = (missing: number[], extra: number[]) => ({
    status: 409,
    reason: 'device-mismatch',
    lists: { missing, extra },
  });
  const stale = (...ids: number[]) => ({ status: 410, reason: 'stale-device', lists: { stale: ids } });
  const CASES: Case[] = [
    ['a missing device', () => [bob.primary, tablet], mismatch([2], [])],
    ['no device', () => [], mismatch([1, 2, 3], [])],
    ['an extra device', () => [...all(), stranger(9)], mismatch([], [9])],
    ['missing and extra devices', () => [stranger(127), laptop, stranger(4)], mismatch([1, 3], [4, 127])],
    ['a stale device', () => [bob.primary, other(laptop), tablet], stale(2)],
    ['stale devices in any order', () => [other(tablet), other(laptop), bob.primary], stale(2, 3)],
    ['a stale, a missing and an extra device: stale wins', () => [other(laptop), stranger(9)], stale(2)],
    [
      'a device twice',
      () => [bob.primary, laptop, laptop, tablet],
      { status: 422, code: 'InvalidArgument', reason: 'duplicate-device' },
    ],
    [
      'a device twice, once stale',
      () => [bob.primary, laptop, other(laptop), tablet],
      { status: 422, code: 'InvalidArgument', reason: 'duplicate-device' },
    ],
  ];
  it.each(CASES)('[REL-09] [RLY-18] refuses a list with %s, and stores nothing', async (_name, devices, expected) => {
    await expectRefusal(relay, { code: 'InvalidState', ...expected }, () => send(sendTo(devices())));
  });

  it('[REL-09] [RLY-18] own devices get a copy, the sending one does not', async () => {
    expect((await send(sendTo([laptop, tablet]), bob.primary)).json).toEqual({ accepted: 2 });
    await expectRefusal(
      relay,
      { status: 409, code: 'InvalidState', reason: 'device-mismatch', lists: { missing: [], extra: [1] } },
      () => send(sendTo(all()), bob.primary),
    );
    expect(await mailbox(bob.primary)).toEqual([]);
    expect((await send(sendTo([]), alice.primary, alice.account)).json).toEqual({ accepted: 0 });
  });

  it('[RLY-18] 404 where there is no such account', async () => {
    const nobody = createAccount();
    await expectRefusal(relay, { status: 404, code: 'InvalidArgument', reason: 'no-such-account' }, () =>
      send(sendTo([nobody.primary]), alice.primary, nobody.account),
    );
  });
});

describe('send ids', () => {
  it('[REL-24] [RLY-20] a send whose answer was lost is one envelope, before and after it was fetched', async () => {
    const body = sendTo(all());
    expect((await send(body)).json).toEqual({ accepted: 3 });
    const stored = dump(relay.database, ['nonce']);
    expect((await send(body)).json).toEqual({ accepted: 3 });
    expect(dump(relay.database, ['nonce'])).toBe(stored);
    expect(await mailbox(laptop)).toHaveLength(1);
    expect((await ack(laptop, 1)).status).toBe(204);
    await putDevices(relay, bob, [bob.primary, laptop]);
    expect((await send(body)).json).toEqual({ accepted: 3 });
    expect(await mailbox(laptop)).toEqual([]);
  });

  it('[RLY-18] a partial send may leave devices out, and may not name a wrong one', async () => {
    const [first, second] = all() as [TestDevice, TestDevice];
    expect((await send({ ...sendTo([first]), partial: true })).json).toEqual({ accepted: 1 });
    expect((await mailbox(first)).length).toBe(1);
    expect((await mailbox(second)).length).toBe(0);
    const nobody = { ...first, deviceId: 99 };
    const lists = { missing: [], extra: [99] };
    const wrong = { status: 409, code: 'InvalidState', reason: 'device-mismatch', lists };
    await expectRefusal(relay, wrong, () => send({ ...sendTo([nobody]), partial: true }));
    const renewed = { ...first, registrationId: first.registrationId + 1 };
    const gone = { status: 410, code: 'InvalidState', reason: 'stale-device', lists: { stale: [1] } };
    await expectRefusal(relay, gone, () => send({ ...sendTo([renewed]), partial: true }));
  });

  it('[REL-24] [RLY-20] refuses another request under the same send id', async () => {
    const body = sendTo(all());
    await send(body);
    const [first, ...rest] = body.messages;
    if (first === undefined) throw new Error('no message');
    const changes: SendBody[] = [
      { ...body, messages: [{ ...first, body: toBase64Url(Uint8Array.of(1)) }, ...rest] },
      { ...body, messages: [{ ...first, type: 'prekey' }, ...rest] },
      { ...body, messages: [{ ...first, registrationId: 1 }, ...rest] },
      { ...body, messages: rest },
      { ...body, timestamp: 6 },
      { ...body, partial: true },
    ];
    const expected = { status: 409, code: 'InvalidState', reason: 'send-id-reused' };
    for (const change of changes) await expectRefusal(relay, expected, () => send(change));
    await expectRefusal(relay, expected, () =>
      send({ ...body, messages: [message(alice.primary)] }, alice.primary, alice.account),
    );
    expect((await send(sendTo([laptop, tablet]), bob.primary)).status).toBe(200);
    expect((await send({ ...sendTo([laptop, tablet]), sendId: body.sendId }, bob.primary)).status).toBe(200);
  });

  it('[REL-24] [RLY-20] a refused send leaves its id free', async () => {
    const body = sendTo([bob.primary]);
    expect((await send(body)).status).toBe(409);
    expect((await send({ ...body, messages: all().map((device) => message(device)) })).status).toBe(200);
  });
});

describe('limits', () => {
  it.each([
    ['messages', 'queue_count = 10000', 'queue_count = 9999'],
    ['bytes', 'queue_bytes = 67108861', 'queue_bytes = 67108860'],
  ])('[RLY-19] refuses mail for a device whose mailbox is full of %s, whole', async (_name, full, room) => {
    const writer = new DatabaseSync(relay.database);
    writer.exec(`UPDATE device SET ${full} WHERE device_id = 3`);
    await expectRefusal(relay, { status: 429, code: 'NotAllowed', reason: 'mailbox-full' }, () =>
      send(sendTo(all(), 'four')),
    );
    writer.exec(`UPDATE device SET ${room} WHERE device_id = 3`);
    writer.close();
    expect((await send(sendTo(all(), 'four'))).status).toBe(200);
  });

  it('[RLY-22] forgets messages after 30 days, send ids after 48 hours, in small transactions', async () => {
    const body = sendTo(all());
    await send(body);
    relay.pass(48 * 3_600_000 + 1);
    expect(await relay.store.expire(relay.now())).toBe(false);
    expect(count(relay.database, 'SELECT count(*) FROM sent')).toBe(0);
    expect(count(relay.database, 'SELECT count(*) FROM nonce')).toBe(0);
    expect(await mailbox(tablet)).toHaveLength(1);
    relay.pass(28 * 86_400_000 - 2);
    await relay.store.expire(relay.now());
    expect(count(relay.database, 'SELECT count(*) FROM env')).toBe(3);
    relay.pass(3);
    await relay.store.expire(relay.now());
    expect(count(relay.database, 'SELECT count(*) FROM env')).toBe(0);
    expect(count(relay.database, 'SELECT sum(queue_count) + sum(queue_bytes) FROM device')).toBe(0);
    expect((await send(sendTo(all()))).status).toBe(200);
    expect((await mailbox(tablet)).map((envelope) => envelope.seq)).toEqual([2]);
    expect((await ack(tablet, 1)).status).toBe(204);
  });
});

describe('mailbox', () => {
  it('[RLY-21] pages in order, up to the limit and up to 1 MiB', async () => {
    for (let i = 0; i < 14; i++) await send(sendTo(all(), `${i}`.padEnd(90_000, '.')));
    const first = await call(relay, laptop, 'GET', '/v1/mailbox');
    expect(first.json.envelopes.map((envelope: EnvelopeBody) => envelope.seq)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
    expect(first.json.more).toBe(true);
    const rest = await call(relay, laptop, 'GET', '/v1/mailbox?after=11');
    expect([rest.json.envelopes.map((envelope: EnvelopeBody) => envelope.seq), rest.json.more]).toEqual([
      [12, 13, 14],
      false,
    ]);
    const two = await call(relay, laptop, 'GET', '/v1/mailbox?after=3&limit=2');
    expect([two.json.envelopes.map((envelope: EnvelopeBody) => envelope.seq), two.json.more]).toEqual([[4, 5], true]);
  });

  it('[REL-11] [RLY-21] acknowledging is cumulative, may be repeated and come late', async () => {
    for (let i = 0; i < 5; i++) await send(sendTo(all()));
    expect((await ack(laptop, 3)).status).toBe(204);
    const after = dump(relay.database, ['nonce']);
    for (const seq of [3, 1, 2]) expect((await ack(laptop, seq)).status).toBe(204);
    expect(dump(relay.database, ['nonce'])).toBe(after);
    expect((await mailbox(laptop)).map((envelope) => envelope.seq)).toEqual([4, 5]);
    expect((await ack(laptop, 5)).status).toBe(204);
    expect(count(relay.database, 'SELECT queue_count + queue_bytes FROM device WHERE device_id = 2')).toBe(0);
    expect(count(relay.database, 'SELECT acked_seq FROM device WHERE device_id = 2')).toBe(5);
    await send(sendTo(all()));
    expect((await mailbox(laptop)).map((envelope) => envelope.seq)).toEqual([6]);
  });

  it("[REL-11] [RLY-21] refuses what was never issued, and never reaches another's mailbox", async () => {
    await send(sendTo(all()));
    const expected = { status: 404, code: 'InvalidArgument', reason: 'no-such-envelope' };
    for (const seq of [2, 1000, Number.MAX_SAFE_INTEGER]) await expectRefusal(relay, expected, () => ack(laptop, seq));
    await expectRefusal(relay, expected, () => ack(alice.primary, 1));
    expect((await ack(laptop, 1)).status).toBe(204);
    expect(await mailbox(bob.primary)).toHaveLength(1);
    expect(await mailbox(tablet)).toHaveLength(1);
    expect(await mailbox(laptop)).toEqual([]);
    const [mine] = await mailbox(tablet);
    const guess = await call(relay, alice.primary, 'DELETE', `/v1/mailbox/${mine?.guid}`);
    expect(guess.status).toBe(404);
  });
});
