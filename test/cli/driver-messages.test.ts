/**
 * Messages without sessions through the driver.
 *
 * @spec 15-driver-lab §9
 */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../protocol/bytes/bytes.ts';
import { ALICE, BOB, expectRefusal, type Json, newDriver, ok, twoDevices } from '../support/driver.ts';
import { GROUP_ID, KEY } from '../support/driver-samples.ts';

const { driver, alice, bob, pass } = twoDevices();
const identity = (secret: string): string => ok(driver, 'x25519.public', { private: secret }).public;
const prekey = pass(alice, bob).body;
const message = pass(bob, alice).body;
const { distribution } = ok(driver, 'group.create', { device: alice.device, distributionId: GROUP_ID });
const group = ok(driver, 'group.encrypt', { device: alice.device, distributionId: GROUP_ID, plaintext: 'cafe' }).body;

const parse = (type: string, body: string) => ok(driver, 'message.parse', { type, body });
const build = (type: string, fields: Json, authentication?: object): string =>
  ok(driver, 'message.build', { type, fields, ...(authentication === undefined ? {} : { authentication }) }).body;

describe('parsing and building', () => {
  test('[DRV-31] messages of sessions and groups come out as they went in', () => {
    const inner = parse('message', message);
    expect(inner.authenticated + inner.mac).toBe(message);
    expect(Object.keys(inner.fields).sort()).toEqual([
      'ciphertext',
      'counter',
      'pqRatchet',
      'previousCounter',
      'ratchetKey',
      'version',
    ]);
    expect(inner.fields).toMatchObject({ version: 4, counter: 0, previousCounter: 0 });
    expect(build('message', inner.fields, { mac: inner.mac })).toBe(message);
    const outer = parse('prekey', prekey);
    expect(outer.fields).toMatchObject({ version: 4, signedPreKeyId: 1, preKeyId: 2, kemPreKeyId: 3 });
    expect(build('prekey', outer.fields)).toBe(prekey);
    const first = parse('message', outer.fields.message);
    expect(first.fields.addresses).toHaveLength(72);
    expect(build('message', first.fields, { mac: first.mac })).toBe(outer.fields.message);
    const sealed = parse('sender-key', group);
    expect(sealed.fields).toMatchObject({ distributionId: GROUP_ID, iteration: 0 });
    expect(build('sender-key', sealed.fields, { signature: sealed.signature })).toBe(group);
    const keys = parse('distribution', distribution);
    expect(build('distribution', keys.fields)).toBe(distribution);
    const signed = { public: keys.fields.signingKey, message: sealed.authenticated, signature: sealed.signature };
    expect(ok(driver, 'xeddsa.verify', signed)).toEqual({ valid: true });
  });

  test('[DRV-31] a decryption error, bare and as it travels', () => {
    for (const fields of [
      { ratchetKey: identity(KEY), timestamp: 2 ** 53 - 1, deviceId: 7 },
      { timestamp: 0, deviceId: 2 ** 32 - 1 },
    ]) {
      const bare = build('decryption-error', fields);
      const whole = build('plaintext', fields);
      expect(parse('decryption-error', bare)).toEqual({ fields });
      expect(parse('plaintext', whole)).toEqual({ fields });
      expect(whole.startsWith('c042')).toBe(true);
      expect(whole.endsWith(`${bare}80`)).toBe(true);
    }
  });

  test('[DRV-31] payloads of the post-quantum ratchet, of every kind and of a later version', () => {
    const chunk = { index: 65_535, data: KEY };
    const kinds = ['none', 'header', 'ek', 'ekCt1Ack', 'ct1Ack', 'ct1', 'ct2'];
    for (const [type, kind] of kinds.entries()) {
      const carried = kind === 'none' || kind === 'ct1Ack' ? {} : { chunk };
      const fields = { epoch: 300, index: 2 ** 32 - 1, kind, ...carried };
      const body = build('spqr', fields);
      expect(body).toBe(`01ac02ffffffff0f0${type}${'chunk' in carried ? `ffff03${KEY}` : ''}`);
      expect(parse('spqr', body)).toEqual({ fields: { version: 1, ...fields } });
      expect(build('spqr', { version: 1, ...fields })).toBe(body);
      const other = 'chunk' in carried ? { ...fields, chunk: undefined } : { ...fields, chunk };
      const message = 'chunk' in carried ? 'missing-field [fields.chunk]' : 'not-of-this-kind [fields.chunk]';
      expectRefusal(driver, 'message.build', { type: 'spqr', fields: other }, 'InvalidArgument', message);
    }
    expect(parse('spqr', '020102ff')).toEqual({ fields: { version: 2, epoch: 1, index: 2 } });
  });

  test('[DRV-31] a MAC is made under the key and identities that are given', () => {
    const { fields } = parse('message', message);
    const [sender, receiver] = [identity(KEY), identity('11'.repeat(32))];
    const body = build('message', fields, { macKey: KEY, sender, receiver });
    const { authenticated, mac } = parse('message', body);
    const made = createHmac('sha256', fromHex(KEY))
      .update(fromHex(sender + receiver + authenticated))
      .digest('hex');
    expect(mac).toBe(made.slice(0, 16));
    expect(authenticated).toBe(message.slice(0, -16));
    const swapped = build('message', fields, { macKey: KEY, sender: receiver, receiver: sender });
    expect(swapped).not.toBe(body);
  });

  test('[DRV-31] a message that was built for a session is read by it, under the keys that the trace told', () => {
    const sent = (text: string) =>
      ok(driver, 'session.encrypt', { device: alice.device, remote: BOB, plaintext: text });
    const { body } = sent('cafe');
    const forged = parse('message', body);
    const refused = { device: bob.device, remote: ALICE, type: 'message' };
    const wrong = build('message', forged.fields, { mac: '00'.repeat(8) });
    expectRefusal(driver, 'session.decrypt', { ...refused, body: wrong }, 'InvalidMessage', 'decryption-failed');
    const again = build('message', forged.fields, { mac: forged.mac });
    expect(ok(driver, 'session.decrypt', { ...refused, body: again })).toEqual({ plaintext: 'cafe' });
  });

  test('[DRV-31] [DRV-17] a signature is made with the key and randomness that are given, or drawn', () => {
    const { fields } = parse('sender-key', group);
    const by = (more: object = {}) => build('sender-key', fields, { signingPrivate: KEY, ...more });
    const random = '00'.repeat(64);
    expect(by({ random })).toBe(by({ random }));
    expect(by()).not.toBe(by());
    for (const body of [by(), by({ random })]) {
      const { authenticated, signature } = parse('sender-key', body);
      const check = { public: identity(KEY), message: authenticated, signature };
      expect(ok(driver, 'xeddsa.verify', check)).toEqual({ valid: true });
    }
  });
});

