/**
 * Bundles that must not begin a session.
 *
 * @spec 02-handshake §1, §2
 */
import { describe, expect, test } from 'vitest';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { chooseSuite, SUITES, suiteById } from '../../protocol/handshake/suites.ts';
import { sessionInfo } from '../../protocol/session/session.ts';
import { flip } from '../support/forge.ts';
import { COMBINATIONS, KYBER, Peer, PQXDH, PROVIDERS, pair, SUITE_NAMES, X3DH } from '../support/peers.ts';
import { SMALL_ORDER_ENCODINGS, torsioned, u32le, unreduced, wire, withHighBit } from '../support/points.ts';
import { expectRefused, refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

type EcRole = 'identityKey' | 'signedPreKey' | 'oneTimePreKey';
const EC_ROLES: readonly EcRole[] = ['identityKey', 'signedPreKey', 'oneTimePreKey'];

function withKey(bundle: PreKeyBundle, role: EcRole, key: Uint8Array): PreKeyBundle {
  return role === 'oneTimePreKey'
    ? { ...bundle, oneTimePreKey: { id: bundle.oneTimePreKey?.id ?? 1, publicKey: key } }
    : { ...bundle, [role]: key };
}

function keyOf(bundle: PreKeyBundle, role: EcRole): Uint8Array {
  return role === 'oneTimePreKey' ? (bundle.oneTimePreKey?.publicKey as Uint8Array) : bundle[role];
}

/** Signs whatever stands in the bundle with the identity key that stands in it, so that only the keys are wrong. */
function signedBy(bob: Peer, bundle: PreKeyBundle): PreKeyBundle {
  const sign = (message: Uint8Array) => bob.provider.xeddsaSign(bob.identity.privateKey, message, bob.random);
  const { kemPreKey } = bundle;
  return {
    ...bundle,
    signedPreKeySignature: sign(bundle.signedPreKey),
    kemPreKey: kemPreKey === null ? null : { ...kemPreKey, signature: sign(kemPreKey.publicKey) },
  };
}

describe.each(COMBINATIONS)('bundle, $suite on $provider.name', ({ suite, provider }) => {
  test('[HSK-04] [PRIM-02] refuses the 7 small-order points, each with and without bit 255, in every role', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    for (const role of EC_ROLES) {
      for (const u of SMALL_ORDER_ENCODINGS) {
        const bad = signedBy(bob, withKey(bundle, role, wire(u)));
        expectRefused([alice, bob], { code: 'InvalidKey' }, () => alice.begin(bob, bad));
      }
    }
    reportCount('PRIM-02', 'small-order keys in bundles', EC_ROLES.length * SMALL_ORDER_ENCODINGS.length);
  });

  test('[HSK-04] [PRIM-03] refuses a torsioned copy of an honest key in every role', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    for (const role of EC_ROLES) {
      const bad = signedBy(bob, withKey(bundle, role, wire(torsioned(keyOf(bundle, role).slice(1)))));
      const expected = { code: 'InvalidKey', reason: 'not-prime-order' } as const;
      expectRefused([alice, bob], expected, () => alice.begin(bob, bad));
    }
  });

  test('[HSK-04] [PRIM-04] refuses every alias of a key: bit 255 and u + p', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    for (const role of EC_ROLES) {
      const honest = keyOf(bundle, role).slice(1);
      for (const alias of [withHighBit(honest), unreduced(9n), withHighBit(u32le(9n))]) {
        const bad = signedBy(bob, withKey(bundle, role, wire(alias)));
        const expected = { code: 'InvalidKey', reason: 'non-canonical-public-key' } as const;
        expectRefused([alice, bob], expected, () => alice.begin(bob, bad));
      }
    }
  });

  test('[HSK-04] refuses EC keys of other lengths and types, naming the field', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    for (const role of EC_ROLES) {
      const good = keyOf(bundle, role);
      const bad = [
        good.slice(1),
        Uint8Array.from([...good, 0]),
        new Uint8Array(0),
        flip(good, 0, 3),
        flip(good, 0, 0xf),
      ];
      for (const key of bad) {
        const changed = signedBy(bob, withKey(bundle, role, key));
        const error = expectRefused([alice, bob], { code: 'InvalidKey' }, () => alice.begin(bob, changed));
        expect(error.field).toBeDefined();
      }
    }
  });

  test('[HSK-08] refuses a zero one-time prekey (O9)', () => {
    const [alice, bob] = pair({ suite, provider });
    const bad = withKey(bob.publish(), 'oneTimePreKey', wire(new Uint8Array(32)));
    expectRefused([alice, bob], { code: 'InvalidKey' }, () => alice.begin(bob, bad));
  });

  test('[HSK-06] refuses any damaged signature, and signatures over other keys', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    for (let at = 0; at < 64; at++) {
      const signedPreKeySignature = flip(bundle.signedPreKeySignature, at, 1 << (at % 8));
      const expected = { code: 'InvalidSignature', reason: 'signed-prekey-signature' } as const;
      expectRefused([alice, bob], expected, () => alice.begin(bob, { ...bundle, signedPreKeySignature }));
      const kem = bundle.kemPreKey;
      if (kem === null) continue;
      const kemPreKey = { ...kem, signature: flip(kem.signature, at, 1 << (at % 8)) };
      const wrong = { code: 'InvalidSignature', reason: 'kem-prekey-signature' } as const;
      expectRefused([alice, bob], wrong, () => alice.begin(bob, { ...bundle, kemPreKey }));
    }
    const other = bob.publish();
    const swapped = { ...bundle, signedPreKeySignature: other.signedPreKeySignature };
    expectRefused([alice, bob], { code: 'InvalidSignature' }, () => alice.begin(bob, swapped));
    for (const length of [0, 63, 65]) {
      const cut = { ...bundle, signedPreKeySignature: new Uint8Array(length) };
      expectRefused([alice, bob], { code: 'InvalidSignature' }, () => alice.begin(bob, cut));
    }
  });

  test('[HSK-11] begins every session with a fresh base key and ratchet key', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) {
      alice.begin(bob, bundle);
      const state = alice.record(bob)?.current;
      seen.add(String(state?.baseKey)).add(String(state?.ratchet.sender.ratchet.publicKey));
    }
    expect(seen.size).toBe(10);
  });

  test('[HSK-03] [PQX-11] ids 0 and 2^32 − 1 are valid, others are refused by name', () => {
    for (const id of [0, 0xffff_ffff]) {
      const [alice, bob] = pair({ suite, provider });
      alice.begin(bob, bob.publish({ id }));
      expect(bob.receive(alice, alice.send(bob, 'zero'))).toBe('zero');
      expect(bob.stores.has(`oneTime/${id}`)).toBe(false);
    }
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    for (const id of [-1, 2 ** 32, 1.5, Number.NaN, '7', null, undefined]) {
      const wrong = id as number;
      const cases: [string, PreKeyBundle][] = [
        ['signedPreKeyId', { ...bundle, signedPreKeyId: wrong }],
        ['preKeyId', { ...bundle, oneTimePreKey: { id: wrong, publicKey: keyOf(bundle, 'oneTimePreKey') } }],
      ];
      if (bundle.kemPreKey !== null)
        cases.push(['kemPreKeyId', { ...bundle, kemPreKey: { ...bundle.kemPreKey, id: wrong } }]);
      for (const [field, bad] of cases) {
        expectRefused([alice, bob], { code: 'InvalidArgument', field }, () => alice.begin(bob, bad));
      }
    }
    const idAlone = { ...bundle, oneTimePreKey: { id: 3, publicKey: undefined as unknown as Uint8Array } };
    expectRefused([alice, bob], { code: 'InvalidArgument' }, () => alice.begin(bob, idAlone));
    for (const deviceId of [0, 128, 1.5]) {
      expectRefused([alice, bob], { field: 'deviceId' }, () => alice.begin(bob, { ...bundle, deviceId }));
    }
  });
});

