/**
 * Prekey messages that must not begin a session.
 *
 * @spec 05-sessions §5
 */
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { MAX_ARCHIVED_FORWARD_JUMPS } from '../../protocol/limits.ts';
import { overriding } from '../support/counting-provider.ts';
import { currentState, flip, forgePreKeyMessage, replaceCurrent, skipSends } from '../support/forge.ts';
import type { Envelope } from '../support/peers.ts';
import { COMBINATIONS, conversation, Peer, PQXDH, pair, X3DH } from '../support/peers.ts';
import { SMALL_ORDER_ENCODINGS, torsioned, unreduced, withHighBit } from '../support/points.ts';
import { expectRefused } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

const FAILED = { code: 'InvalidMessage', reason: 'decryption-failed' } as const;

describe.each(COMBINATIONS)('prekey messages, $suite on $provider.name', ({ suite, provider }) => {
  test('[SES-05] [PRIM-02] [PRIM-04] refuses small-order and aliased base and identity keys', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob);
    const aliases = [withHighBit(alice.identity.publicKey), unreduced(9n)];
    for (const key of [...SMALL_ORDER_ENCODINGS, ...aliases]) {
      for (const outer of [{ baseKey: key }, { identityKey: key }]) {
        const message = forgePreKeyMessage(alice, bob, outer);
        expectRefused([bob], { code: 'InvalidKey' }, () => bob.open(alice, message));
      }
    }
    reportCount('PRIM-02', 'small-order base and identity keys', 2 * SMALL_ORDER_ENCODINGS.length);
  });

  test('[PRIM-03] refuses torsioned base and identity keys before any agreement', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob);
    const { baseKey } = currentState(alice, bob);
    for (const outer of [{ baseKey: torsioned(baseKey) }, { identityKey: torsioned(alice.identity.publicKey) }]) {
      const message = forgePreKeyMessage(alice, bob, outer);
      expectRefused([bob], { code: 'InvalidKey', reason: 'not-prime-order' }, () => bob.open(alice, message));
    }
  });

  test('[SES-16] refuses a known base key under another identity key', () => {
    const [alice, bob] = pair({ suite, provider });
    const mallory = new Peer('mallory', { provider });
    alice.begin(bob);
    bob.receive(alice, alice.send(bob));
    const message = forgePreKeyMessage(alice, bob, { identityKey: mallory.identity.publicKey });
    bob.trust = () => true;
    const expected = { code: 'InvalidMessage', reason: 'identity-mismatch', field: 'identityKey' } as const;
    expectRefused([bob], expected, () => bob.open(alice, message));
    bob.archive(alice);
    expectRefused([bob], expected, () => bob.open(alice, message));
  });

  test('[SES-05] finds the session by base key without touching a prekey, also when archived', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob);
    bob.receive(alice, alice.send(bob, 'one'));
    for (const key of [...bob.stores.keys()]) if (/^(oneTime|signed|kem)/.test(key)) bob.stores.delete(key);
    expect(bob.receive(alice, alice.send(bob, 'two'))).toBe('two');
    bob.archive(alice);
    expect(bob.receive(alice, alice.send(bob, 'three'))).toBe('three');
    expect(bob.record(alice)).toMatchObject({ archived: [] });
  });

  test('[SES-17] [REPLAY-04] consumes prekeys on success alone', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundles = Array.from({ length: 5 }, () => bob.publish({ kemOneTime: true }));
    for (const bundle of bundles) {
      alice.begin(bob, bundle);
      const good = alice.send(bob, 'good');
      const garbage = { type: 'prekey', body: flip(good.body, good.body.length - 40, 1) } as const;
      for (const bad of [garbage, forgePreKeyMessage(alice, bob, { message: new Uint8Array(60).fill(0x44) })]) {
        expectRefused([bob], {}, () => bob.open(alice, bad));
      }
      expect(bob.stores.has(`oneTime/${bundle.signedPreKeyId}`)).toBe(true);
      expect(bob.receive(alice, good)).toBe('good');
      expect(bob.stores.has(`oneTime/${bundle.signedPreKeyId}`)).toBe(false);
      expect(bob.stores.has(`kem/${bundle.signedPreKeyId}`)).toBe(false);
    }
  });

  test('[REPLAY-01] the same prekey message twice is a duplicate', () => {
    const [alice, bob] = pair({ suite, provider });
    for (const oneTime of [true, false]) {
      alice.begin(bob, bob.publish({ oneTime }));
      const message = alice.send(bob);
      bob.receive(alice, message);
      const expected = { code: 'DuplicateMessage', reason: 'message-key-used' } as const;
      expectRefused([bob], expected, () => bob.open(alice, message));
      bob.archive(alice);
      expectRefused([bob], expected, () => bob.open(alice, message));
    }
  });

  test('[REPLAY-02] [SES-12] no replay after the record was lost, evicted or restored', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob, bob.publish({ oneTime: false }));
    const yesterday = bob.backup();
    const message = alice.send(bob);
    bob.receive(alice, message);
    const reused = { code: 'DuplicateMessage', reason: 'base-key-reused', field: 'baseKey' } as const;
    const evicting = bob.publish();
    for (let i = 0; i < 41; i++) alice.begin(bob, { ...evicting, oneTimePreKey: null });
    const session = [...bob.stores.keys()].find((key) => key.startsWith('session/')) as string;
    bob.stores.delete(session);
    expectRefused([bob], reused, () => bob.open(alice, message));
    // A device restored from yesterday's backup keeps what it learned of base keys since (07-devices).
    const seen = [...bob.stores].filter(([key]) => key.startsWith('seen/'));
    bob.restore(yesterday);
    for (const [key, value] of seen) bob.stores.set(key, value);
    expectRefused([bob], reused, () => bob.open(alice, message));
  });

  test('[PQX-06] a prekey message of Alice delivered as from Mallory begins nothing', () => {
    const [alice, bob] = pair({ suite, provider });
    const mallory = new Peer('mallory', { provider });
    alice.begin(bob, bob.publish({ oneTime: false }));
    const message = alice.send(bob);
    expectRefused([bob], FAILED, () => bob.open(mallory, message));
    bob.receive(alice, message);
    const expected = { code: 'DuplicateMessage', reason: 'base-key-reused' } as const;
    expectRefused([bob], expected, () => bob.open(mallory, message));
    expect(bob.recordBytes(mallory)).toBeNull();
  });

  test('[PQX-12] [SES-03] a new identity key of a known contact is told before any work', () => {
    const [alice, bob] = conversation({ suite, provider });
    const imposter = new Peer('imposter', { provider, suites: [suite], address: alice.address });
    imposter.begin(bob, bob.publish());
    const message = imposter.send(bob, 'I have a new phone');
    const expected = { code: 'UntrustedIdentity', reason: 'untrusted-identity' } as const;
    expectRefused([bob], expected, () => bob.open(imposter, message));
    const garbage: Envelope = { type: 'prekey', body: flip(message.body, message.body.length - 1, 1) };
    expectRefused([bob], expected, () => bob.open(imposter, garbage));
    expect(bob.receive(alice, alice.send(bob, 'still me'))).toBe('still me');
    bob.trust = (key) => equalBytes(key, imposter.identity.publicKey);
    expect(bob.receive(imposter, message)).toBe('I have a new phone');
  });

  test('[PQX-13] key compromise: the identity key of Bob alone does not make Alice, with his signed prekey it does', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    for (const stolen of ['identity', 'signed prekey'] as const) {
      const mallory = new Peer('mallory', { provider, suites: [suite], address: alice.address });
      // DH1 = DH(IKa, SPKb) is the only value that Mallory cannot compute with her own ephemeral keys.
      const key = stolen === 'identity' ? bob.identity.privateKey.expose() : bob.stores.get('signed/1')?.slice(32);
      const thief = provider.x25519FromPrivate(key as Uint8Array);
      const forged = forgeAsAlice(mallory, alice, bob, bundle, thief);
      if (stolen === 'identity') expectRefused([bob], FAILED, () => bob.open(mallory, forged));
      else expect(bob.receive(mallory, forged)).toBe('it is I, Alice');
    }
  });
});

