/** Device manifests. @spec 04-messages §6 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkSuccessor,
  compareManifests,
  type DeviceManifest,
  encodeManifest,
  encodeSignedManifest,
  type ManifestDevice,
  manifestHash,
  parseSignedManifest,
  type SignedManifest,
  signManifest,
  verifyManifest,
} from '../../protocol/codec/manifest.ts';
import { nobleProvider as provider } from '../../protocol/crypto/noble.ts';
import { forgeManifest, keysOutsideSubgroup } from '../support/forge-manifest.ts';
import { torsioned } from '../support/points.ts';
import { refusal } from '../support/refusal.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { bytes, counting, goodKey, join, number, refusedAs } from './sample.ts';

const ACCOUNT = '9d0652a3-dcc3-4d11-975f-74d61598733f';
const random = seededRandom('manifest');
const account = provider.x25519Generate(random);
const stranger = provider.x25519Generate(random);
const ZEROS = new Uint8Array(32);

const device = (deviceId: number, more: Partial<ManifestDevice> = {}): ManifestDevice => ({
  deviceId,
  registrationId: 100 + deviceId,
  identityKey: goodKey(deviceId),
  authKey: counting(128 + deviceId, 32),
  name: `device ${deviceId}`,
  ...more,
});

const FIRST: DeviceManifest = {
  account: ACCOUNT,
  accountKey: account.publicKey,
  version: 1,
  previousHash: ZEROS,
  issuedAt: 1_767_225_600_000,
  devices: [device(1), device(2), device(5)],
};

const sign = (manifest: DeviceManifest): SignedManifest => signManifest(provider, account.privateKey, manifest, random);

const following = (previous: SignedManifest, more: Partial<DeviceManifest> = {}): SignedManifest =>
  sign({
    ...FIRST,
    version: previous.manifest.version + 1,
    previousHash: manifestHash(provider, previous),
    ...more,
  });

/** FIRST by hand, field by field. */
const HAND_DEVICE = (id: number): Uint8Array =>
  join(
    number(1, id),
    number(2, 100 + id),
    bytes(3, join(Uint8Array.of(5), goodKey(id))),
    bytes(4, counting(128 + id, 32)),
    bytes(5, new Uint8Array(Buffer.from(`device ${id}`))),
  );
const HAND_FIELDS = [
  bytes(1, new Uint8Array(Buffer.from(ACCOUNT.replaceAll('-', ''), 'hex'))),
  bytes(2, join(Uint8Array.of(5), account.publicKey)),
  number(3, 1),
  bytes(4, ZEROS),
  number(5, 1_767_225_600_000),
  ...[1, 2, 5].map((id) => bytes(6, HAND_DEVICE(id))),
];
const wrap = (manifest: Uint8Array, signature = counting(0, 64)): Uint8Array =>
  join(bytes(1, manifest), bytes(2, signature));
const parseHand = (fields: readonly Uint8Array[]) => parseSignedManifest(wrap(join(...fields))).manifest;
const withDevice = (fields: Uint8Array): Uint8Array[] => [...HAND_FIELDS.slice(0, 5), bytes(6, fields)];

