/**
 * Key agreement and which public keys are valid.
 *
 * @spec 01-keys §3
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { clampScalar } from '../../protocol/crypto/inputs.ts';
import {
  assertCanonicalPublicKey,
  assertPrimeOrderPublicKey,
  isCanonicalPublicKey,
} from '../../protocol/crypto/keys.ts';
import { SUBGROUP_SCALAR } from '../../protocol/crypto/noble.ts';
import { PROVIDERS } from '../support/peers.ts';
import { SMALL_ORDER_ENCODINGS, SMALL_ORDER_U, torsioned, u32le, unreduced, withHighBit } from '../support/points.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededRandom } from '../support/seeded-random.ts';

const P = 2n ** 255n - 19n;
/** A u on the twist: (u³ + 486662u² + u) is no square. */
const TWIST_U = u32le(2n);
const LENGTHS = [0, 1, 31, 33, 64];
const HONEST_KEYS = scaled(40, 2000);

describe('public key ranges', () => {
  test('[KEY-05] canonical is bit 255 clear and u < p', () => {
    for (const u of [0n, 1n, 9n, P - 1n, P - 2n, 2n ** 254n]) expect(isCanonicalPublicKey(u32le(u)), `${u}`).toBe(true);
    for (let above = 0n; above < 19n; above++) {
      const alias = unreduced(above);
      expect(isCanonicalPublicKey(alias)).toBe(false);
      const expected = { code: 'InvalidKey', reason: 'non-canonical-public-key', field: 'key' };
      expect(refusal(() => assertCanonicalPublicKey(alias, 'key'))).toMatchObject(expected);
      expect(refusal(() => assertCanonicalPublicKey(withHighBit(u32le(above)), 'key'))).toMatchObject(expected);
    }
  });

  test.each(LENGTHS)('[KEY-02] [KEY-05] refuses a public key of %i bytes', (length) => {
    const expected = { code: 'InvalidKey', reason: 'bad-length', field: 'key' };
    expect(refusal(() => assertCanonicalPublicKey(new Uint8Array(length), 'key'))).toMatchObject(expected);
  });

  test('[KEY-06] 5L − 1 survives clamping', () => {
    expect(toHex(clampScalar(SUBGROUP_SCALAR))).toBe(toHex(SUBGROUP_SCALAR));
    expect(SUBGROUP_SCALAR).toEqual(u32le(5n * ed25519.Point.Fn.ORDER - 1n));
  });
});

