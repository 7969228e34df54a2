/**
 * Floods: forged messages, junk, and sessions begun without end.
 *
 * @spec 07-devices §8
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { encodeContent } from '../../client/content.ts';
import { HOUR, MINUTE } from '../../client/limits.ts';
import { getSelf, type Self } from '../../client/records/self.ts';
import { environment } from '../../client/records/sessions.ts';
import type { Envelope } from '../../client/relay/transport.ts';
import { takeToken } from '../../client/token-bucket.ts';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { MAX_ARCHIVED_STATES } from '../../protocol/limits.ts';
import { encryptMessage, processBundle } from '../../protocol/session/session.ts';
import { envelopeFor, expectEnvelopeRefused, read, type Seat, textOf, World } from '../support/devices.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The same envelope with its last byte, hence its MAC, changed by `mask`. */
function forged(envelope: Envelope, mask: number, at = 1): Envelope {
  const { body } = envelope;
  return { ...envelope, body: body.with(body.length - at, (body[body.length - at] as number) ^ mask) };
}

describe('forged messages', () => {
  test('[RAT-13] [DEV-22] no forged tag is accepted, and the application hears of it once an hour for each peer', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const envelope = await envelopeFor(world, alice, bob, 'genuine');
    const before = await bob.store.snapshot();
    const forgeries: Envelope[] = [];
    for (let at = 1; at <= 8; at++) {
      for (let bit = 0; bit < 8; bit++) forgeries.push(forged(envelope, 1 << bit, at));
      forgeries.push(forged(envelope, 0xff, at), { ...envelope, body: envelope.body.slice(0, -at) });
    }
    for (let i = 0; i < 4096; i++) {
      const tag = systemRandom(8);
      forgeries.push({ ...envelope, body: Uint8Array.of(...envelope.body.subarray(0, -8), ...tag) });
    }
    const receipts: string[] = [];
    for (const forgery of forgeries) receipts.push((await bob.device.receive(forgery)).status);
    expect(new Set(receipts)).toEqual(new Set(['refused']));
    expect(await bob.store.snapshot()).toEqual(before);
    const alerts = () => bob.events.filter(({ type }) => type === 'decryptFailureAlert');
    const peer = `${alice.device.account}.1`;
    expect(alerts()).toEqual([{ type: 'decryptFailureAlert', peer, count: 100 }]);
    world.clock.advance(HOUR);
    for (let i = 0; i < 99; i++) await bob.device.receive(forged(envelope, 1));
    expect(alerts()).toHaveLength(1);
    await bob.device.receive(forged(envelope, 1));
    expect(alerts()).toHaveLength(2);
    reportCount('RAT-13', 'forged tags at a device', forgeries.length);
    expect((await bob.device.receive(envelope)).status).toBe('delivered');
  });

  test('[DEV-22] fewer failures than that, and duplicates, alarm nobody', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const envelope = await envelopeFor(world, alice, bob, 'genuine');
    for (let i = 0; i < 99; i++) await bob.device.receive(forged(envelope, 1));
    for (let i = 0; i < 300; i++) await bob.device.receive(envelope);
    expect(bob.events.filter(({ type }) => type === 'decryptFailureAlert')).toEqual([]);
    expect(await bob.device.status()).toMatchObject({ refused: 99, duplicates: 299 });
  });

  test('[DEV-22] [RAT-13] junk with a used counter is a duplicate that proves nothing: no count is reset, the store stays', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const used = await envelopeFor(world, alice, bob, 'read');
    expect((await bob.device.receive(used)).status).toBe('delivered');
    const genuine = await envelopeFor(world, alice, bob, 'not yet read');
    const before = await bob.store.snapshot();
    const alerts = () => bob.events.filter(({ type }) => type === 'decryptFailureAlert');
    const junk = forged(used, 0xff);
    for (let i = 0; i < 99; i++) await bob.device.receive(forged(genuine, 1));
    expect(await bob.device.receive(junk)).toEqual({ status: 'duplicate' });
    expect(alerts()).toEqual([]);
    await bob.device.receive(forged(genuine, 1));
    const peer = `${alice.device.account}.1`;
    expect(alerts()).toEqual([{ type: 'decryptFailureAlert', peer, count: 101 }]);
    world.clock.advance(HOUR);
    for (let i = 0; i < 999; i++) await bob.device.receive(junk);
    expect(alerts()).toHaveLength(1);
    for (let i = 0; i < 2; i++) await bob.device.receive(junk);
    expect(alerts().slice(1)).toEqual([{ type: 'decryptFailureAlert', peer, count: 1000 }]);
    expect(await bob.store.snapshot()).toEqual(before);
    expect((await bob.device.receive(genuine)).status).toBe('delivered');
  });

  test('[DEV-22] junk that is a duplicate is acknowledged as refused junk is', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await alice.device.send(bob.device.account, 'read');
    const box = world.relay.box(bob.device.account, 1);
    const [used] = box.envelopes as [Envelope];
    await bob.device.poll();
    const cut = { ...used, body: used.body.slice(0, -1) };
    box.envelopes.push({ ...forged(used, 0xff), seq: used.seq + 1 }, { ...cut, seq: used.seq + 2 });
    expect((await bob.device.poll()).map(({ status }) => status)).toEqual(['duplicate', 'refused']);
    expect(world.relay.waiting(bob.device.account, 1)).toEqual([]);
  });

  test('[DOS-04] [DEV-21] a storm of bad tags for two hours: one line a minute, flat memory', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const envelope = forged(await envelopeFor(world, alice, bob, 'genuine'), 1);
    const count = scaled(6_000, 168_000);
    const step = (2 * HOUR) / count;
    let settled = 0;
    for (let i = 0; i < count; i++) {
      await bob.device.receive(envelope);
      world.clock.advance(step);
      if (i !== Math.floor(count / 4)) continue;
      collectGarbage();
      settled = process.memoryUsage().heapUsed;
    }
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - settled;
    expect(grown).toBeLessThan(4 * 1024 * 1024);
    expect(bob.log.length).toBeLessThanOrEqual(121);
    expect(bob.log.length).toBeGreaterThan(100);
    expect(bob.log.every((line) => /^\d+ envelopes refused: InvalidMessage\/decryption-failed \d+$/.test(line))).toBe(
      true,
    );
    const counted = bob.log.reduce((sum, line) => sum + Number.parseInt(line, 10), 0);
    expect(counted).toBeGreaterThan(count * 0.98);
    expect(bob.log.join()).not.toContain(alice.device.account);
    reportCount('DOS-04', 'bad tags in two hours', count);
  });

  test('[DEV-21] peers and reasons are counted in bounded memory', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const envelope = await envelopeFor(world, alice, bob, 'genuine');
    for (let i = 0; i < 1500; i++) {
      const hex = i.toString(16).padStart(12, '0');
      await bob.device.receive({ ...envelope, sourceAccount: `00000000-0000-4000-8000-${hex}` });
    }
    world.clock.advance(MINUTE);
    await bob.device.receive({ ...envelope, sourceDevice: 500 });
    expect(bob.log.at(-1)).toMatch(
      /^1500 envelopes refused: NoSession\/no-session 1499, InvalidMessage\/bad-device-id 1$/,
    );
    const alerts = bob.events.filter(({ type }) => type === 'decryptFailureAlert');
    expect(alerts).toEqual([{ type: 'decryptFailureAlert', peer: 'others', count: 100 }]);
  });
});