describe.each(PROVIDERS)('KEM prekeys, $name provider', (provider) => {
  test('[HSK-05] [HSK-01] [PQX-01] refuses a KEM key of another type, length or modulus', () => {
    const [alice, bob] = pair({ provider });
    const bundle = bob.publish();
    const kem = bundle.kemPreKey as NonNullable<PreKeyBundle['kemPreKey']>;
    const good = kem.publicKey;
    const unreducedKey = good.slice();
    unreducedKey.set([0xff, 0xff, 0xff], 1);
    const bad: Uint8Array[] = [
      ...[5, 7, 8, 9, 0x0b, 0, 0xff].map((type) => flip(good, 0, 0x0a ^ type)),
      good.slice(0, -1),
      Uint8Array.from([...good, 0]),
      good.slice(1),
      new Uint8Array(0),
      Uint8Array.of(0x0a),
      unreducedKey,
      bundle.signedPreKey,
    ];
    for (const publicKey of bad) {
      const changed = signedBy(bob, { ...bundle, kemPreKey: { ...kem, publicKey } });
      expectRefused([alice, bob], { code: 'InvalidKey' }, () => alice.begin(bob, changed));
    }
  });

  test('[PQX-01] refuses a KEM key in an EC slot and an EC key in the KEM slot, validly signed', () => {
    const [alice, bob] = pair({ provider });
    const bundle = bob.publish();
    const kem = bundle.kemPreKey as NonNullable<PreKeyBundle['kemPreKey']>;
    const ecInKem = {
      ...bundle,
      kemPreKey: { ...kem, publicKey: bundle.signedPreKey, signature: bundle.signedPreKeySignature },
    };
    expectRefused([alice, bob], { code: 'InvalidKey' }, () => alice.begin(bob, ecInKem));
    const kemInEc = { ...bundle, signedPreKey: kem.publicKey, signedPreKeySignature: kem.signature };
    expectRefused([alice, bob], { code: 'InvalidKey' }, () => alice.begin(bob, kemInEc));
  });
});

