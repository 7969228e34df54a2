/**
 * Known answers through the driver: primitives, handshakes, safety numbers.
 *
 * @spec 11-driver §3
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { saveDevice } from '../../cli/driver/snapshot.ts';
import { fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { encodePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { seq } from '../support/braid.ts';
import { ALICE, BOB, expectRefusal, type Json, newDriver, ok } from '../support/driver.ts';
import { externalVectors } from '../support/external-vectors.ts';
import { SUITE_NAMES } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';

const driver = newDriver();
const bytes = (first: number, length = 32) => toHex(seq(first, length));
const publicOf = (first: number): string => ok(driver, 'x25519.public', { private: bytes(first) }).public;
const sha256 = (hex: string) => createHash('sha256').update(fromHex(hex)).digest('hex');
const KYBER = 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';
const K01 = '0507a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c';
const K65 = '055714769d116bf76436ae74bc793d2c30ad1903c59ac5273805c7e2698b410c36';
const K02 = '05ab9f2628c325c141e9fb2430f106850f62930bc3f0b12df39a9b84a49c7c1d12';
const MESSAGE = toHex(utf8('wire-kat'));

describe('X25519 and XEdDSA', () => {
  test('[DRV-17] public keys and agreements, as libsignal computes them', () => {
    expect([publicOf(1), publicOf(101), publicOf(2)]).toEqual([K01, K65, K02]);
    const shared = 'c9ea6a3f79a000b60b076d4afc990b272f3f0b5aaa3f0b8713c209273e363863';
    expect(ok(driver, 'x25519.shared', { private: bytes(1), public: K65 })).toEqual({ shared });
    expect(ok(driver, 'x25519.shared', { private: bytes(101), public: K01 })).toEqual({ shared });
  });

  test('[DRV-17] signatures with given randomness; others differ each time and verify', () => {
    const z = '00'.repeat(64);
    const fixed = [
      '682fb628413ca835d531006fc3d858aad2738e8cafe409e2f4804386fbfa8946d25da75a92a2841054ae2d5f416aa5045c50a2726f8c4e578156874f3b3d9e8b',
      '08a722adcf99df6979e6f5bb96757dd55a34cae2bbc5909dd6c27d4ccf6f6a6032231f658308c28c72294bc97810d1b84f373f46d86c5de7c40accaa297bc684',
      '54754c6716456540436ccf8b0b34d524bed6a70fe350044a1e5b1ef3e4dc7867fc62df01efc99389b0818000379a7bbba607515b705dcc80c03f32219fe8ca02',
    ];
    for (const [i, first] of [1, 101, 2].entries()) {
      const args = { private: bytes(first), message: MESSAGE };
      expect(ok(driver, 'xeddsa.sign', { ...args, random: z })).toEqual({ signature: fixed[i] });
      const [one, two] = [ok(driver, 'xeddsa.sign', args).signature, ok(driver, 'xeddsa.sign', args).signature];
      expect(one).not.toBe(two);
      for (const signature of [one, two, fixed[i]]) {
        const verify = { public: publicOf(first), message: MESSAGE, signature };
        expect(ok(driver, 'xeddsa.verify', verify)).toEqual({ valid: true });
        expect(ok(driver, 'xeddsa.verify', { ...verify, message: '' })).toEqual({ valid: false });
      }
    }
  });

  test('[DRV-17] libsignal’s signatures; not one with s + L, nor one cut short', () => {
    const k01 =
      '2dae5b202dde66669ef324517839c7e4a1126f402666d7d02ded27b64989bfa0ca5ae21dedb96cb09f54f7562a161fa09d9a6b05d5a2186acd6ee5316624ef84';
    const k02 =
      'e84853dece21a556db305ffbf136036678ee55fc33cb040b8502b36756cb4c4d4d05f80dfd72b03733bd683e41a5cf1c0bfd27fd7c0c0fa62dc0770308a6a104';
    const plusOrder =
      'e84853dece21a556db305ffbf136036678ee55fc33cb040b8502b36756cb4c4d3ad9ed6a17d6c28f095a60e11f9fae310bfd27fd7c0c0fa62dc0770308a6a114';
    const valid = (key: string, signature: string) =>
      ok(driver, 'xeddsa.verify', { public: key, message: MESSAGE, signature }).valid;
    const given = [
      valid(K01, k01),
      valid(K02, k02),
      valid(K02, plusOrder),
      valid(K01, k02),
      valid(K01, ''),
      valid(K01, k01.slice(2)),
    ];
    expect(given).toEqual([true, true, false, false, false, false]);
  });

  test('[DRV-04] keys that are none', () => {
    const priv = bytes(1);
    const refuse = (args: object, message: string) =>
      expectRefusal(driver, 'x25519.shared', args, 'InvalidKey', message);
    refuse({ private: priv.slice(2), public: K65 }, 'bad-length [private]');
    refuse({ private: '', public: K65 }, 'bad-length [private]');
    refuse({ private: priv, public: K65.slice(2) }, 'bad-length [public]');
    refuse({ private: priv, public: `${K65}00` }, 'bad-length [public]');
    refuse({ private: priv, public: `06${K65.slice(2)}` }, 'bad-key-type [public]');
    refuse({ private: priv, public: `05${'ff'.repeat(32)}` }, 'non-canonical-public-key [public]');
    for (const u of ['00', '01']) {
      refuse({ private: priv, public: `05${u}${'00'.repeat(31)}` }, 'zero-shared-secret [publicKey]');
    }
    expectRefusal(driver, 'x25519.public', { private: '00' }, 'InvalidKey', 'bad-length [private]');
    expectRefusal(driver, 'xeddsa.sign', { private: '00', message: '' }, 'InvalidKey', 'bad-length [private]');
    const verify = { public: '05', message: '', signature: '' };
    expectRefusal(driver, 'xeddsa.verify', verify, 'InvalidKey', 'bad-length [public]');
  });
});

describe('KEMs', () => {
  const pair = ok(driver, 'kem.keygen', { kem: 'ML-KEM-1024', seed: bytes(0, 64) });

  test('[DRV-17] Kyber-1024 round 3 on a key pair of ML-KEM-1024, as libsignal computes it', () => {
    expect(sha256(pair.public)).toBe('c7b8fa0aa471d5ae18922d6ccad5b31e1d84f92ae723abfd13747018740a8530');
    expect(sha256(pair.private)).toBe('3a2a676c5a242ee683cb6097c8f3e64fbef4d90267f9250ec2beab8f99621fad');
    const kem = 'Kyber-1024-r3';
    const made = ok(driver, 'kem.encapsulate', { kem, public: pair.public, random: bytes(0xc8) });
    expect(sha256(made.ciphertext)).toBe('29c4e2cfb464bbb9fa4ad9aad4eae290a71fbe984c51dd9b4592860f834fe57c');
    expect(made.shared).toBe('73070e5f1ccf26052ad040e3d8cf2e0c64c8c1b2b6ebc79dc54e267657d44b0f');
    const open = (name: string, ciphertext: string): string =>
      ok(driver, 'kem.decapsulate', { kem: name, private: pair.private, ciphertext }).shared;
    const first = (Number.parseInt(made.ciphertext.slice(0, 2), 16) ^ 1).toString(16).padStart(2, '0');
    const damaged = first + made.ciphertext.slice(2);
    expect(open(kem, made.ciphertext)).toBe(made.shared);
    expect(open(kem, damaged)).toBe('5ce8bc81d28deb0f98bffce34e6a6419ada125a1b349c8232a1601348e9d2b96');
    expect(open('ML-KEM-1024', made.ciphertext)).toBe(
      '3b33d1ab6b2e500adf230a7b909bf62bd51f21b3e0c76cddc7a871c3da36b48f',
    );
    expect(open('ML-KEM-1024', damaged)).toBe('3979810c74eced807101d3db2e8004b163872c7e18b76ff84f38e99602332dfd');
  });

  test('[DRV-17] published Kyber-1024 round 3 answers', () => {
    const file = externalVectors<{ cases: Record<string, string>[] }>('kyber-r3/nistkats_kyber_1024.json');
    if (file === null) return;
    const sha3 = (hex: string) => createHash('sha3-256').update(fromHex(hex)).digest('hex');
    const kem = 'Kyber-1024-r3';
    for (const vector of file.cases) {
      const keys = ok(driver, 'kem.keygen', { kem, seed: vector.key_generation_seed });
      const made = ok(driver, 'kem.encapsulate', { kem, public: keys.public, random: vector.encapsulation_seed });
      expect(sha3(keys.public)).toBe(vector.sha3_256_hash_of_public_key);
      expect(sha3(keys.private)).toBe(vector.sha3_256_hash_of_secret_key);
      expect(sha3(made.ciphertext)).toBe(vector.sha3_256_hash_of_ciphertext);
      expect(made.shared).toBe(vector.shared_secret);
      for (const secret of [keys.private, vector.key_generation_seed]) {
        const opened = ok(driver, 'kem.decapsulate', { kem, private: secret, ciphertext: made.ciphertext });
        expect(opened).toEqual({ shared: vector.shared_secret });
      }
    }
    expect(file.cases.length).toBeGreaterThan(0);
    reportCount('DRV-17', 'published Kyber-1024 round 3 answers through the driver', file.cases.length);
  });

  test.each(['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024', 'Kyber-1024-r3'])(
    '[DRV-17] %s: seeds, both private forms, refusals',
    (kem) => {
      const seed = bytes(7, 64);
      const keys = ok(driver, 'kem.keygen', { kem, seed });
      expect(ok(driver, 'kem.keygen', { kem, seed })).toEqual(keys);
      if (kem === 'Kyber-1024-r3') expect(keys).not.toEqual(ok(driver, 'kem.keygen', { kem: 'ML-KEM-1024', seed }));
      expect(ok(driver, 'kem.keygen', { kem })).not.toEqual(ok(driver, 'kem.keygen', { kem }));
      const made = ok(driver, 'kem.encapsulate', { kem, public: keys.public, random: bytes(9) });
      expect(ok(driver, 'kem.encapsulate', { kem, public: keys.public, random: bytes(9) })).toEqual(made);
      const again = ok(driver, 'kem.encapsulate', { kem, public: keys.public });
      expect(again).not.toEqual(ok(driver, 'kem.encapsulate', { kem, public: keys.public }));
      for (const secret of [keys.private, seed]) {
        for (const { ciphertext, shared } of [made, again]) {
          expect(ok(driver, 'kem.decapsulate', { kem, private: secret, ciphertext })).toEqual({ shared });
        }
      }
      const [cut, grown] = [made.ciphertext.slice(2), `${made.ciphertext}00`];
      for (const ciphertext of [cut, grown, '']) {
        const args = { kem, private: keys.private, ciphertext };
        expectRefusal(driver, 'kem.decapsulate', args, 'InvalidMessage', 'bad-length [ciphertext]');
      }
      const { ciphertext } = made;
      const short = { kem, private: keys.private.slice(2), ciphertext };
      expectRefusal(driver, 'kem.decapsulate', short, 'InvalidKey', 'bad-length [private]');
      const hashAt = keys.private.length - 2 * 64;
      const broken = `${keys.private.slice(0, hashAt)}${'00'.repeat(32)}${keys.private.slice(hashAt + 64)}`;
      const mismatch = { kem, private: broken, ciphertext };
      expectRefusal(driver, 'kem.decapsulate', mismatch, 'InvalidKey', 'kem-key-hash-mismatch [kemPrivateKey]');
      const unreduced = { kem, public: `ffffff${keys.public.slice(6)}` };
      expectRefusal(driver, 'kem.encapsulate', unreduced, 'InvalidKey', 'unreduced-kem-key [kemPublicKey]');
      expectRefusal(driver, 'kem.encapsulate', { kem, public: '' }, 'InvalidKey', 'bad-length [kemPublicKey]');
    },
  );
});

describe('handshakes', () => {
  const z = '00'.repeat(64);
  const sign = (message: string) =>
    ok(driver, 'xeddsa.sign', { private: bytes(0x20), message, random: z }).signature as string;
  const kem = ok(driver, 'kem.keygen', { kem: 'ML-KEM-1024', seed: bytes(0, 64) });
  const bundle = {
    registrationId: 7,
    deviceId: BOB.deviceId,
    identity: publicOf(0x20),
    signedPreKeyId: 8,
    signedPreKey: publicOf(0x40),
    signedPreKeySignature: sign(publicOf(0x40)),
    preKeyId: 7,
    preKey: publicOf(0x60),
    kemPreKeyId: 9,
    kemPreKey: `08${kem.public}`,
    kemPreKeySignature: sign(`08${kem.public}`),
  };
  const initiate = {
    suite: KYBER,
    identityPrivate: bytes(0x80),
    ephemeralPrivate: bytes(0xa0),
    kemRandom: bytes(0xc8),
  };
  const SECRETS = {
    rootKey: '39beb184364d3d40c921ab011b1b4282058434dec4101a97dd29609d5ee1047d',
    chainKey: 'e3656a0b49789e233b487b5d6503b9b99bb76d0a289cb41f843b714c9c363435',
    pqRatchetKey: '1c2a48759c85572a9aeebc295749cd95b0719b566155e038ae8e939cb21462fa',
  };
  const respond = {
    suite: KYBER,
    identityPrivate: bytes(0x20),
    signedPreKeyPrivate: bytes(0x40),
    oneTimePreKeyPrivate: bytes(0x60),
    kemPrivate: `08${kem.private}`,
    remoteIdentity: publicOf(0x80),
    ephemeralPublic: publicOf(0xa0),
  };
  const made = ok(driver, 'handshake.initiate', { ...initiate, remote: bundle });

  test('[DRV-17] the known PQXDH handshake of libsignal’s suite, from both sides', () => {
    expect(made.secrets).toEqual(SECRETS);
    expect(made.ephemeralPublic).toBe('05605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c');
    expect(ok(driver, 'handshake.respond', { ...respond, kemCiphertext: made.kemCiphertext })).toEqual({
      secrets: SECRETS,
    });
  });

  test('[DRV-11] [DRV-19] the known whole message of libsignal’s suite, decrypted by a device that was loaded', () => {
    const ec = (first: number) => nodeProvider.x25519FromPrivate(seq(first));
    const kemPair = {
      ...nodeProvider.kemFromSeed('ML-KEM-1024', seq(0, 64)),
      kem: 'Kyber-1024-r3',
      oneTime: true,
    } as const;
    const state = saveDevice(nodeProvider, {
      local: BOB,
      suites: [KYBER],
      pqRatchet: 'required',
      identity: ec(0x20),
      registrationId: 7,
      stream: null,
      nextPreKeyId: 10,
      signedPreKeys: new Map([[8, ec(0x40)]]),
      oneTimePreKeys: new Map([[7, ec(0x60)]]),
      kemPreKeys: new Map([[9, kemPair]]),
      baseKeys: new Set<string>(),
      peers: new Map(),
      senderKeys: new Map(),
    });
    const inner =
      '440a2105dc2cca31e8e43bbd91dff7e475cca3347eb478107d5bd765aba4ae4a30c35d44100018002210df00708991a739f73f8e1cd302f5f2ec' +
      '2a04010101003224009d0652a3dcc34d11975f74d61598733f0100796abedbca4e4f1888031fde5b921f9f03cc2606be40f2a0ed';
    const message = encodePreKeySignalMessage({
      version: 4,
      preKeyId: 7,
      baseKey: fromHex(made.ephemeralPublic).slice(1),
      identityKey: fromHex(publicOf(0x80)).slice(1),
      message: fromHex(inner),
      registrationId: 1111,
      signedPreKeyId: 8,
      kemPreKeyId: 9,
      kemCiphertext: fromHex(made.kemCiphertext),
    });
    const body = toHex(message);
    expect(sha256(body)).toBe('6166aae42d36dc1d52e0354b0d031767d57a739f1beffaf4297ffc49505e2a56');
    const { device } = ok(driver, 'device.load', { state: toHex(state) });
    const args = { device, remote: ALICE, type: 'prekey', body };
    expect(ok(driver, 'session.decrypt', args)).toEqual({ plaintext: toHex(utf8('known answer')) });
    expectRefusal(driver, 'session.decrypt', args, 'DuplicateMessage', 'message-key-used [counter]');
  });

  /** Some fields of an object. */
  const pick = (from: object, ...names: readonly string[]): Record<string, Json> =>
    Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
  const classical = pick(
    bundle,
    ...['registrationId', 'deviceId', 'identity', 'signedPreKeyId', 'signedPreKey', 'signedPreKeySignature'],
  );

  test.each(SUITE_NAMES)('[DRV-17] %s: both sides agree, with and without a one-time prekey', (suite) => {
    const type = suite === KYBER ? '08' : '0a';
    const wire = `${type}${kem.public}`;
    const hybrid = suite.startsWith('PQXDH');
    const kemFields = hybrid ? { kemPreKeyId: 9, kemPreKey: wire, kemPreKeySignature: sign(wire) } : {};
    for (const oneTime of [true, false]) {
      const remote = { ...classical, ...kemFields, ...(oneTime ? pick(bundle, 'preKeyId', 'preKey') : {}) };
      const one = ok(driver, 'handshake.initiate', { suite, identityPrivate: bytes(0x80), remote });
      const two = ok(driver, 'handshake.initiate', { suite, identityPrivate: bytes(0x80), remote });
      expect(one.secrets).not.toEqual(two.secrets);
      expect(Object.keys(one.secrets)).toEqual(['rootKey', 'chainKey', ...(hybrid ? ['pqRatchetKey'] : [])]);
      const answer = ok(driver, 'handshake.respond', {
        ...pick(respond, 'identityPrivate', 'signedPreKeyPrivate', 'remoteIdentity'),
        ...(oneTime ? pick(respond, 'oneTimePreKeyPrivate') : {}),
        ...(hybrid ? { kemPrivate: type + kem.private, kemCiphertext: one.kemCiphertext } : {}),
        suite,
        ephemeralPublic: one.ephemeralPublic,
      });
      expect(answer).toEqual({ secrets: one.secrets });
    }
  });

  test('[DRV-06] [DRV-04] what does not belong together is refused', () => {
    const X3DH = 'X3DH_X25519_SHA-256';
    const start = (args: object, code: string, message: string) =>
      expectRefusal(driver, 'handshake.initiate', { ...initiate, remote: bundle, ...args }, code, message);
    start({ suite: X3DH, remote: classical }, 'InvalidArgument', 'not-of-this-suite [kemRandom]');
    start({ remote: classical }, 'NotAllowed', 'no-kem-prekey [kemPreKey]');
    start({ suite: 'PQXDH_X25519_SHA-256_ML-KEM-1024' }, 'InvalidKey', 'kem-type-not-allowed [kemPreKey]');
    const other = { ...bundle, signedPreKeySignature: bundle.kemPreKeySignature };
    start({ remote: other }, 'InvalidSignature', 'signed-prekey-signature [signedPreKeySignature]');
    start({ identityPrivate: '00' }, 'InvalidKey', 'bad-length [identityPrivate]');
    start({ ephemeralPrivate: '00' }, 'InvalidKey', 'bad-length [ephemeralPrivate]');
    const answer = (args: object, code: string, message: string) => {
      const all = { ...respond, kemCiphertext: made.kemCiphertext, ...args };
      expectRefusal(driver, 'handshake.respond', all, code, message);
    };
    answer({ suite: X3DH }, 'InvalidArgument', 'not-of-this-suite [kemPrivate]');
    answer({ kemCiphertext: undefined }, 'InvalidArgument', 'missing-field [kemCiphertext]');
    answer({ kemPrivate: `0a${kem.private}` }, 'InvalidKey', 'bad-key-type [kemPrivate]');
    answer({ kemPrivate: '' }, 'InvalidKey', 'bad-length [kemPrivate]');
    answer({ kemPrivate: '0800' }, 'InvalidKey', 'bad-length [kemPrivate]');
    answer({ kemCiphertext: `0a${made.kemCiphertext.slice(2)}` }, 'InvalidKey', 'bad-key-type [kemCiphertext]');
    const small = `05${'00'.repeat(32)}`;
    answer({ ephemeralPublic: small }, 'InvalidKey', 'not-prime-order [ephemeralPublic]');
    answer({ remoteIdentity: small }, 'InvalidKey', 'not-prime-order [remoteIdentity]');
  });
});