/** First messages of one certified device, each with a base key of its own, on one bundle. */
function* firstMessages(from: Seat, to: Seat, self: Self, bundle: PreKeyBundle): Generator<Uint8Array> {
  const remote = { name: to.device.account, deviceId: to.device.deviceId };
  const policy = { suites: ['PQXDH_X25519_SHA-256_ML-KEM-1024'], pqRatchet: 'required' } as const;
  const around = { ...from.options, ...policy, emit: () => undefined };
  const env = { ...environment({ ...around, limits: {} as never }, self, remote, null), isTrusted: () => true };
  const content = { kind: 'text', body: utf8('clog'), sentAt: 1, sentTo: null } as const;
  for (;;) {
    const { record } = processBundle(env, null, bundle);
    yield encryptMessage(env, record, encodeContent({ ...content, messageId: systemRandom(16) })).body;
  }
}

describe('sessions begun without end', () => {
  test('[DOS-03] [DEV-23] a flood of first messages begins a few sessions and evicts none that is established', async () => {
    const world = new World();
    world.limits = { ...world.limits, oneTimeBatch: 0 };
    const [alice, bob] = await world.acquainted();
    const late = await envelopeFor(world, alice, bob, 'on the established session');
    const self = await alice.store.transaction((tx) => getSelf(tx, nodeProvider));
    const credentials = {
      ...alice.options,
      account: alice.device.account,
      deviceId: 1,
      authKey: self?.authKey as never,
    };
    const bundle = await world.relay.connector(credentials).takeBundle(bob.device.account, 1);
    const bodies = firstMessages(alice, bob, self as Self, bundle as PreKeyBundle);
    const count = scaled(400, 10_000);
    const flood = () => ({ ...late, type: 'prekey', body: bodies.next().value as Uint8Array }) as const;
    const statuses: string[] = [];
    for (let i = 0; i < count; i++) statuses.push((await bob.device.receive(flood())).status);
    // One token went with the session that is established.
    expect(statuses.filter((status) => status === 'delivered')).toHaveLength(9);
    const peer = `${alice.device.account}.1`;
    expect((await bob.device.status()).sessions[peer]?.archived).toBeLessThan(MAX_ARCHIVED_STATES);
    expect(bob.events).toContainEqual({ type: 'sessionRateLimited', peer });
    await expectEnvelopeRefused(bob, flood(), { code: 'NotAllowed', reason: 'session-rate-limited' });
    expect((await bob.device.receive(late)).status).toBe('delivered');
    expect((await bob.device.inbox()).map(textOf)).toContain('on the established session');
    world.clock.advance(HOUR);
    expect((await bob.device.receive(flood())).status).toBe('delivered');
    expect((await bob.device.receive(flood())).status).toBe('refused');
    const carol = await world.primary('carol');
    await carol.device.send(bob.device.account, 'another peer');
    expect((await read(bob)).at(-1)).toBe('another peer');
    reportCount('DOS-03', 'first messages of one device', count);
  });

  test('[DEV-23] what is refused for another reason takes no token', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const envelope = await envelopeFor(world, alice, bob, 'first');
    for (let i = 0; i < 50; i++) expect((await bob.device.receive(forged(envelope, 1))).status).toBe('refused');
    expect((await bob.device.receive(envelope)).status).toBe('delivered');
  });

  test('[DEV-23] a bucket refills by the clock, not beyond its size, and a clock set back refills nothing', () => {
    const at = 1_000_000;
    let bucket = takeToken(null, at, 2, 100);
    expect(bucket).toEqual({ tokens: 1, at });
    bucket = takeToken(bucket, at + 50, 2, 100);
    expect(takeToken(bucket, at + 99, 2, 100)).toBeNull();
    expect(takeToken(bucket, at - 1_000, 2, 100)).toBeNull();
    expect(takeToken(bucket, at + 100, 2, 100)).toEqual({ tokens: 0, at: at + 100 });
    expect(takeToken(bucket, at + 10_000, 2, 100)).toEqual({ tokens: 1, at: at + 10_000 });
  });
});
