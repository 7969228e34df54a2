/**
 * ML-KEM against published vectors.
 *
 * @spec 01-keys §6
 */
import { describe, expect, test } from 'vitest';
import type { KemParameterSet } from '../../protocol/crypto/provider.ts';
import { externalOutcome, HAVE_VECTORS, refusals } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';

const SETS: readonly KemParameterSet[] = ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'];
const REFUSED: Readonly<Record<string, number>> = { 'ML-KEM-512': 128, 'ML-KEM-768': 132, 'ML-KEM-1024': 136 };

const wycheproof = (set: KemParameterSet, what: string) =>
  `wycheproof/${set.toLowerCase().replace('ml-kem-', 'mlkem_')}_${what}_test.json`;

describe.each(PROVIDERS)('published ML-KEM vectors, $name', (provider) => {
  test.skipIf(!HAVE_VECTORS).each(SETS)('[KEY-14] Wycheproof %s key generation', (set) => {
    const outcome = externalOutcome(wycheproof(set, 'keygen_seed'), provider);
    if (outcome === null) return;
    reportCount('KEY-14', `Wycheproof ${set} key generation, ${provider.name}`, outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS)('[KEY-14] ACVP key generation, 25 of each set', () => {
    const outcome = externalOutcome('acvp/ML-KEM-keyGen-FIPS203.internalProjection.json', provider);
    if (outcome === null) return;
    reportCount('KEY-14', `ACVP ML-KEM key generation, ${provider.name}`, outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS).each(SETS)(
    '[PRIM-07] [KEY-12] Wycheproof %s encapsulation: every answer, every bad modulus and length refused',
    (set) => {
      const outcome = externalOutcome(wycheproof(set, 'encaps'), provider);
      if (outcome === null) return;
      const { 'InvalidKey bad-length': lengths = 0, 'InvalidKey unreduced-kem-key': moduli = 0 } = refusals(outcome);
      expect(lengths + moduli).toBe(REFUSED[set]);
      expect(moduli).toBeGreaterThan(0);
      reportCount('PRIM-07', `Wycheproof ${set} encapsulation, ${provider.name}`, outcome.verdicts.length);
    },
  );

  test.skipIf(!HAVE_VECTORS)('[PRIM-09] [KEY-14] Wycheproof ML-KEM-768: implicit rejection, wrong lengths', () => {
    const outcome = externalOutcome('wycheproof/mlkem_768_test.json', provider);
    if (outcome === null) return;
    expect(refusals(outcome)).toEqual({ 'InvalidKey bad-length': 20, 'InvalidMessage bad-length': 20 });
    reportCount('PRIM-09', `Wycheproof ML-KEM-768 decapsulation, ${provider.name}`, outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS)(
    '[PRIM-08] [KEY-13] Wycheproof ML-KEM-768 expanded keys: bad hash and length refused',
    () => {
      const outcome = externalOutcome('wycheproof/mlkem_768_semi_expanded_decaps_test.json', provider);
      if (outcome === null) return;
      expect(refusals(outcome)).toEqual({
        'InvalidMessage bad-length': 2,
        'InvalidKey bad-length': 2,
        'InvalidKey kem-key-hash-mismatch': 2,
      });
      reportCount('PRIM-08', `Wycheproof ML-KEM-768 expanded keys, ${provider.name}`, outcome.verdicts.length);
    },
  );

  test.skipIf(!HAVE_VECTORS)('[KEY-14] ML-KEM-1024 in the form of the NIST known answers', () => {
    const outcome = externalOutcome('libcrux/nistkats_mlkem_1024.json', provider);
    if (outcome === null) return;
    reportCount('KEY-14', `NIST-style ML-KEM-1024, ${provider.name}`, outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS).each(['ML-KEM-768', 'ML-KEM-1024'])(
    '[KEY-22] [BRD-05] [BRD-06] every step of one %s run, the halves of its ciphertext among them',
    (set) => {
      const outcome = externalOutcome(`cctv/intermediate-${set}.json`, provider);
      if (outcome === null) return;
      expect(outcome.unused.map(({ id }) => id)).toEqual(['d', 'z', 'm']);
      reportCount('BRD-05', `steps of a published ${set} run, ${provider.name}`, outcome.verdicts.length);
    },
  );
});