test('[HSK-02] [PQX-08] never starts without a KEM key unless the policy has a classical suite', () => {
  const [alice, bob] = pair();
  const stripped = { ...bob.publish(), kemPreKey: null };
  expectRefused([alice, bob], { code: 'NotAllowed', reason: 'no-kem-prekey' }, () => alice.begin(bob, stripped));
  expect(alice.stores.size).toBe(0);
  alice.suites = [PQXDH, X3DH];
  alice.begin(bob, stripped);
  expect(sessionInfo({ now: alice.now }, alice.record(bob))?.suite).toBe(X3DH);
});

test('[HSK-01] takes the suite from the KEM key, within the policy', () => {
  const alice = new Peer('alice', { suites: SUITE_NAMES });
  const bob = new Peer('bob', { suites: SUITE_NAMES });
  alice.begin(bob, bob.publish());
  expect(sessionInfo({ now: alice.now }, alice.record(bob))).toMatchObject({ suite: PQXDH, version: 4 });
  alice.suites = [X3DH];
  const refused = { code: 'InvalidKey', reason: 'kem-type-not-allowed' } as const;
  const hybrid = bob.publish();
  expectRefused([alice, bob], refused, () => alice.begin(bob, hybrid));
  expect(chooseSuite(0x0a, SUITE_NAMES).name).toBe(PQXDH);
  expect(chooseSuite(null, SUITE_NAMES).name).toBe(X3DH);
  expect(chooseSuite(0x08, SUITE_NAMES).name).toBe(KYBER);
  expect(refusal(() => chooseSuite(0x08, [X3DH, PQXDH])).code).toBe('InvalidKey');
  expect(refusal(() => chooseSuite(0x07, SUITE_NAMES)).code).toBe('InvalidKey');
  expect(SUITES.map((suite) => suiteById(suite.id))).toEqual(SUITES);
  expect(suiteById(99)).toBeNull();
});

test('[PQX-04] a signed prekey of Alice under the identity key of Mallory begins nothing', () => {
  const [alice, bob] = pair();
  const mallory = new Peer('mallory');
  const bundle = alice.publish();
  const mixed = { ...bundle, identityKey: mallory.publish().identityKey };
  const expected = { code: 'InvalidSignature', reason: 'signed-prekey-signature' } as const;
  expectRefused([bob], expected, () => bob.begin(alice, mixed));
});

test('[PQX-04] prekeys of two devices with one identity may begin, but the responder refuses', () => {
  const identity = nodeProvider.x25519Generate(new Peer('seed').random).privateKey.expose();
  const alice = new Peer('alice');
  const first = new Peer('bob', { identity });
  const second = new Peer('bob 2', { identity, address: { ...first.address, deviceId: 2 } });
  const mixed = { ...first.publish({ id: 1 }), kemPreKey: second.publish({ id: 2 }).kemPreKey };
  alice.begin(first, mixed);
  const message = alice.send(first);
  for (const device of [first, second]) {
    const expected = { code: 'InvalidMessage', reason: 'unknown-prekey' } as const;
    expectRefused([device], expected, () => device.open(alice, message));
  }
});

test('[SES-03] [PQX-12] asks for trust before any signature is looked at', () => {
  const [alice, bob] = pair();
  const bundle = bob.publish();
  alice.trust = (_, direction) => direction !== 'sending';
  const damaged = { ...bundle, signedPreKeySignature: new Uint8Array(64) };
  expectRefused([alice], { code: 'UntrustedIdentity' }, () => alice.begin(bob, damaged));
});