/** Replaces the one agreement that needs the private identity key of Alice by what the stolen key gives. */
function forgeAsAlice(
  mallory: Peer,
  alice: Peer,
  bob: Peer,
  bundle: ReturnType<Peer['publish']>,
  thief: ReturnType<Peer['provider']['x25519FromPrivate']>,
): Envelope {
  const own = mallory.identity.privateKey;
  const provider = overriding(mallory.provider, {
    x25519Agree: (ours, theirs) =>
      ours === own
        ? mallory.provider.x25519Agree(thief.privateKey, alice.identity.publicKey)
        : mallory.provider.x25519Agree(ours, theirs),
  });
  const pretender = new Peer('pretender', { provider, suites: mallory.suites, address: alice.address });
  Object.assign(pretender, { identity: { publicKey: alice.identity.publicKey, privateKey: own } });
  pretender.begin(bob, bundle);
  return pretender.send(bob, 'it is I, Alice');
}

test('[SES-11] [PQX-07] refuses a stripped, a half-stripped and a classical prekey message', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  const expected = { code: 'InvalidMessage', reason: 'suite-not-allowed' } as const;
  const cut = { code: 'InvalidMessage', reason: 'missing-field' } as const;
  for (const half of [{ kemPreKeyId: null, kemCiphertext: null }, { kemPreKeyId: null }, { kemCiphertext: null }]) {
    expectRefused([bob], cut, () => bob.open(alice, forgePreKeyMessage(alice, bob, half)));
  }
  const version3 = forgePreKeyMessage(alice, bob, { version: 3 });
  expectRefused([bob], expected, () => bob.open(alice, version3));
  // Policy comes before any lookup, whatever the message carries.
  const unknown = forgePreKeyMessage(alice, bob, { version: 3, signedPreKeyId: 77, kemPreKeyId: 77 });
  expectRefused([bob], expected, () => bob.open(alice, unknown));
  const both = forgePreKeyMessage(alice, bob, { version: 3, kemPreKeyId: null, kemCiphertext: null });
  expectRefused([bob], expected, () => bob.open(alice, both));
  const classical = new Peer('classical', { suites: [X3DH] });
  const bundle = { ...bob.publish(), kemPreKey: null };
  classical.begin(bob, bundle);
  expectRefused([bob], expected, () => bob.open(classical, classical.send(bob)));
  bob.suites = [PQXDH, X3DH];
  expect(bob.receive(classical, classical.send(bob, 'allowed now'))).toBe('allowed now');
});