describe('refusals', () => {
  const inner = parse('message', message);

  test.each([
    ['message', '', 'InvalidMessage', 'too-short [signalMessage]'],
    ['message', '24'.repeat(20), 'UnsupportedVersion', 'version-too-old [version]'],
    ['message', '54'.repeat(20), 'UnsupportedVersion', 'version-unrecognised [version]'],
    ['message', `44${'00'.repeat(8)}`, 'InvalidMessage', 'missing-field [counter]'],
    ['prekey', '', 'InvalidMessage', 'too-short [preKeySignalMessage]'],
    ['prekey', '44', 'InvalidMessage', 'missing-field [kemPreKeyId]'],
    ['sender-key', '33', 'InvalidMessage', 'too-short [senderKeyMessage]'],
    ['distribution', '23', 'UnsupportedVersion', 'version-too-old [version]'],
    ['decryption-error', '', 'InvalidMessage', 'missing-field [timestamp]'],
    ['plaintext', 'c0', 'InvalidMessage', 'too-short [plaintextContent]'],
    ['plaintext', 'c180', 'InvalidMessage', 'not-plaintext-content [plaintextContent]'],
    ['spqr', '', 'InvalidMessage', 'pq-varint-truncated [pqRatchet]'],
    ['spqr', '01000100', 'InvalidMessage', 'pq-epoch-zero [pqRatchet]'],
  ])('[DRV-31] %s %s: %s', (type, body, code, reason) => {
    expectRefusal(driver, 'message.parse', { type, body }, code, reason);
  });

  test('[DRV-06] [DRV-07] fields and authentication are those of the type', () => {
    const refuse = (args: object, message: string, code = 'InvalidArgument') =>
      expectRefusal(driver, 'message.build', args, code, message);
    const { fields } = inner;
    const mac = { mac: inner.mac };
    const with_ = (changed: object, authentication: object = mac) => ({
      type: 'message',
      fields: { ...fields, ...changed },
      authentication,
    });
    refuse({ type: 'letter', fields, authentication: mac }, 'not-one-of [type]');
    refuse({ fields }, 'missing-field [type]');
    refuse({ type: 'message', fields }, 'missing-field [authentication]');
    refuse(
      { type: 'prekey', fields: parse('prekey', prekey).fields, authentication: mac },
      'unknown-field [authentication]',
    );
    refuse(with_({ version: 5 }), 'not-in-range [fields.version]');
    refuse(with_({ counter: 2 ** 32 }), 'not-in-range [fields.counter]');
    refuse(with_({ ciphertext: 'AA' }), 'not-hex [fields.ciphertext]');
    refuse(with_({ more: 1 }), 'unknown-field [fields.more]');
    refuse(with_({ ratchetKey: '05' }), 'bad-length [fields.ratchetKey]', 'InvalidKey');
    refuse(with_({}, { mac: '00' }), 'bad-length [authentication.mac]');
    refuse(with_({}, {}), 'missing-field [authentication.macKey]');
    refuse(with_({}, { macKey: KEY, sender: identity(KEY) }), 'missing-field [authentication.receiver]');
    refuse(with_({}, { ...mac, macKey: KEY }), 'not-together [authentication.macKey]');
    const other = { macKey: KEY, sender: identity(KEY), receiver: '05' };
    refuse(with_({}, other), 'bad-length [authentication.receiver]', 'InvalidKey');
    const sealed = parse('sender-key', group);
    const signed = { type: 'sender-key', fields: sealed.fields };
    const { signature } = sealed;
    refuse(
      { ...signed, authentication: { signature, random: '00'.repeat(64) } },
      'not-together [authentication.random]',
    );
    refuse({ ...signed, authentication: {} }, 'missing-field [authentication.signingPrivate]');
    refuse(
      { ...signed, authentication: { signingPrivate: '00' } },
      'bad-length [authentication.signingPrivate]',
      'InvalidKey',
    );
    const bad = { ...signed, fields: { ...sealed.fields, distributionId: 'x' }, authentication: { signature } };
    refuse(bad, 'not-a-uuid [fields.distributionId]');
    expect(ok(newDriver(), 'message.build', { ...signed, authentication: { signature } }).body).toBe(group);
  });
});
