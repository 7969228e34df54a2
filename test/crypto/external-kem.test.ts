/**
 * ML-KEM against published vectors.
 *
 * @spec 01-keys §6
 */
import { describe, expect, test } from 'vitest';
import { concat, toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import type { KemParameterSet } from '../../protocol/crypto/provider.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import { externalVectors, HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { scriptedRandom } from '../support/seeded-random.ts';
import { type GroupedCase, hex, vectorCases } from './external.ts';

const SETS: readonly KemParameterSet[] = ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'];
const ENCAPSULATIONS: Readonly<Record<string, { readonly all: number; readonly invalid: number }>> = {
  'ML-KEM-512': { all: 261, invalid: 128 },
  'ML-KEM-768': { all: 265, invalid: 132 },
  'ML-KEM-1024': { all: 269, invalid: 136 },
};

function setOf({ group }: GroupedCase): KemParameterSet {
  const set = SETS.find((name) => name === group.parameterSet);
  if (set === undefined) throw new Error(`unknown parameter set ${String(group.parameterSet)}`);
  return set;
}

interface NistFile {
  readonly cases: readonly Readonly<Record<string, string>>[];
}

/** Code and reason of the refusal, or null. */
function refusalOf(act: () => unknown): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (isProtocolError(error)) return `${error.code} ${error.reason}`;
    throw error;
  }
}

function tally(reasons: readonly (string | null)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason ?? 'accepted'] = (counts[reason ?? 'accepted'] ?? 0) + 1;
  return counts;
}

