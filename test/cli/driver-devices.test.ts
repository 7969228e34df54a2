/**
 * Devices of a driver: bundles, trust, saving, replay.
 *
 * @spec 11-driver §4, §5
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { concat, fromHex, toHex } from '../../protocol/bytes/bytes.ts';
import {
  ALICE,
  answerTo,
  BOB,
  CAROL,
  expectRefusal,
  type Json,
  newDriver,
  ok,
  request,
  stateOf,
  twoDevices,
} from '../support/driver.ts';
import { KYBER, PQXDH, X3DH } from '../support/peers.ts';

const SEED = '5e'.repeat(32);
const KEY = '77'.repeat(32);

describe('creation and bundles', () => {
  test('[DRV-10] without suites a device speaks libsignal’s, with the post-quantum ratchet required', () => {
    const { driver, alice, bob, pass } = twoDevices();
    pass(alice, bob);
    pass(bob, alice);
    const info = ok(driver, 'session.info', { device: alice.device, remote: BOB });
    expect(info).toEqual({
      ...{ suite: KYBER, version: 4, ratchet: 'triple', pq: 'on', pqEpoch: 0, pqMayFallBack: false },
      ...{ unacknowledged: false, archived: 0, usable: true },
    });
  });

  test('[DRV-10] [DRV-04] what a device is given it has, what it is not it draws', () => {
    const driver = newDriver();
    const given = ok(driver, 'device.create', { local: BOB, identityPrivate: KEY, registrationId: 4711 });
    const identityPublic = ok(driver, 'x25519.public', { private: KEY }).public;
    expect(given).toEqual({ device: 'device-1', identityPublic, registrationId: 4711 });
    const drawn = [1, 2, 3].map(() => ok(driver, 'device.create', { local: BOB }));
    expect(new Set(drawn.map((device) => device.device)).size).toBe(3);
    expect(new Set(drawn.map((device) => device.identityPublic)).size).toBe(3);
    for (const { registrationId } of drawn) {
      expect(registrationId).toBeGreaterThanOrEqual(1);
      expect(registrationId).toBeLessThanOrEqual(0x3fff);
    }
    const bad = { local: BOB, identityPrivate: '00' };
    expectRefusal(driver, 'device.create', bad, 'InvalidKey', 'bad-length [identityPrivate]');
  });

  test.each([
    [[X3DH], null],
    [[KYBER], '08'],
    [[PQXDH], '0a'],
    [[X3DH, PQXDH, KYBER], '0a'],
    [[KYBER, PQXDH], '08'],
  ])('[DRV-18] with %j the KEM prekey is of the first suite that has one', (suites, type) => {
    const driver = newDriver();
    const { device } = ok(driver, 'device.create', { local: BOB, suites });
    const ids: number[] = [];
    for (const oneTime of [true, false, undefined]) {
      const { bundle } = ok(driver, 'device.bundle', { device, oneTime });
      expect(bundle.kemPreKey?.slice(0, 2) ?? null).toBe(type);
      expect('kemPreKeyId' in bundle).toBe(type !== null);
      expect('preKey' in bundle).toBe(oneTime !== false);
      const own = [bundle.signedPreKeyId, bundle.preKeyId, bundle.kemPreKeyId];
      ids.push(...own.filter((id) => id !== undefined));
      const signed = { public: bundle.identity, message: bundle.signedPreKey, signature: bundle.signedPreKeySignature };
      expect(ok(driver, 'xeddsa.verify', signed).valid).toBe(true);
    }
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('[DRV-11] one-time prekeys serve once, a last resort more than once, and no handshake twice', () => {
    const { driver, alice, bob, bundle, send } = twoDevices();
    const { device: carol } = ok(driver, 'device.create', { local: CAROL });
    const start = (offered: Json) => {
      ok(driver, 'session.process', { device: carol, remote: BOB, bundle: offered });
      const sealed = ok(driver, 'session.encrypt', { device: carol, remote: BOB, plaintext: '01' });
      return { device: bob.device, remote: CAROL, ...sealed };
    };
    const first = send(alice, bob, '00');
    const late = start(bundle);
    ok(driver, 'session.decrypt', { device: bob.device, remote: ALICE, ...first });
    expectRefusal(driver, 'session.decrypt', late, 'InvalidMessage', 'unknown-prekey [kemPreKeyId]');
    const lasting = ok(driver, 'device.bundle', { device: bob.device, oneTime: false }).bundle;
    const [one, two] = [start(lasting), start(lasting)];
    const { state } = ok(driver, 'device.save', { device: bob.device });
    ok(driver, 'session.decrypt', one);
    ok(driver, 'session.decrypt', two);
    expectRefusal(driver, 'session.decrypt', one, 'DuplicateMessage', 'message-key-used [counter]');
    // The handshake is remembered even where the session is not: 41 sessions later the first is gone.
    for (let i = 0; i < 41; i++) ok(driver, 'session.decrypt', start(lasting));
    expectRefusal(driver, 'session.decrypt', one, 'DuplicateMessage', 'base-key-reused [baseKey]');
    const { device } = ok(driver, 'device.load', { state });
    expect(ok(driver, 'session.decrypt', { ...one, device })).toEqual({ plaintext: '01' });
  });

  test('[DRV-12] the identity seen first is the one for its address, in either direction', () => {
    const { driver, alice, bob, pass, send } = twoDevices();
    pass(alice, bob);
    const impostor: string = ok(driver, 'device.create', { local: ALICE }).device;
    const { bundle } = ok(driver, 'device.bundle', { device: bob.device });
    ok(driver, 'session.process', { device: impostor, remote: BOB, bundle });
    const sealed = ok(driver, 'session.encrypt', { device: impostor, remote: BOB, plaintext: '00' });
    const args = { device: bob.device, remote: ALICE, ...sealed };
    expectRefusal(driver, 'session.decrypt', args, 'UntrustedIdentity', 'untrusted-identity');
    const theirs = ok(driver, 'device.bundle', { device: impostor }).bundle;
    const process = { device: bob.device, remote: ALICE, bundle: theirs };
    expectRefusal(driver, 'session.process', process, 'UntrustedIdentity', 'untrusted-identity');
    expect(ok(driver, 'session.decrypt', { ...args, ...send(alice, bob, 'aa') })).toEqual({ plaintext: 'aa' });
  });
});

describe('saved states', () => {
  /** A driver whose devices hold something of everything. */
  function lived(options: object = {}) {
    const scene = twoDevices(options);
    const { driver, alice, bob, pass } = scene;
    pass(alice, bob);
    for (let i = 0; i < 30; i++) {
      pass(bob, alice);
      pass(alice, bob);
    }
    for (let i = 0; i < 3; i++) scene.send(alice, bob, '00');
    pass(alice, bob);
    ok(driver, 'session.archive', { device: bob.device, remote: ALICE });
    const { bundle } = ok(driver, 'device.bundle', { device: bob.device, oneTime: false });
    ok(driver, 'session.process', { device: alice.device, remote: BOB, bundle });
    const distributionId = '2B1C6D3E-8f40-4a5b-9c7d-0e1f2a3b4c5d';
    const { distribution } = ok(driver, 'group.create', { device: alice.device, distributionId });
    ok(driver, 'group.process', { device: bob.device, sender: ALICE, distribution });
    return { ...scene, distributionId };
  }

  test('[DRV-19] loading restores a device exactly, and leaves the one that was saved alone', () => {
    const { driver, alice, bob, send, distributionId } = lived({ seed: SEED });
    for (const { device } of [alice, bob]) {
      const { state } = ok(driver, 'device.save', { device });
      const loaded: string = ok(driver, 'device.load', { state }).device;
      expect(loaded).not.toBe(device);
      expect(ok(driver, 'device.save', { device: loaded })).toEqual({ state });
      const twice: string = ok(driver, 'device.load', { state }).device;
      const asked = (name: string) => [
        ok(driver, 'device.bundle', { device: name }),
        ok(driver, 'device.save', { device: name }),
      ];
      expect(asked(loaded)).toEqual(asked(twice));
      expect(ok(driver, 'device.save', { device })).toEqual({ state });
      expect(asked(device)).toEqual([expect.anything(), ok(driver, 'device.save', { device: loaded })]);
    }
    const sealed = send(alice, bob, 'beef');
    const { state } = ok(driver, 'device.save', { device: bob.device });
    const group = ok(driver, 'group.encrypt', { device: alice.device, distributionId, plaintext: 'feed' });
    for (let copy = 0; copy < 3; copy++) {
      const { device } = ok(driver, 'device.load', { state });
      expect(ok(driver, 'session.decrypt', { device, remote: ALICE, ...sealed })).toEqual({ plaintext: 'beef' });
      expect(ok(driver, 'group.decrypt', { device, sender: ALICE, body: group.body })).toEqual({ plaintext: 'feed' });
    }
  });

  test('[DRV-14] a state that is damaged, cut, longer or of another layout is refused whole', () => {
    const { driver, alice } = lived();
    const { state } = ok(driver, 'device.save', { device: alice.device });
    const refuse = (text: string, reason: string) =>
      expectRefusal(driver, 'device.load', { state: text }, 'InvalidArgument', `${reason} [state]`);
    const bytes = fromHex(state);
    for (let at = 0; at < bytes.length; at += at < 40 ? 1 : 97) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] as number) ^ 1;
      refuse(toHex(flipped), at === 2 ? 'state-version' : 'state-damaged');
      refuse(toHex(bytes.subarray(0, at)), at === 2 ? 'state-version' : 'state-damaged');
    }
    refuse(`${state}00`, 'state-damaged');
  });

  test('[DRV-14] [DRV-03] nor does one pass whose checksum is right', () => {
    const { driver, alice } = lived({ seed: SEED });
    const bytes = fromHex(ok(driver, 'device.save', { device: alice.device }).state);
    const body = bytes.slice(35);
    const seal = (content: Uint8Array) =>
      toHex(concat(bytes.subarray(0, 3), createHash('sha256').update(content).digest(), content));
    expect(ok(driver, 'device.load', { state: seal(body) }).device).toMatch(/^device-/);
    for (const content of [concat(body, Uint8Array.of(0)), concat(Uint8Array.of(0), body)]) {
      const args = { state: seal(content) };
      expectRefusal(driver, 'device.load', args, 'InvalidArgument', 'state-damaged [state]');
    }
    let refused = 0;
    for (let at = 0; at < body.length; at += at < 250 ? 1 : 61) {
      const changed = body.slice();
      changed[at] = (changed[at] as number) ^ 0x80;
      for (const content of [changed, body.subarray(0, at)]) {
        const { ok: loaded, error } = answerTo(driver, request('device.load', { state: seal(content) }));
        // What cannot be told from another good state is one: it saves as it was loaded, keys clamped.
        if (loaded === undefined) expect(error).toEqual({ code: 'InvalidArgument', message: 'state-damaged [state]' });
        else ok(driver, 'device.save', { device: loaded.device });
        if (loaded === undefined) refused++;
      }
    }
    expect(refused).toBeGreaterThan(300);
  });
});