describe('encoding', () => {
  test('[MSG-17] is what the specification says, and the account is case-insensitive', () => {
    expect(encodeManifest(FIRST)).toEqual(join(...HAND_FIELDS));
    expect(encodeManifest({ ...FIRST, account: ACCOUNT.toUpperCase() })).toEqual(join(...HAND_FIELDS));
    expect(parseHand(HAND_FIELDS)).toEqual(FIRST);
  });

  test('[MSG-17] a signed manifest comes back as it went', () => {
    const signed = sign(FIRST);
    expect(parseSignedManifest(encodeSignedManifest(signed))).toEqual(signed);
    expect(signed.manifest).toEqual(FIRST);
  });

  test('[MSG-17] what is accepted, after any mutation, encodes to the same bytes again', () => {
    const encoded = encodeSignedManifest(sign({ ...FIRST, devices: [device(1)] }));
    let accepted = 0;
    const mutations = fc.array(fc.tuple(fc.nat(encoded.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(mutations, (changes) => {
        const mutant = encoded.slice();
        for (const [at, value] of changes) mutant[at] = value;
        try {
          const parsed = parseSignedManifest(mutant);
          accepted += 1;
          expect(encodeManifest(parsed.manifest)).toEqual(parsed.bytes);
          expect(encodeSignedManifest(parsed)).toEqual(mutant);
        } catch (error) {
          expect(error).toHaveProperty('code');
        }
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test.each<[string, Uint8Array[], string]>([
    ['an unknown field', [...HAND_FIELDS, number(7, 1)], 'unknown-field'],
    ['fields out of order', HAND_FIELDS.toReversed(), 'field-order'],
    ['a field twice', [...HAND_FIELDS.slice(0, 1), ...HAND_FIELDS], 'field-order'],
    ['no field 5', HAND_FIELDS.toSpliced(4, 1), 'missing-field'],
    ['an unknown field of a device', withDevice(join(HAND_DEVICE(1), number(6, 1))), 'unknown-field'],
    ['no name of a device', withDevice(join(number(1, 1), number(2, 9))), 'missing-field'],
    ['an account of 15 bytes', [bytes(1, counting(0, 15)), ...HAND_FIELDS.slice(1)], 'bad-length'],
    ['an issue time of 2^53', HAND_FIELDS.with(4, number(5, 2n ** 53n)), 'value-out-of-range'],
    ['a version of 2^32 + 1', HAND_FIELDS.with(2, number(3, 2n ** 32n + 1n)), 'value-out-of-range'],
  ])('[MSG-17] refuses %s', (_, fields, reason) => {
    expect(refusal(() => parseHand(fields))).toMatchObject({ code: 'InvalidMessage', stage: 'parse', reason });
  });

  test('[MSG-17] the outside is strict too', () => {
    const inner = join(...HAND_FIELDS);
    expect(() => parseSignedManifest(join(wrap(inner), number(3, 1)))).toThrow(
      refusedAs('InvalidMessage', 'unknown-field'),
    );
    expect(() => parseSignedManifest(bytes(1, inner))).toThrow(
      refusedAs('InvalidMessage', 'missing-field', 'signature'),
    );
    for (const length of [0, 63, 65]) {
      const error = refusal(() => parseSignedManifest(wrap(inner, counting(0, length))));
      expect(error).toMatchObject({ code: 'InvalidSignature', reason: 'bad-length' });
    }
  });
});

describe('rules of one manifest', () => {
  const bad: Array<[string, Partial<DeviceManifest>, string]> = [
    ['no devices', { devices: [] }, 'no-primary-device'],
    ['no device 1', { devices: [device(2)] }, 'no-primary-device'],
    ['a device twice', { devices: [device(1), device(1)] }, 'device-order'],
    ['devices out of order', { devices: [device(1), device(5), device(2)] }, 'device-order'],
    ['device 128', { devices: [device(1), device(128)] }, 'bad-device-id'],
    ['registration id 0', { devices: [device(1, { registrationId: 0 })] }, 'bad-registration-id'],
    ['registration id 0x4000', { devices: [device(1, { registrationId: 0x4000 })] }, 'bad-registration-id'],
    ['a request key of 31 bytes', { devices: [device(1, { authKey: counting(0, 31) })] }, 'bad-length'],
    ['a name of 65 bytes', { devices: [device(1, { name: 'a'.repeat(65) })] }, 'bad-device-name'],
    ['a name of 33 × 2 bytes', { devices: [device(1, { name: 'é'.repeat(33) })] }, 'bad-device-name'],
    ['a name with an escape', { devices: [device(1, { name: '\u001b[2J' })] }, 'bad-device-name'],
    ['a shared identity key', { devices: [device(1), device(2, { identityKey: goodKey(1) })] }, 'shared-device-key'],
    ['a shared request key', { devices: [device(1), device(2, { authKey: counting(129, 32) })] }, 'shared-device-key'],
    ['version 0', { version: 0 }, 'bad-manifest-version'],
    ['a previous hash in version 1', { previousHash: counting(0, 32) }, 'bad-previous-hash'],
    ['no previous hash in version 2', { version: 2 }, 'bad-previous-hash'],
    ['a previous hash of 31 bytes', { previousHash: new Uint8Array(31) }, 'bad-length'],
  ];
  test.each(bad)('[MSG-18, MSG-19] refuses to write or to read %s', (_, more, reason) => {
    const manifest = { ...FIRST, ...more };
    expect(refusal(() => encodeManifest(manifest))).toMatchObject({ code: 'InvalidArgument', reason });
    const { devices } = manifest;
    const nameOf = (d: ManifestDevice) => bytes(5, new Uint8Array(Buffer.from(d.name)));
    const fields = [
      ...HAND_FIELDS.slice(0, 2),
      number(3, manifest.version),
      bytes(4, manifest.previousHash),
      number(5, manifest.issuedAt),
      ...devices.map((d) => {
        const key = bytes(3, join(Uint8Array.of(5), d.identityKey));
        return bytes(6, join(number(1, d.deviceId), number(2, d.registrationId), key, bytes(4, d.authKey), nameOf(d)));
      }),
    ];
    expect(refusal(() => parseHand(fields))).toMatchObject({ code: 'InvalidMessage', reason });
  });

  test('[MSG-18, MSG-19] refuses to write what no manifest can say', () => {
    const cases: Array<[Partial<DeviceManifest>, string]> = [
      [{ account: 'alice' }, 'not-a-uuid'],
      [{ version: 2 ** 32, previousHash: counting(0, 32) }, 'bad-manifest-version'],
      [{ issuedAt: 1.5 }, 'bad-time'],
      [{ devices: [device(1, { name: 'a\ud800' })] }, 'bad-device-name'],
    ];
    for (const [more, reason] of cases) {
      expect(() => encodeManifest({ ...FIRST, ...more })).toThrow(refusedAs('InvalidArgument', reason));
    }
  });

  test('[MSG-18] 127 devices and names of 64 bytes are fine, an empty name too', () => {
    const devices = Array.from({ length: 127 }, (_, i) => {
      const name = i === 0 ? '' : 'é'.repeat(32);
      return device(i + 1, { name, identityKey: goodKey(i + 1), authKey: counting(i, 32) });
    });
    const signed = sign({ ...FIRST, devices });
    expect(parseSignedManifest(encodeSignedManifest(signed)).manifest.devices).toEqual(devices);
  });

  test.each([
    ['an overlong slash', 'c0af'],
    ['an overlong NUL', 'c080'],
    ['a surrogate', 'eda080'],
    ['a cut-off sequence', 'e282'],
    ['a byte above U+10FFFF', 'f4908080'],
    ['a stray continuation', '80'],
  ])('[PAR-03, MSG-18] a device name with %s is refused, not replaced', (_, sequence) => {
    const name = new Uint8Array(Buffer.from(`61${sequence}`, 'hex'));
    const fields = join(HAND_DEVICE(1).subarray(0, -10), bytes(5, name));
    expect(refusal(() => parseHand(withDevice(fields)))).toMatchObject({ reason: 'bad-utf8', field: 'name' });
  });

  test('[PAR-03] names keep bidi marks, byte-order marks and look-alikes as they are', () => {
    for (const name of ['\u202eenohp', '\ufeffphone', 'рhone', 'cafe\u0301']) {
      const signed = sign({ ...FIRST, devices: [device(1, { name })] });
      expect(parseSignedManifest(encodeSignedManifest(signed)).manifest.devices[0]?.name).toBe(name);
    }
  });
});

describe('signature', () => {
  const refusedSignature = (reason: string) => refusedAs('InvalidSignature', reason, 'manifest');

  test('[MSG-20] covers label and bytes, by the account key alone', () => {
    const signed = sign(FIRST);
    expect(() => verifyManifest(provider, signed, account.publicKey)).not.toThrow();
    const input = join(new Uint8Array(Buffer.from('Pawl_Device_Manifest_V1')), join(...HAND_FIELDS));
    expect(provider.xeddsaVerify(account.publicKey, input, signed.signature)).toBe(true);
    expect(manifestHash(provider, signed)).toEqual(new Uint8Array(createHash('sha256').update(input).digest()));
    const unlabelled = provider.xeddsaSign(account.privateKey, signed.bytes, random);
    expect(() => verifyManifest(provider, { ...signed, signature: unlabelled }, account.publicKey)).toThrow(
      refusedSignature('manifest-signature'),
    );
  });

  test('[MSG-20] another signer, another named key, another content are refused', () => {
    const signed = sign(FIRST);
    const forged = signManifest(provider, stranger.privateKey, FIRST, random);
    const own = signManifest(provider, stranger.privateKey, { ...FIRST, accountKey: stranger.publicKey }, random);
    const other = sign({ ...FIRST, devices: [device(1)] });
    const verify = (s: SignedManifest) => () => verifyManifest(provider, s, account.publicKey);
    expect(verify(forged)).toThrow(refusedSignature('manifest-signature'));
    expect(verify(own)).toThrow(refusedSignature('manifest-account-key'));
    expect(verify({ ...signed, bytes: other.bytes })).toThrow(refusedSignature('manifest-signature'));
    expect(verify({ ...signed, manifest: other.manifest })).toThrow(refusedSignature('manifest-signature'));
    expect(verify({ ...signed, signature: counting(0, 64) })).toThrow(refusedSignature('manifest-signature'));
  });

  test('[MSG-34] a manifest with keys outside the prime-order subgroup is neither signed nor accepted', () => {
    for (const key of keysOutsideSubgroup()) {
      const manifest = { ...FIRST, devices: [device(1), device(2, { identityKey: key })] };
      const refused = refusedAs('InvalidKey', 'not-prime-order', 'identityKey');
      expect(() => sign(manifest)).toThrow(refused);
      const forged = forgeManifest(account.privateKey, manifest);
      expect(() => verifyManifest(provider, forged, account.publicKey)).toThrow(refused);
      // Where the signature is bad as well, that is said: keys cost an agreement each.
      const cut = { ...forged, signature: counting(0, 64) };
      expect(() => verifyManifest(provider, cut, account.publicKey)).toThrow(refusedSignature('manifest-signature'));
    }
    const torsion = torsioned(account.publicKey);
    expect(() => sign({ ...FIRST, accountKey: torsion })).toThrow(
      refusedAs('InvalidKey', 'not-prime-order', 'accountKey'),
    );
  });

  test('[MSG-20] does not depend on which of its signatures a manifest carries', () => {
    const [a, b] = [sign(FIRST), sign(FIRST)];
    expect(a.signature).not.toEqual(b.signature);
    expect(manifestHash(provider, a)).toEqual(manifestHash(provider, b));
    expect(compareManifests(provider, a, b)).toBe('same');
  });
});

describe('history', () => {
  const first = sign(FIRST);
  const second = following(first);
  const third = following(second);
  const rewritten = sign({ ...FIRST, issuedAt: 5 });
  const cases: Array<[string, SignedManifest, SignedManifest, string, string]> = [
    ['the same version again', second, second, 'same', 'manifest-rollback'],
    ['an older version', third, second, 'older', 'manifest-rollback'],
    ['a version left out', first, third, 'ahead', 'manifest-gap'],
    ['the same version, other content', first, rewritten, 'fork', 'manifest-fork'],
    ['the next version of another history', rewritten, second, 'fork', 'manifest-fork'],
    [
      'another account',
      first,
      following(first, { account: '796abedb-ca4e-4f18-8803-1fde5b921f9f' }),
      'other-account',
      'manifest-other-account',
    ],
    [
      'another account key',
      first,
      following(first, { accountKey: stranger.publicKey }),
      'other-account',
      'manifest-other-account',
    ],
  ];

  test('[MSG-21] the next version with the right hash is the successor', () => {
    expect(compareManifests(provider, first, second)).toBe('successor');
    expect(() => checkSuccessor(provider, first, second)).not.toThrow();
    expect(() => checkSuccessor(provider, second, third)).not.toThrow();
  });

  test.each(cases)('[MSG-21] %s is not', (_, previous, next, relation, reason) => {
    expect(compareManifests(provider, previous, next)).toBe(relation);
    const error = refusal(() => checkSuccessor(provider, previous, next));
    expect(error).toMatchObject({ code: 'InvalidState', stage: 'state', reason });
  });
});