test('[SES-05] the outer version is part of the search: a known base key under another one begins nothing', () => {
  const [alice, bob] = pair();
  alice.begin(bob, bob.publish({ oneTime: false }));
  bob.receive(alice, alice.send(bob));
  const expected = { code: 'InvalidMessage', reason: 'suite-not-allowed' } as const;
  for (const fields of [{ version: 3 }, { version: 3, kemPreKeyId: null, kemCiphertext: null }]) {
    expectRefused([bob], expected, () => bob.open(alice, forgePreKeyMessage(alice, bob, fields)));
  }
});

test('[SES-05] [DRT-09] an archived session found by its base key is walked 2,000 steps and no further', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  bob.archive(alice);
  skipSends(alice, bob, MAX_ARCHIVED_FORWARD_JUMPS);
  const far = alice.send(bob, 'far');
  const farther = alice.send(bob, 'farther');
  const expected = { code: 'InvalidMessage', reason: 'counter-too-far' } as const;
  expectRefused([bob], expected, () => bob.open(alice, farther));
  expect(bob.receive(alice, far)).toBe('far');
  expect(bob.receive(alice, farther)).toBe('farther');
});

test('[HSK-01] a KEM ciphertext of another type is refused in a message', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  const { kemCiphertext } = alice.record(bob)?.current?.pending ?? {};
  for (const type of [8, 7, 9, 5, 0]) {
    const wrong = forgePreKeyMessage(alice, bob, { kemCiphertext: flip(kemCiphertext as Uint8Array, 0, 0x0a ^ type) });
    expectRefused([bob], {}, () => bob.open(alice, wrong));
  }
});

test('[HSK-12] [PRIM-09] a damaged KEM ciphertext fails like any forgery, a wrong length by its length', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  const good = alice.send(bob);
  const { kemCiphertext } = parsePreKeySignalMessage(good.body);
  const ciphertext = kemCiphertext as Uint8Array;
  const seen = new Set<string>();
  const step = scaled(37, 1);
  let count = 0;
  for (let at = 1; at < ciphertext.length; at += step) {
    const bad = forgePreKeyMessage(alice, bob, { kemCiphertext: flip(ciphertext, at, 1 << (at % 8)) });
    seen.add(expectRefused([bob], FAILED, () => bob.open(alice, bad)).message);
    count++;
  }
  const tampered = { type: 'prekey', body: flip(good.body, good.body.length - 1, 1) } as const;
  seen.add(expectRefused([bob], FAILED, () => bob.open(alice, tampered)).message);
  expect(seen.size).toBe(1);
  reportCount('PRIM-09', 'damaged KEM ciphertexts', count);
  for (const bytes of [
    ciphertext.slice(0, -1),
    Uint8Array.from([...ciphertext, 0]),
    new Uint8Array(0),
    Uint8Array.of(0x0a),
  ]) {
    const wrong = forgePreKeyMessage(alice, bob, { kemCiphertext: bytes });
    expectRefused([bob], { field: 'kemCiphertext' }, () => bob.open(alice, wrong));
  }
  expect(bob.receive(alice, good)).toBe('hello');
});

test('[SES-17] names exactly the prekeys that the message named', () => {
  const [alice, bob] = pair();
  for (const oneTime of [true, false]) {
    const bundle = bob.publish({ oneTime });
    alice.begin(bob, bundle);
    const opened = bob.open(alice, alice.send(bob));
    const { baseKey } = currentState(bob, alice);
    const id = bundle.signedPreKeyId;
    const used = { signedPreKeyId: id, kemPreKeyId: id, oneTimePreKeyId: oneTime ? id : null, baseKey };
    expect(opened).toMatchObject({ used, remoteRegistrationId: alice.registrationId });
    expect(bob.open(alice, alice.send(bob))).toMatchObject({ used: null });
  }
});

test('[SES-11] unknown prekeys are named, and nothing else is looked at', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  for (const field of ['signedPreKeyId', 'kemPreKeyId', 'preKeyId'] as const) {
    const message = forgePreKeyMessage(alice, bob, { [field]: 77 });
    const expected = { code: 'InvalidMessage', reason: 'unknown-prekey', field } as const;
    expectRefused([bob], expected, () => bob.open(alice, message));
  }
  replaceCurrent(alice, bob, (state) => ({ ...state, localRegistrationId: 0 }));
  expect(bob.receive(alice, alice.send(bob, 'registration ids decide nothing'))).toContain('nothing');
});
