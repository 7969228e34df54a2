/**
 * ML-KEM input checks, implicit rejection, and the registry.
 *
 * @spec 01-keys §6
 */
import { describe, expect, test } from 'vitest';
import { concat, toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { getKem, type KemName, kemByTypeByte } from '../../protocol/crypto/kem.ts';
import { systemRandom } from '../../protocol/crypto/node.ts';
import type { KemParameterSet, RandomSource } from '../../protocol/crypto/provider.ts';
import { PROVIDERS } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { seededRandom } from '../support/seeded-random.ts';

const Q = 3329;
const SETS: readonly KemParameterSet[] = ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'];
const CASES = PROVIDERS.flatMap((provider) => SETS.map((set) => ({ provider, name: provider.name, set })));
const BAD_LENGTH = { code: 'InvalidKey', stage: 'parse', reason: 'bad-length' };

/** `publicKey` with coefficient number `index` set to a 12-bit value. */
function withCoefficient(publicKey: Uint8Array, index: number, value: number): Uint8Array {
  const out = publicKey.slice();
  const at = 3 * Math.floor(index / 2);
  const [low, middle, high] = out.subarray(at, at + 3) as unknown as [number, number, number];
  const triple =
    index % 2 === 0
      ? [value & 0xff, (middle & 0xf0) | (value >> 8), high]
      : [low, (middle & 0x0f) | ((value & 0x0f) << 4), value >> 4];
  out.set(triple, at);
  return out;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const out = bytes.slice();
  out[at] = (out[at] as number) ^ 1;
  return out;
}

describe.each(CASES)('$set, $name', ({ provider, set }) => {
  const random = seededRandom(`kem ${provider.name} ${set}`);
  const { publicKey, privateKey } = provider.kemGenerate(set, random);
  const lengths = provider.kemLengths(set);
  const sources: readonly RandomSource[] = [random, systemRandom];

  test('[PRIM-07] [KEY-12] a coefficient of q or more, anywhere, is refused before a byte is drawn', () => {
    const coefficients = ((lengths.publicKey - 32) / 3) * 2;
    const never: RandomSource = () => {
      throw new Error('drew');
    };
    let count = 0;
    for (let index = 0; index < coefficients; index += index < coefficients - 8 ? 7 : 1) {
      for (const value of [Q, Q + 1, 4095]) {
        const bad = withCoefficient(publicKey, index, value);
        const expected = { code: 'InvalidKey', stage: 'verify', reason: 'unreduced-kem-key' };
        for (const source of [never, systemRandom])
          expect(refusal(() => provider.kemEncapsulate(set, bad, source))).toMatchObject(expected);
        expect(refusal(() => provider.kemCheckPublicKey(set, bad))).toMatchObject(expected);
        count++;
      }
      provider.kemCheckPublicKey(set, withCoefficient(publicKey, index, Q - 1));
    }
    reportCount('PRIM-07', 'unreduced KEM keys', count);
  });

  test('[PRIM-07] [KEY-02] public keys of other lengths', () => {
    for (const bad of [publicKey.slice(1), concat(publicKey, Uint8Array.of(0)), new Uint8Array(0)]) {
      expect(refusal(() => provider.kemCheckPublicKey(set, bad))).toMatchObject(BAD_LENGTH);
      for (const source of sources)
        expect(refusal(() => provider.kemEncapsulate(set, bad, source))).toMatchObject(BAD_LENGTH);
    }
  });

  test('[PRIM-08] [KEY-13] an expanded key whose parts disagree is refused before use', () => {
    const expanded = provider.kemExpand(set, privateKey).expose();
    expect(expanded.length).toBe(lengths.expandedKey);
    const { ciphertext, sharedSecret } = provider.kemEncapsulate(set, publicKey, random);
    const open = (key: Uint8Array) => provider.kemDecapsulate(set, new Secret<'KemPrivateKey'>(key), ciphertext);
    expect(open(expanded.slice()).expose()).toEqual(sharedSecret.expose());
    const keyAt = lengths.expandedKey - 64 - lengths.publicKey;
    const hashAt = lengths.expandedKey - 64;
    for (const at of [keyAt, keyAt + 500, hashAt - 1, hashAt, hashAt + 31]) {
      const expected = { code: 'InvalidKey', stage: 'verify', reason: 'kem-key-hash-mismatch' };
      expect(refusal(() => open(flipped(expanded, at)))).toMatchObject(expected);
      const damaged = new Secret<'KemPrivateKey'>(flipped(expanded, at));
      expect(refusal(() => provider.kemExpand(set, damaged))).toMatchObject(expected);
    }
    for (const length of [0, 63, 65, lengths.expandedKey - 1, lengths.expandedKey + 1])
      expect(refusal(() => open(new Uint8Array(length)))).toMatchObject(BAD_LENGTH);
    for (const length of [0, 32, 63, 65])
      expect(refusal(() => provider.kemFromSeed(set, new Uint8Array(length)))).toMatchObject(BAD_LENGTH);
  });

  test('[PRIM-09] [KEY-14] a damaged ciphertext gives another secret and no error, a wrong length an error', () => {
    const { ciphertext, sharedSecret } = provider.kemEncapsulate(set, publicKey, random);
    const good = toHex(sharedSecret.expose());
    const open = (bytes: Uint8Array) => toHex(provider.kemDecapsulate(set, privateKey, bytes).expose());
    expect(open(ciphertext)).toBe(good);
    const rejections = new Set<string>();
    const places = [0, 1, 2, ciphertext.length >> 1, ciphertext.length - 1];
    for (const at of places) {
      const rejected = open(flipped(ciphertext, at));
      expect(rejected).not.toBe(good);
      expect(open(flipped(ciphertext, at))).toBe(rejected);
      rejections.add(rejected);
    }
    expect(rejections.size).toBe(places.length);
    const expected = { code: 'InvalidMessage', stage: 'parse', reason: 'bad-length', field: 'ciphertext' };
    for (const bad of [ciphertext.slice(1), concat(ciphertext, Uint8Array.of(0)), new Uint8Array(0)])
      expect(refusal(() => provider.kemDecapsulate(set, privateKey, bad))).toMatchObject(expected);
    reportCount('PRIM-09', 'damaged KEM ciphertexts', places.length + 3);
  });

  test('[KEY-14] the private key is the seed, and works for as long as it is not wiped', () => {
    expect(privateKey.length).toBe(64);
    const again = provider.kemFromSeed(set, privateKey.expose());
    expect(again.publicKey).toEqual(publicKey);
    const { ciphertext, sharedSecret } = provider.kemEncapsulate(set, publicKey, systemRandom);
    expect(provider.kemDecapsulate(set, again.privateKey, ciphertext).expose()).toEqual(sharedSecret.expose());
    again.privateKey.wipe();
    expect(() => provider.kemDecapsulate(set, again.privateKey, ciphertext)).toThrow(TypeError);
    expect(privateKey.wiped).toBe(false);
  });
});

describe('registry', () => {
  test('[KEY-19] ML-KEM-1024 has type byte 0A, Kyber-1024 round 3 has 08, the others none', () => {
    expect(SETS.map((name) => getKem(name).typeByte)).toEqual([null, null, 0x0a]);
    const known = new Map([
      [0x08, 'Kyber-1024-r3'],
      [0x0a, 'ML-KEM-1024'],
    ]);
    for (let byte = 0; byte < 256; byte++) expect(kemByTypeByte(byte)?.name ?? null).toBe(known.get(byte) ?? null);
  });

  test('[KEY-19] an unknown name is refused', () => {
    const expected = { code: 'InvalidArgument', reason: 'unknown-kem' };
    for (const name of ['ML-KEM-2048', '', 'toString'])
      expect(refusal(() => getKem(name as KemName))).toMatchObject(expected);
  });

  test.each(SETS)("[KEY-19] %s through the registry is the provider's", (name) => {
    const [provider] = PROVIDERS as [(typeof PROVIDERS)[0]];
    const kem = getKem(name);
    const pair = kem.generate(provider, seededRandom(name));
    kem.checkPublicKey(provider, pair.publicKey);
    const { ciphertext, sharedSecret } = kem.encapsulate(provider, pair.publicKey, seededRandom('m'));
    expect(kem.lengths(provider)).toMatchObject({ publicKey: pair.publicKey.length, ciphertext: ciphertext.length });
    expect(kem.decapsulate(provider, pair.privateKey, ciphertext).expose()).toEqual(sharedSecret.expose());
  });
});