describe.each(PROVIDERS)('published ML-KEM vectors, $name', (provider) => {
  const checkSeed = (set: KemParameterSet, seed: Uint8Array, ek: string, dk: string) => {
    const pair = provider.kemFromSeed(set, seed);
    expect(toHex(pair.publicKey)).toBe(ek.toLowerCase());
    expect(toHex(provider.kemExpand(set, pair.privateKey).expose())).toBe(dk.toLowerCase());
  };

  test.skipIf(!HAVE_VECTORS).each(SETS)('[KEY-14] Wycheproof %s key generation', (set) => {
    const cases = vectorCases(
      `wycheproof/${set.toLowerCase().replace('ml-kem-', 'mlkem_')}_keygen_seed_test.json`,
      100,
    );
    if (cases === null) return;
    for (const { vector } of cases) checkSeed(set, hex(vector, 'seed'), String(vector.ek), String(vector.dk));
    reportCount('KEY-14', `Wycheproof ${set} key generation, ${provider.name}`, cases.length);
  });

  test.skipIf(!HAVE_VECTORS)('[KEY-14] ACVP key generation, 25 of each set', () => {
    const cases = vectorCases('acvp/ML-KEM-keyGen-FIPS203.internalProjection.json', 75);
    if (cases === null) return;
    for (const grouped of cases) {
      const seed = concat(hex(grouped.vector, 'd'), hex(grouped.vector, 'z'));
      checkSeed(setOf(grouped), seed, String(grouped.vector.ek), String(grouped.vector.dk));
    }
    reportCount('KEY-14', `ACVP ML-KEM key generation, ${provider.name}`, cases.length);
  });

  test.skipIf(!HAVE_VECTORS).each(SETS)(
    '[PRIM-07] [KEY-12] Wycheproof %s encapsulation: every answer, every bad modulus and length refused',
    (set) => {
      const { all, invalid } = ENCAPSULATIONS[set] as { all: number; invalid: number };
      const cases = vectorCases(`wycheproof/${set.toLowerCase().replace('ml-kem-', 'mlkem_')}_encaps_test.json`, all);
      if (cases === null) return;
      const reasons: (string | null)[] = [];
      for (const { vector } of cases) {
        const random = scriptedRandom([hex(vector, 'm')]);
        const encapsulate = () => provider.kemEncapsulate(set, hex(vector, 'ek'), random);
        if (vector.result === 'invalid') {
          reasons.push(refusalOf(encapsulate));
          continue;
        }
        const { ciphertext, sharedSecret } = encapsulate();
        expect(toHex(ciphertext), `tcId ${vector.tcId}`).toBe(vector.c);
        expect(toHex(sharedSecret.expose()), `tcId ${vector.tcId}`).toBe(vector.K);
      }
      const {
        'InvalidKey bad-length': lengths = 0,
        'InvalidKey unreduced-kem-key': moduli = 0,
        ...rest
      } = tally(reasons);
      expect({ rest, total: lengths + moduli }).toEqual({ rest: {}, total: invalid });
      expect(moduli).toBeGreaterThan(0);
      reportCount('PRIM-07', `Wycheproof ${set} encapsulation, ${provider.name}`, cases.length);
    },
  );

  test.skipIf(!HAVE_VECTORS)('[PRIM-09] [KEY-14] Wycheproof ML-KEM-768: implicit rejection, wrong lengths', () => {
    const cases = vectorCases('wycheproof/mlkem_768_test.json', 193);
    if (cases === null) return;
    const set = 'ML-KEM-768';
    const reasons: (string | null)[] = [];
    for (const { vector } of cases) {
      const open = () => {
        const { privateKey } = provider.kemFromSeed(set, hex(vector, 'seed'));
        return toHex(provider.kemDecapsulate(set, privateKey, hex(vector, 'c')).expose());
      };
      if (vector.result === 'valid') expect(open(), `tcId ${vector.tcId}`).toBe(vector.K);
      else reasons.push(refusalOf(open));
    }
    const counts = tally(reasons);
    expect(Object.keys(counts).every((reason) => reason.endsWith(' bad-length'))).toBe(true);
    expect(reasons.length).toBe(40);
    reportCount('PRIM-09', `Wycheproof ML-KEM-768 decapsulation, ${provider.name}`, cases.length);
  });

  test.skipIf(!HAVE_VECTORS)(
    '[PRIM-08] [KEY-13] Wycheproof ML-KEM-768 expanded keys: bad hash and length refused',
    () => {
      const cases = vectorCases('wycheproof/mlkem_768_semi_expanded_decaps_test.json', 9);
      if (cases === null) return;
      const reasons: (string | null)[] = [];
      for (const { vector } of cases) {
        const key = new Secret<'KemPrivateKey'>(hex(vector, 'dk'));
        const open = () => toHex(provider.kemDecapsulate('ML-KEM-768', key, hex(vector, 'c')).expose());
        if (vector.result === 'valid') expect(open(), `tcId ${vector.tcId}`).toBe(vector.K);
        else reasons.push(refusalOf(open));
      }
      expect(tally(reasons)).toEqual({
        'InvalidMessage bad-length': 2,
        'InvalidKey bad-length': 2,
        'InvalidKey kem-key-hash-mismatch': 2,
      });
      reportCount('PRIM-08', `Wycheproof ML-KEM-768 expanded keys, ${provider.name}`, cases.length);
    },
  );

  test.skipIf(!HAVE_VECTORS)('[KEY-14] ML-KEM-1024 in the form of the NIST known answers', () => {
    const file = externalVectors<NistFile>('libcrux/nistkats_mlkem_1024.json');
    if (file === null) return;
    expect(file.cases.length).toBe(100);
    const sha3 = (bytes: Uint8Array) => toHex(provider.sha3_256(bytes));
    for (const vector of file.cases) {
      const pair = provider.kemFromSeed('ML-KEM-1024', hex(vector, 'key_generation_seed'));
      expect(sha3(pair.publicKey)).toBe(vector.sha3_256_hash_of_public_key);
      const expanded = provider.kemExpand('ML-KEM-1024', pair.privateKey);
      expect(sha3(expanded.expose())).toBe(vector.sha3_256_hash_of_secret_key);
      const coins = scriptedRandom([hex(vector, 'encapsulation_seed')]);
      const made = provider.kemEncapsulate('ML-KEM-1024', pair.publicKey, coins);
      expect(sha3(made.ciphertext)).toBe(vector.sha3_256_hash_of_ciphertext);
      expect(toHex(made.sharedSecret.expose())).toBe(vector.shared_secret);
      const opened = provider.kemDecapsulate('ML-KEM-1024', pair.privateKey, made.ciphertext);
      expect(toHex(opened.expose())).toBe(vector.shared_secret);
    }
    reportCount('KEY-14', `NIST-style ML-KEM-1024, ${provider.name}`, file.cases.length);
  });
});