describe('safety numbers', () => {
  test('[DRV-17] known numbers and codes of libsignal, by bytes of the ids', () => {
    const aci = (uuid: string) => uuid.replaceAll('-', '');
    const ids = { localId: aci(ALICE.name), localIdentity: K01, remoteId: aci(BOB.name), remoteIdentity: K65 };
    expect(ok(driver, 'fingerprint', ids)).toEqual({
      displayable: '786985831515614994578162823198942995539059981017250941226837',
      scannable:
        '080212220a20560669b64ad2f77c6acbec41f5e41e5cd577f3e1c40dcac17ce9ebfa349e51581a220a204cda1aa71bedbedc437ed6e37161cd75e3124fbd12a98ea5e43153ae42f5f860',
    });
    const [localId, remoteId] = ['+14152222222', '+14153333333'].map((text) => toHex(utf8(text)));
    expect(ok(driver, 'fingerprint', { ...ids, localId, remoteId, version: 1, iterations: 5200 })).toEqual({
      displayable: '343108016865365785853972950937768278511793141703650030399178',
      scannable:
        '080112220a2051405db64635fd5e44289ceac965354e05b330b946a30848515a2b96aa595d4a1a220a2090bc8ef7fb491866875dcd81f4b2f588211f95ddb3f1cba1efe91cffb1aaed2d',
    });
    expectRefusal(driver, 'fingerprint', { ...ids, remoteIdentity: '05' }, 'InvalidKey', 'bad-length [remoteIdentity]');
  });
});