describe.each(PROVIDERS)('X25519, $name', (provider) => {
  const random = seededRandom(`x25519 ${provider.name}`);
  const ours = provider.x25519Generate(random);
  const assertValid = (u: Uint8Array) => assertPrimeOrderPublicKey(provider, u, 'key');

  test('[PRIM-02] [KEY-07] agreement with each of the 14 small-order encodings is refused', () => {
    expect(SMALL_ORDER_ENCODINGS.length).toBe(14);
    for (const u of SMALL_ORDER_ENCODINGS) {
      const error = refusal(() => provider.x25519Agree(ours.privateKey, u));
      expect(error).toMatchObject({ code: 'InvalidKey', stage: 'agree', reason: 'zero-shared-secret' });
    }
    reportCount('PRIM-02', 'agreements with small-order keys', SMALL_ORDER_ENCODINGS.length);
  });

  test('[PRIM-02] [KEY-06] no small-order encoding passes as a key', () => {
    for (const u of SMALL_ORDER_ENCODINGS) {
      expect(provider.x25519IsPrimeOrder(u), toHex(u)).toBe(false);
      expect(refusal(() => assertValid(u)).code).toBe('InvalidKey');
    }
    for (const u of SMALL_ORDER_U.filter(isCanonicalPublicKey))
      expect(refusal(() => assertValid(u)).reason).toBe('not-prime-order');
  });

  test('[PRIM-03] [KEY-06] honest keys pass; each plus a point of order 8, or off the curve, is refused', () => {
    for (let i = 0; i < HONEST_KEYS; i++) {
      const { publicKey } = provider.x25519Generate(random);
      assertValid(publicKey);
      const bad = torsioned(publicKey);
      expect(toHex(bad)).not.toBe(toHex(publicKey));
      const expected = { code: 'InvalidKey', stage: 'verify', reason: 'not-prime-order', field: 'key' };
      expect(refusal(() => assertValid(bad))).toMatchObject(expected);
    }
    expect(refusal(() => assertValid(TWIST_U)).reason).toBe('not-prime-order');
    reportCount('PRIM-03', 'torsioned keys', HONEST_KEYS);
  });

  test('[PRIM-03] a torsioned key agrees like the honest one, so agreement alone tells nothing', () => {
    const theirs = provider.x25519Generate(random);
    const honest = provider.x25519Agree(ours.privateKey, theirs.publicKey);
    const same = provider.x25519Agree(ours.privateKey, torsioned(theirs.publicKey));
    expect(toHex(same.expose())).toBe(toHex(honest.expose()));
  });

  test('[PRIM-04] [KEY-05] an alias agrees like the key, and is never prime-order', () => {
    const theirs = provider.x25519Generate(random);
    const alias = withHighBit(theirs.publicKey);
    const [honest, same] = [theirs.publicKey, alias].map((u) => provider.x25519Agree(ours.privateKey, u).expose());
    expect(same).toEqual(honest);
    expect(provider.x25519IsPrimeOrder(alias)).toBe(false);
    // u = 9 is the base point: its alias u + p is the only one of an honest point that 255 bits can spell.
    expect(provider.x25519IsPrimeOrder(u32le(9n))).toBe(true);
    expect(provider.x25519IsPrimeOrder(unreduced(9n))).toBe(false);
    expect(refusal(() => assertValid(unreduced(9n))).reason).toBe('non-canonical-public-key');
  });

  test('[KEY-04] private keys are clamped when they come in, in a copy', () => {
    const raw = new Uint8Array(32).fill(0xff);
    const { privateKey, publicKey } = provider.x25519FromPrivate(raw);
    const bytes = privateKey.expose();
    expect([bytes[0], bytes[31]]).toEqual([0xf8, 0x7f]);
    expect(raw).toEqual(new Uint8Array(32).fill(0xff));
    expect(provider.x25519FromPrivate(bytes).publicKey).toEqual(publicKey);
  });

  test.each(LENGTHS)('[KEY-02] refuses keys of %i bytes', (length) => {
    const bytes = new Uint8Array(length).fill(9);
    const short = new Secret<'EcPrivateKey'>(bytes.slice());
    const refused = (field: string) => ({ code: 'InvalidKey', stage: 'parse', reason: 'bad-length', field });
    expect(refusal(() => provider.x25519Agree(ours.privateKey, bytes))).toMatchObject(refused('publicKey'));
    expect(refusal(() => provider.x25519Agree(short, ours.publicKey))).toMatchObject(refused('privateKey'));
    expect(refusal(() => provider.x25519FromPrivate(bytes))).toMatchObject(refused('privateKey'));
    expect(refusal(() => provider.xeddsaSign(short, bytes, random))).toMatchObject(refused('privateKey'));
    const auth = new Secret<'AuthPrivateKey'>(bytes.slice());
    expect(refusal(() => provider.ed25519Sign(auth, bytes))).toMatchObject(refused('privateKey'));
    expect(provider.x25519IsPrimeOrder(bytes)).toBe(false);
  });

  test('[KEY-18] a wiped private key is not usable, not even through what the platform keeps of it', () => {
    const { privateKey, publicKey } = provider.x25519Generate(random);
    provider.x25519Agree(privateKey, ours.publicKey);
    privateKey.wipe();
    expect(() => provider.x25519Agree(privateKey, publicKey)).toThrow(TypeError);
  });
});