describe('seeds', () => {
  /** A dialogue, as text. */
  function dialogue(seeds: readonly [string, string]): string {
    const driver = newDriver();
    const lines: string[] = [];
    const ask = (op: string, args: object): Json => {
      const answer = ok(driver, op, args);
      lines.push(JSON.stringify(answer));
      return answer;
    };
    const alice: string = ask('device.create', { local: ALICE, seed: seeds[0] }).device;
    const bob: string = ask('device.create', { local: BOB, seed: seeds[1] }).device;
    const { bundle } = ask('device.bundle', { device: bob });
    ask('session.process', { device: alice, remote: BOB, bundle });
    for (let i = 0; i < 50; i++) {
      const [from, to, local, remote] = i % 2 === 0 ? [alice, bob, ALICE, BOB] : [bob, alice, BOB, ALICE];
      const sealed = ask('session.encrypt', { device: from, remote, plaintext: 'cafe' });
      ask('session.decrypt', { device: to, remote: local, ...sealed });
    }
    const distributionId = '2b1c6d3e-8f40-4a5b-9c7d-0e1f2a3b4c5d';
    ask('group.create', { device: alice, distributionId });
    ask('group.encrypt', { device: alice, distributionId, plaintext: 'cafe' });
    return `${lines.join('\n')}\n${stateOf(driver)}`;
  }

  test('[DRV-15] the same seeds give the same dialogue, byte for byte; another seed another', () => {
    const one = dialogue([SEED, KEY]);
    expect(dialogue([SEED, KEY])).toBe(one);
    expect(dialogue([KEY, SEED])).not.toBe(one);
  });

  test('[DRV-15] the stream: draw n is SHAKE256 of the seed and n', () => {
    const { identityPublic } = ok(newDriver(), 'device.create', { local: ALICE, seed: SEED });
    const input = Buffer.concat([Buffer.from(SEED, 'hex'), Buffer.alloc(8)]);
    const drawn = createHash('shake256', { outputLength: 32 }).update(input).digest('hex');
    expect(ok(newDriver(), 'x25519.public', { private: drawn })).toEqual({ public: identityPublic });
  });

  test('[DRV-15] [DRV-05] a refused operation leaves the stream where it was', () => {
    const { driver, alice, bob, pass } = twoDevices({ seed: SEED });
    const sealed = pass(alice, bob);
    const bundle = ok(driver, 'device.bundle', { device: bob.device }).bundle;
    const wrong = { ...bundle, signedPreKeySignature: bundle.kemPreKeySignature };
    const process = { device: alice.device, remote: BOB, bundle: wrong };
    expectRefusal(
      ...([driver, 'session.process', process, 'InvalidSignature'] as const),
      'signed-prekey-signature [signedPreKeySignature]',
    );
    const body = sealed.body.slice(0, -2) + (sealed.body.endsWith('00') ? '01' : '00');
    const args = { device: bob.device, remote: ALICE, type: 'prekey', body };
    expectRefusal(driver, 'session.decrypt', args, 'DuplicateMessage', 'message-key-used [counter]');
  });
});
